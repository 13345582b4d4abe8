//! Looks for the future in the past: what a feature, a scaler, a split or a target may know, tried
//! out on the experiment's own data.
//!
//! - `features`: each feature is computed again from bars cut off at random rows. Finds a feature
//!   that looks ahead (bit for bit).
//! - `scaling`: every bar after the training rows' last is changed. Finds a scaler that was fitted
//!   on more than the training rows.
//! - `splits`: the rows that each split's windows and targets use are laid side by side. Finds
//!   splits that share a row, or are shuffled.
//! - `target`: the last bar of a target is changed, then the bar after it. Finds a target that is
//!   known already, or is of another bar.
//! - `inputs`: a ridge regression on the last rows of the windows. Finds inputs that know the
//!   target: skill that no market gives.
//! - `controls`: the same with the target among the inputs, and with the targets shuffled. Finds a
//!   check that cannot find, or finds what is not there.
//!
//! freqtrade's `lookahead-analysis` does the first for trading strategies; the controls are what no
//! other tool does.

mod control;

use rand_chacha::rand_core::Rng;
use serde::Serialize;

use super::bars::Bars;
use super::length::BarLength;
use super::prepare::assemble;
use super::prepared::Prepared;
use super::problem::MarketError;
use super::{feature, source};
use experiment::Data;
use experiment::feature::Feature;
use experiment::seed;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// See the module's list.
    pub check: &'static str,
    /// What was looked at, in a few words.
    pub looked_at: String,
    /// The leak; `None` when there is none.
    pub leak: Option<String>,
}

/// Cuts at which features are computed again.
const CUTS: usize = 16;

/// Windows whose targets are tried out.
const TARGETS: usize = 64;

/// Checks the data of an experiment. `seed` chooses the rows that are tried.
///
/// # Errors
/// As [`super::prepare`].
pub fn leakcheck(data: &Data, seed: u64) -> Result<Vec<Finding>, MarketError> {
    let source::Loaded { mut bars, .. } = source::load(
        &data.source,
        super::prepare::volume(data),
        BarLength::declared(data.bar_seconds),
        None,
    )?;
    if let Some(rows) = data.rows {
        bars.keep_last(rows);
    }
    let problem =
        |problem: String| MarketError::new(format!("the data of the experiment: {problem}"));
    check(&Pipeline { column: &feature::column, assemble: &assemble_quietly }, data, &bars, seed)
        .map_err(problem)
}

/// What is under suspicion: exchanged by the tests for ones that leak.
struct Pipeline<'a> {
    column: &'a dyn Fn(Feature, &Bars) -> Vec<f64>,
    assemble: &'a dyn Fn(&Data, Bars) -> Result<Prepared, String>,
}

fn assemble_quietly(data: &Data, bars: Bars) -> Result<Prepared, String> {
    assemble(data, bars, Vec::new())
}

fn check(pipeline: &Pipeline, data: &Data, bars: &Bars, seed: u64) -> Result<Vec<Finding>, String> {
    let prepared = (pipeline.assemble)(data, bars.clone())?;
    let mut findings = features(pipeline, data, bars, seed);
    findings.push(scaling(pipeline, data, bars, &prepared)?);
    findings.push(splits(data, &prepared));
    findings.push(target(pipeline, data, bars, &prepared, seed)?);
    findings.extend(control::controls(data, &prepared, seed));
    Ok(findings)
}

fn features(pipeline: &Pipeline, data: &Data, bars: &Bars, seed: u64) -> Vec<Finding> {
    let cuts = drawn(seed, "leakcheck cuts", bars.len(), CUTS);
    let of = |&feature: &Feature| {
        let whole = (pipeline.column)(feature, bars);
        let differs = |&cut: &usize| {
            let early = (pipeline.column)(feature, &bars.prefix(cut));
            early.iter().zip(&whole).position(|(early, late)| early.to_bits() != late.to_bits())
        };
        let leak = cuts.iter().find_map(|cut| Some((*cut, differs(cut)?))).map(|(cut, row)| {
            format!(
                "'{feature}' at row {row} has another value when the bars from row {cut} on \
                are not known yet: it looks ahead"
            )
        });
        Finding { check: "features", looked_at: format!("{feature} at {} cuts", cuts.len()), leak }
    };
    data.features.iter().map(of).collect()
}

fn scaling(
    pipeline: &Pipeline,
    data: &Data,
    bars: &Bars,
    prepared: &Prepared,
) -> Result<Finding, String> {
    let warm_up = bars.len() - prepared.ts.len();
    let used =
        prepared.series.train.last().map_or(0, |&row| warm_up + row as usize + data.target.horizon);
    let mut changed = bars.clone();
    for column in changed.prices_and_volume() {
        column.iter_mut().skip(used + 1).for_each(|value| *value *= 1.75);
    }
    let other = (pipeline.assemble)(data, changed)?;
    let named = data
        .features
        .iter()
        .map(ToString::to_string)
        .zip(prepared.scaling.columns.iter().zip(&other.scaling.columns));
    let mut moved: Vec<String> =
        named.filter(|(_, (known, other))| known != other).map(|(name, _)| name).collect();
    if prepared.scaling.target != other.scaling.target {
        moved.push("the target".to_owned());
    }
    let leak = (!moved.is_empty()).then(|| {
        format!(
            "the scale of {} changes with bars that come after all training rows: it was not \
                fitted on them alone",
            moved.join(", ")
        )
    });
    Ok(Finding {
        check: "scaling",
        looked_at: format!(
            "{} scales, {} later bars changed",
            data.features.len() + 1,
            bars.len() - used - 1
        ),
        leak,
    })
}

fn splits(data: &Data, prepared: &Prepared) -> Finding {
    let Prepared { series, test, .. } = prepared;
    let named = [("training", &series.train), ("validation", &series.valid), ("test", test)];
    let mut leak = None;
    let mut used: Option<(&str, usize)> = None;
    for (name, ends) in named.into_iter().filter(|(_, ends)| !ends.is_empty()) {
        let first = ends.iter().map(|&end| end as usize + 1 - data.window).min().unwrap_or(0);
        let last = ends.iter().map(|&end| end as usize + data.target.horizon).max().unwrap_or(0);
        if let Some((earlier, until)) = used.filter(|(_, until)| first <= *until) {
            leak.get_or_insert_with(|| {
                format!(
                    "{name} windows begin at row {first}, {earlier} windows and their targets \
                    use rows up to {until}"
                )
            });
        }
        used = Some((name, last));
    }
    let counts = format!(
        "{} training, {} validation, {} test windows",
        series.train.len(),
        series.valid.len(),
        test.len()
    );
    Finding { check: "splits", looked_at: counts, leak }
}

fn target(
    pipeline: &Pipeline,
    data: &Data,
    bars: &Bars,
    prepared: &Prepared,
    seed: u64,
) -> Result<Finding, String> {
    let warm_up = bars.len() - prepared.ts.len();
    let horizon = data.target.horizon;
    let rows = apart(&prepared.series.train, 2 * horizon + 4, seed);
    let with_changed = |ahead: usize| -> Result<Prepared, String> {
        let mut changed = bars.clone();
        for &row in &rows {
            if let Some(close) = changed.close.get_mut(warm_up + row + ahead) {
                *close *= 1.01;
            }
        }
        (pipeline.assemble)(data, changed)
    };
    let (last, after) = (with_changed(horizon)?.target, with_changed(horizon + 1)?.target);
    let known = &prepared.target;
    let leak = rows.iter().find_map(|&row| {
        let window = format!("the target of the window that ends at row {row}");
        if known[row].to_bits() == last[row].to_bits() {
            Some(format!(
                "{window} does not depend on the bar {horizon} ahead: it is of an earlier one"
            ))
        } else if known[row].to_bits() != after[row].to_bits() {
            Some(format!("{window} depends on a bar more than {horizon} ahead"))
        } else {
            None
        }
    });
    Ok(Finding { check: "target", looked_at: format!("{} windows", rows.len()), leak })
}

/// Some of the rows, at least so far from each other.
fn apart(rows: &[u32], distance: usize, seed: u64) -> Vec<usize> {
    let mut chosen: Vec<usize> = Vec::new();
    for place in drawn(seed, "leakcheck targets", rows.len(), TARGETS) {
        let row = rows[place] as usize;
        if chosen.last().is_none_or(|last| row >= last + distance) {
            chosen.push(row);
        }
    }
    chosen
}

/// At most `count` different numbers below `end`, above 0, ascending.
fn drawn(seed: u64, purpose: &str, end: usize, count: usize) -> Vec<usize> {
    let mut generator = seed::generator(seed, purpose, 0);
    let mut drawn: Vec<usize> = (0..count)
        .map(|_| (generator.next_u64() % end.max(1) as u64) as usize)
        .filter(|&n| n > 0)
        .collect();
    drawn.sort_unstable();
    drawn.dedup();
    drawn
}

#[cfg(test)]
mod tests;
