//! The dashboard's state as lines, for logs, pipes and terminals that are none.

use std::io::{self, Write};

use super::state::{Entry, Kind, Sweep};
use super::text::{clean, number, number_or_dash};
use runs::store::{Change, SweepRecord};

/// Folds changes and writes a line for each epoch, start, end, warning and failure. No colour, no
/// cursor; all text is escaped.
#[derive(Clone, Debug)]
pub struct Plain {
    sweep: Sweep,
}

impl Plain {
    /// Starts from what is recorded, of which nothing is written.
    #[must_use]
    pub fn new(record: &SweepRecord) -> Self {
        Self { sweep: Sweep::new(record) }
    }

    /// Folds what is new and writes a line for each thing worth one.
    ///
    /// # Errors
    /// When `out` cannot be written; the changes are folded all the same.
    pub fn write(&mut self, changes: &[Change], out: &mut dyn Write) -> io::Result<()> {
        // Nothing here is told by the pace, so that no time is needed.
        for Entry { at: _, id, level: _, text } in self.sweep.apply(changes, 0.0) {
            writeln!(out, "{}  {text}", clean(&id.0))?;
        }
        Ok(())
    }

    /// Writes the sweep as it is: a head, a line for each trial, and the best.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn summary(&self, out: &mut dyn Write) -> io::Result<()> {
        let sweep = &self.sweep;
        writeln!(out, "{}  {}", sweep.name, sweep.question.as_deref().unwrap_or_default())?;
        for row in &sweep.rows {
            let planned =
                row.planned_epochs().map_or(String::new(), |planned| format!("/{planned}"));
            let value = number_or_dash(row.value);
            let best = row
                .best_epoch()
                .filter(|_| row.value.is_some())
                .map_or(String::new(), |epoch| format!(" @{epoch}"));
            write!(
                out,
                "{}  {:<13}  epoch {}{planned}  {} {value}{best}",
                row.name,
                row.kind().word(),
                row.epochs(),
                sweep.objective
            )?;
            for column in &sweep.columns {
                if let Some(value) = row.parameter(&column.key) {
                    write!(out, "  {}={value}", column.heading)?;
                }
            }
            if let Some(reason) = row.failure() {
                write!(out, "  failed: {}", clean(reason))?;
            }
            for reason in &row.damage {
                write!(out, "  damaged: {reason}")?;
            }
            writeln!(out)?;
        }
        self.tally(out)
    }

    /// Writes how many trials are in which state, and the best.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn tally(&self, out: &mut dyn Write) -> io::Result<()> {
        let sweep = &self.sweep;
        let counts: Vec<String> = Kind::ALL
            .iter()
            .zip(sweep.summary.counts)
            .filter(|(_, number)| *number > 0)
            .map(|(kind, number)| format!("{number} {}", kind.word()))
            .collect();
        write!(out, "{} trials: {}", sweep.rows.len(), counts.join(", "))?;
        if let Some(best) = sweep.best() {
            write!(
                out,
                "; best {} {} {}{}",
                best.row.name,
                sweep.objective,
                number(best.value),
                best.of
            )?;
        }
        writeln!(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::fixture;
    use experiment::event::{Cursor, Event};

    #[test]
    fn every_epoch_start_end_and_failure_is_a_line() {
        let mut plain = Plain::new(&fixture::grid(12));
        let mut out = Vec::new();
        let mut changes = fixture::log(0, 2, None);
        let resumed = Event::Started {
            device: "cuda:1".into(),
            lanes: 2,
            resumed: Some(Cursor { epoch: 2, batch: 7 }),
            baselines: Vec::new(),
        };
        changes.push(Change::Line(fixture::id(0), 2, Box::new(fixture::line(0, resumed))));
        changes.extend(fixture::middle().split_off(60));
        plain.write(&changes, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let first: Vec<&str> = text.lines().take(4).collect();
        insta::assert_snapshot!("plain_lines", first.join("\n"));
        assert!(text.contains("failed: training loss is NaN in epoch 3"), "{text}");
        assert!(text.contains("1715609f7c74  lost: "), "{text}");
        assert!(text.contains("b54cda58fbbe  stopped early after 16 epochs"), "{text}");
        assert!(!text.contains('\u{1b}'));
        assert!(!text.contains("checkpoint at"));
    }

    #[test]
    fn the_summary_has_a_line_for_each_trial_and_a_tally() {
        let plain = Plain::new(&fixture::recorded(fixture::grid(12), &fixture::middle()));
        let mut out = Vec::new();
        plain.summary(&mut out).unwrap();
        insta::assert_snapshot!("plain_summary", String::from_utf8(out).unwrap());
    }
}
