//! The points of a domain, reached by their number without making them all.

use super::{Domain, Value};

/// A domain that can be counted.
pub(super) enum Points<'a> {
    Choice(&'a [Value]),
    /// Whole numbers that no formula counts: rounded and kept once.
    Rounded(Vec<i64>),
    /// `low + index * step`.
    Stepped {
        low: i64,
        step: u128,
        len: u128,
    },
    /// Evenly spaced and rounded; spaced by at least one.
    Spread {
        low: i64,
        high: i64,
        len: u128,
    },
    Float(Spaced),
}

/// Numbers at a constant distance, or a constant ratio.
pub(super) struct Spaced {
    low: f64,
    high: f64,
    len: u128,
    by: Spacing,
}

enum Spacing {
    Step(f64),
    Linear,
    Log,
}

/// A step that reaches within this share of itself of the upper end reaches it.
const REACH: f64 = 1e-9;

impl<'a> Points<'a> {
    /// `None` for a continuum.
    pub(super) fn of(domain: &'a Domain) -> Option<Self> {
        match *domain {
            Domain::Choice(ref values) => Some(Self::Choice(values)),
            Domain::Int { low, high, points: Some(points), log, .. } => {
                let every = high.abs_diff(low) as u128 + 1;
                let points = points.max(1) as u128;
                Some(match log {
                    _ if points == 1 => Self::Stepped { low, step: 1, len: 1 },
                    false if points >= every => Self::Stepped { low, step: 1, len: every },
                    false => Self::Spread { low, high, len: points },
                    true => Self::Rounded(rounded(low, high, points)),
                })
            }
            Domain::Int { low, high, step, .. } => {
                let step = u128::from(step.unwrap_or(1).max(1).unsigned_abs());
                Some(Self::Stepped { low, step, len: u128::from(high.abs_diff(low)) / step + 1 })
            }
            Domain::Float { low, high, points: Some(points), log, .. } => {
                let len = if low < high { points.max(1) as u128 } else { 1 };
                Some(Self::Float(Spaced {
                    low,
                    high,
                    len,
                    by: if log { Spacing::Log } else { Spacing::Linear },
                }))
            }
            Domain::Float { low, high, step: Some(step), .. } => {
                let len =
                    (((high - low) / step + REACH).floor().max(0.0) as u128).saturating_add(1);
                Some(Self::Float(Spaced { low, high, len, by: Spacing::Step(step) }))
            }
            Domain::Float { .. } => None,
        }
    }

    pub(super) fn len(&self) -> u128 {
        match self {
            Self::Choice(values) => values.len() as u128,
            Self::Rounded(values) => values.len() as u128,
            Self::Stepped { len, .. } | Self::Spread { len, .. } => *len,
            Self::Float(spaced) => spaced.len,
        }
    }

    /// The `index`-th point; `None` past the end.
    pub(super) fn get(&self, index: u128) -> Option<Value> {
        if index >= self.len() {
            return None;
        }
        match self {
            Self::Choice(values) => values.get(usize::try_from(index).ok()?).cloned(),
            Self::Rounded(values) => {
                values.get(usize::try_from(index).ok()?).map(|value| Value::Int(*value))
            }
            Self::Stepped { low, step, .. } => offset(*low, index * step),
            Self::Spread { low, high, len } => {
                // Rounded to the nearest in whole numbers, which stay exact where an f64 does not.
                let (span, gaps) = (u128::from(high.abs_diff(*low)), len - 1);
                offset(*low, span / gaps * index + (span % gaps * index + gaps / 2) / gaps)
            }
            Self::Float(spaced) => Some(Value::Float(spaced.get(index))),
        }
    }

    /// The number of the point that is this value.
    pub(super) fn position(&self, value: &Value) -> Option<u128> {
        if let Self::Choice(values) = self {
            return values.iter().position(|choice| choice.same(value)).map(|index| index as u128);
        }
        let index = self.lower_bound(value);
        self.get(index).filter(|point| point.same(value)).map(|_| index)
    }

    /// The point of a range that is nearest to a number; the lower of two.
    pub(super) fn nearest(&self, number: f64) -> Option<Value> {
        let above = self.lower_bound(&Value::Float(number));
        let distance = |index: u128| {
            self.get(index)
                .and_then(|value| value.as_f64())
                .map_or(f64::INFINITY, |at| (at - number).abs())
        };
        let below = above.saturating_sub(1);
        self.get(if distance(below) <= distance(above) { below } else { above })
    }

    /// The first point that is not below a value; the length if there is none. Ranges ascend, so
    /// halving finds it.
    fn lower_bound(&self, value: &Value) -> u128 {
        let (mut from, mut to) = (0, self.len());
        while from < to {
            let middle = from + (to - from) / 2;
            if self.get(middle).is_some_and(|point| is_below(&point, value)) {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        from
    }
}

/// Whole numbers are compared as such: an f64 knows them only up to 2^53.
fn is_below(point: &Value, value: &Value) -> bool {
    match (point, value) {
        (Value::Int(point), Value::Int(value)) => point < value,
        _ => point.as_f64().zip(value.as_f64()).is_some_and(|(point, value)| point < value),
    }
}

impl Spaced {
    fn get(&self, index: u128) -> f64 {
        let Self { low, high, len, ref by } = *self;
        let at = index as f64;
        if index == 0 {
            return low;
        }
        let last = index + 1 == len;
        match *by {
            Spacing::Step(step) if last && (low + at * step - high).abs() <= REACH * step => high,
            Spacing::Step(step) => tidy(low + at * step, step).clamp(low, high),
            Spacing::Linear | Spacing::Log if last => high,
            Spacing::Linear => {
                let gaps = (len - 1) as f64;
                let step = high / gaps - low / gaps;
                tidy(low + at * step, step).clamp(low, high)
            }
            Spacing::Log => {
                let gap = (high.ln() - low.ln()) / (len - 1) as f64;
                let value = (low.ln() + at * gap).exp();
                tidy(value, value * gap).clamp(low, high)
            }
        }
    }
}

/// Rounds to 12 significant digits where the points lie far enough apart for it, so that a person
/// reads 0.3 and not 0.30000000000000004, and an identity does not depend on the way a number was
/// computed.
fn tidy(value: f64, distance: f64) -> f64 {
    if distance < value.abs() * 1e-9 {
        value
    } else {
        format!("{value:.11e}").parse().unwrap_or(value)
    }
}

fn rounded(low: i64, high: i64, points: u128) -> Vec<i64> {
    let spaced = Spaced { low: low as f64, high: high as f64, len: points, by: Spacing::Log };
    let mut values: Vec<i64> =
        (0..points).map(|index| (spaced.get(index).round() as i64).clamp(low, high)).collect();
    values.dedup();
    values
}

fn offset(low: i64, by: u128) -> Option<Value> {
    i64::try_from(i128::from(low) + i128::try_from(by).ok()?).ok().map(Value::Int)
}
