//! How many lanes a device has room for.

use std::cell::Cell;

use burn_lanes::Device;
use lane_types::Series;

use experiment::{Settings, TrainRows, WalkForward};

/// The memory of a device, shared by workers.
pub(super) struct Budget<'a> {
    device: &'a Device,
    workers: u64,
    /// Lanes of a pack.
    most: usize,
    /// What was asked for last, and what there was: asking opens a GPU.
    asked: Cell<Option<(u64, Option<u64>)>>,
}

impl<'a> Budget<'a> {
    /// Of a device whose workers take packs of at most so many lanes.
    pub(super) fn new(device: &'a Device, workers: usize, most: usize) -> Self {
        Self { device, workers: workers.max(1) as u64, most, asked: Cell::new(None) }
    }

    /// The most lanes of these settings whose estimate fits; 1 if not even one does.
    pub(super) fn lanes(&self, settings: &Settings) -> usize {
        let series = unread(settings);
        let series: Vec<&Series> = series.iter().collect();
        let estimate =
            |lanes| burn_lanes::memory_estimate(self.device, &settings.shape(), lanes, &series);
        // Each worker has its share, and a fifth stays free: an estimate is one.
        let with_reserve = |bytes: u64| bytes.saturating_mul(self.workers).saturating_mul(5) / 4;
        match self.available(with_reserve(estimate(self.most))) {
            Some(bytes) => most_within(bytes, self.most, |lanes| with_reserve(estimate(lanes))),
            None => self.most,
        }
    }

    /// Memory, of so much as would be liked.
    fn available(&self, wanted: u64) -> Option<u64> {
        if let Some((asked, told)) = self.asked.get()
            && (wanted <= asked || told.is_none_or(|told| told < asked))
        {
            return told;
        }
        let told = self.device.available_memory(wanted);
        self.asked.set(Some((wanted, told)));
        told
    }
}

/// The folds of a split without their rows, which are not read for this: beside what its lanes
/// take, a series is small. That expanding folds differ in length counts.
fn unread(settings: &Settings) -> Vec<Series> {
    let windows = |fold: usize| match settings.data.split.walk_forward {
        Some(WalkForward { train: TrainRows::Expanding, .. }) => vec![0; fold + 1],
        Some(WalkForward { train: TrainRows::Rolling, .. }) | None => Vec::new(),
    };
    (0..settings.data.split.folds())
        .map(|fold| Series { train: windows(fold), ..Series::default() })
        .collect()
}

/// The most lanes whose estimate is within a budget; 1 if not even one is.
fn most_within(budget: u64, most: usize, estimate: impl Fn(usize) -> u64) -> usize {
    (1..=most).rev().find(|&lanes| estimate(lanes) <= budget).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_lanes_as_fit_and_at_least_one() {
        let lanes = |budget| most_within(budget, 128, |lanes| 10 * lanes as u64);
        assert_eq!([0, 9, 10, 99, 1280, u64::MAX].map(lanes), [1, 1, 1, 9, 128, 128]);
    }
}
