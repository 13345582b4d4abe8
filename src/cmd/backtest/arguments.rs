//! Arguments → [`Backtest`]: each stands for a key of `[backtest]`, is checked like it, and goes
//! over what was recorded.

use super::super::{Failure, TradingArgs};
use experiment::Backtest;
use experiment::space::Value;

/// How forecasts are traded: as recorded, with the arguments over it.
pub(super) fn backtest(
    recorded: Option<&Backtest>,
    args: &TradingArgs,
) -> Result<Backtest, Failure> {
    Backtest::with(recorded, &written(args)).map_err(|problems| {
        let mut message: Vec<String> =
            problems.iter().map(|problem| format!("error: {}", as_arguments(problem))).collect();
        if problems.iter().any(|problem| problem.contains("missing")) {
            message.push(format!("\n{HELP}"));
        }
        Failure::BadInput(message.join("\n"))
    })
}

const HELP: &str = "help: give for instance
      --commission-bps 0.25 --half-spread '0.5 bps' --slippage '0.5 bps'
      (or in ticks, with --tick-size 0.2), or write them into the experiment
      and run its sweep once more, which trains nothing:

      [backtest]
      costs.commission_bps = 0.25
      costs.half_spread = \"0.5 ticks\"
      costs.slippage = \"0.5 ticks\"
      costs.tick_size = 0.2

      what is free must be written too: --slippage '0 bps'";

/// The keys that were given, with their values.
fn written(args: &TradingArgs) -> Vec<(&'static str, Value)> {
    let TradingArgs {
        rule,
        threshold,
        scale,
        share,
        lookback,
        commission_bps,
        half_spread,
        slippage,
        tick_size,
        max_long,
        max_short,
        flat_at,
    } = args;
    let number = |value: &Option<f64>| value.map(Value::Float);
    let text = |value: &Option<String>| value.clone().map(Value::Text);
    // A rule's part says which rule is meant.
    let is_quantile = share.is_some() || lookback.is_some();
    let parts = [
        (threshold.is_some(), "threshold"),
        (scale.is_some(), "proportional"),
        (is_quantile, "quantile"),
    ];
    let meant = parts
        .into_iter()
        .find(|(is_given, _)| *is_given)
        .map(|(_, kind)| Value::Text(kind.to_owned()));
    let all = [
        ("backtest.rule.kind", text(rule).or(meant)),
        ("backtest.rule.threshold_bps", number(threshold)),
        ("backtest.rule.scale_bps", number(scale)),
        ("backtest.rule.share", number(share)),
        ("backtest.rule.lookback", lookback.map(Value::Int)),
        ("backtest.costs.commission_bps", number(commission_bps)),
        ("backtest.costs.half_spread", text(half_spread)),
        ("backtest.costs.slippage", text(slippage)),
        ("backtest.costs.tick_size", number(tick_size)),
        ("backtest.max_long", number(max_long)),
        ("backtest.max_short", number(max_short)),
        ("backtest.flat_at", text(flat_at)),
    ];
    all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// Messages name keys; anyone who gave arguments reads arguments.
fn as_arguments(problem: &str) -> String {
    let names = [
        ("backtest.rule.kind", "--rule"),
        ("backtest.rule.threshold_bps", "--threshold"),
        ("backtest.rule.scale_bps", "--scale"),
        ("backtest.rule.share", "--share"),
        ("backtest.rule.lookback", "--lookback"),
        ("backtest.costs.commission_bps", "--commission-bps"),
        ("backtest.costs.half_spread", "--half-spread"),
        ("backtest.costs.slippage", "--slippage"),
        ("backtest.costs.tick_size", "--tick-size"),
        ("backtest.max_long", "--max-long"),
        ("backtest.max_short", "--max-short"),
        ("backtest.flat_at", "--flat-at"),
    ];
    names.iter().fold(problem.to_owned(), |text, (key, argument)| {
        text.replace(&format!("'{key}'"), argument)
    })
}
