//! Ranges in the space: `{ int = [16, 64], step = 16 }`, `{ float = [0.0, 0.5], points = 3 }`, `{
//! log = [1e-4, 1e-2] }`.

use super::domains::takes_whole;
use super::key::{Key, set, shown};
use super::mistake::{Mistake, Step, key};
use super::tree::{Item, Node};
use super::wire::Wire;
use crate::space::{Domain, Value};

/// Most points of a range.
const MAX_POINTS: i64 = 1_000_000;

/// How a range is spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spacing {
    Even,
    Log,
}

/// Reads the range `name` (int, float, log) of a domain's table.
pub(super) fn read(
    swept: &'static Key,
    name: &str,
    node: &Node,
    wire: &Wire,
    mistakes: &mut Vec<Mistake>,
) -> Option<Domain> {
    let before = mistakes.len();
    let (low, high) = bounds(swept, name, node, wire, mistakes)?;
    let spacing = if name == "log" { Spacing::Log } else { spacing(node, mistakes) };
    let step = positive(node, "step", mistakes);
    let points = points(node, mistakes);
    if let (Some(_), Some(_)) = (&step, points) {
        mistakes.push(
            Mistake::name("both 'step' and 'points' are given")
                .hint("keep one of the two")
                .under(key("points")),
        );
    }
    if spacing == Spacing::Log {
        if step.is_some() {
            mistakes.push(
                Mistake::name("'step' has no meaning on a logarithmic range")
                    .hint("use points")
                    .under(key("step")),
            );
        }
        if low <= 0.0 && mistakes.len() == before {
            mistakes.push(
                Mistake::value(format!("a logarithmic range cannot start at {low}"))
                    .hint("start above 0, or use an even range")
                    .under(Step::Index(0))
                    .under(key(name)),
            );
        }
    }
    if low == high {
        mistakes.push(
            Mistake::value(format!("the range holds the single value {low}"))
                .hint(format!("write [{low}]"))
                .under(key(name)),
        );
    } else if low > high {
        mistakes.push(
            Mistake::value(format!("the range is reversed: {low} is above {high}"))
                .hint(format!("write [{high}, {low}]"))
                .under(key(name)),
        );
    } else if let Some(step) = step {
        check_step(low, high, step, mistakes);
    }
    let domain = if name == "int" {
        let whole = |number: f64| number as i64;
        let step = step.map(|step| {
            if step.fract() != 0.0 {
                mistakes.push(
                    Mistake::value(format!(
                        "a step between whole numbers is a whole number, not {step}"
                    ))
                    .under(key("step")),
                );
            }
            whole(step)
        });
        let (low, high, log) = (whole(low), whole(high), spacing == Spacing::Log);
        if let Some(points) =
            points.filter(|points| i128::from(high) - i128::from(low) + 1 < *points as i128)
        {
            let most = i128::from(high) - i128::from(low) + 1;
            mistakes.push(
                Mistake::value(format!(
                    "there are only {most} whole numbers from {low} to {high}, not {points}"
                ))
                .under(key("points")),
            );
        }
        Domain::Int { low, high, step, log, points }
    } else {
        Domain::Float { low, high, step, log: spacing == Spacing::Log, points }
    };
    (mistakes.len() == before).then_some(domain)
}

fn bounds(
    swept: &'static Key,
    name: &str,
    node: &Node,
    wire: &Wire,
    mistakes: &mut Vec<Mistake>,
) -> Option<(f64, f64)> {
    if name != "int" && takes_whole(swept) {
        mistakes.push(
            Mistake::name(format!("'{}' takes whole numbers", swept.path))
                .hint(if name == "log" {
                    "write int = [low, high], log = true"
                } else {
                    "write int = [low, high]"
                })
                .under(key(name)),
        );
        return None;
    }
    let range = node.child(name)?;
    let pair = match &range.item {
        Item::List(pair) if pair.len() == 2 => pair,
        _ => {
            mistakes.push(
                Mistake::value(format!(
                    "'{name}' takes two numbers, the least and the greatest: {name} = [low, high]"
                ))
                .under(key(name)),
            );
            return None;
        }
    };
    let mut ends = Vec::with_capacity(2);
    for (index, end) in pair.iter().enumerate() {
        let at = |mistake: Mistake| mistake.under(Step::Index(index)).under(key(name));
        match &end.item {
            Item::Scalar(Value::Int(number)) => ends.push(*number as f64),
            Item::Scalar(Value::Float(number)) if name != "int" => ends.push(*number),
            Item::Scalar(value) => {
                let what = if name == "int" { "whole number" } else { "number" };
                mistakes.push(at(Mistake::value(format!(
                    "an end of '{name}' is a {what}, not {}",
                    shown(value)
                ))));
                continue;
            }
            Item::Illegal(_) => continue,
            _ => {
                mistakes.push(at(Mistake::value(format!("an end of '{name}' is a number"))));
                continue;
            }
        }
        if let Some(value) = end.to_value(&mut Vec::new()) {
            mistakes.extend(set(&mut wire.clone(), swept, &value).into_iter().map(at));
        }
    }
    let [low, high] = ends[..] else { return None };
    Some((low, high))
}

fn spacing(node: &Node, mistakes: &mut Vec<Mistake>) -> Spacing {
    match node.child("log").map(|log| &log.item) {
        None | Some(Item::Scalar(Value::Bool(false))) => Spacing::Even,
        Some(Item::Scalar(Value::Bool(true))) => Spacing::Log,
        Some(_) => {
            mistakes.push(Mistake::value("'log' takes true or false here").under(key("log")));
            Spacing::Even
        }
    }
}

fn positive(node: &Node, name: &str, mistakes: &mut Vec<Mistake>) -> Option<f64> {
    let number = match node.child(name).map(|part| &part.item)? {
        Item::Scalar(Value::Int(number)) => *number as f64,
        Item::Scalar(Value::Float(number)) => *number,
        _ => f64::NAN,
    };
    if number > 0.0 {
        return Some(number);
    }
    mistakes.push(Mistake::value(format!("'{name}' takes a number above 0")).under(key(name)));
    None
}

fn points(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<usize> {
    match node.child("points").map(|points| &points.item)? {
        Item::Scalar(Value::Int(points)) if (2..=MAX_POINTS).contains(points) => {
            usize::try_from(*points).ok()
        }
        _ => {
            mistakes.push(
                Mistake::value(format!(
                    "'points' takes a whole number from 2 to {MAX_POINTS}: both ends are points"
                ))
                .under(key("points")),
            );
            None
        }
    }
}

/// Both ends belong to a range, so its step must lead from one to the other.
fn check_step(low: f64, high: f64, step: f64, mistakes: &mut Vec<Mistake>) {
    let steps = (high - low) / step;
    if (steps - steps.round()).abs() <= 1e-9 * steps.max(1.0) && steps.round() >= 1.0 {
        return;
    }
    let (below, above) = (low + step * steps.floor(), low + step * steps.ceil());
    let tidy = |number: f64| (number * 1e9).round() / 1e9;
    let hint = if steps < 1.0 {
        format!("the step is longer than the range; list the values instead: [{low}, {high}]")
    } else {
        format!("end the range at {} or {}", tidy(below), tidy(above))
    };
    mistakes.push(
        Mistake::value(format!("steps of {step} from {low} do not reach {high}"))
            .hint(hint)
            .under(key("step")),
    );
}
