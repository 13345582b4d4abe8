//! What is on the screen: what is known, what the person chose, and what a key does to it.

use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use std::collections::BTreeMap;

use super::input::{self, Action};
use super::live::{Command, Equity, Leave};
use super::state::{Kind, Row, Sweep};
use super::text::clean;
use super::theme::{Curve, Theme};
use super::view::{Mode, Order, Scale, View, Zoom};
use super::{detail, draw};
use experiment::metric::Quantity;
use experiment::trial::TrialId;
use runs::store::{Change, Forecasts, SweepRecord};

/// Everything that a frame is drawn from, but for the size and the time.
#[derive(Clone, Debug)]
pub struct Screen {
    pub(super) sweep: Sweep,
    pub(super) view: View,
    pub(super) role: Role,
    pub(super) phase: Phase,
    pub(super) theme: Theme,
    /// A word about the last key, or a passing trouble; escaped. Gone with the next key.
    pub(super) notice: Option<String>,
    /// What was read of the trials' validation forecasts, by place; why not is escaped.
    pub(super) forecasts: BTreeMap<usize, Result<Forecasts, String>>,
    /// Whether the experiment says how its forecasts are traded.
    pub(super) is_traded: bool,
    /// What trading them came to, by place; `None` while that is under way; why it cannot be done
    /// is escaped.
    pub(super) equity: BTreeMap<usize, Option<Result<Equity, String>>>,
}

/// Whether keys may command the sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Looks only.
    Watcher,
    /// Started the sweep.
    Owner,
}

/// Where the sweep's supervisor is, as far as an owner knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    /// Asked to stop; checkpoints are being written.
    Stopping,
    /// Gone, with what it came to; escaped.
    Ended(String),
}

/// What a key came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing, or something to see.
    None,
    /// Something for the supervisor.
    Send(CommandKind),
    /// The person leaves.
    Leave(Leave),
    /// The person goes back to the shell for a while.
    Pause,
}

/// A command to a supervisor, with the row it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// Stop the trial at this place.
    StopTrial(usize),
    /// Stop the sweep.
    StopSweep,
    /// Leave it running.
    Detach,
}

/// Rows of a page.
const PAGE: isize = 10;

impl Screen {
    /// The first screen of a sweep.
    #[must_use]
    pub fn new(record: &SweepRecord, role: Role, theme: Theme) -> Self {
        let sweep = Sweep::new(record);
        let mut view = View::new();
        view.refresh(&sweep);
        let is_traded = record.manifest.backtest.is_some();
        let (forecasts, equity) = (BTreeMap::new(), BTreeMap::new());
        Self {
            sweep,
            view,
            role,
            phase: Phase::Running,
            theme,
            notice: None,
            forecasts,
            is_traded,
            equity,
        }
    }

    /// Folds what is new; `now` is in monotonic seconds.
    pub fn apply(&mut self, changes: &[Change], now: f64) {
        self.sweep.apply(changes, now);
        if !changes.is_empty() {
            self.view.refresh(&self.sweep);
        }
    }

    /// Says that the supervisor ended, and how.
    pub fn ended(&mut self, how: &str) {
        self.phase = Phase::Ended(clean(how).into_owned());
    }

    pub(super) fn selected(&self) -> Option<&Row> {
        self.view.selected.map(|place| &self.sweep.rows[place])
    }

    /// Places of the trials whose curves are compared, the most important last.
    pub(super) fn compared(&self) -> Vec<(Curve, usize)> {
        self.view.compared(self.sweep.summary.best.map(|best| best.run))
    }

    /// Places of the compared trials that have ended: their forecasts are on the disk.
    pub(super) fn compared_results(&self) -> Vec<usize> {
        let places = self.compared().into_iter().map(|(_, place)| place);
        places.filter(|&place| self.sweep.rows[place].result.is_some()).collect()
    }

    /// Trials whose forecasts are to be shown and were not read yet.
    #[must_use]
    pub fn wanted_forecasts(&self) -> Vec<(usize, TrialId)> {
        if self.view.zoom != Zoom::Compared {
            return Vec::new();
        }
        let places =
            self.compared_results().into_iter().filter(|place| !self.forecasts.contains_key(place));
        places.map(|place| (place, self.sweep.rows[place].id.clone())).collect()
    }

    /// Takes the forecasts of the trial at a place, or why they cannot be read.
    pub fn take_forecasts(&mut self, place: usize, read: Result<Forecasts, String>) {
        self.forecasts.insert(place, read.map_err(|why| clean(&why).into_owned()));
    }

    /// Trials that are to be traded and were not asked for yet; now they are.
    pub fn wanted_equity(&mut self) -> Vec<TrialId> {
        if self.view.zoom != Zoom::Compared || !self.is_traded {
            return Vec::new();
        }
        let places: Vec<usize> = self
            .compared_results()
            .into_iter()
            .filter(|place| !self.equity.contains_key(place))
            .collect();
        self.equity.extend(places.iter().map(|&place| (place, None)));
        places.into_iter().map(|place| self.sweep.rows[place].id.clone()).collect()
    }

    /// Takes what trading a trial came to, or why it cannot be traded.
    pub fn take_equity(&mut self, id: &TrialId, traded: Result<Equity, String>) {
        if let Some(place) = self.sweep.rows.iter().position(|row| row.id == *id) {
            self.equity.insert(place, Some(traded.map_err(|why| clean(&why).into_owned())));
        }
    }

    /// Shows a passing trouble.
    pub fn trouble(&mut self, what: &str) {
        self.notice = Some(clean(what).into_owned());
    }

    /// Whether something on the screen changes by itself as time passes.
    #[must_use]
    pub fn ticks(&self) -> bool {
        self.sweep.count(Kind::Running) > 0
    }

    /// Draws a frame: a pure function of what is known, the frame's size and `now`, in monotonic
    /// seconds.
    pub fn draw(&self, frame: &mut Frame<'_>, now: f64) {
        draw::screen(frame.buffer_mut(), self, now);
    }

    /// The command that a reaction means.
    #[must_use]
    pub fn command(&self, kind: CommandKind) -> Command {
        match kind {
            CommandKind::StopTrial(place) => Command::StopTrial(self.sweep.rows[place].id.clone()),
            CommandKind::StopSweep => Command::StopSweep,
            CommandKind::Detach => Command::Detach,
        }
    }

    /// Takes a key.
    pub fn key(&mut self, key: KeyEvent) -> Reaction {
        self.notice = None;
        if input::action(key) == Some(Action::Interrupt) {
            return self.interrupt();
        }
        if input::action(key) == Some(Action::Pause) {
            return Reaction::Pause;
        }
        match self.view.mode {
            Mode::Filter => self.key_of_filter(key),
            Mode::StopTrial(place) => self.key_of_stop(key, place),
            Mode::Leave => self.key_of_leave(key),
            Mode::Help => {
                let leaves = matches!(
                    input::action(key),
                    Some(Action::Help | Action::Back | Action::Quit | Action::Detail)
                );
                if leaves {
                    self.view.mode = Mode::Browse;
                }
                Reaction::None
            }
            Mode::Browse | Mode::Detail => {
                input::action(key).map_or(Reaction::None, |action| self.act(action))
            }
        }
    }

    fn act(&mut self, action: Action) -> Reaction {
        match action {
            Action::Up => self.step(-1),
            Action::Down => self.step(1),
            Action::PageUp => self.page(-PAGE),
            Action::PageDown => self.page(PAGE),
            Action::First => self.step(isize::MIN),
            Action::Last => self.step(isize::MAX),
            Action::NextSort => {
                self.view.sort = self.view.next_sort(&self.sweep);
                self.view.order = Order::Forward;
                self.view.refresh(&self.sweep);
            }
            Action::ReverseSort => {
                self.view.order = match self.view.order {
                    Order::Forward => Order::Backward,
                    Order::Backward => Order::Forward,
                };
                self.view.refresh(&self.sweep);
            }
            Action::Filter => self.view.mode = Mode::Filter,
            Action::Pin => {
                if let Some(place) = self.view.selected
                    && !self.view.pinned.remove(&place)
                {
                    self.view.pinned.insert(place);
                }
            }
            Action::StopTrial => self.ask_to_stop(),
            Action::LogScale => {
                self.view.scale = match self.view.scale {
                    Scale::Linear => Scale::Log,
                    Scale::Log => Scale::Linear,
                }
            }
            Action::NextMetric => {
                self.view.quantity = match self.view.quantity {
                    Quantity::Loss => Quantity::Rmse,
                    Quantity::Rmse => Quantity::Mae,
                    _ => Quantity::Loss,
                }
            }
            Action::NextPane => {
                self.view.zoom = self.view.zoom.next();
                self.view.log_skip = 0;
            }
            Action::Detail => {
                self.view.mode = if self.view.mode == Mode::Detail || self.view.selected.is_none() {
                    Mode::Browse
                } else {
                    Mode::Detail
                };
                self.view.detail_skip = 0;
            }
            Action::Help => self.view.mode = Mode::Help,
            Action::Back => self.back(),
            Action::Quit => return self.quit(),
            Action::Interrupt => return self.interrupt(),
            Action::Pause => return Reaction::Pause,
        }
        Reaction::None
    }

    fn step(&mut self, by: isize) {
        if self.view.zoom == Zoom::Log && self.view.mode == Mode::Browse {
            let most = self.sweep.log.len().saturating_sub(1);
            self.view.log_skip =
                self.view.log_skip.saturating_add_signed(by.saturating_neg()).min(most);
        } else {
            self.view.step(by);
            self.view.detail_skip = 0;
        }
    }

    /// In the detail screen a page scrolls the text: the arrows already change the trial.
    fn page(&mut self, by: isize) {
        if self.view.mode == Mode::Detail {
            let most = detail::text(self).len().saturating_sub(1);
            self.view.detail_skip = self.view.detail_skip.saturating_add_signed(by).min(most);
        } else {
            self.step(by);
        }
    }

    /// Out of the innermost thing that is open.
    fn back(&mut self) {
        if self.view.mode == Mode::Detail {
            self.view.mode = Mode::Browse;
        } else if self.view.zoom != Zoom::All {
            self.view.zoom = Zoom::All;
        } else {
            self.view.filter.clear();
            self.view.refresh(&self.sweep);
        }
    }

    fn ask_to_stop(&mut self) {
        let Some(place) = self.view.selected else { return };
        let row = &self.sweep.rows[place];
        match (self.role, &self.phase, row.kind()) {
            (Role::Watcher, ..) => {
                self.notice = Some("only watching: stop it where the sweep was started".into())
            }
            (Role::Owner, Phase::Running, Kind::Running) => self.view.mode = Mode::StopTrial(place),
            (Role::Owner, Phase::Stopping, _) => {
                self.notice = Some("the sweep is already stopping".into())
            }
            (Role::Owner, ..) => self.notice = Some(format!("{} is not running", row.name)),
        }
    }

    fn key_of_filter(&mut self, key: KeyEvent) -> Reaction {
        if input::is(key, KeyCode::Enter) {
            self.view.mode = Mode::Browse;
        } else if input::is(key, KeyCode::Esc) {
            self.view.mode = Mode::Browse;
            self.view.filter.clear();
        } else if input::is(key, KeyCode::Backspace) {
            self.view.filter.pop();
        } else if input::is(key, KeyCode::Up) {
            self.view.step(-1);
        } else if input::is(key, KeyCode::Down) {
            self.view.step(1);
        } else if let Some(c) = input::typed(key).filter(|c| !c.is_control()) {
            self.view.filter.push(c);
        }
        self.view.refresh(&self.sweep);
        Reaction::None
    }

    fn key_of_stop(&mut self, key: KeyEvent, place: usize) -> Reaction {
        match input::typed(key) {
            Some('y' | 's') => {
                self.view.mode = Mode::Browse;
                self.notice = Some(format!("asked to stop {}", self.sweep.rows[place].name));
                Reaction::Send(CommandKind::StopTrial(place))
            }
            Some('n' | 'q') => self.dismiss(),
            _ if input::is(key, KeyCode::Esc) => self.dismiss(),
            _ => Reaction::None,
        }
    }

    fn key_of_leave(&mut self, key: KeyEvent) -> Reaction {
        // The sweep may have ended while the question stood.
        if matches!(self.phase, Phase::Ended(_)) {
            self.view.mode = Mode::Browse;
            return self.quit();
        }
        match input::typed(key) {
            Some('l') => Reaction::Leave(Leave::Detached),
            Some('s') => self.interrupt(),
            _ if input::is(key, KeyCode::Esc) => self.dismiss(),
            _ => Reaction::None,
        }
    }

    fn dismiss(&mut self) -> Reaction {
        self.view.mode = Mode::Browse;
        Reaction::None
    }

    fn quit(&mut self) -> Reaction {
        match (self.role, &self.phase) {
            (Role::Watcher, _) => Reaction::Leave(Leave::Quit),
            (Role::Owner, Phase::Ended(_)) => Reaction::Leave(Leave::Finished),
            (Role::Owner, Phase::Stopping) => Reaction::Leave(Leave::StopRequested),
            (Role::Owner, Phase::Running) => {
                self.view.mode = Mode::Leave;
                Reaction::None
            }
        }
    }

    /// The first time asks the sweep to stop and stays to show it; the second time leaves at once.
    fn interrupt(&mut self) -> Reaction {
        if (self.role, &self.phase) == (Role::Owner, &Phase::Running) {
            self.view.mode = Mode::Browse;
            self.phase = Phase::Stopping;
            return Reaction::Send(CommandKind::StopSweep);
        }
        self.quit()
    }
}
