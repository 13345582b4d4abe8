//! The stationary bootstrap's variance of a mean, without drawing.

/// n times the variance that the stationary bootstrap gives the mean of a series (Politis & Romano
/// 1994, lemma 1), in the unit squared: γ₀ + 2 Σ κᵢγᵢ with κᵢ = (1 − i/n)rⁱ + (i/n)rⁿ⁻ⁱ, r = 1 −
/// 1/`length`. It is what Hansen (2005) studentises with.
///
/// * `centred`: `[n]`, with mean 0.
///
/// In time O(n): with circular autocovariances γ°ᵢ = γᵢ + γₙ₋ᵢ the sum is Σ (1 − i/n)rⁱγ°ᵢ, and
/// both Sₜ = Σ rʲxₜ₊ⱼ and Rₜ = Σ j·rʲxₜ₊ⱼ over 0 < j < n follow from those of t + 1.
pub(in super::super) fn long_run_variance(centred: &[f64], length: f64) -> f64 {
    let n = centred.len();
    let r = 1.0 - 1.0 / length;
    let around = r.powf(n as f64);
    let last = n - 1;
    // At the last place, where the sums run over x₀, x₁, … of the next turn, each is taken as it is
    // written.
    let (mut power, mut s, mut weighted) = (1.0, 0.0, 0.0);
    for (j, x) in centred[..last].iter().enumerate() {
        power *= r;
        s += power * x;
        weighted += (j + 1) as f64 * power * x;
        if power < f64::MIN_POSITIVE {
            break;
        }
    }
    let mut total = 0.0;
    for t in (0..n).rev() {
        let x = centred[t];
        total += x * (x + 2.0 * (s - weighted / n as f64));
        weighted = r * (x + s + weighted) - n as f64 * around * centred[(t + last) % n];
        s = r * (x + s) - around * centred[(t + last) % n];
    }
    total / n as f64
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::mean;
    use super::*;

    /// As written in the paper.
    fn by_autocovariances(x: &[f64], length: f64) -> f64 {
        let (n, r) = (x.len(), 1.0 - 1.0 / length);
        let covariance = |lag: usize| {
            x[lag..].iter().zip(x).map(|(now, then)| now * then).sum::<f64>() / n as f64
        };
        let kappa = |i: usize| {
            let share = i as f64 / n as f64;
            (1.0 - share) * r.powi(i as i32) + share * r.powi((n - i) as i32)
        };
        covariance(0) + 2.0 * (1..n).map(|i| kappa(i) * covariance(i)).sum::<f64>()
    }

    #[test]
    fn the_recursion_is_the_sum() {
        for n in [1, 2, 3, 10, 101] {
            let series: Vec<f64> = (0..n)
                .map(|t| ((t * t * 37) % 101) as f64 / 10.0 + (t as f64 / 9.0).sin() * 5.0)
                .collect();
            let centre = mean(&series).unwrap();
            let series: Vec<f64> = series.iter().map(|x| x - centre).collect();
            for length in [1.0, 1.5, 7.0, 50.0, 1e4] {
                let (fast, slow) =
                    (long_run_variance(&series, length), by_autocovariances(&series, length));
                assert!(
                    (fast - slow).abs() <= 1e-10 * slow.abs().max(1e-3),
                    "{n} {length}: {fast} {slow}"
                );
            }
        }
    }
}
