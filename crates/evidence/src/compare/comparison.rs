//! The comparison itself.

use serde::Serialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

use super::differ::{Difference, Flattener};
use super::fold::{folds_of, lacking, spread_over, whole_repeats};
use super::group::{Group, Spread, groups};
use super::rank::{Merit, place, ranked};
use super::seeds::{Seeds, seeds};
use super::significance::Significance;
use super::value::{baselines, estimate, state, target_unit, value};
use super::verdict::{Standing, verdict};
use crate::records::{Baseline, Estimate, RunRecord, baseline_value};
use experiment::Objective;
use experiment::event::End;
use experiment::metric::{Direction, Metric, Quantity, Split};

/// Runs side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What the rows are ranked by.
    pub objective: Metric,
    /// Which way is better.
    pub direction: Direction,
    /// Unit of the target; empty where the runs have different targets.
    pub target_unit: String,
    /// What the baselines are measured by: the objective, or valid.rmse where a baseline cannot
    /// have it.
    pub yardstick: Metric,
    /// What the runs of a row differ in: `seeds`, `folds`, `seeds and folds`.
    pub spread_over: String,
    /// The settings that differ between the rows.
    pub differing: Vec<Difference>,
    /// One row an assignment, the best first; those without a finite value last.
    pub rows: Vec<Row>,
    /// Forecasts without a network.
    pub baselines: Vec<BaselineRow>,
    /// Runs that do not count in the ranking, and why.
    pub unranked: Vec<Unranked>,
    /// Why some numbers should not be compared.
    pub notes: Vec<String>,
    /// Whether the best row beats the best baseline, in one sentence.
    pub verdict: String,
    /// What chance says of that; see [`Comparison::weigh`].
    pub significance: Option<Significance>,
    /// Why no test compares the rows, where their forecasts are not of the same; see
    /// [`Comparison::weigh`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub untested: Option<String>,
}

/// The runs of one assignment over its repeats and folds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// From 1, equal values share one; `None` without a value.
    pub rank: Option<usize>,
    /// The sweep's name.
    pub sweep: String,
    /// The run that stands for the row, which `SWEEP/best` names of the first row: of the runs that
    /// count those of the last fold, of these the one with the best value (the row's first run
    /// where none counts).
    pub run: String,
    /// The runs' names, by repeat and fold.
    pub runs: Vec<String>,
    /// How many of its seeds count, and how many there should be.
    pub seeds: Seeds,
    /// The settings that differ, `null` where absent or off.
    pub settings: BTreeMap<String, Json>,
    /// The best epoch of each run that counts.
    pub best_epochs: Vec<usize>,
    /// The objective.
    pub value: Option<Spread>,
    /// The objective's interval, of a row of one run; repeats have their spread instead.
    pub interval: Option<Interval>,
    /// The objective's quantity over the training windows (rmse where it is the skill).
    pub train: Option<Spread>,
    /// The same over the validation windows.
    pub valid: Option<Spread>,
    /// What the baselines are measured by.
    pub yardstick: Option<Spread>,
    /// 1 − mse / mse of the best baseline, on validation.
    pub skill: Option<Spread>,
    /// Its interval, of a row of one run.
    pub skill_interval: Option<Interval>,
}

/// Where a number may lie on other stretches of the same data; see [`crate::score`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Its probability, such as 0.95.
    pub confidence: f64,
}

/// A forecast without a network, beside the rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BaselineRow {
    /// `persistence`, `drift`, `seasonal`, `linear`, `har`.
    pub name: String,
    /// By the yardstick; the best of its variants.
    pub value: f64,
    /// 1 − mse / mse of the best baseline.
    pub skill: Option<f64>,
    /// The place that it would take among the rows.
    pub would_rank: usize,
    /// How many different values it has (over other windows or features).
    pub variants: usize,
}

/// A run without a place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unranked {
    /// The sweep's name.
    pub sweep: String,
    /// The run's name.
    pub run: String,
    /// In a word, with the reason.
    pub state: String,
    /// Epochs trained.
    pub epochs: usize,
    /// The objective at its best epoch so far.
    pub so_far: Option<f64>,
}

/// Compares runs: groups repeats, ranks by the objective, finds the settings that differ and places
/// the baselines.
#[must_use]
pub fn compare(runs: &[RunRecord], objective: Objective) -> Comparison {
    let Objective { metric, direction } = objective;
    let yardstick = yardstick(metric);
    let mut flattener = Flattener::default();
    let mut groups = groups(runs, &mut flattener);
    let folds = folds_of(runs);
    for group in &mut groups {
        group.runs.sort_by_key(|(_, run)| (run.trial.repeat, run.trial.fold()));
        group.counted = whole_repeats(group.runs.iter().map(|(_, run)| *run), &folds, |run| {
            counted(run, metric).is_some()
        });
    }
    let flats: Vec<_> = groups.iter().map(|group| group.flat.clone()).collect();
    let differing = flattener.differences(&flats);
    let seeds = seeds(&groups);
    let merit = |(group, seeds): (&Group, &Seeds)| Merit {
        value: spread(group, metric).map(|spread| spread.mean),
        missing_seeds: seeds.missing(),
    };
    let merits: Vec<Merit> = groups.iter().zip(&seeds).map(merit).collect();

    let mut rows = Vec::with_capacity(groups.len());
    let mut standings = Vec::new();
    let mut unranked = Vec::new();
    for (index, rank) in ranked(&merits, direction) {
        let group = &groups[index];
        let settings = differing
            .iter()
            .map(|difference| {
                (
                    difference.key.clone(),
                    flattener.get(&group.flat, &difference.key).cloned().unwrap_or_default(),
                )
            })
            .collect();
        rows.push(Row {
            seeds: seeds[index],
            run: representative(group, objective),
            ..row(group, rank, (metric, yardstick), settings)
        });
        if rank.is_some() {
            standings.push(Standing { seeds: seeds[index], ..standing(group, yardstick) });
        }
        let ranked: BTreeSet<_> = group.counted.iter().flatten().map(|run| &run.trial.id).collect();
        unranked.extend(group.runs.iter().filter(|(_, run)| !ranked.contains(&run.trial.id)).map(
            |(name, run)| Unranked {
                sweep: group.sweep.clone(),
                run: name.clone(),
                state: match counted(run, metric) {
                    Some(_) => {
                        let lacking =
                            lacking(run, group.runs.iter().map(|(_, run)| *run), &folds, |run| {
                                counted(run, metric).is_some()
                            });
                        let lacking: Vec<String> = lacking.iter().map(usize::to_string).collect();
                        format!(
                            "{}, but {metric} of fold {} is not there",
                            state(run),
                            lacking.join(", ")
                        )
                    }
                    None => why_unranked(run, metric),
                },
                epochs:
                    run.result.as_ref().map_or(run.progress.epochs.len(), |result| result.epochs),
                so_far: value(run, metric),
            },
        ));
    }
    let units: BTreeSet<&str> = runs.iter().map(target_unit).collect();
    Comparison {
        objective: metric,
        direction,
        target_unit: if units.len() == 1 {
            units.first().copied().unwrap_or_default().to_owned()
        } else {
            String::new()
        },
        yardstick,
        baselines: baseline_rows(&standings, yardstick),
        notes: notes(runs, metric, &differing, &units)
            .into_iter()
            .chain(lacking_seeds(&rows))
            .collect(),
        verdict: verdict(&standings, yardstick, spread_over(runs)),
        spread_over: spread_over(runs).to_owned(),
        significance: None,
        untested: None,
        differing,
        rows,
        unranked,
    }
}

/// A baseline has no training loss and is not fitted by epochs: what it is measured by instead.
fn yardstick(objective: Metric) -> Metric {
    match (objective.split, objective.quantity) {
        (
            Split::Valid | Split::Test,
            Quantity::Mse | Quantity::Mae | Quantity::Rmse | Quantity::Skill,
        ) => objective,
        (Split::Test, _) => Metric { split: Split::Test, quantity: Quantity::Rmse },
        _ => Metric { split: Split::Valid, quantity: Quantity::Rmse },
    }
}

/// The value that a run is ranked by, if it is: it has a result, did not fail, and the number is
/// finite.
pub(super) fn counted(run: &RunRecord, objective: Metric) -> Option<f64> {
    match run.result.as_ref()?.end {
        End::Finished | End::EarlyStopped | End::Stopped => value(run, objective),
        End::Failed { .. } | End::Interrupted => None,
    }
}

fn why_unranked(run: &RunRecord, objective: Metric) -> String {
    let state = state(run);
    match &run.result {
        Some(result) if !matches!(result.end, End::Failed { .. }) => match objective.split {
            Split::Test => format!("{state}, but its test rows were not opened (kiln evaluate)"),
            Split::Train | Split::Valid => format!("{state}, but {objective} is undefined"),
        },
        _ => match run.damage.first() {
            Some(damage) => format!("{state} (damaged: {damage})"),
            None => state,
        },
    }
}

/// A metric over the runs of a group that count.
fn spread(group: &Group, metric: Metric) -> Option<Spread> {
    Spread::of(
        &group.counted.iter().flatten().filter_map(|run| value(run, metric)).collect::<Vec<_>>(),
    )
}

fn row(
    group: &Group,
    rank: Option<usize>,
    (objective, yardstick): (Metric, Metric),
    settings: BTreeMap<String, Json>,
) -> Row {
    let quantity =
        if objective.quantity.is_of_training() { objective.quantity } else { Quantity::Rmse };
    let over = |metric| spread(group, metric);
    Row {
        rank,
        sweep: group.sweep.clone(),
        run: String::new(),
        runs: group.runs.iter().map(|(name, _)| name.clone()).collect(),
        seeds: Seeds::default(),
        settings,
        best_epochs: group
            .counted
            .iter()
            .flatten()
            .filter_map(|run| run.result.as_ref()?.best_epoch)
            .collect(),
        value: over(objective),
        interval: interval(group, objective),
        train: over(Metric { split: Split::Train, quantity }),
        valid: over(Metric { split: Split::Valid, quantity }),
        yardstick: over(yardstick),
        skill: over(Metric::DEFAULT),
        skill_interval: interval(group, Metric::DEFAULT),
    }
}

/// The interval of a metric of a group of one run.
fn interval(group: &Group, metric: Metric) -> Option<Interval> {
    let [(_, run)] = &group.runs[..] else { return None };
    let Estimate { value: _, low, high } = estimate(run, metric)?;
    Some(Interval {
        low: low?,
        high: high?,
        confidence: run.measured().scores(metric.split)?.confidence,
    })
}

/// Its yardstick and its own baselines, which are those of its first repeat that counts: repeats
/// share their windows. Of folds they are the means, as its yardstick is.
fn standing(group: &Group, yardstick: Metric) -> Standing {
    let folds: Vec<&[Baseline]> =
        group.counted.iter().take(1).flatten().map(|run| baselines(run, yardstick.split)).collect();
    let mean = |name: &str, quantity| -> Option<f64> {
        let of_fold = |own: &&[Baseline]| {
            baseline_value(own.iter().find(|baseline| baseline.name == name)?, own, quantity)
        };
        let values: Option<Vec<f64>> = folds.iter().map(of_fold).collect();
        Spread::of(&values?).map(|spread| spread.mean)
    };
    let names =
        || folds.first().into_iter().flat_map(|own| own.iter().map(|baseline| &baseline.name));
    let named =
        |quantity| names().filter_map(|name| Some((name.clone(), mean(name, quantity)?))).collect();
    let seeds = Seeds::default();
    Standing {
        value: spread(group, yardstick),
        seeds,
        baselines: named(yardstick.quantity),
        skills: named(Quantity::Skill),
    }
}

fn baseline_rows(standings: &[Standing], yardstick: Metric) -> Vec<BaselineRow> {
    // Rows that lack seeds stand behind those that do not, and behind a baseline, which lacks
    // nothing.
    let whole = standings.first().map_or(0, |standing| standing.seeds.missing());
    let values: Vec<f64> = standings
        .iter()
        .filter(|standing| standing.seeds.missing() <= whole)
        .filter_map(|standing| standing.value.map(|value| value.mean))
        .collect();
    let mut rows: Vec<BaselineRow> = Vec::new();
    let mut seen = BTreeSet::new();
    for standing in standings {
        for (name, value) in &standing.baselines {
            if !seen.insert((name.clone(), value.to_bits())) {
                continue;
            }
            let skill =
                standing.skills.iter().find(|(other, _)| other == name).map(|(_, skill)| *skill);
            match rows.iter_mut().find(|row| row.name == *name) {
                Some(row) => {
                    row.variants += 1;
                    if yardstick.direction().better(*value, row.value) {
                        (row.value, row.skill) = (*value, skill);
                    }
                }
                None => rows.push(BaselineRow {
                    name: name.clone(),
                    value: *value,
                    skill,
                    would_rank: 0,
                    variants: 1,
                }),
            }
        }
    }
    for row in &mut rows {
        row.would_rank = place(row.value, &values, yardstick.direction());
    }
    rows
}

/// The run that stands for a row: the newest fold's model is what a person would use, and of its
/// seeds the best.
fn representative(group: &Group, objective: Objective) -> String {
    let Objective { metric, direction } = objective;
    let counted: BTreeSet<_> = group.counted.iter().flatten().map(|run| &run.trial.id).collect();
    let counted = || group.runs.iter().filter(|(_, run)| counted.contains(&run.trial.id));
    let last = counted().map(|(_, run)| run.trial.fold()).max();
    let worth = |run: &RunRecord| value(run, metric).unwrap_or(f64::NAN);
    let of_last = counted().filter(|(_, run)| Some(run.trial.fold()) == last);
    let best =
        of_last.reduce(
            |best, other| {
                if direction.better(worth(other.1), worth(best.1)) { other } else { best }
            },
        );
    best.or(group.runs.first()).map(|(name, _)| name.clone()).unwrap_or_default()
}

/// That some rows lack seeds, if they do.
fn lacking_seeds(rows: &[Row]) -> Option<String> {
    let ranked = || rows.iter().filter(|row| row.rank.is_some());
    let lacking = ranked().filter(|row| row.seeds.missing() > 0).count();
    let all = ranked().count();
    let which = match lacking {
        0 => return None,
        lacking if lacking == all => "every assignment lacks seeds".to_owned(),
        1 => format!("1 of {all} assignments lacks seeds and is ranked after those that lack none"),
        lacking => format!(
            "{lacking} of {all} assignments lack seeds and are ranked after those that lack fewer"
        ),
    };
    Some(format!(
        "{which} (failed, deleted, still running or not named here): the mean of the others may be \
            that of survivors"
    ))
}

/// A note that gives way to the reason why no test compares the rows.
pub(super) const OTHER_WINDOWS: &str =
    "the runs were not measured on the same windows: compare their skill, not their errors";

fn notes(
    runs: &[RunRecord],
    objective: Metric,
    differing: &[Difference],
    units: &BTreeSet<&str>,
) -> Vec<String> {
    let mut notes = Vec::new();
    if units.len() > 1 {
        let units: Vec<&str> = units.iter().copied().collect();
        notes.push(format!(
            "the runs forecast different targets ({}): their errors cannot be compared",
            units.join(", ")
        ));
    }
    let windows = runs.iter().filter(|run| counted(run, objective).is_some()).filter_map(|run| {
        let persistence = baselines(run, objective.split)
            .iter()
            .find(|baseline| baseline.name == "persistence")?;
        let windows = match objective.split {
            Split::Test => run.evaluations.last()?.windows,
            Split::Train | Split::Valid => run.result.as_ref()?.windows.valid,
        };
        Some((run.trial.fold(), windows, persistence.mse.to_bits()))
    });
    let windows: BTreeSet<_> = windows.collect();
    let folds: BTreeSet<_> = windows.iter().map(|(fold, ..)| fold).collect();
    // Test windows are the same for all folds.
    let expected = if objective.split == Split::Test { 1 } else { folds.len() };
    let measures: BTreeSet<_> = windows.iter().map(|(_, windows, mse)| (windows, mse)).collect();
    let is_mixed = folds.len() > 1 && folds.contains(&None);
    let found = if objective.split == Split::Test { measures.len() } else { windows.len() };
    if units.len() == 1 && (found > expected || is_mixed) {
        notes.push(OTHER_WINDOWS.to_owned());
    }
    let of_loss = |key: &str| key == "train.loss" || key.starts_with("data.scale.");
    if let Some(key) = differing.iter().map(|difference| &difference.key).find(|key| of_loss(key))
        && objective.quantity == Quantity::Loss
    {
        notes.push(format!(
            "{objective} is in scaled units and {key} differs: rank by valid.rmse instead"
        ));
    }
    notes
}

#[cfg(test)]
mod tests;
