//! The search that compared rows were chosen from, and how much of it can be weighed.
//!
//! A row is the best of all that were tried, not of those that are shown. So rows are tested within
//! the whole of their sweeps: trials that a selection left out and those of former versions of the
//! file are weighed beside them. What was tried on the same windows and cannot be weighed (it
//! failed, was deleted, or is of another sweep) is counted, by the ledger: see [`crate::widened`].

use std::collections::{BTreeSet, HashMap, HashSet};

use super::comparison::{Comparison, OTHER_WINDOWS, Row, compare, counted};
use super::fold::{folds_of, whole_repeats};
use super::join::{Apart, Subject, apart};
use super::significance::{Significance, Tried as Counts, significance};
use super::stored::{Stored, key};
use super::value::names;
use super::weighing::{Candidate, LEAST_WINDOWS, Settings, Unweighable, Weighed, weighed};
use crate::records::{Forecasts, Ledger, RunRecord, RunState, Tried};
use experiment::Objective;
use experiment::event::End;
use experiment::metric::{Metric, Split};
use experiment::trial::TrialId;

/// Reads a run's forecasts of a split, where it has them.
pub type Read<'a> = &'a (dyn Fn(&RunRecord, Split) -> Option<Forecasts> + Sync);

/// Enough for p-values to the second digit.
const RESAMPLES: usize = 1_000;

/// Enough for the third, which it takes where p-values are widened by much.
const MORE_RESAMPLES: usize = 10_000;

/// The search that some runs were chosen from.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    /// The compared runs, then all others of their sweeps.
    pub runs: &'a [RunRecord],
    /// How many of them are compared.
    pub compared: usize,
    /// Every trial that was ever tried, where that is known.
    pub ledger: Option<&'a Ledger>,
    /// Finds forecasts.
    pub read: Read<'a>,
    /// Where what many forecasts come to is kept, if anywhere.
    pub stored: Option<Stored<'a>>,
}

impl std::fmt::Debug for Search<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { runs, compared, .. } = self;
        f.debug_struct("Search")
            .field("runs", &runs.len())
            .field("compared", compared)
            .finish_non_exhaustive()
    }
}

impl Comparison {
    /// Weighs the ranked rows by their forecasts of every window, within the search that they were
    /// chosen from; or says why nothing compares them.
    pub fn weigh(&mut self, search: &Search<'_>) {
        match self.weighed(search) {
            Ok(found) => self.significance = found,
            Err(why) => {
                self.notes.retain(|note| note != OTHER_WINDOWS);
                self.untested = Some(why);
            }
        }
    }

    /// `None` where there is nothing to weigh.
    fn weighed(&self, search: &Search<'_>) -> Result<Option<Significance>, String> {
        // A mean over survivors is not weighed beside one over all seeds; it counts among those
        // that were tried.
        let least = self.rows.first().map_or(0, |row| row.seeds.missing());
        let ranked: Vec<&Row> = self
            .rows
            .iter()
            .filter(|row| row.rank.is_some() && row.seeds.missing() <= least)
            .collect();
        let runs = Runs::of(search.runs);
        let shown: Vec<&RunRecord> = ranked.iter().flat_map(|row| runs.of_row(row)).collect();
        if shown.is_empty() {
            return Ok(None);
        }
        if let Some(why) = apart(shown.iter().copied()) {
            return Err(untested(why, &shown));
        }
        let rows = Rows::of(self, &ranked, &runs, search);
        match rows.tested(self.yardstick, search, &shown) {
            Ok((weighed, counts)) => {
                let naming = self.naming();
                let names: Vec<String> = ranked.iter().map(|row| naming.row(row)).collect();
                let first = names.first().cloned().unwrap_or_default();
                let mut found =
                    significance(&weighed, &rows.places, names, self.yardstick.split, counts);
                if let (Some(found), Some(lack)) =
                    (&mut found, ranked.first().and_then(|row| row.seeds.lack()))
                {
                    found.withhold(lack);
                }
                found.map(Some).ok_or_else(|| {
                    format!(
                        "no test says what of this is chance: the forecasts of {first} were \
                        not kept or cannot be read"
                    )
                })
            }
            Err(Unweighable::Apart(why)) => Err(untested(why, &shown)),
            Err(Unweighable::FewWindows(windows)) => Err(format!(
                "no test says what of this is chance: there are {windows} common windows, and \
                    fewer than {LEAST_WINDOWS} say nothing"
            )),
            Err(Unweighable::NoForecasts) => Ok(None),
        }
    }
}

/// Why no test compares rows of several subjects, in a sentence.
fn untested(why: Apart, runs: &[&RunRecord]) -> String {
    let mut sweeps: Vec<(Subject<'_>, BTreeSet<String>)> = Vec::new();
    for run in runs {
        let subject = Subject::of(run);
        match sweeps.iter_mut().find(|(other, _)| other.apart(&subject).is_none()) {
            Some((_, names)) => drop(names.insert(names_of(run))),
            None => sweeps.push((subject, BTreeSet::from([names_of(run)]))),
        }
    }
    let mut seen = HashSet::new();
    let each_once = sweeps.len() > 1
        && sweeps.iter().flat_map(|(_, names)| names).all(|name| seen.insert(name));
    let mut groups: Vec<String> = sweeps
        .iter()
        .map(|(_, names)| names.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
        .collect();
    groups.sort_unstable();
    let which = if each_once { format!(" ({})", groups.join(" | ")) } else { String::new() };
    match why {
        Apart::Data => format!(
            "the rows are of {} different series{which}: no test compares them, and errors of one \
                say nothing about another",
            sweeps.len().max(2)
        ),
        Apart::Target if sweeps.len() < 2 => {
            "the rows read the same data differently: the same bars came to other targets, so no \
                test compares them"
                .to_owned()
        }
        Apart::Target => format!(
            "the rows forecast {} different targets{which}: no test compares them, and errors of \
                one say nothing about another",
            sweeps.len()
        ),
    }
}

fn names_of(run: &RunRecord) -> String {
    names(run).0
}

/// Runs by the names of their sweep and their own.
struct Runs<'a> {
    by_name: HashMap<(String, String), &'a RunRecord>,
}

impl<'a> Runs<'a> {
    fn of(runs: &'a [RunRecord]) -> Self {
        Self { by_name: runs.iter().map(|run| (names(run), run)).collect() }
    }

    fn of_row(&self, row: &Row) -> impl Iterator<Item = &'a RunRecord> {
        row.runs
            .iter()
            .filter_map(|run| self.by_name.get(&(row.sweep.clone(), run.clone())).copied())
    }
}

/// The rows of the search.
struct Rows<'a> {
    candidates: Vec<Candidate<'a>>,
    /// Of each compared row, which of them it is.
    places: Vec<usize>,
}

impl<'a> Rows<'a> {
    /// The search's own rows, where each compared row is one of them or a part of one; else the
    /// compared rows, then the others.
    fn of(comparison: &Comparison, ranked: &[&Row], runs: &Runs<'a>, search: &Search<'a>) -> Self {
        let objective = comparison.objective;
        let candidate = |row: &Row, folds: &BTreeSet<usize>, is_primary: bool| Candidate {
            repeats: whole_repeats(runs.of_row(row), folds, |run| {
                counted(run, objective).is_some()
            }),
            is_primary,
        };
        let own_folds = folds_of(&search.runs[..search.compared]);
        let own = || ranked.iter().map(|row| candidate(row, &own_folds, true));
        if search.compared == search.runs.len() {
            return Self { candidates: own().collect(), places: (0..ranked.len()).collect() };
        }
        let whole =
            compare(search.runs, Objective { metric: objective, direction: comparison.direction });
        let folds = folds_of(search.runs);
        let first = ranked.first().and_then(|row| runs.of_row(row).next());
        let is_comparable = |row: &&Row| {
            runs.of_row(row).all(|run| first.is_none_or(|first| apart([first, run]).is_none()))
        };
        let least = ranked.first().map_or(0, |row| row.seeds.missing());
        let is_whole = |row: &&Row| row.rank.is_some() && row.seeds.missing() <= least;
        let rows: Vec<&Row> = whole.rows.iter().filter(is_whole).filter(is_comparable).collect();
        let mut place_of: HashMap<(&str, &str), usize> = HashMap::new();
        for (place, row) in rows.iter().enumerate() {
            place_of.extend(row.runs.iter().map(|run| ((row.sweep.as_str(), run.as_str()), place)));
        }
        let of_ranked = |row: &&Row| {
            row.runs
                .first()
                .and_then(|run| place_of.get(&(row.sweep.as_str(), run.as_str())).copied())
        };
        let places: Option<Vec<usize>> = ranked.iter().map(of_ranked).collect();
        match places {
            Some(places) => {
                let is_shown: HashSet<usize> = places.iter().copied().collect();
                let is_primary = |place: usize, row: &Row| {
                    is_shown.contains(&place) || runs.of_row(row).any(|run| run.current)
                };
                let candidates = rows
                    .iter()
                    .enumerate()
                    .map(|(place, row)| candidate(row, &folds, is_primary(place, row)));
                Self { candidates: candidates.collect(), places }
            }
            None => {
                let shown: HashSet<(&str, &str)> = ranked
                    .iter()
                    .flat_map(|row| row.runs.iter().map(|run| (row.sweep.as_str(), run.as_str())))
                    .collect();
                let is_other = |row: &&&Row| {
                    row.runs.iter().all(|run| !shown.contains(&(row.sweep.as_str(), run.as_str())))
                };
                let others = rows.iter().filter(is_other).map(|row| candidate(row, &folds, false));
                Self {
                    candidates: own().chain(others).collect(),
                    places: (0..ranked.len()).collect(),
                }
            }
        }
    }

    /// The tests over all windows that the search's primary rows have; where these are too few,
    /// over those of the compared rows.
    fn tested(
        &self,
        metric: Metric,
        search: &Search<'_>,
        shown: &[&RunRecord],
    ) -> Result<(Weighed, Counts), Unweighable> {
        let horizon = shown.first().map_or(1, |run| run.trial.settings.data.target.horizon);
        let (tried, by_ledger) = tried(metric.split, search, shown);
        let possible = self.candidates.iter().flat_map(trials).count();
        let resamples = if tried.len() > 4 * possible.max(1) { MORE_RESAMPLES } else { RESAMPLES };
        let settings = Settings { metric, horizon, resamples };
        let found = match stored(&self.candidates, settings, search) {
            Err(Unweighable::FewWindows(_) | Unweighable::Apart(_))
                if search.compared < search.runs.len() =>
            {
                let shown: HashSet<usize> = self.places.iter().copied().collect();
                let narrow =
                    self.candidates.iter().enumerate().map(|(place, candidate)| Candidate {
                        repeats: candidate.repeats.clone(),
                        is_primary: shown.contains(&place),
                    });
                stored(&narrow.collect::<Vec<_>>(), settings, search)?
            }
            found => found?,
        };
        let was_weighed = self.candidates.iter().zip(&found.rows).filter(|(_, row)| row.is_some());
        let weighed: HashSet<&TrialId> =
            was_weighed.flat_map(|(candidate, _)| trials(candidate)).collect();
        let of_shown: HashSet<&TrialId> = shown.iter().map(|run| &run.trial.id).collect();
        let counts = Counts {
            trials: tried.union(&weighed).count(),
            weighed: weighed.len(),
            shown: weighed.intersection(&of_shown).count(),
            by_ledger,
            damaged_lines: search.ledger.map_or(0, |ledger| ledger.damage.len()),
        };
        Ok((found, counts))
    }
}

/// Its trials, each once.
fn trials<'a>(candidate: &Candidate<'a>) -> impl Iterator<Item = &'a TrialId> {
    candidate.repeats.iter().flatten().map(|run| &run.trial.id)
}

/// Every trial that is known to have been tried on the compared rows' windows: by the ledger, and
/// of their sweeps those that ended, with or without a result. And whether the ledger knows of
/// them.
fn tried<'a>(
    split: Split,
    search: &Search<'a>,
    shown: &[&RunRecord],
) -> (HashSet<&'a TrialId>, bool) {
    let of = |run: &'a RunRecord| run.result.as_ref().and_then(|result| result.tried.as_ref());
    let is_shown: HashSet<&TrialId> = shown.iter().map(|run| &run.trial.id).collect();
    let on: HashSet<&Tried> =
        search.runs.iter().filter(|run| is_shown.contains(&run.trial.id)).filter_map(of).collect();
    // What was tried on the validation windows was not looked at on the test windows, unless it was
    // opened there.
    let was_looked_at = |run: &RunRecord| split != Split::Test || !run.evaluations.is_empty();
    let ended = |run: &RunRecord| {
        run.result.is_some() || matches!(run.progress.state, RunState::Ended(End::Failed { .. }))
    };
    let is_like = |run: &'a RunRecord| match of(run) {
        Some(own) if !on.is_empty() => on.iter().any(|tried| own.is_like(tried, split)),
        _ => {
            shown.first().is_none_or(|first| Subject::of(first).apart(&Subject::of(run)).is_none())
        }
    };
    let here = search
        .runs
        .iter()
        .filter(|run| ended(run) && was_looked_at(run) && is_like(run))
        .map(|run| &run.trial.id);
    let mut tried: HashSet<&TrialId> = here.collect();
    let ledger = search.ledger.filter(|_| !on.is_empty());
    match (ledger, split) {
        (Some(ledger), Split::Train | Split::Valid) => tried.extend(ledger.like(&on, split)),
        (Some(ledger), Split::Test) => tried.extend(ledger.opened(&on)),
        (None, _) => {}
    }
    (tried, ledger.is_some())
}

/// What was kept of these rows' forecasts, or what they come to now.
fn stored(
    candidates: &[Candidate<'_>],
    settings: Settings,
    search: &Search<'_>,
) -> Result<Weighed, Unweighable> {
    let Some(stored) = search.stored.filter(|_| candidates.len() >= super::stored::LEAST_ROWS)
    else {
        return weighed(candidates, settings, search.read);
    };
    let key = key(candidates, settings, stored);
    if let Some(found) =
        stored.get(settings, &key).filter(|found| found.rows.len() == candidates.len())
    {
        return Ok(found);
    }
    let found = weighed(candidates, settings, search.read)?;
    stored.put(settings, &key, &found);
    Ok(found)
}

#[cfg(test)]
pub(super) mod tests;
