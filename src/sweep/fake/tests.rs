use super::*;
use lane_types::{EarlyStopping, LaneConfig, Loss, Observation, OptimizerKind};

use experiment::event::{Event, Line, VERSION};
use runs::store::RunProgress;

/// Keeps what it is told.
#[derive(Default)]
struct Told {
    reports: Vec<EpochReport>,
    ended: Option<LaneOutcome>,
}

impl Observer for Told {
    fn epoch(
        &mut self,
        _: usize,
        report: &EpochReport,
        _: &dyn Fn() -> Result<LaneState, TrainError>,
    ) -> LaneControl {
        self.reports.push(report.clone());
        LaneControl::Continue
    }
    fn step(&mut self, _: &Progress) -> PackControl {
        PackControl::Continue
    }
    fn interrupted(&mut self, _: usize, _: LaneState) {}
    fn ended(&mut self, _: usize, outcome: LaneOutcome) {
        self.ended = Some(outcome);
    }
}

fn shape() -> Shape {
    Shape {
        features: 1,
        window: 2,
        hidden: 8,
        layers: 1,
        batch: 4,
        loss: Loss::Mse,
        optimizer: OptimizerKind::Adam,
        head: Head::Point,
    }
}

fn trained(rule: EarlyStopping) -> Told {
    let config =
        LaneConfig { epochs: 40, early_stopping: Some(rule), seed: 1, ..LaneConfig::default() };
    let series = Series { target_unit: 1.0, ..Series::default() };
    let pack = Pack { shape: shape(), lanes: vec![Lane { config, resume: None, series: 0 }] };
    let mut told = Told::default();
    FakeTrainer::default().train(&[&series], pack, &mut told).unwrap();
    told
}

/// The trainer, this one and the fold of events agree on which epoch's weights are kept, also
/// where a fall is too small to count.
#[test]
fn the_weights_that_are_kept_are_those_of_the_trainers_own_rule() {
    for min_delta in [0.0, 0.005, 0.03] {
        let rule = EarlyStopping { patience: 3, min_delta };
        let Told { reports, ended } = trained(rule);
        let outcome = ended.unwrap();
        let mut stop = StopState::default();
        let stopped = reports.iter().position(|report| {
            stop.observe(Some(&rule), report.epoch, report.valid.loss) == Observation::Stop
        });
        assert_eq!(
            (outcome.end, stopped),
            (LaneEnd::EarlyStopped, Some(reports.len() - 1)),
            "{min_delta}"
        );
        assert_eq!(outcome.best_epoch, stop.best_epoch);
        let mut progress = RunProgress::default();
        for (seq, report) in (0..).zip(&reports) {
            progress.fold(
                1,
                &Line { v: VERSION, seq, at: String::new(), event: Event::Epoch(report.clone()) },
            );
        }
        assert_eq!(progress.best().unwrap().epoch, outcome.best_epoch, "{min_delta}");
        let lowest =
            reports.iter().min_by(|a, b| a.valid.loss.total_cmp(&b.valid.loss)).unwrap().epoch;
        assert_eq!(lowest == outcome.best_epoch, min_delta == 0.0, "{min_delta}");
    }
}

#[test]
fn forecasts_have_the_error_that_the_best_epoch_reports() {
    let outcome = trained(EarlyStopping { patience: 3, min_delta: 0.03 }).ended.unwrap();
    let series = Series { target: vec![0.5, -0.25, 0.0, 1.0], ..Series::default() };
    let forecasts = FakeTrainer::default()
        .predict(&series, &shape(), outcome.state.best.as_ref().unwrap(), &[0, 1, 2, 3])
        .unwrap();
    let mse =
        forecasts.iter().zip(&series.target).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>()
            / 4.0;
    let stated = outcome.state.stop.best.unwrap();
    assert!((mse / stated - 1.0).abs() < 1e-5, "{mse} {stated}");
}
