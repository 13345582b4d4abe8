//! Tasks on threads, and what their threads share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A value that the first who needs it makes, while others wait.
#[derive(Debug)]
pub(super) struct Slot<T>(Mutex<Option<Arc<T>>>);

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Slot<T> {
    pub(super) fn get(&self, make: impl FnOnce() -> T) -> Arc<T> {
        lock(&self.0).get_or_insert_with(|| Arc::new(make())).clone()
    }

    /// Forgets the value.
    pub(super) fn clear(&self) {
        *lock(&self.0) = None;
    }
}

/// Runs over tasks, in their order, on the threads there are, each with a state of its own; on this
/// thread alone if there is nothing to share out, since waking another costs more than a small
/// tile.
pub(super) fn on_threads<T: Send, S>(
    tasks: Vec<T>,
    state: impl Fn() -> S + Sync,
    each: impl Fn(&mut S, T) + Sync,
) {
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

/// Locks, though another thread may have panicked.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
