//! `compare`: runs side by side.

use super::args::{Json, RunsDir};
use clap::Args;
use serde::Serialize;
use std::io::Write;
use std::path::Path;

use super::hint::{command, quoted};
use super::selection::{ForecastFiles, fitting, read_selected, resolve, write_json};
use super::weigh::weigh;
use super::{Failure, Outcome};
use evidence::compare::{Comparison, Intervals, Sides, compare};
use experiment::Objective;
use experiment::metric::Metric;
use runs::store::{RunRecord, Selection, View, read_sweep_summaries};
use text::cleaned;

/// `compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Sweeps (SWEEP, or latest) and runs (SWEEP/ID, an id's unambiguous beginning, or SWEEP/best)
    #[arg(required_unless_present = "view", conflicts_with = "view")]
    pub selectors: Vec<String>,
    /// Compare what was saved under this name, in runs/views/NAME.toml (or in a file: a path)
    #[arg(long, value_name = "NAME")]
    pub view: Option<String>,
    /// Save what is compared under this name
    #[arg(long, value_name = "NAME")]
    pub save_view: Option<String>,
    /// Rank by this metric instead of the sweep's objective: valid.skill, valid.rmse, valid.mase,
    /// valid.ic, test.rmse, …
    #[arg(long)]
    pub metric: Option<experiment::metric::Metric>,
    /// Show the interval beside each value, however wide the table becomes (on a terminal that is
    /// wide enough they are shown anyway)
    #[arg(long)]
    pub intervals: bool,
    #[command(flatten)]
    pub runs: RunsDir,
    #[command(flatten)]
    pub json: Json,
}

/// Prints what differs between the runs that the selectors name, then how they rank beside the
/// baselines.
///
/// # Errors
/// When a selector names nothing, or the output fails.
pub fn run(args: CompareArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let CompareArgs {
        selectors,
        metric,
        intervals,
        view,
        save_view,
        runs: RunsDir { runs },
        json: Json { json },
    } = args;
    let (selectors, metric) = match view {
        Some(name) => {
            let View { selectors, metric: saved, v: _ } = View::read(&runs, &name)?;
            (selectors, metric.or(saved))
        }
        None => (selectors, metric),
    };
    let mut compared = compared(&runs, &selectors, metric)?;
    let rows = &compared.comparison.rows;
    if intervals && rows.iter().all(|row| row.interval.is_none()) {
        compared.comparison.notes.push(NO_INTERVALS.to_owned());
    }
    if json {
        write_json(out, &compared)?
    } else {
        if let Some(sides) = &compared.sweeps {
            sides.write(out)?;
            writeln!(out)?;
        }
        compared.comparison.write(out, if intervals { Intervals::Shown } else { fitting() })?
    }
    if let Some(name) = save_view {
        let path = View { v: 1, selectors, metric }.save(&runs, &name)?;
        if !json {
            let again = command(&format!("compare --view {}", quoted(&name)), &runs);
            writeln!(
                out,
                "\nsaved as {}: {}",
                cleaned(&path.display().to_string()),
                cleaned(&again)
            )?;
        }
    }
    Ok(Outcome::Done)
}

const NO_INTERVALS: &str = "no row has an interval: repeats show their spread instead (kiln show \
    RUN has the intervals of one run), and what was recorded before version 0.2 has none";

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Compared {
    #[serde(flatten)]
    comparison: Comparison,
    /// Where several whole sweeps were named.
    #[serde(skip_serializing_if = "Option::is_none")]
    sweeps: Option<Sides>,
}

fn compared(
    root: &Path,
    selectors: &[String],
    metric: Option<Metric>,
) -> Result<Compared, Failure> {
    let mut selected = read_selected(root, selectors, read_sweep_summaries)?;
    let objective = match metric {
        Some(metric) => Objective { metric, direction: metric.direction() },
        None => selected
            .objective()
            .ok_or_else(|| Failure::BadInput("no run was selected".to_owned()))?,
    };
    let mut comparison = compare(&selected.runs, objective);
    let files = ForecastFiles::default();
    weigh(&mut comparison, &mut selected.runs, &mut selected.others, &files);
    let read = |run: &RunRecord, split| files.read(run, split);
    let sweeps = Sides::of(&comparison, &whole(root, selectors)?, &selected.runs, &read);
    let other = selected
        .manifests
        .iter()
        .find(|manifest| metric.is_none() && manifest.objective != objective.metric);
    if let Some(other) = other {
        comparison.notes.push(format!(
            "ranked by {}, which is comparable over sweeps; '{}' has {} as its objective (choose \
                with --metric)",
            objective.metric, other.name, other.objective
        ));
    }
    if selected.former > 0 {
        comparison.notes.push(format!(
            "{} runs that the file does not plan any more are left out; name them as SWEEP/ID to \
                compare them",
            selected.former
        ));
    }
    comparison.notes.extend(selected.notes());
    comparison.notes.extend(files.notes());
    Ok(Compared { comparison, sweeps })
}

/// The names of the sweeps, where sweeps alone were named.
fn whole(root: &Path, selectors: &[String]) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for selector in selectors {
        match resolve(root, selector)? {
            Selection::Sweep(folder) => {
                let folder = std::fs::canonicalize(&folder).unwrap_or(folder);
                let name = folder
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            Selection::Run(_) => return Ok(Vec::new()),
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::selection::tests::{STORE, printed};

    fn args(selectors: &[&str]) -> CompareArgs {
        CompareArgs {
            selectors: selectors.iter().map(|s| (*s).to_owned()).collect(),
            metric: None,
            intervals: false,
            view: None,
            save_view: None,
            runs: STORE.into(),
            json: Json { json: false },
        }
    }

    #[test]
    fn a_recorded_sweep_is_compared_the_same_for_ever() {
        insta::assert_snapshot!(printed(|out| run(args(&["grid"]), out)), @r"
        valid.rmse in log return, lower is better; numbers are of the best epoch by valid.loss
          #  run                     best epoch  train.rmse              valid.rmse  valid.skill
          1  31d897f497c7 +2                  4    0.007812  0.01562 (1 of 3 seeds)        0.375
        (2)  persistence (baseline)                                            0.54            0

        not ranked
        run           epochs  so far  state
        ef53f2eb8e5c       1       —  failed: the loss is not a number since epoch 1
        6ae5c693e4dd       1   0.125  running

        note: every assignment lacks seeds (failed, deleted, still running or not named here): the mean of the others may be that of survivors

        the best trial's valid.rmse 0.01562 is 97.1 % below persistence's 0.54: the one trial beats it; it has one seed, so its spread is unknown; with 1 of 3 seeds it cannot be crowned: nobody knows what the others come to
        no test says what of this is chance: there are 2 common windows, and fewer than 30 say nothing
        ");
    }

    #[test]
    fn a_run_that_is_named_twice_is_compared_once() {
        let once =
            printed(|out| run(CompareArgs { json: Json { json: true }, ..args(&["grid"]) }, out));
        let twice = printed(|out| {
            run(CompareArgs { json: Json { json: true }, ..args(&["grid", "grid/3", "grid"]) }, out)
        });
        assert_eq!(once, twice);
    }

    #[test]
    fn a_saved_view_shows_the_same_again() {
        let root = tempfile::tempdir().unwrap();
        let view = root.path().join("best.toml").to_str().unwrap().to_owned();
        let first = printed(|out| {
            run(
                CompareArgs {
                    save_view: Some(view.clone()),
                    metric: "valid.mae".parse().ok(),
                    ..args(&["grid/31"])
                },
                out,
            )
        });
        assert!(first.contains("saved as") && first.contains("valid.mae"), "{first}");
        let again = printed(|out| run(CompareArgs { view: Some(view.clone()), ..args(&[]) }, out));
        assert!(first.starts_with(&again), "{again}");
        assert!(
            run(CompareArgs { view: Some("none".into()), ..args(&[]) }, &mut Vec::new()).is_err()
        );
    }
}
