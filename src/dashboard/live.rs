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
mod tests {
    use ratatui::backend::TestBackend;
    use ratatui::crossterm::event::{KeyCode, KeyModifiers};
    use std::cell::{Cell, RefCell};
    use std::collections::VecDeque;
    use std::rc::Rc;

    use super::*;
    use crate::dashboard::fixture;
    use experiment::event::End;
    use runs::store::Change;

    /// A session in which every wait for a key takes as long as it may, and keys come at given
    /// times.
    struct Stage {
        session: Session,
        sent: Rc<RefCell<Vec<Command>>>,
        terminal: Terminal<TestBackend>,
    }

    fn stage(batches: Vec<Vec<Change>>, keys: &[(f64, char)], ends: f64, at_end: AtEnd) -> Stage {
        let now = Rc::new(Cell::new(0.0));
        let sent = Rc::new(RefCell::new(Vec::new()));
        let mut keys: VecDeque<(f64, char)> = keys.iter().copied().collect();
        let (waiter, clock, end, sender) =
            (Rc::clone(&now), Rc::clone(&now), Rc::clone(&now), Rc::clone(&sent));
        let asks = Rc::new(Cell::new(false));
        let asked = Rc::clone(&asks);
        let session = Session {
            source: Source::Recorded(batches.into()),
            keys: Box::new(move |wait| {
                if let Some((_, c)) = keys.pop_front_if(|(at, _)| *at <= waiter.get()) {
                    return match c {
                        HANG_UP => Heard::HangUp,
                        c if c.is_control() => {
                            let letter = char::from(c as u8 - 1 + b'a');
                            Heard::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL))
                        }
                        c => Heard::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)),
                    };
                }
                waiter.set(waiter.get() + wait.as_secs_f64());
                assert!(waiter.get() < 1000.0, "nobody leaves");
                Heard::Nothing
            }),
            signals: Box::new(move || Signals { pause: asked.take(), ..Signals::default() }),
            pause_group: Box::new(move || asks.set(true)),
            outlast: Box::new(|| {}),
            clock: Box::new(move || clock.get()),
            forecasts: Box::new(|id| Err(format!("{id} has none"))),
            trades: None,
            send: Box::new(move |command| sender.borrow_mut().push(command)),
            finished: Box::new(move || {
                (end.get() >= ends).then(|| "sweep ended: 3 finished".to_owned())
            }),
            at_end,
            at_hang_up: AtHangUp::Stop,
        };
        Stage { session, sent, terminal: Terminal::new(TestBackend::new(80, 24)).unwrap() }
    }

    /// The key that is none: the terminal is closed.
    const HANG_UP: char = '\u{0}';

    fn play(stage: &mut Stage, role: Role) -> Leave {
        let mut screen = Screen::new(&fixture::grid(3), role, Theme::plain());
        match stage.session.follow(&mut stage.terminal, &mut screen) {
            Step::Leave(leave) => leave,
            Step::Pause => panic!("nobody asked for a pause"),
        }
    }

    #[test]
    fn a_replayed_sweep_is_drawn_and_stays_until_somebody_leaves() {
        let batches = fixture::end(3).chunks(10).map(<[Change]>::to_vec).collect();
        let mut stage = stage(batches, &[(30.0, 'q')], 20.0, AtEnd::Stay);
        assert_eq!(play(&mut stage, Role::Owner), Leave::Finished);
        let screen = stage.terminal.backend().to_string();
        assert!(screen.contains("sweep ended: 3 finished") && screen.contains("100 %"), "{screen}");
        assert!(stage.sent.borrow().is_empty());
    }

    #[test]
    fn it_closes_by_itself_only_when_asked_to() {
        let mut stage = stage(vec![fixture::end(3)], &[], 5.0, AtEnd::Leave);
        assert_eq!(play(&mut stage, Role::Owner), Leave::Finished);
    }

    #[test]
    fn what_was_written_last_is_seen_before_it_closes() {
        let batches = vec![fixture::log(0, 3, None), fixture::log(0, 20, Some(End::Finished))];
        let mut stage = stage(batches, &[(1.0, 'q')], 0.0, AtEnd::Stay);
        play(&mut stage, Role::Owner);
        assert!(stage.terminal.backend().to_string().contains("20/20"));
    }

    #[test]
    fn stopping_the_sweep_sends_one_command_and_leaves_when_it_has_ended() {
        let mut stage =
            stage(vec![fixture::log(0, 3, None)], &[(1.0, 'q'), (1.0, 's')], 9.0, AtEnd::Stay);
        assert_eq!(play(&mut stage, Role::Owner), Leave::StopRequested);
        assert_eq!(*stage.sent.borrow(), [Command::StopSweep]);
        assert!(stage.terminal.backend().to_string().contains("stopping"));
    }

    #[test]
    fn a_terminal_that_is_closed_stops_a_sweep_of_ours_and_only_a_look_at_another() {
        let mut owner =
            stage(vec![fixture::log(0, 3, None)], &[(1.0, HANG_UP)], f64::INFINITY, AtEnd::Stay);
        assert_eq!(play(&mut owner, Role::Owner), Leave::HungUp);
        assert_eq!(*owner.sent.borrow(), [Command::StopSweep]);
        let mut nohup =
            stage(vec![fixture::log(0, 3, None)], &[(1.0, HANG_UP)], f64::INFINITY, AtEnd::Stay);
        nohup.session.at_hang_up = AtHangUp::GoOn;
        assert_eq!(play(&mut nohup, Role::Owner), Leave::Detached);
        assert_eq!(*nohup.sent.borrow(), [Command::Detach]);
        let mut watcher =
            stage(vec![fixture::log(0, 3, None)], &[(1.0, HANG_UP)], f64::INFINITY, AtEnd::Stay);
        assert_eq!(play(&mut watcher, Role::Watcher), Leave::HungUp);
        assert!(watcher.sent.borrow().is_empty());
        let mut over = stage(vec![fixture::end(3)], &[(9.0, HANG_UP)], 5.0, AtEnd::Stay);
        assert_eq!(play(&mut over, Role::Owner), Leave::HungUp);
        assert!(over.sent.borrow().is_empty(), "the sweep had ended");
    }

    #[test]
    fn ctrl_z_asks_the_whole_group_and_the_loop_goes_on_where_it_was() {
        let mut stage = stage(
            vec![fixture::log(0, 3, None)],
            &[(1.0, '\u{1a}'), (2.0, 'q'), (2.0, 'l')],
            f64::INFINITY,
            AtEnd::Stay,
        );
        let mut screen = Screen::new(&fixture::grid(3), Role::Owner, Theme::plain());
        assert_eq!(stage.session.follow(&mut stage.terminal, &mut screen), Step::Pause);
        assert_eq!(
            stage.session.follow(&mut stage.terminal, &mut screen),
            Step::Leave(Leave::Detached)
        );
    }

    #[test]
    fn leaving_a_sweep_running_and_stopping_a_trial_send_their_commands() {
        let keys = [(1.0, 'x'), (1.0, 'y'), (2.0, 'q'), (2.0, 'l')];
        let mut stage = stage(vec![fixture::log(0, 3, None)], &keys, f64::INFINITY, AtEnd::Stay);
        assert_eq!(play(&mut stage, Role::Owner), Leave::Detached);
        assert_eq!(*stage.sent.borrow(), [Command::StopTrial(fixture::id(0)), Command::Detach]);
    }
}
