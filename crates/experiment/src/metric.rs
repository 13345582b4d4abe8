//! Metrics: a name, a unit and a direction travel together, so that no number is shown without what
//! it means.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Lower is better.
    Minimize,
    /// Higher is better.
    Maximize,
}

impl Direction {
    /// ↓ where lower is better, ↑ where higher is.
    #[must_use]
    pub fn arrow(self) -> char {
        match self {
            Self::Minimize => '↓',
            Self::Maximize => '↑',
        }
    }

    /// Whether `a` is strictly better than `b`.
    #[must_use]
    pub fn better(self, a: f64, b: f64) -> bool {
        match self {
            Self::Minimize => a < b,
            Self::Maximize => a > b,
        }
    }
}

/// Which windows a number was taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// The training windows.
    Train,
    /// The validation windows.
    Valid,
    /// The test windows; opened by `evaluate` alone.
    Test,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// The training loss, in scaled units.
    Loss,
    /// Mean squared error, in the target's unit squared.
    Mse,
    /// Mean absolute error, in the target's unit.
    Mae,
    /// Root mean squared error, in the target's unit.
    Rmse,
    /// 1 − mse / mse of the best baseline; without unit.
    Skill,
    /// Mean absolute error over that of persistence on the training windows; without unit.
    Mase,
    /// Out-of-sample R² against the training mean; without unit.
    R2,
    /// Share of windows with the right sign.
    DirectionalAccuracy,
    /// Information coefficient: the correlation of forecast and target within a day, mean over
    /// days.
    Ic,
    /// Its mean over its deviation, over days; not annualised.
    IcIr,
    /// The same of ranks.
    RankIc,
    /// Its mean over its deviation, over days; not annualised.
    RankIcIr,
    /// QLIKE loss of the variance that a log volatility stands for; without unit.
    Qlike,
}

impl Quantity {
    /// In the order in which they are shown.
    pub const ALL: [Self; 13] = [
        Self::Loss,
        Self::Mse,
        Self::Mae,
        Self::Rmse,
        Self::Skill,
        Self::Mase,
        Self::R2,
        Self::DirectionalAccuracy,
        Self::Ic,
        Self::IcIr,
        Self::RankIc,
        Self::RankIcIr,
        Self::Qlike,
    ];

    /// As in a metric's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Mse => "mse",
            Self::Mae => "mae",
            Self::Rmse => "rmse",
            Self::Skill => "skill",
            Self::Mase => "mase",
            Self::R2 => "r2",
            Self::DirectionalAccuracy => "directional_accuracy",
            Self::Ic => "ic",
            Self::IcIr => "ic_ir",
            Self::RankIc => "rank_ic",
            Self::RankIcIr => "rank_ic_ir",
            Self::Qlike => "qlike",
        }
    }

    /// Whether a number over the training windows is recorded: the trainer's own four.
    #[must_use]
    pub fn is_of_training(self) -> bool {
        matches!(self, Self::Loss | Self::Mse | Self::Mae | Self::Rmse)
    }
}

/// A quantity over a split: `valid.rmse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Metric {
    /// Over which windows.
    pub split: Split,
    /// What.
    pub quantity: Quantity,
}

impl Metric {
    /// The metrics that an objective may name.
    pub const OBJECTIVES: [&'static str; 17] = [
        "valid.skill",
        "valid.rmse",
        "valid.mse",
        "valid.mae",
        "valid.loss",
        "valid.mase",
        "valid.r2",
        "valid.directional_accuracy",
        "valid.ic",
        "valid.ic_ir",
        "valid.rank_ic",
        "valid.rank_ic_ir",
        "valid.qlike",
        "train.rmse",
        "train.mse",
        "train.mae",
        "train.loss",
    ];

    /// What trials are ranked by unless something else is asked for: the one number that is
    /// comparable over windows, targets and units.
    pub const DEFAULT: Self = Self { split: Split::Valid, quantity: Quantity::Skill };

    /// Which way is better.
    #[must_use]
    pub fn direction(self) -> Direction {
        match self.quantity {
            Quantity::Skill
            | Quantity::R2
            | Quantity::DirectionalAccuracy
            | Quantity::Ic
            | Quantity::IcIr
            | Quantity::RankIc
            | Quantity::RankIcIr => Direction::Maximize,
            Quantity::Loss
            | Quantity::Mse
            | Quantity::Mae
            | Quantity::Rmse
            | Quantity::Mase
            | Quantity::Qlike => Direction::Minimize,
        }
    }

    /// The unit, given the target's.
    #[must_use]
    pub fn unit(self, target_unit: &str) -> String {
        match self.quantity {
            Quantity::Loss => "scaled".into(),
            Quantity::Mse => format!("{target_unit}²"),
            Quantity::Mae | Quantity::Rmse => target_unit.into(),
            Quantity::DirectionalAccuracy => "share".into(),
            Quantity::Mase => "× persistence".into(),
            Quantity::IcIr | Quantity::RankIcIr => "per day".into(),
            Quantity::Skill | Quantity::R2 | Quantity::Ic | Quantity::RankIc | Quantity::Qlike => {
                String::new()
            }
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let split = match self.split {
            Split::Train => "train",
            Split::Valid => "valid",
            Split::Test => "test",
        };
        write!(f, "{split}.{}", self.quantity.name())
    }
}

/// A name that is not a metric.
#[derive(Debug, thiserror::Error)]
#[error(
    "'{0}' is not a metric (known: valid or test, a dot, and skill, rmse, mse, mae, loss, mase, \
        r2, directional_accuracy, ic, ic_ir, rank_ic, rank_ic_ir or qlike; and train.loss, \
        train.mse, train.mae, train.rmse)"
)]
pub struct UnknownMetric(String);

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(text: &str) -> Result<Self, UnknownMetric> {
        let unknown = || UnknownMetric(text.to_owned());
        let (split, quantity) = text.split_once('.').ok_or_else(unknown)?;
        let split = match split {
            "train" => Split::Train,
            "valid" => Split::Valid,
            "test" => Split::Test,
            _ => return Err(unknown()),
        };
        let quantity =
            Quantity::ALL.into_iter().find(|known| known.name() == quantity).ok_or_else(unknown)?;
        if split == Split::Train && !quantity.is_of_training() {
            return Err(unknown());
        }
        Ok(Self { split, quantity })
    }
}

impl Serialize for Metric {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_objective_parses_and_prints_itself() {
        for name in Metric::OBJECTIVES {
            assert_eq!(name.parse::<Metric>().unwrap().to_string(), name);
        }
        for name in ["valid.sharpe", "train.skill", "train.ic", "skill", "test."] {
            assert!(name.parse::<Metric>().is_err(), "{name}");
        }
    }

    #[test]
    fn every_validation_quantity_is_an_objective_and_is_written_as_it_is_named() {
        for quantity in Quantity::ALL {
            let metric = Metric { split: Split::Valid, quantity };
            assert!(Metric::OBJECTIVES.contains(&metric.to_string().as_str()), "{metric}");
            assert_eq!(serde_json::to_value(quantity).unwrap(), quantity.name());
        }
    }
}
