//! What a rule says of a version.

use serde::{Deserialize, Serialize};

use super::facts::{Facts, Known};
use super::rule::{Rule, Term, Test};

/// A rule, its two numbers and whether it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// As it was written.
    pub rule: String,
    /// Whether it holds; never where a number is undefined.
    pub passed: bool,
    /// The left side's number; of `crowned`, none.
    pub left: Option<f64>,
    /// The right side's number.
    pub right: Option<f64>,
    /// Why a number is undefined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Holds each rule against a candidate, beside the champion where there is one.
#[must_use]
pub fn judge(rules: &[Rule], candidate: &Facts, champion: Option<&Facts>) -> Vec<Finding> {
    rules.iter().map(|rule| finding(rule, candidate, champion)).collect()
}

fn finding(rule: &Rule, candidate: &Facts, champion: Option<&Facts>) -> Finding {
    let (passed, left, right, notes) = match &rule.test {
        Test::Crowned => {
            let crowned = candidate.crowned();
            (crowned == Ok(true), None, None, vec![crowned.err()])
        }
        Test::Compared { left, order, right } => {
            // Errors in the target's unit say something about each other over the same windows alone.
            let compared = rule.names_champion().then_some(champion).flatten();
            let value = |term: &Term| match term {
                Term::Number(number) => Ok(*number),
                Term::Fact { factor, fact } => {
                    let other = if fact.of_champion { Some(candidate) } else { compared };
                    let of = if fact.of_champion { champion.ok_or_else(|| NO_CHAMPION.to_owned()) } else { Ok(candidate) };
                    of.and_then(|of| of.value(fact.what, other)).map(|value| factor * value)
                }
            };
            let (left, right): (Known, Known) = (value(left), value(right));
            let passed = matches!((&left, &right), (Ok(left), Ok(right)) if order.holds(*left, *right));
            let (left_number, right_number) = (left.as_ref().ok().copied(), right.as_ref().ok().copied());
            (passed, left_number, right_number, vec![left.err(), right.err()])
        }
    };
    let mut notes: Vec<String> = notes.into_iter().flatten().collect();
    notes.dedup();
    Finding { rule: rule.to_string(), passed, left, right, note: (!notes.is_empty()).then(|| notes.join("; ")) }
}

const NO_CHAMPION: &str = "undefined: there is no champion yet";
