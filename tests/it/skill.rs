//! Does it learn, and does nothing leak? On synthetic series whose best possible R² is known.
//!
//! The signal explains a share β² of a return's variance and no linear model can see it (research:
//! R² of an oracle is β², of a linear model 0). A model that learns comes near β²; one that looks
//! into the future goes beyond. The standard deviation of an R² measured on n windows is about
//! 2·√(R²/n); without any signal R² is itself of the order of 1/n, which makes it about 2/n.

use burn_lanes::{Lane, LaneOutcome, Observer, Pack, PackControl, Progress, TrainError};
use kiln::experiment::feature::Feature;
use kiln::experiment::{
    Data, Scale, Scaler, Signal, Source, Split, Synthetic, Target, TargetKind, Volatility,
};
use kiln::market;
use lane_types::{
    DeviceSpec, EpochReport, Head, LaneConfig, LaneControl, LaneState, Loss, OptimizerKind,
    Schedule, Shape,
};

fn data(beta2: f64) -> Data {
    Data {
        source: Source::Synthetic(Synthetic {
            bars: 60_000,
            session: 60_000,
            signal: Signal::Nonlinear,
            beta2,
            sd_bp: 6.0,
            volatility: Volatility::Constant,
            nu: None,
            seed: 11,
        }),
        rows: None,
        bar_seconds: None,
        features: vec![Feature::LogReturn],
        target: Target { horizon: 1, kind: TargetKind::LogReturn },
        window: 3,
        step: 1,
        cross_gaps: false,
        split: Split { valid: 0.3, test: 0.1, embargo: 4, walk_forward: None },
        scale: Scale {
            price: Scaler::Standard,
            volume: Scaler::Standard,
            indicator: Scaler::Standard,
        },
    }
}

/// R² over the validation windows after the last epoch of a fixed, short training, so that the
/// validation windows choose nothing; that of the linear baseline; and the number of windows.
fn r2(beta2: f64) -> (f64, f64, usize) {
    let data = data(beta2);
    let prepared = market::prepare(&data).unwrap();
    let device = burn_lanes::open(DeviceSpec::Flex).unwrap();
    let shape = Shape {
        head: Head::Point,
        features: 1,
        window: data.window,
        hidden: 12,
        layers: 1,
        batch: 128,
        loss: Loss::Mse,
        optimizer: OptimizerKind::Adam,
    };
    let config = LaneConfig {
        epochs: 14,
        learning_rate: 1e-2,
        schedule: Schedule::Cosine {
            warmup_epochs: 0,
            min_learning_rate: 1e-4,
            restart_epochs: None,
        },
        clip_norm: Some(1.0),
        seed: 3,
        ..LaneConfig::default()
    };
    let mut last = Last(None);
    let pack = Pack { shape: shape.clone(), lanes: vec![Lane { config, resume: None, series: 0 }] };
    burn_lanes::train(&device, &[&prepared.series], pack, &mut last).unwrap();
    let weights = last.0.unwrap().weights;
    let ends = &prepared.series.valid;
    let scaled = burn_lanes::predict(&device, &prepared.series, &shape, &weights, ends).unwrap();
    let (mut errors, mut total) = (0.0, 0.0);
    for (&end, scaled) in ends.iter().zip(scaled) {
        let target = prepared.target[end as usize];
        let forecast = prepared.scaling.target.unscale(f64::from(scaled));
        errors += (target - forecast).powi(2);
        total += target.powi(2);
    }
    let baselines =
        market::baselines(&prepared, ends, &market::baseline_forecasts(&data, &prepared, ends));
    let linear = baselines.into_iter().find(|baseline| baseline.name == "linear").unwrap();
    let n = ends.len();
    (1.0 - errors / total, 1.0 - linear.mse * n as f64 / total, n)
}

struct Last(Option<LaneState>);

impl Observer for Last {
    fn epoch(
        &mut self,
        _lane: usize,
        _report: &EpochReport,
        _state: &dyn Fn() -> Result<LaneState, TrainError>,
    ) -> LaneControl {
        LaneControl::Continue
    }

    fn step(&mut self, _progress: &Progress) -> PackControl {
        PackControl::Continue
    }

    fn interrupted(&mut self, _lane: usize, _state: LaneState) {}

    fn ended(&mut self, _lane: usize, outcome: LaneOutcome) {
        self.0 = Some(outcome.state);
    }
}

#[test]
fn a_planted_signal_that_no_linear_model_sees_is_found_and_not_exceeded() {
    let beta2 = 0.05;
    let (r2, linear, n) = r2(beta2);
    let sd = 2.0 * (beta2 / n as f64).sqrt();
    println!("beta² {beta2}: R² {r2:.4}, of a linear model {linear:.4}, sd {sd:.4}, {n} windows");
    assert!(r2 >= 0.6 * beta2, "it learns too little: R² {r2:.4} of {beta2}");
    assert!(r2 <= beta2 + 4.0 * sd, "it knows too much: R² {r2:.4} of {beta2}, sd {sd:.4}");
    assert!(linear < 0.2 * beta2, "the linear model must not see it: R² {linear:.4}");
}

#[test]
fn where_there_is_no_signal_none_is_found() {
    let (r2, _, n) = r2(0.0);
    let sd = 2.0 / n as f64;
    println!("beta² 0: R² {r2:.5}, sd {sd:.5}, {n} windows");
    assert!(r2 <= 3.0 * sd, "something leaks: R² {r2:.5}");
}
