//! Elimination by T_max: each row against the average of the set.

use super::set::{Elimination, Rounding, mean_square_difference};
use rayon::prelude::*;

/// Resamples that one thread takes at a time.
const CHUNK: usize = 128;

/// * `means`: `[rows]`; `errors`: `[rows][resamples]`, resampled means less `means`.
///
/// In time rows² · resamples. Whatever remains when nothing deviates from the average is not
/// eliminated.
pub(super) fn eliminate(means: &[f64], errors: &[f64], resamples: usize) -> Vec<Elimination> {
    let errors = |row: usize| &errors[row * resamples..][..resamples];
    let zero = vec![0.0; resamples];
    let square: Vec<f64> = (0..means.len())
        .into_par_iter()
        .map(|row| mean_square_difference(errors(row), &zero))
        .collect();
    let mut eliminations = Vec::new();
    let mut set: Vec<usize> = (0..means.len()).collect();
    while set.len() > 1 {
        let size = set.len() as f64;
        let mut average = vec![0.0; resamples];
        average.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, average)| {
            for &row in &set {
                average
                    .iter_mut()
                    .zip(&errors(row)[chunk * CHUNK..])
                    .for_each(|(average, error)| *average += error / size);
            }
        });
        let rounding =
            Rounding::of(set.iter().map(|&row| means[row]), set.iter().map(|&row| square[row]));
        let deviation = |&row: &usize| mean_square_difference(errors(row), &average).sqrt();
        let inverses: Vec<f64> =
            set.par_iter().map(|row| rounding.inverse(deviation(row))).collect();

        let mean = set.iter().map(|&row| means[row] / size).sum::<f64>();
        let studentised: Vec<f64> = set
            .iter()
            .zip(&inverses)
            .map(|(&row, &inverse)| rounding.studentised(means[row] - mean, inverse))
            .collect();
        let statistic = studentised.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if statistic <= 0.0 {
            break;
        }
        let as_large = |(chunk, average): (usize, &[f64])| {
            let mut largest = [f64::NEG_INFINITY; CHUNK];
            for (&row, inverse) in set.iter().zip(&inverses) {
                let errors = &errors(row)[chunk * CHUNK..];
                for ((largest, error), average) in largest.iter_mut().zip(errors).zip(average) {
                    let simulated = (error - average) * inverse;
                    *largest = if simulated > *largest { simulated } else { *largest };
                }
            }
            largest.iter().filter(|&&largest| largest >= statistic).count()
        };
        let p = average.par_chunks(CHUNK).enumerate().map(as_large).sum::<usize>() as f64
            / resamples as f64;
        let (gone, kept): (Vec<_>, Vec<_>) =
            set.iter().zip(&studentised).partition(|&(_, &studentised)| studentised == statistic);
        eliminations.push(Elimination { rows: gone.into_iter().map(|(&row, _)| row).collect(), p });
        set = kept.into_iter().map(|(&row, _)| row).collect();
    }
    eliminations
}
