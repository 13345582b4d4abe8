//! Whole sweeps side by side: what differs in their settings, what the best and the others came to,
//! and whether the bests differ by more than chance.

use serde::Serialize;
use serde_json::Value as Json;
use std::collections::HashSet;
use std::io::{self, Write};

use super::comparison::{Comparison, Row, counted};
use super::fold::{folds_of, whole_repeats};
use super::group::Spread;
use super::join::{Windows, apart};
use super::print::setting;
use super::search::Read;
use super::weighing::{Candidate, LEAST_WINDOWS, forecasts, losses};
use crate::records::{Forecasts, RunRecord};
use crate::{Alternative, diebold_mariano, holm};
use experiment::metric::{Direction, Metric};
use text::{Align, UNDEFINED, cleaned, number, table};

/// A p-value at most this is called more than chance.
const LEVEL: f64 = 0.05;
/// Values of a setting that are listed.
const MOST_VALUES: usize = 6;

/// Sweeps as columns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sides {
    /// What their rows are ranked by.
    pub objective: Metric,
    /// In the order in which they were named.
    pub sweeps: Vec<Side>,
    /// Settings whose values are not the same in all sweeps.
    pub differing: Vec<SideSetting>,
    /// The first sweep's best row against each other one's.
    pub bests: Vec<BestPair>,
    /// Whether the comparison says why no test compares the rows: once is enough.
    #[serde(skip)]
    pub is_said_below: bool,
}

/// One sweep.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// Its name.
    pub sweep: String,
    /// Ranked.
    pub rows: usize,
    /// Runs of these rows that count.
    pub runs: usize,
    /// Runs without a place.
    pub unranked: usize,
    /// The best row's first run.
    pub best_run: Option<String>,
    /// The best row's objective.
    pub best: Option<Spread>,
    /// Lower quartile, median and upper quartile of the rows' objectives, the better end first.
    pub quartiles: Option<[f64; 3]>,
    /// The last row's objective.
    pub last: Option<f64>,
    /// Rows whose skill is above 0: better than every baseline.
    pub skilled: usize,
    /// The highest skill.
    pub skill: Option<f64>,
}

/// A setting that the sweeps do not have alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SideSetting {
    /// Dotted, as in the file.
    pub key: String,
    /// Its values in each sweep, ascending.
    pub values: Vec<Vec<Json>>,
}

/// Two best rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BestPair {
    /// One side.
    pub first: String,
    /// The other.
    pub second: String,
    /// Windows that both have, of the same data and target; `None` where they have too few.
    pub windows: Option<usize>,
    /// That neither is better (Diebold & Mariano, with the correction of Harvey, Leybourne &
    /// Newbold; two-sided), adjusted by Holm over the pairs.
    pub p: Option<f64>,
}

impl Sides {
    /// The sweeps of a comparison, in this order; `None` of fewer than two.
    #[must_use]
    pub fn of(
        comparison: &Comparison,
        sweeps: &[String],
        runs: &[RunRecord],
        read: Read<'_>,
    ) -> Option<Self> {
        (sweeps.len() > 1).then_some(())?;
        let sides: Vec<Side> = sweeps.iter().map(|sweep| side(comparison, sweep)).collect();
        Some(Self {
            objective: comparison.objective,
            differing: differing(comparison, sweeps),
            bests: bests(comparison, &sides, runs, read),
            sweeps: sides,
            is_said_below: comparison.untested.is_some(),
        })
    }

    /// Prints the sweeps as columns, then the settings that differ between them, then what chance
    /// says of their bests.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "sweeps")?;
        let mut header = vec![(String::new(), Align::Left)];
        header.extend(self.sweeps.iter().map(|side| (cleaned(&side.sweep), Align::Right)));
        let line = |name: &str, cell: &dyn Fn(&Side) -> String| {
            std::iter::once(name.to_owned())
                .chain(self.sweeps.iter().map(cell))
                .collect::<Vec<String>>()
        };
        let quartile = |place: usize| {
            move |side: &Side| number(side.quartiles.map(|quartiles| quartiles[place]))
        };
        let rows = [
            line("rows (runs)", &|side| format!("{} ({})", side.rows, side.runs)),
            line("without a place", &|side| side.unranked.to_string()),
            line("best run", &|side| {
                side.best_run.as_deref().map_or_else(|| UNDEFINED.into(), cleaned)
            }),
            line(&format!("best {}", self.objective), &|side| spread(side.best)),
            line("  better quartile", &quartile(0)),
            line("  median", &quartile(1)),
            line("  worse quartile", &quartile(2)),
            line("  last", &|side| number(side.last)),
            line("highest skill", &|side| number(side.skill)),
            line("better than all baselines", &|side| format!("{} of {}", side.skilled, side.rows)),
        ];
        write!(out, "{}", table(&header, rows))?;
        writeln!(out, "\nwhat differs between the sweeps")?;
        if self.differing.is_empty() {
            writeln!(out, "nothing: their settings have the same values")?;
        } else {
            let mut header = vec![("setting".to_owned(), Align::Left)];
            header.extend(self.sweeps.iter().map(|side| (cleaned(&side.sweep), Align::Left)));
            let rows = self.differing.iter().map(|differing| {
                std::iter::once(cleaned(&differing.key))
                    .chain(differing.values.iter().map(|values| listed(values)))
                    .collect()
            });
            write!(out, "{}", table(&header, rows))?;
        }
        writeln!(out)?;
        self.bests.iter().try_for_each(|pair| writeln!(out, "{}", cleaned(&self.sentence(pair))))
    }

    fn sentence(&self, pair: &BestPair) -> String {
        let of = |name: &str| {
            self.sweeps
                .iter()
                .find(|side| side.sweep == name)
                .and_then(|side| side.best)
                .map(|best| best.mean)
        };
        let BestPair { first, second, windows, p } = pair;
        let (Some(ours), Some(theirs)) = (of(first), of(second)) else {
            return format!(
                "{first} or {second} has no row with a {}: their bests cannot be compared",
                self.objective
            );
        };
        let numbers = format!(
            "the best of {first} has a {} of {}, that of {second} {}",
            self.objective,
            number(Some(ours)),
            number(Some(theirs))
        );
        match (windows, p) {
            (None, _) if self.is_said_below => numbers,
            (None, _) => format!(
                "{numbers}: they were not measured on the same windows, so nothing says which is \
                    better"
            ),
            (Some(windows), Some(p)) => {
                let told =
                    if *p <= LEVEL { "more than chance" } else { "chance explains the difference" };
                let p = if *p < 0.001 { "p below 0.001".to_owned() } else { format!("p = {p:.3}") };
                format!(
                    "{numbers}: {told} (Diebold-Mariano, two-sided, {p}; {windows} windows); each \
                        was chosen as the best of its sweep on these windows"
                )
            }
            (Some(_), None) => format!("{numbers}: whether that is more than chance is undefined"),
        }
    }
}

fn spread(spread: Option<Spread>) -> String {
    match spread {
        Some(Spread { mean, sd: Some(sd), n }) => {
            format!("{} ± {} ({n})", number(Some(mean)), number(Some(sd)))
        }
        value => number(value.map(|value| value.mean)),
    }
}

fn listed(values: &[Json]) -> String {
    let mut texts: Vec<String> =
        values.iter().take(MOST_VALUES).map(|value| setting(Some(value))).collect();
    if values.len() > MOST_VALUES {
        texts.push(format!("… {} values", values.len()));
    }
    texts.join(", ")
}

fn side(comparison: &Comparison, sweep: &str) -> Side {
    let rows: Vec<&Row> =
        comparison.rows.iter().filter(|row| row.sweep == sweep && row.rank.is_some()).collect();
    // From the best to the worst; ranked rows are not, where some lack seeds.
    let mut values: Vec<f64> = rows.iter().filter_map(|row| Some(row.value?.mean)).collect();
    values.sort_by(|a, b| match comparison.direction {
        Direction::Minimize => a.total_cmp(b),
        Direction::Maximize => b.total_cmp(a),
    });
    let at = |share: f64| {
        let place = share * values.len().checked_sub(1)? as f64;
        let (below, above) =
            (*values.get(place.floor() as usize)?, *values.get(place.ceil() as usize)?);
        Some(below + (above - below) * place.fract())
    };
    let skills = || rows.iter().filter_map(|row| Some(row.skill?.mean));
    Side {
        sweep: sweep.to_owned(),
        rows: rows.len(),
        runs: rows.iter().filter_map(|row| Some(row.value?.n)).sum(),
        unranked: comparison.unranked.iter().filter(|run| run.sweep == sweep).count(),
        best_run: rows.first().map(|row| row.run.clone()),
        best: rows.first().and_then(|row| row.value),
        quartiles: at(0.25).zip(at(0.5)).zip(at(0.75)).map(|((a, b), c)| [a, b, c]),
        last: values.last().copied(),
        skilled: skills().filter(|skill| *skill > 0.0).count(),
        skill: skills().reduce(f64::max),
    }
}

fn differing(comparison: &Comparison, sweeps: &[String]) -> Vec<SideSetting> {
    let all = comparison.differing.iter().map(|difference| {
        // By their texts, which are equal where the values are: rows are gone through once and not
        // once a value.
        let texts = |sweep: &String| -> HashSet<String> {
            let rows = comparison.rows.iter().filter(|row| row.sweep == *sweep);
            rows.map(|row| row.settings.get(&difference.key).unwrap_or(&Json::Null).to_string())
                .collect()
        };
        let of = |sweep| {
            let texts = texts(sweep);
            difference
                .values
                .iter()
                .map(|value| &value.value)
                .filter(|value| texts.contains(&value.to_string()))
                .cloned()
                .collect()
        };
        SideSetting { key: difference.key.clone(), values: sweeps.iter().map(of).collect() }
    });
    all.filter(|setting| setting.values.windows(2).any(|pair| pair[0] != pair[1])).collect()
}

fn bests(
    comparison: &Comparison,
    sides: &[Side],
    runs: &[RunRecord],
    read: Read<'_>,
) -> Vec<BestPair> {
    let Some((first, others)) = sides.split_first() else { return Vec::new() };
    let all: Vec<Option<Best>> =
        sides.iter().map(|side| best(comparison, &side.sweep, runs, read)).collect();
    let tested = |place: usize| all[0].as_ref()?.beside(all[place].as_ref()?, comparison.yardstick);
    let mut pairs: Vec<BestPair> = Vec::new();
    for (place, other) in others.iter().enumerate() {
        let found = tested(place + 1);
        pairs.push(BestPair {
            first: first.sweep.clone(),
            second: other.sweep.clone(),
            windows: found.map(|(windows, _)| windows),
            p: found.and_then(|(_, p)| p),
        });
    }
    let adjusted = holm(&pairs.iter().map(|pair| pair.p).collect::<Vec<_>>());
    pairs.iter_mut().zip(adjusted).for_each(|(pair, p)| pair.p = p);
    pairs
}

/// A sweep's best row: what it is of, and its forecasts by repeat.
struct Best<'a> {
    run: &'a RunRecord,
    windows: Windows,
    repeats: Vec<Forecasts>,
}

fn best<'a>(
    comparison: &Comparison,
    sweep: &str,
    runs: &'a [RunRecord],
    read: Read<'_>,
) -> Option<Best<'a>> {
    let row = comparison.rows.iter().find(|row| row.sweep == sweep && row.rank.is_some())?;
    let own: Vec<&RunRecord> = runs.iter().filter(|run| is_of(row, run)).collect();
    let is_counted = |run: &RunRecord| counted(run, comparison.objective).is_some();
    let candidate = Candidate {
        repeats: whole_repeats(own.iter().copied(), &folds_of(runs), is_counted),
        is_primary: true,
    };
    let repeats = forecasts(&candidate, comparison.yardstick.split, read)?;
    let windows =
        repeats.iter().skip(1).try_fold(Windows::of(repeats.first()?)?, |windows, repeat| {
            windows.narrowed(repeat).ok().map(|narrower| narrower.unwrap_or(windows))
        })?;
    Some(Best { run: candidate.repeats.first()?.first()?, windows, repeats })
}

impl Best<'_> {
    /// Windows of both, and p that neither is better; `None` where they are not of the same.
    fn beside(&self, other: &Self, metric: Metric) -> Option<(usize, Option<f64>)> {
        if apart([self.run, other.run]).is_some() {
            return None;
        }
        let windows = other.repeats.iter().try_fold(self.windows.clone(), |windows, repeat| {
            windows.narrowed(repeat).ok().map(|narrower| narrower.unwrap_or(windows))
        })?;
        (windows.len() >= LEAST_WINDOWS).then_some(())?;
        let (ours, theirs) =
            (losses(&windows, &self.repeats, metric)?, losses(&windows, &other.repeats, metric)?);
        let differential: Vec<f64> = ours.iter().zip(&theirs).map(|(a, b)| a - b).collect();
        let horizon = self.run.trial.settings.data.target.horizon;
        Some((
            windows.len(),
            diebold_mariano(&differential, horizon).and_then(|test| test.p(Alternative::TwoSided)),
        ))
    }
}

fn is_of(row: &Row, run: &RunRecord) -> bool {
    let (sweep, name) = super::value::names(run);
    sweep == row.sweep && row.runs.contains(&name)
}

#[cfg(test)]
mod tests;
