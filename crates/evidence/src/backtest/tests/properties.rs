//! What holds for any prices, forecasts, rules and costs.

use proptest::prelude::*;

use super::super::account::Rates;
use super::super::frontier::replay;
use super::super::*;
use super::{bps, calendar_of, clairvoyant, costs, free, traded, walk};
use experiment::{Concession, Costs, Limits, Rule};

/// Steps of a walk, forecasts (none where `None`), a session's length and costs.
#[derive(Clone, Debug)]
struct Case {
    bars: TradedBars,
    expected: Vec<f64>,
    limits: Limits,
    flat_before: Gap,
    rule: Rule,
    costs: Costs,
}

prop_compose! {
    fn case()(
        steps in prop::collection::vec(
            (-9_i8..9, -9_i8..9, prop::option::weighted(0.8, -9_i8..9)),
            2..120,
        ),
        session in 2_usize..50,
        (max_long, max_short) in (0.0..3.0_f64, 0.0..3.0_f64),
        flat_before in prop::sample::select(vec![Gap::None, Gap::Break, Gap::Session]),
        rule in prop::sample::select(vec![
            Rule::Sign,
            Rule::Threshold { threshold_bps: 3.0 },
            Rule::Proportional { scale_bps: 5.0 },
            Rule::Quantile { share: 0.3, lookback: 5 },
        ]),
        commission_bps in 0.0..20.0_f64,
        half_spread in prop_oneof![
            (0.0..20.0_f64).prop_map(bps),
            (0.0..20.0_f64).prop_map(|ticks| Concession::Ticks { ticks, tick_size: 0.01 }),
        ],
        slippage in (0.0..20.0_f64).prop_map(bps),
    ) -> Case {
        let prices: Vec<(i8, i8)> = steps.iter().map(|(jump, step, _)| (*jump, *step)).collect();
        let of = |forecast: Option<i8>| forecast.map_or(f64::NAN, |basis| f64::from(basis) * 1e-4);
        let expected = steps.iter().map(|(.., forecast)| of(*forecast)).collect();
        let limits = Limits { max_long, max_short };
        let costs = Costs { commission_bps, half_spread, slippage };
        Case { bars: walk(&prices, session), expected, limits, flat_before, rule, costs }
    }
}

impl Case {
    fn orders(&self) -> Vec<Order> {
        orders(&self.bars, &weights(self.rule, self.limits, &self.expected), self.flat_before)
    }
}

proptest! {
    #[test]
    fn cash_and_positions_add_up(case in case()) {
        let Case { bars, .. } = &case;
        let book = ledger(bars, &case.orders(), &case.costs);
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-7;
        // By the fills alone: what was paid, and what was owned.
        let (mut cash, mut units, mut fills) = (START_EQUITY, 0.0, book.fills.iter().peekable());
        let (mut gained, mut price_before) = (0.0, bars.open[0]);
        for bar in 0..bars.len() {
            for (at, mid) in [(Moment::Open, bars.open[bar]), (Moment::Close, bars.close[bar])] {
                gained += units * (mid - price_before);
                price_before = mid;
                while let Some(fill) = fills.next_if(|fill| fill.bar == bar && fill.at == at) {
                    prop_assert!(fill.mid == mid && near(fill.equity_before, cash + units * mid));
                    prop_assert!(near(
                        fill.units * (fill.price - mid),
                        fill.half_spread + fill.slippage
                    ));
                    prop_assert!(near(
                        fill.commission,
                        fill.units.abs() * fill.price * case.costs.commission_bps * 1e-4
                    ));
                    cash -= fill.units * fill.price + fill.commission;
                    units = fill.position;
                }
            }
            prop_assert!(near(book.cash[bar], cash) && near(book.units[bar], units));
            prop_assert!(near(book.equity[bar], cash + units * bars.close[bar]));
        }
        // And by what the positions earned less what was paid.
        let paid: f64 = book.fills.iter().map(Fill::cost).sum();
        let end = book.equity[bars.len() - 1];
        prop_assert!(near(end, START_EQUITY + gained - paid), "{end} {gained} {paid}");
        prop_assert!(book.units[bars.len() - 1] == 0.0 && fills.next().is_none());
        let profits: f64 = trades(bars, &book.fills).iter().map(|trade| trade.profit).sum();
        prop_assert!(near(end, START_EQUITY + profits));
    }

    #[test]
    fn no_limit_is_exceeded_and_no_gap_is_held_over_that_must_not_be(case in case()) {
        let orders = case.orders();
        let book = ledger(&case.bars, &orders, &case.costs);
        for (fill, order) in book.fills.iter().zip(&orders) {
            let equity = fill.equity_before - fill.cost();
            let weight = fill.position * fill.mid / equity;
            prop_assert!(
                weight <= case.limits.max_long + 1e-9 && weight >= -case.limits.max_short - 1e-9
            );
            prop_assert!((weight - order.weight).abs() < 1e-9);
        }
        for (bar, gap) in case.bars.gap_after.iter().enumerate() {
            let closed = match case.flat_before {
                Gap::None => false,
                Gap::Break => *gap != Gap::None,
                Gap::Session => *gap == Gap::Session,
            };
            prop_assert!(!closed || book.units[bar] == 0.0);
        }
    }

    #[test]
    fn a_fill_follows_its_forecast_and_nothing_later(case in case(), cut in 1_usize..100) {
        // What is forecast from a bar on changes nothing before the bar after it.
        let cut = cut.min(case.bars.len() - 1);
        let mut other = case.clone();
        other.expected[cut..].iter_mut().for_each(|expected| *expected = -*expected);
        let end =
            |case: &Case| ledger(&case.bars, &case.orders(), &case.costs).equity[..cut].to_vec();
        prop_assert_eq!(end(&case), end(&other));
        // Nor does it matter what prices follow.
        let mut shorter = case.clone();
        for bar in cut..case.bars.len() {
            shorter.bars.open[bar] *= 2.0;
            shorter.bars.close[bar] *= 2.0;
        }
        prop_assert_eq!(end(&case), end(&shorter));
    }

    #[test]
    fn clairvoyance_profits_and_its_inversion_loses(case in case()) {
        let expected = clairvoyant(&case.bars);
        let inverted: Vec<f64> = expected.iter().map(|expected| -expected).collect();
        // At the last open; what follows it nobody has forecast.
        let last = case.bars.len() - 1;
        let worth = |expected: &[f64]| {
            let book = traded(&case.bars, expected, &free()).1;
            book.cash[last - 1] + book.units[last - 1] * case.bars.open[last]
        };
        if expected.iter().any(|expected| expected.abs() > 1e-6) {
            prop_assert!(worth(&expected) > START_EQUITY && worth(&inverted) < START_EQUITY);
        }
    }

    #[test]
    fn many_costs_at_once_come_to_what_the_ledger_books(
        case in case(),
        more in prop::collection::vec(0.0..40.0_f64, 0..12),
    ) {
        let orders = case.orders();
        let mut all = vec![case.costs];
        all.extend(more.iter().map(|side| costs(side / 2.0, bps(*side), bps(0.0))));
        let day_ends = case.bars.day_ends();
        let rates: Vec<Rates> = all.iter().map(Rates::of).collect();
        let outcomes: Vec<_> = rates
            .chunks(4)
            .flat_map(|rates| replay(&case.bars, &orders, &day_ends, rates))
            .collect();
        let nets = net_returns(&case.bars, &orders, &all);
        prop_assert_eq!((outcomes.len(), nets.len()), (all.len(), all.len()));
        for ((outcome, net), costs) in outcomes.iter().zip(nets).zip(&all) {
            let book = ledger(&case.bars, &orders, costs);
            let days: Vec<f64> = day_ends.iter().map(|&bar| book.equity[bar]).collect();
            prop_assert_eq!(&outcome.day_equity, &days);
            prop_assert_eq!(outcome.equity, *book.equity.last().unwrap());
            prop_assert!((net - (outcome.equity / START_EQUITY - 1.0)).abs() < 1e-12);
        }
    }

    #[test]
    fn a_cell_of_the_frontier_has_the_statistics_of_its_rule_and_cost(case in case()) {
        let (thresholds, sides) = ([0.0, 2.0, 5.0], [0.0, 1.5, 8.0]);
        let calendar = calendar_of(&case.bars);
        let found = frontier(
            &case.bars,
            &calendar,
            &case.expected,
            (case.limits, case.flat_before),
            &thresholds,
            &sides,
        );
        for (row, threshold_bps) in found.thresholds.iter().zip(thresholds) {
            let weights = weights(Rule::Threshold { threshold_bps }, case.limits, &case.expected);
            let orders = orders(&case.bars, &weights, case.flat_before);
            for (cell, side) in row.cells.iter().zip(sides) {
                let book = ledger(&case.bars, &orders, &costs(0.0, bps(side), bps(0.0)));
                let statistics = statistics(&case.bars, &calendar, &orders, &book).unwrap();
                prop_assert!((cell.net_return - statistics.net_return).abs() < 1e-12);
                prop_assert_eq!(cell.sharpe, statistics.annual.sharpe);
                prop_assert_eq!(row.break_even_bps, statistics.break_even_bps);
            }
            // Where nobody can be ruined, net returns fall to 0 without a jump.
            if let Some(side) = row
                .break_even_bps
                .filter(|_| case.limits.max_long <= 1.0 && case.limits.max_short <= 1.0)
            {
                let net = net_returns(&case.bars, &orders, &[costs(0.0, bps(side), bps(0.0))])[0];
                prop_assert!(net.abs() < 1e-7, "{net} at {side}");
            }
        }
    }
}
