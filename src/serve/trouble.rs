//! What stands between the registry and what is served: while there is anything, models are served
//! as they were loaded before.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the last looks at the registry came to.
#[derive(Default)]
pub(super) struct Trouble(Mutex<Found>);

#[derive(Default)]
struct Found {
    /// Why the registry cannot be looked at.
    registry: Option<String>,
    /// What of it cannot be served, at the last reading.
    models: Vec<String>,
}

/// Whether something is told for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    New,
    Again,
}

impl Trouble {
    /// The registry cannot be looked at.
    pub(super) fn unreachable(&self, problem: &str) -> Told {
        let mut found = self.lock();
        if found.registry.as_deref() == Some(problem) {
            return Told::Again;
        }
        found.registry = Some(problem.to_owned());
        Told::New
    }

    /// The registry can be looked at; whether it could not before.
    pub(super) fn reached(&self) -> bool {
        self.lock().registry.take().is_some()
    }

    /// The registry was read, with these problems.
    pub(super) fn read(&self, problems: &[String]) {
        self.lock().models = problems.to_vec();
    }

    /// How many problems there are.
    pub(super) fn count(&self) -> usize {
        let found = self.lock();
        found.models.len() + usize::from(found.registry.is_some())
    }

    /// For anyone who looks at the health, who need know neither names nor paths.
    pub(super) fn in_words(&self) -> Option<String> {
        let found = self.lock();
        match (&found.registry, found.models.len()) {
            (Some(_), _) => Some(
                "the registry cannot be read; models are served as they were loaded (the log \
                    says more)"
                    .to_owned(),
            ),
            (None, 0) => None,
            (None, count) => {
                let plural = if count == 1 { "" } else { "s" };
                Some(format!(
                    "{count} problem{plural} in the registry; what was loaded before is \
                    served (the log says more)"
                ))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
