//! Temporary files that a killed process left behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Liveness;
use super::process::owner_alive;

/// What the names of temporary files begin with; then come their owner, as
/// [`super::process::owner`] writes it, and six characters that no other has.
pub(super) const PREFIX: &str = ".tmp-";

/// A file whose owner cannot be told (another machine's, an older version's) is left alone for so
/// long.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes, from a folder and all below it, temporary files of processes that are gone; tells how
/// many. Those of a process that runs stay, and where it cannot be told those younger than a day
/// before `now`. What cannot be looked at or removed stays, too.
pub fn remove_leftovers(folder: &Path, now: SystemTime) -> usize {
    let mut folders = vec![folder.to_owned()];
    let mut removed = 0;
    while let Some(folder) = folders.pop() {
        removed += remove_within(&folder, now, &mut folders);
    }
    removed
}

/// The same of the folder of all sweeps, without the sweeps, and of its views and ledgers.
pub fn remove_leftovers_beside_sweeps(root: &Path, now: SystemTime) -> usize {
    let mut sweeps = Vec::new();
    let beside = ["views", "ledger"].map(|name| remove_leftovers(&root.join(name), now));
    remove_within(root, now, &mut sweeps) + beside.iter().sum::<usize>()
}

/// [`remove_leftovers`] of a folder alone; tells of the folders in it.
fn remove_within(folder: &Path, now: SystemTime, folders: &mut Vec<PathBuf>) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let mut removed = 0;
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            folders.push(entry.path());
        } else if kind.is_file()
            && let Some(rest) =
                entry.file_name().to_str().and_then(|name| name.strip_prefix(PREFIX))
        {
            let is_old = || {
                let age = entry
                    .metadata()
                    .and_then(|meta| meta.modified())
                    .ok()
                    .and_then(|at| now.duration_since(at).ok());
                age.is_some_and(|age| age > PATIENCE)
            };
            let is_left = match rest
                .rsplit_once('-')
                .map_or(Liveness::Elsewhere, |(owner, _)| owner_alive(owner))
            {
                Liveness::Alive => false,
                Liveness::Gone => true,
                Liveness::Elsewhere => is_old(),
            };
            removed += usize::from(is_left && fs::remove_file(entry.path()).is_ok());
        }
    }
    removed
}

#[cfg(test)]
mod tests {
    use super::super::process::owner;
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    #[expect(clippy::disallowed_methods, reason = "files have the system's own times")]
    fn what_a_dead_process_left_goes_and_what_a_live_one_writes_stays() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("trials/aa/attempts/1");
        fs::create_dir_all(&deep).unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let mine = owner();
        let dead = mine.replace(&format!("-{}-", std::process::id()), &format!("-{}-", child.id()));
        let names = [
            format!(".tmp-{dead}-abcdef"),
            format!(".tmp-{mine}-abcdef"),
            ".tmp-abcdef".into(),
            "result.json".into(),
        ];
        names.iter().for_each(|name| fs::write(deep.join(name), "x").unwrap());
        let left = || {
            let mut left: Vec<String> = fs::read_dir(&deep)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            left.sort_unstable();
            left
        };
        let now = SystemTime::now();
        assert_eq!(remove_leftovers(root.path(), now), 1);
        assert_eq!(left().len(), 3);
        assert_eq!(remove_leftovers(root.path(), now + PATIENCE + Duration::from_secs(60)), 1);
        assert_eq!(left(), [names[1].clone(), names[3].clone()]);
    }
}
