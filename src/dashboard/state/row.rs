//! What is known of one trial.

use lane_types::EpochReport;

use super::column::{FOLD, SEED};
use crate::dashboard::text;
use evidence::compare::{Candidate, Subject};
use experiment::event::End;
use experiment::metric::Split;
use experiment::trial::{Trial, TrialId};
use runs::store::{Baseline, Measured, ProgressFile, RunProgress, RunRecord, RunResult, RunState};

/// One trial of the sweep.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub id: TrialId,
    /// [`Self::id`], escaped.
    pub name: String,
    /// `None` while it is only an id of the plan.
    pub trial: Option<Box<Trial>>,
    /// The fold of its events.
    pub progress: RunProgress,
    /// Where a running attempt is within its epoch.
    pub live: Option<ProgressFile>,
    pub result: Option<Box<RunResult>>,
    /// What could not be read; escaped.
    pub damage: Vec<String>,
    /// What the space chose, the seed and the fold, by key: `(dotted key, value as shown)`,
    /// ascending.
    pub parameters: Vec<(String, String)>,
    /// The objective at the epoch whose weights are kept; kept up to date by the sweep.
    pub value: Option<f64>,
}

/// Where a run is, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Running,
    Waiting,
    Finished,
    EarlyStopped,
    Stopped,
    Interrupted,
    Lost,
    Failed,
}

impl Kind {
    /// All of them, in the order of the header.
    pub const ALL: [Self; 8] = [
        Self::Running,
        Self::Waiting,
        Self::Finished,
        Self::EarlyStopped,
        Self::Stopped,
        Self::Interrupted,
        Self::Lost,
        Self::Failed,
    ];

    /// For people, and for the filter.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Finished => "finished",
            Self::EarlyStopped => "early-stopped",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
            Self::Lost => "lost",
            Self::Failed => "failed",
        }
    }

    /// One column wide.
    pub fn glyph(self) -> &'static str {
        match self {
            Self::Running => "▸",
            Self::Waiting => "·",
            Self::Finished => "✓",
            Self::EarlyStopped => "◦",
            Self::Stopped => "■",
            Self::Interrupted => "‖",
            Self::Lost => "?",
            Self::Failed => "✗",
        }
    }

    /// Whether nothing more will be trained: the trial has all the result that it will have.
    pub fn over(self) -> bool {
        matches!(self, Self::Finished | Self::EarlyStopped | Self::Stopped | Self::Failed)
    }
}

impl Row {
    /// A trial of the plan of which nothing is recorded yet.
    pub(crate) fn planned(id: TrialId) -> Self {
        Self {
            name: text::clean(&id.0).into_owned(),
            id,
            trial: None,
            progress: RunProgress::default(),
            live: None,
            result: None,
            damage: Vec::new(),
            parameters: Vec::new(),
            value: None,
        }
    }

    /// Takes what was recorded so far.
    pub(crate) fn recorded(run: &RunRecord) -> Self {
        let RunRecord {
            trial,
            folder: _,
            progress,
            result,
            evaluations: _,
            damage,
            current: _,
            seeds: _,
        } = run;
        let mut row = Self::planned(trial.id.clone());
        row.describe(trial.clone());
        row.progress = progress.clone();
        row.result = result.clone().map(Box::new);
        row.damage = damage.iter().map(|reason| text::clean(reason).into_owned()).collect();
        row
    }

    /// Takes its result, which has the last word.
    pub(crate) fn take_result(&mut self, result: RunResult) {
        self.progress.attempt = result.attempt;
        self.progress.state = RunState::Ended(result.end.clone());
        self.result = Some(Box::new(result));
    }

    /// Learns what the trial is.
    pub(crate) fn describe(&mut self, trial: Trial) {
        self.parameters = trial
            .assignment
            .iter()
            .map(|(key, value)| (key.clone(), text::parameter(value)))
            .collect();
        for (own, value) in [
            (SEED, Some(trial.settings.train.seed.to_string())),
            (FOLD, trial.fold().map(|fold| fold.to_string())),
        ] {
            if let (Err(place), Some(value)) =
                (self.parameters.binary_search_by(|(key, _)| key.as_str().cmp(own)), value)
            {
                self.parameters.insert(place, (own.to_owned(), value));
            }
        }
        self.trial = Some(Box::new(trial));
    }

    /// Where it is; a published result overrules the log.
    pub(crate) fn kind(&self) -> Kind {
        let end = match (&self.result, &self.progress.state) {
            (Some(result), _) => &result.end,
            (None, RunState::Ended(end)) => end,
            (None, RunState::Waiting) => return Kind::Waiting,
            (None, RunState::Running) => return Kind::Running,
            (None, RunState::Lost) => return Kind::Lost,
        };
        match end {
            End::Finished => Kind::Finished,
            End::EarlyStopped => Kind::EarlyStopped,
            End::Stopped => Kind::Stopped,
            End::Failed { .. } => Kind::Failed,
            End::Interrupted => Kind::Interrupted,
        }
    }

    /// Why it failed, if it did; not escaped.
    pub(crate) fn failure(&self) -> Option<&str> {
        let log = match &self.progress.state {
            RunState::Ended(end) => Some(end),
            RunState::Waiting | RunState::Running | RunState::Lost => None,
        };
        match self.result.as_ref().map(|result| &result.end).or(log) {
            Some(End::Failed { reason }) => Some(reason),
            _ => None,
        }
    }

    /// Epochs that the settings ask for.
    pub(crate) fn planned_epochs(&self) -> Option<usize> {
        self.trial.as_ref().map(|trial| trial.settings.train.epochs)
    }

    /// Epochs recorded.
    pub(crate) fn epochs(&self) -> usize {
        let logged = self.progress.epochs.last().map_or(0, |epoch| epoch.epoch);
        logged.max(self.result.as_ref().map_or(0, |result| result.epochs))
    }

    /// How much of the epoch after the last recorded one is done, 0..1.
    pub(crate) fn partial(&self) -> f64 {
        match self.live {
            Some(live)
                if self.kind() == Kind::Running
                    && live.epoch == self.epochs() + 1
                    && live.steps > 0 =>
            {
                (live.step as f64 / live.steps as f64).min(1.0)
            }
            _ => 0.0,
        }
    }

    /// Windows per second of this lane, while it runs: its share of the pack, or what its last
    /// epoch came to.
    pub(crate) fn windows_per_second(&self) -> Option<f64> {
        if self.kind() != Kind::Running {
            return None;
        }
        let share = self
            .live
            .filter(|live| live.lanes > 0)
            .map(|live| live.windows_per_second / live.lanes as f64);
        share
            .or_else(|| self.last().map(|epoch| epoch.windows_per_second))
            .filter(|rate| rate.is_finite())
    }

    /// The last epoch.
    pub(crate) fn last(&self) -> Option<&EpochReport> {
        self.progress.epochs.last()
    }

    /// What its metrics are read off. Openings of the test split are not followed.
    pub(crate) fn measured(&self) -> Measured<'_> {
        Measured { progress: &self.progress, result: self.result.as_deref(), evaluations: &[] }
    }

    /// The epoch whose weights are kept.
    pub(crate) fn best_epoch(&self) -> Option<usize> {
        self.measured().best_epoch()
    }

    /// What it forecasts; `None` while its trial is not known.
    pub(crate) fn subject(&self) -> Option<Subject<'_>> {
        let data =
            self.result.as_ref().and_then(|result| Some(result.tried.as_ref()?.data.as_str()));
        Some(Subject { data, target: &self.trial.as_ref()?.settings.data.target })
    }

    /// How it is ranked: a run that has ended with a result or still trains counts, as `compare`
    /// counts the former.
    pub(crate) fn candidate(&self, assignment: usize) -> Candidate {
        let counts = match self.kind() {
            Kind::Waiting | Kind::Running => true,
            Kind::Finished | Kind::EarlyStopped | Kind::Stopped => self.result.is_some(),
            Kind::Interrupted | Kind::Lost | Kind::Failed => false,
        };
        let trial = self.trial.as_ref();
        Candidate {
            assignment,
            repeat: trial.map_or(0, |trial| trial.repeat),
            fold: trial.and_then(|trial| Some((trial.fold()?, trial.settings.data.split.folds()))),
            value: self.value.filter(|_| counts),
        }
    }

    /// A baseline over its validation windows.
    pub(crate) fn baseline(&self, name: &str) -> Option<&Baseline> {
        self.measured().baselines(Split::Valid).iter().find(|baseline| baseline.name == name)
    }

    /// Its parameter's value as shown.
    pub(crate) fn parameter(&self, key: &str) -> Option<&str> {
        let place = self.parameters.binary_search_by(|(other, _)| other.as_str().cmp(key)).ok()?;
        Some(&self.parameters[place].1)
    }
}
