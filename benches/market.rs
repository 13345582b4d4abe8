//! Budget: one million 1-minute bars, CSV → scaled series, in less than a second; memory at most
//! three times the columns.
//!
//! `cargo bench --bench market --no-default-features`. Prints seconds (best and median of 7, the
//! file in the page cache; and the processors' time, which a busy machine does not stretch) and the
//! peak of resident memory over what the process held before, beside the size of the columns: those
//! of the bars (7 of 8 bytes and the offset) and the five features and the target as f64. A
//! regression here is felt at the start of every trial.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use kiln::experiment::{
    BarLabel, Columns, Data, Format, Scale, Scaler, Signal, Source, Split, Synthetic, Target,
    TargetKind, Volatility,
};
use kiln::market::{prepare, synthetic};

const BARS: usize = 1_000_000;
const RUNS: usize = 7;

fn main() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bars.csv");
    write_bars(&path)?;
    let data = data(&path);
    let megabytes = |bytes: f64| bytes / 1e6;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{BARS} bars, {:.0} MB of CSV",
        megabytes(std::fs::metadata(&path)?.len() as f64)
    )?;
    let before = reset_peak();
    let mut seconds = Vec::new();
    let cpu = cpu_seconds();
    for _ in 0..RUNS {
        let start = Instant::now();
        let prepared = prepare(&data).map_err(std::io::Error::other)?;
        seconds.push(start.elapsed().as_secs_f64());
        std::hint::black_box(prepared.series.features.len());
        if seconds.len() == 1 {
            let columns = (BARS * (7 * 8 + 4 + 6 * 8)) as f64;
            let peak = peak() - before;
            writeln!(
                out,
                "peak {:.0} MB, columns {:.0} MB: {:.2} times",
                megabytes(peak),
                megabytes(columns),
                peak / columns
            )?;
            writeln!(out, "{:?}", prepared.report)?;
        }
    }
    seconds.sort_by(f64::total_cmp);
    let cpu = (cpu_seconds() - cpu) / RUNS as f64;
    writeln!(
        out,
        "best {:.3} s, median {:.3} s, {cpu:.3} s of all cores' time",
        seconds[0],
        seconds[seconds.len() / 2]
    )
}

fn write_bars(path: &Path) -> std::io::Result<()> {
    let bars = synthetic::generate(&Synthetic {
        bars: BARS,
        session: 240,
        signal: Signal::Reversal,
        beta2: 0.0025,
        sd_bp: 6.0,
        volatility: Volatility::Stochastic,
        nu: Some(6.0),
        seed: 1,
    });
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    file.write_all(b"ts,open,high,low,close,volume\n")?;
    for row in 0..bars.ts.len() {
        let at = jiff::Timestamp::from_nanosecond(i128::from(bars.ts[row]))
            .map_err(std::io::Error::other)?;
        let (open, high, low, close) =
            (bars.open[row], bars.high[row], bars.low[row], bars.close[row]);
        writeln!(
            file,
            "{},{open:.1},{high:.1},{low:.1},{close:.1},{:.0}",
            at.strftime("%FT%T+00:00"),
            bars.volume[row]
        )?;
    }
    file.flush()
}

fn data(path: &Path) -> Data {
    let source = Source::File {
        path: path.to_owned(),
        format: Format::Csv,
        columns: Columns::default(),
        zone: Some("Asia/Shanghai".to_owned()),
        bar_label: BarLabel::Start,
    };
    let features = ["close", "volume", "sma_20", "rsi_14", "macd"];
    Data {
        source,
        rows: None,
        bar_seconds: None,
        features: features.iter().filter_map(|name| name.parse().ok()).collect(),
        target: Target { horizon: 1, kind: TargetKind::Price },
        window: 60,
        step: 1,
        cross_gaps: false,
        split: Split { valid: 0.2, test: 0.1, embargo: 61, walk_forward: None },
        scale: Scale { price: Scaler::MinMax, volume: Scaler::MinMax, indicator: Scaler::Standard },
    }
}

/// Makes the peak start anew (Linux) and returns what is resident now, bytes.
fn reset_peak() -> f64 {
    drop(std::fs::write("/proc/self/clear_refs", "5"));
    peak()
}

/// Peak of resident memory, bytes; 0 where the system does not say.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok())
        .map_or(0.0, |kilobytes| kilobytes * 1024.0)
}

/// Time that all threads spent on processors, seconds; 0 where the system does not say.
fn cpu_seconds() -> f64 {
    let status = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = status.rsplit(')').next().unwrap_or_default().split_whitespace();
    // utime and stime, in ticks of 10 ms.
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
