//! `kiln models diff`: two versions side by side.

use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::io::Write;

use super::Registry;
use super::arguments::DiffArgs;
use crate::cmd::metrics::{MetricRow, metric_rows};
use crate::cmd::selection::write_json;
use crate::cmd::{Failure, Outcome};
use evidence::compare::{Apart, Subject};
use experiment::leaves;
use experiment::metric::{Direction, Metric, Quantity, Split};
use runs::model::{ModelCard, SavedModel, Verdict};
use runs::registry::Resolved;
use text::{Align, cleaned, number, table};

/// Two versions side by side.
#[derive(Debug, Serialize)]
struct Diff {
    left: String,
    right: String,
    /// Settings that are not the same, dotted as in the file; `null` where absent or off.
    settings: BTreeMap<String, [Json; 2]>,
    metrics: Vec<MetricPair>,
    /// Why the errors of one say nothing about the other, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    incomparable: Option<String>,
    verdicts: [Option<Verdict>; 2],
    weights: Vec<WeightPair>,
}

/// A metric of both.
#[derive(Debug, Serialize)]
struct MetricPair {
    metric: Metric,
    direction: Direction,
    unit: String,
    left: Option<f64>,
    left_interval: Option<[f64; 2]>,
    right: Option<f64>,
    right_interval: Option<[f64; 2]>,
}

/// A weight of both.
#[derive(Debug, Serialize)]
struct WeightPair {
    weight: String,
    /// Euclidean distance; `None` where the shapes differ, or one does not have it.
    distance: Option<f64>,
    /// The distance over the left one's length.
    relative: Option<f64>,
    /// The largest difference of a value.
    largest: Option<f64>,
}

pub(super) fn run(
    registry: &Registry,
    args: &DiffArgs,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let DiffArgs { left, right } = args;
    let read = |reference: &str| -> Result<(String, SavedModel), Failure> {
        let Resolved { name, version, folder, alias: _ } = registry.version(reference)?;
        Ok((format!("{name}@{version}"), SavedModel::read(&folder)?))
    };
    let ((left_name, left), (right_name, right)) = (read(left)?, read(right)?);
    let diff = Diff {
        settings: settings(&left.card, &right.card)?,
        metrics: metrics(&left.card, &right.card),
        incomparable: incomparable(&left.card, &right.card),
        verdicts: [left.card.verdict.clone(), right.card.verdict.clone()],
        weights: weights(&left.weights, &right.weights),
        left: left_name,
        right: right_name,
    };
    if registry.json {
        write_json(out, &diff)?
    } else {
        write_diff(out, &diff)?
    }
    Ok(Outcome::Done)
}

fn settings(left: &ModelCard, right: &ModelCard) -> Result<BTreeMap<String, [Json; 2]>, Failure> {
    let flat = |card: &ModelCard| -> Result<BTreeMap<String, Json>, Failure> {
        let mut flat = BTreeMap::new();
        let settings = serde_json::to_value(&card.settings).map_err(anyhow::Error::from)?;
        leaves(&mut String::new(), settings, &mut |key, value| {
            flat.insert(key.to_owned(), value);
        });
        flat.insert("bar_seconds".to_owned(), card.known_bar_seconds().into());
        flat.insert("data_fingerprint".to_owned(), card.data_fingerprint.clone().into());
        Ok(flat)
    };
    let (left, mut right) = (flat(left)?, flat(right)?);
    let mut pairs: BTreeMap<String, [Json; 2]> = left
        .into_iter()
        .map(|(key, value)| (key.clone(), [value, right.remove(&key).unwrap_or_default()]))
        .collect();
    pairs.extend(right.into_iter().map(|(key, value)| (key, [Json::Null, value])));
    pairs.retain(|_, [left, right]| left != right);
    Ok(pairs)
}

/// Why the numbers of two model cards do not belong side by side.
fn incomparable(left: &ModelCard, right: &ModelCard) -> Option<String> {
    let (left, right) = (subject(left), subject(right));
    Some(match left.apart(&right)? {
        Apart::Target => {
            "they forecast different targets: no number of one says anything about the other"
                .to_owned()
        }
        Apart::Data => {
            "they were measured on different series: compare their skill, not their errors"
                .to_owned()
        }
    })
}

/// What a model's numbers are of; before there was a ledger no fingerprint may have been recorded.
fn subject(card: &ModelCard) -> Subject<'_> {
    let data = Some(card.data_fingerprint.as_str()).filter(|data| !data.is_empty());
    Subject { data, target: &card.settings.data.target }
}

fn metrics(left: &ModelCard, right: &ModelCard) -> Vec<MetricPair> {
    let rows = |card: &ModelCard, split: Split| -> Vec<MetricRow> {
        let kind = card.settings.data.target.kind;
        let metrics = &card.metrics;
        if split == Split::Test && metrics.test.is_none() {
            return Vec::new();
        }
        metric_rows(split, kind, |metric| metrics.estimate(metric))
    };
    let mut pairs = Vec::new();
    for split in [Split::Valid, Split::Test] {
        let (of_left, of_right) = (rows(left, split), rows(right, split));
        for quantity in Quantity::ALL {
            let find = |rows: &[MetricRow]| {
                rows.iter().find(|row| row.metric.quantity == quantity).cloned()
            };
            let (one, other) = (find(&of_left), find(&of_right));
            let Some(any) = one.clone().or(other.clone()) else { continue };
            let interval =
                |row: &Option<MetricRow>| row.as_ref().and_then(|row| Some([row.low?, row.high?]));
            let value = |row: &Option<MetricRow>| row.as_ref().and_then(|row| row.value);
            if value(&one).is_some() || value(&other).is_some() {
                pairs.push(MetricPair {
                    metric: any.metric,
                    direction: any.direction,
                    unit: any.unit,
                    left: value(&one),
                    left_interval: interval(&one),
                    right: value(&other),
                    right_interval: interval(&other),
                });
            }
        }
    }
    pairs
}

fn weights(left: &lane_types::Weights, right: &lane_types::Weights) -> Vec<WeightPair> {
    let mut names: Vec<&str> =
        left.0.iter().chain(&right.0).map(|weight| weight.name.as_str()).collect();
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(*name));
    let pair = |name: &str| {
        let find = |weights: &'_ lane_types::Weights| {
            weights.0.iter().find(|weight| weight.name == name).cloned()
        };
        let both = find(left).zip(find(right)).filter(|(a, b)| a.shape == b.shape);
        let apart = both.as_ref().map(|(a, b)| {
            let differences =
                a.values.iter().zip(&b.values).map(|(a, b)| f64::from(*b) - f64::from(*a));
            let (squares, largest) =
                differences.fold((0.0, 0.0_f64), |(sum, most), d| (sum + d * d, most.max(d.abs())));
            (
                squares.sqrt(),
                largest,
                a.values.iter().map(|a| f64::from(*a).powi(2)).sum::<f64>().sqrt(),
            )
        });
        WeightPair {
            weight: name.to_owned(),
            distance: apart.map(|(distance, ..)| distance).filter(|distance| distance.is_finite()),
            relative: apart
                .map(|(distance, _, length)| distance / length)
                .filter(|relative| relative.is_finite()),
            largest: apart.map(|(_, largest, _)| largest).filter(|largest| largest.is_finite()),
        }
    };
    names.into_iter().map(pair).collect()
}

fn write_diff(out: &mut dyn Write, diff: &Diff) -> Result<(), Failure> {
    let Diff { left, right, settings, metrics, incomparable, verdicts, weights } = diff;
    if settings.is_empty() {
        writeln!(out, "the settings and the data are the same")?;
    } else {
        let cell = |value: &Json| match value {
            Json::Null => "—".to_owned(),
            Json::String(text) => cleaned(text),
            value => cleaned(&value.to_string()),
        };
        let rows =
            settings.iter().map(|(key, [left, right])| vec![cleaned(key), cell(left), cell(right)]);
        write!(
            out,
            "{}",
            table(
                &header([("setting", Align::Left), (left, Align::Left), (right, Align::Left)]),
                rows
            )
        )?;
    }
    let value = |value: Option<f64>, interval: Option<[f64; 2]>| match interval {
        Some([low, high]) => {
            format!("{} [{}, {}]", number(value), number(Some(low)), number(Some(high)))
        }
        None => number(value),
    };
    let rows = metrics.iter().map(|pair| {
        let MetricPair { metric, direction, unit, left, left_interval, right, right_interval } =
            pair;
        vec![
            format!("{} {metric}", direction.arrow()),
            value(*left, *left_interval),
            value(*right, *right_interval),
            unit.clone(),
        ]
    });
    let columns = [
        ("metric", Align::Left),
        (left.as_str(), Align::Left),
        (right, Align::Left),
        ("unit", Align::Left),
    ];
    write!(out, "\n{}", table(&header(columns), rows))?;
    if let Some(why) = incomparable {
        writeln!(out, "note: {why}")?;
    }
    writeln!(out)?;
    let ranks = verdicts.each_ref().map(|verdict| match verdict {
        Some(Verdict { rank: Some(rank), rows, .. }) => {
            format!("number {rank} of {rows} in its sweep")
        }
        Some(Verdict { rank: None, .. }) => "no place in its sweep".to_owned(),
        None => "no verdict".to_owned(),
    });
    let words = verdicts
        .each_ref()
        .map(|verdict| verdict.as_ref().map_or(&[][..], |verdict| &verdict.sentences));
    let same = words[0] == words[1];
    for (index, name) in [left, right].into_iter().enumerate() {
        writeln!(out, "{name}: {}", ranks[index])?;
        for sentence in words[index].iter().filter(|_| index == 1 || !same) {
            writeln!(out, "- {}", cleaned(sentence))?;
        }
    }
    let rows = weights.iter().map(|pair| {
        let WeightPair { weight, distance, relative, largest } = pair;
        vec![cleaned(weight), number(*distance), number(*relative), number(*largest)]
    });
    let columns = [
        ("weight", Align::Left),
        ("distance", Align::Right),
        ("of its length", Align::Right),
        ("largest", Align::Right),
    ];
    write!(out, "\n{}", table(&header(columns), rows))?;
    Ok(())
}

fn header<const N: usize>(columns: [(&str, Align); N]) -> [(String, Align); N] {
    columns.map(|(name, align)| (name.to_owned(), align))
}
