//! Epochs of lanes with different numbers of windows: stretches of batches of one size, each gone
//! through by the lanes that have them.
//!
//! A lane goes through its own list in order, full batches first and what is left of it last; no
//! window is dropped, and no lane waits for another within a stretch. Where all lanes have equally
//! many windows, an epoch is one stretch of all lanes and one of the last batch.

/// Batches of one size that some lanes go through together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// Their positions, ascending.
    pub(crate) lanes: Vec<usize>,
    /// Windows in a batch of a lane.
    pub(crate) size: usize,
    /// How many batches.
    pub(crate) batches: usize,
}

impl Stretch {
    /// Windows of a lane.
    pub(crate) fn windows(&self) -> usize {
        self.size * self.batches
    }
}

/// The stretches of lanes that have so many windows left, in batches of at most `size`.
pub(crate) fn stretches(left: &[usize], size: usize) -> Vec<Stretch> {
    let mut left = left.to_vec();
    let mut stretches = Vec::new();
    while let Some(least) = left.iter().copied().filter(|left| *left > 0).min() {
        let full = left.iter().copied().filter(|left| *left >= size).min();
        // Lanes whose last batch is not full wait for those that have a full one.
        let stretch = match full {
            Some(least) => Stretch {
                lanes: positions(&left, |left| left >= size),
                size,
                batches: least / size,
            },
            None => {
                Stretch { lanes: positions(&left, |left| left == least), size: least, batches: 1 }
            }
        };
        for &lane in &stretch.lanes {
            left[lane] -= stretch.windows();
        }
        stretches.push(stretch);
    }
    stretches
}

/// Batches of these stretches.
pub(crate) fn batches(stretches: &[Stretch]) -> usize {
    stretches.iter().map(|stretch| stretch.batches).sum()
}

fn positions(left: &[usize], wanted: impl Fn(usize) -> bool) -> Vec<usize> {
    (0..left.len()).filter(|&lane| wanted(left[lane])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stretch(lanes: &[usize], size: usize, batches: usize) -> Stretch {
        Stretch { lanes: lanes.to_vec(), size, batches }
    }

    #[test]
    fn equal_lanes_go_through_an_epoch_side_by_side() {
        assert_eq!(stretches(&[70, 70], 32), [stretch(&[0, 1], 32, 2), stretch(&[0, 1], 6, 1)]);
        assert_eq!(stretches(&[64], 32), [stretch(&[0], 32, 2)]);
        assert_eq!(stretches(&[0, 0], 32), []);
    }

    #[test]
    fn a_lane_with_fewer_windows_waits_for_the_rest_of_the_epoch() {
        assert_eq!(
            stretches(&[70, 100, 70, 20], 32),
            [
                stretch(&[0, 1, 2], 32, 2),
                stretch(&[1], 32, 1),
                stretch(&[1], 4, 1),
                stretch(&[0, 2], 6, 1),
                stretch(&[3], 20, 1)
            ]
        );
    }

    proptest! {
        #[test]
        fn every_window_of_every_lane_is_in_one_batch_and_the_small_ones_come_last(
            left in prop::collection::vec(0_usize..200, 0..12),
            size in 1_usize..40,
        ) {
            let mut sizes: Vec<Vec<usize>> = vec![Vec::new(); left.len()];
            for stretch in stretches(&left, size) {
                prop_assert!(stretch.lanes.is_sorted() && stretch.batches > 0);
                for &lane in &stretch.lanes {
                    sizes[lane].extend(std::iter::repeat_n(stretch.size, stretch.batches));
                }
            }
            for (sizes, left) in sizes.iter().zip(&left) {
                // What a lane alone would do.
                let mut alone = vec![size; left / size];
                alone.extend((left % size > 0).then_some(left % size));
                prop_assert_eq!(sizes, &alone);
            }
        }
    }
}
