use super::*;

const PRICE: Target = Target { horizon: 2, kind: TargetKind::Price };

#[expect(clippy::single_range_in_vec_init, reason = "one run is what is meant")]
fn traded() -> TradedBars {
    let close: Vec<f64> = (0..8).map(|bar| 100.0 + f64::from(bar)).collect();
    TradedBars::new(
        &[0, 1, 2, 3, 4, 5, 6, 7].map(|bar| bar * 60_000_000_000),
        &[0; 8],
        &close,
        &close,
        &[0..8],
        60,
    )
}

#[test]
fn forecasts_lie_on_their_own_bars_up_to_the_last_target() {
    let minute = 60_000_000_000;
    let (first, laid) =
        lay(&traded(), &PRICE, &[(3 * minute, 105.0, 7.0), (minute, 103.0, 9.0)]).unwrap();
    assert_eq!(first, 1);
    let defined: Vec<Option<f64>> =
        laid.iter().map(|value| (!value.is_nan()).then_some(*value)).collect();
    assert_eq!(defined, [Some(9.0), None, Some(7.0), None, None]);
    let log_return = Target { kind: TargetKind::LogReturn, ..PRICE };
    assert!(lay(&traded(), &log_return, &[(minute, (103.0_f64 / 101.0).ln(), 0.0)]).is_ok());
}

#[test]
fn the_folds_of_an_assignment_are_one_stretch_where_they_were_validated() {
    let run = |rate: f64, seed: u64, fold: Option<usize>| {
        let text = "[data]\nsynthetic = { bars = 1000 }\nsplit = \
            { kind = \"walk_forward\", folds = 2 }\n";
        let experiment =
            experiment::Experiment::parse(std::path::Path::new("x.toml"), text, &[]).unwrap();
        let mut settings = experiment.base.of_fold(fold.unwrap_or(0));
        (settings.train.learning_rate, settings.train.seed) = (rate, seed);
        if fold.is_none() {
            settings.data.split.walk_forward = None;
        }
        runs::store::RunRecord {
            folder: "runs/a/trials/0".into(),
            trial: experiment::trial::Trial {
                id: TrialId::of(&settings, ""),
                index: 0,
                repeat: 0,
                assignment: Default::default(),
                settings,
                backtest: None,
            },
            progress: Default::default(),
            result: None,
            evaluations: vec![],
            damage: vec![],
            current: true,
            seeds: None,
        }
    };
    let runs = [
        run(0.1, 1, Some(1)),
        run(0.2, 1, Some(0)),
        run(0.1, 1, Some(0)),
        run(0.1, 2, Some(0)),
        run(0.1, 1, None),
        run(0.1, 1, None),
    ];
    let folds = |split| -> Vec<Vec<Option<usize>>> {
        stretches(&runs, split)
            .into_iter()
            .map(|runs| runs.iter().map(|run| run.trial.fold()).collect())
            .collect()
    };
    let valid = [vec![Some(0), Some(1)], vec![Some(0)], vec![Some(0)], vec![None], vec![None]];
    assert_eq!(folds(TradedSplit::Valid), valid);
    assert_eq!(folds(TradedSplit::Test).len(), 6);
}

#[test]
fn forecasts_that_are_one_bar_off_are_refused() {
    let minute = 60_000_000_000;
    for row in [(minute, 104.0, 9.0), (minute + 1, 103.0, 9.0), (6 * minute, 108.0, 9.0)] {
        assert!(
            lay(&traded(), &PRICE, &[row]).unwrap_err().contains("not of these bars"),
            "{row:?}"
        );
    }
}

#[test]
fn forecasts_that_keep_within_gaps_are_not_held_over_them() {
    let experiment = experiment::Experiment::parse(
        std::path::Path::new("x.toml"),
        "[data]\nsynthetic = {}\n",
        &[],
    );
    let mut data = experiment.unwrap().base.data;
    assert_eq!(flat_before(FlatAt::Auto, &data), (FlatAt::Gap, Gap::Break));
    assert_eq!(flat_before(FlatAt::Never, &data).1, Gap::None);
    data.cross_gaps = true;
    assert_eq!(flat_before(FlatAt::Auto, &data), (FlatAt::Never, Gap::None));
    assert_eq!(
        (flat_before(FlatAt::Gap, &data).1, flat_before(FlatAt::SessionEnd, &data).1),
        (Gap::Break, Gap::Session)
    );
}
