//! A comparison as a person reads it.
//!
//! ```text
//! what differs
//! setting              values (rows)
//! model.hidden_size    16 (1), 32 (1)
//!
//! valid.rmse in price, lower is better; numbers are of the best epoch
//!   #  run                     hidden_size  best epoch  train.rmse        valid.rmse  valid.skill
//!   1  77ab01c2d3e4 +2                  32           7       3.100  3.900 ± 0.01 (3)         0.05
//! (2)  persistence (baseline)                                                 4.000            0
//!
//! the best trial's …
//! ```

use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

use super::comparison::{BaselineRow, Comparison, Interval, Row};
use super::differ::Difference;
use super::group::Spread;
use super::seeds::Seeds;
use super::significance::Significance;
use experiment::metric::{Direction, Metric, Quantity, Split};
use text::{Align, UNDEFINED, cleaned, number, table};

/// Most rows that are shown as columns of the table of differences.
const MOST_COLUMNS: usize = 6;
/// Most differing settings that are repeated in the ranking.
const MOST_SETTINGS: usize = 6;
/// Most values of a setting that are listed.
const MOST_VALUES: usize = 8;
/// Most characters of a setting's value in the ranking.
const MOST_CHARACTERS: usize = 32;
/// Most runs without a place that the short form lists.
const MOST_UNRANKED: usize = 5;

impl Comparison {
    /// Prints everything: what differs, the ranking beside the baselines, runs without a place,
    /// notes and the verdict.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write, intervals: Intervals) -> io::Result<()> {
        if self.rows.len() > 1 {
            writeln!(out, "what differs")?;
            if self.differing.is_empty() {
                writeln!(out, "nothing: the settings of all rows are equal")?;
            } else if self.rows.len() <= MOST_COLUMNS {
                write!(out, "{}", self.differences_by_row())?;
            } else {
                write!(out, "{}", self.differences_by_value())?;
            }
            writeln!(out)?;
        }
        self.write_results(out, usize::MAX, intervals)?;
        if !self.unranked.is_empty() {
            writeln!(out, "\nnot ranked")?;
            write!(out, "{}", self.unranked(usize::MAX))?;
        }
        self.write_end(out)
    }

    /// Prints the ranking's first `top` rows beside the baselines, the first of the runs without a
    /// place, notes and the verdict.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_ranking(
        &self,
        out: &mut dyn Write,
        top: usize,
        intervals: Intervals,
    ) -> io::Result<()> {
        self.write_results(out, top, intervals)?;
        let ranked = self.ranked().count();
        if ranked > top {
            writeln!(out, "… and {} more", ranked - top)?;
        }
        if !self.unranked.is_empty() {
            writeln!(out, "\nnot ranked ({})", self.unranked.len())?;
            write!(out, "{}", self.unranked(MOST_UNRANKED))?;
            if self.unranked.len() > MOST_UNRANKED {
                writeln!(out, "… and {} more", self.unranked.len() - MOST_UNRANKED)?;
            }
        }
        self.write_end(out)
    }

    /// What it comes to, in sentences: whether the best row beats the best baseline, and what
    /// chance says of that.
    #[must_use]
    pub fn conclusion(&self) -> Vec<String> {
        let tests =
            self.significance.iter().flat_map(Significance::sentences).chain(self.untested.clone());
        std::iter::once(self.verdict.clone()).chain(tests).collect()
    }

    fn write_end(&self, out: &mut dyn Write) -> io::Result<()> {
        for note in &self.notes {
            writeln!(out, "\nnote: {}", cleaned(note))?;
        }
        writeln!(out)?;
        self.conclusion().iter().try_for_each(|sentence| writeln!(out, "{}", cleaned(sentence)))
    }

    fn write_results(
        &self,
        out: &mut dyn Write,
        top: usize,
        intervals: Intervals,
    ) -> io::Result<()> {
        if self.ranked().next().is_none() {
            return Ok(());
        }
        let confidence = self
            .ranked()
            .take(top)
            .find_map(|row| row.interval)
            .map(|interval| interval.confidence);
        let (table, is_with) = match (intervals, confidence) {
            (Intervals::Hidden, _) | (_, None) => (self.results(top, Cells::Values), false),
            (Intervals::Shown, Some(_)) => (self.results(top, Cells::WithIntervals), true),
            (Intervals::Within { columns }, Some(_)) => {
                let table = self.results(top, Cells::WithIntervals);
                let fits = table.lines().all(|line| line.width() <= columns);
                if fits { (table, true) } else { (self.results(top, Cells::Values), false) }
            }
        };
        let unit = self.objective.unit(&self.target_unit);
        let unit =
            if unit.trim_matches('²').is_empty() { String::new() } else { format!(" in {unit}") };
        let better = match self.direction {
            Direction::Minimize => "lower",
            Direction::Maximize => "higher",
        };
        let spread = if self.is_repeated() {
            format!("; mean ± standard deviation ({})", self.spread_over)
        } else {
            String::new()
        };
        let alike =
            if self.significance.is_some() { "; ≈ cannot be told from the best" } else { "" };
        let within = match confidence.filter(|_| is_with) {
            Some(confidence) => {
                format!(
                    "; [{} % interval]",
                    number(Some(confidence * 100.0)).trim_end_matches('0').trim_end_matches('.')
                )
            }
            None => String::new(),
        };
        writeln!(
            out,
            "{}{unit}, {better} is better; numbers are of the best epoch by \
                valid.loss{spread}{within}{alike}",
            self.objective
        )?;
        write!(out, "{table}")
    }

    fn results(&self, top: usize, shown: Cells) -> String {
        let keys: Vec<&str> =
            if self.differing.len() <= MOST_SETTINGS { self.keys().collect() } else { Vec::new() };
        let columns = self.columns();
        let mut header = vec![("#".to_owned(), Align::Right), ("run".to_owned(), Align::Left)];
        header.extend(short_names(&keys).into_iter().map(|name| (cleaned(&name), Align::Right)));
        header.push(("best epoch".into(), Align::Right));
        header.extend(columns.iter().map(|metric| (metric.to_string(), Align::Right)));
        let naming = self.naming();
        let rows = self.ranked().take(top).enumerate().map(|(index, row)| {
            let alike = self.significance.as_ref().is_some_and(|found| found.is_alike(index));
            let mut cells = self.result_row(row, naming, &keys, &columns, shown);
            if alike && let Some(rank) = cells.first_mut() {
                rank.insert(0, '≈');
            }
            cells
        });
        let baselines =
            self.baselines.iter().map(|baseline| self.baseline_row(baseline, keys.len(), &columns));
        table(&header, rows.chain(baselines))
    }

    fn ranked(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.rank.is_some())
    }

    fn is_repeated(&self) -> bool {
        self.rows.iter().any(|row| row.value.is_some_and(|value| value.n > 1))
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.differing.iter().map(|difference| difference.key.as_str())
    }

    /// Train, validation, then the objective where it is neither, the yardstick where it is another
    /// one again, and the skill.
    pub fn columns(&self) -> Vec<Metric> {
        let quantity = if self.objective.quantity.is_of_training() {
            self.objective.quantity
        } else {
            Quantity::Rmse
        };
        let skill = Metric::DEFAULT;
        let mut columns = vec![
            Metric { split: Split::Train, quantity },
            Metric { split: Split::Valid, quantity },
        ];
        columns
            .extend([self.objective, self.yardstick].into_iter().filter(|metric| *metric != skill));
        columns.push(skill);
        let mut seen = Vec::new();
        columns.retain(|metric| {
            let is_new = !seen.contains(metric);
            seen.push(*metric);
            is_new
        });
        columns
    }

    fn result_row(
        &self,
        row: &Row,
        naming: Naming,
        keys: &[&str],
        columns: &[Metric],
        shown: Cells,
    ) -> Vec<String> {
        let mut cells = vec![
            row.rank.map_or_else(|| UNDEFINED.into(), |rank| rank.to_string()),
            naming.row(row),
        ];
        cells.extend(keys.iter().map(|key| shortened(&setting(row.settings.get(*key)))));
        cells.push(match (row.best_epochs.iter().min(), row.best_epochs.iter().max()) {
            (Some(least), Some(most)) if least < most => format!("{least}–{most}"),
            (Some(least), _) => least.to_string(),
            _ => UNDEFINED.into(),
        });
        cells.extend(columns.iter().map(|metric| match row.metric(*metric, self) {
            Some(value) if *metric == self.objective => {
                with_spread(value, row.seeds) + &within(row.interval, shown)
            }
            value => number(value.map(|value| value.mean)),
        }));
        cells
    }

    fn baseline_row(&self, baseline: &BaselineRow, keys: usize, columns: &[Metric]) -> Vec<String> {
        let name = match baseline.variants {
            1 => format!("{} (baseline)", cleaned(&baseline.name)),
            variants => format!("{} (baseline, best of {variants})", cleaned(&baseline.name)),
        };
        let mut cells = vec![format!("({})", baseline.would_rank), name];
        cells.extend(std::iter::repeat_n(String::new(), keys + 1));
        cells.extend(columns.iter().map(|metric| match *metric {
            metric if metric == self.yardstick => number(Some(baseline.value)),
            Metric { split: Split::Valid, quantity: Quantity::Skill }
                if self.yardstick.split == Split::Valid =>
            {
                number(baseline.skill)
            }
            _ => String::new(),
        }));
        cells
    }

    pub(super) fn naming(&self) -> Naming {
        if self.rows.windows(2).all(|pair| pair[0].sweep == pair[1].sweep) {
            Naming::Run
        } else {
            Naming::SweepAndRun
        }
    }

    fn differences_by_row(&self) -> String {
        let naming = self.naming();
        let mut header = vec![("setting".to_owned(), Align::Left)];
        header.extend(self.rows.iter().map(|row| (naming.row(row), Align::Right)));
        let cells = |difference: &Difference| {
            let values = self.rows.iter().map(|row| setting(row.settings.get(&difference.key)));
            std::iter::once(cleaned(&difference.key)).chain(values).collect()
        };
        table(&header, self.differing.iter().map(cells))
    }

    fn differences_by_value(&self) -> String {
        let header =
            [("setting".to_owned(), Align::Left), ("values (rows)".to_owned(), Align::Left)];
        let cells = |difference: &Difference| {
            let values = &difference.values;
            let mut texts: Vec<String> = values
                .iter()
                .take(MOST_VALUES)
                .map(|value| format!("{} ({})", setting(Some(&value.value)), value.rows))
                .collect();
            if values.len() > MOST_VALUES {
                let most = values
                    .iter()
                    .rev()
                    .find(|value| !value.value.is_null())
                    .map(|value| setting(Some(&value.value)));
                texts.push(format!("… {} values up to {}", values.len(), most.unwrap_or_default()));
            }
            vec![cleaned(&difference.key), texts.join(", ")]
        };
        table(&header, self.differing.iter().map(cells))
    }

    fn unranked(&self, most: usize) -> String {
        let header = [
            ("run", Align::Left),
            ("epochs", Align::Right),
            ("so far", Align::Right),
            ("state", Align::Left),
        ]
        .map(|(n, a)| (n.to_owned(), a));
        let naming = self.naming();
        let cells = self.unranked.iter().take(most).map(|unranked| {
            vec![
                naming.run(&unranked.sweep, &unranked.run),
                unranked.epochs.to_string(),
                number(unranked.so_far),
                cleaned(&unranked.state),
            ]
        });
        table(&header, cells)
    }
}

/// Whether the objective is shown with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intervals {
    /// Without.
    Hidden,
    /// With, however wide the table becomes.
    Shown,
    /// With, if the table is no wider than a terminal.
    Within {
        /// The terminal's.
        columns: usize,
    },
}

/// What stands in the objective's column.
#[derive(Clone, Copy)]
enum Cells {
    Values,
    WithIntervals,
}

/// How runs are named: with their sweep where there are several.
#[derive(Clone, Copy)]
pub(super) enum Naming {
    Run,
    SweepAndRun,
}

impl Naming {
    fn run(self, sweep: &str, run: &str) -> String {
        match self {
            Self::Run => cleaned(run),
            Self::SweepAndRun => cleaned(&format!("{sweep}/{run}")),
        }
    }

    /// The run that stands for a row, and how many more it has.
    pub(super) fn row(self, row: &Row) -> String {
        let name = self.run(&row.sweep, &row.run);
        match row.runs.len() {
            0 | 1 => name,
            runs => format!("{name} +{}", runs - 1),
        }
    }
}

impl Row {
    /// Its value by a metric of the ranking's columns.
    pub fn metric(&self, metric: Metric, of: &Comparison) -> Option<Spread> {
        match metric {
            metric if metric == of.objective => self.value,
            Metric { split: Split::Valid, quantity: Quantity::Skill } => self.skill,
            metric if metric == of.yardstick => self.yardstick,
            Metric { split: Split::Train, .. } => self.train,
            Metric { split: Split::Valid, .. } => self.valid,
            Metric { split: Split::Test, .. } => None,
        }
    }
}

fn within(interval: Option<Interval>, shown: Cells) -> String {
    match (shown, interval) {
        (Cells::WithIntervals, Some(Interval { low, high, .. })) => {
            format!(" [{}, {}]", number(Some(low)), number(Some(high)))
        }
        _ => String::new(),
    }
}

/// A mean with its spread and what it is over: `3.900 ± 0.01 (3)`, `3.900 ± 0.01 (2 of 4 seeds)`.
fn with_spread(value: Spread, seeds: Seeds) -> String {
    let mean = number(Some(value.mean));
    let mean = value.sd.map_or_else(|| mean.clone(), |sd| format!("{mean} ± {}", number(Some(sd))));
    match seeds.lack() {
        Some(lack) if value.n > seeds.counted => format!("{mean} ({}, {lack})", value.n),
        Some(lack) => format!("{mean} ({lack})"),
        None if value.sd.is_some() => format!("{mean} ({})", value.n),
        None => mean,
    }
}

/// Keys by their last part, where that names one of them alone: `hidden_size`, but `schedule.kind`
/// and `optimizer.kind`.
pub fn short_names(keys: &[&str]) -> Vec<String> {
    let tail = |key: &str, parts: usize| {
        let all: Vec<&str> = key.split('.').collect();
        all[all.len().saturating_sub(parts)..].join(".")
    };
    let mut parts = 1;
    loop {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        keys.iter().for_each(|key| *counts.entry(tail(key, parts)).or_default() += 1);
        if parts > 8 || counts.values().all(|count| *count == 1) {
            return keys.iter().map(|key| tail(key, parts)).collect();
        }
        parts += 1;
    }
}

/// A setting as a table shows it.
pub fn setting(value: Option<&Json>) -> String {
    match value {
        None | Some(Json::Null) => UNDEFINED.into(),
        Some(Json::String(text)) => cleaned(text),
        Some(Json::Array(values)) => {
            format!(
                "[{}]",
                values.iter().map(|value| setting(Some(value))).collect::<Vec<_>>().join(", ")
            )
        }
        Some(Json::Number(value)) => value.as_f64().map_or_else(|| value.to_string(), significant),
        Some(value) => cleaned(&value.to_string()),
    }
}

/// A setting with six significant digits: grids over logarithms have values of twelve.
fn significant(value: f64) -> String {
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    Json::from(rounded).to_string().trim_end_matches(".0").to_owned()
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= MOST_CHARACTERS {
        return text.to_owned();
    }
    text.chars().take(MOST_CHARACTERS - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests;
