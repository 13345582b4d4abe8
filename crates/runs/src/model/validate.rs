//! From the model card's text to one that is valid.

use serde::Deserialize;
use serde_json::Value;

use super::{Interval, ModelCard, VERSION};
use experiment::{Data, Model, Settings, Train};
use market::{Affine, Inputs, LocalClock};

/// Most values that a window may have; more would be no small forecaster.
const MAX_WINDOW_VALUES: usize = 1 << 24;

/// Reads a model card and checks every field that forecasting depends on.
///
/// # Errors
/// What is wrong, with the field's name.
pub(super) fn validate(bytes: &[u8]) -> Result<ModelCard, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    let version: Version =
        serde_json::from_str(text).map_err(|error| format!("is not a model card: {error}"))?;
    if version.v != VERSION {
        return Err(format!("has format {}, this version of kiln reads {VERSION}", version.v));
    }
    let card: ModelCard = serde_json::from_str(text).map_err(|error| error.to_string())?;
    all_is_known(text, &card)?;
    check(&card)?;
    Ok(card)
}

/// What every version has.
#[derive(Deserialize)]
struct Version {
    v: u32,
}

/// A field that would be lost by reading and writing is one that this version does not know.
fn all_is_known(text: &str, card: &ModelCard) -> Result<(), String> {
    let bad = |error: serde_json::Error| error.to_string();
    let written = serde_json::to_string(card).map_err(bad)?;
    let (there, known): (Value, Value) =
        (serde_json::from_str(text).map_err(bad)?, serde_json::from_str(&written).map_err(bad)?);
    match unknown("", &there, &known) {
        Some(field) => Err(format!(
            "has a field '{}' that this version of kiln does not know",
            field.escape_debug()
        )),
        None => Ok(()),
    }
}

/// The first field of `there` that `known` has not.
fn unknown(path: &str, there: &Value, known: &Value) -> Option<String> {
    match (there, known) {
        (Value::Object(there), Value::Object(known)) => there.iter().find_map(|(name, value)| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            match known.get(name) {
                Some(known) => unknown(&path, value, known),
                None => Some(path),
            }
        }),
        (Value::Array(there), Value::Array(known)) => {
            there.iter().zip(known).enumerate().find_map(|(index, (there, known))| {
                unknown(&format!("{path}[{index}]"), there, known)
            })
        }
        _ => None,
    }
}

fn check(card: &ModelCard) -> Result<(), String> {
    let ModelCard {
        v: _,
        saved_at,
        kiln_version: _,
        source: _,
        settings: Settings { data, model, train },
        bar_seconds,
        data_fingerprint: _,
        scaling,
        windows: _,
        best_epoch: _,
        selection: _,
        metrics: _,
        verdict: _,
        intervals,
        profile,
        inputs,
        weights,
    } = card;
    if saved_at.parse::<jiff::Timestamp>().is_err() {
        return Err(format!("saved_at is '{}', not a time (RFC 3339)", saved_at.escape_debug()));
    }
    check_data(data)?;
    check_network(data, model, train)?;
    if *bar_seconds == Some(0) {
        return Err("bar_seconds is 0, a bar has at least 1".to_owned());
    }
    if scaling.columns.len() != data.features.len() {
        return Err(format!(
            "scaling.columns has {} scalers for {} features",
            scaling.columns.len(),
            data.features.len()
        ));
    }
    let scalers = scaling
        .columns
        .iter()
        .enumerate()
        .map(|(index, scaler)| (format!("columns[{index}]"), scaler));
    for (name, Affine { offset, unit }) in scalers.chain([("target".to_owned(), &scaling.target)]) {
        if !(offset.is_finite() && unit.is_finite() && *unit > 0.0) {
            return Err(format!(
                "scaling.{name} has offset {offset} and unit {unit}; both are finite, the unit \
                    above 0"
            ));
        }
    }
    let levels: Vec<f64> = match &model.head {
        lane_types::Head::Point => Vec::new(),
        lane_types::Head::Quantile { levels } => levels.values().collect(),
    };
    for (index, Interval { coverage, calibration }) in intervals.iter().enumerate() {
        let between = calibration.between.iter().flatten().all(|level| levels.contains(level));
        if !(*coverage > 0.0 && *coverage < 1.0 && calibration.margin.is_finite() && between) {
            return Err(format!(
                "intervals[{index}] is none of this model: coverage {coverage}, margin {}",
                calibration.margin
            ));
        }
    }
    if let Some(profile) = profile {
        check_profile(data, profile)?;
    }
    if let Some(inputs) = inputs {
        check_inputs(data, inputs)?;
    }
    if weights.sha256.len() != 64 || !weights.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("weights.sha256 is not 64 hexadecimal digits".to_owned());
    }
    let parameters: usize =
        card.shape().layout().iter().map(|(_, dims)| dims.iter().product::<usize>()).sum();
    if weights.parameters != parameters {
        return Err(format!(
            "weights.parameters is {}, the network has {parameters}",
            weights.parameters
        ));
    }
    Ok(())
}

fn check_data(data: &Data) -> Result<(), String> {
    if !(1..=256).contains(&data.features.len()) {
        return Err(format!(
            "settings.data.features has {} features, 1 to 256 are possible",
            data.features.len()
        ));
    }
    within("settings.data.window", data.window, 10_000)?;
    within("settings.data.target.horizon", data.target.horizon, 10_000)?;
    if data.window * data.features.len() > MAX_WINDOW_VALUES {
        return Err(format!(
            "a window of {} rows × {} features is too large",
            data.window,
            data.features.len()
        ));
    }
    Ok(())
}

fn check_network(data: &Data, model: &Model, train: &Train) -> Result<(), String> {
    let Model { kind: _, hidden_size, num_layers, dropout, head } = model;
    within("settings.model.hidden_size", *hidden_size, 4096)?;
    within("settings.model.num_layers", *num_layers, 16)?;
    within("settings.train.batch_size", train.batch_size, 65_536)?;
    if !(0.0..1.0).contains(dropout) {
        return Err(format!(
            "settings.model.dropout is {dropout}, it must be at least 0 and below 1"
        ));
    }
    // At most 16 × 4 × 4096 × 8193 weights: 8 GiB, which only a file of that size can ask for.
    debug_assert!(head.outputs() <= lane_types::Levels::MOST && data.features.len() <= 256);
    Ok(())
}

fn check_profile(data: &Data, profile: &[super::ColumnProfile]) -> Result<(), String> {
    let names = profile.iter().map(|column| column.feature.clone());
    if !names.eq(data.features.iter().map(ToString::to_string)) {
        return Err("profile is not of the model's features in their order".to_owned());
    }
    for column in profile {
        let whole = (column.shares.iter().sum::<f64>() - 1.0).abs() < 1e-6
            && column.shares.iter().all(|share| (0.0..=1.0).contains(share));
        let ordered = column.edges.is_sorted_by(|a, b| a < b)
            && column.edges.iter().all(|edge| edge.is_finite());
        let range = column.low.is_finite() && column.high.is_finite() && column.low <= column.high;
        if !(whole && ordered && range && column.shares.len() == column.edges.len() + 1) {
            return Err(format!(
                "profile of {} is not a distribution",
                column.feature.escape_debug()
            ));
        }
    }
    Ok(())
}

fn check_inputs(data: &Data, inputs: &Inputs) -> Result<(), String> {
    let Inputs { zone, stamps: _, ranges } = inputs;
    if let Some(zone) = zone {
        LocalClock::new(zone).map_err(|problem| format!("inputs.zone: {problem}"))?;
    }
    let names = ranges.iter().map(|range| range.feature.clone());
    if !ranges.is_empty() && !names.eq(data.features.iter().map(ToString::to_string)) {
        return Err("inputs.ranges are not of the model's features in their order".to_owned());
    }
    match ranges
        .iter()
        .find(|range| !(range.low.is_finite() && range.high.is_finite() && range.low <= range.high))
    {
        Some(range) => Err(format!(
            "inputs.ranges of {} is not a range: {} to {}",
            range.feature.escape_debug(),
            range.low,
            range.high
        )),
        None => Ok(()),
    }
}

fn within(field: &str, value: usize, most: usize) -> Result<(), String> {
    if (1..=most).contains(&value) {
        Ok(())
    } else {
        Err(format!("{field} is {value}, 1 to {most} are possible"))
    }
}
