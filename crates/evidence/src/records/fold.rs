//! What a follower tells, folded into a record: it comes to what reading the folder anew would
//! give.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

use super::{RunProgress, RunRecord, RunResult, RunState, SweepManifest, SweepRecord};
use experiment::event::Line;
use experiment::trial::{Trial, TrialId};

/// Something new in a sweep's folder.
#[derive(Clone, Debug)]
pub enum Change {
    /// A run's folder appeared. For a run that is known: it starts anew (an older attempt won), and
    /// what was told of it is void.
    Run(Box<Trial>),
    /// A line of a run's log, with its attempt.
    Line(TrialId, u32, Box<Line>),
    /// A run's `progress.json` was replaced.
    Progress(TrialId, ProgressFile),
    /// A run's result was published; nothing more follows of it.
    Result(TrialId, Box<RunResult>),
    /// The process that wrote a run's open log is gone.
    Lost(TrialId),
    /// Something could not be read.
    Damage(TrialId, String),
}

/// `progress.json`: where a running attempt is within its epoch; replaced at most twice a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProgressFile {
    /// The epoch being trained, from 1.
    pub epoch: usize,
    /// Steps done of this epoch.
    pub step: usize,
    /// Steps of an epoch.
    pub steps: usize,
    /// Windows per second of the whole pack.
    #[serde(deserialize_with = "lane_types::number_or_nan")]
    pub windows_per_second: f64,
    /// Lanes still in the pack.
    pub lanes: usize,
    /// Resident memory of the worker, bytes.
    pub memory: Option<u64>,
}

impl SweepRecord {
    /// Takes one change. [`Change::Run`] of a run that is known starts that run anew. Progress
    /// within an epoch is not part of a record.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Run(trial) => {
                let mut run =
                    RunRecord::new((**trial).clone(), self.folder.join("trials").join(&trial.id.0));
                let position = self.manifest.trials.iter().position(|id| *id == trial.id.0);
                run.place(position, &self.manifest);
                self.damaged.retain(|(id, _)| *id != trial.id.0);
                self.runs.retain(|known| known.trial.id != trial.id);
                let place = self.runs.partition_point(|known| order(known) < order(&run));
                self.runs.insert(place, run);
            }
            Change::Line(id, attempt, line) => {
                if let Some(run) = self.run_mut(id) {
                    run.progress.fold(*attempt, line);
                }
            }
            Change::Progress(..) => {}
            Change::Result(id, result) => {
                if let Some(run) = self.run_mut(id) {
                    run.take_result((**result).clone());
                }
            }
            Change::Lost(id) => {
                if let Some(run) = self.run_mut(id) {
                    run.progress.state = RunState::Lost;
                }
            }
            Change::Damage(id, why) => match self.run_mut(id) {
                Some(run) => run.damage.push(why.clone()),
                None => self.damaged.push((id.0.clone(), why.clone())),
            },
        }
    }

    fn run_mut(&mut self, id: &TrialId) -> Option<&mut RunRecord> {
        self.runs.iter_mut().find(|run| run.trial.id == *id)
    }
}

impl RunRecord {
    /// Nothing is known of the run yet but its trial.
    #[must_use]
    pub fn new(trial: Trial, folder: PathBuf) -> Self {
        Self {
            trial,
            folder,
            progress: RunProgress::default(),
            result: None,
            evaluations: Vec::new(),
            damage: Vec::new(),
            current: true,
            seeds: None,
        }
    }

    /// Takes its result, which has the last word.
    pub fn take_result(&mut self, result: RunResult) {
        self.progress.attempt = result.attempt;
        self.progress.state = RunState::Ended(result.end.clone());
        self.result = Some(result);
    }

    /// Gives a run its place in the current plan: `trial.toml` was written once, by whichever
    /// version of the file came first.
    pub fn place(&mut self, position: Option<usize>, manifest: &SweepManifest) {
        self.current = position.is_some();
        self.seeds = position.map(|_| manifest.repeats);
        if let Some(position) = position {
            self.trial.index = position;
        }
    }
}

/// The order of [`SweepRecord::runs`].
fn order(run: &RunRecord) -> (bool, usize, &TrialId) {
    (!run.current, if run.current { run.trial.index } else { 0 }, &run.trial.id)
}
