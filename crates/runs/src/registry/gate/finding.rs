//! What a rule says of a version.

use serde::{Deserialize, Serialize};

use super::facts::{Facts, Known};
use super::rule::{Fact, Rule, Term, Test};

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
    let Test::Compared { left, order, right } = &rule.test else {
        let crowned = candidate.crowned();
        return Finding {
            rule: rule.to_string(),
            passed: crowned == Ok(true),
            left: None,
            right: None,
            note: crowned.err(),
        };
    };
    let sides = [left, right].map(|term| value(term, candidate, champion));
    let beside = champion.filter(|_| rule.names_champion());
    let comparable = [left, right].into_iter().try_for_each(|term| match (term, beside) {
        (Term::Fact { fact, .. }, Some(champion)) => candidate.comparable(fact.what, champion),
        _ => Ok(()),
    });
    let [left, right] = [&sides[0], &sides[1]].map(|side| side.as_ref().ok().copied());
    let holds = left.zip(right).is_some_and(|(left, right)| order.holds(left, right));
    let mut notes: Vec<String> = sides.into_iter().filter_map(Result::err).collect();
    if notes.is_empty() {
        notes.extend(comparable.err());
    }
    notes.dedup();
    let note = (!notes.is_empty()).then(|| notes.join("; "));
    Finding { rule: rule.to_string(), passed: holds && note.is_none(), left, right, note }
}

fn value(term: &Term, candidate: &Facts, champion: Option<&Facts>) -> Known {
    match term {
        Term::Number(number) => Ok(*number),
        Term::Fact { factor, fact: Fact { of_champion: false, what } } => {
            candidate.value(*what).map(|value| factor * value)
        }
        Term::Fact { factor, fact: Fact { of_champion: true, what } } => {
            let value = champion.ok_or_else(|| NO_CHAMPION.to_owned())?.value(*what);
            value.map(|value| factor * value).map_err(|why| format!("the champion's is {why}"))
        }
    }
}

const NO_CHAMPION: &str = "undefined: there is no champion yet";
