//! `kiln sweep`: trains what is missing of an experiment.
//!
//! On a terminal this process draws the dashboard and a second one, the same command with
//! `--plain --controlled`, supervises: so leaving the dashboard can leave the sweep running, and a
//! dashboard that dies takes nothing with it but its control line.

mod behind_dashboard;

use crate::cmd::args::{ExperimentArgs, RunsDir};
use clap::Args;
use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use anyhow::Context;
use burn_lanes::Device;

use crate::cmd::budget::Budget;
use crate::cmd::given_up::{self, Retry, given_up, is_missing};
use crate::cmd::hint::{command, quoted};
use crate::cmd::lines::Lines;
use crate::cmd::provenance::origin;
use crate::cmd::selection::{ForecastFiles, fitting, objective};
use crate::cmd::weigh::weigh_by;
use crate::cmd::{Failure, Outcome, clock};
use crate::dashboard::{self, Plain};
use crate::signal::{self, Taker};
use crate::sweep::{Ask, Control, Job, Making, Patience, Workers, supervise};
use evidence::compare::{compare, names};
use experiment::event::End;
use experiment::feature::Feature;
use experiment::plan::{self, Pack, Plan};
use experiment::trial::{Trial, TrialId};
use experiment::{Data, Experiment, Source};
use runs::store::{
    self, Follower, MadeRuns, Origin, RunFolder, RunRecord, SweepFolder, SweepManifest,
    SweepRecord, data_file, read_ledger, read_sweep_summaries,
};
use text::{clean, clean_lines};

/// `sweep`.
#[derive(Debug, Args)]
pub struct SweepArgs {
    #[command(flatten)]
    pub experiment: ExperimentArgs,
    /// Train on another backend than the file says: auto, cuda, cuda:N, wgpu, wgpu:N, ndarray, flex
    #[arg(long)]
    pub backend: Option<lane_types::DeviceSpec>,
    #[command(flatten)]
    pub runs: RunsDir,
    /// One plain line an epoch, no dashboard
    #[arg(long)]
    pub plain: bool,
    /// Train again what failed three times and was given up
    #[arg(long)]
    pub retry_failed: bool,
    /// Say so when a worker makes no progress (no step, no epoch) for so long
    #[arg(long, value_name = "DURATION", default_value = "120s", value_parser = stall)]
    pub stall_warning: std::time::Duration,
    /// Replace a worker that makes no progress for so long; its trials go on from their checkpoints
    /// [default: it is only said]
    #[arg(long, value_name = "DURATION", value_parser = stall)]
    pub stall_limit: Option<std::time::Duration>,
    /// Take control lines on stdin and stop when it closes (how the dashboard drives a sweep)
    #[arg(long, hide = true)]
    pub controlled: bool,
}

/// A duration of a second at least: workers tell their progress twice a second.
fn stall(text: &str) -> Result<std::time::Duration, String> {
    let duration = text::parse_duration(text)?;
    if duration.as_secs() < 1 {
        Err(format!("'{text}' is less than 1s: workers tell their progress twice a second"))
    } else {
        Ok(duration)
    }
}

/// Lanes of a pack at most. Lanes of a pack are checkpointed and lost together, and on the host's
/// cores a larger pack saves little.
const MAX_CPU_LANES: usize = 8;
const MAX_GPU_LANES: usize = 128;

/// Packs for each worker on the host's cores, where there are trials enough: what is left at the
/// end is small.
const PACKS_PER_WORKER: usize = 4;

/// What the first line of a sweep that has begun holds.
const TO_TRAIN: &str = " to train in ";

/// Trials shown in the ranking at the end.
const RANKED: usize = 20;

/// Runs the verb.
///
/// # Errors
/// Bad input: the file, the device, the data, the folder. Bugs: a worker that cannot be started.
pub fn run(args: SweepArgs) -> Result<Outcome, Failure> {
    let ready = Ready::from(&args)?;
    if args.plain || args.controlled {
        return supervise_here(&args, ready);
    }
    match dashboard::why_plain() {
        Some(reason) => {
            if !reason.is_empty() {
                complain(&reason);
            }
            supervise_here(&args, ready)
        }
        None => behind_dashboard::watch_and_supervise(&args, &ready, &mut io::stdout()),
    }
}

/// A word on stderr; if that is closed, there is nobody to tell.
fn complain(what: &str) {
    drop(writeln!(io::stderr(), "{}", clean_lines(what)));
}

/// Everything that can be wrong at second 0 was right.
struct Ready {
    experiment: Experiment,
    device: Device,
    plan: Plan,
    fingerprint: String,
}

impl Ready {
    fn from(args: &SweepArgs) -> Result<Self, Failure> {
        let experiment =
            market::load_experiment(&args.experiment.file, &args.experiment.overrides)?;
        let device = burn_lanes::open(args.backend.unwrap_or(experiment.backend))?;
        let fingerprint = market::fingerprint(&experiment.base.data.source)?;
        let mut plan = plan::plan(&experiment, &fingerprint, args.experiment.max_trials)?;
        // A value that is not a number is found here, once, and not by every trial. (A trial that
        // needs the volume looks at more than others.)
        let needs_volume = |data: &&Data| data.features.contains(&Feature::Volume);
        if let Some(data) =
            plan.trials.iter().map(|trial| &trial.settings.data).max_by_key(needs_volume)
        {
            // (Where no window lies in them it is this trial's that fail, and it alone.)
            warn_of_data(&market::check(data)?);
        }
        anchor_data(&mut plan)?;
        Ok(Self { experiment, device, plan, fingerprint })
    }
}

/// Says what is unusual about the bars before anything is trained on them.
fn warn_of_data(warnings: &[String]) {
    for warning in warnings {
        // Nobody may be reading; the sweep goes on.
        drop(writeln!(std::io::stderr(), "warning: the data: {}", clean(warning)));
    }
}

/// Makes the data files' paths absolute in what the runs record, so that `evaluate` finds them from
/// any folder. (A path is not a part of a trial's identity; the content is.)
fn anchor_data(plan: &mut Plan) -> Result<(), Failure> {
    for trial in &mut plan.trials {
        if let Source::File { path, .. } = &mut trial.settings.data.source {
            *path = std::path::absolute(&*path).context("the current folder is gone")?;
        }
    }
    Ok(())
}

fn supervise_here(args: &SweepArgs, ready: Ready) -> Result<Outcome, Failure> {
    let Ready { experiment, device, plan, fingerprint } = ready;
    let taken = signal::take(Taker::Supervisor).context("cannot take signals")?;
    let watch = command(&format!("watch {}", quoted(&experiment.name)), &args.runs.runs);
    let then = format!("the sweep goes on; look at it with: {watch}");
    let mut out = Lines::new(io::stdout(), io::stderr(), then).context("cannot start a thread")?;
    let folder = SweepFolder::create(&args.runs.runs, &experiment.name)?;
    let _lock = folder.lock(&clock::now())?;
    let leftovers = remove_leftovers(&args.runs.runs, &folder);
    let mut origin = origin(&experiment, fingerprint);
    if let Source::File { path, .. } = &experiment.base.data.source {
        origin.data_file = data_file(&folder.path, path);
    }
    let manifest = manifest(&experiment, &plan, origin);
    folder.write_manifest(&manifest)?;
    let known: HashSet<String> = folder.run_names()?.into_iter().collect();
    let is_new = |trial: &Trial| !known.contains(&trial.id.0);
    let former: Vec<Trial> = plan.trials.iter().filter(|trial| !is_new(trial)).cloned().collect();
    let MadeRuns { runs: _, repaired, refused } = folder.create_runs(&former)?;
    // Results whose lines a kill or a power cut took: anyone who deletes them now must not make
    // them untried.
    if let Err(error) = read_ledger(&args.runs.runs, &clock::now()) {
        writeln!(out, "the ledger of all trials cannot be read: {}", clean(&error.to_string()))?;
    }
    let (record, mut follower) = Follower::open(&folder.path)?;
    let runs: HashMap<&TrialId, &RunRecord> =
        record.runs.iter().map(|run| (&run.trial.id, run)).collect();
    let retry = if args.retry_failed { Retry::Failed } else { Retry::Never };
    let left_out = left_out(&record, refused);
    let ids_left_out: HashSet<&TrialId> = left_out.iter().map(|(id, _)| id).collect();
    let is_left_out = |trial: &Trial| ids_left_out.contains(&trial.id);
    let missing: Vec<&Trial> = plan
        .trials
        .iter()
        .filter(|trial| is_missing(runs.get(&trial.id).copied(), retry) && !is_left_out(trial))
        .collect();
    let mut given = if args.retry_failed { Vec::new() } else { given_up(&record) };
    given.retain(|run| !is_left_out(&run.trial));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let packs = packs(&missing, &device, cores);
    writeln!(
        out,
        "{}: {} trials ({} done{}), {}{TO_TRAIN}{} packs on {device}",
        experiment.name,
        plan.trials.len(),
        plan.trials.len() - missing.len() - left_out.len() - given.len(),
        if given.is_empty() { String::new() } else { format!(", {} given up", given.len()) },
        missing.len(),
        packs.len(),
    )?;
    for told in &repaired {
        writeln!(out, "{}", clean(told))?;
    }
    for (trial, why) in &left_out {
        writeln!(out, "{} is left out: {}", clean(&trial.0), clean(why))?;
    }
    given_up::write(&given, &mut out)?;
    // In the order in which they are trained: the first pack need not wait for the last one's
    // folders.
    let trained = packs.iter().flat_map(|pack| &pack.trials).map(|&index| missing[index]);
    let new: Vec<Trial> = trained.filter(|trial| is_new(trial)).cloned().collect();
    let making = Making::start(folder.clone(), new).context("cannot start a thread")?;
    let (sender, controls) = channel();
    let kept_sender = if args.controlled {
        listen(sender);
        None
    } else {
        Some(sender)
    };
    let job = Job {
        folder: &folder,
        program: std::env::current_exe().context("cannot find this program's own file")?,
        device: device.to_string(),
        workers: Workers::plan(&device, cores, packs.len()),
        packs: packs
            .iter()
            .map(|pack| pack.trials.iter().map(|&index| missing[index].id.clone()).collect())
            .collect(),
        making: &making,
        patience: Patience { warn: args.stall_warning, replace: args.stall_limit },
        clock: clock::now,
    };
    let mut desk = Desk { plain: Plain::new(&record), follower: &mut follower, out: &mut out };
    drop(given);
    drop(runs);
    drop(record);
    let summary = supervise(job, &controls, &mut desk)?;
    drop(kept_sender);
    drop(making);
    // What cannot be removed is in nobody's way.
    drop(leftovers.join());
    for (trial, problem) in &summary.unrecorded {
        writeln!(out, "{}: {}", clean(&trial.0), clean(&problem.reason))?;
    }
    let record = read_sweep_summaries(&folder.path)?;
    write_ranking(&record, &manifest, &mut out)?;
    given_up::write(&given_up(&record), &mut out)?;
    if summary.interrupted {
        writeln!(out, "interrupted; the same command goes on where it was")?;
    }
    let (asked, ended) = (signal::ends().load(Ordering::Relaxed), Instant::now());
    out.finish(&mut || {
        let patient = !summary.interrupted || ended.elapsed() < Duration::from_secs(1);
        patient && signal::ends().load(Ordering::Relaxed) == asked
    });
    drop(taken);
    match summary.machine {
        Some(reason) => {
            Err(Failure::Machine(format!("{reason}; once that is mended the same command goes on")))
        }
        None if summary.interrupted => Ok(Outcome::Interrupted),
        None => Ok(outcome(&record, summary.unrecorded.is_empty() && left_out.is_empty())),
    }
}

/// What a supervision asks for: signals, and lines of what was recorded.
struct Desk<'a> {
    plain: Plain,
    follower: &'a mut Follower,
    out: &'a mut Lines,
}

impl Ask for Desk<'_> {
    fn stops(&self) -> usize {
        signal::ends().load(Ordering::Relaxed)
    }

    fn pauses(&self) -> bool {
        signal::take_pause()
    }

    fn pause_here(&self) {
        signal::pause_here();
    }

    fn tick(&mut self, notices: &[String]) -> anyhow::Result<()> {
        for notice in notices {
            writeln!(self.out, "{}", clean(notice))?;
        }
        Ok(self.plain.write(&self.follower.poll()?, self.out)?)
    }
}

/// Removes what killed processes left of files that they were writing, while the sweep begins.
fn remove_leftovers(root: &Path, folder: &SweepFolder) -> std::thread::JoinHandle<()> {
    let (root, folder, now) = (root.to_owned(), folder.path.clone(), clock::system_time());
    std::thread::spawn(move || {
        store::remove_leftovers(&folder, now);
        store::remove_leftovers_beside_sweeps(&root, now);
    })
}

/// Trials that cannot be trained, each with what to do: their folder holds something else, or a
/// result that cannot be read and must not be replaced unseen.
fn left_out(record: &SweepRecord, refused: Vec<(TrialId, String)>) -> Vec<(TrialId, String)> {
    let mut left_out = refused;
    let refused: HashSet<TrialId> = left_out.iter().map(|(id, _)| id.clone()).collect();
    for run in current(record).filter(|run| run.result.is_none() && !run.damage.is_empty()) {
        if let Err(error) = (RunFolder { path: run.folder.clone() }).result()
            && !refused.contains(&run.trial.id)
        {
            left_out.push((run.trial.id.clone(), error.to_string()));
        }
    }
    left_out
}

/// Packs of trials for a device: as many lanes as its memory holds, and on the host's cores several
/// packs for each worker.
pub(super) fn packs(trials: &[&Trial], device: &Device, cores: usize) -> Vec<Pack> {
    let (max_lanes, least) = if device.is_cpu() {
        (MAX_CPU_LANES, PACKS_PER_WORKER * cores)
    } else {
        (MAX_GPU_LANES, 1)
    };
    let workers = if device.is_cpu() { cores } else { 1 };
    let budget = Budget::new(device, workers, max_lanes.min(trials.len()).max(1));
    plan::packs(trials, &|settings| budget.lanes(settings), least)
}

fn outcome(record: &SweepRecord, all_recorded: bool) -> Outcome {
    let failed = current(record).any(|run| {
        let failed_result =
            run.result.as_ref().is_some_and(|result| matches!(result.end, End::Failed { .. }));
        failed_result || run.result.is_none()
    });
    if failed || !all_recorded { Outcome::SomeFailed } else { Outcome::Done }
}

fn current(record: &SweepRecord) -> impl Iterator<Item = &RunRecord> {
    record.runs.iter().filter(|run| run.current)
}

fn manifest(experiment: &Experiment, plan: &Plan, origin: Origin) -> SweepManifest {
    SweepManifest {
        v: 1,
        name: experiment.name.clone(),
        question: experiment.question.clone(),
        objective: experiment.objective.metric,
        direction: experiment.objective.direction,
        repeats: experiment.repeats,
        target_unit: experiment.base.data.target.kind.unit().into(),
        trials: plan.trials.iter().map(|trial| trial.id.to_string()).collect(),
        backtest: experiment.backtest,
        origin,
        experiment: experiment.text.clone(),
    }
}

fn write_ranking(
    record: &SweepRecord,
    manifest: &SweepManifest,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (mut runs, mut others): (Vec<_>, Vec<_>) =
        record.runs.iter().cloned().partition(|run| run.current);
    writeln!(out)?;
    let mut comparison = compare(&runs, objective(manifest, &runs));
    let files = ForecastFiles::default();
    // What a kill came between, a result and its line, is written down before the claim is made.
    let ledger = record.folder.parent().and_then(|root| read_ledger(root, &clock::now()).ok());
    weigh_by(&mut comparison, &mut runs, &mut others, ledger.as_ref(), &files);
    let damage = |run: &RunRecord| {
        run.damage
            .iter()
            .map(|why| format!("{} is damaged: {why}", names(run).1))
            .collect::<Vec<_>>()
    };
    comparison.notes.extend(runs.iter().flat_map(damage));
    comparison.notes.extend(files.notes());
    comparison.write_ranking(out, RANKED, fitting())?;
    Ok(())
}

/// Control lines from stdin; when it closes, the channel does.
fn listen(sender: Sender<Control>) {
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if let Ok(control) = serde_json::from_str(&line)
                && sender.send(control).is_err()
            {
                return;
            }
        }
    });
}
