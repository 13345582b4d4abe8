mod outcomes;

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::*;

mod folds;

/// What a training told, by lane.
#[derive(Default)]
struct Recorder {
    epochs: BTreeMap<usize, Vec<EpochReport>>,
    ended: BTreeMap<usize, LaneOutcome>,
    interrupted: BTreeMap<usize, LaneState>,
    steps: usize,
    interrupt_after: Option<usize>,
    stop: Option<(usize, usize)>,
    states: Vec<(usize, LaneState)>,
    keep_states: Option<usize>,
}

impl Observer for Recorder {
    fn epoch(
        &mut self,
        lane: usize,
        report: &EpochReport,
        state: &dyn Fn() -> Result<LaneState, TrainError>,
    ) -> LaneControl {
        self.epochs.entry(lane).or_default().push(EpochReport {
            seconds: 0.0,
            windows_per_second: 0.0,
            ..report.clone()
        });
        if self.keep_states == Some(report.epoch) {
            self.states.push((lane, state().unwrap()));
        }
        if self.stop == Some((lane, report.epoch)) {
            LaneControl::Stop
        } else {
            LaneControl::Continue
        }
    }

    fn step(&mut self, progress: &Progress) -> PackControl {
        assert!(progress.step >= 1 && progress.step <= progress.steps && progress.lanes >= 1);
        self.steps += 1;
        if self.interrupt_after == Some(self.steps) {
            PackControl::Interrupt
        } else {
            PackControl::Continue
        }
    }

    fn interrupted(&mut self, lane: usize, state: LaneState) {
        assert!(self.interrupted.insert(lane, state).is_none());
    }

    fn ended(&mut self, lane: usize, outcome: LaneOutcome) {
        assert!(self.ended.insert(lane, outcome).is_none(), "lane {lane} ended twice");
    }
}

/// `x[t] = 0.9 x[t−1] + noise`, one column plus as many of noise; the target is the next value.
fn series(rows: usize, columns: usize, window: usize) -> Series {
    let noise = random::uniform(99, 0, rows * (columns + 1), 0.5);
    let mut value = 0.0;
    let mut features = Vec::new();
    for row in 0..rows {
        value = 0.9 * value + noise[row];
        features.push(value);
        features.extend((1..columns).map(|column| noise[rows * column + row]));
    }
    let mut target: Vec<f32> = (1..rows).map(|row| features[row * columns]).collect();
    target.push(f32::NAN);
    let ends: Vec<u32> = (window as u32 - 1..rows as u32 - 1).collect();
    let (train, valid) = ends.split_at(ends.len() * 3 / 4);
    Series {
        features,
        columns,
        target,
        target_unit: 2.0,
        train: train.to_vec(),
        valid: valid.to_vec(),
    }
}

fn shape(optimizer: OptimizerKind) -> Shape {
    Shape {
        features: 3,
        window: 6,
        hidden: 5,
        layers: 2,
        batch: 7,
        loss: Loss::Mse,
        optimizer,
        head: Head::Point,
    }
}

/// Eight lanes that differ in everything that a lane may have for itself.
fn configs() -> Vec<LaneConfig> {
    (0..8_u32)
        .map(|lane| LaneConfig {
            epochs: 2 + lane as usize % 4,
            learning_rate: 1e-3 * f64::from(1 + lane * lane),
            schedule: match lane % 3 {
                0 => Schedule::Constant,
                1 => Schedule::Cosine {
                    warmup_epochs: 1,
                    min_learning_rate: 1e-5,
                    restart_epochs: None,
                },
                _ => Schedule::Plateau { factor: 0.5, patience: 0, min_learning_rate: 1e-6 },
            },
            weight_decay: if lane % 2 == 0 { 0.0 } else { 0.01 },
            dropout: [0.0, 0.3, 0.5][lane as usize % 3],
            clip_norm: (lane % 4 == 1).then_some(0.05),
            early_stopping: (lane % 3 == 2)
                .then_some(EarlyStopping { patience: 1, min_delta: 0.01 }),
            seed: u64::from(100 + lane / 2),
            ..LaneConfig::default()
        })
        .collect()
}

fn fresh(configs: &[LaneConfig]) -> Vec<Lane> {
    configs.iter().map(|config| Lane { config: config.clone(), resume: None, series: 0 }).collect()
}

fn flex() -> Device {
    open(DeviceSpec::Flex).unwrap()
}

fn trained(series: &Series, shape: &Shape, lanes: Vec<Lane>, mut recorder: Recorder) -> Recorder {
    train(&flex(), &[series], Pack { shape: shape.clone(), lanes }, &mut recorder).unwrap();
    recorder
}

fn assert_same_lane(ours: (&Recorder, usize), theirs: (&Recorder, usize)) {
    assert_eq!(ours.0.epochs.get(&ours.1), theirs.0.epochs.get(&theirs.1));
    assert_same_outcome(&ours.0.ended[&ours.1], &theirs.0.ended[&theirs.1]);
}

fn assert_same_outcome(ours: &LaneOutcome, theirs: &LaneOutcome) {
    assert_eq!(
        (&ours.end, ours.epochs, ours.best_epoch),
        (&theirs.end, theirs.epochs, theirs.best_epoch)
    );
    // Bytes: equal to the bit, zeros' signs included.
    assert!(
        ours.state.to_bytes().unwrap() == theirs.state.to_bytes().unwrap(),
        "the states differ"
    );
}

#[test]
fn a_lane_gets_the_same_bits_alone_and_in_a_pack_of_eight() {
    let series = series(120, 3, 6);
    for optimizer in [OptimizerKind::Adam, OptimizerKind::AdamW, OptimizerKind::Sgd] {
        let together = trained(&series, &shape(optimizer), fresh(&configs()), Recorder::default());
        assert_eq!(together.ended.len(), 8);
        for (lane, config) in configs().into_iter().enumerate() {
            let alone = trained(&series, &shape(optimizer), fresh(&[config]), Recorder::default());
            assert_same_lane((&alone, 0), (&together, lane));
        }
    }
}

#[test]
fn larger_matrices_keep_the_bits_too() {
    let series = series(700, 5, 20);
    let shape = Shape {
        features: 5,
        window: 20,
        hidden: 64,
        layers: 2,
        batch: 256,
        ..shape(OptimizerKind::Adam)
    };
    let configs: Vec<_> = (0..5)
        .map(|seed| LaneConfig { seed, clip_norm: Some(0.1), ..LaneConfig::default() })
        .collect();
    let together = trained(&series, &shape, fresh(&configs), Recorder::default());
    for (lane, config) in configs.into_iter().enumerate() {
        let alone = trained(&series, &shape, fresh(&[config]), Recorder::default());
        assert_same_lane((&alone, 0), (&together, lane));
    }
}

#[test]
fn the_order_of_the_lanes_does_not_matter() {
    let series = series(90, 3, 6);
    let shape = shape(OptimizerKind::Adam);
    let forwards = trained(&series, &shape, fresh(&configs()), Recorder::default());
    let reversed: Vec<_> = configs().into_iter().rev().collect();
    let backwards = trained(&series, &shape, fresh(&reversed), Recorder::default());
    for lane in 0..8 {
        assert_same_lane((&forwards, lane), (&backwards, 7 - lane));
    }
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let series = series(400, 5, 20);
    let shape = Shape {
        features: 5,
        window: 20,
        hidden: 32,
        layers: 2,
        batch: 128,
        ..shape(OptimizerKind::Adam)
    };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| trained(&series, &shape, fresh(&configs()), Recorder::default()))
    };
    let (one, four) = (run(1), run(4));
    for lane in 0..8 {
        assert_same_lane((&one, lane), (&four, lane));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    #[test]
    fn an_interrupted_training_goes_on_as_if_nothing_had_been(
        at in 1_usize..60,
        again in 1_usize..60,
        kind in prop::sample::select(vec![OptimizerKind::Adam, OptimizerKind::Sgd]),
    ) {
        let series = series(120, 3, 6);
        let shape = shape(kind);
        let undisturbed = trained(&series, &shape, fresh(&configs()), Recorder::default());

        let mut lanes: Vec<(usize, Lane)> = fresh(&configs()).into_iter().enumerate().collect();
        let mut epochs: BTreeMap<usize, Vec<EpochReport>> = BTreeMap::new();
        let mut ended = BTreeMap::new();
        for interrupt_after in [Some(at), Some(again), None] {
            let given = lanes.iter().map(|(_, lane)| lane.clone()).collect();
            let recorder = trained(
                &series,
                &shape,
                given,
                Recorder { interrupt_after, ..Recorder::default() },
            );
            for (lane, reports) in recorder.epochs {
                epochs.entry(lanes[lane].0).or_default().extend(reports);
            }
            for (lane, outcome) in recorder.ended {
                prop_assert!(ended.insert(lanes[lane].0, outcome).is_none());
            }
            lanes = recorder
                .interrupted
                .into_iter()
                .map(|(lane, state)| {
                    let state = LaneState::from_bytes(&state.to_bytes().unwrap()).unwrap();
                    (
                        lanes[lane].0,
                        Lane {
                            config: lanes[lane].1.config.clone(),
                            resume: Some(state),
                            series: 0,
                        },
                    )
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

#[test]
fn a_state_taken_at_an_epochs_end_goes_on_with_lanes_of_other_epochs() {
    let series = series(120, 3, 6);
    let shape = shape(OptimizerKind::Adam);
    let config = LaneConfig { epochs: 4, dropout: 0.2, ..LaneConfig::default() };
    let undisturbed = trained(
        &series,
        &shape,
        fresh(std::slice::from_ref(&config)),
        Recorder { keep_states: Some(2), ..Recorder::default() },
    );
    let (_, state) = undisturbed.states[0].clone();
    assert_eq!((state.epoch, state.cursor), (2, 0));
    let lanes = vec![
        Lane { config: config.clone(), resume: None, series: 0 },
        Lane { config, resume: Some(state), series: 0 },
    ];
    let resumed = trained(&series, &shape, lanes, Recorder::default());
    assert_eq!(resumed.epochs[&1], undisturbed.epochs[&0][2..]);
    assert_same_outcome(&resumed.ended[&1], &undisturbed.ended[&0]);
    assert_same_lane((&resumed, 0), (&undisturbed, 0));
}

#[test]
fn a_state_saved_just_before_an_early_stop_ends_at_once_when_it_goes_on() {
    let series = series(120, 3, 6);
    let shape = shape(OptimizerKind::Sgd);
    let rule = Some(EarlyStopping { patience: 1, min_delta: 10.0 });
    let config = LaneConfig { epochs: 9, early_stopping: rule, ..LaneConfig::default() };
    let undisturbed = trained(
        &series,
        &shape,
        fresh(std::slice::from_ref(&config)),
        Recorder { keep_states: Some(2), ..Recorder::default() },
    );
    assert_eq!(undisturbed.ended[&0].end, LaneEnd::EarlyStopped);
    assert_eq!((undisturbed.ended[&0].epochs, undisturbed.ended[&0].best_epoch), (2, 1));
    let resume = Some(undisturbed.states[0].1.clone());
    let resumed =
        trained(&series, &shape, vec![Lane { config, resume, series: 0 }], Recorder::default());
    assert_eq!(resumed.steps, 0);
    assert_same_outcome(&resumed.ended[&0], &undisturbed.ended[&0]);
}

#[test]
fn a_stopped_lane_ends_and_the_others_do_not_notice() {
    let series = series(120, 3, 6);
    let shape = shape(OptimizerKind::Adam);
    let configs: Vec<_> =
        (0..3).map(|seed| LaneConfig { epochs: 4, seed, ..LaneConfig::default() }).collect();
    let free = trained(&series, &shape, fresh(&configs), Recorder::default());
    let stopped = trained(
        &series,
        &shape,
        fresh(&configs),
        Recorder { stop: Some((1, 2)), ..Recorder::default() },
    );
    assert_eq!((&stopped.ended[&1].end, stopped.ended[&1].epochs), (&LaneEnd::Stopped, 2));
    assert_eq!(stopped.epochs[&1], free.epochs[&1][..2]);
    assert_same_lane((&stopped, 0), (&free, 0));
    assert_same_lane((&stopped, 2), (&free, 2));
}

#[test]
fn a_diverging_lane_ends_with_the_reason_and_the_others_do_not_notice() {
    let series = series(120, 3, 6);
    let shape = shape(OptimizerKind::Sgd);
    let calm = LaneConfig { epochs: 3, ..LaneConfig::default() };
    let wild = LaneConfig { learning_rate: 1e30, ..calm.clone() };
    let run = trained(&series, &shape, fresh(&[wild, calm.clone()]), Recorder::default());
    let LaneEnd::Diverged { epoch: 1, what } = &run.ended[&0].end else {
        panic!("{:?}", run.ended[&0].end)
    };
    assert!(what.starts_with("training loss is "), "{what}");
    assert_eq!(run.ended[&0].best_epoch, 0);
    assert!(run.ended[&0].state.best.is_none() && !run.epochs.contains_key(&0));
    let alone = trained(&series, &shape, fresh(&[calm]), Recorder::default());
    assert_same_lane((&run, 1), (&alone, 0));
}

#[test]
fn what_does_not_fit_is_refused_with_the_reason() {
    let good = series(60, 3, 6);
    let shape = shape(OptimizerKind::Adam);
    let refusal = |series: &Series, shape: &Shape, lanes: Vec<Lane>| {
        let pack = Pack { shape: shape.clone(), lanes };
        train(&flex(), &[series], pack, &mut Recorder::default()).unwrap_err().to_string()
    };
    let lanes = || fresh(&[LaneConfig::default()]);
    assert!(refusal(&good, &Shape { hidden: 0, ..shape.clone() }, lanes()).contains("hidden is 0"));
    assert!(
        refusal(&good, &Shape { features: 4, ..shape.clone() }, lanes())
            .contains("3 feature columns, the models take 4")
    );
    assert!(
        refusal(&Series { valid: vec![], ..good.clone() }, &shape, lanes())
            .contains("no validation windows")
    );
    assert!(
        refusal(&Series { train: vec![4], ..good.clone() }, &shape, lanes())
            .contains("ends at row 4")
    );
    assert!(
        refusal(&Series { train: vec![60], ..good.clone() }, &shape, lanes())
            .contains("ends at row 60")
    );
    assert!(
        refusal(&Series { train: vec![59], ..good.clone() }, &shape, lanes())
            .contains("no finite target")
    );
    let dropout = LaneConfig { dropout: 1.0, ..LaneConfig::default() };
    assert!(refusal(&good, &shape, fresh(&[dropout])).contains("lane 0: dropout is 1"));
    let rate = LaneConfig { learning_rate: f64::NAN, ..LaneConfig::default() };
    assert!(refusal(&good, &shape, fresh(&[rate])).contains("learning rate is NaN"));

    let interrupted = trained(
        &good,
        &shape,
        lanes(),
        Recorder { interrupt_after: Some(1), ..Recorder::default() },
    );
    let state = interrupted.interrupted[&0].clone();
    let at_one = Lane { config: LaneConfig::default(), resume: Some(state.clone()), series: 0 };
    assert!(
        refusal(&good, &Shape { hidden: 6, ..shape.clone() }, vec![at_one.clone()])
            .contains("lane 0 cannot go on")
    );
    let beyond = Lane { resume: Some(LaneState { cursor: 9, ..state.clone() }), ..at_one.clone() };
    assert!(
        refusal(&good, &shape, vec![at_one.clone(), beyond])
            .contains("lane 1 cannot go on: the state stands at batch 9 of an epoch of 6")
    );
    let elsewhere = Lane { series: 1, ..at_one };
    assert!(
        refusal(&good, &shape, vec![elsewhere]).contains("lane 0 trains on series 1, there are 1")
    );
    assert!(predict(&flex(), &good, &Shape { layers: 1, ..shape }, &state.weights, &[10]).is_err());
}

#[test]
fn a_pack_without_lanes_is_done_at_once() {
    let run =
        trained(&series(60, 3, 6), &shape(OptimizerKind::Adam), Vec::new(), Recorder::default());
    assert!(run.ended.is_empty() && run.steps == 0);
}

#[cfg(feature = "ndarray")]
#[test]
fn ndarray_keeps_a_lanes_bits_and_agrees_with_flex() {
    let series = series(120, 3, 6);
    let shape = shape(OptimizerKind::Adam);
    let run = |device: &Device, configs: &[LaneConfig]| {
        let mut recorder = Recorder::default();
        train(
            device,
            &[&series],
            Pack { shape: shape.clone(), lanes: fresh(configs) },
            &mut recorder,
        )
        .unwrap();
        recorder
    };
    let ndarray = open(DeviceSpec::NdArray).unwrap();
    let together = run(&ndarray, &configs());
    let flex = run(&flex(), &configs());
    for (lane, config) in configs().into_iter().enumerate() {
        assert_same_lane((&run(&ndarray, &[config]), 0), (&together, lane));
        let (ours, theirs) =
            (together.epochs[&lane][0].valid.loss, flex.epochs[&lane][0].valid.loss);
        assert!((ours - theirs).abs() < 1e-3 * theirs, "lane {lane}: {ours} is not {theirs}");
    }
}
