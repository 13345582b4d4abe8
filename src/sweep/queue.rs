//! The packs that wait for a worker, and what is left of them when a device fails for good.

use std::collections::VecDeque;

use super::lost::halves;
use experiment::trial::TrialId;

/// Trials to be trained together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Queued {
    pub trials: Vec<TrialId>,
    /// Number of the planned pack that it is, or was a part of.
    pub planned: usize,
}

/// Packs, in order.
#[derive(Debug)]
pub(super) struct Queue {
    packs: VecDeque<Queued>,
    /// Planned packs that a device gave up on, one after the other.
    given_up: usize,
}

/// What to think of a device that failed with a trial alone, or with a kernel that does not
/// compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GivenUp {
    /// Planned packs given up without one that went through between them, this one included.
    pub in_a_row: usize,
    /// Trials of the planned pack that were not tried: what has no room for one lane has none for
    /// the next.
    pub untried: usize,
}

impl Queue {
    pub(super) fn new(packs: &[Vec<TrialId>]) -> Self {
        let packs = packs
            .iter()
            .enumerate()
            .map(|(planned, trials)| Queued { trials: trials.clone(), planned });
        Self { packs: packs.collect(), given_up: 0 }
    }

    /// Packs.
    pub(super) fn len(&self) -> usize {
        self.packs.len()
    }

    /// Trials of all packs.
    pub(super) fn trials(&self) -> usize {
        self.packs.iter().map(|pack| pack.trials.len()).sum()
    }

    pub(super) fn next(&mut self) -> Option<Queued> {
        self.packs.pop_front()
    }

    /// A pack went through.
    pub(super) fn pack_ended(&mut self) {
        self.given_up = 0;
    }

    /// Trials of a pack that are to be trained again, in halves; at the front: whose fault it was
    /// is soon known.
    pub(super) fn again(&mut self, planned: usize, trials: Vec<TrialId>) {
        for trials in halves(trials).into_iter().rev() {
            self.packs.push_front(Queued { trials, planned });
        }
    }

    /// A device gave up on a planned pack.
    pub(super) fn give_up(&mut self, planned: usize) -> GivenUp {
        let before = self.trials();
        self.packs.retain(|pack| pack.planned != planned);
        self.given_up += 1;
        GivenUp { in_a_row: self.given_up, untried: before - self.trials() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: std::ops::Range<usize>) -> Vec<TrialId> {
        numbers.map(|number| TrialId(format!("{number:02}"))).collect()
    }

    /// Trains packs on a device that has room for so many lanes: the sizes of the packs that it was
    /// given, the trials that went through, and those that were not tried.
    fn trained(queue: &mut Queue, room: usize) -> (Vec<usize>, usize, usize) {
        let (mut sizes, mut done, mut untried) = (Vec::new(), 0, 0);
        while let Some(Queued { trials, planned }) = queue.next() {
            sizes.push(trials.len());
            if trials.len() <= room {
                done += trials.len();
                queue.pack_ended();
            } else if trials.len() > 1 {
                queue.again(planned, trials);
            } else {
                untried += queue.give_up(planned).untried;
            }
        }
        (sizes, done, untried)
    }

    #[test]
    fn a_pack_is_halved_until_it_fits_and_every_trial_is_trained_once() {
        let mut queue = Queue::new(&[ids(0..7), ids(7..9)]);
        assert_eq!(trained(&mut queue, 2), (vec![7, 4, 2, 2, 3, 2, 1, 2], 9, 0));
    }

    #[test]
    fn where_one_lane_does_not_fit_its_pack_is_left_and_the_others_are_tried() {
        let mut queue = Queue::new(&[ids(0..8), ids(8..12), ids(12..13), ids(13..14)]);
        assert_eq!(trained(&mut queue, 0), (vec![8, 4, 2, 1, 4, 2, 1, 1, 1], 0, 7 + 3));
    }

    #[test]
    fn packs_are_given_up_in_a_row_until_one_goes_through() {
        let mut queue = Queue::new(&[ids(0..1), ids(1..2), ids(2..4)]);
        assert_eq!(queue.give_up(0), GivenUp { in_a_row: 1, untried: 1 });
        assert_eq!(queue.give_up(9), GivenUp { in_a_row: 2, untried: 0 });
        queue.pack_ended();
        assert_eq!(queue.give_up(1), GivenUp { in_a_row: 1, untried: 1 });
        assert_eq!((queue.len(), queue.trials()), (1, 2));
    }
}
