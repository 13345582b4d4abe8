//! `[backtest]`, validated: how forecasts are traded and what trading costs. Nothing of it changes
//! a training, so it is not a part of a trial's settings and of its identity.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How forecasts are traded.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backtest {
    /// From an expected return to a position.
    pub rule: Rule,
    /// What trading costs.
    pub costs: Costs,
    /// Largest position on each side.
    pub limits: Limits,
    /// Where a position is closed whatever the forecasts say.
    pub flat_at: FlatAt,
}

/// From the expected return of each bar to a position.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Rule {
    /// Long where it is above 0, short where it is below.
    Sign,
    /// As `sign`, but flat where it is not beyond the threshold.
    Threshold {
        /// Least expected return over the horizon that is traded, basis points.
        threshold_bps: f64,
    },
    /// In proportion to it.
    Proportional {
        /// Expected return at which the position is as large as its limit, basis points.
        scale_bps: f64,
    },
    /// Long where it is among the highest of the last forecasts, short where it is among the
    /// lowest.
    Quantile {
        /// Share of the forecasts on each side that is traded.
        share: f64,
        /// Forecasts, the newest one included, that it is compared with; no trade before there are
        /// so many.
        lookback: usize,
    },
}

/// What trading costs, on each side of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Costs {
    /// Of the traded value, basis points.
    pub commission_bps: f64,
    /// Half of the distance between bid and ask.
    pub half_spread: Concession,
    /// How much worse than that the fill is.
    pub slippage: Concession,
}

/// How far a fill is from the middle price, against the trader.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "unit", rename_all = "snake_case")]
pub enum Concession {
    /// Of the price.
    Bps {
        /// Basis points.
        bps: f64,
    },
    /// Whatever the price.
    Ticks {
        /// How many.
        ticks: f64,
        /// Price units in one.
        tick_size: f64,
    },
}

/// Largest position on each side, as a share of equity: 1 is all of it, 2 is twice with leverage, 0
/// is none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Largest weight bought.
    pub max_long: f64,
    /// Largest weight sold short.
    pub max_short: f64,
}

/// Where a position is closed whatever the forecasts say: at the close of the bar before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlatAt {
    /// `gap`, but `never` where windows and targets cross gaps (`data.cross_gaps`).
    Auto,
    /// Positions are held over every gap.
    Never,
    /// Before a gap after which the date is another: a night, a weekend.
    SessionEnd,
    /// Before every gap: a night, a lunch break, a hole in the data.
    Gap,
}

impl Concession {
    /// In price units, at a middle price.
    #[must_use]
    pub fn at(self, mid: f64) -> f64 {
        match self {
            Self::Bps { bps } => bps * 1e-4 * mid,
            Self::Ticks { ticks, tick_size } => ticks * tick_size,
        }
    }
}

impl Costs {
    /// One side in all, basis points of the traded value, at a middle price.
    #[must_use]
    pub fn side_bps(&self, mid: f64) -> f64 {
        let Self { commission_bps, half_spread, slippage } = self;
        commission_bps + (half_spread.at(mid) + slippage.at(mid)) / mid * 1e4
    }
}

impl fmt::Display for Concession {
    /// "0.5 ticks of 0.2", "1 bps".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bps { bps } => write!(f, "{bps} bps"),
            Self::Ticks { ticks, tick_size } => {
                write!(f, "{ticks} {} of {tick_size}", if *ticks == 1.0 { "tick" } else { "ticks" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_adds_up_in_basis_points() {
        let half_spread = Concession::Ticks { ticks: 0.5, tick_size: 0.2 };
        let costs =
            Costs { commission_bps: 0.25, half_spread, slippage: Concession::Bps { bps: 0.5 } };
        assert!((costs.side_bps(4000.0) - 1.0).abs() < 1e-12);
    }
}
