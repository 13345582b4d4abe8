//! Places.

use experiment::metric::Direction;

/// What a row is ranked by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Merit {
    /// The mean over the seeds that count; `None` without any.
    pub(super) value: Option<f64>,
    /// Seeds that should count and do not.
    pub(super) missing_seeds: usize,
}

/// Indices from the best row to the worst, each with its place (from 1; equal rows share one);
/// those without a value last and without place. Rows that lack fewer seeds come first, whatever
/// their value: a mean over the seeds that survived is no measure beside one over all. Equal ones
/// keep their order.
pub(super) fn ranked(rows: &[Merit], direction: Direction) -> Vec<(usize, Option<usize>)> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| {
        let (a, b) = (rows[a], rows[b]);
        let by_value = || match (a.value, b.value) {
            (Some(a), Some(b)) if direction.better(a, b) => std::cmp::Ordering::Less,
            (Some(a), Some(b)) if direction.better(b, a) => std::cmp::Ordering::Greater,
            _ => std::cmp::Ordering::Equal,
        };
        let by_seeds = || {
            if a.value.is_some() {
                a.missing_seeds.cmp(&b.missing_seeds)
            } else {
                std::cmp::Ordering::Equal
            }
        };
        a.value.is_none().cmp(&b.value.is_none()).then_with(by_seeds).then_with(by_value)
    });
    let mut place = 0;
    let mut former = None;
    let places = order.into_iter().enumerate().map(|(position, index)| {
        if former != Some(rows[index]) {
            place = position + 1;
            former = Some(rows[index]);
        }
        (index, rows[index].value.map(|_| place))
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
        let values = [Some(2.0), None, Some(1.0), Some(2.0), None, Some(3.0)]
            .map(|value| Merit { value, missing_seeds: 0 });
        let up = [(2, Some(1)), (0, Some(2)), (3, Some(2)), (5, Some(4)), (1, None), (4, None)];
        assert_eq!(ranked(&values, Direction::Minimize), up);
        let down = [(5, Some(1)), (0, Some(2)), (3, Some(2)), (2, Some(4)), (1, None), (4, None)];
        assert_eq!(ranked(&values, Direction::Maximize), down);
    }

    #[test]
    fn a_row_that_lacks_seeds_comes_after_those_that_lack_fewer() {
        let rows = [
            (Some(1.0), 2),
            (Some(9.0), 0),
            (Some(3.0), 1),
            (Some(8.0), 0),
            (None, 4),
            (Some(2.0), 1),
            (Some(3.0), 1),
        ]
        .map(|(value, missing_seeds)| Merit { value, missing_seeds });
        let found = [
            (3, Some(1)),
            (1, Some(2)),
            (5, Some(3)),
            (2, Some(4)),
            (6, Some(4)),
            (0, Some(6)),
            (4, None),
        ];
        assert_eq!(ranked(&rows, Direction::Minimize), found);
    }

    #[test]
    fn a_baseline_takes_the_place_after_those_that_beat_it() {
        assert_eq!(place(2.0, &[1.0, 2.0, 3.0], Direction::Minimize), 2);
        assert_eq!(place(2.0, &[1.0, 2.0, 3.0], Direction::Maximize), 2);
        assert_eq!(place(0.5, &[], Direction::Minimize), 1);
    }
}
