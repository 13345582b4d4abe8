//! Wire → validated.

use super::super::key::{find, set};
use super::super::mistake::Clash;
use super::super::validate::Parts;
use super::super::wire::Wire;
use super::settings::{Backtest, Concession, Costs, FlatAt, Limits, Rule};
use super::wire::{RuleKind, WireBacktest, WireConcession, WireCosts, WireRule};
use crate::space::Value;

const COMMISSION: &str = "backtest.costs.commission_bps";
const HALF_SPREAD: &str = "backtest.costs.half_spread";
const SLIPPAGE: &str = "backtest.costs.slippage";
const TICK_SIZE: &str = "backtest.costs.tick_size";

/// What is valid of `[backtest]`, and what in it does not fit together; with a clash it is not
/// to be used.
pub(in super::super) fn validate(wire: &WireBacktest) -> (Backtest, Vec<Clash>) {
    let WireBacktest { rule, costs, max_long, max_short, flat_at } = *wire;
    let mut clashes = Vec::new();
    let rule = validate_rule(&rule, &mut clashes);
    let costs = validate_costs(costs, &mut clashes);
    let limits = Limits { max_long: max_long.unwrap_or(1.0), max_short: max_short.unwrap_or(1.0) };
    if limits.max_long == 0.0 && limits.max_short == 0.0 {
        let keys = ["backtest.max_long", "backtest.max_short"];
        clashes.push(Clash::new(
            &keys,
            "with 'backtest.max_long' and 'backtest.max_short' both 0 nothing can be traded",
        ));
    }
    (Backtest { rule, costs, limits, flat_at: flat_at.unwrap_or(FlatAt::Auto) }, clashes)
}

fn validate_rule(rule: &WireRule, clashes: &mut Vec<Clash>) -> Rule {
    use RuleKind::{Proportional, Quantile, Sign, Threshold};
    let WireRule { kind, threshold_bps, scale_bps, share, lookback } = *rule;
    let mut part = Parts { kind_key: "backtest.rule.kind", kind: &kind, clashes };
    let threshold = part.of("backtest.rule.threshold_bps", threshold_bps, &[Threshold]);
    let scale = part.of("backtest.rule.scale_bps", scale_bps, &[Proportional]);
    let share = part.of("backtest.rule.share", share, &[Quantile]).unwrap_or(0.1);
    let lookback = part.of("backtest.rule.lookback", lookback, &[Quantile]).unwrap_or(1000);
    let mut needed = |value: Option<f64>, key: &'static str, what: &str, example: &str| {
        value.unwrap_or_else(|| {
            let kind = serde_json::to_string(&kind).unwrap_or_default();
            clashes.push(
                Clash::new(
                    &[key, "backtest.rule.kind", "backtest.rule"],
                    format!("a {kind} rule needs '{key}'"),
                )
                .hint(format!("add {what}: {example}")),
            );
            f64::INFINITY
        })
    };
    match kind {
        Sign => Rule::Sign,
        Threshold => {
            let what = "the least expected return that is traded, in basis points";
            Rule::Threshold {
                threshold_bps: needed(
                    threshold,
                    "backtest.rule.threshold_bps",
                    what,
                    "threshold_bps = 2.0",
                ),
            }
        }
        Proportional => {
            let what = "the expected return at which the position is full, in basis points";
            Rule::Proportional {
                scale_bps: needed(scale, "backtest.rule.scale_bps", what, "scale_bps = 5.0"),
            }
        }
        Quantile => {
            if share * (lookback as f64) < 1.0 {
                let problem = format!(
                    "a share of {share} of {lookback} forecasts is less than one: nothing would be \
                        traded"
                );
                clashes.push(
                    Clash::new(&["backtest.rule.share", "backtest.rule.lookback"], problem)
                        .hint("raise the share or the lookback"),
                );
            }
            Rule::Quantile { share, lookback }
        }
    }
}

fn validate_costs(costs: WireCosts, clashes: &mut Vec<Clash>) -> Costs {
    let WireCosts { commission_bps, half_spread, slippage, tick_size } = costs;
    let given = [
        (COMMISSION, commission_bps.is_some()),
        (HALF_SPREAD, half_spread.is_some()),
        (SLIPPAGE, slippage.is_some()),
    ];
    let missing: Vec<&'static str> =
        given.into_iter().filter(|(_, is_given)| !is_given).map(|(key, _)| key).collect();
    if !missing.is_empty() {
        let quoted: Vec<String> = missing.iter().map(|key| format!("'{key}'")).collect();
        let (names, verb) = (quoted.join(" and "), if missing.len() == 1 { "is" } else { "are" });
        let examples: Vec<&str> = missing.iter().map(|key| example(key)).collect();
        clashes.push(
            Clash::new(
                &["backtest.costs", "backtest"],
                format!("{names} {verb} missing: the costs of trading are never assumed"),
            )
            .hint(format!("add {}; 0 must be written too", examples.join(", "))),
        );
    }
    let in_ticks =
        [(HALF_SPREAD, half_spread), (SLIPPAGE, slippage)].map(
            |(key, concession)| match concession {
                Some(WireConcession::Ticks(_)) => Some(key),
                _ => None,
            },
        );
    let key_in_ticks = in_ticks.into_iter().flatten().next();
    match (key_in_ticks, tick_size) {
        (Some(key), None) => clashes.push(
            Clash::new(
                &[key, TICK_SIZE],
                format!("'{key}' is in ticks, but '{TICK_SIZE}' is missing"),
            )
            .hint("add tick_size = 0.2: the price units in one tick; or give the cost in bps"),
        ),
        (None, Some(size)) if half_spread.is_some() && slippage.is_some() => clashes.push(
            Clash::new(
                &[TICK_SIZE],
                format!("'{TICK_SIZE}' = {size} has no effect: no cost is in ticks"),
            )
            .hint("remove it, or write a cost in ticks: half_spread = \"0.5 ticks\""),
        ),
        _ => {}
    }
    let validated = |concession: Option<WireConcession>| match concession {
        Some(WireConcession::Ticks(ticks)) => {
            Concession::Ticks { ticks, tick_size: tick_size.unwrap_or(f64::INFINITY) }
        }
        Some(WireConcession::Bps(bps)) => Concession::Bps { bps },
        None => Concession::Bps { bps: f64::INFINITY },
    };
    Costs {
        commission_bps: commission_bps.unwrap_or(f64::INFINITY),
        half_spread: validated(half_spread),
        slippage: validated(slippage),
    }
}

/// How a cost is written.
fn example(key: &str) -> &'static str {
    match key {
        COMMISSION => "commission_bps = 0.25",
        HALF_SPREAD => "half_spread = \"1 bps\" (or \"0.5 ticks\" with tick_size)",
        _ => "slippage = \"0.5 bps\"",
    }
}

impl Backtest {
    /// A backtest as recorded (or none), with keys of `[backtest]` written over it. A rule of
    /// another kind takes nothing over from the former one; the size of a tick is forgotten where
    /// no cost is in ticks any more.
    ///
    /// # Errors
    /// Everything that is wrong with the values, or missing: lower-case fragments that name the
    /// key.
    pub fn with(
        recorded: Option<&Self>,
        written: &[(&'static str, Value)],
    ) -> Result<Self, Vec<String>> {
        let base = recorded.map(WireBacktest::from).unwrap_or_default();
        let mut wire = Wire { backtest: Some(base), ..Wire::default() };
        let mut problems = Vec::new();
        let of_rule = |key: &str| key.starts_with("backtest.rule");
        let mut apply = |wire: &mut Wire, wanted: &dyn Fn(&str) -> bool| {
            for (key, value) in written.iter().filter(|(key, _)| wanted(key)) {
                match find(key) {
                    Some(entry) => problems.extend(
                        set(wire, entry, value).into_iter().map(|mistake| in_words(&mistake)),
                    ),
                    None => problems.push(format!("'{key}' is not a key")),
                }
            }
        };
        // The kind first: what it does not take over is gone before the rest is written.
        apply(&mut wire, &|key| key == "backtest.rule.kind");
        if let Some(backtest) = &mut wire.backtest
            && backtest.rule.kind != base.rule.kind
        {
            backtest.rule = WireRule { kind: backtest.rule.kind, ..WireRule::default() };
        }
        apply(&mut wire, &|key| of_rule(key) && key != "backtest.rule.kind");
        apply(&mut wire, &|key| !of_rule(key));
        let mut backtest = wire.backtest.unwrap_or_default();
        let is_size_written = written.iter().any(|(key, _)| *key == TICK_SIZE);
        let ticks = |concession| matches!(concession, Some(WireConcession::Ticks(_)));
        if !is_size_written && !ticks(backtest.costs.half_spread) && !ticks(backtest.costs.slippage)
        {
            backtest.costs.tick_size = None;
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let (validated, clashes) = validate(&backtest);
        if clashes.is_empty() {
            Ok(validated)
        } else {
            Err(clashes.into_iter().map(|clash| clash.problem).collect())
        }
    }
}

fn in_words(mistake: &super::super::mistake::Mistake) -> String {
    match &mistake.hint {
        Some(hint) => format!("{} ({hint})", mistake.problem),
        None => mistake.problem.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded() -> Backtest {
        let ticks = |ticks| Concession::Ticks { ticks, tick_size: 0.2 };
        Backtest {
            rule: Rule::Threshold { threshold_bps: 2.0 },
            costs: Costs { commission_bps: 0.23, half_spread: ticks(0.5), slippage: ticks(0.0) },
            limits: Limits { max_long: 1.0, max_short: 0.0 },
            flat_at: FlatAt::Gap,
        }
    }

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn what_is_recorded_comes_back_and_what_is_written_goes_over_it() {
        assert_eq!(Backtest::with(Some(&recorded()), &[]), Ok(recorded()));
        let over = [
            ("backtest.rule.threshold_bps", Value::Int(3)),
            ("backtest.costs.slippage", text("1 bps")),
        ];
        let costs = Costs { slippage: Concession::Bps { bps: 1.0 }, ..recorded().costs };
        let want = Backtest { rule: Rule::Threshold { threshold_bps: 3.0 }, costs, ..recorded() };
        assert_eq!(Backtest::with(Some(&recorded()), &over), Ok(want));
    }

    #[test]
    fn another_rule_forgets_the_former_ones_parts_and_costs_in_bps_the_tick() {
        let over = [
            ("backtest.costs.half_spread", text("1 bps")),
            ("backtest.costs.slippage", text("0 bps")),
            ("backtest.rule.kind", text("sign")),
        ];
        let found = Backtest::with(Some(&recorded()), &over).unwrap();
        assert_eq!(
            (found.rule, found.costs.half_spread),
            (Rule::Sign, Concession::Bps { bps: 1.0 })
        );
    }

    #[test]
    fn without_costs_there_is_no_backtest() {
        let found = Backtest::with(None, &[("backtest.costs.commission_bps", Value::Float(0.25))])
            .unwrap_err();
        assert_eq!(
            found,
            ["'backtest.costs.half_spread' and 'backtest.costs.slippage' are missing: the costs \
                    of trading are never assumed"]
        );
        let wrong = [
            ("backtest.costs.commission_bps", Value::Float(-1.0)),
            ("backtest.costs.slippage", text("3")),
        ];
        let found = Backtest::with(Some(&recorded()), &wrong).unwrap_err();
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
