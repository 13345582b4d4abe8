//! Cash and units, and the one place where they change: the ledger and the frontier both trade
//! through it, so that they agree to the last bit.

use experiment::{Concession, Costs};

/// What is owned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Account {
    /// Negative where units were bought on credit.
    pub cash: f64,
    /// Negative where sold short.
    pub units: f64,
}

/// Costs as the arithmetic needs them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rates {
    /// Share of the traded value.
    pub commission: f64,
    /// Distance of a fill from the middle price: so many price units, …
    pub absolute: f64,
    /// … and such a share of the middle price.
    pub relative: f64,
}

/// What was traded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Traded {
    /// Negative where sold.
    pub units: f64,
    /// Of a unit, concessions included.
    pub price: f64,
    /// Money.
    pub commission: f64,
}

impl Rates {
    pub(super) fn of(costs: &Costs) -> Self {
        let Costs { commission_bps, half_spread, slippage } = costs;
        let mut rates = Self { commission: commission_bps * 1e-4, ..Self::default() };
        for concession in [half_spread, slippage] {
            match *concession {
                Concession::Bps { bps } => rates.relative += bps * 1e-4,
                Concession::Ticks { ticks, tick_size } => rates.absolute += ticks * tick_size,
            }
        }
        rates
    }

    /// A cost in proportion to the traded value, whatever its kind.
    pub(super) fn flat(side_bps: f64) -> Self {
        Self { relative: side_bps * 1e-4, ..Self::default() }
    }
}

impl Account {
    /// What it is worth at a price.
    pub(super) fn equity(&self, price: f64) -> f64 {
        self.cash + self.units * price
    }

    /// Trades at a middle price until `units × mid = weight × equity`, after the costs of doing so.
    ///
    /// With `k` the costs of trading a unit, equity falls by `k` for each of them: `units' · mid =
    /// weight · (equity − k·|units' − units|)`, whose solution is below. Where selling costs more
    /// than it frees (absurd costs with leverage), everything is sold. Without branches, so that
    /// accounts side by side are traded by vector instructions.
    #[inline]
    pub(super) fn trade_to(&mut self, weight: f64, mid: f64, rates: &Rates) -> Traded {
        let away = rates.absolute + rates.relative * mid;
        let excess = weight * self.equity(mid) - self.units * mid;
        let side = 1.0_f64.copysign(excess);
        let price = mid + side * away;
        let unit_cost = away + rates.commission * price;
        let divisor = mid + side * weight * unit_cost;
        let target = self.units + excess / divisor;
        // To the last crumb.
        let target = if (weight == 0.0) | (divisor <= 0.0) { 0.0 } else { target };
        let units = target - self.units;
        let commission = rates.commission * units.abs() * price;
        self.cash -= units * price + commission;
        self.units = target;
        Traded { units, price, commission }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn after_a_trade_the_weight_is_as_asked_and_only_the_costs_are_gone(
            cash in 1.0..1e6_f64,
            held in -5.0..5.0_f64,
            weight in -5.0..5.0_f64,
            mid in 0.1..1e4_f64,
            commission in 0.0..0.002_f64,
            relative in 0.0..0.002_f64,
            ticks in 0.0..0.01_f64,
        ) {
            let rates = Rates { commission, absolute: ticks * mid, relative };
            let mut account = Account { cash: cash * (1.0 - held), units: held * cash / mid };
            let before = account;
            let traded = account.trade_to(weight, mid, &rates);
            let equity = account.equity(mid);
            let away = ticks * mid + relative * mid;
            let paid = traded.units.abs() * away + traded.commission;
            prop_assert!((before.equity(mid) - paid - equity).abs() <= 1e-9 * cash * 10.0);
            prop_assert!((account.units * mid - weight * equity).abs() <= 1e-9 * cash * 10.0);
            prop_assert!(
                (traded.units > 0.0) == (traded.price > mid) || away == 0.0 || traded.units == 0.0
            );
        }
    }

    #[test]
    fn going_flat_leaves_no_crumb() {
        let mut account = Account { cash: 1.0, units: 0.1 + 0.2 };
        account.trade_to(0.0, 3.7, &Rates::flat(10.0));
        assert_eq!(account.units, 0.0);
    }

    #[test]
    fn from_cash_all_of_it_buys_what_it_can_pay_for() {
        let rates = Rates { commission: 0.001, absolute: 0.5, relative: 0.0 };
        let mut account = Account { cash: 1000.0, units: 0.0 };
        let traded = account.trade_to(1.0, 100.0, &rates);
        // backtesting.py and vectorbt: cash / (price × (1 + commission)).
        assert!((traded.units - 1000.0 / (100.5 * 1.001)).abs() < 1e-12);
        assert!(account.cash.abs() < 1e-10, "{}", account.cash);
    }

    #[test]
    fn absurd_costs_with_leverage_sell_everything() {
        let mut account = Account { cash: -9.0, units: 10.0 };
        account.trade_to(5.0, 1.0, &Rates::flat(5000.0));
        assert_eq!(account.units, 0.0);
    }
}
