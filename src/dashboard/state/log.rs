//! The last things that happened, in the order in which they were seen.

use std::collections::VecDeque;

use experiment::trial::TrialId;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// An epoch, a start, an end.
    Note,
    /// Unusual, or stopped by someone; the run goes on or can go on.
    Warning,
    /// A run failed, is lost or damaged.
    Failure,
}

/// One line of the log; all text is escaped.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// `hh:mm:ss` in UTC, as recorded; empty where the record does not tell.
    pub at: String,
    pub id: TrialId,
    pub level: Level,
    pub text: String,
}

/// A ring of entries.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
    /// The newest failure, with how many entries came since.
    failure: Option<(Entry, usize)>,
}

/// Entries kept; older ones are in the runs' own logs.
const KEPT: usize = 1000;

impl Log {
    /// Adds the newest.
    pub(crate) fn push(&mut self, entry: Entry) {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        match &mut self.failure {
            _ if entry.level == Level::Failure => self.failure = Some((entry.clone(), 0)),
            Some((_, since)) => *since += 1,
            None => {}
        }
        self.entries.push_back(entry);
    }

    /// Entries kept.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The newest failure, when more than so many entries came since: it is not to be lost in a
    /// flood of epochs.
    pub(crate) fn buried_failure(&self, entries: usize) -> Option<&Entry> {
        self.failure.as_ref().filter(|(_, since)| *since >= entries).map(|(entry, _)| entry)
    }

    /// The last `count` entries before the newest `skip` ones, oldest first.
    pub(crate) fn last(&self, count: usize, skip: usize) -> impl Iterator<Item = &Entry> {
        let end = self.entries.len().saturating_sub(skip);
        self.entries.range(end.saturating_sub(count)..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entries_are_forgotten() {
        let mut log = Log::default();
        for number in 0..KEPT + 5 {
            log.push(entry(Level::Note, &number.to_string()));
        }
        assert_eq!(log.len(), KEPT);
        let texts: Vec<&str> = log.last(2, 1).map(|entry| entry.text.as_str()).collect();
        assert_eq!(texts, [(KEPT + 2).to_string(), (KEPT + 3).to_string()]);
        assert_eq!(log.last(5, KEPT).count(), 0);
    }

    #[test]
    fn the_newest_failure_is_not_buried() {
        let mut log = Log::default();
        log.push(entry(Level::Failure, "old"));
        log.push(entry(Level::Failure, "new"));
        assert_eq!(log.buried_failure(2), None);
        log.push(entry(Level::Note, "epoch"));
        log.push(entry(Level::Warning, "odd"));
        assert_eq!(log.buried_failure(2).map(|entry| entry.text.as_str()), Some("new"));
        assert_eq!(log.buried_failure(3), None);
    }

    fn entry(level: Level, text: &str) -> Entry {
        Entry { at: String::new(), id: TrialId("a".into()), level, text: text.to_owned() }
    }
}
