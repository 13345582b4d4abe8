//! What a model's linear head forecasts: a point, or quantiles.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a forecast consists of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Head {
    /// One value, trained with [`crate::Loss`].
    #[default]
    Point,
    /// A value for each level, trained with the mean of their pinball losses (Koenker &
    /// Bassett 1978), whatever [`crate::Loss`] says.
    Quantile {
        /// The levels.
        levels: Levels,
    },
}

impl Head {
    /// Values of a forecast.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match self {
            Self::Point => 1,
            Self::Quantile { levels } => levels.count(),
        }
    }
}

/// Levels of quantiles: strictly increasing, each above 0 and below 1, with 0.5 among them, whose
/// forecast is the point forecast.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<f64>", into = "Vec<f64>")]
pub struct Levels(Vec<u64>); // f64's bits, which have an order and a hash

/// Why numbers are no levels.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{problem}")]
pub struct BadLevels {
    /// Which number; `None` if it is about all of them.
    pub index: Option<usize>,
    /// For a person.
    pub problem: String,
}

impl Levels {
    /// As many as there may be: kernels are compiled with all of them.
    pub const MOST: usize = 32;

    /// Validates numbers.
    ///
    /// # Errors
    /// When they are not as said above, the first of them that is not.
    pub fn new(levels: &[f64]) -> Result<Self, BadLevels> {
        let bad = |index: usize, problem: String| Err(BadLevels { index: Some(index), problem });
        for (index, &level) in levels.iter().enumerate() {
            if !(level > 0.0 && level < 1.0) {
                return bad(index, format!("level {level} is not above 0 and below 1"));
            }
            if let Some(&before) = index
                .checked_sub(1)
                .and_then(|before| levels.get(before))
                .filter(|before| **before >= level)
            {
                return bad(
                    index,
                    format!("level {level} comes after {before}: levels increase strictly"),
                );
            }
        }
        let all = |problem: String| Err(BadLevels { index: None, problem });
        if !levels.contains(&0.5) {
            return all(
                "0.5 is not among the levels: the median is the point forecast that every \
                other number is about"
                    .to_owned(),
            );
        }
        if levels.len() > Self::MOST {
            return all(format!(
                "there are {} levels, at most {} are trained",
                levels.len(),
                Self::MOST
            ));
        }
        Ok(Self(levels.iter().map(|level| level.to_bits()).collect()))
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Ascending.
    pub fn values(&self) -> impl ExactSizeIterator<Item = f64> + DoubleEndedIterator + '_ {
        self.0.iter().copied().map(f64::from_bits)
    }

    /// Where 0.5 is among them.
    #[must_use]
    pub fn median(&self) -> usize {
        self.values().position(|level| level == 0.5).unwrap_or_default()
    }
}

impl Default for Levels {
    /// 0.1, 0.5, 0.9.
    fn default() -> Self {
        Self([0.1_f64, 0.5, 0.9].map(f64::to_bits).into())
    }
}

impl fmt::Debug for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values()).finish()
    }
}

impl From<Levels> for Vec<f64> {
    fn from(levels: Levels) -> Self {
        levels.values().collect()
    }
}

impl TryFrom<Vec<f64>> for Levels {
    type Error = BadLevels;

    fn try_from(levels: Vec<f64>) -> Result<Self, BadLevels> {
        Self::new(&levels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_increase_within_0_and_1_and_have_the_median() {
        let levels = Levels::new(&[0.05, 0.5, 0.95]).unwrap();
        assert_eq!((levels.count(), levels.median()), (3, 1));
        assert_eq!(format!("{levels:?}"), "[0.05, 0.5, 0.95]");
        let index = |levels: &[f64]| Levels::new(levels).unwrap_err().index;
        assert_eq!(index(&[0.0, 0.5]), Some(0));
        assert_eq!(index(&[0.5, 1.0]), Some(1));
        assert_eq!(index(&[0.5, f64::NAN]), Some(1));
        assert_eq!(index(&[0.1, 0.5, 0.5]), Some(2));
        assert_eq!(index(&[0.5, 0.4]), Some(1));
        assert_eq!(index(&[0.1, 0.9]), None);
        assert_eq!(index(&[]), None);
        let many: Vec<f64> = (1..40).map(|n| f64::from(n) / 40.0).collect();
        assert!(Levels::new(&many).unwrap_err().problem.contains("39 levels, at most 32"));
    }

    #[test]
    fn a_head_is_written_and_read_and_bad_levels_are_refused() {
        let head = Head::Quantile { levels: Levels::default() };
        let text = serde_json::to_string(&head).unwrap();
        assert_eq!(text, r#"{"kind":"quantile","levels":[0.1,0.5,0.9]}"#);
        assert_eq!(serde_json::from_str::<Head>(&text).unwrap(), head);
        assert!(serde_json::from_str::<Head>(&text.replace("0.5", "0.6")).is_err());
    }
}
