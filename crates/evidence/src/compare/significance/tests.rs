use super::*;
use crate::compare::group::tests::finished;
use crate::compare::weighing::{Candidate, Settings};
use crate::records::{Forecasts, RunRecord};
use experiment::metric::{Metric, Quantity};
use rand_chacha::rand_core::Rng;

const METRIC: Metric = Metric { split: Split::Valid, quantity: Quantity::Rmse };

/// Roughly normal: the sum of four uniforms.
fn noise(count: usize, index: u64) -> Vec<f64> {
    let mut generator = experiment::seed::generator(3, "significance tests", index);
    let mut uniform = || (generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
    (0..count).map(|_| (0..4).map(|_| uniform()).sum::<f64>() * 3.0_f64.sqrt()).collect()
}

/// Forecasts of a target that is a signal plus noise: so much of the signal, plus noise of
/// their own.
fn forecasts(known: f64, wobble: f64, index: u64) -> Forecasts {
    let (signal, target_noise, own) = (noise(2_000, 1), noise(2_000, 2), noise(2_000, 10 + index));
    Forecasts {
        ts: (0..2_000).collect(),
        target: signal
            .iter()
            .zip(&target_noise)
            .map(|(signal, noise)| 0.3 * signal + noise)
            .collect(),
        forecast: signal
            .iter()
            .zip(&own)
            .map(|(signal, own)| 0.3 * known * signal + wobble * own)
            .collect(),
        baselines: vec![
            ("persistence".to_owned(), vec![0.0; 2_000]),
            ("seasonal".to_owned(), noise(2_000, 5)),
        ],
        ..Forecasts::default()
    }
}

/// With the rows' numbers for names, each row's repeats by the numbers of their runs.
fn weighed(rows: &[Vec<Forecasts>]) -> Option<Significance> {
    let names: Vec<String> = (1..=rows.len()).map(|row| format!("t{row}")).collect();
    let runs: Vec<Vec<RunRecord>> = rows
        .iter()
        .enumerate()
        .map(|(row, repeats)| (0..repeats.len()).map(|repeat| finished(row, repeat, 1.0)).collect())
        .collect();
    let read = |run: &RunRecord, _: Split| {
        Some(rows[run.trial.settings.model.hidden_size][run.trial.repeat].clone())
    };
    let candidates: Vec<Candidate> = (runs.iter())
        .map(|runs| Candidate {
            repeats: runs.iter().map(|run| vec![run]).collect(),
            is_primary: true,
        })
        .collect();
    let found = crate::compare::weighing::weighed(
        &candidates,
        Settings { metric: METRIC, horizon: 1, resamples: 1_000 },
        &read,
    );
    let places: Vec<usize> = (0..rows.len()).collect();
    let count = rows.len();
    let tried =
        Tried { trials: count, weighed: count, shown: count, by_ledger: true, damaged_lines: 0 };
    significance(&found.ok()?, &places, names, Split::Valid, tried)
}

#[test]
fn a_row_that_knows_the_signal_is_crowned_and_stands_apart() {
    let rows =
        vec![vec![forecasts(1.0, 0.02, 0), forecasts(1.0, 0.02, 1)], vec![forecasts(0.0, 0.3, 2)]];
    let found = weighed(&rows).unwrap();
    assert!(found.crowned && found.best_baseline == "persistence", "{found:?}");
    assert_eq!(
        (found.in_set.clone(), found.baselines_in_set.clone()),
        (vec![Some(true), Some(false)], vec![])
    );
    let sentences = found.sentences();
    assert!(sentences[0].starts_with(
        "this is more than chance, the search over 2 trials included: the best is better than \
            persistence (SPA p = "
    ));
    assert!(sentences[0].ends_with("2000 validation windows)"), "{sentences:?}");
    assert_eq!(
        sentences[1..],
        [
            "worse than the best by more than chance: t2 (90 % model confidence set)",
            "better than persistence by more than chance: t1; worse than persistence by more \
                than chance: t2 (Diebold-Mariano, each at 5 % by Holm)"
        ]
    );
}

#[test]
fn what_might_be_the_luck_of_an_epoch_is_not_crowned() {
    let found = weighed(&[vec![forecasts(1.0, 0.02, 0)]]).unwrap();
    assert!(found.crowned);
    let sentences =
        Significance { crowned: false, spa: Some(0.03), diebold_mariano: Some(0.002), ..found }
            .sentences();
    assert!(
        sentences[0]
            .starts_with("this may still be chance: the best seems better than persistence"),
        "{sentences:?}"
    );
    assert!(sentences[0].contains("p of at most 0.01 (SPA p = 0.030, "), "{sentences:?}");
}

#[test]
fn survivors_are_not_crowned() {
    let mut found = weighed(&[vec![forecasts(1.0, 0.02, 0)]]).unwrap();
    assert!(found.crowned);
    found.withhold("2 of 4 seeds".to_owned());
    assert!(!found.crowned);
    let sentence = found.sentences().remove(0);
    assert!(sentence.starts_with("this may be the luck of the seeds that are left"), "{sentence}");
    assert!(sentence.contains("but with 2 of 4 seeds it is not crowned"), "{sentence}");
}

#[test]
fn the_rows_that_stand_apart_are_named_and_long_lists_end() {
    let mut rows = vec![vec![forecasts(1.0, 0.02, 0)], vec![forecasts(1.0, 0.03, 1)]];
    rows.extend((2..10).map(|index| vec![forecasts(0.0, 0.3, index)]));
    let sentences = weighed(&rows).unwrap().sentences();
    assert_eq!(
        sentences[1],
        "worse than the best by more than chance: t3, t4, t5, t6, t7, t8 and 2 more; the other \
            2 cannot be told from the best (90 % model confidence set)"
    );
    assert!(sentences[2].starts_with(
        "better than persistence by more than chance: t1, t2; worse than persistence by \
                more than chance: t3, "
    ));
}

#[test]
fn the_luckiest_of_many_that_know_nothing_is_not_crowned() {
    let mut rows: Vec<Vec<Forecasts>> =
        (0..24).map(|index| vec![forecasts(0.0, 0.02, index)]).collect();
    let mse = |row: &Vec<Forecasts>| -> f64 {
        let Forecasts { target, forecast, .. } = &row[0];
        target.iter().zip(forecast).map(|(target, forecast)| (target - forecast).powi(2)).sum()
    };
    rows.sort_by(|a, b| mse(a).total_cmp(&mse(b)));
    let found = weighed(&rows).unwrap();
    assert!(found.beats && !found.crowned, "{found:?}");
    assert!(found.sentences()[0].starts_with(
        "chance explains that, the search over 24 trials included: the best \
                cannot be told from persistence"
    ));
}

#[test]
fn a_row_that_is_worse_says_so() {
    let found = weighed(&[vec![forecasts(0.0, 0.3, 1)]]).unwrap();
    assert!(!found.beats && !found.crowned);
    assert!(
        found.sentences()[0]
            .starts_with("no row is better than persistence over these windows (SPA p = "),
        "{}",
        found.sentences()[0]
    );
}

#[test]
fn only_common_windows_count_and_too_few_say_nothing() {
    let mut later = forecasts(1.0, 0.0, 0);
    let baselines = later.baselines.iter_mut().map(|(_, forecast)| forecast);
    for column in baselines.chain([&mut later.target, &mut later.forecast]) {
        column.drain(..1_500);
    }
    later.ts.drain(..1_500);
    let rows = [vec![forecasts(1.0, 0.0, 0)], vec![later.clone()]];
    let found = weighed(&rows).unwrap();
    assert_eq!(found.windows, 500);
    later.ts.iter_mut().for_each(|ts| *ts += 480);
    assert_eq!(weighed(&[vec![forecasts(1.0, 0.0, 0)], vec![later]]), None);
    assert_eq!(weighed(&[]), None);
    let bare = Forecasts { baselines: vec![], ..forecasts(1.0, 0.0, 0) };
    assert_eq!(weighed(&[vec![bare]]), None);
}
