//! Which parameters are worth a column: those that vary.

use std::collections::BTreeMap;

use super::Row;
use crate::dashboard::text;

/// A parameter with a column of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Dotted, as in the assignment: `model.hidden_size`.
    pub key: String,
    /// Short, escaped.
    pub heading: String,
    /// Of the widest value and of the heading, columns of the screen.
    pub width: usize,
}

/// The key under which the seeds of repeats are shown.
pub(super) const SEED: &str = "train.seed";

/// The key under which the folds of a walk-forward split are shown.
pub(super) const FOLD: &str = "data.split.walk_forward.fold";

/// The parameters in which these trials differ; all of them where there is but one trial.
pub(super) fn columns(rows: &[Row]) -> Vec<Column> {
    let known: Vec<&Row> = rows.iter().filter(|row| row.trial.is_some()).collect();
    let mut seen: BTreeMap<&str, Seen> = BTreeMap::new();
    for row in &known {
        for (key, value) in &row.parameters {
            let seen = seen.entry(key).or_insert(Seen {
                first: value,
                trials: 0,
                varies: false,
                width: 0,
            });
            seen.trials += 1;
            seen.varies |= seen.first != value;
            seen.width = seen.width.max(text::width(value));
        }
    }
    let varying: Vec<(&str, Seen)> = seen
        .into_iter()
        .filter(|(key, seen)| {
            let alone = known.len() == 1 && *key != SEED;
            alone || seen.varies || seen.trials < known.len()
        })
        .collect();
    varying
        .iter()
        .map(|(key, seen)| {
            let heading = heading(key);
            let ambiguous =
                varying.iter().any(|(other, _)| other != key && self::heading(other) == heading);
            let heading = text::clean(if ambiguous { key } else { heading }).into_owned();
            Column { key: (*key).to_owned(), width: seen.width.max(text::width(&heading)), heading }
        })
        .collect()
}

struct Seen<'a> {
    first: &'a str,
    trials: usize,
    varies: bool,
    width: usize,
}

/// A key's short name: its last part, shorter still for those that everybody knows.
pub(crate) fn heading(key: &str) -> &str {
    match key.rsplit('.').next().unwrap_or(key) {
        "hidden_size" => "hidden",
        "num_layers" => "layers",
        "batch_size" => "batch",
        "learning_rate" => "rate",
        last => last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::fixture;
    use experiment::{TrainRows, WalkForward};

    fn keys(rows: &[Row]) -> Vec<String> {
        columns(rows).into_iter().map(|column| column.heading).collect()
    }

    #[test]
    fn only_what_varies_has_a_column() {
        let record = fixture::grid(12);
        let sweep = fixture::sweep(&record);
        assert_eq!(keys(&sweep.rows), ["hidden", "rate"]);
        assert_eq!(keys(&sweep.rows[..2]), ["rate"]);
    }

    #[test]
    fn folds_have_a_column() {
        let mut record = fixture::grid(12);
        for (number, run) in record.runs.iter_mut().enumerate() {
            let walk_forward =
                WalkForward { folds: 3, train: TrainRows::Expanding, fold: number % 3 };
            run.trial.settings.data.split.walk_forward = Some(walk_forward);
        }
        let sweep = fixture::sweep(&record);
        assert_eq!(keys(&sweep.rows), ["fold", "hidden", "rate"]);
        assert_eq!(sweep.rows[4].parameter(FOLD), Some("1"));
    }

    #[test]
    fn a_single_trial_shows_all_that_was_chosen() {
        let record = fixture::grid(1);
        assert_eq!(keys(&fixture::sweep(&record).rows), ["hidden", "rate"]);
    }

    #[test]
    fn equal_last_parts_are_told_apart() {
        let mut record = fixture::grid(12);
        for (number, run) in record.runs.iter_mut().enumerate() {
            run.trial
                .assignment
                .insert("other.hidden_size".into(), experiment::space::Value::Int(number as i64));
        }
        assert_eq!(
            keys(&fixture::sweep(&record).rows),
            ["model.hidden_size", "other.hidden_size", "rate"]
        );
    }
}
