//! What a model's bars and features were in training: what later bars are held against.

use serde::{Deserialize, Serialize};

use super::prepared::Prepared;
use experiment::Data;

/// How the timestamps of bars are written. Bars that are written in another way come from somewhere
/// else, where a timestamp may mark another end of its bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StampForm {
    /// Text with its offset from UTC: `2024-05-08T09:31:00+08:00`, `2024-05-08T01:31:00Z`.
    Offset,
    /// A number of seconds, milliseconds, microseconds or nanoseconds since 1970 UTC.
    Epoch,
    /// A local clock without offset.
    Clock,
    /// A date.
    Date,
    /// An instant of a Parquet file's own type.
    Instant,
}

impl StampForm {
    /// For a person.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Offset => "times with an offset from UTC",
            Self::Epoch => "numbers since 1970",
            Self::Clock => "a local clock without offset",
            Self::Date => "dates",
            Self::Instant => "instants of Parquet's own type",
        }
    }
}

/// What a model's inputs were in training. Kept with the run and with the saved model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// Zone of the local clock, as the data's settings, its type or its timestamps in UTC told it;
    /// `None` where nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// How the timestamps were written; `None` of a synthetic series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamps: Option<StampForm>,
    /// By feature, over the rows that the training windows cover.
    pub ranges: Vec<ValueRange>,
}

/// The least and the greatest value of a feature in training, scaled as the network takes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueRange {
    /// The feature's name.
    pub feature: String,
    /// The least value.
    pub low: f32,
    /// The greatest.
    pub high: f32,
}

/// How far beyond its range in training a value must lie to be warned of, as a share of the range:
/// a market that makes new highs is ordinary, one that is half a range beyond everything that was
/// ever trained on is not.
pub const RANGE_MARGIN: f32 = 0.5;

impl ValueRange {
    /// Whether a scaled value lies below the least or above the greatest by more than
    /// [`RANGE_MARGIN`] of the distance between the two.
    #[must_use]
    pub fn is_left_by(&self, scaled: f32) -> bool {
        self.distance(scaled) > RANGE_MARGIN * (self.high - self.low)
    }

    /// How far a scaled value lies outside; 0 inside.
    #[must_use]
    pub fn distance(&self, scaled: f32) -> f32 {
        (self.low - scaled).max(scaled - self.high).max(0.0)
    }
}

impl Inputs {
    /// Of prepared training data.
    #[must_use]
    pub fn of(data: &Data, prepared: &Prepared) -> Self {
        let series = &prepared.series;
        let rows = prepared.training_rows(data.window);
        let range = |place: usize| {
            let values = rows.iter().map(|row| series.features[row * series.columns + place]);
            values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            })
        };
        let named = |(place, feature): (usize, &experiment::feature::Feature)| {
            let (low, high) = range(place);
            ValueRange { feature: feature.to_string(), low, high }
        };
        let ranges = if rows.is_empty() {
            Vec::new()
        } else {
            data.features.iter().enumerate().map(named).collect()
        };
        let report = &prepared.report;
        Self { zone: report.zone.clone(), stamps: report.stamps, ranges }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_range_beyond_training_is_outside_and_less_is_not() {
        let range = ValueRange { feature: "close".into(), low: 1.0, high: 3.0 };
        for (value, outside) in
            [(0.0, false), (-0.01, true), (1.0, false), (4.0, false), (4.01, true), (2.0, false)]
        {
            assert_eq!(range.is_left_by(value), outside, "{value}");
        }
        assert_eq!(
            (range.distance(2.0), range.distance(5.0), range.distance(0.5)),
            (0.0, 2.0, 0.5)
        );
        let constant = ValueRange { feature: "volume".into(), low: 0.0, high: 0.0 };
        assert!(constant.is_left_by(1e-3) && !constant.is_left_by(0.0));
    }
}
