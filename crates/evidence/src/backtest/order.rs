//! Weights at closes → orders: at which bar, at its open or its close, to what weight.

use serde::Serialize;

use super::bars::{Gap, TradedBars};

/// When within a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// At the opening price.
    Open,
    /// At the closing price.
    Close,
}

/// A change of the target weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Order {
    /// Where it is filled.
    pub bar: usize,
    /// At which of the bar's prices.
    pub at: Moment,
    /// To which share of equity, with its sign.
    pub weight: f64,
}

/// The orders of weights that were decided at the closes of the bars (NaN: no decision).
/// `flat_before` is the least gap that no position is held over; [`Gap::None`] means none:
/// positions are held over every gap.
///
/// # Panics
/// When there is not one weight for each bar.
#[must_use]
pub fn orders(bars: &TradedBars, weights: &[f64], flat_before: Gap) -> Vec<Order> {
    assert_eq!(bars.len(), weights.len(), "one weight for each bar");
    let Some(last) = bars.len().checked_sub(1) else { return Vec::new() };
    let mut orders = Vec::new();
    let mut current = 0.0;
    let mut ask = |bar, at, weight: f64| {
        // Anyone who holds nothing and is asked for nothing, or for what is held, does nothing.
        if !weight.is_nan() && weight != current {
            orders.push(Order { bar, at, weight });
            current = weight;
        }
    };
    for (bar, (&weight, &gap)) in weights.iter().zip(&bars.gap_after).enumerate() {
        if bar == last || is_flat_before(gap, flat_before) {
            ask(bar, Moment::Close, 0.0);
        } else {
            ask(bar + 1, Moment::Open, weight);
        }
    }
    orders
}

fn is_flat_before(gap: Gap, least: Gap) -> bool {
    match least {
        Gap::None => false,
        Gap::Break => gap != Gap::None,
        Gap::Session => gap == Gap::Session,
    }
}

/// Buys at the first open that a forecast made at the first bar's close could be filled at, and
/// sells at the last close.
#[must_use]
pub fn buy_and_hold(bars: &TradedBars) -> Vec<Order> {
    let mut weights = vec![f64::NAN; bars.len()];
    if let Some(first) = weights.first_mut() {
        *first = 1.0;
    }
    orders(bars, &weights, Gap::None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: f64 = f64::NAN;

    /// Three bars, a break, two bars, a night, two bars.
    fn bars() -> TradedBars {
        let gap_after = vec![
            Gap::None,
            Gap::None,
            Gap::Break,
            Gap::None,
            Gap::Session,
            Gap::None,
            Gap::Session,
        ];
        let columns = vec![1.0; 7];
        let ts = (0..7).collect();
        TradedBars {
            ts,
            date: vec![0, 0, 0, 0, 0, 1, 1],
            open: columns.clone(),
            close: columns,
            gap_after,
            bar_seconds: 60,
        }
    }

    fn found(weights: &[f64; 7], flat_before: Gap) -> Vec<(usize, Moment, f64)> {
        orders(&bars(), weights, flat_before)
            .iter()
            .map(|order| (order.bar, order.at, order.weight))
            .collect()
    }

    #[test]
    fn a_decision_is_filled_at_the_next_open_and_only_where_it_changes_something() {
        let (open, close) = (Moment::Open, Moment::Close);
        let weights = [1.0, 1.0, NONE, -1.0, NONE, -1.0, 0.5];
        assert_eq!(found(&weights, Gap::None), [(1, open, 1.0), (4, open, -1.0), (6, close, 0.0)]);
    }

    #[test]
    fn flat_before_a_gap_is_at_the_close_before_it_and_drops_that_bars_decision() {
        let (open, close) = (Moment::Open, Moment::Close);
        let weights = [1.0, NONE, -1.0, 1.0, -1.0, 1.0, 1.0];
        let at_breaks = [
            (1, open, 1.0),
            (2, close, 0.0),
            (4, open, 1.0),
            (4, close, 0.0),
            (6, open, 1.0),
            (6, close, 0.0),
        ];
        assert_eq!(found(&weights, Gap::Break), at_breaks);
        let at_sessions = [
            (1, open, 1.0),
            (3, open, -1.0),
            (4, open, 1.0),
            (4, close, 0.0),
            (6, open, 1.0),
            (6, close, 0.0),
        ];
        assert_eq!(found(&weights, Gap::Session), at_sessions);
        let held = [
            (1, open, 1.0),
            (3, open, -1.0),
            (4, open, 1.0),
            (5, open, -1.0),
            (6, open, 1.0),
            (6, close, 0.0),
        ];
        assert_eq!(found(&weights, Gap::None), held);
    }

    #[test]
    fn without_a_decision_nothing_is_traded() {
        assert_eq!(found(&[NONE; 7], Gap::Break), []);
        assert_eq!(found(&[0.0; 7], Gap::Break), []);
        assert_eq!(orders(&TradedBars::default(), &[], Gap::Break), []);
    }

    #[test]
    fn the_last_bars_decision_has_no_bar_to_be_filled_at() {
        assert_eq!(found(&[NONE, NONE, NONE, NONE, NONE, NONE, 1.0], Gap::None), []);
    }

    #[test]
    fn buy_and_hold_buys_at_the_second_open_and_sells_at_the_last_close() {
        let found: Vec<_> =
            buy_and_hold(&bars()).iter().map(|order| (order.bar, order.at, order.weight)).collect();
        assert_eq!(found, [(1, Moment::Open, 1.0), (6, Moment::Close, 0.0)]);
    }
}
