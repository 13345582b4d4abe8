//! What the selectors of a command line name.

use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::Failure;
use super::hint::{command, quoted};
use evidence::compare::{Intervals, Subject, compare, names, ranked_by};
use experiment::Objective;
use experiment::event::End;
use experiment::metric::{Metric, Split};
use runs::store::{
    FileError, Forecasts, RunFolder, RunRecord, Selection, SweepManifest, SweepRecord,
    read_sweep_summaries, select,
};

/// The runs that selectors name, each once.
#[derive(Debug, Default)]
pub(super) struct Selected {
    pub(super) runs: Vec<RunRecord>,
    /// The other runs of their sweeps: what was named was chosen from them, too.
    pub(super) others: Vec<RunRecord>,
    /// The manifests of their sweeps, in order of first appearance.
    pub(super) manifests: Vec<SweepManifest>,
    /// Runs that could not be read at all, and why.
    pub(super) damaged: Vec<(String, String)>,
    /// Runs of former versions of the files that were left out.
    pub(super) former: usize,
}

impl Selected {
    /// Whatever could not be read of what was selected: `SWEEP/ID`, and why.
    pub(super) fn damage(&self) -> Vec<(String, String)> {
        let of_run = |run: &RunRecord| {
            let (sweep, id) = names(run);
            run.damage
                .iter()
                .map(move |why| (format!("{sweep}/{id}"), why.clone()))
                .collect::<Vec<_>>()
        };
        self.damaged.iter().cloned().chain(self.runs.iter().flat_map(of_run)).collect()
    }

    /// What the numbers of these runs are with reserve for, in sentences.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self
            .damage()
            .into_iter()
            .map(|(run, why)| format!("{run} is damaged: {why}"))
            .collect();
        let mixed = |run: &&RunRecord| {
            run.result.as_ref().is_some_and(|result| result.instruction_sets.len() > 1)
        };
        let mixed: Vec<String> = self.runs.iter().filter(mixed).map(|run| names(run).1).collect();
        if !mixed.is_empty() {
            notes.push(format!(
                "trained with more than one instruction set or kind of device, as they were \
                    resumed elsewhere, so that their last bits are of none: {}",
                mixed.join(", ")
            ));
        }
        notes
    }

    /// What all sweeps are ranked by; where they differ, or errors over different data or of
    /// different targets would be compared, the default, which is comparable. `None` without
    /// sweeps.
    pub(super) fn objective(&self) -> Option<Objective> {
        let first = objective(self.manifests.first()?, &self.runs);
        let metric = Metric::DEFAULT;
        let same =
            self.manifests.iter().all(|manifest| manifest.objective == self.manifests[0].objective);
        Some(if same { first } else { Objective { metric, direction: metric.direction() } })
    }
}

/// What runs of a sweep are ranked by.
pub(super) fn objective(manifest: &SweepManifest, runs: &[RunRecord]) -> Objective {
    let asked = Objective { metric: manifest.objective, direction: manifest.direction };
    ranked_by(asked, runs.iter().map(Subject::of))
}

/// Says on stderr what is not a part of the output; where stderr is closed there is nobody to tell.
pub(super) fn note(message: &str) {
    drop(writeln!(std::io::stderr(), "{}", text::clean(message)));
}

/// The forecasts of runs, read when they are asked for; what cannot be read is remembered, so that
/// anyone who leaves it out can say so.
#[derive(Debug, Default)]
pub(super) struct ForecastFiles {
    unreadable: Mutex<BTreeMap<String, String>>,
}

impl ForecastFiles {
    /// A run's forecasts of a split, where it has them and they can be read.
    pub(super) fn read(&self, run: &RunRecord, split: Split) -> Option<Forecasts> {
        let name = match split {
            Split::Train => return None,
            Split::Valid => "valid",
            Split::Test => "test",
        };
        // Without a result, or of a training that failed, there are none.
        run.result.as_ref().filter(|result| !matches!(result.end, End::Failed { .. }))?;
        match (RunFolder { path: run.folder.clone() }).forecasts(name) {
            Ok(forecasts) => (!forecasts.ts.is_empty()).then_some(forecasts),
            Err(error) => {
                let (sweep, id) = names(run);
                let mut unreadable = self.unreadable.lock().unwrap_or_else(PoisonError::into_inner);
                unreadable.insert(format!("{sweep}/{id}"), error.to_string());
                None
            }
        }
    }

    /// What could not be read so far, in sentences below a comparison.
    pub(super) fn notes(&self) -> Vec<String> {
        let unreadable = self.unreadable.lock().unwrap_or_else(PoisonError::into_inner);
        unreadable
            .iter()
            .map(|(run, why)| format!("{run} has no part in the tests: {why}"))
            .collect()
    }
}

/// A run's forecasts of a split, where it has them and they can be read; who leaves out what cannot
/// must say so: see [`ForecastFiles`].
pub(super) fn forecasts(run: &RunRecord, split: Split) -> Option<Forecasts> {
    ForecastFiles::default().read(run, split)
}

/// Reads what the selectors name with `read` ([`runs::store::read_sweep`] or its summaries). A run
/// is read with its sweep, which knows its place in the plan and what it is ranked by. Of a sweep
/// named as a whole, the runs that its file does not plan any more are left out where it plans
/// others.
pub(super) fn read_selected(
    root: &Path,
    selectors: &[String],
    read: fn(&Path) -> Result<SweepRecord, FileError>,
) -> Result<Selected, Failure> {
    let mut selected = Selected::default();
    for (folder, wanted) in wanted(root, selectors)? {
        let sweep = read(&folder)?;
        let plans_some = sweep.runs.iter().any(|run| run.current);
        let mut left_out = 0;
        selected.runs.reserve(if wanted.whole { sweep.runs.len() } else { wanted.runs.len() });
        for run in sweep.runs {
            let is_named = wanted.runs.contains(&run.folder);
            let is_former = wanted.whole && plans_some && !run.current && !is_named;
            left_out += usize::from(is_former);
            let runs = if is_named || (wanted.whole && !is_former) {
                &mut selected.runs
            } else {
                &mut selected.others
            };
            runs.push(run);
        }
        for (id, reason) in sweep.damaged {
            if wanted.whole || wanted.runs.contains(&folder.join("trials").join(&id)) {
                selected.damaged.push((format!("{}/{id}", sweep.manifest.name), reason));
            }
        }
        selected.former += left_out;
        selected.manifests.push(sweep.manifest);
    }
    Ok(selected)
}

/// Names the run that stands for what a sweep ranks first.
const BEST: &str = "/best";

/// What a selector names. To what [`select`] takes comes `SWEEP/best`, in every verb: the run that
/// stands for the first row of `kiln compare SWEEP`. Of a row of several seeds and folds that is,
/// among those that count, the last fold's run with the best value.
pub(super) fn resolve(root: &Path, selector: &str) -> Result<Selection, Failure> {
    match selector.strip_suffix(BEST) {
        Some(sweep) => best(root, sweep).map(Selection::Run),
        None => Ok(select(root, selector)?),
    }
}

/// The folder of the run that a selector names.
pub(super) fn run_folder(root: &Path, selector: &str) -> Result<RunFolder, Failure> {
    match resolve(root, selector)? {
        Selection::Run(path) => Ok(RunFolder { path }),
        Selection::Sweep(path) => Err(Failure::BadInput(format!(
            "'{selector}' is a sweep ({}); name one of its runs, as listed by: {} (or its best: \
                {selector}{BEST})",
            path.display(),
            command(&format!("runs {}", quoted(selector)), root),
        ))),
    }
}

fn best(root: &Path, sweep: &str) -> Result<PathBuf, Failure> {
    if let Selection::Run(_) = select(root, sweep)? {
        return Err(Failure::BadInput(format!("'{sweep}' is a run: it has no best")));
    }
    let selected = read_selected(root, &[sweep.to_owned()], read_sweep_summaries)?;
    for (run, why) in selected.damage() {
        note(&format!("{run} is damaged: {why}"));
    }
    let nothing = || {
        Failure::BadInput(format!(
            "'{sweep}{BEST}': no run of the sweep has finished with a value to be ranked by"
        ))
    };
    let comparison = compare(&selected.runs, selected.objective().ok_or_else(nothing)?);
    let first = comparison.rows.first().filter(|row| row.rank.is_some()).ok_or_else(nothing)?;
    let run = selected.runs.iter().find(|run| names(run).1 == first.run).ok_or_else(nothing)?;
    Ok(run.folder.clone())
}

/// What is wanted of a sweep.
#[derive(Default)]
struct Wanted {
    /// Whether it was named itself.
    whole: bool,
    /// Folders of its runs that were.
    runs: HashSet<PathBuf>,
}

/// What the selectors name, by the sweep's folder, in order of first appearance.
fn wanted(root: &Path, selectors: &[String]) -> Result<Vec<(PathBuf, Wanted)>, Failure> {
    let mut wanted: Vec<(PathBuf, Wanted)> = Vec::new();
    for selector in selectors {
        let (folder, run) = match resolve(root, selector)? {
            Selection::Sweep(folder) => (one_spelling(folder), None),
            Selection::Run(run) => {
                let run = one_spelling(run);
                (run.ancestors().nth(2).unwrap_or(root).to_owned(), Some(run))
            }
        };
        let place = match wanted.iter().position(|(other, _)| *other == folder) {
            Some(place) => place,
            None => {
                wanted.push((folder, Wanted::default()));
                wanted.len() - 1
            }
        };
        match run {
            Some(run) => wanted[place].1.runs.extend([run]),
            None => wanted[place].1.whole = true,
        }
    }
    Ok(wanted)
}

/// A folder's path without links and dots, so that a run that is named twice is known again.
fn one_spelling(folder: PathBuf) -> PathBuf {
    std::fs::canonicalize(&folder).unwrap_or(folder)
}

/// Intervals where the terminal is wide enough; none in a file or a pipe.
pub(super) fn fitting() -> Intervals {
    let size = if std::io::stdout().is_terminal() {
        ratatui::crossterm::terminal::size().ok()
    } else {
        None
    };
    size.map_or(Intervals::Hidden, |(columns, _)| Intervals::Within {
        columns: usize::from(columns),
    })
}

/// Prints a value as indented JSON.
pub(super) fn write_json(out: &mut dyn Write, value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(anyhow::Error::from)?;
    Ok(writeln!(out, "{text}")?)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cmd::Outcome;
    use experiment::TargetKind;

    /// The frozen store of format 1.
    pub(crate) const STORE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stores/v1");

    pub(crate) fn printed(run: impl Fn(&mut dyn Write) -> Result<Outcome, Failure>) -> String {
        let mut out = Vec::new();
        run(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_best_of_a_sweep_has_a_name() {
        let best = run_folder(Path::new(STORE), "grid/best").unwrap();
        assert!(best.path.ends_with("grid/trials/31d897f497c7"), "{}", best.path.display());
        for (selector, told) in
            [("none/best", "no sweep or run is named 'none'"), ("grid", "or its best: grid/best")]
        {
            match run_folder(Path::new(STORE), selector) {
                Err(Failure::BadInput(problem)) => assert!(problem.contains(told), "{problem}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_best_is_a_selector_like_any_other() {
        let read = runs::store::read_sweep_summaries;
        let ids = |selectors: &[&str]| -> Vec<String> {
            let selectors: Vec<String> =
                selectors.iter().map(|selector| (*selector).to_owned()).collect();
            let selected = read_selected(Path::new(STORE), &selectors, read).unwrap();
            selected.runs.iter().map(|run| names(run).1).collect()
        };
        assert_eq!(ids(&["grid/best"]), ["31d897f497c7"]);
        assert_eq!(ids(&["latest/best", "grid/best", "grid/31d8"]), ["31d897f497c7"]);
        assert_eq!(ids(&[&format!("{STORE}/grid/best")]), ["31d897f497c7"]);
        let of_run = resolve(Path::new(STORE), "grid/31d8/best");
        assert!(
            matches!(of_run, Err(Failure::BadInput(problem)) if problem.contains("it has no best"))
        );
    }

    #[test]
    fn sweeps_that_are_ranked_by_different_things_are_ranked_by_what_is_comparable() {
        let read = runs::store::read_sweep_summaries;
        let mut selected = read_selected(Path::new(STORE), &["grid".to_owned()], read).unwrap();
        let metric = |selected: &Selected| selected.objective().unwrap().metric.to_string();
        assert_eq!(metric(&selected), "valid.rmse");
        let other = SweepManifest {
            objective: "valid.mae".parse().unwrap(),
            ..selected.manifests[0].clone()
        };
        selected.manifests.push(other);
        assert_eq!(metric(&selected), "valid.skill");
        selected.manifests.pop();
        selected.runs[0].trial.settings.data.target.kind = TargetKind::Price;
        assert_eq!(metric(&selected), "valid.skill", "a price's errors and a return's");
    }
}
