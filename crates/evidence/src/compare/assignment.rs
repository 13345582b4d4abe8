//! An assignment as a person reads it.

use experiment::space::Assignment;
use text::cleaned;

/// An assignment in one line: `model.hidden_size = 32, train.learning_rate = 0.001`.
#[must_use]
pub fn assignment(assignment: &Assignment) -> String {
    let pairs: Vec<String> =
        assignment.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    cleaned(&pairs.join(", "))
}
