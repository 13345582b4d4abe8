//! Budget: a backtest of one million bars at 100 pairs of threshold and cost in less than a second.
//!
//! `cargo bench --bench backtest`. The forecasts are noise of the size of a bar's return, so that
//! at the lowest threshold every other bar trades: nothing is traded more often. A regression here
//! is felt when a sweep of many runs is backtested.

use kiln::backtest::{
    Calendar, Gap, TradedBars, calendar, frontier, ledger, orders, statistics, weights,
};
use kiln::experiment::{Concession, Costs, Limits, Rule, Signal, Synthetic, Volatility};
use kiln::market::synthetic;

const BARS: usize = 1_000_000;
const LIMITS: Limits = Limits { max_long: 1.0, max_short: 1.0 };

fn main() {
    divan::main();
}

struct Case {
    traded: TradedBars,
    calendar: Calendar,
    expected: Vec<f64>,
}

fn case() -> Case {
    let bars = synthetic::generate(&Synthetic {
        bars: BARS,
        session: 240,
        signal: Signal::Reversal,
        beta2: 0.0025,
        sd_bp: 6.0,
        volatility: Volatility::Constant,
        nu: None,
        seed: 1,
    });
    let runs: Vec<_> =
        (0..BARS.div_ceil(240)).map(|run| run * 240..BARS.min((run + 1) * 240)).collect();
    let traded = TradedBars::new(
        &bars.ts,
        &bars.offset_seconds,
        &bars.open,
        &bars.close,
        &runs,
        bars.bar_seconds,
    );
    // The bar's own return turned round: no secret, no trend, and as large as what it forecasts.
    let expected =
        bars.open.iter().zip(&bars.close).map(|(open, close)| open / close - 1.0).collect();
    Case { calendar: calendar(&traded.date), traded, expected }
}

/// Ten thresholds × ten costs, and each threshold's break-even cost.
#[divan::bench(sample_count = 10)]
fn frontier_of_100_pairs(bencher: divan::Bencher) {
    let Case { traded, calendar, expected } = case();
    let thresholds: Vec<f64> = (0..10).map(f64::from).collect();
    let costs: Vec<f64> = (0..10).map(|place| f64::from(place) * 0.25).collect();
    bencher.bench(|| {
        frontier(&traded, &calendar, &expected, (LIMITS, Gap::Break), &thresholds, &costs)
    });
}

/// One rule at one cost, every fill booked, with all its statistics.
#[divan::bench(sample_count = 10)]
fn ledger_and_statistics(bencher: divan::Bencher) {
    let Case { traded, calendar, expected } = case();
    let half_spread = Concession::Ticks { ticks: 0.5, tick_size: 0.2 };
    let costs = Costs { commission_bps: 0.23, half_spread, slippage: Concession::Bps { bps: 0.0 } };
    bencher.bench(|| {
        let orders = orders(&traded, &weights(Rule::Sign, LIMITS, &expected), Gap::Break);
        statistics(&traded, &calendar, &orders, &ledger(&traded, &orders, &costs))
    });
}
