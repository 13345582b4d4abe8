//! Checksums of what a store holds: a changed digit is told, and never becomes a number in a table.
//!
//! A *seal* is a text's own blake3, kept at its end, so that a file is read and verified in one go:
//!
//! ```text
//! result.json, attempt.json        …  "checksum": "<64 hex digits>"⏎}⏎
//! trial.toml, sweep.toml, views    …# checksum: <64 hex digits>⏎
//! events.jsonl, evaluations.jsonl  …,"sum":"<16 hex digits>"}⏎
//! ```
//! It is taken over the bytes before it. In an event log it is taken over the line before, too, so
//! that the last line's stands for the whole log ([`Chain`]). Files that cannot hold a seal
//! (forecasts, weights) or are written before a run ends are covered by the file that closes them
//! ([`FileSum`], in `super::covers`).
//!
//! What was written before version 0.2 has no seal and is read as it is. A seal with a flipped bit
//! is a damaged seal, not a missing one.

use serde::{Deserialize, Serialize};

/// Hex digits of a document's checksum.
const LONG: usize = 64;
/// Hex digits of a line's checksum.
pub(super) const SHORT: usize = 16;

/// How a kind of text is sealed: what stands around the digits, and how many there are.
struct Form {
    before: &'static [u8],
    digits: usize,
    after: &'static [u8],
}

/// The last member of an object that was written over several lines.
const JSON: Form = Form { before: b",\n  \"checksum\": \"", digits: LONG, after: b"\"\n}\n" };
/// A last comment.
const TOML: Form = Form { before: b"# checksum: ", digits: LONG, after: b"\n" };
/// The last member of an object on one line.
const LINE: Form = Form { before: b",\"sum\":\"", digits: SHORT, after: b"\"}" };

/// What stands at the end of a text.
enum Tail<'a> {
    /// A seal, behind the text that it is of.
    Seal { text: &'a [u8], digits: &'a [u8] },
    /// What was a seal.
    Broken,
    /// A text without a seal.
    Bare,
}

impl Form {
    fn length(&self) -> usize {
        self.before.len() + self.digits + self.after.len()
    }

    fn tail<'a>(&self, bytes: &'a [u8]) -> Tail<'a> {
        let Some(start) = bytes.len().checked_sub(self.length()) else { return Tail::Bare };
        let (text, seal) = bytes.split_at(start);
        let (before, rest) = seal.split_at(self.before.len());
        let (digits, after) = rest.split_at(self.digits);
        let differing = |a: &[u8], b: &[u8]| a.iter().zip(b).filter(|(a, b)| a != b).count();
        let no_digits = digits.iter().filter(|byte| !is_digit(byte)).count();
        let strange = differing(before, self.before) + differing(after, self.after) + no_digits;
        match strange {
            0 => Tail::Seal { text, digits },
            // Nothing else that a text ends with looks so much like it.
            1..=3 => Tail::Broken,
            // Bytes were added behind it.
            _ if self.stands_within(bytes) => Tail::Broken,
            _ => Tail::Bare,
        }
    }

    fn stands_within(&self, bytes: &[u8]) -> bool {
        let (before, length) = (self.before, self.before.len() + self.digits);
        // Two bytes first: this goes through every byte of thousands of files.
        let begins = |window: &[u8]| window[..2] == before[..2] && window.starts_with(before);
        bytes
            .windows(length)
            .any(|window| begins(window) && window[before.len()..].iter().all(is_digit))
    }

    /// Ends a text with its checksum.
    fn seal(&self, text: &mut Vec<u8>, digits: &[u8]) {
        text.extend_from_slice(self.before);
        text.extend_from_slice(digits);
        text.extend_from_slice(self.after);
    }
}

fn is_digit(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// Whether a sealed document is as it was written; one without a seal is taken as it is.
fn check(form: &Form, bytes: &[u8]) -> Result<(), String> {
    match form.tail(bytes) {
        Tail::Bare => Ok(()),
        Tail::Seal { text, digits } if hex(text).as_bytes() == digits => Ok(()),
        Tail::Seal { .. } | Tail::Broken => Err(DIFFERS.to_owned()),
    }
}

/// Why what was read is not used.
pub(super) const DIFFERS: &str = "is damaged: its checksum differs";

/// Seals an object that was written over several lines.
pub(super) fn seal_json(mut text: Vec<u8>) -> Vec<u8> {
    let without = |text: &mut Vec<u8>, end: u8| {
        while text.last() == Some(&end) {
            text.pop();
        }
    };
    without(&mut text, b'\n');
    if text.last() == Some(&b'}') {
        text.pop();
    }
    without(&mut text, b'\n');
    let digits = hex(&text);
    JSON.seal(&mut text, digits.as_bytes());
    text
}

/// Whether an object that [`seal_json`] sealed is as it was; one without a seal is taken as it is.
pub(super) fn check_json(bytes: &[u8]) -> Result<(), String> {
    check(&JSON, bytes)
}

/// Seals a TOML document with a last comment.
pub(super) fn seal_toml(text: String) -> String {
    let mut bytes = text.into_bytes();
    if !bytes.ends_with(b"\n") {
        bytes.push(b'\n');
    }
    let digits = hex(&bytes);
    TOML.seal(&mut bytes, digits.as_bytes());
    // What was added is ASCII.
    String::from_utf8(bytes).unwrap_or_default()
}

/// Whether a TOML document that [`seal_toml`] sealed is as it was; one without a seal is taken as
/// it is.
pub(super) fn check_toml(bytes: &[u8]) -> Result<(), String> {
    check(&TOML, bytes)
}

/// Seals one line, an object without its line's end, that stands for itself.
pub fn seal_line(line: &mut Vec<u8>) {
    Chain::default().seal(line);
}

/// Whether a line that [`seal_line`] sealed is as it was; one without a seal is taken as it is.
pub fn check_line(line: &[u8]) -> Result<(), String> {
    Chain::default().check(line)
}

/// Whether bytes without a line's end hold a whole sealed line and more: its end was overwritten.
/// (What is being written, or was when its writer was killed, ends in or before the seal.)
pub(super) fn has_lost_its_end(tail: &[u8]) -> bool {
    let whole = |window: &[u8]| {
        let (before, rest) = window.split_at(LINE.before.len());
        let (digits, after) = rest.split_at(LINE.digits);
        before == LINE.before && after == LINE.after && digits.iter().all(is_digit)
    };
    tail.len() > LINE.length() && tail[..tail.len() - 1].windows(LINE.length()).any(whole)
}

/// The checksum of a log up to some line: each line's is taken over the one before, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chain {
    /// Hex digits; zeros before the first sealed line.
    last: [u8; SHORT],
    /// Whether a line was sealed: then all that follow are.
    sealed: bool,
}

impl Chain {
    /// Adds the checksum to a line (an object without its line's end) that is appended to the log.
    pub(super) fn seal(&mut self, line: &mut Vec<u8>) {
        if line.last() == Some(&b'}') {
            line.pop();
        }
        self.last = self.of(line);
        self.sealed = true;
        LINE.seal(line, &self.last);
    }

    /// Takes the next line (without its line's end) of the log.
    ///
    /// # Errors
    /// When it, or the one before, is not as it was written.
    pub(super) fn check(&mut self, line: &[u8]) -> Result<(), String> {
        match LINE.tail(line) {
            Tail::Seal { text, digits } => {
                let expected = self.of(text);
                self.sealed = true;
                // The next line was written after what this one holds, damaged or not.
                self.last.copy_from_slice(digits);
                if expected == self.last { Ok(()) } else { Err(DIFFERS.to_owned()) }
            }
            Tail::Broken => {
                self.sealed = true;
                Err(DIFFERS.to_owned())
            }
            Tail::Bare if self.sealed => {
                Err("is damaged: it has no checksum, as the lines before it have".to_owned())
            }
            Tail::Bare => Ok(()),
        }
    }

    /// Of all lines so far; `None` while none was sealed.
    pub(super) fn sum(&self) -> Option<String> {
        self.sealed.then(|| String::from_utf8_lossy(&self.last).into_owned())
    }

    fn of(&self, text: &[u8]) -> [u8; SHORT] {
        let mut hasher = blake3::Hasher::new();
        if self.sealed {
            hasher.update(&self.last);
        }
        hasher.update(text);
        let mut short = [0; SHORT];
        short.copy_from_slice(&hasher.finalize().to_hex().as_bytes()[..SHORT]);
        short
    }
}

/// A file as it was when something that relies on it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileSum {
    /// Its path within the run's folder, with `/`.
    pub file: String,
    /// Bytes.
    pub length: u64,
    /// blake3, hex.
    pub checksum: String,
}

impl FileSum {
    pub(super) fn of(file: String, bytes: &[u8]) -> Self {
        Self { file, length: bytes.len() as u64, checksum: hex(bytes) }
    }

    /// Whether these are the file's bytes.
    ///
    /// # Errors
    /// When they are not.
    pub(super) fn check(&self, bytes: &[u8]) -> Result<(), String> {
        let Self { file: _, length, checksum } = self;
        if bytes.len() as u64 != *length {
            return Err(format!("is damaged: {} bytes instead of {length}", bytes.len()));
        }
        if hex(bytes) == *checksum { Ok(()) } else { Err(DIFFERS.to_owned()) }
    }
}

fn hex(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[cfg(test)]
mod tests;
