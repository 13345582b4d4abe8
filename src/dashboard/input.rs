//! Which key does what. The help screen and the hints at the bottom are made from the same table.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What a key asks for while browsing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    NextSort,
    ReverseSort,
    Filter,
    Pin,
    StopTrial,
    LogScale,
    NextMetric,
    NextPane,
    Detail,
    Help,
    Back,
    Quit,
    Interrupt,
    Pause,
}

/// A line of the help screen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binding {
    pub action: Action,
    /// The keys.
    keys: &'static [Key],
    /// The keys as a person reads them.
    pub shown: &'static str,
    /// What it does; empty where the line of another key tells it.
    pub help: &'static str,
    /// In a word, for the line at the bottom; empty for none.
    pub hint: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Plain(KeyCode),
    Control(char),
}

const fn char(c: char) -> Key {
    Key::Plain(KeyCode::Char(c))
}

const fn binding(
    action: Action,
    keys: &'static [Key],
    shown: &'static str,
    help: &'static str,
    hint: &'static str,
) -> Binding {
    Binding { action, keys, shown, help, hint }
}

/// Every key, in the order of the help screen.
pub(super) const BINDINGS: [Binding; 20] = [
    binding(
        Action::Up,
        &[Key::Plain(KeyCode::Up), char('k')],
        "↑ k",
        "one trial up (in the zoomed log: scroll)",
        "",
    ),
    binding(Action::Down, &[Key::Plain(KeyCode::Down), char('j')], "↓ j", "one trial down", "move"),
    binding(
        Action::PageUp,
        &[Key::Plain(KeyCode::PageUp), Key::Control('b')],
        "PgUp",
        "ten trials up",
        "",
    ),
    binding(
        Action::PageDown,
        &[Key::Plain(KeyCode::PageDown), Key::Control('f')],
        "PgDn",
        "ten trials down",
        "",
    ),
    binding(
        Action::First,
        &[char('g'), Key::Plain(KeyCode::Home)],
        "g Home",
        "the first trial",
        "",
    ),
    binding(Action::Last, &[char('G'), Key::Plain(KeyCode::End)], "G End", "the last trial", ""),
    binding(Action::NextSort, &[char('s')], "s", "sort by the next column", "sort"),
    binding(Action::ReverseSort, &[char('S')], "S", "sort the other way", ""),
    binding(
        Action::Filter,
        &[char('/')],
        "/",
        "filter: words of id, state, parameters; or hidden_size=32",
        "filter",
    ),
    binding(
        Action::Pin,
        &[char('p')],
        "p",
        "pin the trial: its curve and its forecasts stay",
        "pin",
    ),
    binding(
        Action::StopTrial,
        &[char('x')],
        "x",
        "stop the trial (asks first); its result so far counts",
        "stop",
    ),
    binding(
        Action::LogScale,
        &[char('l')],
        "l",
        "curves on a logarithmic or a linear scale",
        "log",
    ),
    binding(Action::NextMetric, &[char('m')], "m", "curves of the loss, rmse or mae", "metric"),
    binding(
        Action::NextPane,
        &[Key::Plain(KeyCode::Tab)],
        "Tab",
        "zoom: all, trials, curves, pinned ones compared, log",
        "zoom",
    ),
    binding(
        Action::Detail,
        &[Key::Plain(KeyCode::Enter)],
        "Enter",
        "all about the trial",
        "detail",
    ),
    binding(Action::Help, &[char('?'), Key::Plain(KeyCode::F(1))], "?", "this help", "help"),
    binding(Action::Back, &[Key::Plain(KeyCode::Esc)], "Esc", "back; clears the filter", ""),
    binding(Action::Quit, &[char('q')], "q", "leave; asks whether a running sweep goes on", "quit"),
    binding(
        Action::Interrupt,
        &[Key::Control('c')],
        "Ctrl-C",
        "stop the sweep (resumable), or leave; Ctrl-Z pauses it",
        "",
    ),
    binding(Action::Pause, &[Key::Control('z')], "Ctrl-Z", "", ""),
];

/// The key of [`Action::Interrupt`].
pub(super) const INTERRUPT: KeyEvent = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);

/// What a key asks for, if it does; key releases ask for nothing.
#[must_use]
pub(super) fn action(event: KeyEvent) -> Option<Action> {
    let key = key(event)?;
    BINDINGS.iter().find(|binding| binding.keys.contains(&key)).map(|binding| binding.action)
}

/// The character that a key types, if it does.
#[must_use]
pub(super) fn typed(event: KeyEvent) -> Option<char> {
    match key(event)? {
        Key::Plain(KeyCode::Char(c)) => Some(c),
        Key::Plain(_) | Key::Control(_) => None,
    }
}

/// Whether it is a press of this key without modifiers.
#[must_use]
pub(super) fn is(event: KeyEvent, code: KeyCode) -> bool {
    key(event) == Some(Key::Plain(code))
}

fn key(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release || event.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    match event.code {
        KeyCode::Char(c) if event.modifiers.contains(KeyModifiers::CONTROL) => {
            Some(Key::Control(c.to_ascii_lowercase()))
        }
        code => Some(Key::Plain(code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_does_two_things_and_every_action_has_one() {
        let keys: Vec<Key> = BINDINGS.iter().flat_map(|binding| binding.keys).copied().collect();
        for (number, key) in keys.iter().enumerate() {
            assert!(!keys[..number].contains(key), "{key:?} is bound twice");
        }
        for binding in &BINDINGS {
            let told = !binding.help.is_empty()
                || BINDINGS.iter().any(|other| other.help.contains(binding.shown));
            assert!(!binding.keys.is_empty() && told, "{binding:?}");
            assert_eq!(BINDINGS.iter().filter(|other| other.action == binding.action).count(), 1);
        }
    }

    #[test]
    fn modifiers_and_releases_are_told_apart() {
        let press = |code, modifiers| KeyEvent::new(code, modifiers);
        assert_eq!(
            action(press(KeyCode::Char('c'), KeyModifiers::CONTROL)),
            Some(Action::Interrupt)
        );
        assert_eq!(action(press(KeyCode::Char('c'), KeyModifiers::NONE)), None);
        assert_eq!(action(press(KeyCode::Char('G'), KeyModifiers::SHIFT)), Some(Action::Last));
        assert_eq!(action(press(KeyCode::Char('q'), KeyModifiers::ALT)), None);
        let mut release = press(KeyCode::Char('q'), KeyModifiers::NONE);
        release.kind = KeyEventKind::Release;
        assert_eq!(action(release), None);
        assert_eq!(typed(press(KeyCode::Char('x'), KeyModifiers::NONE)), Some('x'));
        assert_eq!(typed(press(KeyCode::Char('x'), KeyModifiers::CONTROL)), None);
    }
}
