//! What the terminal sends, as keys, until it sends no more.
//!
//! A thread reads the bytes. When the terminal is closed its read ends at once, which is
//! [`Heard::HangUp`]; crossterm's own reader takes a read of nothing for a reason to read again,
//! and neither ends nor lets a signal through.
//!
//! The encodings are xterm's (ctlseqs, "PC-Style Function Keys"), which every terminal of today
//! speaks without further modes: characters in UTF-8, control characters, and sequences of ESC.
//! What is not a key here is dropped.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What came of waiting for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing in time.
    Nothing,
    Key(KeyEvent),
    /// The terminal is gone: nothing will come any more.
    HangUp,
}

/// The keys of this process's terminal.
#[derive(Debug)]
pub(super) struct Keys {
    bytes: Receiver<Vec<u8>>,
    decoder: Decoder,
}

/// How long the rest of a sequence may take; an ESC that nothing follows for so long is the key.
const REST: Duration = Duration::from_millis(30);

impl Keys {
    /// Reads standard input from now on. The thread lives until it ends.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn of_stdin() -> io::Result<Self> {
        let (sender, bytes) = channel();
        thread::Builder::new()
            .name("keys".into())
            .spawn(move || read(&mut io::stdin().lock(), &sender))?;
        Ok(Self { bytes, decoder: Decoder::default() })
    }

    /// The next key, waiting for at most so long.
    pub(super) fn wait(&mut self, wait: Duration) -> Heard {
        loop {
            if let Some(key) = self.decoder.pop() {
                return Heard::Key(key);
            }
            let begun = self.decoder.begun();
            match self.bytes.recv_timeout(if begun { REST } else { wait }) {
                Ok(bytes) => self.decoder.push(&bytes),
                Err(RecvTimeoutError::Timeout) if begun => self.decoder.give_up(),
                Err(RecvTimeoutError::Timeout) => return Heard::Nothing,
                Err(RecvTimeoutError::Disconnected) => return Heard::HangUp,
            }
        }
    }
}

/// Passes on what is read until there is no more, or nobody takes it.
fn read(from: &mut dyn Read, to: &Sender<Vec<u8>>) {
    let mut buffer = [0; 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                if to.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Bytes into keys.
#[derive(Clone, Debug, Default)]
struct Decoder {
    /// The beginning of a sequence or of a character.
    begun: Vec<u8>,
    keys: VecDeque<KeyEvent>,
}

/// What the bytes at hand are.
enum Token {
    /// Nothing whole yet.
    Unfinished,
    /// So many bytes, which are this key, or none that is known.
    Bytes(usize, Option<KeyEvent>),
}

/// Longest sequence; more is not a key's.
const LONGEST: usize = 32;

const ESC: u8 = 0x1b;

impl Decoder {
    fn push(&mut self, bytes: &[u8]) {
        self.begun.extend(bytes);
        self.take();
    }

    fn pop(&mut self) -> Option<KeyEvent> {
        self.keys.pop_front()
    }

    /// Whether something waits for its rest.
    fn begun(&self) -> bool {
        !self.begun.is_empty()
    }

    /// Nothing follows: an ESC is the key, and what else has begun is none.
    fn give_up(&mut self) {
        // ESC and a bracket, and no more, is Alt with that key: nothing here.
        if std::mem::take(&mut self.begun) == [ESC] {
            self.keys.push_back(plain(KeyCode::Esc));
        }
    }

    fn take(&mut self) {
        let mut taken = 0;
        while let Token::Bytes(length, key) = token(&self.begun[taken..]) {
            self.keys.extend(key);
            taken += length;
        }
        self.begun.drain(..taken);
    }
}

fn token(bytes: &[u8]) -> Token {
    match bytes {
        [] | [ESC] => Token::Unfinished,
        [ESC, ESC, ..] => Token::Bytes(1, Some(plain(KeyCode::Esc))),
        [ESC, b'[', rest @ ..] => csi(rest),
        [ESC, b'O'] => Token::Unfinished,
        [ESC, b'O', last, ..] => Token::Bytes(3, function(*last)),
        [ESC, rest @ ..] => match character(rest) {
            Token::Bytes(length, key) => {
                let with_alt =
                    |key: KeyEvent| KeyEvent::new(key.code, key.modifiers | KeyModifiers::ALT);
                Token::Bytes(length + 1, key.map(with_alt))
            }
            Token::Unfinished => Token::Unfinished,
        },
        _ => character(bytes),
    }
}

/// After `ESC [`: parameters, then a last byte that says what it is.
fn csi(rest: &[u8]) -> Token {
    // The Linux console's function keys have a second bracket.
    if let Some(b'[') = rest.first() {
        return if rest.len() < 2 { Token::Unfinished } else { Token::Bytes(4, None) };
    }
    let Some(end) = rest.iter().take(LONGEST).position(|byte| !matches!(byte, 0x20..=0x3f)) else {
        return if rest.len() < LONGEST {
            Token::Unfinished
        } else {
            Token::Bytes(LONGEST + 2, None)
        };
    };
    if !matches!(rest[end], 0x40..=0x7e) {
        // Broken off by what cannot be part of it.
        return Token::Bytes(end + 2, None);
    }
    let parameters = std::str::from_utf8(&rest[..end]).unwrap_or_default();
    let mut numbers = parameters.split(';').map(|number| number.parse::<u8>().ok());
    let first = numbers.next().flatten();
    let modifiers = modifiers(numbers.next().flatten().unwrap_or(1));
    let key = match rest[end] {
        b'~' => match first {
            Some(1 | 7) => Some(KeyCode::Home),
            Some(2) => Some(KeyCode::Insert),
            Some(3) => Some(KeyCode::Delete),
            Some(4 | 8) => Some(KeyCode::End),
            Some(5) => Some(KeyCode::PageUp),
            Some(6) => Some(KeyCode::PageDown),
            Some(number @ 11..=15) => Some(KeyCode::F(number - 10)),
            _ => None,
        },
        b'Z' => Some(KeyCode::BackTab),
        // The mouse, and answers of the terminal: nobody asked for them.
        b'M' => None,
        _ if rest.first().is_some_and(|first| matches!(first, b'<'..=b'?')) => None,
        last => function(last).map(|key| key.code),
    };
    Token::Bytes(end + 3, key.map(|code| KeyEvent::new(code, modifiers)))
}

/// The last byte of `ESC O` and `ESC [`.
fn function(last: u8) -> Option<KeyEvent> {
    let code = match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'M' => KeyCode::Enter,
        b'P'..=b'S' => KeyCode::F(last - b'P' + 1),
        _ => return None,
    };
    Some(plain(code))
}

/// A parameter of one more than the bits 1 (shift), 2 (alt) and 4 (control).
fn modifiers(parameter: u8) -> KeyModifiers {
    let bits = parameter.saturating_sub(1);
    let mut modifiers = KeyModifiers::NONE;
    for (bit, modifier) in
        [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)]
    {
        if bits & bit != 0 {
            modifiers |= modifier;
        }
    }
    modifiers
}

/// A control character, or a character of UTF-8; a byte that is part of none is dropped.
fn character(bytes: &[u8]) -> Token {
    let Some(&first) = bytes.first() else { return Token::Unfinished };
    let control = |c: u8| Some(KeyEvent::new(KeyCode::Char(char::from(c)), KeyModifiers::CONTROL));
    let key = match first {
        b'\r' => Some(plain(KeyCode::Enter)),
        b'\t' => Some(plain(KeyCode::Tab)),
        0x7f | 0x08 => Some(plain(KeyCode::Backspace)),
        0x00 => control(b' '),
        0x01..=0x1a => control(first - 1 + b'a'),
        0x1c..=0x1f => control(first - 0x1c + b'4'),
        0x20..=0x7e => Some(plain(KeyCode::Char(char::from(first)))),
        _ => return wide(bytes),
    };
    Token::Bytes(1, key)
}

fn wide(bytes: &[u8]) -> Token {
    let head = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() > 0 => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(error) if error.error_len().is_none() => return Token::Unfinished,
        Err(_) => return Token::Bytes(1, None),
    };
    match valid.chars().next() {
        Some(c) => Token::Bytes(c.len_utf8(), Some(plain(KeyCode::Char(c)))),
        None => Token::Bytes(1, None),
    }
}

fn plain(code: KeyCode) -> KeyEvent {
    KeyEvent::new(code, KeyModifiers::NONE)
}

#[cfg(test)]
mod tests;
