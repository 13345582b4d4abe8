//! Small cases with known ends.

use super::super::account::Rates;
use super::super::frontier::replay;
use super::super::*;
use super::{bars, bps, calendar_of, clairvoyant, costs, free, traded, walk};
use experiment::{Concession, Limits, Rule, TargetKind};

/// Five bars by hand. Decided at the close of bar 0: long, filled at the open of bar 1; at the
/// close of bar 2: short, filled at the open of bar 3; closed at the last close. Commission 10 bps,
/// half-spread half a tick of 0.2, slippage 5 bps.
#[test]
fn the_ledger_is_the_one_computed_by_hand() {
    let bars = bars(&[100.0, 101.0, 104.0, 106.0, 103.0], &[100.5, 103.0, 105.0, 104.0, 102.0], 10);
    let costs = costs(10.0, Concession::Ticks { ticks: 0.5, tick_size: 0.2 }, bps(5.0));
    let (orders, ledger) = traded(&bars, &[0.01, 0.02, -0.01, f64::NAN, 0.5], &costs);
    let places: Vec<_> = orders.iter().map(|order| (order.bar, order.at, order.weight)).collect();
    assert_eq!(places, [(1, Moment::Open, 1.0), (3, Moment::Open, -1.0), (4, Moment::Close, 0.0)]);

    // Bought at 101 + 0.1 + 0.0505 with 10 bps on top: 10 000 buys 98.77… units and leaves no cash.
    let bought_at = 101.0 + 0.1 + 0.0505;
    let long = 10_000.0 / (bought_at * 1.001);
    // Sold at 106 − 0.1 − 0.053; then as many again that their value at 106 is what is left after
    // their own costs.
    let sold_at = 106.0 - 0.1 - 0.053;
    let cash = long * sold_at * 0.999;
    let short = cash / (106.0 + (106.0 - sold_at * 0.999));
    let after_short = cash + short * sold_at * 0.999;
    // Bought back at 102 + 0.1 + 0.051.
    let back_at = 102.0 + 0.1 + 0.051;
    let end = after_short - short * back_at * 1.001;

    let near =
        |found: f64, want: f64| assert!((found - want).abs() < 1e-9, "{found} is not {want}");
    let equity = [10_000.0, long * 103.0, long * 105.0, after_short - short * 104.0, end];
    ledger.equity.iter().zip(equity).for_each(|(found, want)| near(*found, want));
    near(ledger.fills[0].units, long);
    near(ledger.fills[0].price, bought_at);
    near(ledger.fills[0].commission, long * bought_at * 0.001);
    near(ledger.fills[0].half_spread, long * 0.1);
    near(ledger.fills[0].slippage, long * 0.0505);
    near(ledger.fills[1].units, -(long + short));
    near(ledger.fills[1].price, sold_at);
    near(ledger.cash[3], after_short);
    near(ledger.units[3], -short);
    assert_eq!((ledger.units[4], ledger.ruined), (0.0, None));

    let trades = trades(&bars, &ledger.fills);
    near(trades[0].profit, cash - 10_000.0);
    near(trades[0].profit_share, (cash - 10_000.0) / (long * bought_at));
    near(trades[1].profit, end - cash);
    assert_eq!(
        trades.iter().map(|trade| (trade.entry_bar, trade.exit_bar)).collect::<Vec<_>>(),
        [(1, 3), (3, 4)]
    );
}

/// The direction of the bar that has just closed, as a forecast: worth nothing in a market that
/// turns at every bar, and a fortune for anyone who fills one bar too early.
#[test]
fn a_fill_one_bar_earlier_would_show() {
    let closes: Vec<f64> = (0..200).map(|bar| if bar % 2 == 0 { 100.0 } else { 101.0 }).collect();
    let opens: Vec<f64> = (0..200).map(|bar| if bar % 2 == 0 { 101.0 } else { 100.0 }).collect();
    let bars = bars(&opens, &closes, 1000);
    let expected: Vec<f64> =
        opens.iter().zip(&closes).map(|(open, close)| close / open - 1.0).collect();
    let (orders, found) = traded(&bars, &expected, &free());
    let net = |equity: f64| equity / START_EQUITY - 1.0;
    assert!(net(found.equity[199]) < -0.8, "{}", net(found.equity[199]));
    let earlier: Vec<Order> = orders
        .iter()
        .map(|order| Order { bar: order.bar - usize::from(order.at == Moment::Open), ..*order })
        .collect();
    let cheated = ledger(&bars, &earlier, &free());
    assert!(net(cheated.equity[199]) > 4.0, "{}", net(cheated.equity[199]));
}

#[test]
fn persistence_trades_nothing_and_pays_nothing() {
    let bars = walk(&[(1, 2), (0, -3), (2, 2), (-1, 4), (0, 1)], 10);
    let expected = expected_returns(TargetKind::Price, &bars.close, &bars.close).unwrap();
    let costs = costs(5.0, bps(5.0), bps(5.0));
    let (orders, found) = traded(&bars, &expected, &costs);
    assert!(
        orders.is_empty()
            && found.fills.is_empty()
            && found.equity.iter().all(|equity| *equity == START_EQUITY)
    );
    let statistics = statistics(&bars, &calendar_of(&bars), &orders, &found).unwrap();
    assert_eq!(
        (
            statistics.net_return,
            statistics.costs.total(),
            statistics.exposure,
            statistics.trading.trades
        ),
        (0.0, 0.0, 0.0, 0)
    );
    assert_eq!(
        (statistics.annual.sharpe, statistics.break_even_bps, statistics.trading.win_rate),
        (None, None, None)
    );
}

#[test]
fn ruin_ends_trading_and_leaves_the_debt() {
    // Short with ten times the equity into a market that jumps by a fifth.
    let bars = bars(
        &[100.0, 100.0, 100.0, 120.0, 110.0, 90.0],
        &[100.0, 100.0, 100.0, 118.0, 100.0, 80.0],
        10,
    );
    let expected = [-0.1, -0.1, -0.1, 0.1, -0.1, -0.1];
    let limits = Limits { max_long: 10.0, max_short: 10.0 };
    let orders = orders(&bars, &weights(Rule::Sign, limits, &expected), Gap::None);
    let found = ledger(&bars, &orders, &free());
    assert_eq!(found.ruined, Some(3));
    assert!((found.equity[3] - START_EQUITY * (1.0 - 10.0 * 0.18)).abs() < 1e-9);
    assert!(found.units[3] == 0.0 && found.equity[5] == found.equity[3] && found.fills.len() == 2);
    let statistics = statistics(&bars, &calendar_of(&bars), &orders, &found).unwrap();
    assert_eq!(
        (statistics.ruined_at, statistics.annual.sharpe, statistics.market.beta),
        (Some(3), None, None)
    );
    // The orders' replay sees the same, at any cost.
    let rates: Vec<Rates> = [0.0, 1.0, 50.0].map(Rates::flat).to_vec();
    for (outcome, bps_a_side) in
        replay(&bars, &orders, &bars.day_ends(), &rates).iter().zip([0.0, 1.0, 50.0])
    {
        let booked = ledger(&bars, &orders, &costs(0.0, bps(bps_a_side), bps(0.0)));
        assert_eq!(outcome.equity, booked.equity[5]);
    }
}

#[test]
fn the_break_even_cost_is_where_nothing_is_left() {
    let steps: Vec<(i8, i8)> =
        (0..400).map(|i: i32| ((i * 7 % 5 - 2) as i8, (i * 31 % 23 - 11) as i8)).collect();
    let bars = walk(&steps, 100);
    let (orders, _) = traded(&bars, &clairvoyant(&bars), &free());
    let bps_a_side = break_even_bps(&bars, &orders).unwrap();
    let net = net_returns(
        &bars,
        &orders,
        &[costs(0.0, bps(bps_a_side), bps(0.0)), costs(bps_a_side / 2.0, bps(0.0), bps(0.0))],
    );
    assert!(net[0].abs() < 1e-6 && net[1] > 0.1, "{net:?} at {bps_a_side}");
    let inverted: Vec<f64> = clairvoyant(&bars).iter().map(|expected| -expected).collect();
    assert_eq!(break_even_bps(&bars, &traded(&bars, &inverted, &free()).0), None);
}

#[test]
fn buy_and_hold_earns_the_market_less_two_sides() {
    let bars = walk(&[(1, 20), (0, -3), (2, 2), (-1, 40), (0, 1)], 2);
    let side = costs(1.0, bps(2.0), bps(0.0));
    let found = ledger(&bars, &buy_and_hold(&bars), &side);
    let want =
        bars.close[4] * (1.0 - 2e-4) * (1.0 - 1e-4) / (bars.open[1] * (1.0 + 2e-4) * (1.0 + 1e-4));
    assert!((found.equity[4] / START_EQUITY - want).abs() < 1e-12);
}
