//! What a follower tells, folded into a record: it comes to what reading the folder anew would give.

use super::{Change, RunRecord, SweepRecord, reader};
use experiment::trial::TrialId;

impl SweepRecord {
    /// Takes one change. [`Change::Run`] of a run that is known starts that run anew. Progress within an epoch is not part of a
    /// record.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Run(trial) => {
                let mut run = RunRecord::new((**trial).clone(), self.folder.join("trials").join(&trial.id.0));
                let position = self.manifest.trials.iter().position(|id| *id == trial.id.0);
                reader::place(&mut run, position, &self.manifest);
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
                    run.take(super::scan::Told::Lost);
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

/// The order of [`SweepRecord::runs`].
fn order(run: &RunRecord) -> (bool, usize, &TrialId) {
    (!run.current, if run.current { run.trial.index } else { 0 }, &run.trial.id)
}
