//! TOML → [`Experiment`]: wire types mirror the file, believed types cannot be wrong; every mistake of a file is reported at once.

pub mod feature;
mod settings;

use std::path::PathBuf;

use crate::metric::{Direction, Metric};
use crate::space::{Assignment, Space};

pub use settings::{
    BarLabel, Columns, Data, Format, Model, ModelKind, Optimizer, Scale, Scaler, Settings, Signal, Source, Split, Synthetic,
    Target, TargetKind, Train, Volatility,
};

/// An experiment, believed.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    /// The file, as given.
    pub file: PathBuf,
    /// The file as read.
    pub text: String,
    /// `--set key=value` that were applied.
    pub overrides: Vec<String>,
    /// The sweep's folder under `runs/`.
    pub name: String,
    /// The question it asks.
    pub question: Option<String>,
    /// Where to train.
    pub backend: burn_lanes::DeviceSpec,
    /// The settings before any assignment.
    pub base: Settings,
    /// Who chooses.
    pub strategy: Strategy,
    /// What trials are ranked by.
    pub objective: Objective,
    /// Seeds per assignment.
    pub repeats: usize,
    /// What may vary.
    pub space: Space,
}

/// `sweep.strategy`.
#[derive(Clone, Debug, PartialEq)]
pub enum Strategy {
    Grid,
    Random { trials: usize, seed: u64 },
    List { assignments: Vec<Assignment> },
}

/// `sweep.objective`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    pub metric: Metric,
    pub direction: Direction,
}

impl Experiment {
    /// The settings of one trial. The seed is the base's plus `repeat`.
    ///
    /// # Errors
    /// When the assignment does not fit: a lower-case fragment that names the key, the value and what would be legal.
    pub fn settings_of(&self, _assignment: &Assignment, _repeat: usize) -> Result<Settings, String> {
        todo!()
    }
}
