use super::*;
use crate::cmd::selection::tests::{STORE, printed};

fn args(selector: Option<&str>) -> RunsArgs {
    RunsArgs {
        selector: selector.map(str::to_owned),
        runs: RunsDir { runs: STORE.into() },
        json: Json { json: false },
    }
}

#[test]
fn sweeps_are_listed_with_what_became_of_their_trials() {
    let sweeps: serde_json::Value = serde_json::from_str(&printed(|out| {
        run(RunsArgs { json: Json { json: true }, ..args(None) }, out)
    }))
    .unwrap();
    let sweep = &sweeps[0];
    let counts =
        ["trials", "finished", "failed", "running", "open"].map(|key| sweep[key].as_u64().unwrap());
    assert_eq!((sweep["sweep"].as_str(), counts), (Some("grid"), [3, 1, 1, 1, 0]));
    assert!(sweep["newest"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn the_runs_of_a_sweep_are_listed_in_the_order_of_the_plan() {
    insta::assert_snapshot!(printed(|out| run(args(Some("grid")), out)), @r"
        run                state                                           epochs  best epoch  valid.rmse  skill  seconds  device  seed  assignment
        grid/31d897f497c7  early stopped                                        4           4     0.01562  0.375    3.250  cuda:0     1  train.kind = adam, train.learning_rate = 0.001
        grid/ef53f2eb8e5c  failed: the loss is not a number since epoch 1       1           —           —      —    3.250  flex       2  train.kind = adam, train.learning_rate = 0.001
        grid/6ae5c693e4dd  running                                              1           1       0.125      —        —  flex       3  train.kind = adam, train.learning_rate = 0.001
        ");
}

#[test]
fn an_empty_folder_says_what_to_do() {
    let empty = tempfile::tempdir().unwrap();
    let text = printed(|out| run(RunsArgs { runs: empty.path().into(), ..args(None) }, out));
    assert!(text.starts_with("no sweeps in") && text.contains("kiln sweep FILE.toml"), "{text}");
}
