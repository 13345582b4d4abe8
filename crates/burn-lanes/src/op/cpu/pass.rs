//! Passes over all lanes of a pack: shares of their windows on threads, slices in and slices out.
//!
//! A share is one task. What a share computes depends neither on the other lanes nor on the threads, and the shares of a lane are
//! added up in their order: the same bits in any pack, on any number of threads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::network::{Network, Packed, TILE, unpack};
use super::panel::parts;
use super::pool::{self, Buffer};
use super::simd::{Kernel, Vector, run};
use super::tile::{Data, Dropping, ForecastTile, Job, TrainingTile};
use crate::Loss;
use crate::random::Dropout;

/// Some windows of every lane.
#[derive(Clone, Debug)]
pub(super) struct Pass<'a> {
    pub(super) network: Network,
    pub(super) loss: Loss,
    pub(super) data: Data<'a>,
    /// Last rows of each lane's windows, equally many.
    pub(super) ends: Vec<&'a [u32]>,
    /// `[K, P]`.
    pub(super) weights: &'a [f32],
    /// One for each lane, or none at all.
    pub(super) dropout: &'a [Dropout],
}

/// Windows that are forecast at once.
const FORECAST_TILE: usize = 32;

impl Pass<'_> {
    /// Windows of a lane.
    fn windows(&self) -> usize {
        self.ends.first().map_or(0, |ends| ends.len())
    }

    /// Weights of a lane.
    fn row(&self, lane: usize) -> &[f32] {
        &self.weights[lane * self.network.weights()..(lane + 1) * self.network.weights()]
    }

    /// Forecasts, `[K, B]`.
    pub(super) fn forecasts(&self) -> Vec<f32> {
        let network = &self.network;
        let mut forecasts = vec![0.0; self.ends.len() * self.windows()];
        let packed: Vec<Slot<Packed>> = self.ends.iter().map(|_| Slot::default()).collect();
        let mut tasks = Vec::new();
        for (lane, mut rest) in forecasts.chunks_exact_mut(self.windows().max(1)).enumerate() {
            for windows in parts(self.windows(), FORECAST_TILE) {
                let (these, after) = rest.split_at_mut(windows.len());
                rest = after;
                tasks.push((lane, windows, these));
            }
        }
        let tile = || ForecastTile::new(network, FORECAST_TILE.min(self.windows()));
        on_threads(tasks, tile, |tile, (lane, windows, forecasts)| {
            let last = windows.end == self.windows();
            let weights = packed[lane].get(|| Packed::forward(network, self.row(lane)));
            tile.run(network, &weights, self.data, &self.ends[lane][windows], forecasts);
            if last {
                packed[lane].clear();
            }
        });
        forecasts
    }

    /// Forecasts, `[K, B]`, and the gradient of each lane's mean loss, `[K, P]`.
    pub(super) fn gradient(&self) -> (Vec<f32>, Vec<f32>) {
        let network = &self.network;
        let (windows, weights) = (self.windows(), network.weights());
        let mut forecasts = vec![0.0; self.ends.len() * windows];
        let mut gradient = vec![0.0; self.ends.len() * weights];
        let shares: Vec<_> = network.shares(windows).collect();
        let rows = gradient.chunks_exact_mut(weights);
        let lanes: Vec<_> = rows.map(|row| (Slot::default(), Mutex::new(Sum::new(row, shares.len())))).collect();
        let dropping = if self.dropout.is_empty() { Dropping::Nothing } else { Dropping::Some };
        let most = TILE.min(windows);

        let mut tasks = Vec::new();
        for (lane, mut rest) in forecasts.chunks_exact_mut(windows.max(1)).enumerate() {
            for (number, share) in shares.iter().enumerate() {
                let (these, after) = rest.split_at_mut(share.len());
                rest = after;
                tasks.push(Share { lane, number, windows: share.clone(), forecasts: these });
            }
        }
        // So many lanes at a time as there are threads, so that none waits for another to pack its lane.
        let threads = rayon::current_num_threads();
        tasks.sort_by_key(|share| (share.lane / threads, share.number, share.lane));
        on_threads(
            tasks,
            || TrainingTile::new(network, most, dropping),
            |tile, Share { lane, number, windows, forecasts }| {
                let (slot, sum) = &lanes[lane];
                let packed = slot.get(|| Packed::both(network, self.row(lane)));
                let dropout = self.dropout.get(lane).copied().filter(Dropout::drops);
                let job = Job { data: self.data, ends: self.ends[lane], loss: self.loss, dropout };
                let mut share = pool::take(network.panels());
                share.fill(0.0);
                for part in parts(windows.len(), most) {
                    let windows = windows.start + part.start..windows.start + part.end;
                    tile.run(network, &packed, &job, windows, &mut forecasts[part], &mut share);
                }
                if lock(sum).add(network, number, share) == Progress::Complete {
                    slot.clear();
                }
            },
        );
        (forecasts, gradient)
    }
}

/// A task.
struct Share<'a> {
    lane: usize,
    number: usize,
    windows: std::ops::Range<usize>,
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
        for (to, share) in self.to.chunks_exact_mut(V::WIDTH).zip(self.share.chunks_exact(V::WIDTH)) {
            V::load(to).add(V::load(share)).store(to);
        }
    }
}

/// A value that the first who needs it makes, while others wait.
#[derive(Debug)]
struct Slot<T>(Mutex<Option<Arc<T>>>);

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Slot<T> {
    fn get(&self, make: impl FnOnce() -> T) -> Arc<T> {
        lock(&self.0).get_or_insert_with(|| Arc::new(make())).clone()
    }

    /// Forgets the value.
    fn clear(&self) {
        *lock(&self.0) = None;
    }
}

/// Runs over tasks, in their order, on the threads there are, each with a state of its own; on this thread alone if there is nothing
/// to share out, since waking another costs more than a small tile.
pub(super) fn on_threads<T: Send, S>(tasks: Vec<T>, state: impl Fn() -> S + Sync, each: impl Fn(&mut S, T) + Sync) {
    let threads = rayon::current_num_threads().min(tasks.len());
    let tasks = Mutex::new(tasks.into_iter());
    let work = || {
        let mut state = state();
        loop {
            let task = lock(&tasks).next();
            match task {
                Some(task) => each(&mut state, task),
                None => break,
            }
        }
    };
    if threads <= 1 {
        work();
    } else {
        rayon::in_place_scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|_| work());
            }
            work();
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
