//! What the store's tests write.

use super::{AttemptInfo, RunFolder, SweepFolder};
use experiment::event::Event;

pub(super) use evidence::records::testing::*;

pub(super) fn info() -> AttemptInfo {
    AttemptInfo::of_this_process("flex".into(), vec!["kiln".into(), "worker".into()], AT.into())
}

/// A sweep with one finished run: two epochs, a checkpoint, best weights, a scaling, forecasts and
/// a result.
pub(super) fn finished() -> (tempfile::TempDir, RunFolder) {
    let root = tempfile::tempdir().unwrap();
    let sweep = SweepFolder::create(root.path(), "grid").unwrap();
    let trial = trial(1);
    sweep.write_manifest(&manifest(&[&trial.id.0])).unwrap();
    let run = sweep.create_run(&trial).unwrap();
    let mut attempt = run.start_attempt(&info()).unwrap();
    attempt.scaling("{\"columns\":[]}").unwrap();
    for event in events(2) {
        if let Event::Checkpoint(cursor) = event {
            attempt.checkpoint(cursor, b"a state", Some(b"the best weights")).unwrap();
        }
        attempt.append(AT.into(), event).unwrap();
    }
    attempt.forecasts("valid", &forecasts(&[1, 2])).unwrap();
    attempt.publish(&result(1)).unwrap();
    (root, run)
}

/// An empty run's folder.
pub(super) fn run() -> tempfile::TempDir {
    let run = tempfile::tempdir().unwrap();
    std::fs::create_dir(run.path().join("attempts")).unwrap();
    run
}
