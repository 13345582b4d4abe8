//! What is wrong with a data file, said so that it can be put right.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Why data could not be used: what is wrong with them, or what the system said when they were
/// read (its source).
#[derive(Clone, Debug, thiserror::Error)]
#[error("{problem}")]
pub struct MarketError {
    problem: String,
    source: Option<Arc<io::Error>>,
}

impl MarketError {
    /// A whole sentence.
    pub fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), source: None }
    }

    /// A problem of one file: `path: problem`.
    pub(super) fn of(path: &Path, problem: impl Display) -> Self {
        Self::new(format!("{}: {problem}", path.display()))
    }

    /// A file that the system does not read: `path: cannot be read: …`.
    pub(super) fn unreadable(path: &Path, error: io::Error) -> Self {
        let told = Self::of(path, format!("cannot be read: {error}"));
        Self { source: Some(Arc::new(error)), ..told }
    }

    /// What the system said, where it did not read.
    #[must_use]
    pub fn io(&self) -> Option<&io::Error> {
        self.source.as_deref()
    }
}

impl PartialEq for MarketError {
    fn eq(&self, other: &Self) -> bool {
        self.problem == other.problem
    }
}

/// Problems with single values: the first few in words, the rest as a number.
#[derive(Debug, Default)]
pub(super) struct Problems {
    first: Vec<String>,
    count: usize,
}

/// Problems that are spelled out.
const SPELLED_OUT: usize = 3;

impl Problems {
    /// One more; `say` is called only while problems are spelled out.
    pub(super) fn push(&mut self, say: impl FnOnce() -> String) {
        if self.first.len() < SPELLED_OUT {
            self.first.push(say());
        }
        self.count += 1;
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// An error if there was any problem.
    pub(super) fn check(self, path: &Path) -> Result<(), MarketError> {
        if self.count == 0 {
            return Ok(());
        }
        let rest = match self.count - self.first.len() {
            0 => String::new(),
            1 => "; and one value more".to_owned(),
            more => format!("; and {more} values more"),
        };
        Err(MarketError::of(path, format!("{}{rest}", self.first.join("; "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_three_problems_are_spelled_out_and_the_rest_counted() {
        let mut problems = Problems::default();
        for line in 2..9 {
            problems.push(|| format!("line {line}: 'x' is not a number"));
        }
        let message = problems.check(Path::new("bars.csv")).unwrap_err().to_string();
        assert_eq!(
            message,
            "bars.csv: line 2: 'x' is not a number; line 3: 'x' is not a number; line 4: 'x' is \
                not a number; and 4 values more"
        );
    }
}
