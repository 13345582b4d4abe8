//! The language of a gate's rules.
//!
//! ```text
//! rule  = "crowned" | term ("<" | "<=" | ">" | ">=" | "==") term
//! term  = number | [number "*"] fact
//! fact  = ["champion."] (metric [".low" | ".high"] | "trials" | "rank" | "spa"
//!         | "diebold_mariano")
//! ```
//! A metric is one of [`experiment::metric`] over `valid` or `test`; `.low` and `.high` are the
//! ends of its interval. `champion.` is the same of the version that is the champion now.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use experiment::metric::{Metric, Split};

/// One rule, as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    text: String,
    pub(super) test: Test,
}

/// A text that is not a rule: what, where, and what would be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule '{rule}', character {place}: {problem}")]
pub struct RuleError {
    rule: String,
    /// From 1.
    place: usize,
    problem: String,
}

/// What must hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    Crowned,
    Compared { left: Term, order: Order, right: Term },
}

/// One side.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Term {
    Number(f64),
    Fact { factor: f64, fact: Fact },
}

/// A number that a model card says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fact {
    pub of_champion: bool,
    pub what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Metric(Metric, End),
    Trials,
    Rank,
    Spa,
    DieboldMariano,
}

/// The estimate, or an end of its interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Value,
    Low,
    High,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
}

impl Order {
    const ALL: [(&'static str, Self); 5] = [
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("==", Self::Equal),
        ("<", Self::Less),
        (">", Self::More),
    ];

    pub(super) fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::More => left > right,
            Self::AtLeast => left >= right,
            Self::Equal => left == right,
        }
    }
}

impl Rule {
    /// Whether it looks at the champion.
    #[must_use]
    pub fn names_champion(&self) -> bool {
        let of_champion =
            |term: &Term| matches!(term, Term::Fact { fact: Fact { of_champion: true, .. }, .. });
        let Test::Compared { left, right, .. } = &self.test else { return false };
        of_champion(left) || of_champion(right)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Longest text of a rule, bytes.
const LONGEST: usize = 200;

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let error = |at: usize, problem: String| RuleError {
            rule: text::cleaned(text).chars().take(LONGEST).collect(),
            place: text[..at].chars().count() + 1,
            problem,
        };
        if text.len() > LONGEST {
            return Err(error(
                0,
                format!("it has {} bytes, at most {LONGEST} are read", text.len()),
            ));
        }
        let mut words = Words { text, at: 0 };
        let test = words.test().map_err(|(at, problem)| error(at, problem))?;
        if let Some((at, word)) = words.next() {
            return Err(error(at, format!("'{}' after the rule's end", text::clean(word))));
        }
        Ok(Self { text: text.split_whitespace().collect::<Vec<_>>().join(" "), test })
    }
}

/// A mistake and where it starts, in bytes.
type Mistake = (usize, String);

const ORDERS: &str = "<, <=, >, >= or ==";

/// The text word by word: names and numbers, and signs.
struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Words<'a> {
    fn test(&mut self) -> Result<Test, Mistake> {
        let start = self.at;
        if self.next().is_some_and(|(_, word)| word == "crowned") {
            return Ok(Test::Crowned);
        }
        self.at = start;
        let left = self.term()?;
        let order = match self.next() {
            Some((at, word)) => match Order::ALL.into_iter().find(|(sign, _)| *sign == word) {
                Some((_, order)) => order,
                None => {
                    return Err((
                        at,
                        format!("'{}' where one of {ORDERS} is expected", text::clean(word)),
                    ));
                }
            },
            None => {
                return Err((
                    self.text.len(),
                    format!("it ends where one of {ORDERS} is expected"),
                ));
            }
        };
        let right = self.term()?;
        match (&left, &right) {
            (Term::Number(_), Term::Number(_)) => {
                Err((0, format!("two numbers are compared; {FACTS}")))
            }
            _ => Ok(Test::Compared { left, order, right }),
        }
    }

    fn term(&mut self) -> Result<Term, Mistake> {
        let Some((at, word)) = self.next() else {
            return Err((
                self.text.len(),
                format!("it ends where a number or a fact is expected; {FACTS}"),
            ));
        };
        let Some(number) = number(word) else {
            return fact(at, word).map(|fact| Term::Fact { factor: 1.0, fact });
        };
        let number = number.map_err(|problem| (at, problem))?;
        let before = self.at;
        if self.next().is_none_or(|(_, word)| word != "*") {
            self.at = before;
            return Ok(Term::Number(number));
        }
        match self.next() {
            Some((at, word)) => fact(at, word).map(|fact| Term::Fact { factor: number, fact }),
            None => Err((self.text.len(), format!("it ends where a fact is expected; {FACTS}"))),
        }
    }

    /// The next word and where it starts.
    fn next(&mut self) -> Option<(usize, &'a str)> {
        let rest = &self.text[self.at..];
        let start = self.at + rest.find(|c: char| !c.is_whitespace())?;
        let rest = &self.text[start..];
        let is_sign = |c: char| matches!(c, '<' | '>' | '=');
        let is_end = |c: char| c.is_whitespace() || is_sign(c) || c == '*';
        let length = match rest.chars().next()? {
            c if is_sign(c) => rest.find(|c| !is_sign(c)),
            '*' => Some(1),
            _ => rest.find(is_end),
        };
        let end = length.map_or(self.text.len(), |length| start + length);
        self.at = end;
        Some((start, &self.text[start..end]))
    }
}

/// What begins like a number must be one.
fn number(word: &str) -> Option<Result<f64, String>> {
    let begins = word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    let read = || match word.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(format!("'{}' is not a finite number", text::clean(word))),
    };
    begins.then(read)
}

/// The legal facts, for messages.
const FACTS: &str = "a fact is valid or test, a dot and skill, rmse, mse, mae, mase, r2, \
    directional_accuracy, ic, ic_ir, rank_ic, rank_ic_ir or qlike, also with .low or .high; or \
    trials, rank, spa, diebold_mariano; also with champion. before it; or crowned alone";

fn fact(at: usize, word: &str) -> Result<Fact, Mistake> {
    let (of_champion, name) =
        word.strip_prefix("champion.").map_or((false, word), |name| (true, name));
    let what = match name {
        "trials" => Some(What::Trials),
        "rank" => Some(What::Rank),
        "spa" => Some(What::Spa),
        "diebold_mariano" => Some(What::DieboldMariano),
        name => metric(name),
    };
    what.map(|what| Fact { of_champion, what }).ok_or_else(|| {
        if name == "crowned" {
            return (at, "'crowned' stands alone: it is a rule, not a number".to_owned());
        }
        let hint = near(name).map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
        (at, format!("'{}' is not a fact{hint} ({FACTS})", text::clean(word)))
    })
}

/// Of a model card: nothing over the training windows, and no loss, which is in scaled units.
fn metric(name: &str) -> Option<What> {
    let (name, end) = match name.strip_suffix(".low") {
        Some(name) => (name, End::Low),
        None => name.strip_suffix(".high").map_or((name, End::Value), |name| (name, End::High)),
    };
    let metric: Metric = name.parse().ok()?;
    let is_kept =
        metric.split != Split::Train && metric.quantity != experiment::metric::Quantity::Loss;
    is_kept.then_some(What::Metric(metric, end))
}

fn near(name: &str) -> Option<String> {
    let quantities = experiment::metric::Quantity::ALL
        .into_iter()
        .filter(|quantity| *quantity != experiment::metric::Quantity::Loss);
    let names = quantities
        .flat_map(|quantity| ["valid", "test"].map(|split| format!("{split}.{}", quantity.name())));
    let names =
        names.chain(["crowned", "trials", "rank", "spa", "diebold_mariano"].map(str::to_owned));
    let scored = names
        .map(|near| (strsim::jaro_winkler(&near, name), near))
        .filter(|(score, _)| *score > 0.85);
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, near)| near)
}

impl Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
