//! `runs`: lists sweeps, or the runs that a selector names.

use super::args::{Json, RunsDir};
use clap::Args;
use jiff::Timestamp;
use rayon::prelude::*;
use serde::Serialize;
use std::io::Write;
use std::path::Path;

use super::hint::{command, quoted};
use super::selection::{objective, read_selected, write_json};
use super::{Failure, Outcome};
use evidence::compare::{assignment, compare, names, state, value};
use experiment::Objective;
use experiment::event::End;
use experiment::metric::{Metric, Quantity, Split};
use runs::store::{RunRecord, RunState, list_sweeps, read_events, read_sweep_summaries};
use text::{Align, cleaned, number, table};

/// `runs`.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// A sweep (SWEEP, or latest) or a run (SWEEP/ID, an id's unambiguous beginning, or
    /// SWEEP/best); all sweeps unless given
    pub selector: Option<String>,
    #[command(flatten)]
    pub runs: RunsDir,
    #[command(flatten)]
    pub json: Json,
}

/// Lists all sweeps, or the runs of a sweep, or one run.
///
/// # Errors
/// When the selector names nothing, or the output fails.
pub fn run(args: RunsArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let RunsArgs { selector, runs: RunsDir { runs: root }, json: Json { json } } = args;
    match selector {
        None => {
            let sweeps: Vec<SweepRow> =
                list_sweeps(&root)?.iter().map(|folder| sweep_row(folder)).collect();
            if json { write_json(out, &sweeps)? } else { write_sweeps(out, &root, &sweeps)? }
        }
        Some(selector) => {
            let mut selected = read_selected(&root, &[selector], read_sweep_summaries)?;
            // For their devices: the epochs of a long sweep are not held all at once.
            selected.runs.par_iter_mut().filter(|run| run.result.is_some()).for_each(|run| {
                read_events(run);
                run.progress.epochs = Vec::new();
            });
            let objective = selected.objective().unwrap_or(DEFAULT_OBJECTIVE);
            let mut rows: Vec<RunRow> =
                selected.runs.iter().map(|run| run_row(run, objective)).collect();
            rows.extend(selected.damaged.iter().map(damaged_row));
            if json {
                write_json(out, &rows)?
            } else {
                write_runs(out, objective.metric, &rows)?
            }
            if selected.former > 0 && !json {
                writeln!(
                    out,
                    "{} runs that the file does not plan any more are not listed",
                    selected.former
                )?;
            }
        }
    }
    Ok(Outcome::Done)
}

const DEFAULT_OBJECTIVE: Objective = Objective {
    metric: Metric { split: Split::Valid, quantity: Quantity::Rmse },
    direction: experiment::metric::Direction::Minimize,
};

/// A sweep in the list.
#[derive(Debug, Default, Serialize)]
struct SweepRow {
    sweep: String,
    /// Planned by the current version of its file.
    trials: usize,
    finished: usize,
    failed: usize,
    running: usize,
    /// Neither of these: waiting, interrupted, or lost.
    open: usize,
    objective: Option<Metric>,
    /// The best mean over repeats.
    best: Option<f64>,
    /// When a run was started or finished last, RFC 3339 in UTC.
    newest: Option<String>,
    /// Why the sweep, or how many of its runs, cannot be read.
    damage: Option<String>,
}

/// A run in the list.
#[derive(Debug, Default, Serialize)]
struct RunRow {
    sweep: String,
    run: String,
    state: String,
    epochs: usize,
    best_epoch: Option<usize>,
    /// The objective at the best epoch.
    value: Option<f64>,
    skill: Option<f64>,
    /// Wall time of the winning attempt, seconds.
    seconds: Option<f64>,
    device: Option<String>,
    seed: Option<u64>,
    /// Of a walk-forward split, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    fold: Option<usize>,
    assignment: experiment::space::Assignment,
}

fn sweep_row(folder: &Path) -> SweepRow {
    let name =
        folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let record = match read_sweep_summaries(folder) {
        Ok(record) => record,
        Err(error) => {
            return SweepRow {
                sweep: name,
                damage: Some(error.to_string()),
                ..SweepRow::default()
            };
        }
    };
    let mut row =
        SweepRow { sweep: name, trials: record.manifest.trials.len(), ..SweepRow::default() };
    // Of the present plan; where none can be read, of all that is there.
    let planned = |run: &&RunRecord| run.current || row.trials == 0;
    let planned: Vec<RunRecord> = record.runs.iter().filter(planned).cloned().collect();
    for run in &planned {
        *(match stage(run) {
            Stage::Finished => &mut row.finished,
            Stage::Failed => &mut row.failed,
            Stage::Running => &mut row.running,
            Stage::Open => &mut row.open,
        }) += 1;
    }
    let unreadable =
        record.damaged.iter().filter(|(id, _)| record.manifest.trials.contains(id)).count();
    row.open += row.trials.saturating_sub(planned.len() + unreadable);
    let objective = objective(&record.manifest, &planned);
    row.objective = Some(objective.metric);
    let ranking = compare(&planned, objective);
    row.best = ranking.rows.first().and_then(|row| row.value).map(|value| value.mean);
    row.newest = record
        .runs
        .iter()
        .filter_map(|run| modified(&run.folder))
        .chain(modified(folder))
        .max()
        .map(to_seconds);
    let damaged =
        record.damaged.len() + record.runs.iter().filter(|run| !run.damage.is_empty()).count();
    let tells = || {
        command(&format!("runs {}", quoted(&row.sweep)), folder.parent().unwrap_or(Path::new("")))
    };
    row.damage = (damaged > 0).then(|| format!("{damaged} damaged ({} tells)", tells()));
    row
}

enum Stage {
    Finished,
    Failed,
    Running,
    Open,
}

fn stage(run: &RunRecord) -> Stage {
    match (run.result.as_ref().map(|result| &result.end), &run.progress.state) {
        (Some(End::Failed { .. }), _) | (None, RunState::Ended(End::Failed { .. })) => {
            Stage::Failed
        }
        (Some(_), _) => Stage::Finished,
        (None, RunState::Running) => Stage::Running,
        (None, RunState::Waiting | RunState::Lost | RunState::Ended(_)) => Stage::Open,
    }
}

fn run_row(run: &RunRecord, objective: Objective) -> RunRow {
    let (sweep, name) = names(run);
    let skill = Metric { split: Split::Valid, quantity: Quantity::Skill };
    let mut state = state(run);
    if let Some(damage) = run.damage.first() {
        state = format!("{state} (damaged: {damage})");
    }
    RunRow {
        sweep,
        run: name,
        state,
        epochs: run.result.as_ref().map_or(run.progress.epochs.len(), |result| result.epochs),
        best_epoch: run.measured().best_epoch(),
        value: value(run, objective.metric),
        skill: value(run, skill),
        seconds: run
            .result
            .as_ref()
            .map(|result| result.seconds)
            .filter(|seconds| seconds.is_finite()),
        device: run.progress.device.clone(),
        seed: Some(run.trial.settings.train.seed),
        fold: run.trial.fold(),
        assignment: run.trial.assignment.clone(),
    }
}

fn damaged_row((name, reason): &(String, String)) -> RunRow {
    let (sweep, run) = name
        .split_once('/')
        .map_or((String::new(), name.clone()), |(sweep, run)| (sweep.into(), run.into()));
    RunRow { sweep, run, state: format!("damaged: {reason}"), ..RunRow::default() }
}

fn write_sweeps(out: &mut dyn Write, root: &Path, rows: &[SweepRow]) -> Result<(), Failure> {
    if rows.is_empty() {
        let whole = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        let whole = cleaned(&whole.display().to_string());
        writeln!(
            out,
            "no sweeps in {whole}; start one with kiln sweep FILE.toml, or say with --runs where \
                they are"
        )?;
        return Ok(());
    }
    let header = [
        ("sweep", Align::Left),
        ("trials", Align::Right),
        ("finished", Align::Right),
        ("failed", Align::Right),
        ("running", Align::Right),
        ("open", Align::Right),
        ("best", Align::Right),
        ("objective", Align::Left),
        ("newest", Align::Left),
        ("", Align::Left),
    ];
    let cells = rows.iter().map(|row| {
        let mut cells = vec![cleaned(&row.sweep)];
        cells.extend(
            [row.trials, row.finished, row.failed, row.running, row.open]
                .map(|count| count.to_string()),
        );
        cells.extend([
            number(row.best),
            row.objective.map_or_else(|| "—".into(), |metric| metric.to_string()),
            row.newest.clone().unwrap_or_else(|| "—".into()),
            row.damage.as_deref().map(cleaned).unwrap_or_default(),
        ]);
        cells
    });
    Ok(write!(out, "{}", table(&header.map(|(name, align)| (name.to_owned(), align)), cells))?)
}

fn write_runs(out: &mut dyn Write, objective: Metric, rows: &[RunRow]) -> Result<(), Failure> {
    let has_folds = rows.iter().any(|row| row.fold.is_some());
    let mut header = vec![
        ("run".to_owned(), Align::Left),
        ("state".into(), Align::Left),
        ("epochs".into(), Align::Right),
        ("best epoch".into(), Align::Right),
        (objective.to_string(), Align::Right),
        ("skill".into(), Align::Right),
        ("seconds".into(), Align::Right),
        ("device".into(), Align::Left),
        ("seed".into(), Align::Right),
        ("assignment".into(), Align::Left),
    ];
    if has_folds {
        header.insert(header.len() - 1, ("fold".into(), Align::Right));
    }
    let dash = || "—".to_owned();
    let cells = rows.iter().map(|row| {
        let mut cells = vec![
            cleaned(&format!("{}/{}", row.sweep, row.run)),
            cleaned(&row.state),
            row.epochs.to_string(),
            row.best_epoch.map_or_else(dash, |epoch| epoch.to_string()),
            number(row.value),
            number(row.skill),
            number(row.seconds),
            row.device.as_deref().map_or_else(dash, cleaned),
            row.seed.map_or_else(dash, |seed| seed.to_string()),
            assignment(&row.assignment),
        ];
        if has_folds {
            cells.insert(cells.len() - 1, row.fold.map_or_else(dash, |fold| fold.to_string()));
        }
        cells
    });
    Ok(write!(out, "{}", table(&header, cells))?)
}

/// When something was last added to a folder.
fn modified(folder: &Path) -> Option<Timestamp> {
    Timestamp::try_from(folder.metadata().ok()?.modified().ok()?).ok()
}

fn to_seconds(at: Timestamp) -> String {
    format!("{at:.0}")
}

#[cfg(test)]
mod tests;
