//! Several tests at once.

/// P-values adjusted by Holm's step-down method (Holm 1979): rejecting those at most α makes one
/// false rejection or more with probability at most α, whatever the tests' dependence. In the order
/// given.
///
/// An undefined test stays undefined and does not count; a number outside 0 to 1 is taken for
/// undefined.
#[must_use]
pub fn holm(p: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut defined: Vec<(f64, usize)> = p
        .iter()
        .enumerate()
        .filter_map(|(place, p)| p.filter(|p| (0.0..=1.0).contains(p)).map(|p| (p, place)))
        .collect();
    defined.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut adjusted = vec![None; p.len()];
    let mut largest = 0.0_f64;
    for (rank, &(p, place)) in defined.iter().enumerate() {
        largest = largest.max(p * (defined.len() - rank) as f64).min(1.0);
        adjusted[place] = Some(largest);
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_down_and_never_below_a_smaller_one() {
        assert_eq!(
            holm(&[Some(0.5), Some(0.25), None, Some(0.125)]),
            [Some(0.5), Some(0.5), None, Some(0.375)]
        );
        assert_eq!(holm(&[Some(0.75), Some(0.75)]), [Some(1.0), Some(1.0)]);
        assert_eq!(
            holm(&[Some(f64::NAN), Some(-0.5), Some(2.0), Some(0.5)]),
            [None, None, None, Some(0.5)]
        );
        assert_eq!(holm(&[]), []);
    }
}
