//! What persistence says after each bar: the naive forecast that stands beside every model's.

use super::average::Last;
use crate::target::{log_volatility_of, squared_log_return};
use experiment::{Target, TargetKind};

/// Persistence, updated bar by bar, in the target's unit.
#[derive(Clone, Debug)]
pub(super) enum Persistence {
    Price,
    LogReturn,
    /// Of the last `horizon` squared log returns of the stretch.
    LogVolatility {
        before: Option<f64>,
        squares: Last,
    },
}

impl Persistence {
    pub(super) fn new(target: &Target) -> Self {
        match target.kind {
            TargetKind::Price => Self::Price,
            TargetKind::LogReturn => Self::LogReturn,
            TargetKind::LogVolatility => {
                Self::LogVolatility { before: None, squares: Last::new(target.horizon) }
            }
        }
    }

    /// A new stretch of bars begins.
    pub(super) fn restart(&mut self) {
        if let Self::LogVolatility { before, squares } = self {
            *before = None;
            squares.clear();
        }
    }

    pub(super) fn push(&mut self, close: f64) {
        if let Self::LogVolatility { before, squares } = self
            && let Some(before) = before.replace(close)
        {
            squares.push(squared_log_return(before, close));
        }
    }

    /// After the bar that was pushed last, whose close this is; NaN where undefined. For a
    /// volatility its sum is taken afresh, in order, as over a whole column: work for as many bars
    /// as the horizon has.
    pub(super) fn value(&self, close: f64) -> f64 {
        match self {
            Self::Price => close,
            Self::LogReturn => 0.0,
            Self::LogVolatility { squares, .. } if squares.is_full() => {
                log_volatility_of(squares.iter())
            }
            Self::LogVolatility { .. } => f64::NAN,
        }
    }
}
