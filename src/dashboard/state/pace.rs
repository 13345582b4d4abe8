//! How fast epochs are done, over the last minute; unknown rather than guessed.

use std::collections::VecDeque;

/// Samples of a counter over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pace {
    /// (monotonic seconds, epochs trained since the first sample), ascending in time.
    samples: VecDeque<(f64, f64)>,
}

/// What "the last minute" means, seconds.
const SPAN: f64 = 60.0;
/// A shorter observation says nothing, seconds.
const LEAST: f64 = 3.0;
/// Samples closer than this are one, seconds.
const CLOSE: f64 = 0.25;

impl Pace {
    /// Takes the counter at time `now`.
    pub(super) fn sample(&mut self, now: f64, epochs: f64) {
        // Several polls a second would only make the queue long. The first sample is never touched:
        // the observation began there.
        let begun = self.samples.len() > 1;
        match self.samples.back_mut() {
            Some(last) if begun && now - last.0 < CLOSE => last.1 = epochs,
            _ => self.samples.push_back((now, epochs)),
        }
        while self.samples.get(1).is_some_and(|(at, _)| now - at >= SPAN) {
            self.samples.pop_front();
        }
    }

    /// Epochs per second at time `now`; `None` before three seconds of observation or when nothing
    /// was done in the last minute.
    pub(super) fn per_second(&self, now: f64) -> Option<f64> {
        let (newest, last) = self.samples.back()?;
        if now - newest >= SPAN {
            return None;
        }
        let (begun, first) =
            self.samples.iter().rev().take_while(|(at, _)| now - at <= SPAN).last()?;
        let (elapsed, done) = (now - begun, last - first);
        (elapsed >= LEAST && done > 0.0).then_some(done / elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_pace_is_found_and_a_stall_slows_it_until_it_is_unknown() {
        let mut pace = Pace::default();
        for second in 0..=30 {
            pace.sample(f64::from(second), f64::from(second) * 2.0);
        }
        assert_eq!(pace.per_second(30.0), Some(2.0));
        let stalled = pace.per_second(60.0).unwrap();
        assert!(stalled < 1.5, "{stalled}");
        assert_eq!(pace.per_second(91.0), None);
    }

    #[test]
    fn nothing_is_said_before_three_seconds_or_without_progress() {
        let mut pace = Pace::default();
        assert_eq!(pace.per_second(0.0), None);
        pace.sample(0.0, 0.0);
        pace.sample(2.0, 5.0);
        assert_eq!(pace.per_second(2.0), None);
        let mut idle = Pace::default();
        idle.sample(0.0, 7.0);
        idle.sample(10.0, 7.0);
        assert_eq!(idle.per_second(10.0), None);
    }

    #[test]
    fn only_the_last_minute_counts() {
        let mut pace = Pace::default();
        for second in 0..200 {
            let done = if second < 100 {
                f64::from(second) * 10.0
            } else {
                1000.0 + f64::from(second - 100)
            };
            pace.sample(f64::from(second), done);
        }
        assert_eq!(pace.per_second(199.0), Some(1.0));
    }

    #[test]
    fn samples_a_tenth_of_a_second_apart_do_not_pile_up() {
        let mut pace = Pace::default();
        for tick in 0..6000 {
            pace.sample(f64::from(tick) * 0.1, f64::from(tick));
        }
        assert!(pace.samples.len() < 300, "{}", pace.samples.len());
        assert!((pace.per_second(599.9).unwrap() - 10.0).abs() < 0.2);
    }
}
