//! Domains: what values a parameter may take.

use super::Value;

/// The parameters of a sweep, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Space {
    pub parameters: Vec<Parameter>,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The dotted key of the setting that it sets: `model.hidden_size`.
    pub key: String,
    /// What values it may take.
    pub domain: Domain,
    /// Parameters with the same group move together: the i-th value of one goes with the i-th of the others.
    pub zip: Option<String>,
    /// Active only where this holds; otherwise absent from the assignment.
    pub when: Option<Condition>,
}

/// A parameter is active where another has one of these values.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The other parameter's key (an earlier one of the space).
    pub key: String,
    /// Any of these.
    pub values: Vec<Value>,
}

/// What values a parameter may take. A believed domain is not empty, its bounds are finite and ordered, a log domain is positive.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// One of these, without duplicates.
    Choice(Vec<Value>),
    /// Whole numbers, both ends included.
    Int { low: i64, high: i64, step: Option<i64>, log: bool, points: Option<usize> },
    /// Numbers, both ends included.
    Float { low: f64, high: f64, step: Option<f64>, log: bool, points: Option<usize> },
}
