//! What is wrong with a data file, said so that it can be put right.

use std::fmt::Display;
use std::path::Path;

/// Why a data file could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MarketError(pub String);

impl MarketError {
    /// A problem of one file: `path: problem`.
    pub(super) fn of(path: &Path, problem: impl Display) -> Self {
        Self(format!("{}: {problem}", path.display()))
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
