//! What is known of a sweep.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::column::{Column, columns};
use super::log::{Entry, Level, Log};
use super::pace::Pace;
use super::row::{Kind, Row};
use super::stall::Stalls;
use super::wording;
use crate::dashboard::text::clean;
use evidence::compare::{Candidate, Leader, leader, ranked_by};
use experiment::Objective;
use experiment::event::Event;
use experiment::metric::{Direction, Metric, Split};
use experiment::trial::TrialId;
use runs::store::{Baseline, Change, RunState, SweepRecord};

/// A sweep as far as it is known.
#[derive(Clone, Debug)]
pub(crate) struct Sweep {
    /// Escaped, like all text here.
    pub name: String,
    pub question: Option<String>,
    pub objective: Metric,
    /// What its file asks to be ranked by; see [`ranked_by`].
    asked: Objective,
    pub direction: Direction,
    pub target_unit: String,
    /// In the order of the plan; then those that the plan does not name.
    pub rows: Vec<Row>,
    pub columns: Vec<Column>,
    pub summary: Summary,
    pub log: Log,
    index: HashMap<TrialId, usize>,
    /// Of each row, which assignment it is a seed or a fold of.
    assignments: Vec<usize>,
    /// Seeds of each assignment.
    repeats: usize,
    /// Runs of former versions of the file: not part of what is looked at.
    pub former: HashSet<TrialId>,
    pace: Pace,
    stalls: Stalls,
    /// Epochs seen coming, for the pace.
    trained: usize,
}

/// The name under which a record tells that the sweep's own file could not be read.
const MANIFEST: &str = "sweep.toml";

/// What the header tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Summary {
    /// Trials in each state, in the order of [`Kind::ALL`].
    pub counts: [usize; Kind::ALL.len()],
    /// Epochs trained or no longer needed, with the parts of those under way.
    pub epochs_done: f64,
    /// Epochs that the plan asks for; `None` before any trial is known.
    pub epochs_planned: Option<f64>,
    /// Windows per second of all running trials.
    pub windows_per_second: Option<f64>,
    /// Devices of the running trials; of all trials when none runs.
    pub devices: BTreeSet<String>,
    /// Resident memory of the workers, bytes.
    pub memory: Option<u64>,
    /// The assignment that leads, as `compare` ranks them, and the row that stands for it; of
    /// running trials what they came to so far.
    pub best: Option<Leader>,
    /// Trials of which something could not be read.
    pub damaged: usize,
}

/// The assignment that leads.
pub(crate) struct Best<'a> {
    /// The row that stands for it.
    pub row: &'a Row,
    /// Its objective.
    pub value: f64,
    /// What that is of: an epoch, or the mean of so many runs; and the seeds that it lacks.
    pub of: String,
}

impl Sweep {
    /// Takes a record.
    pub(crate) fn new(record: &SweepRecord) -> Self {
        let manifest = &record.manifest;
        let mut sweep = Self {
            name: clean(&manifest.name).into_owned(),
            question: manifest.question.as_deref().map(|question| clean(question).into_owned()),
            objective: manifest.objective,
            asked: Objective { metric: manifest.objective, direction: manifest.direction },
            direction: manifest.direction,
            target_unit: clean(&manifest.target_unit).into_owned(),
            rows: Vec::with_capacity(manifest.trials.len()),
            columns: Vec::new(),
            summary: Summary::default(),
            log: Log::default(),
            index: HashMap::new(),
            assignments: Vec::new(),
            repeats: manifest.repeats,
            former: HashSet::new(),
            pace: Pace::default(),
            stalls: Stalls::default(),
            trained: 0,
        };
        for id in &manifest.trials {
            sweep.place(&TrialId(id.clone()));
        }
        let plans_some = record.runs.iter().any(|run| run.current);
        for run in &record.runs {
            if plans_some && !run.current {
                sweep.former.insert(run.trial.id.clone());
                continue;
            }
            let place = sweep.place(&run.trial.id);
            sweep.rows[place] = Row::recorded(run);
            sweep.rate(place);
        }
        for (name, reason) in &record.damaged {
            let reason = clean(reason).into_owned();
            if name == MANIFEST {
                let entry = Entry {
                    at: String::new(),
                    id: TrialId(name.clone()),
                    level: Level::Failure,
                    text: reason,
                };
                sweep.log.push(entry);
            } else {
                let place = sweep.place(&TrialId(name.clone()));
                sweep.rows[place].damage.push(reason);
            }
        }
        let remembered: Vec<Entry> = sweep.rows.iter().flat_map(wording::of_record).collect();
        remembered.into_iter().for_each(|entry| sweep.log.push(entry));
        sweep.describe();
        sweep.summarise();
        sweep
    }

    /// Folds what is new; returns what a log says of it, oldest first. `now` is in monotonic
    /// seconds.
    pub(crate) fn apply(&mut self, changes: &[Change], now: f64) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut described = false;
        for change in changes {
            described |= matches!(change, Change::Run(_));
            if let Some(place) = self.index.get(about(change)) {
                self.stalls.moved(*place, now);
            }
            if let Some(entry) = self.fold(change) {
                self.log.push(entry.clone());
                entries.push(entry);
            }
        }
        if described {
            self.describe();
        }
        if !changes.is_empty() {
            self.summarise();
        }
        let running = self
            .rows
            .iter()
            .enumerate()
            .filter(|(_, row)| row.kind() == Kind::Running)
            .map(|(place, _)| place);
        for (place, seconds) in self.stalls.look(now, running) {
            let text = format!("no progress for {seconds:.0} s");
            let entry = Entry {
                at: String::new(),
                id: self.rows[place].id.clone(),
                level: Level::Warning,
                text,
            };
            self.log.push(entry.clone());
            entries.push(entry);
        }
        let partial: f64 = self.rows.iter().map(Row::partial).sum();
        self.pace.sample(now, self.trained as f64 + partial);
        entries
    }

    /// Seconds until every planned epoch is done at the pace of the last minute; `None` when that
    /// is not known.
    pub(crate) fn remaining_seconds(&self, now: f64) -> Option<f64> {
        let left = self.summary.epochs_planned? - self.summary.epochs_done;
        if self.count(Kind::Running) == 0 || left <= 0.0 {
            return None;
        }
        Some(left / self.pace.per_second(now)?)
    }

    /// Whether the trial at a place runs and makes no progress.
    pub(crate) fn is_stalled(&self, place: usize) -> bool {
        self.stalls.holds(place)
    }

    /// Persistence over the windows that a row's objective is over.
    pub(crate) fn objective_baseline<'a>(&self, row: &'a Row) -> Option<&'a Baseline> {
        row.baseline("persistence").filter(|_| self.objective.split == Split::Valid)
    }

    /// Trials in a state.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        Kind::ALL
            .iter()
            .position(|other| *other == kind)
            .map_or(0, |place| self.summary.counts[place])
    }

    /// Whether every trial has all the result that it will have.
    pub(crate) fn over(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(|row| row.kind().over())
    }

    fn place(&mut self, id: &TrialId) -> usize {
        if let Some(place) = self.index.get(id) {
            return *place;
        }
        self.rows.push(Row::planned(id.clone()));
        self.index.insert(id.clone(), self.rows.len() - 1);
        self.rows.len() - 1
    }

    fn fold(&mut self, change: &Change) -> Option<Entry> {
        if self.former.contains(about(change)) {
            return None;
        }
        match change {
            Change::Run(trial) => {
                // Of a run that is known, what was told is void.
                let place = self.place(&trial.id);
                self.rows[place] = Row::planned(trial.id.clone());
                self.rows[place].describe((**trial).clone());
                self.rate(place);
                None
            }
            Change::Line(id, attempt, line) => {
                let place = self.place(id);
                let row = &mut self.rows[place];
                row.progress.fold(*attempt, line);
                self.trained += usize::from(matches!(line.event, Event::Epoch(_)));
                self.rate(place);
                wording::of_line(self, &self.rows[place], line)
            }
            Change::Progress(id, progress) => {
                let place = self.place(id);
                self.rows[place].live = Some(*progress);
                None
            }
            Change::Result(id, result) => {
                let place = self.place(id);
                self.rows[place].take_result((**result).clone());
                self.rate(place);
                None
            }
            Change::Lost(id) => {
                let place = self.place(id);
                self.rows[place].progress.state = RunState::Lost;
                let text =
                    "lost: its process is gone; sweep again to go on from its last checkpoint"
                        .to_owned();
                Some(Entry { at: String::new(), id: id.clone(), level: Level::Failure, text })
            }
            Change::Damage(id, reason) => {
                let place = self.place(id);
                let reason = clean(reason).into_owned();
                if self.rows[place].damage.contains(&reason) {
                    return None;
                }
                self.rows[place].damage.push(reason.clone());
                Some(Entry {
                    at: String::new(),
                    id: id.clone(),
                    level: Level::Failure,
                    text: format!("damaged: {reason}"),
                })
            }
        }
    }

    /// What follows from the trials that are known.
    fn describe(&mut self) {
        self.columns = columns(&self.rows);
        self.assignments = assignments(&self.rows);
        let Objective { metric, direction } =
            ranked_by(self.asked, self.rows.iter().filter_map(Row::subject));
        if self.objective != metric {
            (self.objective, self.direction) = (metric, direction);
            (0..self.rows.len()).for_each(|place| self.rate(place));
        }
    }

    /// Who leads, in words.
    pub(crate) fn best(&self) -> Option<Best<'_>> {
        let Leader { run, value, seeds } = self.summary.best?;
        let row = &self.rows[run];
        let lack = seeds.lack().map_or(String::new(), |lack| format!(" ({lack})"));
        let of = match (value.n, row.best_epoch()) {
            (1, Some(epoch)) => format!(" @{epoch}{lack}"),
            (1, None) => lack,
            (runs, _) => format!(", the mean of {runs} runs{lack}"),
        };
        Some(Best { row, value: value.mean, of })
    }

    fn rate(&mut self, place: usize) {
        let row = &mut self.rows[place];
        row.value = row.measured().value(self.objective);
    }

    /// One pass over all rows: what it counts cannot drift from what they say.
    fn summarise(&mut self) {
        let mut summary = Summary::default();
        let (mut planned, mut described) = (0.0, 0_usize);
        let mut memory: HashMap<&str, u64> = HashMap::new();
        let running = self.rows.iter().any(|row| row.kind() == Kind::Running);
        for row in &self.rows {
            let kind = row.kind();
            summary.counts[Kind::ALL.iter().position(|other| *other == kind).unwrap_or(0)] += 1;
            summary.damaged += usize::from(!row.damage.is_empty());
            let asked = row.planned_epochs().unwrap_or(0) as f64;
            planned += asked;
            described += usize::from(row.trial.is_some());
            summary.epochs_done +=
                if kind.over() { asked } else { (row.epochs() as f64 + row.partial()).min(asked) };
            if let Some(rate) = row.windows_per_second() {
                *summary.windows_per_second.get_or_insert(0.0) += rate;
            }
            if let Some(device) = row.progress.device.as_deref()
                && (kind == Kind::Running || !running)
            {
                if !summary.devices.contains(device) {
                    summary.devices.insert(clean(device).into_owned());
                }
                // The lanes of a pack report the same process.
                if let Some(size) = row.live.and_then(|live| live.memory).filter(|_| running) {
                    let largest = memory.entry(device).or_insert(0);
                    *largest = size.max(*largest);
                }
            }
        }
        if described > 0 {
            // Trials that are only planned yet are taken to be like the ones that are known.
            summary.epochs_planned = Some(planned / described as f64 * self.rows.len() as f64);
        }
        let candidates: Vec<Candidate> = self
            .rows
            .iter()
            .zip(&self.assignments)
            .map(|(row, assignment)| row.candidate(*assignment))
            .collect();
        summary.best = leader(&candidates, self.repeats, self.direction);
        summary.memory = (!memory.is_empty()).then(|| memory.values().sum());
        self.summary = summary;
    }
}

/// Of each row, which assignment it is a run of; a row that is only an id of the plan yet is one by
/// itself.
fn assignments(rows: &[Row]) -> Vec<usize> {
    let mut known: HashMap<String, usize> = HashMap::new();
    let of = |(place, row): (usize, &Row)| match &row.trial {
        Some(trial) => *known.entry(format!("{:?}", trial.assignment)).or_insert(place),
        None => place,
    };
    rows.iter().enumerate().map(of).collect()
}

/// The run that a change is about.
fn about(change: &Change) -> &TrialId {
    match change {
        Change::Run(trial) => &trial.id,
        Change::Line(id, ..)
        | Change::Progress(id, _)
        | Change::Result(id, _)
        | Change::Lost(id)
        | Change::Damage(id, _) => id,
    }
}
