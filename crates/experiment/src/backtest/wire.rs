//! `[backtest]` as it is written: `None` where it is not.

use std::str::FromStr;

use super::settings::{Backtest, Concession, Costs, FlatAt, Limits, Rule};
use serde::{Deserialize, Serialize};

/// `[backtest]`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct WireBacktest {
    pub rule: WireRule,
    pub costs: WireCosts,
    pub max_long: Option<f64>,
    pub max_short: Option<f64>,
    pub flat_at: Option<FlatAt>,
}

/// `backtest.rule`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct WireRule {
    pub kind: RuleKind,
    pub threshold_bps: Option<f64>,
    pub scale_bps: Option<f64>,
    pub share: Option<f64>,
    pub lookback: Option<usize>,
}

/// `backtest.rule.kind`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RuleKind {
    #[default]
    Sign,
    Threshold,
    Proportional,
    Quantile,
}

/// `backtest.costs`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct WireCosts {
    pub commission_bps: Option<f64>,
    pub half_spread: Option<WireConcession>,
    pub slippage: Option<WireConcession>,
    pub tick_size: Option<f64>,
}

/// A concession as it is written: `"0.5 ticks"`, `"1 bps"`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum WireConcession {
    Bps(f64),
    Ticks(f64),
}

/// Most ticks or basis points of a concession.
const MOST: f64 = 1000.0;

impl FromStr for WireConcession {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let unit =
            text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+'));
        let amount: f64 = text[..text.len() - unit.len()].parse().map_err(|_| ())?;
        if !(0.0..=MOST).contains(&amount) {
            return Err(());
        }
        match unit.trim() {
            "bps" | "bp" => Ok(Self::Bps(amount)),
            "ticks" | "tick" => Ok(Self::Ticks(amount)),
            _ => Err(()),
        }
    }
}

impl From<&Backtest> for WireBacktest {
    fn from(backtest: &Backtest) -> Self {
        let Backtest { rule, costs, limits: Limits { max_long, max_short }, flat_at } = *backtest;
        let none = WireRule::default();
        let rule = match rule {
            Rule::Sign => none,
            Rule::Threshold { threshold_bps } => {
                WireRule { kind: RuleKind::Threshold, threshold_bps: Some(threshold_bps), ..none }
            }
            Rule::Proportional { scale_bps } => {
                WireRule { kind: RuleKind::Proportional, scale_bps: Some(scale_bps), ..none }
            }
            Rule::Quantile { share, lookback } => WireRule {
                kind: RuleKind::Quantile,
                share: Some(share),
                lookback: Some(lookback),
                ..none
            },
        };
        let Costs { commission_bps, half_spread, slippage } = costs;
        let mut size = None;
        let mut written = |concession| match concession {
            Concession::Bps { bps } => WireConcession::Bps(bps),
            Concession::Ticks { ticks, tick_size } => {
                size = Some(tick_size);
                WireConcession::Ticks(ticks)
            }
        };
        let (half_spread, slippage) = (Some(written(half_spread)), Some(written(slippage)));
        let costs = WireCosts {
            commission_bps: Some(commission_bps),
            half_spread,
            slippage,
            tick_size: size,
        };
        Self {
            rule,
            costs,
            max_long: Some(max_long),
            max_short: Some(max_short),
            flat_at: Some(flat_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_concession_has_a_number_and_a_unit() {
        assert_eq!("0.5 ticks".parse(), Ok(WireConcession::Ticks(0.5)));
        assert_eq!("1tick".parse(), Ok(WireConcession::Ticks(1.0)));
        assert_eq!("0 bps".parse(), Ok(WireConcession::Bps(0.0)));
        assert_eq!("2.5bp".parse(), Ok(WireConcession::Bps(2.5)));
        for wrong in [
            "",
            "0.5",
            "ticks",
            "1 %",
            "-1 bps",
            "1e9 bps",
            "2000 ticks",
            "0.5 ticks of 2",
            ". bps",
            "nan bps",
            "inf bps",
        ] {
            assert_eq!(wrong.parse::<WireConcession>(), Err(()), "{wrong}");
        }
    }
}
