//! The folders of new runs, made while the first packs already train: ten thousand of them take a
//! file system seconds.

use std::collections::HashSet;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use experiment::trial::{Trial, TrialId};
use runs::store::{FileError, MadeRuns, SweepFolder};

/// Makes folders in the background. What it has not come to when it is dropped is made by the next
/// call of the sweep.
#[derive(Debug)]
pub struct Making {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    ends: AtomicBool,
}

#[derive(Debug)]
struct State {
    waiting: HashSet<TrialId>,
    failed: Option<FileError>,
}

/// Runs that are made at a time.
const AT_ONCE: usize = 64;

impl Making {
    /// Begins to make the runs of `trials`, in their order.
    ///
    /// # Errors
    /// When there is no thread left for it.
    pub fn start(folder: SweepFolder, trials: Vec<Trial>) -> io::Result<Self> {
        let waiting = trials.iter().map(|trial| trial.id.clone()).collect();
        let shared = Arc::new(Shared {
            state: Mutex::new(State { waiting, failed: None }),
            changed: Condvar::new(),
            ends: AtomicBool::new(false),
        });
        let thread = std::thread::Builder::new().name("folders".to_owned()).spawn({
            let shared = shared.clone();
            move || {
                // Those who wait must not wait for a thread that is gone.
                if std::panic::catch_unwind(AssertUnwindSafe(|| shared.make(&folder, &trials)))
                    .is_err()
                {
                    shared.fail(FileError::new(
                        "the thread that makes the folders of new runs panicked",
                    ));
                }
            }
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Waits until none of these is still to be made.
    ///
    /// # Errors
    /// When some cannot be made.
    pub fn wait_for(&self, ids: &[TrialId]) -> Result<(), FileError> {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        while ids.iter().any(|id| state.waiting.contains(id)) {
            if let Some(error) = &state.failed {
                return Err(error.clone());
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }
}

impl Shared {
    fn fail(&self, error: FileError) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).failed = Some(error);
        self.changed.notify_all();
    }

    fn make(&self, folder: &SweepFolder, trials: &[Trial]) {
        for some in trials.chunks(AT_ONCE) {
            if self.ends.load(Ordering::Relaxed) {
                return;
            }
            let made =
                folder.create_runs(some).and_then(|MadeRuns { runs: _, repaired: _, refused }| {
                    match refused.first() {
                        // The sweep is locked, and these had no folders a moment ago.
                        Some((_, why)) => Err(FileError::new(why)),
                        None => Ok(()),
                    }
                });
            if let Err(error) = made {
                return self.fail(error);
            }
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            for trial in some {
                state.waiting.remove(&trial.id);
            }
            drop(state);
            self.changed.notify_all();
        }
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trials(count: usize) -> Vec<Trial> {
        (0..count).map(evidence::records::testing::trial).collect()
    }

    #[test]
    fn who_waits_for_a_run_finds_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = SweepFolder::create(root.path(), "grid").unwrap();
        let trials = trials(300);
        let making = Making::start(folder.clone(), trials.clone()).unwrap();
        let last = trials.last().unwrap();
        making.wait_for(std::slice::from_ref(&last.id)).unwrap();
        assert_eq!(folder.run(&last.id).unwrap().trial().unwrap(), *last);
        making.wait_for(&[TrialId("was there before".into())]).unwrap();
    }

    #[test]
    fn who_waits_for_a_run_that_cannot_be_made_is_told() {
        let root = tempfile::tempdir().unwrap();
        let folder = SweepFolder::create(root.path(), "grid").unwrap();
        let trials = trials(3);
        std::fs::write(folder.path.join("trials").join(&trials[1].id.0), "in the way").unwrap();
        let making = Making::start(folder, trials.clone()).unwrap();
        let error = making.wait_for(std::slice::from_ref(&trials[1].id)).unwrap_err();
        assert!(error.to_string().contains(&trials[1].id.0), "{error}");
    }

    #[test]
    fn what_is_left_when_it_is_dropped_is_left() {
        let root = tempfile::tempdir().unwrap();
        let folder = SweepFolder::create(root.path(), "grid").unwrap();
        let trials = trials(4000);
        drop(Making::start(folder.clone(), trials.clone()).unwrap());
        assert!(folder.run(&trials[3999].id).is_err());
        assert_eq!(folder.create_runs(&trials).unwrap().runs.len(), 4000);
    }
}
