use super::*;
use crate::cmd::selection::tests::{STORE, printed};

fn args(run: &str) -> ShowArgs {
    ShowArgs { run: run.into(), runs: RunsDir { runs: STORE.into() }, json: Json { json: false } }
}

#[test]
fn a_recorded_run_is_shown_in_full() {
    let text = printed(|out| run(args("31d8"), out));
    let (head, rest) = text.split_once("\nsettings\n").unwrap();
    let (settings, rest) = rest.split_once("\nepochs (").unwrap();
    assert!(
        settings.starts_with("[data]\n") && settings.contains("learning_rate = 0.001\n"),
        "{settings}"
    );
    insta::assert_snapshot!(format!("{}epochs ({rest}", head.replace(STORE, "STORE")), @r"
        grid/31d897f497c7: early stopped
        folder: STORE/grid/trials/31d897f497c7
        trial 0, repeat 0, seed 1, attempt 2, cuda:0
        assignment: train.kind = adam, train.learning_rate = 0.001

        warnings
        - the gradient was clipped at every step
        epochs (* is the best by valid.loss)
           epoch  train.loss  valid.loss  train.rmse  valid.rmse  learning rate  seconds  windows/s
               1        0.25         0.5      0.0625       0.125          0.001    0.125      12346
               2       0.125        0.25     0.03125      0.0625          0.001    0.125      12346
               3      0.0625       0.125     0.01562     0.03125          0.001    0.125      12346
        *      4     0.03125      0.0625    0.007812     0.01562          0.001    0.125      12346

        result of attempt 2: best epoch 4 of 4, 3.250 s; windows: 700 train, 200 valid, 100 test
                                    rmse       mae      mse  loss (scaled)  skill
        train                   0.007812  0.003906  0.09375        0.03125      —
        valid                    0.01562  0.007812   0.1875         0.0625  0.375
        persistence (baseline)      0.54       0.2      0.3              —      0

        metrics of the validation forecasts
        metric                           value  interval  unit
        ↓ valid.mse                     0.1875  —         log return²
        ↓ valid.mae                   0.007812  —         log return
        ↓ valid.rmse                   0.01562  —         log return
        ↑ valid.skill                    0.375  —
        ↓ valid.mase                         —  —         × persistence
        ↑ valid.r2                           —  —
        ↑ valid.directional_accuracy         —  —         share
        ↑ valid.ic                           —  —
        ↑ valid.ic_ir                        —  —         per day
        ↑ valid.rank_ic                      —  —
        ↑ valid.rank_ic_ir                   —  —         per day
        no intervals: it was recorded before there were any

        test rows opened at 2026-01-02T03:04:05Z (100 windows)
              rmse  mae  mse  loss (scaled)  skill
        test   0.3  0.2  0.1              —      —
        ");
}

#[test]
fn json_holds_every_epoch() {
    let json: serde_json::Value = serde_json::from_str(&printed(|out| {
        run(ShowArgs { json: Json { json: true }, ..args("31d8") }, out)
    }))
    .unwrap();
    assert_eq!(
        json["epochs"].as_array().map(Vec::len),
        json["result"]["epochs"].as_u64().map(|epochs| epochs as usize)
    );
}

#[test]
fn a_sweep_is_not_a_run() {
    let failure = run(args("grid"), &mut Vec::new());
    assert!(
        matches!(failure, Err(Failure::BadInput(message)) if message.contains("kiln runs grid"))
    );
}

#[test]
fn a_long_training_is_condensed_to_its_ends_its_best_and_steps_between() {
    assert_eq!(condensed(20, Some(3)).len(), 20);
    let kept = condensed(1000, Some(500));
    assert!(kept.len() <= MOST_EPOCHS && kept.len() >= MOST_EPOCHS - 4, "{kept:?}");
    assert!([0, 499, 500, 501, 999].iter().all(|index| kept.contains(index)), "{kept:?}");
    assert_eq!(condensed(1000, None).last(), Some(&999));
    assert!(condensed(30, Some(29)).contains(&29));
}
