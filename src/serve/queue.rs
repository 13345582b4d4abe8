//! Requests that wait for the inference: a bounded queue, and a smaller one for shadows that is
//! looked at only when the first is empty.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::batch::{Job, ShadowJob};
use super::board::Loaded;

/// Shadow answers that wait at most; more are left out.
const SHADOWS: usize = 64;

/// What waits.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    capacity: usize,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    shadows: VecDeque<ShadowJob>,
    closed: bool,
}

/// What is to be done next.
pub(super) enum Next {
    /// Jobs of one model.
    Batch(Vec<Job>),
    Shadow(ShadowJob),
    /// Nothing any more.
    Closed,
}

/// There is no place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Queue {
    /// With places for `capacity` requests.
    pub(super) fn new(capacity: usize) -> Self {
        Self { waiting: Mutex::default(), changed: Condvar::new(), capacity }
    }

    /// Takes the last place, or does not wait for one.
    pub(super) fn push(&self, job: Job) -> Result<(), Full> {
        let mut waiting = self.lock();
        if waiting.closed || waiting.jobs.len() >= self.capacity {
            return Err(Full);
        }
        waiting.jobs.push_back(job);
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// A shadow's answer, which may be left out.
    pub(super) fn push_shadow(&self, job: ShadowJob) -> Result<(), Full> {
        let mut waiting = self.lock();
        if waiting.closed || waiting.shadows.len() >= SHADOWS || !waiting.jobs.is_empty() {
            return Err(Full);
        }
        waiting.shadows.push_back(job);
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// Requests that wait.
    pub(super) fn depth(&self) -> usize {
        self.lock().jobs.len()
    }

    /// Waits for work. A batch has at most `most` windows, unless one request has more, and waits
    /// at most `patience` to be full.
    pub(super) fn next(&self, most: usize, patience: Duration) -> Next {
        let mut waiting = self.lock();
        loop {
            if !waiting.jobs.is_empty() {
                break;
            }
            if let Some(shadow) = waiting.shadows.pop_front() {
                return Next::Shadow(shadow);
            }
            if waiting.closed {
                return Next::Closed;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let mut batch = Vec::new();
        take(&mut waiting.jobs, &mut batch, most);
        let until = Instant::now() + patience;
        while windows(&batch) < most && !waiting.closed {
            let Some(left) =
                until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            else {
                break;
            };
            waiting =
                self.changed.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
            take(&mut waiting.jobs, &mut batch, most);
        }
        Next::Batch(batch)
    }

    /// Nothing comes any more; what waits is still done.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn windows(batch: &[Job]) -> usize {
    batch.iter().map(|job| job.windows.len()).sum()
}

/// Moves jobs of one model, the first one's or the batch's, in their order.
fn take(jobs: &mut VecDeque<Job>, batch: &mut Vec<Job>, most: usize) {
    let Some(model) = batch.first().or_else(|| jobs.front()).map(|job| job.model.clone()) else {
        return;
    };
    let mut count = windows(batch);
    let mut place = 0;
    while place < jobs.len() && count < most {
        let job = &jobs[place];
        let fits = Arc::<Loaded>::ptr_eq(&job.model, &model)
            && (batch.is_empty() || count + job.windows.len() <= most);
        if !fits {
            place += 1;
            continue;
        }
        if let Some(job) = jobs.remove(place) {
            count += job.windows.len();
            batch.push(job);
        }
    }
}
