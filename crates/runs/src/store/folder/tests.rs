use std::fs;

use super::super::testing;
use super::*;

#[test]
fn a_name_that_is_a_path_or_a_hidden_file_makes_no_folder() {
    let root = tempfile::tempdir().unwrap();
    for name in [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "/abs",
        "a\\b",
        ".hidden",
        "-rf",
        "a\nb",
        "a\u{1b}[31m",
        &"x".repeat(101),
    ] {
        assert!(SweepFolder::create(root.path(), name).is_err(), "{name:?}");
    }
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    assert!(SweepFolder::create(&root.path().join("new/root"), "grid-2.b_é").is_ok());
}

#[test]
fn a_run_is_made_once_and_found_again() {
    let root = tempfile::tempdir().unwrap();
    let sweep = SweepFolder::create(root.path(), "grid").unwrap();
    let trials: Vec<Trial> = (0..5).map(testing::trial).collect();
    assert!(sweep.run(&trials[0].id).is_err());
    sweep.create_run(&trials[0]).unwrap();
    let runs = sweep.create_runs(&trials).unwrap().runs;
    for (run, trial) in runs.iter().zip(&trials) {
        assert_eq!(run.trial().unwrap(), *trial);
        assert_eq!(sweep.run(&trial.id).unwrap().path, run.path);
    }
}

/// Of ext4 each sync is a commit of its journal: 10,000 trials took 25 to 70 seconds. A sync of
/// the whole file system waits for what others write: 1 to 5 seconds.
#[test]
fn runs_are_made_without_the_disk_and_brought_there_before_their_first_attempt() {
    let syncs = |count: usize| {
        let root = tempfile::tempdir().unwrap();
        let sweep = SweepFolder::create(root.path(), "grid").unwrap();
        let trials: Vec<Trial> = (0..count).map(testing::trial).collect();
        let syncs = files::syncs::syncs_of(|| drop(sweep.create_runs(&trials).unwrap()));
        for trial in &trials {
            assert_eq!(sweep.run(&trial.id).unwrap().trial().unwrap(), *trial);
            assert_eq!(
                fs::read_dir(sweep.run_path(&trial.id).unwrap()).unwrap().count(),
                1,
                "no temporary file stays"
            );
        }
        let run = sweep.run(&trials[0].id).unwrap();
        let started = files::syncs::syncs_of(|| drop(run.start_attempt(&testing::info()).unwrap()));
        let again = files::syncs::syncs_of(|| drop(run.start_attempt(&testing::info()).unwrap()));
        // The trial, the run's folder, the folder of all runs, and the name of the folder of
        // attempts.
        assert_eq!(started - again, 4);
        syncs
    };
    assert_eq!((syncs(1), syncs(200)), (0, 0));
}

#[test]
fn of_runs_made_at_once_by_several_each_is_made_once() {
    let root = tempfile::tempdir().unwrap();
    let sweep = SweepFolder::create(root.path(), "grid").unwrap();
    let trials: Vec<Trial> = (0..60).map(testing::trial).collect();
    let start = std::sync::Barrier::new(3);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                start.wait();
                assert_eq!(sweep.create_runs(&trials).unwrap().runs.len(), 60);
            });
        }
    });
    let mut other = trials.clone();
    other[7].settings.model.hidden_size += 1;
    let refused = sweep.create_runs(&other).unwrap().refused;
    assert!(
        refused.len() == 1 && refused[0].1.contains("settings.model.hidden_size is"),
        "{refused:?}"
    );
}

#[test]
fn a_damaged_trial_is_written_anew_and_one_of_other_settings_is_refused_alone() {
    let root = tempfile::tempdir().unwrap();
    let sweep = SweepFolder::create(root.path(), "grid").unwrap();
    let trials: Vec<Trial> = (0..4).map(testing::trial).collect();
    sweep.create_runs(&trials).unwrap();
    let file = |index: usize| trial_file::path_in(&sweep.run(&trials[index].id).unwrap().path);
    let whole = fs::read(file(0)).unwrap();
    fs::write(file(0), b"v = 1\n").unwrap();
    fs::write(file(1), whole.as_slice()).unwrap();
    fs::remove_file(file(2)).unwrap();
    fs::create_dir(file(2)).unwrap();
    let made = sweep.create_runs(&trials).unwrap();
    assert_eq!(fs::read(file(0)).unwrap(), whole);
    assert_eq!(fs::read(file(0).with_file_name("trial.toml.damaged")).unwrap(), b"v = 1\n");
    assert_eq!(made.runs.len(), 2);
    assert!(
        made.repaired.len() == 1 && made.repaired[0].contains("it was written anew"),
        "{:?}",
        made.repaired
    );
    let refused: Vec<_> =
        made.refused.iter().map(|(id, why)| (id, why.contains("trial.toml"))).collect();
    assert_eq!(refused, [(&trials[1].id, true), (&trials[2].id, true)]);
}

#[test]
fn an_empty_trial_is_filled_without_a_word_unless_an_attempt_was_made_at_it() {
    let root = tempfile::tempdir().unwrap();
    let sweep = SweepFolder::create(root.path(), "grid").unwrap();
    let trials: Vec<Trial> = (0..3).map(testing::trial).collect();
    sweep.create_runs(&trials).unwrap();
    let run = |index: usize| sweep.run(&trials[index].id).unwrap();
    drop(run(2).start_attempt(&testing::info()).unwrap());
    for (index, left) in [b"".as_slice(), &[0; 900], b""].into_iter().enumerate() {
        fs::write(trial_file::path_in(&run(index).path), left).unwrap();
    }
    let made = sweep.create_runs(&trials).unwrap();
    assert_eq!((made.runs.len(), made.refused.len()), (3, 0));
    assert!(
        made.repaired.len() == 1 && made.repaired[0].contains("trial.toml: is empty"),
        "{:?}",
        made.repaired
    );
    (0..3).for_each(|index| assert_eq!(run(index).trial().unwrap(), trials[index]));
}

#[test]
fn a_folder_whose_trial_was_never_written_gets_it() {
    let root = tempfile::tempdir().unwrap();
    let sweep = SweepFolder::create(root.path(), "grid").unwrap();
    let trial = testing::trial(1);
    fs::create_dir(sweep.path.join("trials").join(&trial.id.0)).unwrap();
    assert_eq!(sweep.create_run(&trial).unwrap().trial().unwrap(), trial);
}

#[test]
fn attempts_started_at_once_never_share_a_folder() {
    let root = tempfile::tempdir().unwrap();
    let run =
        SweepFolder::create(root.path(), "grid").unwrap().create_run(&testing::trial(1)).unwrap();
    let mut numbers: Vec<u32> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| run.start_attempt(&testing::info()).unwrap().number))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
}
