//! Closing the log of an attempt whose writer is gone.

use std::fs::OpenOptions;
use std::io::Write;

use super::checksum::Chain;
use super::{RunFolder, StoreError, access};
use crate::event::{End, Event, Line, VERSION};

impl RunFolder {
    /// Ends the newest attempt's log in the name of its dead writer, as failed for `reason`; `false` when it had ended already or the run
    /// has a result. A torn last line goes first. Only the supervisor that saw the writer die may call this.
    ///
    /// # Errors
    /// When the log cannot be read or written.
    pub fn close_lost(&self, at: String, reason: &str) -> Result<bool, StoreError> {
        if self.result()?.is_some() {
            return Ok(false);
        }
        let Some(folder) = self.newest_attempt()? else { return Ok(false) };
        let path = folder.join("events.jsonl");
        let fail = |error: std::io::Error| StoreError(format!("{}: {error}", path.display()));
        let bytes = access::read(&path).map_err(fail)?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let last = bytes[..whole].split(|&byte| byte == b'\n').rfind(|line| !line.is_empty());
        let last: Option<Line> = last.and_then(|line| serde_json::from_slice(line).ok());
        if let Some(Line { event: Event::Ended { .. }, .. }) = last {
            return Ok(false);
        }
        let event = Event::Ended { end: End::Failed { reason: reason.to_owned() } };
        let line = Line { v: VERSION, seq: last.map_or(0, |line| line.seq.saturating_add(1)), at, event };
        let mut text = serde_json::to_vec(&line).map_err(|error| StoreError(format!("{}: {error}", path.display())))?;
        let mut chain = Chain::default();
        for line in bytes[..whole].split_inclusive(|&byte| byte == b'\n') {
            // What is damaged is told by whoever reads the log.
            drop(chain.check(line.strip_suffix(b"\n").unwrap_or(line)));
        }
        chain.seal(&mut text);
        text.push(b'\n');
        let mut file = OpenOptions::new().append(true).open(&path).map_err(fail)?;
        file.set_len(whole as u64).map_err(fail)?;
        file.write_all(&text).and_then(|()| file.sync_data()).map_err(fail)?;
        Ok(true)
    }
}
