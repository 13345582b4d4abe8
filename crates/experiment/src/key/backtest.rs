//! Keys of `[backtest]`.

use std::ops::Bound::{Excluded, Included};

use super::super::backtest::{FlatAt, WireBacktest, WireConcession, WireCosts, WireRule};
use super::super::wire::Wire;
use super::Fallback::{Parts, Rule, Toml};
use super::Key;
use super::row::{key, named, number, one_of, table, text, whole};
use super::takes::Refusal;

const CONCESSION: &str =
    "an amount with its unit, in quotes: \"0.5 ticks\" or \"1 bps\", at most 1000";
/// Most basis points of a commission, and of an expected return that is traded.
const MOST_BPS: f64 = 1000.0;

/// `[backtest]`.
pub(super) static KEYS: &[Key] = &[
    key(
        "backtest",
        table(|w| w.backtest = Some(WireBacktest::default())),
        Rule("none: `kiln backtest` then takes the costs from its arguments"),
        "How `kiln backtest` trades the forecasts, and what that costs. It changes no training and \
            no trial's identity.",
    ),
    key(
        "backtest.rule",
        table(|w| backtest(w).rule = WireRule::default()),
        Parts,
        "From an expected return to a position.",
    ),
    key(
        "backtest.rule.kind",
        one_of(&["sign", "threshold", "proportional", "quantile"], |w, v| {
            named(&mut backtest(w).rule.kind, v)
        }),
        Toml("\"sign\""),
        "Long or short by the sign of the expected return; only beyond a threshold; in proportion \
            to it; or where it is among the highest or lowest of the last forecasts.",
    ),
    key(
        "backtest.rule.threshold_bps",
        number(Included(0.0), Included(MOST_BPS), |w, v| backtest(w).rule.threshold_bps = Some(v)),
        Rule("required; threshold only"),
        "Least expected return over the horizon that is traded, basis points.",
    ),
    key(
        "backtest.rule.scale_bps",
        number(Excluded(0.0), Included(MOST_BPS), |w, v| backtest(w).rule.scale_bps = Some(v)),
        Rule("required; proportional only"),
        "Expected return over the horizon at which the position is as large as its limit, basis \
            points.",
    ),
    key(
        "backtest.rule.share",
        number(Excluded(0.0), Included(0.5), |w, v| backtest(w).rule.share = Some(v)),
        Rule("0.1; quantile only"),
        "Share of the last forecasts on each side that is traded.",
    ),
    key(
        "backtest.rule.lookback",
        whole(2, 1_000_000, |w, v| backtest(w).rule.lookback = Some(v as usize)),
        Rule("1000; quantile only"),
        "Forecasts, the newest included, that a forecast is ranked among; nothing is traded before \
            there are so many.",
    ),
    key(
        "backtest.costs",
        table(|w| backtest(w).costs = WireCosts::default()),
        Parts,
        "What trading costs, on each side of a trade; nothing is assumed, 0 must be written too.",
    ),
    key(
        "backtest.costs.commission_bps",
        number(Included(0.0), Included(MOST_BPS), |w, v| {
            backtest(w).costs.commission_bps = Some(v)
        }),
        Rule("required"),
        "Commission of one side, basis points of the traded value.",
    ),
    key(
        "backtest.costs.half_spread",
        text(CONCESSION, |w, v| {
            concession("half_spread", v).map(|found| backtest(w).costs.half_spread = Some(found))
        }),
        Rule("required"),
        "Half of the distance between bid and ask: a bar's prices are taken for the middle.",
    ),
    key(
        "backtest.costs.slippage",
        text(CONCESSION, |w, v| {
            concession("slippage", v).map(|found| backtest(w).costs.slippage = Some(found))
        }),
        Rule("required"),
        "How much worse than that a fill is.",
    ),
    key(
        "backtest.costs.tick_size",
        number(Excluded(0.0), Included(1e6), |w, v| backtest(w).costs.tick_size = Some(v)),
        Rule("required where a cost is in ticks"),
        "Price units in one tick.",
    ),
    key(
        "backtest.max_long",
        number(Included(0.0), Included(10.0), |w, v| backtest(w).max_long = Some(v)),
        Toml("1.0"),
        "Largest long position, as a share of equity: 1 is all of it, 2 is with leverage, 0 is \
            none.",
    ),
    key(
        "backtest.max_short",
        number(Included(0.0), Included(10.0), |w, v| backtest(w).max_short = Some(v)),
        Toml("1.0"),
        "Largest short position, as a share of equity; 0 for long only.",
    ),
    key(
        "backtest.flat_at",
        one_of(&["auto", "never", "session_end", "gap"], |w, v| {
            let mut flat_at = FlatAt::Auto;
            named(&mut flat_at, v);
            backtest(w).flat_at = Some(flat_at);
        }),
        Toml("\"auto\""),
        "Close positions before a gap after which the date is another (session_end), before every \
            gap (gap: nights, lunch breaks, holes in the data), or never; auto is gap, but never \
            with data.cross_gaps.",
    ),
];

fn backtest(wire: &mut Wire) -> &mut WireBacktest {
    wire.backtest.get_or_insert_default()
}

fn concession(name: &str, text: &str) -> Result<WireConcession, Refusal> {
    text.parse().map_err(|()| {
        let hint = match text.trim().parse::<f64>() {
            Ok(amount) if amount >= 0.0 => {
                Some(format!("give a unit: \"{amount} ticks\" or \"{amount} bps\""))
            }
            _ => None,
        };
        (format!("'backtest.costs.{name}' takes {CONCESSION}, not \"{text}\""), hint)
    })
}
