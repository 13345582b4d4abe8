//! The errors of one run's forecasts: their distribution, their memory, when in the day they are
//! large, and whether an interval made of them holds.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use evidence::{Proportion, conformal_half_width, coverage, normal_quantile};

/// Errors of a stretch of the day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct DayBin {
    /// From this minute of the day on.
    pub minute: usize,
    /// Root mean squared errors: of the run, and of what it is compared with.
    pub rmse: f64,
    pub baseline: Option<f64>,
    pub windows: usize,
}

/// Minutes of a bin.
pub(super) const BIN_MINUTES: usize = 30;

/// Fewer windows in a bin say nothing.
const LEAST_IN_BIN: usize = 10;

/// Root mean squared error by time of day in a zone (`None`: UTC), by when the window's last bar
/// begins.
pub(super) fn by_time_of_day(
    ts: &[i64],
    errors: &[f64],
    baseline: Option<&[f64]>,
    zone: Option<&str>,
) -> Vec<DayBin> {
    let zone = zone.and_then(parse_zone).unwrap_or(TimeZone::UTC);
    let mut sums = vec![(0.0, 0.0, 0_usize); 24 * 60 / BIN_MINUTES];
    for (place, (&ts, error)) in ts.iter().zip(errors).enumerate() {
        let Ok(at) = Timestamp::from_nanosecond(i128::from(ts)) else { continue };
        let clock = at.to_zoned(zone.clone()).time();
        let minute =
            usize::try_from(i32::from(clock.hour()) * 60 + i32::from(clock.minute())).unwrap_or(0);
        let bin = &mut sums[minute / BIN_MINUTES];
        let other =
            baseline.and_then(|errors| errors.get(place)).map_or(f64::NAN, |error| error * error);
        *bin = (bin.0 + error * error, bin.1 + other, bin.2 + 1);
    }
    let bins = sums
        .into_iter()
        .enumerate()
        .filter(|(_, (own, _, windows))| *windows >= LEAST_IN_BIN && own.is_finite());
    let root = |sum: f64, windows: usize| (sum / windows as f64).sqrt();
    bins.map(|(place, (own, other, windows))| DayBin {
        minute: place * BIN_MINUTES,
        rmse: root(own, windows),
        baseline: Some(root(other, windows)).filter(|rmse| rmse.is_finite()),
        windows,
    })
    .collect()
}

/// From an IANA name, `UTC`, or an offset such as `+08:00`, which is how a series' zone is written.
fn parse_zone(name: &str) -> Option<TimeZone> {
    let offset = || {
        let sign = if name.starts_with('-') { -1 } else { 1 };
        let (hours, minutes) = name.strip_prefix(['+', '-'])?.split_once(':')?;
        let seconds = hours.parse::<i32>().ok()?.checked_mul(3600)?
            + minutes.parse::<i32>().ok()?.checked_mul(60)?;
        Offset::from_seconds(sign * seconds).ok().map(TimeZone::fixed)
    };
    offset().or_else(|| TimeZone::get(name).ok())
}

/// Counts in `bins` stretches of equal width between the 0.5 % and the 99.5 % quantile; what lies
/// beyond is counted in the outer ones.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Histogram {
    pub low: f64,
    pub width: f64,
    pub counts: Vec<usize>,
}

/// `None` of values that do not vary.
pub(super) fn histogram(sorted: &[f64], bins: usize) -> Option<Histogram> {
    let at = |share: f64| {
        sorted.get(((sorted.len().checked_sub(1)?) as f64 * share).round() as usize).copied()
    };
    let (low, high) = (at(0.005)?, at(0.995)?);
    let width = (high - low) / bins as f64;
    (width > 0.0).then_some(())?;
    let mut counts = vec![0; bins];
    for value in sorted {
        counts[(((value - low) / width).max(0.0) as usize).min(bins - 1)] += 1;
    }
    Some(Histogram { low, width, counts })
}

/// Mean and standard deviation (n − 1); `None` of values that do not vary.
pub(super) fn moments(values: &[f64]) -> Option<(f64, f64)> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let sd = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    (sd > 0.0 && sd.is_finite()).then_some((mean, sd))
}

/// Quantiles of the normal distribution beside those of sorted values, in standard deviations, at
/// about 100 places.
pub(super) fn quantiles(sorted: &[f64], (mean, sd): (f64, f64)) -> Vec<(f64, f64)> {
    let n = sorted.len();
    let step = (n / 100).max(1);
    let mut places: Vec<usize> = (0..n).step_by(step).collect();
    // The tails are what one looks at.
    places.extend(
        [1, 2, 3].iter().flat_map(|&i| [i, n.saturating_sub(i)]).filter(|place| *place < n),
    );
    places.sort_unstable();
    places.dedup();
    let point = |place: usize| {
        Some((normal_quantile((place as f64 + 0.5) / n as f64)?, (sorted[place] - mean) / sd))
    };
    places.into_iter().filter_map(point).collect()
}

/// Autocorrelations at lags from 1 on; `None` of values that do not vary.
pub(super) fn autocorrelations(values: &[f64], lags: usize) -> Option<Vec<f64>> {
    let (mean, _) = moments(values)?;
    let total: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let at = |lag: usize| {
        values.iter().zip(&values[lag..]).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>() / total
    };
    Some((1..=lags.min(values.len() / 4)).map(at).collect())
}

/// An interval of a level, and how often it held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Held {
    pub level: f64,
    /// With Wilson's 95 % interval.
    pub covered: Proportion,
    /// Of forecast ± half width, in the target's unit.
    pub half_width: f64,
}

/// Split-conformal intervals around the forecasts: widths from the first half of the windows,
/// measured on the second half, less `gap` windows between them whose targets overlap. Both halves
/// are of the split that chose the epoch, so this flatters.
pub(super) fn conformal(target: &[f64], forecast: &[f64], gap: usize) -> Vec<Held> {
    let half = target.len() / 2;
    let errors: Vec<f64> = target
        .iter()
        .zip(forecast)
        .take(half)
        .map(|(target, forecast)| target - forecast)
        .collect();
    let from = (half + gap).min(target.len());
    let held = |level: f64| {
        let half_width = conformal_half_width(&errors, 1.0 - level)?;
        let ends = |sign: f64| {
            forecast[from..].iter().map(|forecast| forecast + sign * half_width).collect::<Vec<_>>()
        };
        let covered = coverage(&target[from..], &ends(-1.0), &ends(1.0), 0.95)?.covered;
        Some(Held { level, covered, half_width })
    };
    [0.5, 0.6, 0.7, 0.8, 0.9, 0.95].into_iter().filter_map(held).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_that_of_the_zone() {
        let hour = 3_600_000_000_000_i64;
        let ts: Vec<i64> = (0..20).map(|minute| 2 * hour + minute * hour / 60).collect();
        let errors = vec![2.0; 20];
        let bins = |zone| by_time_of_day(&ts, &errors, Some(&[1.0; 20]), zone);
        let utc = bins(None);
        assert_eq!(utc, [DayBin { minute: 120, rmse: 2.0, baseline: Some(1.0), windows: 20 }]);
        for zone in ["+08:00", "Asia/Shanghai"] {
            assert_eq!(bins(Some(zone))[0].minute, 600, "{zone}");
        }
        assert_eq!(bins(Some("-01:30"))[0].minute, 30);
        assert!(by_time_of_day(&ts[..5], &errors[..5], None, None).is_empty());
    }

    #[test]
    fn a_histogram_counts_every_value() {
        let values: Vec<f64> = (0..1000).map(f64::from).collect();
        let found = histogram(&values, 10).unwrap();
        assert_eq!(found.counts.iter().sum::<usize>(), 1000);
        assert_eq!(histogram(&[1.0; 50], 10), None);
        assert_eq!(histogram(&[], 10), None);
    }

    #[test]
    fn autocorrelations_by_hand() {
        let found = autocorrelations(&[1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0], 20).unwrap();
        assert_eq!(found, [-7.0 / 8.0, 6.0 / 8.0]);
        assert_eq!(autocorrelations(&[1.0; 8], 3), None);
    }

    #[test]
    fn normal_quantiles_lie_on_the_diagonal() {
        let values: Vec<f64> =
            (0..999).map(|i| normal_quantile((f64::from(i) + 0.5) / 999.0).unwrap()).collect();
        let points = quantiles(&values, moments(&values).unwrap());
        assert!(
            points.len() > 90 && points.iter().all(|(x, y)| (x - y).abs() < 0.02),
            "{points:?}"
        );
    }

    #[test]
    fn conformal_widths_come_of_the_first_half_alone() {
        // Errors of 1…100 in the first half, of 0 in the second: everything is covered, at the
        // first half's widths.
        let target: Vec<f64> =
            (0..200).map(|i| if i < 100 { f64::from(i + 1) } else { 0.0 }).collect();
        let held = conformal(&target, &[0.0; 200], 3);
        let found: Vec<_> = held
            .iter()
            .map(|held| (held.level, held.half_width, held.covered.share, held.covered.count))
            .collect();
        assert_eq!(found[0], (0.5, 51.0, 1.0, 97));
        assert_eq!(found[4], (0.9, 91.0, 1.0, 97));
        assert!(conformal(&[], &[], 1).is_empty());
    }
}
