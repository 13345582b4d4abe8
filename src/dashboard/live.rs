//! The loop: drains keys and changes once a frame, draws only when something changed. What is
//! recorded moves the screen at most ten times a second; a key is answered at once.

use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::crossterm::event::KeyEvent;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use super::input;
use super::keys::{Heard, Keys};
use super::screen::{CommandKind, Phase, Reaction, Role, Screen};
use super::source::Source;
use super::term;
use super::theme::Theme;
use crate::signal::{self, Taker};
use experiment::trial::TrialId;
use runs::store::{FileError, Follower, Forecasts, RunFolder, SweepRecord};

/// What to show, and what its keys may do.
pub struct Options {
    /// The sweep's folder.
    pub folder: PathBuf,
    /// Whether keys may command the sweep.
    pub control: Control,
    /// Asked once a frame: what the sweep came to, once its supervisor has ended ("sweep ended: 12
    /// finished").
    pub finished: Box<dyn Fn() -> Option<String>>,
    /// Leave as soon as the supervisor has ended, instead of staying for a look.
    pub close_when_finished: bool,
    /// Who trades the trials that are compared, where the sweep is traded.
    pub trader: fn(&SweepRecord) -> Option<Trades>,
}

/// Trades trials elsewhere: ids go out, what they came to comes back.
#[derive(Debug)]
pub struct Trades {
    /// Takes the trials that are to be traded.
    pub ask: Sender<TrialId>,
    /// What each came to, or why it cannot be traded.
    pub answers: Receiver<(TrialId, Result<Equity, String>)>,
}

/// Start of each bar (ns UTC) and net result since the first, percent.
pub type Equity = Vec<(i64, f64)>;

/// Who drives the sweep.
pub enum Control {
    /// Somebody else.
    ReadOnly,
    /// This process; commands go here.
    Owner(Box<dyn FnMut(Command)>),
}

/// What a person asks of a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Stop this trial; its result so far counts.
    StopTrial(TrialId),
    /// Write checkpoints and stop; the sweep can be resumed.
    StopSweep,
    /// Go on without a dashboard.
    Detach,
    /// Stand still until [`Command::GoOn`]: this process is about to.
    Pause,
    /// Go on after [`Command::Pause`].
    GoOn,
}

/// Why the dashboard was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// The sweep had ended.
    Finished,
    /// It goes on without us ([`Command::Detach`] was sent).
    Detached,
    /// It was asked to stop ([`Command::StopSweep`] was sent) and has ended, or the person would
    /// not wait for it.
    StopRequested,
    /// The watcher left.
    Quit,
    /// The terminal is gone. The sweep was asked to stop ([`Command::StopSweep`] was sent).
    HungUp,
}

/// Why there is no dashboard.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// The sweep cannot be read.
    #[error(transparent)]
    Store(#[from] FileError),
    /// The terminal is none, or cannot do what a dashboard needs.
    #[error("the terminal cannot be used: {0}; without a terminal, use --plain")]
    Terminal(#[from] io::Error),
}

/// Shows a sweep until the person leaves. Owns the terminal meanwhile; nothing else may write to
/// it.
///
/// # Errors
/// When the folder cannot be read or the terminal cannot be used; the terminal is put back first.
pub fn run(options: Options) -> Result<Leave, DashboardError> {
    let Options { folder, control, finished, close_when_finished, trader } = options;
    let (record, follower) = Follower::open(&folder)?;
    let trials = folder.join("trials");
    let (role, send) = match control {
        Control::ReadOnly => (Role::Watcher, None),
        Control::Owner(send) => (Role::Owner, Some(send)),
    };
    let mut screen = Screen::new(&record, role, Theme::from_environment());
    let trades = trader(&record);
    drop(record);
    let begun = Instant::now();
    let mut keys = Keys::of_stdin()?;
    let mut session = Session {
        source: Source::Folder(Box::new(follower)),
        keys: Box::new(move |wait| keys.wait(wait)),
        signals: Box::new(heard_signals),
        clock: Box::new(move || begun.elapsed().as_secs_f64()),
        forecasts: Box::new(move |id| {
            RunFolder { path: trials.join(&id.0) }
                .forecasts("valid")
                .map_err(|error| error.to_string())
        }),
        trades,
        send: send.unwrap_or_else(|| Box::new(|_| {})),
        pause_group: Box::new(signal::pause_group),
        outlast: Box::new(signal::outlast_terminal),
        finished,
        at_end: if close_when_finished { AtEnd::Leave } else { AtEnd::Stay },
        at_hang_up: if signal::hangup_is_ignored() { AtHangUp::GoOn } else { AtHangUp::Stop },
    };
    let _signals = signal::take(Taker::Dashboard)?;
    let mut guard = term::Guard::enter()?;
    loop {
        match session.follow(guard.terminal(), &mut screen) {
            Step::Leave(leave) => return Ok(leave),
            Step::Pause => {
                (session.send)(Command::Pause);
                drop(guard);
                signal::pause_here();
                (session.send)(Command::GoOn);
                guard = match term::Guard::enter() {
                    Ok(guard) => guard,
                    // It was closed meanwhile.
                    Err(_) => return Ok(session.hang_up(&screen)),
                };
            }
        }
    }
}

/// What signals asked for since this was last called.
fn heard_signals() -> Signals {
    Signals { end: signal::take_end(), pause: signal::take_pause(), resize: signal::take_resize() }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// What the loop talks to.
struct Session {
    source: Source,
    /// The next key, waiting for at most so long.
    keys: Box<dyn FnMut(Duration) -> Heard>,
    /// What signals asked for since it was last called.
    signals: Box<dyn FnMut() -> Signals>,
    /// Monotonic seconds.
    clock: Box<dyn Fn() -> f64>,
    /// A trial's validation forecasts.
    forecasts: Box<dyn Fn(&TrialId) -> Result<Forecasts, String>>,
    trades: Option<Trades>,
    send: Box<dyn FnMut(Command)>,
    /// Asks all processes of this one's group to pause, this one included.
    pause_group: Box<dyn FnMut()>,
    /// Keeps this process alive although its terminal is gone.
    outlast: Box<dyn FnMut()>,
    finished: Box<dyn Fn() -> Option<String>>,
    at_end: AtEnd,
    at_hang_up: AtHangUp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AtEnd {
    Stay,
    Leave,
}

/// What becomes of a sweep of ours when the terminal is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AtHangUp {
    Stop,
    /// It was started to outlive its terminal (nohup).
    GoOn,
}

/// What signals ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Signals {
    end: bool,
    pause: bool,
    /// The terminal has another size.
    resize: bool,
}

/// What comes after the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Leave(Leave),
    /// The shell has the terminal for a while.
    Pause,
}

/// Seconds between two frames.
const FRAME: f64 = 0.1;
/// Seconds between two looks into the folder; progress files are replaced at most twice a second.
/// (Measured with 64 of 1,000 trials running an epoch a second: 200×60 cells at five looks a second
/// take 1.1 % of a core, half of it in the file system.)
const POLL: f64 = 0.25;
/// Seconds after which a screen with running trials is drawn again although nothing happened: the
/// remaining time moves.
const TICK: f64 = 1.0;

impl Session {
    fn follow<B: Backend>(&mut self, terminal: &mut Terminal<B>, screen: &mut Screen) -> Step {
        let mut drawn = f64::NEG_INFINITY;
        let mut polled = f64::NEG_INFINITY;
        let mut stale = true;
        loop {
            let now = (self.clock)();
            if now - polled >= POLL {
                polled = now;
                let over = matches!(screen.phase, Phase::Ended(_));
                stale |= self.look(screen, now);
                if let Some(leave) = self.ended(screen) {
                    return Step::Leave(leave);
                }
                stale |= over != matches!(screen.phase, Phase::Ended(_));
            }
            let Signals { end, pause, resize } = (self.signals)();
            stale |= end || resize;
            if end && let Some(leave) = self.react(screen, input::INTERRUPT) {
                return Step::Leave(leave);
            }
            if pause {
                return Step::Pause;
            }
            for (place, id) in screen.wanted_forecasts() {
                screen.take_forecasts(place, (self.forecasts)(&id));
                stale = true;
            }
            stale |= self.trade(screen);
            if stale || (screen.ticks() && now - drawn >= TICK) {
                if terminal.draw(|frame| screen.draw(frame, now)).is_err() {
                    return Step::Leave(self.hang_up(screen));
                }
                (drawn, stale) = (now, false);
            }
            // The first key of a frame is waited for; what follows it is taken before the next
            // frame is drawn.
            let mut wait = (FRAME - ((self.clock)() - now)).max(0.0);
            loop {
                match (self.keys)(Duration::from_secs_f64(wait)) {
                    Heard::Nothing => break,
                    Heard::Key(key) => {
                        stale = true;
                        if let Some(leave) = self.react(screen, key) {
                            return Step::Leave(leave);
                        }
                    }
                    Heard::HangUp => return Step::Leave(self.hang_up(screen)),
                }
                wait = 0.0;
            }
        }
    }

    /// The terminal is gone. A sweep of ours is stopped as by Ctrl-C, or left to itself.
    fn hang_up(&mut self, screen: &Screen) -> Leave {
        (self.outlast)();
        match (screen.role, &screen.phase, self.at_hang_up) {
            (Role::Owner, Phase::Running, AtHangUp::Stop) => (self.send)(Command::StopSweep),
            (Role::Owner, Phase::Running, AtHangUp::GoOn) => {
                (self.send)(Command::Detach);
                return Leave::Detached;
            }
            (Role::Watcher, ..) | (Role::Owner, Phase::Stopping | Phase::Ended(_), _) => {}
        }
        Leave::HungUp
    }

    /// Asks for what is to be traded and takes what came of it; whether there is something to draw.
    fn trade(&self, screen: &mut Screen) -> bool {
        let Some(Trades { ask, answers }) = &self.trades else { return false };
        for id in screen.wanted_equity() {
            if ask.send(id.clone()).is_err() {
                screen
                    .take_equity(&id, Err("it cannot be traded: its thread has ended".to_owned()));
            }
        }
        answers.try_iter().map(|(id, equity)| screen.take_equity(&id, equity)).count() > 0
    }

    /// Takes what is new; whether there is something to draw.
    fn look(&mut self, screen: &mut Screen, now: f64) -> bool {
        match self.source.poll() {
            Ok(changes) => {
                screen.apply(&changes, now);
                !changes.is_empty()
            }
            // A viewer outlives a moment without its file system.
            Err(error) => {
                screen.trouble(&error.to_string());
                true
            }
        }
    }

    /// Takes note that the supervisor has ended; says when that is a reason to leave.
    fn ended(&mut self, screen: &mut Screen) -> Option<Leave> {
        if matches!(screen.phase, Phase::Ended(_)) {
            return None;
        }
        let how = (self.finished)()?;
        let asked = screen.phase == Phase::Stopping;
        // Whatever was written last is on the last screen too.
        let now = (self.clock)();
        self.look(screen, now);
        screen.ended(&how);
        match (asked, self.at_end) {
            (true, _) => Some(Leave::StopRequested),
            (false, AtEnd::Leave) => Some(Leave::Finished),
            (false, AtEnd::Stay) => None,
        }
    }

    fn react(&mut self, screen: &mut Screen, key: KeyEvent) -> Option<Leave> {
        match screen.key(key) {
            Reaction::None => None,
            Reaction::Send(kind) => {
                (self.send)(screen.command(kind));
                None
            }
            Reaction::Leave(leave) => {
                if leave == Leave::Detached {
                    (self.send)(screen.command(CommandKind::Detach));
                }
                Some(leave)
            }
            // The whole group: the program that started us (cargo run, a script) pauses too, or the
            // shell would not come back.
            Reaction::Pause => {
                (self.pause_group)();
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
