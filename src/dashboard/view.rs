//! What the person chose to see: selection, order, filter, pane.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::state::{Kind, Row, Sweep, heading};
use super::theme::Curve;
use experiment::metric::{Direction, Quantity};

/// Most pinned trials whose curves are compared.
const PINNED: usize = 8;

/// The choices of a person, and the rows that they come to.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub mode: Mode,
    pub zoom: Zoom,
    pub sort: Sort,
    pub order: Order,
    /// Words that must all match; empty for all rows.
    pub filter: String,
    /// Places of the pinned rows in the sweep.
    pub pinned: BTreeSet<usize>,
    /// Place of the selected row in the sweep.
    pub selected: Option<usize>,
    pub scale: Scale,
    pub quantity: Quantity,
    /// Entries between the end of the log and the last one shown.
    pub log_skip: usize,
    /// Lines of the detail screen above the first one shown.
    pub detail_skip: usize,
    /// Places of the visible rows, in order; recomputed when a change or a key may have moved them.
    pub rows: Vec<usize>,
}

/// What the keys are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Looking.
    Browse,
    /// Typing a filter.
    Filter,
    /// One trial on the whole screen.
    Detail,
    /// The keys.
    Help,
    /// Asking whether to stop this row's trial.
    StopTrial(usize),
    /// Asking whether to leave the sweep running or to stop it.
    Leave,
}

/// Which pane has the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zoom {
    All,
    Trials,
    Curve,
    /// Curves, forecasts and gains of the pinned trials over each other.
    Compared,
    Log,
}

impl Zoom {
    /// The next one.
    pub(super) fn next(self) -> Self {
        match self {
            Self::All => Self::Trials,
            Self::Trials => Self::Curve,
            Self::Curve => Self::Compared,
            Self::Compared => Self::Log,
            Self::Log => Self::All,
        }
    }
}

/// What rows are sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Plan,
    State,
    Id,
    /// A parameter's dotted key.
    Parameter(String),
    Epoch,
    TrainLoss,
    Objective,
    LearningRate,
}

/// Which way rows are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Smallest first; for the objective the best first.
    Forward,
    /// The other way round; what is undefined stays last.
    Backward,
}

/// The vertical axis of the curves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    Log,
}

impl View {
    /// The first row of the plan, unsorted.
    pub(super) fn new() -> Self {
        Self {
            mode: Mode::Browse,
            zoom: Zoom::All,
            sort: Sort::Plan,
            order: Order::Forward,
            filter: String::new(),
            pinned: BTreeSet::new(),
            selected: None,
            scale: Scale::Linear,
            quantity: Quantity::Loss,
            log_skip: 0,
            detail_skip: 0,
            rows: Vec::new(),
        }
    }

    /// Places of the trials whose curves are laid over each other, the most important last so that
    /// it lies on top: a few of the pinned, the best of the sweep, the selected.
    pub(super) fn compared(&self, best: Option<usize>) -> Vec<(Curve, usize)> {
        let others = self
            .pinned
            .iter()
            .filter(|place| Some(**place) != self.selected && Some(**place) != best);
        let pinned = others.take(PINNED).enumerate();
        let pinned = pinned.map(|(number, &place)| (Curve::Pinned(number), place));
        let best = best.filter(|best| Some(*best) != self.selected);
        pinned
            .chain(best.map(|place| (Curve::Best, place)))
            .chain(self.selected.map(|place| (Curve::Selected, place)))
            .collect()
    }

    /// The sort after the present one, in the order of the columns.
    pub(super) fn next_sort(&self, sweep: &Sweep) -> Sort {
        let mut sorts = vec![Sort::Plan, Sort::State, Sort::Id];
        sorts.extend(sweep.columns.iter().map(|column| Sort::Parameter(column.key.clone())));
        sorts.extend([Sort::Epoch, Sort::TrainLoss, Sort::Objective, Sort::LearningRate]);
        let place = sorts
            .iter()
            .position(|sort| *sort == self.sort)
            .map_or(0, |place| (place + 1) % sorts.len());
        sorts.swap_remove(place)
    }

    /// Filters and sorts anew, and keeps the selection on a visible row.
    pub(super) fn refresh(&mut self, sweep: &Sweep) {
        let words: Vec<String> = self.filter.split_whitespace().map(str::to_lowercase).collect();
        self.rows.clear();
        self.rows.extend(
            (0..sweep.rows.len())
                .filter(|place| words.iter().all(|word| matches(&sweep.rows[*place], word))),
        );
        if self.sort != Sort::Plan {
            let forward = match (&self.sort, sweep.direction) {
                (Sort::Objective, Direction::Maximize) => self.order == Order::Backward,
                _ => self.order == Order::Forward,
            };
            self.rows
                .sort_by(|a, b| compare(&self.sort, &sweep.rows[*a], &sweep.rows[*b], forward));
        } else if self.order == Order::Backward {
            self.rows.reverse();
        }
        if self.selected.is_none_or(|selected| !self.rows.contains(&selected)) {
            self.selected = self.rows.first().copied();
        }
    }

    /// Where the selected row is among the visible ones.
    pub(super) fn position(&self) -> Option<usize> {
        let selected = self.selected?;
        self.rows.iter().position(|place| *place == selected)
    }

    /// Moves the selection by so many rows, as far as there are any.
    pub(super) fn step(&mut self, by: isize) {
        if let Some(last) = self.rows.len().checked_sub(1) {
            let place = self.position().unwrap_or(0).saturating_add_signed(by).min(last);
            self.selected = Some(self.rows[place]);
        }
    }
}

/// Whether a row matches a word: `key=value` compares a parameter's value exactly (as a number, if
/// both are), anything else is looked for in the id, the state (`damaged` and `warnings` too) and
/// the parameters.
fn matches(row: &Row, word: &str) -> bool {
    if let Some((key, wanted)) = word.split_once('=') {
        let equal = |value: &str| match (value.parse::<f64>(), wanted.parse::<f64>()) {
            (Ok(value), Ok(wanted)) => value == wanted,
            _ => value.eq_ignore_ascii_case(wanted),
        };
        let named = |full: &str| {
            full == key || full.rsplit('.').next() == Some(key) || heading(full) == key
        };
        return row.parameters.iter().any(|(full, value)| named(full) && equal(value));
    }
    let kind = row.kind();
    row.name.contains(word)
        || kind.word().contains(word)
        || (!row.damage.is_empty() && "damaged".contains(word))
        || (!row.progress.warnings.is_empty() && "warnings".contains(word))
        || row
            .parameters
            .iter()
            .any(|(key, value)| key.contains(word) || value.to_lowercase().contains(word))
}

/// Sorts undefined values last, whichever way; equals keep the order of the plan.
fn compare(sort: &Sort, a: &Row, b: &Row, forward: bool) -> Ordering {
    let turn = |ordering: Ordering| if forward { ordering } else { ordering.reverse() };
    let numbers = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => turn(a.total_cmp(&b)),
        (a, b) => b.is_some().cmp(&a.is_some()),
    };
    let last = |row: &Row, number: fn(&lane_types::EpochReport) -> f64| {
        row.last().map(number).filter(|value| value.is_finite())
    };
    match sort {
        Sort::Plan => Ordering::Equal,
        Sort::State => turn(a.kind().cmp(&b.kind())),
        Sort::Id => turn(a.name.cmp(&b.name)),
        Sort::Parameter(key) => match (a.parameter(key), b.parameter(key)) {
            (Some(a), Some(b)) => turn(match (a.parse::<f64>(), b.parse::<f64>()) {
                (Ok(a), Ok(b)) => a.total_cmp(&b),
                _ => a.cmp(b),
            }),
            (a, b) => b.is_some().cmp(&a.is_some()),
        },
        Sort::Epoch => turn(a.epochs().cmp(&b.epochs())),
        Sort::TrainLoss => {
            numbers(last(a, |epoch| epoch.train.loss), last(b, |epoch| epoch.train.loss))
        }
        Sort::Objective => numbers(a.value.filter(|_| counts(a)), b.value.filter(|_| counts(b))),
        Sort::LearningRate => {
            numbers(last(a, |epoch| epoch.learning_rate), last(b, |epoch| epoch.learning_rate))
        }
    }
}

/// Whether a row's value is a result: a failed trial's last best is not.
fn counts(row: &Row) -> bool {
    row.kind() != Kind::Failed
}
