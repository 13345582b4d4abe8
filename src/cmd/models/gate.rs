//! `kiln models gate`: the rules that every promotion to champion must pass.

use serde_json::json;
use std::io::Write;

use super::Registry;
use super::arguments::GateArgs;
use crate::cmd::selection::write_json;
use crate::cmd::{Failure, Outcome, clock};
use runs::registry::{Finding, Gate, Rule, Writer};
use text::{Align, cleaned, number, table};

pub(super) fn run(
    registry: &Registry,
    args: &GateArgs,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let GateArgs { name, rules, clear } = args;
    if *clear || !rules.is_empty() {
        let rules = parsed(rules)?;
        // Not while somebody is promoted by the former rules.
        Writer::open(&registry.root, name, &clock::now())?.gate(&rules)?;
    }
    if let Some(remark) = Gate::remark(&registry.root, name)? {
        writeln!(std::io::stderr(), "warning: {}", cleaned(&remark.in_words(name)))?;
    }
    let rules = Gate::read(&registry.root, name)?.map(|gate| gate.rules).unwrap_or_default();
    if registry.json {
        write_json(out, &json!({ "model": name, "rules": rules }))?;
    } else if rules.is_empty() {
        writeln!(out, "{name} has no rules: any version can become its champion")?;
    } else {
        writeln!(out, "to become the champion of {name}, a version must pass")?;
        for rule in rules {
            writeln!(out, "  {}", cleaned(&rule.to_string()))?;
        }
    }
    Ok(Outcome::Done)
}

/// All mistakes at once.
pub(super) fn parsed(rules: &[String]) -> Result<Vec<Rule>, Failure> {
    let (rules, mistakes): (Vec<_>, Vec<_>) =
        rules.iter().map(|rule| rule.parse::<Rule>()).partition(Result::is_ok);
    if mistakes.is_empty() {
        return Ok(rules.into_iter().filter_map(Result::ok).collect());
    }
    let mistakes: Vec<String> =
        mistakes.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect();
    Err(Failure::BadInput(mistakes.join("\n")))
}

/// Each rule with its two numbers.
pub(super) fn findings_table(findings: &[Finding]) -> String {
    let header =
        [("rule", Align::Left), ("left", Align::Right), ("right", Align::Right), ("", Align::Left)];
    let header = header.map(|(name, align)| (name.to_owned(), align));
    let row = |Finding { rule, passed, left, right, note }: &Finding| {
        let word = if *passed { "passed" } else { "failed" };
        let said = note
            .as_ref()
            .map_or_else(|| word.to_owned(), |note| format!("{word}: {}", cleaned(note)));
        vec![cleaned(rule), shown(*left), shown(*right), said]
    };
    table(&header, findings.iter().map(row))
}

/// A count has no decimals.
fn shown(value: Option<f64>) -> String {
    match value {
        Some(value) if value.fract() == 0.0 && value.abs() < 1e9 => format!("{value}"),
        value => number(value),
    }
}
