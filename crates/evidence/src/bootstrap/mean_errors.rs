//! The means of all rows in all resamples: what the tests over many trials spend their time on.

use super::super::Panel;
use super::super::sample::mean;
use super::Bootstrap;
use super::blocks::{Block, one};
use experiment::seed::SeedStream;
use rayon::prelude::*;
use std::ops::Range;

/// Rows that are summed together: a cache line of doubles.
const ROWS: usize = 8;

/// [`mean_errors`] of some resamples at a time: those of 10,000 rows in all of 1,000 resamples are
/// 80 MB.
#[derive(Debug)]
pub(in super::super) struct MeanErrors<'a> {
    panel: &'a Panel,
    resamples: Resamples,
}

impl<'a> MeanErrors<'a> {
    /// `None` without resamples, and for rows of 2³² values and more.
    pub(crate) fn new(panel: &'a Panel, length: f64, bootstrap: &Bootstrap<'_>) -> Option<Self> {
        Some(Self { panel, resamples: Resamples::new(panel.length(), length, bootstrap)? })
    }

    /// Of these resamples: `[rows][resamples]`; `None` when a mean is too large for a number.
    pub(crate) fn of(&self, resamples: Range<usize>) -> Option<Vec<f64>> {
        self.resamples.of(self.panel, resamples)
    }
}

/// Resamples whose places are drawn at a time: so many stay in memory.
const DRAWN: usize = 64;

/// Resamples that several panels share: rows that come one after the other are resampled at the
/// same places, which are drawn anew for each panel, so that they take no memory.
#[derive(Clone, Debug)]
pub(in super::super) struct Resamples {
    n: usize,
    /// The expected length of a block.
    length: f64,
    count: usize,
    seed: u64,
    purpose: String,
}

impl Resamples {
    /// Of rows of `n` values in blocks of the given expected length. `None` without resamples, and
    /// for an `n` of 2³² and more.
    pub(crate) fn new(n: usize, length: f64, bootstrap: &Bootstrap<'_>) -> Option<Self> {
        let &Bootstrap { resamples: count, block_length: _, stream: SeedStream { seed, purpose } } =
            bootstrap;
        (count > 0 && u32::try_from(n).is_ok()).then(|| Self {
            n,
            length,
            count,
            seed,
            purpose: purpose.to_owned(),
        })
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The mean of each row in each resample, less the row's own mean: `[rows][resamples]`. `None`
    /// for a panel of another length, or when a mean is too large for a number.
    ///
    /// The sum over a block is the difference of two running sums of the centred row, so a resample
    /// costs a row n / length additions and not n; and since a centred row's running sum ends at 0
    /// where it began, a block that wraps around needs no case of its own.
    pub(crate) fn mean_errors(&self, panel: &Panel) -> Option<Vec<f64>> {
        self.of(panel, 0..self.count)
    }

    /// The same of some of the resamples.
    fn of(&self, panel: &Panel, resamples: Range<usize>) -> Option<Vec<f64>> {
        let (n, count) = (panel.length(), resamples.len());
        (n == self.n).then_some(())?;
        let stream = SeedStream { seed: self.seed, purpose: &self.purpose };
        let means = panel.means()?;
        let chunks = panel.height().div_ceil(ROWS);
        let sums: Vec<Vec<[f64; ROWS]>> = (0..chunks)
            .into_par_iter()
            .map(|chunk| running_sums(panel, &means, chunk * ROWS))
            .collect();
        let mut errors = vec![0.0; panel.height() * count];
        for first in (0..count).step_by(DRAWN) {
            let drawn: Vec<Vec<Block>> = (first..count.min(first + DRAWN))
                .into_par_iter()
                .map(|resample| one(n, self.length, stream, (resamples.start + resample) as u64))
                .collect();
            errors.par_chunks_mut(ROWS * count).zip(&sums).for_each(|(errors, sums)| {
                for (resample, blocks) in drawn.iter().enumerate() {
                    let mut total = [0.0; ROWS];
                    for &Block { start, end } in blocks {
                        let (start, end) = (&sums[start as usize], &sums[end as usize]);
                        for row in 0..ROWS {
                            total[row] += end[row] - start[row];
                        }
                    }
                    for (row, errors) in errors.chunks_exact_mut(count).enumerate() {
                        errors[first + resample] = total[row] / n as f64;
                    }
                }
            });
        }
        mean(&errors).map(|_| errors)
    }
}

/// [`Resamples::mean_errors`] of one panel.
pub(in super::super) fn mean_errors(
    panel: &Panel,
    length: f64,
    bootstrap: &Bootstrap<'_>,
) -> Option<Vec<f64>> {
    Resamples::new(panel.length(), length, bootstrap)?.mean_errors(panel)
}

/// `[n][ROWS]`: the sum of the values before each place, for the rows from `first` on; 0 beyond the
/// last row.
fn running_sums(panel: &Panel, means: &[f64], first: usize) -> Vec<[f64; ROWS]> {
    let mut sums = vec![[0.0; ROWS]; panel.length()];
    for (lane, row) in (first..panel.height().min(first + ROWS)).enumerate() {
        let mut sum = 0.0;
        for (place, x) in sums.iter_mut().zip(panel.row(row)) {
            place[lane] = sum;
            sum += x - means[row];
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::super::blocks::{draw, pick};
    use super::super::{bootstrap, long_run_variance};
    use super::*;

    fn panel(rows: usize, n: usize) -> Panel {
        let value = |row: usize, t: usize| {
            (((t + 3 * row) * (t + 7) * 37) % 101) as f64
                + 50.0 * (t as f64 / 9.0).sin()
                + row as f64
        };
        Panel::new(
            &(0..rows)
                .map(|row| (0..n).map(|t| value(row, t)).collect())
                .collect::<Vec<Vec<f64>>>(),
        )
        .unwrap()
    }

    #[test]
    fn running_sums_give_the_means_of_the_picked() {
        let panel = panel(11, 53);
        for length in [1.0, 6.0, 1e6] {
            let bootstrap = bootstrap(40, length, 5);
            let errors = mean_errors(&panel, length, &bootstrap).unwrap();
            let mut picked = Vec::new();
            for (resample, blocks) in draw(53, length, 40, bootstrap.stream).iter().enumerate() {
                for row in 0..11 {
                    pick(panel.row(row), blocks, &mut picked);
                    let expected = mean(&picked).unwrap() - mean(panel.row(row)).unwrap();
                    assert!((errors[row * 40 + resample] - expected).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn resamples_by_and_by_are_those_of_all_at_once() {
        let (panel, bootstrap) = (panel(11, 53), bootstrap(40, 6.0, 5));
        let all = mean_errors(&panel, 6.0, &bootstrap).unwrap();
        let some = MeanErrors::new(&panel, 6.0, &bootstrap).unwrap().of(16..40).unwrap();
        for (all, some) in all.chunks_exact(40).zip(some.chunks_exact(24)) {
            assert_eq!(all[16..], *some);
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let panel = panel(20, 64);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| mean_errors(&panel, 4.0, &bootstrap(99, 4.0, 1))).unwrap()
        };
        assert_eq!(on(1), on(3));
    }

    /// The variance over 20,000 resamples has a relative deviation of √(2/20,000) = 1 %.
    #[test]
    fn their_variance_is_the_one_without_drawing() {
        let panel = panel(2, 80);
        for length in [1.0, 5.0, 20.0] {
            let errors = mean_errors(&panel, length, &bootstrap(20_000, length, 2)).unwrap();
            for (row, errors) in errors.chunks_exact(20_000).enumerate() {
                let drawn = errors.iter().map(|e| e * e).sum::<f64>() / 20_000.0 * 80.0;
                let centre = mean(panel.row(row)).unwrap();
                let centred: Vec<f64> = panel.row(row).iter().map(|x| x - centre).collect();
                let exact = long_run_variance(&centred, length);
                assert!((drawn / exact - 1.0).abs() < 0.04, "{length}: {drawn} {exact}");
            }
        }
    }

    #[test]
    fn undefined_is_none() {
        assert_eq!(mean_errors(&panel(1, 10), 2.0, &bootstrap(0, 2.0, 1)), None);
        assert_eq!(
            mean_errors(&Panel::new(&[[f64::MAX; 3]]).unwrap(), 2.0, &bootstrap(5, 2.0, 1)),
            None
        );
    }
}
