//! Which running trials make no progress, by the reader's own clock: anyone who trains may be on
//! another machine.

use std::collections::HashMap;

/// Since when each running trial, by its place, tells nothing new.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Stalls {
    still: HashMap<usize, Still>,
    /// When it was last looked, monotonic seconds.
    looked: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Still {
    since: f64,
    told: bool,
}

/// Without progress for so long, a trial is told, seconds.
const LONG: f64 = 120.0;
/// Between two looks this process, too, was standing still (it was paused), seconds.
const ASLEEP: f64 = 10.0;

impl Stalls {
    /// The trial at a place told something new.
    pub(super) fn moved(&mut self, place: usize, now: f64) {
        self.still.insert(place, Still { since: now, told: false });
    }

    /// Whether the trial at a place was told.
    pub(super) fn holds(&self, place: usize) -> bool {
        self.still.get(&place).is_some_and(|still| still.told)
    }

    /// The running trials that have made no progress for long, each once, with the seconds.
    pub(super) fn look(
        &mut self,
        now: f64,
        running: impl Iterator<Item = usize>,
    ) -> Vec<(usize, f64)> {
        let slept = self.looked.map_or(0.0, |looked| now - looked);
        self.looked = Some(now);
        let mut still = HashMap::with_capacity(self.still.len());
        let mut found = Vec::new();
        for place in running {
            let mut one =
                self.still.get(&place).copied().unwrap_or(Still { since: now, told: false });
            if slept > ASLEEP {
                one.since = (one.since + slept).min(now);
            }
            if now - one.since >= LONG && !one.told {
                one.told = true;
                found.push((place, now - one.since));
            }
            still.insert(place, one);
        }
        self.still = still;
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks once a second over a span; what was found, with the second.
    fn look(stalls: &mut Stalls, span: std::ops::Range<u32>) -> Vec<(u32, usize)> {
        span.flat_map(|second| {
            stalls
                .look(f64::from(second), [3, 7].into_iter())
                .into_iter()
                .map(move |(place, _)| (second, place))
        })
        .collect()
    }

    #[test]
    fn a_trial_that_stands_still_is_told_once_until_it_moves() {
        let mut stalls = Stalls::default();
        assert!(look(&mut stalls, 0..100).is_empty());
        stalls.moved(7, 100.0);
        assert_eq!(look(&mut stalls, 100..400), [(120, 3), (220, 7)]);
        assert!(stalls.holds(3) && stalls.holds(7));
        stalls.moved(3, 400.0);
        assert!(!stalls.holds(3));
        assert_eq!(look(&mut stalls, 400..600), [(520, 3)]);
    }

    #[test]
    fn a_pause_of_the_reader_is_no_stall() {
        let mut stalls = Stalls::default();
        look(&mut stalls, 0..60);
        assert!(look(&mut stalls, 1000..1060).is_empty());
        assert_eq!(look(&mut stalls, 1060..1100).len(), 2);
    }
}
