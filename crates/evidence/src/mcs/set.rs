//! The set, whichever statistic eliminates.

use super::super::Panel;
use super::super::bootstrap::{Bootstrap, mean_errors};
use super::{range, single};

/// What a trial must not be too bad in to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetStatistic {
    /// T_max: its mean loss against the average of the set. Cheap; strong against many bad trials.
    Max,
    /// T_R: its mean loss against each other trial of the set, the worst pair counting. Sees a good
    /// trial among many alike.
    Range,
}

/// [`model_confidence_set`].
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfidenceSet {
    /// The p-value of each row, in the panel's order: the row is in the set of level 1 − α when
    /// this is at least α.
    pub p: Vec<f64>,
    /// Rows that were eliminated, the worst first; equal rows go together, the lower number first.
    /// The rest cannot be told apart.
    pub eliminated: Vec<usize>,
    /// The expected block length that was used, in observations.
    pub block_length: f64,
}

impl ModelConfidenceSet {
    /// The rows of the set that holds the best with probability at least 1 − `alpha`, in the
    /// panel's order; never empty.
    #[must_use]
    pub fn members(&self, alpha: f64) -> Vec<usize> {
        (0..self.p.len()).filter(|&row| self.p[row] >= alpha.min(1.0)).collect()
    }
}

/// Rows that go at once, and the p-value of the hypothesis that the set with them is of equals.
pub(super) struct Elimination {
    pub rows: Vec<usize>,
    pub p: f64,
}

/// The model confidence set (Hansen, Lunde & Nason 2011): rows are eliminated, the worst first,
/// until the rest can be of equal expected loss. A row's p-value is the largest of the tests up to
/// its elimination; rows that stay to the end have 1.
///
/// * `losses`: `[rows][n]`, the losses of all trials at the same moments in time order, in one
///   unit.
///
/// The automatic block length is that of the losses less their average over rows. Rows with the
/// same losses are eliminated together. A p-value of 0 means less than one in the number of
/// resamples.
///
/// `None` for n below 2, losses too large to be added up, no resamples, or an undefined block
/// length (as when all rows are equal and the length is automatic).
#[must_use]
pub fn model_confidence_set(
    losses: &Panel,
    statistic: SetStatistic,
    bootstrap: &Bootstrap<'_>,
) -> Option<ModelConfidenceSet> {
    let &Bootstrap { resamples, block_length, stream: _ } = bootstrap;
    (losses.length() >= 2).then_some(())?;
    let means = losses.means()?;
    let block_length = block_length.resolve(&against_average(losses))?;
    let errors = mean_errors(losses, block_length, bootstrap)?;
    let eliminations = match statistic {
        SetStatistic::Max => single::eliminate(&means, &errors, resamples),
        SetStatistic::Range => range::eliminate(&means, &errors, resamples),
    };
    let mut p = vec![1.0; means.len()];
    let mut largest = 0.0_f64;
    for elimination in &eliminations {
        largest = largest.max(elimination.p);
        elimination.rows.iter().for_each(|&row| p[row] = largest);
    }
    let eliminated = eliminations.into_iter().flat_map(|elimination| elimination.rows).collect();
    Some(ModelConfidenceSet { p, eliminated, block_length })
}

fn against_average(losses: &Panel) -> Vec<Vec<f64>> {
    let mut average = vec![0.0; losses.length()];
    for row in losses.rows() {
        average
            .iter_mut()
            .zip(row)
            .for_each(|(average, loss)| *average += loss / losses.height() as f64);
    }
    losses
        .rows()
        .map(|row| row.iter().zip(&average).map(|(loss, average)| loss - average).collect())
        .collect()
}

/// The mean of (a − b)², added up in eight strands, which the processor can do at once, and always
/// the same.
pub(super) fn mean_square_difference(a: &[f64], b: &[f64]) -> f64 {
    let (a_chunks, a_rest) = a.as_chunks::<8>();
    let (b_chunks, b_rest) = b.as_chunks::<8>();
    let mut strands = [0.0; 8];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for strand in 0..8 {
            strands[strand] += (a[strand] - b[strand]) * (a[strand] - b[strand]);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| (a - b) * (a - b)).sum();
    (strands.iter().sum::<f64>() + rest) / a.len() as f64
}

/// What of means and of their errors is rounding: differences below are none.
pub(super) struct Rounding {
    mean: f64,
    error: f64,
}

impl Rounding {
    /// For these means, and the variances of their errors.
    pub(super) fn of(
        means: impl Iterator<Item = f64>,
        variances: impl Iterator<Item = f64>,
    ) -> Self {
        let largest = |values: &mut dyn Iterator<Item = f64>| {
            values.fold(0.0, |largest: f64, x| largest.max(x.abs()))
        };
        Self {
            mean: 1e-12 * largest(&mut { means }),
            error: 1e-10 * largest(&mut { variances }).sqrt(),
        }
    }

    /// One over the deviation, or 0 when that is rounding.
    pub(super) fn inverse(&self, deviation: f64) -> f64 {
        if deviation > self.error { 1.0 / deviation } else { 0.0 }
    }

    /// The studentised difference, given one over its deviation. A difference without deviation is
    /// certain; none at all is 0.
    pub(super) fn studentised(&self, difference: f64, inverse: f64) -> f64 {
        match () {
            () if inverse > 0.0 => difference * inverse,
            () if difference.abs() <= self.mean => 0.0,
            () => difference * f64::INFINITY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::bootstrap::{BlockLength, bootstrap};
    use super::*;

    const BOTH: [SetStatistic; 2] = [SetStatistic::Max, SetStatistic::Range];

    fn wave(n: usize, step: f64, level: f64) -> Vec<f64> {
        (0..n).map(|t| level + (t as f64 * step).sin() + 0.1 * ((t * t) % 7) as f64).collect()
    }

    fn panel() -> Panel {
        Panel::new(&[
            wave(150, 0.7, 0.0),
            wave(150, 0.9, 3.0),
            wave(150, 1.3, 0.0),
            wave(150, 2.1, 6.0),
        ])
        .unwrap()
    }

    #[test]
    fn bad_rows_go_first_and_equals_stay() {
        for statistic in BOTH {
            let set = model_confidence_set(&panel(), statistic, &bootstrap(500, 3.0, 1)).unwrap();
            assert_eq!(set.eliminated[..2], [3, 1], "{statistic:?}");
            assert!(set.p[3] <= set.p[1] && set.p[1] < 0.01, "{:?}", set.p);
            assert_eq!(set.members(0.1), [0, 2]);
            assert_eq!(set.p.iter().copied().fold(0.0, f64::max), 1.0);
            assert!(!set.members(1.0).is_empty() && set.members(7.0) == set.members(1.0));
        }
    }

    #[test]
    fn neither_the_order_of_rows_nor_the_number_of_threads_matters() {
        let rows: Vec<Vec<f64>> = (0..9)
            .map(|row| wave(120, 0.3 + 0.2 * f64::from(row), 0.05 * f64::from(row * row % 7)))
            .collect();
        let reversed: Vec<Vec<f64>> = rows.iter().rev().cloned().collect();
        for statistic in BOTH {
            let of = |rows: &[Vec<f64>]| {
                model_confidence_set(&Panel::new(rows).unwrap(), statistic, &bootstrap(300, 3.0, 1))
                    .unwrap()
                    .p
            };
            let back: Vec<f64> = of(&reversed).into_iter().rev().collect();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            assert_eq!(of(&rows), back, "{statistic:?}");
            assert_eq!(of(&rows), pool.install(|| of(&rows)), "{statistic:?}");
        }
    }

    #[test]
    fn equal_rows_share_their_fate() {
        let (good, bad) = (wave(100, 0.7, 0.0), wave(100, 0.9, 4.0));
        let rows =
            Panel::new(&[bad.clone(), good.clone(), bad.clone(), good.clone(), bad, good.clone()])
                .unwrap();
        for statistic in BOTH {
            let set = model_confidence_set(&rows, statistic, &bootstrap(200, 2.0, 1)).unwrap();
            assert_eq!(set.eliminated, [0, 2, 4], "{statistic:?}");
            assert_eq!(set.members(0.05), [1, 3, 5]);
            let same = Panel::new(&[good.clone(), good.clone(), good.clone()]).unwrap();
            let set = model_confidence_set(&same, statistic, &bootstrap(200, 2.0, 1)).unwrap();
            assert_eq!((set.p, set.eliminated), (vec![1.0; 3], vec![]));
        }
    }

    #[test]
    fn a_constant_difference_is_certain() {
        let rows = Panel::new(&[[1.0, 2.0, 1.0, 3.0], [2.0, 3.0, 2.0, 4.0]]).unwrap();
        for statistic in BOTH {
            let set = model_confidence_set(&rows, statistic, &bootstrap(50, 1.0, 1)).unwrap();
            assert_eq!(set.p, [1.0, 0.0], "{statistic:?}");
        }
    }

    /// A trial whose loss exploded must not drown the differences among the others in its rounding.
    #[test]
    fn an_exploded_row_changes_nothing_among_the_others() {
        let exploded: Vec<f64> = wave(150, 1.1, 0.0).iter().map(|x| 1e12 * (x + 9.0)).collect();
        for statistic in BOTH {
            let alone = model_confidence_set(&panel(), statistic, &bootstrap(200, 3.0, 1)).unwrap();
            let with =
                Panel::new(&panel().rows().chain([&exploded[..]]).collect::<Vec<_>>()).unwrap();
            let with = model_confidence_set(&with, statistic, &bootstrap(200, 3.0, 1)).unwrap();
            assert_eq!((with.eliminated[0], with.p[4]), (4, 0.0), "{statistic:?}");
            assert_eq!(with.p[..4], alone.p);
        }
    }

    #[test]
    fn undefined_is_none() {
        for statistic in BOTH {
            assert_eq!(model_confidence_set(&panel(), statistic, &bootstrap(0, 2.0, 1)), None);
            assert_eq!(model_confidence_set(&panel(), statistic, &bootstrap(9, 0.5, 1)), None);
            let single = Panel::new(&[wave(50, 0.7, 0.0)]).unwrap();
            assert_eq!(
                model_confidence_set(&single, statistic, &bootstrap(9, 2.0, 1)).unwrap().p,
                [1.0]
            );
            let short = Panel::new(&[[1.0], [2.0]]).unwrap();
            assert_eq!(model_confidence_set(&short, statistic, &bootstrap(9, 2.0, 1)), None);
            let automatic =
                Bootstrap { block_length: BlockLength::Automatic, ..bootstrap(9, 2.0, 1) };
            assert!(model_confidence_set(&panel(), statistic, &automatic).is_some());
            assert_eq!(model_confidence_set(&single, statistic, &automatic), None);
        }
    }
}
