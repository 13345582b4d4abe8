//! Metrics: a name, a unit and a direction travel together, so that no number is shown without what it means.

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
    pub const OBJECTIVES: [&'static str; 9] =
        ["valid.rmse", "valid.mse", "valid.mae", "valid.loss", "valid.skill", "train.rmse", "train.mse", "train.mae", "train.loss"];

    /// Which way is better.
    #[must_use]
    pub fn direction(self) -> Direction {
        match self.quantity {
            Quantity::Skill => Direction::Maximize,
            Quantity::Loss | Quantity::Mse | Quantity::Mae | Quantity::Rmse => Direction::Minimize,
        }
    }

    /// The unit, given the target's.
    #[must_use]
    pub fn unit(self, target_unit: &str) -> String {
        match self.quantity {
            Quantity::Loss => "scaled".into(),
            Quantity::Mse => format!("{target_unit}²"),
            Quantity::Mae | Quantity::Rmse => target_unit.into(),
            Quantity::Skill => String::new(),
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
        let quantity = match self.quantity {
            Quantity::Loss => "loss",
            Quantity::Mse => "mse",
            Quantity::Mae => "mae",
            Quantity::Rmse => "rmse",
            Quantity::Skill => "skill",
        };
        write!(f, "{split}.{quantity}")
    }
}

/// A name that is no metric.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not a metric (known: train, valid or test, a dot, and loss, mse, mae, rmse or skill)")]
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
        let quantity = match quantity {
            "loss" => Quantity::Loss,
            "mse" => Quantity::Mse,
            "mae" => Quantity::Mae,
            "rmse" => Quantity::Rmse,
            "skill" => Quantity::Skill,
            _ => return Err(unknown()),
        };
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
        assert!("valid.sharpe".parse::<Metric>().is_err());
    }
}
