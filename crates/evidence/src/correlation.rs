//! Correlations, and ranks with ties averaged.

use super::sample::{mean, varies};

/// Pearson's correlation of `[n]` pairs. `None` when lengths differ, a value is not finite, or
/// either series is constant (so for fewer than two pairs).
#[must_use]
pub fn pearson(first: &[f64], second: &[f64]) -> Option<f64> {
    (first.len() == second.len()).then_some(())?;
    let (mean_first, mean_second) = (mean(first)?, mean(second)?);
    (varies(first) && varies(second)).then_some(())?;
    let (mut product, mut squares_first, mut squares_second) = (0.0, 0.0, 0.0);
    for (first, second) in first.iter().zip(second) {
        let (first, second) = (first - mean_first, second - mean_second);
        product += first * second;
        squares_first += first * first;
        squares_second += second * second;
    }
    let scale = squares_first.sqrt() * squares_second.sqrt();
    (scale > 0.0 && scale.is_finite()).then(|| (product / scale).clamp(-1.0, 1.0))
}

/// Spearman's rank correlation of `[n]` pairs: Pearson's of the average ranks. `None` as for
/// [`pearson`].
#[must_use]
pub fn spearman(first: &[f64], second: &[f64]) -> Option<f64> {
    pearson(&average_ranks(first)?, &average_ranks(second)?)
}

/// The rank of each value from 1 up; equal values share the mean of the ranks that they take up.
/// `None` when one is NaN.
#[must_use]
pub fn average_ranks(values: &[f64]) -> Option<Vec<f64>> {
    (!values.iter().any(|x| x.is_nan())).then_some(())?;
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    // `==` and not the order's own equality: -0 and 0 are a tie.
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = start as f64 + (tied.len() as f64 + 1.0) / 2.0;
        tied.iter().for_each(|&place| ranks[place] = rank);
        start += tied.len();
    }
    Some(ranks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_ranks() {
        assert_eq!(average_ranks(&[3.0, 1.0, 3.0, 0.0, 3.0]), Some(vec![4.0, 2.0, 4.0, 1.0, 4.0]));
        assert_eq!(average_ranks(&[0.0, -0.0]), Some(vec![1.5, 1.5]));
        assert_eq!(average_ranks(&[]), Some(vec![]));
        assert_eq!(average_ranks(&[1.0, f64::NAN]), None);
    }

    #[test]
    fn correlations_of_lines() {
        assert!((pearson(&[1.0, 2.0, 3.0], &[5.0, 7.0, 9.0]).unwrap() - 1.0).abs() < 1e-15);
        assert!((spearman(&[1.0, 2.0, 3.0], &[9.0, 7.0, -5.0]).unwrap() + 1.0).abs() < 1e-15);
        assert_eq!(pearson(&[0.1; 3], &[1.0, 2.0, 3.0]), None);
        assert_eq!(spearman(&[0.1; 3], &[1.0, 2.0, 3.0]), None);
        assert_eq!(pearson(&[1.0], &[1.0]), None);
        assert_eq!(pearson(&[], &[]), None);
        assert_eq!(pearson(&[1.0, 2.0], &[1.0, 2.0, 3.0]), None);
        assert_eq!(pearson(&[1.0, f64::INFINITY], &[1.0, 2.0]), None);
        assert_eq!(spearman(&[1.0, 2.0], &[1.0, f64::NAN]), None);
    }
}
