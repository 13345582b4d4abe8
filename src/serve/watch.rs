//! Reloads: a thread looks whether the registry has something new, loads and warms it, and only
//! then lets requests see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::board::{Board, Live, Reread, build};
use super::catalog::Catalog;
use super::config::Selection;
use super::metrics::ServiceMetrics;
use super::trouble::{Told, Trouble};

/// What the thread is told.
pub(super) struct Watch {
    pub catalog: Arc<dyn Catalog>,
    pub selection: Selection,
    pub live: Arc<Live>,
    pub metrics: Arc<ServiceMetrics>,
    pub poll: Duration,
    /// Whether everything that was to be loaded is.
    pub ready: Arc<AtomicBool>,
    /// What stands between the registry and what is served.
    pub trouble: Arc<Trouble>,
}

/// Asks the thread for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Read everything again.
    Reread,
}

impl Watch {
    /// The first board.
    ///
    /// # Errors
    /// When anything that was asked for cannot be served, or nothing can.
    pub(super) fn first(&self) -> Result<String, String> {
        let generation = self.catalog.generation()?;
        let (board, problems) =
            build(&*self.catalog, &self.selection, &Board::default(), Reread::New)?;
        let asked = matches!(self.selection, Selection::Named(_));
        if let Some(problem) = problems.first().filter(|_| asked || board.models.is_empty()) {
            return Err(problem.clone());
        }
        if board.models.is_empty() {
            return Err(
                "no model has a champion: kiln models promote NAME@VERSION makes one".to_owned()
            );
        }
        self.show(board, &problems);
        self.ready.store(true, Ordering::Release);
        Ok(generation)
    }

    /// Until the other end of `asked` is gone.
    pub(super) fn run(&self, mut generation: String, asked: &Receiver<Ask>) {
        loop {
            let reread = match asked.recv_timeout(self.poll) {
                Ok(Ask::Reread) => Reread::All,
                Err(RecvTimeoutError::Timeout) => Reread::New,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let now = match self.catalog.generation() {
                Ok(now) => now,
                Err(problem) => {
                    if self.trouble.unreachable(&problem) == Told::New {
                        self.failed(&problem);
                    }
                    continue;
                }
            };
            if self.trouble.reached() {
                tracing::info!("the registry can be read again");
            }
            if now != generation || reread == Reread::All {
                // A change that comes while this one is read makes another generation, and is seen
                // at the next look.
                generation = now;
                self.reload(reread);
            }
        }
    }

    fn reload(&self, reread: Reread) {
        match build(&*self.catalog, &self.selection, &self.live.get(), reread) {
            Ok((board, problems)) => self.show(board, &problems),
            Err(problem) => {
                self.trouble.read(std::slice::from_ref(&problem));
                self.failed(&problem);
            }
        }
    }

    fn show(&self, board: Board, problems: &[String]) {
        self.trouble.read(problems);
        for problem in problems {
            self.failed(problem);
        }
        let old = self.live.get();
        for (name, served) in &board.models {
            let before = old.models.get(name);
            for (key, loaded) in &served.by {
                let same = before
                    .and_then(|before| before.by.get(key))
                    .is_some_and(|before| Arc::ptr_eq(before, loaded));
                if !same && key.parse::<u32>().is_err() {
                    tracing::info!(model = name, alias = key, version = loaded.version, "serving");
                }
            }
        }
        for name in old.models.keys().filter(|name| !board.models.contains_key(*name)) {
            tracing::info!(model = name, "not serving any more");
        }
        self.live.set(board);
        if problems.is_empty() {
            self.metrics.reload("ok");
        }
    }

    fn failed(&self, problem: &str) {
        self.metrics.reload("failed");
        tracing::error!(
            problem = &*text::clean(problem),
            "cannot be served; what was loaded before stays"
        );
    }
}
