//! `model_card.json`: everything about a saved model but its weights.

use serde::{Deserialize, Serialize};

use super::profile::ColumnProfile;
use crate::store::{Baseline, Estimate, Evaluation, Scores, WindowCounts, evaluation_estimate};
use evidence::calibration::Calibration;
use experiment::metric::{Metric, Quantity, Split};
use experiment::{self, Settings};
use market::{Inputs, Scaling, ValueRange};

/// A saved model's model card. What it says of settings, units and metrics is in the words of the
/// experiment file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// Version of the format, [`super::VERSION`].
    pub v: u32,
    /// When it was saved, RFC 3339 in UTC.
    pub saved_at: String,
    /// Of the program that saved it.
    pub kiln_version: String,
    /// Where its weights come from.
    pub source: Source,
    /// Features, window, target, zone and bar label of the data, the network, the training. Of the
    /// data file's path only the name is kept.
    pub settings: Settings,
    /// Length of a bar, seconds; `None` where it is not known: the most frequent distance between
    /// two bars then.
    pub bar_seconds: Option<u32>,
    /// blake3 of the data file (or of the generator's settings).
    pub data_fingerprint: String,
    /// The scalers, fitted on the training rows.
    pub scaling: Scaling,
    /// Windows that it was trained, validated and tested on.
    pub windows: WindowCounts,
    /// The epoch whose weights these are, from 1.
    pub best_epoch: Option<usize>,
    /// Among how many trials it was chosen; `None` of imported weights.
    pub selection: Option<Selection>,
    /// What it was worth.
    pub metrics: Metrics,
    /// What chance says of its sweep.
    pub verdict: Option<Verdict>,
    /// Conformal intervals for [`super::COVERAGES`]; none where there were too few validation
    /// windows.
    pub intervals: Vec<Interval>,
    /// What its inputs looked like in training, by feature; `None` where the data was not at hand
    /// when it was saved.
    pub profile: Option<Vec<ColumnProfile>>,
    /// Zone, timestamps and ranges of its inputs in training; `None` where they were not recorded,
    /// as by former versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Inputs>,
    /// The weights' file.
    pub weights: WeightsFile,
}

/// Where weights come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// Trained by Kiln.
    Run {
        /// The sweep's name.
        sweep: String,
        /// The trial's id.
        run: String,
        /// The attempt that won.
        attempt: u32,
        /// The sweep's question, if it asked one.
        question: Option<String>,
        /// Of the program that trained it.
        kiln_version: String,
        /// Commit of the working folder.
        git_revision: Option<String>,
        /// Whether files differed from it.
        git_dirty: Option<bool>,
    },
    /// Read from another program's file; settings and scaling are those of a run or a model that it
    /// was said to be like.
    Import {
        /// The file's name.
        file: String,
        /// sha256 of the file, hex.
        sha256: String,
        /// What it was said to be like.
        like: String,
    },
}

/// Among how many trials a model was chosen: the best of many is lucky.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Trials of its sweep.
    pub sweep: usize,
    /// Trials ever tried on the same data and target over a validation time that overlaps, by the
    /// ledger.
    pub ever: usize,
    /// Which of those it is, from 1.
    pub number: Option<usize>,
}

/// What a model was worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// On validation: 1 − mse / mse of the best baseline.
    pub skill: Option<f64>,
    /// On the same validation windows.
    pub baselines: Vec<Baseline>,
    /// Every metric of the validation forecasts with its interval.
    pub valid: Option<Scores>,
    /// The last opening of the test split, if it was opened.
    pub test: Option<Evaluation>,
}

impl Metrics {
    /// A metric, with its interval where it has one: the one place where it is read off a model
    /// card. `None` where it is undefined or was not kept; of the training windows nothing is kept.
    #[must_use]
    pub fn estimate(&self, metric: Metric) -> Option<Estimate> {
        let kept = || self.valid.as_ref()?.estimates.get(&metric.quantity).copied();
        let estimate = match metric.split {
            Split::Train => None,
            Split::Test => evaluation_estimate(self.test.as_ref()?, metric.quantity),
            // As every table shows it; in older model cards that of the scores differs from it in
            // the ninth digit.
            Split::Valid if metric.quantity == Quantity::Skill => {
                let value = self.skill?;
                Some(Estimate {
                    value,
                    ..kept().unwrap_or(Estimate { value, low: None, high: None })
                })
            }
            Split::Valid => kept(),
        };
        estimate.filter(|estimate| estimate.value.is_finite())
    }

    /// [`Self::estimate`], without the interval.
    #[must_use]
    pub fn value(&self, metric: Metric) -> Option<f64> {
        self.estimate(metric).map(|estimate| estimate.value)
    }
}

/// What chance says of the sweep that a model comes from; see [`evidence::compare::Significance`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Whether the sweep's best is better than every baseline by more than chance, the search
    /// included.
    pub crowned: bool,
    /// The model's rank in its sweep, from 1; `None` where it has none.
    pub rank: Option<usize>,
    /// Rows that were ranked.
    pub rows: usize,
    /// The baseline with the smallest error over these windows.
    pub best_baseline: Option<String>,
    /// p that no row is better than it (Hansen 2005).
    pub spa: Option<f64>,
    /// p that the best row is not better than it (Diebold & Mariano 1995).
    pub diebold_mariano: Option<f64>,
    /// In words.
    pub sentences: Vec<String>,
}

/// A conformal interval around forecasts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// Share of the targets that it is meant to hold.
    pub coverage: f64,
    /// How wide it is.
    pub calibration: Calibration,
}

/// The weights' file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightsFile {
    /// Bytes.
    pub bytes: u64,
    /// sha256, hex.
    pub sha256: String,
    /// Trainable numbers.
    pub parameters: usize,
}

impl ModelCard {
    /// What the network takes.
    #[must_use]
    pub fn shape(&self) -> lane_types::Shape {
        self.settings.shape()
    }

    /// Length of a bar, seconds, where it is known.
    #[must_use]
    pub fn known_bar_seconds(&self) -> Option<u32> {
        self.bar_seconds.or(self.settings.data.bar_seconds)
    }

    /// Zone of the local clock, by which its features go whatever way bars are written; `None`
    /// where it is not known.
    #[must_use]
    pub fn zone(&self) -> Option<&str> {
        let recorded = self.inputs.as_ref().and_then(|inputs| inputs.zone.as_deref());
        recorded.or(match &self.settings.data.source {
            experiment::Source::File { zone, .. } => zone.as_deref(),
            experiment::Source::Synthetic(_) => Some("UTC"),
        })
    }

    /// The least and the greatest value of each feature in training, scaled; none where they are
    /// not known.
    #[must_use]
    pub fn ranges(&self) -> Vec<ValueRange> {
        match (&self.inputs, &self.profile) {
            (Some(inputs), _) => inputs.ranges.clone(),
            (None, Some(profile)) => {
                let range = |ColumnProfile { feature, low, high, .. }: &ColumnProfile| {
                    let (feature, low, high) = (feature.clone(), *low, *high);
                    ValueRange { feature, low, high }
                };
                profile.iter().map(range).collect()
            }
            (None, None) => Vec::new(),
        }
    }

    /// Leading bars that the features need before they are defined.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.settings.data.features.iter().map(|feature| feature.warm_up()).max().unwrap_or(0)
    }

    /// The conformal interval of a coverage.
    ///
    /// # Errors
    /// When there is none of it: says which there are.
    pub fn interval(&self, coverage: f64) -> Result<&Interval, String> {
        self.intervals.iter().find(|interval| interval.coverage == coverage).ok_or_else(|| {
            let known: Vec<String> =
                self.intervals.iter().map(|interval| interval.coverage.to_string()).collect();
            let known = if known.is_empty() {
                "it has none".to_owned()
            } else {
                format!("it has {}", known.join(", "))
            };
            format!("the model has no interval of coverage {coverage}; {known}")
        })
    }
}
