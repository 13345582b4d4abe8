//! Where a sweep's data file lies: written down when the sweep starts, and found again after a
//! folder was moved.

use std::path::{Component, Path, PathBuf};

use super::manifest;
use evidence::records::DataFile;

/// Where a sweep's data file lies now, for its manifest. `None` where the path is not Unicode or
/// the current folder is gone.
#[must_use]
pub fn data_file(sweep: &Path, path: &Path) -> Option<DataFile> {
    let from_sweep = sweep.canonicalize().ok().zip(path.canonicalize().ok());
    let from_sweep =
        from_sweep.and_then(|(sweep, path)| relative(&sweep, &path)?.to_str().map(str::to_owned));
    Some(DataFile { path: std::path::absolute(path).ok()?.to_str()?.to_owned(), from_sweep })
}

/// Files that may be the data of a sweep's runs, of which `recorded` is the path in their
/// `trial.toml`; the likeliest first. Whether one is, its content tells.
///
/// Looked at are where the sweep was last started with it; the same as seen from the sweep's
/// folder; where the run says; and the end of that path (`data/bars.csv`, `bars.csv`) below every
/// folder that the sweep lies in.
#[must_use]
pub fn data_places(sweep: &Path, recorded: &Path) -> Vec<PathBuf> {
    let mut places = Vec::new();
    let mut add = |place: PathBuf| {
        if place.is_file() && !places.contains(&place) {
            places.push(place);
        }
    };
    if let Some(DataFile { path, from_sweep }) =
        manifest::read(sweep).ok().and_then(|manifest| manifest.origin.data_file)
    {
        add(PathBuf::from(path));
        from_sweep.into_iter().for_each(|path| add(sweep.join(path)));
    }
    add(recorded.to_owned());
    let whole = sweep.canonicalize().unwrap_or_else(|_| sweep.to_owned());
    let parts: Vec<Component> =
        recorded.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    for above in whole.ancestors().skip(1).take(MOST_ABOVE) {
        for start in parts.len().saturating_sub(MOST_PARTS)..parts.len() {
            add(above.join(parts[start..].iter().collect::<PathBuf>()));
        }
    }
    places
}

/// Folders above a sweep's, and parts of a path, that are looked at.
const MOST_ABOVE: usize = 8;
const MOST_PARTS: usize = 8;

/// How one gets from a folder to a file; both absolute and without links.
fn relative(from: &Path, to: &Path) -> Option<PathBuf> {
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    // Nothing in common but the root: they lie in no one project.
    (same > 1).then(|| {
        let up = from[same..].iter().map(|_| Component::ParentDir);
        up.chain(to[same..].iter().copied()).collect()
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::{Origin, SweepFolder, SweepManifest, testing};
    use super::*;

    fn project(folder: &Path) -> (SweepFolder, PathBuf) {
        fs::create_dir_all(folder.join("data")).unwrap();
        let data = folder.join("data/bars.csv");
        fs::write(&data, "bars").unwrap();
        (SweepFolder::create(&folder.join("runs"), "grid").unwrap(), data)
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a person moves the folder")]
    fn a_data_file_is_found_from_a_project_that_was_moved() {
        let root = tempfile::tempdir().unwrap();
        let (here, there) = (root.path().join("here"), root.path().join("deep/er/there"));
        let (sweep, data) = project(&here);
        let recorded = data_file(&sweep.path, &data).unwrap();
        assert_eq!(recorded.from_sweep.as_deref(), Some("../../data/bars.csv"));
        let origin = Origin { data_file: Some(recorded), ..Origin::default() };
        sweep.write_manifest(&SweepManifest { origin, ..testing::manifest(&["a"]) }).unwrap();
        assert_eq!(data_places(&sweep.path, &data)[0], data);
        fs::create_dir_all(there.parent().unwrap()).unwrap();
        fs::rename(&here, &there).unwrap();
        let found = data_places(&there.join("runs/grid"), &data);
        let found: Vec<PathBuf> = found.iter().map(|path| path.canonicalize().unwrap()).collect();
        assert_eq!(found[0], there.join("data/bars.csv").canonicalize().unwrap());
    }

    #[test]
    fn runs_that_recorded_nothing_find_it_by_the_end_of_its_path() {
        let root = tempfile::tempdir().unwrap();
        let (sweep, data) = project(root.path());
        let former = Path::new("/gone/project/data/bars.csv");
        assert_eq!(data_places(&sweep.path, former), [data.canonicalize().unwrap()]);
        assert!(data_places(&sweep.path, Path::new("/gone/other.csv")).is_empty());
    }
}
