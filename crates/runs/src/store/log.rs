//! Reads an event log piece by piece, as far as it is whole.

use lane_types::{EpochReport, SplitReport};
use serde::Deserialize;
use std::io::BufRead;

use super::checksum::{Chain, has_lost_its_end};
use experiment::event::{Event, Line, VERSION};

/// Broken lines of one log that are told; a file of garbage must not become a thousand messages.
const TOLD: usize = 5;

/// A place in the log of one attempt.
#[derive(Clone, Debug, Default)]
pub(super) struct LogReader {
    /// Bytes taken: whole lines.
    pub offset: u64,
    /// Lines taken.
    lines: u64,
    /// The number that the next line must have.
    seq: u64,
    /// Broken lines met.
    broken: usize,
    /// Whether a tail that is not a line's beginning was told.
    tail_told: bool,
    /// The checksum so far.
    chain: Chain,
    /// The checksum at the line that ended the attempt.
    end_sum: Option<String>,
}

impl LogReader {
    /// Takes the bytes at [`Self::offset`] up to the last line's end; tells each line, or why it
    /// could not be read. A torn last line is left: it is being written, or its writer was killed.
    pub(super) fn take(&mut self, bytes: &[u8], mut tell: impl FnMut(Result<Line, String>)) {
        let mut rest = bytes;
        loop {
            let whole = rest;
            // Cannot fail: it reads from memory.
            let length = rest.skip_until(b'\n').unwrap_or(0);
            let Some(line) = whole[..length].strip_suffix(b"\n") else {
                self.look_at_tail(whole, &mut tell);
                return;
            };
            self.offset += length as u64;
            self.lines += 1;
            match self.chain.check(line).and_then(|()| parse(line)) {
                Ok(line) => {
                    if line.seq != self.seq {
                        let (found, expected) = (line.seq, self.seq);
                        self.complain(
                            format!("has number {found} instead of {expected}: lines are missing"),
                            &mut tell,
                        );
                    }
                    self.seq = line.seq.saturating_add(1);
                    if matches!(line.event, Event::Ended { .. }) {
                        self.end_sum = self.chain.sum();
                    }
                    tell(Ok(line));
                }
                Err(why) => {
                    self.seq = self.seq.saturating_add(1);
                    self.complain(why, &mut tell);
                }
            }
        }
    }

    /// The checksum at the line that ended the attempt, which stands for all lines up to it; none
    /// of a log of before version 0.2.
    pub(super) fn end_sum(&self) -> Option<&str> {
        self.end_sum.as_deref()
    }

    /// Whether every line so far could be read.
    pub(super) fn is_whole(&self) -> bool {
        self.broken == 0
    }

    fn complain(&mut self, why: String, tell: &mut impl FnMut(Result<Line, String>)) {
        self.broken += 1;
        let more = if self.broken == TOLD {
            " (further broken lines of this log are not told)"
        } else {
            ""
        };
        if self.broken <= TOLD {
            tell(Err(format!("line {} {why}{more}", self.lines)));
        }
    }

    /// A file system that had promised room but not yet written into it leaves NUL bytes after a
    /// power cut.
    fn look_at_tail(&mut self, tail: &[u8], tell: &mut impl FnMut(Result<Line, String>)) {
        if !self.tail_told && tail.contains(&0) {
            self.tail_told = true;
            tell(Err(format!(
                "ends in {} bytes that were never written (a power cut?)",
                tail.len()
            )));
        } else if !self.tail_told && has_lost_its_end(tail) {
            (self.tail_told, self.broken) = (true, self.broken + 1);
            tell(Err(format!("line {} is damaged: it does not end", self.lines + 1)));
        }
    }
}

/// The line of an epoch without the detour that serde takes for tagged and flattened types (less
/// than half the time). Nearly all lines are such; every other, and every one that does not fit,
/// takes the long way.
#[derive(Deserialize)]
struct EpochLine<'a> {
    v: u32,
    seq: u64,
    at: String,
    event: &'a str,
    epoch: usize,
    train: SplitReport,
    valid: SplitReport,
    #[serde(deserialize_with = "lane_types::number_or_nan")]
    learning_rate: f64,
    best_epoch: usize,
    waited: usize,
    #[serde(deserialize_with = "lane_types::number_or_nan")]
    seconds: f64,
    #[serde(deserialize_with = "lane_types::number_or_nan")]
    windows_per_second: f64,
}

fn parse_epoch(line: &[u8]) -> Option<Line> {
    let EpochLine {
        v,
        seq,
        at,
        event,
        epoch,
        train,
        valid,
        learning_rate,
        best_epoch,
        waited,
        seconds,
        windows_per_second,
    } = serde_json::from_slice(line).ok()?;
    let report = EpochReport {
        epoch,
        train,
        valid,
        learning_rate,
        best_epoch,
        waited,
        seconds,
        windows_per_second,
    };
    (event == "epoch" && v <= VERSION).then_some(Line { v, seq, at, event: Event::Epoch(report) })
}

fn parse(line: &[u8]) -> Result<Line, String> {
    if let Some(line) = parse_epoch(line) {
        return Ok(line);
    }
    #[derive(Deserialize)]
    struct Head {
        v: u32,
    }
    let later =
        |v: u32| format!("has format {v}, of a later kiln (this one reads up to {VERSION})");
    match serde_json::from_slice::<Line>(line) {
        Ok(line) if line.v > VERSION => Err(later(line.v)),
        Ok(line) => Ok(line),
        Err(error) => match serde_json::from_slice(line) {
            Ok(Head { v }) if v > VERSION => Err(later(v)),
            _ => Err(format!("is damaged: {error}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use proptest::prelude::*;

    fn read(reader: &mut LogReader, bytes: &[u8]) -> (Vec<Line>, Vec<String>) {
        let (mut lines, mut damage) = (Vec::new(), Vec::new());
        reader.take(bytes, |told| match told {
            Ok(line) => lines.push(line),
            Err(why) => damage.push(why),
        });
        (lines, damage)
    }

    #[test]
    fn a_broken_line_in_the_middle_is_told_and_the_others_are_read() {
        let text = testing::log(4);
        let broken = text.replacen("\"event\":\"epoch\"", "\"event\":\"epo", 1);
        let (lines, damage) = read(&mut LogReader::default(), broken.as_bytes());
        assert_eq!(lines.len(), text.lines().count() - 1);
        assert_eq!(damage.len(), 1);
        assert!(damage[0].starts_with("line 2 is damaged"), "{}", damage[0]);
    }

    #[test]
    fn the_short_way_and_the_long_way_read_the_same() {
        for text in testing::log(3).lines() {
            let long: Line = serde_json::from_str(text).unwrap();
            assert_eq!(
                parse_epoch(text.as_bytes()),
                matches!(long.event, Event::Epoch(_)).then_some(long)
            );
        }
    }

    #[test]
    fn an_unknown_event_a_later_format_and_a_missing_line_are_told() {
        let unknown = testing::log(1).replacen("\"event\":\"epoch\"", "\"event\":\"eclipse\"", 1);
        assert!(read(&mut LogReader::default(), unknown.as_bytes()).1[0].contains("eclipse"));
        let later = testing::log(1).replacen("{\"v\":1", "{\"v\":2", 1);
        assert!(read(&mut LogReader::default(), later.as_bytes()).1[0].contains("format 2"));
        let unreadable = "{\"v\":9,\"what\":3}\n";
        assert!(read(&mut LogReader::default(), unreadable.as_bytes()).1[0].contains("format 9"));
        let all = testing::log(3);
        let missing: String = all
            .lines()
            .enumerate()
            .filter(|(i, _)| *i != 1)
            .map(|(_, line)| format!("{line}\n"))
            .collect();
        let (lines, damage) = read(&mut LogReader::default(), missing.as_bytes());
        assert_eq!(lines.len(), all.lines().count() - 1);
        assert_eq!(damage, ["line 2 has number 2 instead of 1: lines are missing"]);
    }

    #[test]
    fn garbage_is_told_a_few_times_and_a_tail_of_nul_bytes_once() {
        let mut reader = LogReader::default();
        assert_eq!(read(&mut reader, &b"\xff\0\n".repeat(1000)).1.len(), TOLD);
        let mut reader = LogReader::default();
        let text = [testing::log(1).as_bytes(), &[0; 40]].concat();
        assert_eq!(read(&mut reader, &text).1.len(), 1);
        let offset = usize::try_from(reader.offset).unwrap();
        assert!(read(&mut reader, &text[offset..]).1.is_empty());
    }

    proptest! {
        #[test]
        fn a_log_read_in_pieces_tells_what_it_tells_at_once(
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let text = testing::log(4);
            let mut ends: Vec<usize> =
                cuts.iter().map(|cut| cut.index(text.len())).chain([text.len()]).collect();
            ends.sort_unstable();
            let (mut reader, mut lines) = (LogReader::default(), Vec::new());
            for end in ends {
                let start = usize::try_from(reader.offset).unwrap();
                let (new, damage) = read(&mut reader, &text.as_bytes()[start..end]);
                prop_assert!(damage.is_empty());
                lines.extend(new);
            }
            prop_assert_eq!(lines, read(&mut LogReader::default(), text.as_bytes()).0);
        }

        #[test]
        fn no_bytes_whatever_make_the_reader_fail(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut reader = LogReader::default();
            let (lines, _) = read(&mut reader, &bytes);
            prop_assert!(lines.is_empty() && reader.offset <= bytes.len() as u64);
        }
    }
}
