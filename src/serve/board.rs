//! What is served: versions that are loaded, by name and alias.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::catalog::{Catalog, Entry, Model};
use super::config::{Selection, Wanted};
use super::drift::Drift;
use super::inference::said;
use runs::registry::CHAMPION;

/// Means the newest version.
const LATEST: &str = "latest";

/// What is served at one moment. A request keeps what it found here, whatever comes next.
#[derive(Default)]
pub(super) struct Board {
    /// By name.
    pub models: BTreeMap<String, Served>,
}

/// A model.
pub(super) struct Served {
    /// What answers a request that names no version: an alias, or a number.
    pub chosen: String,
    /// Versions that answer, by alias and by number.
    pub by: BTreeMap<String, Arc<Loaded>>,
    /// All versions that the registry has.
    pub versions: Vec<u32>,
}

/// A version that is loaded.
pub(super) struct Loaded {
    pub name: String,
    pub version: u32,
    pub model: Box<dyn Model>,
    pub drift: Mutex<Drift>,
}

/// Whether versions that are loaded already are read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reread {
    New,
    All,
}

/// The board that requests look at.
#[derive(Default)]
pub(super) struct Live(RwLock<Arc<Board>>);

impl Live {
    pub(super) fn get(&self) -> Arc<Board> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, board: Board) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(board);
    }
}

impl Served {
    /// The version that answers when a request names none.
    pub(super) fn default(&self) -> Option<&Arc<Loaded>> {
        self.by.get(&self.chosen)
    }

    /// Aliases and where they point.
    pub(super) fn aliases(&self) -> BTreeMap<String, u32> {
        let aliases = self.by.iter().filter(|(alias, _)| alias.parse::<u32>().is_err());
        aliases.map(|(alias, loaded)| (alias.clone(), loaded.version)).collect()
    }

    /// Every version that is loaded, once.
    pub(super) fn loaded(&self) -> BTreeMap<u32, &Arc<Loaded>> {
        self.by.values().map(|loaded| (loaded.version, loaded)).collect()
    }
}

impl Board {
    /// A model stays as it was.
    fn keep(&mut self, name: String, before: Option<&Served>) {
        if let Some(Served { chosen, by, versions }) = before {
            self.models.insert(
                name,
                Served { chosen: chosen.clone(), by: by.clone(), versions: versions.clone() },
            );
        }
    }

    /// `NAME`, `NAME@ALIAS` or `NAME@3`, among what is loaded.
    pub(super) fn find(&self, reference: &str) -> Option<(&Served, &Arc<Loaded>)> {
        let (name, of) = match reference.split_once('@') {
            Some((name, of)) => (name, Some(of)),
            None => (reference, None),
        };
        let served = self.models.get(name)?;
        Some((served, served.by.get(of.unwrap_or(&served.chosen))?))
    }
}

/// The next board: what the catalog has now, loaded, beside what of the old one has to stay. Every
/// problem is named; none takes a model away that can still be served.
pub(super) fn build(
    catalog: &dyn Catalog,
    selection: &Selection,
    old: &Board,
    reread: Reread,
) -> Result<(Board, Vec<String>), String> {
    let entries = catalog.list()?;
    let mut problems = Vec::new();
    let mut board = Board::default();
    for Wanted { name, of } in wanted(selection, &entries, old) {
        let before = old.models.get(&name);
        match entries.iter().find(|entry| entry.name == name) {
            Some(Entry { problem: None, versions, aliases, .. }) => {
                let loader = Loader { catalog, name: &name, before, reread };
                let by = loader.load(versions, aliases, &of, &mut problems);
                if by.contains_key(&of) {
                    board
                        .models
                        .insert(name, Served { chosen: of, by, versions: versions.clone() });
                } else if !aliases.contains_key(&of) {
                    problems.push(format!("{name}: it has no '{of}' any more, and is not served"));
                }
            }
            Some(Entry { problem: Some(problem), .. }) => {
                problems.push(format!("{name}: {problem}"));
                board.keep(name, before);
            }
            None => {
                problems.push(format!(
                    "{name}: there is no such model{}",
                    if before.is_some() { " any more" } else { "" }
                ));
                board.keep(name, before);
            }
        }
    }
    Ok((board, problems))
}

/// The models to serve; of those without a name on the command line the ones that have a champion,
/// or had one and are damaged or gone now: a model is not served any more when its history says so,
/// and not because its files cannot be found.
fn wanted(selection: &Selection, entries: &[Entry], old: &Board) -> Vec<Wanted> {
    match selection {
        Selection::Named(wanted) => wanted.clone(),
        Selection::Champions => {
            let crowned = entries
                .iter()
                .filter(|entry| entry.problem.is_some() || entry.aliases.contains_key(CHAMPION));
            let gone =
                old.models.keys().filter(|name| !entries.iter().any(|entry| entry.name == **name));
            let names = crowned.map(|entry| &entry.name).chain(gone);
            names.map(|name| Wanted { name: name.clone(), of: CHAMPION.to_owned() }).collect()
        }
    }
}

struct Loader<'a> {
    catalog: &'a dyn Catalog,
    name: &'a str,
    before: Option<&'a Served>,
    reread: Reread,
}

impl Loader<'_> {
    /// Versions with an alias, and the one that was asked for by number. Where one cannot be loaded
    /// its alias stays where it was.
    fn load(
        &self,
        versions: &[u32],
        aliases: &BTreeMap<String, u32>,
        of: &str,
        problems: &mut Vec<String>,
    ) -> BTreeMap<String, Arc<Loaded>> {
        let pinned = match of {
            LATEST => versions.last().copied(),
            number => number.parse().ok().filter(|version| versions.contains(version)),
        };
        let pinned = pinned.map(|version| (of.to_owned(), version));
        let keys = aliases.iter().map(|(alias, version)| (alias.clone(), *version)).chain(pinned);
        let mut fresh: BTreeMap<u32, Result<Arc<Loaded>, String>> = BTreeMap::new();
        let mut by = BTreeMap::new();
        for (key, version) in keys {
            let loaded = fresh.entry(version).or_insert_with(|| self.version(version));
            match loaded {
                Ok(loaded) => {
                    by.insert(version.to_string(), loaded.clone());
                    by.insert(key, loaded.clone());
                }
                Err(problem) => {
                    problems.push(format!(
                        "{}@{key}: version {version} is not served: {problem}",
                        self.name
                    ));
                    if let Some(old) = self.before.and_then(|before| before.by.get(&key)) {
                        by.insert(old.version.to_string(), old.clone());
                        by.insert(key, old.clone());
                    }
                }
            }
        }
        by
    }

    fn version(&self, version: u32) -> Result<Arc<Loaded>, String> {
        if self.reread == Reread::New {
            let known = self
                .before
                .and_then(|before| before.by.values().find(|loaded| loaded.version == version));
            if let Some(known) = known {
                return Ok(known.clone());
            }
        }
        let load = || self.catalog.load(self.name, version);
        let model = catch_unwind(AssertUnwindSafe(load))
            .unwrap_or_else(|panic| Err(format!("it panicked: {}", said(&*panic))))?;
        let drift = Mutex::new(Drift::new(model.card().profile.as_deref().unwrap_or_default()));
        Ok(Arc::new(Loaded { name: self.name.to_owned(), version, model, drift }))
    }
}
