//! The packs that wait for a worker, and what a failed device makes of them: halves, down to single trials.

use std::collections::VecDeque;

use burn_lanes::DeviceFailure;

use crate::trial::TrialId;

/// Trials to be trained together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct QueuedPack {
    pub trials: Vec<TrialId>,
    /// Number of the planned pack that it is, or was a part of.
    planned: usize,
}

/// Packs, in order.
#[derive(Debug)]
pub(super) struct Queue {
    packs: VecDeque<QueuedPack>,
    /// Planned packs, one after the other, that a device gave up on.
    given_up: usize,
    verdict: Option<DeviceVerdict>,
}

/// What a device that failed left undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceVerdict {
    /// The last failure for which trials were given up.
    pub failure: DeviceFailure,
    /// Trials that were not even tried because of it; they can be, by the same command.
    pub untried: usize,
}

/// Planned packs given up in a row after which a device that does not lack memory is given up too.
const DEVICE_IS_GONE: usize = 2;

/// Whether a failure ends the trials of a pack of so many lanes; otherwise halves of it are tried.
pub(super) fn is_final(lanes: usize, failure: &DeviceFailure) -> bool {
    lanes <= 1 || !failure.may_depend_on_lanes()
}

impl Queue {
    pub(super) fn new(packs: &[Vec<TrialId>]) -> Self {
        let packs = packs.iter().enumerate().map(|(planned, trials)| QueuedPack { trials: trials.clone(), planned });
        Self { packs: packs.collect(), given_up: 0, verdict: None }
    }

    pub(super) fn len(&self) -> usize {
        self.packs.len()
    }

    pub(super) fn next(&mut self) -> Option<QueuedPack> {
        self.packs.pop_front()
    }

    /// A pack went through.
    pub(super) fn pack_ended(&mut self) {
        self.given_up = 0;
    }

    /// The device failed while so many lanes of a pack were trained, of which these trials are open. Their halves come next; or they were
    /// failed by the worker, and the rest of their planned pack is left for another time: what has no room for one lane has none for the next.
    pub(super) fn device_failed(&mut self, pack: &QueuedPack, lanes: usize, open: &[TrialId], failure: &DeviceFailure) {
        let part = |trials: &[TrialId]| QueuedPack { trials: trials.to_vec(), planned: pack.planned };
        if !is_final(lanes, failure) {
            let (first, second) = open.split_at(open.len().div_ceil(2));
            for trials in [second, first].into_iter().filter(|trials| !trials.is_empty()) {
                self.packs.push_front(part(trials));
            }
            return;
        }
        self.given_up += 1;
        let gone = self.given_up >= DEVICE_IS_GONE && failure.kind != burn_lanes::DeviceFailureKind::OutOfMemory;
        self.give_up(failure.clone(), |waiting| gone || waiting.planned == pack.planned);
    }

    /// The device cannot be opened again after it failed: nothing more can be trained.
    pub(super) fn device_is_gone(&mut self, reason: &str) {
        let message = format!("it cannot be opened again: {reason}");
        self.give_up(DeviceFailure { kind: burn_lanes::DeviceFailureKind::Other, message }, |_| true);
    }

    fn give_up(&mut self, failure: DeviceFailure, leaves: impl Fn(&QueuedPack) -> bool) {
        let left: usize = self.packs.iter().filter(|pack| leaves(pack)).map(|pack| pack.trials.len()).sum();
        self.packs.retain(|pack| !leaves(pack));
        let untried = left + self.verdict.as_ref().map_or(0, |verdict| verdict.untried);
        self.verdict = Some(DeviceVerdict { failure, untried });
    }

    /// What a failed device left undone, if anything.
    pub(super) fn verdict(&self) -> Option<DeviceVerdict> {
        self.verdict.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_lanes::DeviceFailureKind::{self, Compilation, Other, OutOfMemory};

    fn failure(kind: DeviceFailureKind) -> DeviceFailure {
        DeviceFailure { kind, message: "it failed".to_owned() }
    }

    fn ids(numbers: std::ops::Range<usize>) -> Vec<TrialId> {
        numbers.map(|number| TrialId(format!("{number:02}"))).collect()
    }

    /// Trains packs on a device that has room for so many lanes; the sizes of the packs that it was given, and the trials it got through.
    fn trained(queue: &mut Queue, room: usize, kind: DeviceFailureKind) -> (Vec<usize>, usize) {
        let (mut sizes, mut done) = (Vec::new(), 0);
        while let Some(pack) = queue.next() {
            let lanes = pack.trials.len();
            sizes.push(lanes);
            if lanes <= room {
                done += lanes;
                queue.pack_ended();
            } else {
                queue.device_failed(&pack, lanes, &pack.trials.clone(), &failure(kind));
            }
        }
        (sizes, done)
    }

    #[test]
    fn a_pack_is_halved_until_it_fits_and_every_trial_is_trained_once() {
        let mut queue = Queue::new(&[ids(0..7), ids(7..9)]);
        assert_eq!(trained(&mut queue, 2, OutOfMemory), (vec![7, 4, 2, 2, 3, 2, 1, 2], 9));
        assert_eq!(queue.verdict(), None);
    }

    #[test]
    fn where_one_lane_does_not_fit_its_pack_is_left_and_the_others_are_tried() {
        let mut queue = Queue::new(&[ids(0..8), ids(8..12), ids(12..13), ids(13..14)]);
        assert_eq!(trained(&mut queue, 0, OutOfMemory), (vec![8, 4, 2, 1, 4, 2, 1, 1, 1], 0));
        assert_eq!(queue.verdict().unwrap().untried, 7 + 3);
    }

    #[test]
    fn a_device_that_fails_for_another_reason_is_given_up_after_two_packs() {
        let mut queue = Queue::new(&[ids(0..2), ids(2..4), ids(4..9)]);
        assert_eq!(trained(&mut queue, 0, Other), (vec![2, 1, 2, 1], 0));
        assert_eq!(queue.verdict().unwrap().untried, 1 + 1 + 5);
    }

    #[test]
    fn what_does_not_compile_is_not_halved() {
        let mut queue = Queue::new(&[ids(0..4)]);
        assert_eq!(trained(&mut queue, 0, Compilation), (vec![4], 0));
        assert_eq!(queue.verdict().unwrap().untried, 0);
    }

    #[test]
    fn trials_that_ended_before_the_failure_are_not_tried_again() {
        let mut queue = Queue::new(&[ids(0..4)]);
        let pack = queue.next().unwrap();
        queue.device_failed(&pack, 4, &ids(3..4), &failure(Other));
        assert_eq!(queue.next().unwrap().trials, ids(3..4));
        assert_eq!((queue.len(), queue.verdict()), (0, None));
    }

    #[test]
    fn a_device_that_does_not_open_again_leaves_everything() {
        let mut queue = Queue::new(&[ids(0..4)]);
        queue.device_is_gone("no driver");
        let verdict = queue.verdict().unwrap();
        assert_eq!((queue.len(), verdict.untried), (0, 4));
        assert_eq!(verdict.failure.to_string(), "the device failed: it cannot be opened again: no driver");
    }
}
