//! The timestamps of a whole file: what a row alone does not tell, its neighbours do.
//!
//! * Digits may be an epoch or a clock ([`super::digits`]).
//! * A clock that is turned back shows an hour twice. The rows of such an hour are its first pass
//!   up to the row at which the clock jumps back, and its second from there on. Where it does not
//!   jump, the file has one of the passes: the first when its rows go on from the row before, the
//!   second when the row after goes on from them. What neither or both say is refused.

use super::digits::{self, Digits};
use super::inputs::StampForm;
use super::step::Spacing;
use super::timestamp::{Stamp, StampProblem, StampReader, shown};

/// Timestamps in file order, not yet settled.
#[derive(Debug)]
pub(super) struct StampColumn {
    reader: StampReader,
    ts: Vec<i64>,
    offset_seconds: Vec<i32>,
    /// Rows of repeated hours, and the seconds to the second pass.
    repeats: Vec<(usize, i32)>,
    /// What plain digits would be as an epoch; `None` as soon as there are others.
    digits: Option<Digits>,
}

/// Timestamps that is valid.
#[derive(Debug)]
pub(super) struct Settled {
    /// Nanoseconds since 1970 UTC.
    pub ts: Vec<i64>,
    /// Local clock, seconds east of UTC.
    pub offset_seconds: Vec<i32>,
    /// What had to be assumed, each a sentence.
    pub assumed: Vec<String>,
    /// How they are written.
    pub form: Option<StampForm>,
}

const SECOND: i64 = 1_000_000_000;

/// Said where dates have no zone.
pub(super) const ASSUMED_UTC: &str = "dates without a zone are read as days of UTC";

impl StampColumn {
    pub(super) fn new(reader: StampReader) -> Self {
        Self {
            reader,
            ts: Vec::new(),
            offset_seconds: Vec::new(),
            repeats: Vec::new(),
            digits: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ts.len()
    }

    /// The next row, as `read` reads it.
    pub(super) fn push(
        &mut self,
        read: impl FnOnce(&mut StampReader) -> Result<Stamp, StampProblem>,
    ) -> Result<(), StampProblem> {
        let stamp = read(&mut self.reader)?;
        let digits = Digits::of(stamp.digits);
        self.digits = if self.ts.is_empty() || self.digits == digits { digits } else { None };
        self.add(stamp);
        Ok(())
    }

    fn add(&mut self, Stamp { ns, offset, repeat, digits: _ }: Stamp) {
        if repeat != 0 {
            self.repeats.push((self.ts.len(), repeat));
        }
        self.ts.push(ns);
        self.offset_seconds.push(offset);
    }

    /// All rows are read.
    ///
    /// # Errors
    /// A row, and why it cannot be told what it means.
    pub(super) fn settle(mut self) -> Result<Settled, (usize, StampProblem)> {
        let mut assumed = Vec::new();
        if let Some(digits) = self.digits
            && let Some(layout) = digits::judge(&self.ts, digits)?
        {
            self.reader.form = Some(StampForm::Clock);
            let (read, _) =
                (std::mem::take(&mut self.ts), std::mem::take(&mut self.offset_seconds));
            self.reader.form = None;
            for (row, ns) in read.into_iter().enumerate() {
                let value = digits.of_instant(ns);
                let clock = layout.clock(value).unwrap_or_default();
                let stamp = self
                    .reader
                    .clock(clock)
                    .map_err(|problem| (row, problem.with(&digits.text(value))))?;
                self.add(stamp);
            }
            assumed.push(format!("the digits of the timestamps are read as {}", layout.name()));
        }
        if let Err(row) = tell_passes(&mut self.ts, &mut self.offset_seconds, &self.repeats) {
            let clock =
                shown(self.ts[row].div_euclid(SECOND) + i64::from(self.offset_seconds[row]));
            return Err((row, StampProblem::Repeated(clock, self.reader.zone().to_owned())));
        }
        if self.reader.assumed_utc {
            assumed.push(ASSUMED_UTC.to_owned());
        }
        let Self { reader, ts, offset_seconds, .. } = self;
        Ok(Settled { ts, offset_seconds, assumed, form: reader.form })
    }
}

/// Moves the rows of second passes. Err: a row of which it cannot be told.
fn tell_passes(
    ts: &mut [i64],
    offset_seconds: &mut [i32],
    repeats: &[(usize, i32)],
) -> Result<(), usize> {
    if repeats.is_empty() {
        return Ok(());
    }
    let bar = Spacing::most_frequent(ts.iter().copied()).map_or(0, |spacing| spacing.ns);
    let descending = ts.first() > ts.last();
    // Rows that stand together and lie within one hour that is repeated.
    let together = |a: &(usize, i32), b: &(usize, i32)| {
        b.0 == a.0 + 1
            && a.1 == b.1
            && ts[a.0].abs_diff(ts[b.0]) < (i64::from(a.1) * SECOND).unsigned_abs()
    };
    let mut second = Vec::new();
    for group in repeats.chunk_by(together) {
        let Some(&(first_row, repeat)) = group.first() else { continue };
        let mut rows: Vec<usize> = (first_row..first_row + group.len()).collect();
        if descending {
            rows.reverse();
        }
        let neighbour = |row: usize, back: bool| {
            let place = if back == descending { row.checked_add(1) } else { row.checked_sub(1) };
            place.and_then(|place| ts.get(place)).copied()
        };
        let hour = Hour {
            rows: rows.iter().map(|&row| ts[row]).collect(),
            repeat: i64::from(repeat) * SECOND,
            before: neighbour(rows[0], true),
            after: neighbour(rows[rows.len() - 1], false),
            bar,
        };
        let from = hour.second_pass().ok_or(first_row)?;
        second.extend(rows[from..].iter().map(|&row| (row, repeat)));
    }
    for (row, repeat) in second {
        ts[row] += i64::from(repeat) * SECOND;
        offset_seconds[row] -= repeat;
    }
    Ok(())
}

/// Rows of an hour that is repeated, in time order, all read as its first pass.
struct Hour {
    rows: Vec<i64>,
    /// From the first pass to the second, nanoseconds.
    repeat: i64,
    before: Option<i64>,
    after: Option<i64>,
    /// Of the file, nanoseconds.
    bar: i64,
}

impl Hour {
    /// The place from which on it is the second pass; `None` when it cannot be told.
    fn second_pass(&self) -> Option<usize> {
        let places = |jump: fn(i64, i64) -> bool| {
            (1..self.rows.len())
                .filter(|&place| jump(self.rows[place - 1], self.rows[place]))
                .collect::<Vec<_>>()
        };
        // A row that is there twice may be a duplicate, unless the clock jumps nowhere else.
        let back = places(|before, next| next < before);
        let jumps = if back.is_empty() { places(|before, next| next == before) } else { back };
        match jumps[..] {
            [] => self.only_pass(),
            [place] => Some(place),
            _ => None,
        }
    }

    /// Of rows without a jump.
    fn only_pass(&self) -> Option<usize> {
        let (first, last) = (*self.rows.first()?, *self.rows.last()?);
        // A bar longer than the hour comes once in it, and joins its neighbours either way.
        if self.bar > self.repeat {
            return Some(self.rows.len());
        }
        let goes_on = self.before.is_some_and(|before| before.saturating_add(self.bar) == first);
        let is_gone_on_from =
            self.after.is_some_and(|after| last.saturating_add(self.repeat + self.bar) == after);
        match (goes_on, is_gone_on_from) {
            (true, false) => Some(self.rows.len()),
            (false, true) => Some(0),
            (true, true) | (false, false) => None,
        }
    }
}

#[cfg(test)]
mod tests;
