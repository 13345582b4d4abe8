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
