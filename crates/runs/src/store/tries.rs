//! How often the same was tried, of many trials at once.

use std::collections::HashMap;

use super::{Ledger, Tried, Tries};
use experiment::metric::Split;
use experiment::trial::TrialId;

/// [`Ledger::tries`] of many trials. Trials of a sweep were tried on the same: the ledger is gone
/// through once for all of them and not once for each.
#[derive(Debug)]
pub struct TriesCounter<'a> {
    ledger: &'a Ledger,
    split: Split,
    /// By what was tried: which of the trials that tried the like each one is, from 1.
    numbers: HashMap<Tried, HashMap<&'a TrialId, usize>>,
}

impl<'a> TriesCounter<'a> {
    /// Of what a ledger knows, at the times of a split.
    #[must_use]
    pub fn new(ledger: &'a Ledger, split: Split) -> Self {
        Self { ledger, split, numbers: HashMap::new() }
    }

    /// As [`Ledger::tries`].
    pub fn tries(&mut self, trial: &TrialId, tried: &Tried) -> Tries {
        let Self { ledger, split, numbers } = self;
        if !numbers.contains_key(tried) {
            let mut of_trial = HashMap::new();
            for entry in ledger.entries.iter().filter(|entry| entry.tried.is_like(tried, *split)) {
                let next = of_trial.len() + 1;
                of_trial.entry(&entry.trial).or_insert(next);
            }
            numbers.insert(tried.clone(), of_trial);
        }
        let of_trial = numbers.get(tried);
        Tries {
            trials: of_trial.map_or(0, HashMap::len),
            number: of_trial.and_then(|of_trial| of_trial.get(trial)).copied(),
            damaged_lines: ledger.damage.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LedgerEntry, testing};
    use super::*;

    #[test]
    fn many_trials_are_counted_as_each_is_alone_and_the_ledger_is_gone_through_once() {
        let here = testing::result(1).tried.unwrap();
        let elsewhere = Tried { data: "other".into(), ..here.clone() };
        let entry = |number: usize| LedgerEntry {
            v: 1,
            at: testing::AT.into(),
            sweep: "a".into(),
            trial: TrialId(format!("t{}", number % 700)),
            tried: if number.is_multiple_of(5) { elsewhere.clone() } else { here.clone() },
            opened: false,
        };
        let ledger = Ledger { entries: (0..1_000).map(entry).collect(), ..Ledger::default() };
        let mut counter = TriesCounter::new(&ledger, Split::Valid);
        for number in 0..710 {
            let trial = TrialId(format!("t{number}"));
            assert_eq!(counter.tries(&trial, &here), ledger.tries(&trial, &here, Split::Valid));
        }
        assert_eq!(counter.numbers.len(), 1, "one pass for all trials that tried the same");
        assert_eq!(counter.tries(&TrialId("t5".into()), &elsewhere).number, Some(2));
    }
}
