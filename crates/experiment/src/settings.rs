//! The settings of a trial, validated: every value is in range, every name is known, every pair
//! fits together.
//!
//! The wire form (what a person may write) is in [`super::wire`]; the way from one to the other,
//! with its diagnostics, in [`super::validate`]. `trial.toml` is this type, serialised.

#![expect(missing_docs, reason = "keys of the file: `key` documents them")]

use lane_types::{EarlyStopping, Head, Loss, OptimizerKind, Schedule};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

use super::feature::{Family, Feature};
use super::timestamps::{TsAmbiguous, TsFormat};

/// Everything that a trial is trained from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// What it learns from.
    pub data: Data,
    /// The network.
    pub model: Model,
    /// The training.
    pub train: Train,
}

impl Settings {
    /// The bytes that [`crate::trial::TrialId`] hashes: every setting, in declaration order, in
    /// which the path of the data file does not count (its content does, through the fingerprint).
    ///
    /// # Panics
    /// Never: every field serialises to JSON.
    #[must_use]
    pub fn identity_bytes(&self) -> Vec<u8> {
        let mut settings = self.clone();
        if let Source::File { path, .. } = &mut settings.data.source {
            path.clear();
        }
        serde_json::to_vec(&settings).expect("settings serialise")
    }

    /// The same over another fold of its walk-forward split; itself where it has a holdout split.
    #[must_use]
    pub fn of_fold(mut self, fold: usize) -> Self {
        self.data = self.data.of_fold(fold);
        self
    }
}

/// `[data]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// Where the bars come from.
    pub source: Source,
    /// Use only the last so many bars; `None` for all.
    pub rows: Option<usize>,
    /// Bar length in seconds; `None`: the most frequent distance between two timestamps.
    pub bar_seconds: Option<u32>,
    /// Columns of the series, in this order.
    pub features: Vec<Feature>,
    /// What is forecast.
    pub target: Target,
    /// Rows in a window.
    pub window: usize,
    /// Rows between the starts of two training windows (validation and test use every window).
    pub step: usize,
    /// Whether windows and targets may span a gap (a break, a night, a hole).
    pub cross_gaps: bool,
    /// Train, validation and test by time.
    pub split: Split,
    /// Scaling by family of columns, fitted on the training rows.
    pub scale: Scale,
}

impl Data {
    /// The same over another fold of its walk-forward split; itself where it has a holdout split.
    #[must_use]
    pub fn of_fold(mut self, fold: usize) -> Self {
        if let Some(walk_forward) = &mut self.split.walk_forward {
            walk_forward.fold = fold;
        }
        self
    }
}

/// Where bars come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Source {
    /// A CSV (plain or gzip) or Parquet file.
    File {
        /// Resolved against the experiment file's folder.
        path: PathBuf,
        /// What is in it.
        format: Format,
        /// Which column is which.
        columns: Columns,
        /// Zone of timestamps without offset, and of the sessions: IANA name, `UTC` or `+08:00`.
        /// `None`: the timestamps carry their offset.
        zone: Option<String>,
        /// What a timestamp marks.
        bar_label: BarLabel,
    },
    /// A generated series with known truth.
    Synthetic(Synthetic),
}

/// A file's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma-separated, with a header; `.gz` is unpacked.
    Csv,
    /// Parquet.
    Parquet,
}

/// What a bar's timestamp marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BarLabel {
    /// Its first instant.
    Start,
    /// Its last instant.
    End,
}

/// Names of the columns in the file, and how its timestamps are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    pub ts: String,
    pub open: String,
    pub high: String,
    pub low: String,
    pub close: String,
    pub volume: String,
    /// How a timestamp is written.
    #[serde(default, skip_serializing_if = "TsFormat::is_auto")]
    pub ts_format: TsFormat,
    /// Which of the two passes of a repeated hour a timestamp without offset means.
    #[serde(default, skip_serializing_if = "TsAmbiguous::is_infer")]
    pub ts_ambiguous: TsAmbiguous,
}

impl Default for Columns {
    /// Kiln's own names; timestamps of any form that can be told.
    fn default() -> Self {
        let own = |name: &str| name.to_owned();
        Self {
            ts: own("ts"),
            open: own("open"),
            high: own("high"),
            low: own("low"),
            close: own("close"),
            volume: own("volume"),
            ts_format: TsFormat::Auto,
            ts_ambiguous: TsAmbiguous::Infer,
        }
    }
}

/// The synthetic generator's settings; see `market::synthetic`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Synthetic {
    /// Bars to make.
    pub bars: usize,
    /// Bars in a session.
    pub session: usize,
    /// The predictable function of the past.
    pub signal: Signal,
    /// Share of a bar's return variance that the signal explains: the R² of an oracle on r/σ.
    pub beta2: f64,
    /// Standard deviation of a bar's return, basis points.
    pub sd_bp: f64,
    /// Stochastic and intraday volatility (true to life), or constant (clean tests).
    pub volatility: Volatility,
    /// Degrees of freedom of the Student-t noise, above 2; `None` for Gaussian.
    pub nu: Option<f64>,
    /// Source of its noise; independent of the training seed.
    pub seed: u64,
}

/// What of the past predicts the next return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// −sign of the last return: a linear model finds it.
    Reversal,
    /// sign(r)·(+1 if |r| < τ else −1), τ = sd·√(2 ln 2): linear R² is 0.
    Nonlinear,
}

/// How a synthetic series' volatility moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Volatility {
    /// The same σ at every bar.
    Constant,
    /// Three mean-reverting components (minutes, hours, days) and an intraday shape.
    Stochastic,
}

/// What is forecast.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    /// How many bars ahead.
    pub horizon: usize,
    /// Of what.
    pub kind: TargetKind,
}

/// The forecast quantity, of the close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// The close `horizon` bars ahead, in price units.
    Price,
    /// `ln(close[t+h] / close[t])`.
    LogReturn,
    /// ln of the square root of the sum of the next `horizon` squared log returns.
    LogVolatility,
}

impl TargetKind {
    /// The unit of what is forecast.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::LogReturn => "log return",
            Self::LogVolatility => "log volatility",
        }
    }
}

/// Shares of the rows by time; what is left is for training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// Share of validation rows; of each fold's, where there are folds.
    pub valid: f64,
    /// Share of test rows, the last ones.
    pub test: f64,
    /// Rows left out between two splits; resolved: at least horizon, by default window + horizon.
    pub embargo: usize,
    /// Several validation blocks one after the other, of which a trial has one; `None` for a
    /// holdout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walk_forward: Option<WalkForward>,
}

impl Split {
    /// Validation blocks: the folds of a walk-forward split, 1 of a holdout.
    #[must_use]
    pub fn folds(&self) -> usize {
        self.walk_forward.map_or(1, |walk_forward| walk_forward.folds)
    }

    /// Share of the rows that the trial trains on, the embargo among them.
    #[must_use]
    pub fn train(&self) -> f64 {
        let first = 1.0 - self.test - self.folds() as f64 * self.valid;
        match self.walk_forward {
            Some(WalkForward { train: TrainRows::Expanding, fold, .. }) => {
                first + fold as f64 * self.valid
            }
            Some(WalkForward { train: TrainRows::Rolling, .. }) | None => first,
        }
    }
}

/// A walk-forward split: validation blocks of equal length lie before the test rows, and each fold
/// trains on what lies before its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalkForward {
    /// How many blocks.
    pub folds: usize,
    /// Which rows before its block a fold trains on.
    pub train: TrainRows,
    /// The trial's own fold, from 0 (the earliest).
    pub fold: usize,
}

/// Which rows before its block a fold trains on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainRows {
    /// All of them.
    #[default]
    Expanding,
    /// The last, as many as the first fold has.
    Rolling,
}

/// How each family of columns is scaled. The target is scaled like the family that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    pub price: Scaler,
    pub volume: Scaler,
    pub indicator: Scaler,
}

impl Scale {
    /// The scaler of a family.
    #[must_use]
    pub fn of(&self, family: Family) -> Scaler {
        match family {
            Family::Price => self.price,
            Family::Volume => self.volume,
            Family::Indicator => self.indicator,
        }
    }
}

/// A scaler's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaler {
    /// (x − min) / (max − min).
    MinMax,
    /// (x − mean) / standard deviation (population).
    Standard,
    /// (x − median) / interquartile range.
    Robust,
    /// x.
    None,
}

/// `[model]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub kind: ModelKind,
    pub hidden_size: usize,
    pub num_layers: usize,
    pub dropout: f64,
    /// What is forecast of the target: a point (what files of before there were others have), or
    /// quantiles.
    #[serde(default, skip_serializing_if = "is_point")]
    pub head: Head,
}

fn is_point(head: &Head) -> bool {
    *head == Head::Point
}

/// The kind of network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// Stacked LSTM and a linear head.
    Lstm,
}

/// `[train]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Train {
    pub epochs: usize,
    pub batch_size: usize,
    pub learning_rate: f64,
    /// Of a point head; a quantile head has its own.
    pub loss: Loss,
    pub optimizer: Optimizer,
    pub schedule: Schedule,
    /// `None`: off.
    pub early_stopping: Option<EarlyStopping>,
    /// `None`: off.
    pub clip_norm: Option<f64>,
    /// The trial's own seed: the file's, plus the number of the repeat.
    pub seed: u64,
}

/// `train.optimizer`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Optimizer {
    pub kind: OptimizerKind,
    pub beta1: f64,
    pub beta2: f64,
    pub epsilon: f64,
    pub weight_decay: f64,
    pub momentum: f64,
}
