//! Of whole bars: the average true range, the time of day.

use super::average::Wilder;
use crate::Bar;

/// Wilder's average true range (1978) as TA-Lib has it: the first bar has no true range, the
/// average is seeded with the mean of the first `n` true ranges and then smoothed by 1 / n. In
/// price units.
#[derive(Clone, Debug)]
pub(super) struct Atr {
    before: Option<f64>,
    average: Wilder,
}

impl Atr {
    pub(super) fn new(n: usize) -> Self {
        Self { before: None, average: Wilder::new(n) }
    }

    pub(super) fn push(&mut self, bar: &Bar) -> Option<f64> {
        let before = self.before.replace(bar.close)?;
        self.average.push(true_range(bar, before))
    }
}

/// The largest of the bar's range and the distances of its high and its low from the close
/// `before`.
fn true_range(bar: &Bar, before: f64) -> f64 {
    let mut range = bar.high - bar.low;
    // Not `max`, which would pass over NaN.
    for distance in [(before - bar.high).abs(), (before - bar.low).abs()] {
        if distance > range {
            range = distance;
        }
    }
    range
}

/// Share of the local day that has passed at the bar's last instant, 0..1; a bar that ends at
/// midnight has 0.
pub(super) fn time_of_day(bar: &Bar, bar_seconds: u32) -> f64 {
    const DAY: i64 = 86_400;
    let local =
        bar.ts.div_euclid(1_000_000_000) + i64::from(bar_seconds) + i64::from(bar.offset_seconds);
    local.rem_euclid(DAY) as f64 / DAY as f64
}
