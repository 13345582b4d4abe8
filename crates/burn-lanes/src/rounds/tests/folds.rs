//! Lanes that train on different series: the folds of a walk-forward split.

use super::*;

/// An expanding window over one series: each fold sees more rows, ends its epoch with another
/// batch, and has a scale of its own.
fn folds() -> Vec<Series> {
    let whole = series(150, 3, 6);
    let ends: Vec<u32> = (5..149).collect();
    [(41, 20, 1.0), (62, 20, 0.5), (62, 13, 3.0), (105, 20, 2.0)]
        .into_iter()
        .map(|(train, valid, scale)| Series {
            features: whole.features.iter().map(|x| x * scale).collect(),
            target: whole.target.iter().map(|x| x * scale).collect(),
            target_unit: f64::from(2.0 / scale),
            train: ends[..train].to_vec(),
            valid: ends[train + 7..train + 7 + valid].to_vec(),
            ..whole.clone()
        })
        .collect()
}

/// Eight lanes that differ in everything, two a fold.
fn lanes() -> Vec<Lane> {
    configs()
        .into_iter()
        .enumerate()
        .map(|(index, config)| Lane { config, resume: None, series: index % 4 })
        .collect()
}

fn trained_on(
    series: &[Series],
    shape: &Shape,
    lanes: Vec<Lane>,
    mut recorder: Recorder,
) -> Recorder {
    let series: Vec<&Series> = series.iter().collect();
    train(&flex(), &series, Pack { shape: shape.clone(), lanes }, &mut recorder).unwrap();
    recorder
}

#[test]
fn a_fold_gets_the_same_bits_alone_and_in_a_pack_with_the_others() {
    for (optimizer, batch) in
        [(OptimizerKind::Adam, 7), (OptimizerKind::AdamW, 32), (OptimizerKind::Sgd, 200)]
    {
        let shape = Shape { batch, ..shape(optimizer) };
        let together = trained_on(&folds(), &shape, lanes(), Recorder::default());
        assert_eq!(together.ended.len(), 8);
        for (index, lane) in lanes().into_iter().enumerate() {
            // Its own series alone, as if there were no folds.
            let own = &folds()[lane.series];
            let alone = trained(own, &shape, vec![Lane { series: 0, ..lane }], Recorder::default());
            assert_same_lane((&alone, 0), (&together, index));
        }
    }
}

#[test]
fn the_order_of_folds_and_lanes_does_not_matter() {
    let shape = shape(OptimizerKind::Adam);
    let forwards = trained_on(&folds(), &shape, lanes(), Recorder::default());
    let series: Vec<Series> = folds().into_iter().rev().collect();
    let lanes =
        lanes().into_iter().rev().map(|lane| Lane { series: 3 - lane.series, ..lane }).collect();
    let backwards = trained_on(&series, &shape, lanes, Recorder::default());
    for lane in 0..8 {
        assert_same_lane((&forwards, lane), (&backwards, 7 - lane));
    }
}

#[test]
fn every_batch_of_every_fold_is_a_step_and_the_last_is_never_dropped() {
    let shape = shape(OptimizerKind::Adam);
    // Full batches of 7: 5, 8, 8 and 15; then one of 6 for the first three together. 105 is a
    // multiple of 7.
    let lanes =
        (0..4).map(|series| Lane { config: LaneConfig::default(), resume: None, series }).collect();
    let run = trained_on(&folds(), &shape, lanes, Recorder::default());
    assert_eq!(run.steps, 15 + 1);
    let steps: Vec<u64> = (0..4).map(|lane| run.ended[&lane].state.steps).collect();
    assert_eq!(steps, [6, 9, 9, 15]);
}

#[test]
fn a_fold_that_ends_early_leaves_the_others_as_they_are() {
    let shape = shape(OptimizerKind::Adam);
    let config = LaneConfig { epochs: 4, ..LaneConfig::default() };
    let lanes: Vec<Lane> =
        (0..4).map(|series| Lane { config: config.clone(), resume: None, series }).collect();
    let free = trained_on(&folds(), &shape, lanes.clone(), Recorder::default());
    let stopped =
        trained_on(&folds(), &shape, lanes, Recorder { stop: Some((3, 2)), ..Recorder::default() });
    assert_eq!((&stopped.ended[&3].end, stopped.ended[&3].epochs), (&LaneEnd::Stopped, 2));
    for lane in 0..3 {
        assert_same_lane((&stopped, lane), (&free, lane));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    /// A lane that waits for the others stands at another batch than they do when it is
    /// interrupted.
    #[test]
    fn interrupted_folds_go_on_as_if_nothing_had_been(
        at in 1_usize..60,
        again in 1_usize..60,
    ) {
        let shape = shape(OptimizerKind::Adam);
        let undisturbed = trained_on(&folds(), &shape, lanes(), Recorder::default());
        let mut given: Vec<(usize, Lane)> = lanes().into_iter().enumerate().collect();
        let mut epochs: BTreeMap<usize, Vec<EpochReport>> = BTreeMap::new();
        let mut ended = BTreeMap::new();
        for interrupt_after in [Some(at), Some(again), None] {
            let pack = given.iter().map(|(_, lane)| lane.clone()).collect();
            let recorder = trained_on(
                &folds(),
                &shape,
                pack,
                Recorder { interrupt_after, ..Recorder::default() },
            );
            for (lane, reports) in recorder.epochs {
                epochs.entry(given[lane].0).or_default().extend(reports);
            }
            for (lane, outcome) in recorder.ended {
                prop_assert!(ended.insert(given[lane].0, outcome).is_none());
            }
            given = recorder
                .interrupted
                .into_iter()
                .map(|(lane, state)| {
                    let state = LaneState::from_bytes(&state.to_bytes().unwrap()).unwrap();
                    (given[lane].0, Lane { resume: Some(state), ..given[lane].1.clone() })
                })
                .collect();
        }
        prop_assert_eq!(&epochs, &undisturbed.epochs);
        prop_assert_eq!(ended.len(), 8);
        for (lane, outcome) in &ended {
            assert_same_outcome(outcome, &undisturbed.ended[lane]);
        }
    }
}
