//! The wire form of an experiment's settings: what was written, key by key. A setting whose default
//! depends on others, or that belongs to some kinds only, is `None` until it is written.

use lane_types::{DeviceSpec, Levels, Loss, OptimizerKind};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

use super::backtest::WireBacktest;
use super::feature::{Feature, Macd};
use super::settings::{
    BarLabel, Columns, Format, ModelKind, Scale, Scaler, Synthetic, TargetKind, TrainRows,
};
use super::settings::{Signal, Volatility};
use super::timestamps::{TsAmbiguous, TsFormat};
use crate::metric::{Direction, Metric};

/// All keys of a file but `sweep.space` and the list of `sweep.strategy.trials`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wire {
    pub(super) head: Head,
    pub(super) data: WireData,
    pub(super) model: WireModel,
    pub(super) train: WireTrain,
    pub(super) backtest: Option<WireBacktest>,
}

/// What is not a setting of a trial.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Head {
    pub name: Option<String>,
    pub question: Option<String>,
    pub backend: DeviceSpec,
    pub strategy: WireStrategy,
    pub metric: Metric,
    pub direction: Option<Direction>,
    pub repeats: usize,
}

/// `sweep.strategy`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct WireStrategy {
    pub kind: StrategyKind,
    pub trials: Option<usize>,
    pub seed: Option<u64>,
}

/// `sweep.strategy.kind`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StrategyKind {
    #[default]
    Grid,
    Random,
    Sobol,
    List,
}

/// `[data]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WireData {
    pub source: Option<PathBuf>,
    pub synthetic: Option<Synthetic>,
    /// `None`: by the file name's ending.
    pub format: Option<Format>,
    /// Names alone; how timestamps are written stands beside them.
    pub columns: Columns,
    pub ts_format: TsFormat,
    pub ts_ambiguous: TsAmbiguous,
    pub zone: Option<String>,
    pub bar_label: Option<BarLabel>,
    pub bar_seconds: Option<u32>,
    pub rows: Option<usize>,
    pub features: Vec<Feature>,
    pub horizon: usize,
    pub target: TargetKind,
    pub window: usize,
    pub step: usize,
    pub cross_gaps: bool,
    pub split: WireSplit,
    pub scale: Scale,
}

/// `data.split`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct WireSplit {
    pub kind: SplitKind,
    pub valid: Option<f64>,
    pub test: f64,
    pub embargo: Option<usize>,
    pub folds: Option<usize>,
    pub train: Option<TrainRows>,
}

/// `data.split.kind`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SplitKind {
    #[default]
    Holdout,
    WalkForward,
}

/// `[model]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WireModel {
    pub kind: ModelKind,
    pub hidden_size: usize,
    pub num_layers: usize,
    pub dropout: Option<f64>,
    pub head: WireHead,
}

/// `model.head`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct WireHead {
    pub kind: HeadKind,
    pub levels: Option<Levels>,
}

/// `model.head.kind`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum HeadKind {
    #[default]
    Point,
    Quantile,
}

/// `[train]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WireTrain {
    pub epochs: usize,
    pub batch_size: usize,
    pub learning_rate: f64,
    pub loss: Loss,
    pub optimizer: WireOptimizer,
    pub schedule: WireSchedule,
    pub early_stopping: WireStopping,
    pub clip_norm: Option<f64>,
    pub seed: u64,
}

/// `train.optimizer`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct WireOptimizer {
    pub kind: OptimizerKind,
    pub beta1: Option<f64>,
    pub beta2: Option<f64>,
    pub epsilon: Option<f64>,
    pub weight_decay: Option<f64>,
    pub momentum: Option<f64>,
}

/// `train.schedule`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct WireSchedule {
    pub kind: ScheduleKind,
    pub warmup_epochs: Option<usize>,
    pub min_learning_rate: Option<f64>,
    pub step_epochs: Option<usize>,
    pub gamma: Option<f64>,
    pub restart_epochs: Option<usize>,
    pub factor: Option<f64>,
    pub patience: Option<usize>,
}

/// `train.schedule.kind`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ScheduleKind {
    Constant,
    Linear,
    Step,
    Exponential,
    #[default]
    Cosine,
    Noam,
    Plateau,
}

/// `train.early_stopping`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct WireStopping {
    pub switch: Switch,
    pub patience: Option<usize>,
    pub min_delta: Option<f64>,
}

/// Whether a table is given or `false`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Switch {
    On,
    Off,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            name: None,
            question: None,
            backend: DeviceSpec::Auto,
            strategy: WireStrategy::default(),
            metric: Metric::DEFAULT,
            direction: None,
            repeats: 1,
        }
    }
}

impl Default for WireData {
    fn default() -> Self {
        Self {
            source: None,
            synthetic: None,
            format: None,
            columns: Columns::default(),
            ts_format: TsFormat::Auto,
            ts_ambiguous: TsAmbiguous::Infer,
            zone: None,
            bar_label: None,
            bar_seconds: None,
            rows: None,
            features: default_features(),
            horizon: 1,
            target: TargetKind::Price,
            window: 60,
            step: 1,
            cross_gaps: false,
            split: WireSplit::default(),
            scale: DEFAULT_SCALE,
        }
    }
}

impl Default for WireSplit {
    fn default() -> Self {
        Self {
            kind: SplitKind::Holdout,
            valid: None,
            test: 0.1,
            embargo: None,
            folds: None,
            train: None,
        }
    }
}

/// `data.features` unless given.
fn default_features() -> Vec<Feature> {
    vec![
        Feature::Close,
        Feature::Volume,
        Feature::Sma { n: 20 },
        Feature::Rsi { n: 14 },
        Feature::Macd(Macd::STANDARD),
    ]
}

/// `data.scale` unless given.
pub(super) const DEFAULT_SCALE: Scale =
    Scale { price: Scaler::MinMax, volume: Scaler::MinMax, indicator: Scaler::Standard };

/// `data.synthetic = {}`.
pub(super) const DEFAULT_SYNTHETIC: Synthetic = Synthetic {
    bars: 20_000,
    session: 240,
    signal: Signal::Reversal,
    beta2: 0.05,
    sd_bp: 6.0,
    volatility: Volatility::Constant,
    nu: None,
    seed: 1,
};

impl Default for WireModel {
    fn default() -> Self {
        Self {
            kind: ModelKind::Lstm,
            hidden_size: 32,
            num_layers: 2,
            dropout: None,
            head: WireHead::default(),
        }
    }
}

impl Default for WireTrain {
    fn default() -> Self {
        Self {
            epochs: 100,
            batch_size: 32,
            learning_rate: 1e-3,
            loss: Loss::Mse,
            optimizer: WireOptimizer::default(),
            schedule: WireSchedule::default(),
            early_stopping: WireStopping::ON,
            clip_norm: Some(1.0),
            seed: 1,
        }
    }
}

impl WireStopping {
    /// With its defaults.
    pub(crate) const ON: Self = Self { switch: Switch::On, patience: None, min_delta: None };
    /// `false`.
    pub(crate) const OFF: Self = Self { switch: Switch::Off, ..Self::ON };
}
