//! Elimination by T_R: each row against each other.

use super::set::{Elimination, Rounding, mean_square_difference};
use rayon::prelude::*;

/// Resamples that one thread takes at a time: so many of all rows stay in its cache.
const CHUNK: usize = 64;

/// * `means`: `[rows]`; `errors`: `[rows][resamples]`, resampled means less `means`.
///
/// Whom a step eliminates does not depend on the resamples' largest statistics, only on the
/// studentised differences. So the order comes first, and the largest statistics after it, from the
/// last set back to the first: each set adds to the one after it only the pairs of its own worst
/// rows. That is rows² · resamples in all, where taking each set anew is rows times as much.
pub(super) fn eliminate(means: &[f64], errors: &[f64], resamples: usize) -> Vec<Elimination> {
    let pairs = Pairs::new(means, errors, resamples);
    let (order, rest) = pairs.order();
    let counts = (0..resamples.div_ceil(CHUNK)).into_par_iter().map(|chunk| {
        let slice = |row: usize| &errors[row * resamples..][..resamples][chunk * CHUNK..];
        let mut largest = [0.0_f64; CHUNK];
        let mut set = rest.clone();
        let mut counts = vec![0; order.len()];
        for (step, (rows, statistic)) in order.iter().enumerate().rev() {
            for &row in rows {
                for &other in &set {
                    let inverse = pairs.inverses[row * means.len() + other];
                    for ((largest, a), b) in largest.iter_mut().zip(slice(row)).zip(slice(other)) {
                        let simulated = (a - b).abs() * inverse;
                        *largest = if simulated > *largest { simulated } else { *largest };
                    }
                }
                set.push(row);
            }
            let width = CHUNK.min(resamples - chunk * CHUNK);
            counts[step] = largest[..width].iter().filter(|&largest| largest >= statistic).count();
        }
        counts
    });
    let none = || vec![0; order.len()];
    let counts = counts.reduce(none, |a, b| a.iter().zip(&b).map(|(a, b)| a + b).collect());
    let p = |count: usize| count as f64 / resamples as f64;
    order
        .into_iter()
        .zip(counts)
        .map(|((rows, _), count)| Elimination { rows, p: p(count) })
        .collect()
}

/// What is known of each pair.
struct Pairs {
    rows: usize,
    /// `[rows][rows]`: one over the deviation of the difference of means; 0 where there is none.
    inverses: Vec<f64>,
    /// `[rows][rows]`: the studentised difference of means, row less column.
    studentised: Vec<f64>,
}

impl Pairs {
    fn new(means: &[f64], errors: &[f64], resamples: usize) -> Self {
        let rows = means.len();
        let errors = |row: usize| &errors[row * resamples..][..resamples];
        let (mut inverses, mut studentised) = (vec![0.0; rows * rows], vec![0.0; rows * rows]);
        let zero = vec![0.0; resamples];
        let squares: Vec<f64> =
            (0..rows).map(|row| mean_square_difference(errors(row), &zero)).collect();
        let each = inverses
            .par_chunks_exact_mut(rows)
            .zip(studentised.par_chunks_exact_mut(rows))
            .enumerate();
        each.for_each(|(row, (inverses, studentised))| {
            for other in 0..row {
                let rounding = Rounding::of(
                    [means[row], means[other]].into_iter(),
                    [squares[row], squares[other]].into_iter(),
                );
                inverses[other] =
                    rounding.inverse(mean_square_difference(errors(row), errors(other)).sqrt());
                studentised[other] =
                    rounding.studentised(means[row] - means[other], inverses[other]);
            }
        });
        for row in 0..rows {
            for other in row + 1..rows {
                inverses[row * rows + other] = inverses[other * rows + row];
                studentised[row * rows + other] = -studentised[other * rows + row];
            }
        }
        Self { rows, inverses, studentised }
    }

    /// The rows that each step eliminates with its statistic, and the rows that no step does.
    fn order(&self) -> (Vec<(Vec<usize>, f64)>, Vec<usize>) {
        let mut set: Vec<usize> = (0..self.rows).collect();
        let mut order = Vec::new();
        let worst_rival = |row: usize, set: &[usize]| -> (f64, usize) {
            let rivals =
                set.iter().map(|&rival| (self.studentised[row * self.rows + rival], rival));
            rivals.fold(
                (f64::NEG_INFINITY, row),
                |worst, rival| if rival.0 > worst.0 { rival } else { worst },
            )
        };
        let mut worst: Vec<(f64, usize)> = set.iter().map(|&row| worst_rival(row, &set)).collect();
        while set.len() > 1 {
            let statistic = set.iter().map(|&row| worst[row].0).fold(f64::NEG_INFINITY, f64::max);
            // The differences of a pair are opposite: none is positive only when all are 0.
            if statistic <= 0.0 {
                break;
            }
            let (gone, kept): (Vec<usize>, Vec<usize>) =
                set.iter().partition(|&&row| worst[row].0 == statistic);
            for &row in &kept {
                if gone.contains(&worst[row].1) {
                    worst[row] = worst_rival(row, &kept);
                }
            }
            order.push((gone, statistic));
            set = kept;
        }
        (order, set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each set anew, as written in the paper.
    fn set_by_set(means: &[f64], errors: &[f64], resamples: usize) -> Vec<(usize, f64)> {
        let error = |row: usize, b: usize| errors[row * resamples + b];
        let deviation = |i: usize, j: usize| {
            ((0..resamples).map(|b| (error(i, b) - error(j, b)).powi(2)).sum::<f64>()
                / resamples as f64)
                .sqrt()
        };
        let mut set: Vec<usize> = (0..means.len()).collect();
        let mut eliminated = Vec::new();
        while set.len() > 1 {
            let pairs: Vec<(usize, usize)> = set
                .iter()
                .flat_map(|&i| set.iter().filter(move |&&j| i != j).map(move |&j| (i, j)))
                .collect();
            let (worst, statistic) = pairs
                .iter()
                .map(|&(i, j)| (i, (means[i] - means[j]) / deviation(i, j)))
                .fold((0, 0.0), |worst, pair| if pair.1 > worst.1 { pair } else { worst });
            let largest = |b| {
                pairs
                    .iter()
                    .map(|&(i, j)| (error(i, b) - error(j, b)).abs() / deviation(i, j))
                    .fold(0.0, f64::max)
            };
            let count = (0..resamples).filter(|&b| largest(b) >= statistic).count();
            eliminated.push((worst, count as f64 / resamples as f64));
            set.retain(|&row| row != worst);
        }
        eliminated
    }

    #[test]
    fn from_the_last_set_back_is_each_set_anew() {
        let (rows, resamples) = (12, 150);
        let means: Vec<f64> = (0..rows).map(|row| f64::from(row * row * 5 % 13) * 0.08).collect();
        let errors: Vec<f64> = (0..rows as usize * resamples)
            .map(|i| ((i * i * 31 + 7 * i) % 211) as f64 / 211.0 - 0.5)
            .collect();
        let found: Vec<(usize, f64)> = eliminate(&means, &errors, resamples)
            .into_iter()
            .map(|step| (step.rows[0], step.p))
            .collect();
        let expected = set_by_set(&means, &errors, resamples);
        assert_eq!(found, expected);
        assert!(expected.iter().any(|step| step.1 > 0.0 && step.1 < 0.9), "{expected:?}");
    }
}
