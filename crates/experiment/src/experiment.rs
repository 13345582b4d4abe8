//! An experiment, validated.

use std::path::PathBuf;

use super::backtest::Backtest;
use super::key::{find, set, sweepable};
use super::settings::Settings;
use super::validate::validate;
use super::wire::Wire;
use crate::metric::{Direction, Metric};
use crate::space::{Assignment, Space};

/// An experiment, validated.
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
    pub backend: lane_types::DeviceSpec,
    /// The settings before any assignment.
    pub base: Settings,
    /// The same as written, before defaults that follow other settings were filled in; assignments
    /// are applied to it.
    pub wire: Wire,
    /// Who chooses.
    pub strategy: Strategy,
    /// What trials are ranked by.
    pub objective: Objective,
    /// Seeds per assignment.
    pub repeats: usize,
    /// What may vary.
    pub space: Space,
    /// How its forecasts are traded, if that is said; no part of any trial's identity.
    pub backtest: Option<Backtest>,
}

/// `sweep.strategy`.
#[expect(missing_docs, reason = "each variant says what its fields are")]
#[derive(Clone, Debug, PartialEq)]
pub enum Strategy {
    /// Every combination.
    Grid,
    /// So many independent draws.
    Random { trials: usize, seed: u64 },
    /// The first points of a scrambled Sobol sequence.
    Sobol { trials: usize, seed: u64 },
    /// Trials as written.
    List { assignments: Vec<Assignment> },
}

/// `sweep.objective`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// What trials are measured by.
    pub metric: Metric,
    /// Which way is better.
    pub direction: Direction,
}

impl Experiment {
    /// The settings of one trial. The seed is the base's plus `repeat`. A table in the assignment
    /// replaces the whole table of the file; defaults that follow other settings (the embargo, say)
    /// follow the assignment.
    ///
    /// # Errors
    /// When the assignment does not fit: a lower-case fragment that names the key, the value and
    /// what would be legal.
    pub fn settings_of(&self, assignment: &Assignment, repeat: usize) -> Result<Settings, String> {
        let mut wire = self.wire.clone();
        for (path, value) in assignment {
            let key = find(path).ok_or_else(|| format!("'{path}' is not a key"))?;
            sweepable(key).map_err(|reason| format!("'{path}' cannot vary: {reason}"))?;
            if let Some(mistake) = set(&mut wire, key, value).into_iter().next() {
                return Err(mistake.problem);
            }
        }
        let (mut settings, clashes) = validate(wire);
        if let Some(clash) = clashes.into_iter().next() {
            return Err(clash.problem);
        }
        settings.train.seed = settings.train.seed.wrapping_add(repeat as u64);
        Ok(settings)
    }
}
