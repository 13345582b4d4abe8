//! How to resample.

use super::super::sample::{finite, mean};
use super::optimal_block_length;
use experiment::seed::SeedStream;
use rayon::prelude::*;

/// How to resample.
#[derive(Clone, Copy, Debug)]
pub struct Bootstrap<'a> {
    /// How many resamples: a p-value comes in steps of one over this. 1,000 will do to judge,
    /// 10,000 to publish.
    pub resamples: usize,
    /// The expected length of a block, in observations.
    pub block_length: BlockLength,
    /// Where the randomness comes from.
    pub stream: SeedStream<'a>,
}

/// The expected length of a block, in observations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BlockLength {
    /// This, at least 1 and finite. 1 takes the observations for independent.
    Fixed(f64),
    /// The mean of [`optimal_block_length`] over the series that are resampled, without constant
    /// ones: a length for many series that the luckiest of them does not set.
    Automatic,
}

impl BlockLength {
    /// The length for these rows; `None` for a fixed length that is none, or when no row has an
    /// optimal one.
    pub(crate) fn resolve<Row: AsRef<[f64]> + Sync>(self, rows: &[Row]) -> Option<f64> {
        match self {
            Self::Fixed(length) => (length >= 1.0).then_some(length).and_then(finite),
            Self::Automatic => {
                let lengths: Vec<Option<f64>> =
                    rows.par_iter().map(|row| optimal_block_length(row.as_ref())).collect();
                mean(&lengths.into_iter().flatten().collect::<Vec<f64>>())
            }
        }
    }
}

#[cfg(test)]
pub(crate) fn bootstrap(resamples: usize, block_length: f64, seed: u64) -> Bootstrap<'static> {
    Bootstrap {
        resamples,
        block_length: BlockLength::Fixed(block_length),
        stream: SeedStream { seed, purpose: "test" },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_rows_do_not_count() {
        let row =
            |step: f64| -> Vec<f64> { (0..200).map(|t| (f64::from(t) * step).sin()).collect() };
        let (one, two) =
            (optimal_block_length(&row(0.1)).unwrap(), optimal_block_length(&row(0.7)).unwrap());
        assert_eq!(
            BlockLength::Automatic.resolve(&[row(0.1), vec![3.0; 200], row(0.7)]),
            Some((one + two) / 2.0)
        );
        assert_eq!(BlockLength::Automatic.resolve(&[vec![3.0; 200]]), None);
        for length in [0.5, f64::NAN, f64::INFINITY] {
            assert_eq!(BlockLength::Fixed(length).resolve(&[row(0.1)]), None, "{length}");
        }
        assert_eq!(BlockLength::Fixed(1.0).resolve(&[row(0.1)]), Some(1.0));
    }
}
