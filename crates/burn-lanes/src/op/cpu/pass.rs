//! Passes over all lanes of a pack: shares of their windows on threads, slices in and slices out.
//!
//! A share is one task. What a share computes depends neither on the other lanes nor on the
//! threads, and the shares of a lane are added up in their order: the same bits in any pack, on any
//! number of threads.

use std::ops::Range;
use std::sync::Mutex;

use super::network::{Network, Packed, TILE, unpack};
use super::panel::parts;
use super::pool::{self, Buffer};
use super::simd::{Kernel, Vector, run};
use super::threads::{Slot, lock, on_threads};
use super::tile::{Data, Dropping, ForecastTile, Job, TrainingTile};
use crate::loss::Objective;
use crate::random::Dropout;

/// Some windows of every lane.
#[derive(Clone, Debug)]
pub(super) struct Pass<'a> {
    pub(super) network: Network,
    pub(super) objective: Objective,
    pub(super) data: Data<'a>,
    /// Last rows of each lane's windows, equally many.
    pub(super) ends: Vec<&'a [u32]>,
    /// `[K, P]`.
    pub(super) weights: &'a [f32],
    /// One for each lane, or none at all.
    pub(super) dropout: &'a [Dropout],
}

impl Pass<'_> {
    /// Windows of a lane.
    fn windows(&self) -> usize {
        self.ends.first().map_or(0, |ends| ends.len())
    }

    /// Weights of a lane.
    fn row(&self, lane: usize) -> &[f32] {
        &self.weights[lane * self.network.weights()..(lane + 1) * self.network.weights()]
    }

    /// Forecasts, `[K, B, Q]`.
    pub(super) fn forecasts(&self) -> Vec<f32> {
        let network = &self.network;
        let mut forecasts = vec![0.0; self.ends.len() * self.windows() * network.outputs];
        let packed: Vec<Slot<Packed>> = self.ends.iter().map(|_| Slot::default()).collect();
        let tile = || ForecastTile::new(network, TILE.min(self.windows()));
        on_threads(
            self.shares(&mut forecasts),
            tile,
            |tile, Share { lane, windows, forecasts, .. }| {
                let weights = packed[lane].get(|| Packed::forward(network, self.row(lane)));
                for part in parts(windows.len(), TILE) {
                    let ends = &self.ends[lane][windows.clone()][part.clone()];
                    tile.run(
                        network,
                        &weights,
                        self.data,
                        ends,
                        network.forecasts_of(forecasts, part),
                    );
                }
                if windows.end == self.windows() {
                    packed[lane].clear();
                }
            },
        );
        forecasts
    }

    /// The lanes' windows as tasks, each with its part of the forecasts, `[K, B, Q]`. So many lanes
    /// stand side by side as there are threads, so that none waits for another to pack its lane.
    fn shares<'a>(&self, forecasts: &'a mut [f32]) -> Vec<Share<'a>> {
        let mut shares = Vec::new();
        for (lane, mut rest) in
            forecasts.chunks_exact_mut((self.windows() * self.network.outputs).max(1)).enumerate()
        {
            for (number, windows) in self.network.shares(self.windows()).enumerate() {
                let (these, after) = rest.split_at_mut(windows.len() * self.network.outputs);
                rest = after;
                shares.push(Share { lane, number, windows, forecasts: these });
            }
        }
        let threads = rayon::current_num_threads();
        shares.sort_by_key(|share| (share.lane / threads, share.number, share.lane));
        shares
    }

    /// Forecasts, `[K, B, Q]`, and the gradient of each lane's mean loss, `[K, P]`.
    pub(super) fn gradient(&self) -> (Vec<f32>, Vec<f32>) {
        let network = &self.network;
        let mut forecasts = vec![0.0; self.ends.len() * self.windows() * network.outputs];
        let mut gradient = vec![0.0; self.weights.len()];
        let count = network.shares(self.windows()).count();
        let rows = gradient.chunks_exact_mut(network.weights());
        let lanes: Vec<_> =
            rows.map(|row| (Slot::default(), Mutex::new(Sum::new(row, count)))).collect();
        let dropping = if self.dropout.is_empty() { Dropping::Nothing } else { Dropping::Some };
        let tile = || TrainingTile::new(network, TILE.min(self.windows()), dropping);
        on_threads(self.shares(&mut forecasts), tile, |tile, share| {
            let (packed, sum) = &lanes[share.lane];
            let (lane, number) = (share.lane, share.number);
            let weights = packed.get(|| Packed::both(network, self.row(lane)));
            let share = self.share(tile, &weights, share);
            if lock(sum).add(network, number, share) == Progress::Complete {
                packed.clear();
            }
        });
        (forecasts, gradient)
    }

    /// A share of the gradient, as panels.
    fn share(&self, tile: &mut TrainingTile, weights: &Packed, share: Share<'_>) -> Buffer {
        let Share { lane, windows, forecasts, .. } = share;
        let dropout = self.dropout.get(lane).copied().filter(Dropout::drops);
        let job =
            Job { data: self.data, ends: self.ends[lane], objective: &self.objective, dropout };
        let mut gradient = pool::take(self.network.panels());
        gradient.fill(0.0);
        for part in parts(windows.len(), TILE) {
            let windows = windows.start + part.start..windows.start + part.end;
            tile.run(
                &self.network,
                weights,
                &job,
                windows,
                self.network.forecasts_of(forecasts, part),
                &mut gradient,
            );
        }
        gradient
    }
}

/// Some windows of a lane: a task.
struct Share<'a> {
    lane: usize,
    /// Among the lane's.
    number: usize,
    windows: Range<usize>,
    forecasts: &'a mut [f32],
}

/// The sum of a lane's shares.
struct Sum<'a> {
    /// The lane's gradient.
    row: &'a mut [f32],
    /// Shares that are still to come.
    missing: usize,
    /// Shares added.
    added: usize,
    sum: Buffer,
    /// Shares that came before their turn.
    waiting: Vec<(usize, Buffer)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Missing,
    Complete,
}

impl<'a> Sum<'a> {
    fn new(row: &'a mut [f32], missing: usize) -> Self {
        Self { row, missing, added: 0, sum: Buffer::default(), waiting: Vec::new() }
    }

    /// Adds a share as soon as those before it were added.
    fn add(&mut self, network: &Network, number: usize, share: Buffer) -> Progress {
        self.waiting.push((number, share));
        while let Some(index) = self.waiting.iter().position(|(number, _)| *number == self.added) {
            let (_, share) = self.waiting.swap_remove(index);
            self.added += 1;
            if self.sum.is_empty() {
                self.sum = share;
            } else {
                run(network.set, Add { to: &mut self.sum, share: &share });
            }
        }
        if self.added < self.missing {
            return Progress::Missing;
        }
        unpack(network, &std::mem::take(&mut self.sum), self.row);
        Progress::Complete
    }
}

struct Add<'a> {
    to: &'a mut [f32],
    share: &'a [f32],
}

impl Kernel for Add<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        for (to, share) in self.to.chunks_exact_mut(V::WIDTH).zip(self.share.chunks_exact(V::WIDTH))
        {
            V::load(to).add(V::load(share)).store(to);
        }
    }
}
