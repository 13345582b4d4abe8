//! The log of an attempt whose writer is gone: how it ended, and closing it.

use crate::files;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use super::checksum::Chain;
use super::{FileError, RunFolder};
use experiment::event::{End, Event, Line, VERSION};

impl RunFolder {
    /// Ends the newest attempt's log in the name of its dead writer, with these events, the last of
    /// which is [`Event::Ended`]; `false` when it had ended already or the run has a result. A torn
    /// last line goes first. Only the supervisor that saw the writer die may call this.
    ///
    /// # Errors
    /// When the log cannot be read or written.
    pub fn close_lost(&self, at: &str, events: Vec<Event>) -> Result<bool, FileError> {
        if self.result()?.is_some() {
            return Ok(false);
        }
        let Some(Tail { path, bytes, last }) = self.tail()? else { return Ok(false) };
        if let Some(Line { event: Event::Ended { .. }, .. }) = last {
            return Ok(false);
        }
        let mut chain = Chain::default();
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            // What is damaged is told by anyone who reads the log.
            drop(chain.check(line.strip_suffix(b"\n").unwrap_or(line)));
        }
        let mut text = Vec::new();
        for (seq, event) in (last.map_or(0, |line| line.seq.saturating_add(1))..).zip(events) {
            let line = Line { v: VERSION, seq, at: at.to_owned(), event };
            let mut line =
                serde_json::to_vec(&line).map_err(|error| FileError::at(&path, error))?;
            chain.seal(&mut line);
            line.push(b'\n');
            text.extend(line);
        }
        let written = OpenOptions::new().append(true).open(&path).and_then(|mut file| {
            file.set_len(bytes.len() as u64)?;
            file.write_all(&text)?;
            file.sync_data()
        });
        written.map_err(|error| FileError::io(&path, "cannot be closed", error))?;
        Ok(true)
    }

    /// How the newest attempt's log ends; `None` while it is open and where there is none.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn newest_end(&self) -> Result<Option<End>, FileError> {
        let last = self.tail()?.and_then(|tail| tail.last);
        Ok(last
            .and_then(|line| if let Event::Ended { end } = line.event { Some(end) } else { None }))
    }

    fn tail(&self) -> Result<Option<Tail>, FileError> {
        let Some(folder) = self.newest_attempt()? else { return Ok(None) };
        let path = folder.join("events.jsonl");
        let mut bytes =
            files::read(&path).map_err(|error| FileError::io(&path, "cannot be read", error))?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        bytes.truncate(whole);
        let last = bytes.split(|&byte| byte == b'\n').rfind(|line| !line.is_empty());
        let last = last.and_then(|line| serde_json::from_slice(line).ok());
        Ok(Some(Tail { path, bytes, last }))
    }
}

/// The end of an attempt's log.
struct Tail {
    path: PathBuf,
    /// Its whole lines.
    bytes: Vec<u8>,
    last: Option<Line>,
}
