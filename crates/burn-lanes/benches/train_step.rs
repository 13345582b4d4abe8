//! Training steps a second of packs of K lanes, on every backend of the build: two LSTM layers, 60
//! rows of 5 features, Adam, MSE, f32.
//!
//! `cargo bench -p burn-lanes --bench train_step -- [--device flex,cuda:1] [--sizes 32x32,256x64]
//! [--lanes 1,8,64,128] [--seconds 2] [--budget 20] [--dropout 0] [--processes N] [--json]
//! [--peak]`; sizes are batch x hidden units.
//!
//! A measurement is a training whose epochs are chunks of some steps; the first warms up, the
//! median of the others counts. With `--processes N` the lanes are dealt to N copies of this
//! program with one thread each, as `kiln sweep` deals packs to its workers, and their rates are
//! added. A measurement that would not fit its budget of seconds is skipped. `--json` prints an
//! object a line, `--peak` the rate of multiply-adds alone. `scripts/bench_train.sh` runs this
//! beside other libraries. A regression makes every sweep slower.
#![allow(clippy::print_stdout)]

mod measure;

use std::str::FromStr;

use burn_lanes::{
    Device, DeviceSpec, Head, Loss, OptimizerKind, Shape, devices, fma_peak, memory_estimate, open,
};
use measure::{FEWEST_CHUNKS, Measured, Result, Task, flop, here, in_processes};
use serde_json::json;

struct Options {
    /// None: all that open.
    devices: Option<Vec<DeviceSpec>>,
    /// Batch, hidden.
    sizes: Vec<(usize, usize)>,
    lanes: Vec<usize>,
    seconds: f64,
    budget: f64,
    dropout: f64,
    /// None: within this process.
    processes: Option<usize>,
    output: Output,
}

#[derive(Clone, Copy, PartialEq)]
enum Output {
    Table,
    Lines,
    PeakAlone,
}

impl Options {
    fn parse(mut arguments: impl ExactSizeIterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            devices: None,
            sizes: vec![(32, 32), (256, 64), (1024, 128)],
            lanes: vec![1, 8, 64, 128],
            seconds: 2.0,
            budget: 20.0,
            dropout: 0.0,
            processes: None,
            output: Output::Table,
        };
        // `cargo test --benches` gives no argument, `cargo bench` at least `--bench`.
        if arguments.len() == 0 {
            let devices = Some(vec![DeviceSpec::Flex]);
            return Ok(Self {
                devices,
                sizes: vec![(4, 8)],
                lanes: vec![1, 2],
                seconds: 0.01,
                ..options
            });
        }
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{name} needs a value"));
            match name.as_str() {
                "--bench" => {}
                "--device" => options.devices = Some(list(&value()?)?),
                "--sizes" => {
                    options.sizes = value()?.split(',').map(size).collect::<Result<_>>()?
                }
                "--lanes" => options.lanes = list(&value()?)?,
                "--seconds" => options.seconds = value()?.parse()?,
                "--budget" => options.budget = value()?.parse()?,
                "--dropout" => options.dropout = value()?.parse()?,
                "--processes" => options.processes = Some(value()?.parse()?),
                "--json" => options.output = Output::Lines,
                "--peak" => options.output = Output::PeakAlone,
                _ => {
                    return Err(format!(
                        "'{name}' is not an option; the source begins with those there are"
                    )
                    .into());
                }
            }
        }
        Ok(options)
    }
}

fn list<T: FromStr<Err: std::error::Error + 'static>>(text: &str) -> Result<Vec<T>> {
    text.split(',').map(|part| Ok(part.parse()?)).collect()
}

fn size(text: &str) -> Result<(usize, usize)> {
    let (batch, hidden) =
        text.split_once('x').ok_or_else(|| format!("'{text}' is not a size, 32x32 is one"))?;
    Ok((batch.parse()?, hidden.parse()?))
}

fn main() -> Result<()> {
    let options = Options::parse(std::env::args().skip(1).collect::<Vec<_>>().into_iter())?;
    let peak = match options.output {
        Output::PeakAlone => return print_peak(&options).map(|_| ()),
        Output::Table => print_peak(&options)?,
        Output::Lines => 0.0,
    };
    if options.output == Output::Table {
        println!(
            "| device | batch, hidden | lanes | processes × threads | lane-steps/s | processor ms \
                a lane-step | share of FMA peak |"
        );
        println!("|---|---|---|---|---|---|---|");
    }
    for device in chosen(&options) {
        // flop/s so far: says whether the next measurement fits its budget
        let mut best_rate = 0.0_f64;
        for &(batch, hidden) in &options.sizes {
            for &lanes in &options.lanes {
                let shape = Shape {
                    features: 5,
                    window: 60,
                    hidden,
                    layers: 2,
                    batch,
                    loss: Loss::Mse,
                    optimizer: OptimizerKind::Adam,
                    head: Head::Point,
                };
                let Options { seconds, budget, dropout, .. } = options;
                let task = Task { device: &device, shape: &shape, lanes, dropout, seconds, budget };
                let measured = fits(&task, best_rate).and_then(|()| match options.processes {
                    Some(processes) => in_processes(&task, processes),
                    None => here(&task),
                });
                match measured {
                    Ok(measured) => {
                        best_rate = best_rate.max(measured.lane_steps_per_second * flop(&shape));
                        print(&options, &task, &measured, peak);
                    }
                    Err(problem) => print_skipped(
                        &options,
                        &format!("{device} | {batch}, {hidden} | {lanes}"),
                        &problem.to_string(),
                    ),
                }
            }
        }
    }
    Ok(())
}

/// The devices to measure; what is left out is said.
fn chosen(options: &Options) -> Vec<Device> {
    let all = devices();
    let specs =
        options.devices.clone().unwrap_or_else(|| all.iter().map(|info| info.spec).collect());
    let mut chosen = Vec::new();
    for spec in specs {
        let opened = open(spec).map_err(|error| error.to_string()).and_then(|device| {
            let info = all
                .iter()
                .find(|info| info.spec.to_string() == device.to_string())
                .ok_or("it is not listed")?;
            let unwanted = info.software && options.devices.is_none();
            if unwanted {
                Err("a software adapter, measured when it is named".to_owned())
            } else {
                Ok(device)
            }
        });
        match opened {
            Ok(opened) => chosen.push(opened),
            Err(problem) => print_skipped(options, &format!("{spec} | | "), &problem),
        }
    }
    chosen
}

/// Whether there is memory and, by the best rate so far, time for it.
fn fits(task: &Task, best_rate: f64) -> Result<()> {
    let Task { device, shape, lanes, budget, .. } = *task;
    let bytes = memory_estimate(device, shape, lanes, &[]) as f64;
    if let Some(memory) = device.available_memory(bytes as u64).map(|memory| memory as f64)
        && bytes > memory
    {
        return Err(
            format!("takes about {:.1} GB, there are {:.1}", bytes / 1e9, memory / 1e9).into()
        );
    }
    let step = if best_rate > 0.0 { flop(shape) * lanes as f64 / best_rate } else { 0.0 };
    if step * (FEWEST_CHUNKS + 1) as f64 > budget {
        return Err(format!(
            "a step would take about {step:.1} s, too long for a budget of {budget} s"
        )
        .into());
    }
    Ok(())
}

fn print(options: &Options, task: &Task, measured: &Measured, peak: f64) {
    let Task { device, shape, lanes, .. } = task;
    let (batch, hidden, flop) = (shape.batch, shape.hidden, flop(shape));
    let Measured { lane_steps_per_second: rate, processor_seconds, processes, threads } = measured;
    let processor = processor_seconds.map(|seconds| seconds * 1e3);
    if options.output == Output::Lines {
        let line = json!({
            "device": device.to_string(), "batch": batch, "hidden": hidden, "lanes": lanes,
            "processes": processes, "threads": threads, "steps_per_second": rate,
            "processor_ms": processor, "flop": flop,
        });
        println!("{line}");
        return;
    }
    let rate_shown = if *rate < 100.0 { format!("{rate:.2}") } else { format!("{rate:.0}") };
    let processor = processor.map_or(String::new(), |ms| format!("{ms:.3}"));
    let share = if device.is_cpu() {
        format!("{:.1} %", rate * flop / peak * 100.0)
    } else {
        String::new()
    };
    println!(
        "| {device} | {batch}, {hidden} | {lanes} | {processes} × {threads} | {rate_shown} | \
            {processor} | {share} |"
    );
}

fn print_skipped(options: &Options, place: &str, problem: &str) {
    match options.output {
        Output::Lines => println!("{}", json!({"skipped": problem, "at": place})),
        Output::Table | Output::PeakAlone => println!("| {place} | skipped: {problem} | | | |"),
    }
}

/// Multiply-adds of a thread and of all at once. The latter, flop/s.
fn print_peak(options: &Options) -> Result<f64> {
    let one = fma_peak();
    let threads = rayon::current_num_threads();
    let all: f64 = std::thread::scope(|scope| {
        let peaks: Vec<_> = (0..threads).map(|_| scope.spawn(fma_peak)).collect();
        peaks.into_iter().filter_map(|peak| peak.join().ok()).map(|peak| peak.flop_per_second).sum()
    });
    let (set, flop) = (one.instruction_set, one.flop_per_second);
    if options.output == Output::PeakAlone {
        println!("{}", json!({"set": set, "one": flop, "threads": threads, "all": all}));
    } else {
        println!(
            "FMA peak ({set}): {:.1} GFLOP/s of one thread, {:.1} of {threads} at once\n",
            flop / 1e9,
            all / 1e9
        );
    }
    Ok(all)
}
