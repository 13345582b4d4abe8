//! Places.

use crate::metric::Direction;

/// Indices from the best value to the worst, each with its place (from 1; equal values share one); those without a value last and
/// without place. Equal ones keep their order.
pub(super) fn ranked(values: &[Option<f64>], direction: Direction) -> Vec<(usize, Option<usize>)> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| match (values[a], values[b]) {
        (Some(a), Some(b)) if direction.better(a, b) => std::cmp::Ordering::Less,
        (Some(a), Some(b)) if direction.better(b, a) => std::cmp::Ordering::Greater,
        (a, b) => a.is_none().cmp(&b.is_none()),
    });
    let mut place = 0;
    let mut former = None;
    let places = order.into_iter().enumerate().map(|(position, index)| {
        if former != values[index] {
            place = position + 1;
            former = values[index];
        }
        (index, values[index].map(|_| place))
    });
    places.collect()
}

/// The place that a value would take among others.
pub(super) fn place(value: f64, others: &[f64], direction: Direction) -> usize {
    1 + others.iter().filter(|other| direction.better(**other, value)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_comes_first_ties_keep_their_order_and_the_undefined_come_last() {
        let values = [Some(2.0), None, Some(1.0), Some(2.0), None, Some(3.0)];
        let up = [(2, Some(1)), (0, Some(2)), (3, Some(2)), (5, Some(4)), (1, None), (4, None)];
        assert_eq!(ranked(&values, Direction::Minimize), up);
        let down = [(5, Some(1)), (0, Some(2)), (3, Some(2)), (2, Some(4)), (1, None), (4, None)];
        assert_eq!(ranked(&values, Direction::Maximize), down);
    }

    #[test]
    fn a_baseline_takes_the_place_after_those_that_beat_it() {
        assert_eq!(place(2.0, &[1.0, 2.0, 3.0], Direction::Minimize), 2);
        assert_eq!(place(2.0, &[1.0, 2.0, 3.0], Direction::Maximize), 2);
        assert_eq!(place(0.5, &[], Direction::Minimize), 1);
    }
}
