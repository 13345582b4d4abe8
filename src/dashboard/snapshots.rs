//! Whole screens. A screen is drawn into a buffer and kept under `snapshots/`; look at the
//! difference before accepting one.

mod order;

use insta::assert_snapshot;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};

use super::screen::{CommandKind, Reaction, Role, Screen};
use super::theme::Theme;
use super::{Leave, Plain, fixture};
use evidence::compare::{Subject, compare, ranked_by};
use experiment::Objective;
use experiment::event::{End, Event};
use experiment::space::Value;
use runs::store::{Change, Forecasts, SweepRecord};

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (200, 60);

fn draw(screen: &Screen, (columns, rows): (u16, u16), now: f64) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| screen.draw(frame, now)).unwrap();
    terminal.backend().clone()
}

fn open(record: &SweepRecord, role: Role) -> Screen {
    Screen::new(record, role, Theme::colored())
}

fn middle(role: Role) -> Screen {
    let mut screen = open(&fixture::grid(12), role);
    screen.apply(&fixture::middle(), 0.0);
    screen
}

fn press(screen: &mut Screen, keys: &str) -> Reaction {
    keys.chars().fold(Reaction::None, |_, c| {
        let code = match c {
            '⏎' => KeyCode::Enter,
            '⎋' => KeyCode::Esc,
            '⇥' => KeyCode::Tab,
            '⌫' => KeyCode::Backspace,
            '⇟' => KeyCode::PageDown,
            c => KeyCode::Char(c),
        };
        screen.key(KeyEvent::new(code, KeyModifiers::NONE))
    })
}

fn control_c(screen: &mut Screen) -> Reaction {
    screen.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL))
}

fn shows(screen: &Screen, text: &str) -> bool {
    draw(screen, LARGE, 0.0).to_string().contains(text)
}

#[test]
fn an_empty_sweep() {
    let screen = open(&fixture::grid(0), Role::Owner);
    assert_snapshot!("empty_80x24", draw(&screen, SMALL, 0.0));
}

#[test]
fn a_sweep_that_waits() {
    assert_snapshot!("waiting_80x24", draw(&open(&fixture::grid(12), Role::Owner), SMALL, 0.0));
}

#[test]
fn the_middle_of_a_sweep_with_failures_and_a_lost_run() {
    let mut screen = middle(Role::Owner);
    // Two more epochs in ten seconds: the remaining time can be told.
    for (second, epoch) in [(5.0, 4), (10.0, 5)] {
        let reports = fixture::epochs(&fixture::losses(8, epoch));
        let event = Event::Epoch(reports.last().unwrap().clone());
        screen.apply(
            &[Change::Line(fixture::id(8), 1, Box::new(fixture::line(epoch as u64, event)))],
            second,
        );
    }
    assert_snapshot!("middle_80x24", draw(&screen, SMALL, 10.0));
    assert_snapshot!("middle_200x60", draw(&screen, LARGE, 10.0));
    assert_snapshot!("middle_60x15", draw(&screen, (60, 15), 10.0));
    assert_snapshot!("middle_40x10", draw(&screen, (40, 10), 10.0));
    assert_snapshot!("too_small", draw(&screen, (39, 9), 10.0));
}

#[test]
fn a_finished_sweep_sorted_by_its_objective() {
    let mut screen = open(&fixture::grid(12), Role::Owner);
    screen.apply(&fixture::end(12), 0.0);
    screen.ended("sweep ended: 12 finished");
    press(&mut screen, "sssssssg");
    assert_snapshot!("finished_80x24", draw(&screen, SMALL, 0.0));
    assert_snapshot!("finished_200x60", draw(&screen, LARGE, 0.0));
    assert_eq!(press(&mut screen, "q"), Reaction::Leave(Leave::Finished));
}

#[test]
fn a_filter_keeps_the_rows_that_match_all_words() {
    let mut screen = middle(Role::Watcher);
    press(&mut screen, "/failed");
    assert_snapshot!("filter_80x24", draw(&screen, SMALL, 0.0));
    press(&mut screen, "⌫⌫⌫⌫⌫⌫hidden_size=32⏎");
    assert_eq!(screen.view.rows, [4, 5, 6, 7]);
    press(&mut screen, "/ running⏎");
    assert_eq!(screen.view.rows, [6, 7]);
    press(&mut screen, "⎋/rate=1E-3⏎");
    assert_eq!(screen.view.rows, [1, 5, 9]);
    press(&mut screen, "⎋/nothing-like-it");
    assert!(shows(&screen, "no trial matches"));
    press(&mut screen, "⎋");
    assert_eq!(screen.view.rows.len(), 12);
}

#[test]
fn the_help_tells_every_key() {
    let mut screen = middle(Role::Owner);
    press(&mut screen, "?");
    assert_snapshot!("help_80x24", draw(&screen, SMALL, 0.0));
    press(&mut screen, "?");
    assert!(!shows(&screen, "the first trial"));
}

#[test]
fn stopping_a_trial_is_asked_first_and_only_where_it_can_be() {
    let mut screen = middle(Role::Owner);
    press(&mut screen, "/running⏎x");
    assert_snapshot!("stop_80x24", draw(&screen, SMALL, 0.0));
    assert_eq!(press(&mut screen, "⎋"), Reaction::None);
    assert_eq!(press(&mut screen, "xy"), Reaction::Send(CommandKind::StopTrial(6)));
    press(&mut screen, "⎋gx");
    assert!(shows(&screen, "is not running"));
    let mut watcher = middle(Role::Watcher);
    press(&mut watcher, "/running⏎x");
    assert!(shows(&watcher, "only watching"));
    assert_eq!(press(&mut watcher, "y"), Reaction::None);
}

#[test]
fn leaving_a_running_sweep_is_asked_first() {
    let mut screen = middle(Role::Owner);
    assert_eq!(press(&mut screen, "q"), Reaction::None);
    assert_snapshot!("leave_80x24", draw(&screen, SMALL, 0.0));
    assert_eq!(press(&mut screen, "⎋ql"), Reaction::Leave(Leave::Detached));
    assert_eq!(press(&mut screen, "s"), Reaction::Send(CommandKind::StopSweep));
    assert!(shows(&screen, "stopping"));
    assert_eq!(press(&mut screen, "q"), Reaction::Leave(Leave::StopRequested));
    assert_eq!(press(&mut middle(Role::Watcher), "q"), Reaction::Leave(Leave::Quit));
}

#[test]
fn control_c_asks_an_owners_sweep_to_stop_and_a_watcher_to_leave() {
    let mut screen = middle(Role::Owner);
    press(&mut screen, "/typing");
    assert_eq!(control_c(&mut screen), Reaction::Send(CommandKind::StopSweep));
    assert_eq!(control_c(&mut screen), Reaction::Leave(Leave::StopRequested));
    assert_eq!(control_c(&mut middle(Role::Watcher)), Reaction::Leave(Leave::Quit));
}

#[test]
fn curves_on_a_logarithmic_scale_in_the_targets_unit_with_pinned_trials() {
    let mut screen = middle(Role::Watcher);
    press(&mut screen, "pjjpj⇥⇥lm");
    assert_snapshot!("curves_80x24", draw(&screen, SMALL, 0.0));
    press(&mut screen, "l");
    assert_snapshot!("curves_linear_80x24", draw(&screen, SMALL, 0.0));
}

#[test]
fn the_detail_screen_tells_settings_result_and_damage() {
    let mut screen = middle(Role::Watcher);
    press(&mut screen, "⏎");
    assert_snapshot!("detail_80x24", draw(&screen, SMALL, 0.0));
    press(&mut screen, "⇟");
    assert_snapshot!("detail_scrolled_80x24", draw(&screen, SMALL, 0.0));
    press(&mut screen, "⎋/damaged⏎⏎");
    assert_snapshot!("damaged_80x24", draw(&screen, SMALL, 0.0));
}

#[test]
fn the_log_zooms_and_scrolls() {
    let mut screen = middle(Role::Watcher);
    press(&mut screen, "⇥⇥⇥⇥kkk");
    assert_snapshot!("log_80x24", draw(&screen, SMALL, 0.0));
    press(&mut screen, "G");
    assert!(!draw(&screen, SMALL, 0.0).to_string().contains("newer below"));
}

#[test]
fn long_names_and_escape_sequences_are_shown_and_harm_nothing() {
    let mut record = fixture::grid(3);
    record.manifest.name = "evil\u{1b}]0;title\u{7}".into();
    record.manifest.question =
        Some(format!("{}\u{1b}[31m{}", "very ".repeat(3), "long ".repeat(100)));
    record.manifest.target_unit = "pr\u{9b}ice".into();
    for (place, run) in record.runs.iter_mut().enumerate() {
        run.trial.assignment.insert(
            "data.features".into(),
            Value::Text(format!("\u{202e}{place} 価格価格価格価格価格価格価格価格\u{1b}[2J")),
        );
    }
    let mut screen = open(&record, Role::Watcher);
    let reason = "bad \u{1b}]52;c;aGk=\u{7} \u{200b}reason ".repeat(10);
    let device = "cuda\u{1b}[5m:0".to_owned();
    let id = fixture::id(0);
    let started = Event::Started { device, lanes: 1, resumed: None, baselines: Vec::new() };
    screen.apply(
        &[
            Change::Line(id.clone(), 1, Box::new(fixture::line(0, started))),
            Change::Line(
                id,
                1,
                Box::new(fixture::line(1, Event::Ended { end: End::Failed { reason } })),
            ),
            Change::Damage(fixture::id(1), "line 3: \u{1b}c".into()),
        ],
        0.0,
    );
    screen.trouble("no \u{1b}[A such file");
    press(&mut screen, "j");
    for size in [SMALL, LARGE, (60, 15)] {
        for zoom in 0..5 {
            press(&mut screen, "⇥");
            let text = draw(&screen, size, 0.0).to_string();
            let drives = |c: char| {
                (c.is_control() && c != '\n')
                    || ('\u{200b}'..='\u{200f}').contains(&c)
                    || c == '\u{202e}'
            };
            assert!(!text.contains(drives), "{zoom}: {text}");
        }
    }
    assert_snapshot!("escapes_80x24", draw(&screen, SMALL, 0.0));
}

#[test]
fn a_recorded_sweep_gives_the_screen_of_a_live_one() {
    // Without the progress files, which are of the moment, and without the log, which is a memory.
    let changes: Vec<Change> = fixture::middle()
        .into_iter()
        .filter(|change| !matches!(change, Change::Progress(..)))
        .collect();
    let mut live = open(&fixture::grid(12), Role::Watcher);
    changes.chunks(3).enumerate().for_each(|(number, batch)| live.apply(batch, number as f64));
    let mut replayed = open(&fixture::recorded(fixture::grid(12), &changes), Role::Watcher);
    for keys in ["⇥", "⇥m", "⇥⇥⇥⏎jj", "jj", "j", "⎋sssssss"] {
        press(&mut live, keys);
        press(&mut replayed, keys);
        let (a, b) = (draw(&live, LARGE, 1e9), draw(&replayed, LARGE, 1e9));
        assert_eq!(
            a.to_string().lines().take(50).collect::<Vec<_>>(),
            b.to_string().lines().take(50).collect::<Vec<_>>()
        );
    }
    assert_eq!(live.sweep.summary, replayed.sweep.summary);
}

fn any_key() -> impl Strategy<Value = KeyEvent> {
    let plain = prop_oneof![
        Just(KeyCode::Up),
        Just(KeyCode::Down),
        Just(KeyCode::PageUp),
        Just(KeyCode::PageDown),
        Just(KeyCode::Home),
        Just(KeyCode::End),
        Just(KeyCode::Tab),
        Just(KeyCode::Enter),
        Just(KeyCode::Esc),
        Just(KeyCode::Backspace),
        proptest::sample::select("jkgGsS/pxlm?qyn=1fail".chars().collect::<Vec<_>>())
            .prop_map(KeyCode::Char),
        any::<char>().prop_map(KeyCode::Char),
    ];
    (plain, any::<bool>()).prop_map(|(code, control)| {
        KeyEvent::new(code, if control { KeyModifiers::CONTROL } else { KeyModifiers::NONE })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_sequence_of_keys_at_any_size_panics(
        keys in proptest::collection::vec(any_key(), 0..60),
        columns in 1u16..220,
        rows in 1u16..70,
        cut in 0usize..400,
    ) {
        let mut screen = open(&fixture::grid(12), Role::Owner);
        let changes = fixture::middle();
        let cut = cut.min(changes.len());
        screen.apply(&changes[..cut], 0.0);
        for key in keys {
            screen.key(key);
            draw(&screen, (columns, rows), 0.0);
        }
        screen.apply(&changes[cut..], 5.0);
        draw(&screen, (columns, rows), 5.0);
    }

    #[test]
    fn folding_in_any_batches_gives_one_screen(
        cuts in proptest::collection::vec(1usize..20, 1..10),
    ) {
        let changes = fixture::middle();
        let mut whole = middle(Role::Watcher);
        let mut parts = open(&fixture::grid(12), Role::Watcher);
        let mut rest = &changes[..];
        for cut in cuts.iter().cycle() {
            let (batch, later) = rest.split_at((*cut).min(rest.len()));
            parts.apply(batch, 0.0);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        press(&mut whole, "jj");
        press(&mut parts, "jj");
        prop_assert_eq!(draw(&whole, LARGE, 0.0), draw(&parts, LARGE, 0.0));
    }
}

/// Forecasts that know a share of what comes, beside baselines that know nothing.
fn forecasts(share: f64) -> Forecasts {
    let noise = |i: i64| ((i as f64 * 12.9898).sin() * 43_758.547).fract();
    let ts: Vec<i64> =
        (0..400).map(|minute| (1_726_000_000 + 60 * minute) * 1_000_000_000).collect();
    let target: Vec<f64> =
        (0..400).map(|i| 3_200.0 + 20.0 * (i as f64 / 40.0).sin() + 3.0 * noise(i)).collect();
    let last: Vec<f64> = std::iter::once(3_200.0).chain(target.iter().copied()).take(400).collect();
    let forecast =
        last.iter().zip(&target).map(|(last, target)| last + share * (target - last)).collect();
    Forecasts {
        ts,
        target,
        forecast,
        baselines: vec![("persistence".into(), last)],
        quantiles: Vec::new(),
    }
}

#[test]
fn pinned_trials_are_traded_where_the_experiment_says_how() {
    let mut sweep = fixture::grid(12);
    sweep.manifest.backtest = Some(experiment::testing::backtest());
    let mut screen = open(&sweep, Role::Watcher);
    screen.apply(&fixture::end(12), 0.0);
    press(&mut screen, "jpjjp⇥⇥");
    assert!(screen.wanted_equity().is_empty(), "nothing is traded before it is looked at");
    press(&mut screen, "⇥");
    let wanted = screen.wanted_equity();
    assert!(wanted.len() >= 3, "selected, best and pinned: {wanted:?}");
    assert!(screen.wanted_equity().is_empty(), "asked once");
    assert!(draw(&screen, LARGE, 0.0).to_string().contains("trading …"));
    for (number, id) in wanted.iter().enumerate() {
        let net = |bar: i64| (bar as f64 * 0.05).sin() + 0.002 * bar as f64 * (number as f64 - 1.0);
        screen.take_equity(id, Ok((0..300).map(|bar| (bar * 60_000_000_000, net(bar))).collect()));
    }
    assert_snapshot!("traded_80x24", draw(&screen, SMALL, 0.0));
    assert_snapshot!("traded_200x60", draw(&screen, LARGE, 0.0));
    wanted.iter().for_each(|id| screen.take_equity(id, Err("\u{1b}[2J the bars are gone".into())));
    let failed = draw(&screen, LARGE, 0.0).to_string();
    assert!(failed.contains("the bars are gone") && !failed.contains('\u{1b}'));
}

#[test]
fn pinned_trials_are_compared() {
    let mut screen = open(&fixture::grid(12), Role::Watcher);
    screen.apply(&fixture::end(12), 0.0);
    press(&mut screen, "jpjjp⇥⇥");
    assert!(screen.wanted_forecasts().is_empty(), "nothing is read before it is looked at");
    press(&mut screen, "⇥");
    let wanted = screen.wanted_forecasts();
    assert!(wanted.len() >= 3, "selected, best and pinned: {wanted:?}");
    assert_snapshot!("compared_waiting_80x24", draw(&screen, SMALL, 0.0));
    for (number, (place, _)) in wanted.into_iter().enumerate() {
        screen.take_forecasts(place, Ok(forecasts(0.2 - 0.15 * number as f64)));
    }
    assert!(screen.wanted_forecasts().is_empty());
    assert_snapshot!("compared_80x24", draw(&screen, SMALL, 0.0));
    assert_snapshot!("compared_200x60", draw(&screen, LARGE, 0.0));
    screen.take_forecasts(0, Err("\u{1b}[2J".into()));
    assert!(screen.wanted_equity().is_empty(), "the experiment does not say how to trade");
    assert!(!draw(&screen, LARGE, 0.0).to_string().contains('\u{1b}'));
}
