//! What is unusual about bars that are otherwise fine: said once, in words, never corrected.

use std::ops::Range;
use text::percent;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use super::bars::Bars;
use super::scaling::quantile;

/// A bar's start in local time, RFC 3339.
pub(super) fn rfc3339(ts: i64, offset_seconds: i32) -> String {
    let zone = TimeZone::fixed(Offset::from_seconds(offset_seconds).unwrap_or(Offset::UTC));
    Timestamp::from_nanosecond(i128::from(ts)).map_or_else(
        |_| format!("{ts} ns"),
        |at| at.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
    )
}

/// Warnings, each a sentence.
pub(super) fn warnings(bars: &Bars, runs: &[Range<usize>]) -> Vec<String> {
    let returns = returns_in_runs(&bars.close, runs);
    [
        exchanged(bars, runs),
        outside_range(bars),
        flat_share(bars),
        zero_volume_share(bars),
        uneven(bars, runs),
        short_holes(bars, runs),
        splits(bars),
        bad_prints(bars, &returns),
        bounce(&returns),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// From what share of the bars on something is worth a sentence.
const NOTABLE_SHARE: f64 = 0.05;
/// Robust standard deviations beyond which a return is suspected to be a bad print.
const BAD_PRINT: f64 = 20.0;
/// First autocorrelation of returns below which the bid-ask bounce is suspected.
const BOUNCE: f64 = -0.2;
/// Holes of fewer bars than this are missing bars; longer ones are breaks.
const SHORT_HOLE: i64 = 10;

/// `(row, log return into it)` of the bars that follow another one in their run.
fn returns_in_runs(close: &[f64], runs: &[Range<usize>]) -> Vec<(usize, f64)> {
    runs.iter()
        .flat_map(|run| run.start + 1..run.end)
        .map(|row| (row, (close[row] / close[row - 1]).ln()))
        .collect()
}

fn at(bars: &Bars, row: usize) -> String {
    rfc3339(bars.ts[row], bars.offset_seconds[row])
}

/// Pairs of bars from which on it can be told whether opens and closes are exchanged.
const ENOUGH_PAIRS: usize = 20;

/// An open is near the close before it. Where the closes are near the opens before them instead,
/// the two columns are exchanged.
fn exchanged(bars: &Bars, runs: &[Range<usize>]) -> Option<String> {
    let pairs = || runs.iter().flat_map(|run| run.start + 1..run.end);
    let median = |distance: &dyn Fn(usize) -> f64| {
        let mut distances: Vec<f64> = pairs().map(distance).collect();
        (distances.len() >= ENOUGH_PAIRS).then(|| quantile(&mut distances, 0.5))
    };
    let of_open = median(&|row| (bars.open[row] / bars.close[row - 1]).ln().abs())?;
    let of_close = median(&|row| (bars.close[row] / bars.open[row - 1]).ln().abs())?;
    (of_close < 0.5 * of_open).then(|| {
        "opens and closes look exchanged: a bar's close is near the open of the bar before, and \
            its open is not near the close of the bar before; are the two columns named the wrong \
            way round?"
            .to_owned()
    })
}

/// Bars of which the nearness of one thing to another is not an accident.
const UNEVEN: i64 = 20;

/// Bars that come a little too early or too late to follow the one before.
fn uneven(bars: &Bars, runs: &[Range<usize>]) -> Option<String> {
    let bar = i64::from(bars.bar_seconds) * 1_000_000_000;
    let off = |run: &&Range<usize>| {
        let apart = bars.ts[run.start].saturating_sub(bars.ts[run.start - 1]);
        apart != bar && apart.abs_diff(bar) <= (bar / UNEVEN).unsigned_abs()
    };
    let mut found = runs.iter().skip(1).filter(off);
    let first = found.next()?;
    let (count, apart) = (found.count() + 1, bars.ts[first.start] - bars.ts[first.start - 1]);
    Some(format!(
        "{count} bars come a little early or late, and each begins a new run (first: {} s after \
            the one before, at {})",
        apart as f64 / 1e9,
        at(bars, first.start)
    ))
}

fn outside_range(bars: &Bars) -> Option<String> {
    let outside = |row: &usize| {
        let (open, close) = (bars.open[*row], bars.close[*row]);
        bars.high[*row] < open.max(close) || bars.low[*row] > open.min(close)
    };
    let first = (0..bars.len()).find(outside)?;
    let count = (first..bars.len()).filter(outside).count();
    let advice = if count * 2 > bars.len() { ": are the columns named rightly?" } else { "" };
    Some(format!(
        "{count} bars open or close outside their high and low (first: {}){advice}",
        at(bars, first)
    ))
}

fn flat_share(bars: &Bars) -> Option<String> {
    let flat = (0..bars.len())
        .filter(|&row| bars.high[row] == bars.low[row] && bars.open[row] == bars.close[row])
        .count();
    let share = flat as f64 / bars.len() as f64;
    (share > NOTABLE_SHARE).then(|| {
        format!("{} % of the bars are flat (open = high = low = close)", percent(Some(share)))
    })
}

fn zero_volume_share(bars: &Bars) -> Option<String> {
    let share =
        bars.volume.iter().filter(|&&volume| volume == 0.0).count() as f64 / bars.len() as f64;
    (share > NOTABLE_SHARE)
        .then(|| format!("{} % of the bars have no volume", percent(Some(share))))
}

fn short_holes(bars: &Bars, runs: &[Range<usize>]) -> Option<String> {
    let bar = i64::from(bars.bar_seconds) * 1_000_000_000;
    let missing = |run: &Range<usize>| (bars.ts[run.start] - bars.ts[run.start - 1]) / bar - 1;
    let mut holes = runs.iter().skip(1).filter(|run| (1..SHORT_HOLE).contains(&missing(run)));
    let first = holes.clone().next()?;
    let (count, bars_missing) =
        holes.by_ref().fold((0, 0), |(count, bars), run| (count + 1, bars + missing(run)));
    Some(format!(
        "{count} holes of fewer than {SHORT_HOLE} bars, {bars_missing} bars missing (first before \
            {})",
        at(bars, first.start)
    ))
}

fn splits(bars: &Bars) -> Option<String> {
    let looks_like_one = |row: &usize| {
        let ratio = bars.close[row - 1] / bars.open[*row];
        [2.0, 3.0, 4.0, 5.0, 10.0]
            .iter()
            .any(|split| (ratio / split - 1.0).abs() < 0.01 || (ratio * split - 1.0).abs() < 0.01)
    };
    let first = (1..bars.len()).find(looks_like_one)?;
    let count = (first..bars.len()).filter(looks_like_one).count();
    let (before, after) = (bars.close[first - 1], bars.open[first]);
    Some(format!(
        "{count} jumps look like splits that were not adjusted for (first: {before} to {after} at \
            {})",
        at(bars, first)
    ))
}

fn bad_prints(bars: &Bars, returns: &[(usize, f64)]) -> Option<String> {
    let mut sizes: Vec<f64> =
        returns.iter().map(|(_, r)| r.abs()).filter(|size| size.is_finite()).collect();
    if sizes.is_empty() {
        return None;
    }
    // Median absolute value to standard deviation, of a normal distribution.
    let sd = 1.4826 * quantile(&mut sizes, 0.5);
    let mut bad = returns.iter().filter(|(_, r)| sd > 0.0 && r.abs() > BAD_PRINT * sd);
    let &(row, size) = bad.clone().next()?;
    let count = bad.by_ref().count();
    Some(format!(
        "{count} returns beyond {BAD_PRINT} robust standard deviations, perhaps bad prints (first: \
            {} at {})",
        percent(Some(size.exp_m1())),
        at(bars, row)
    ))
}

fn bounce(returns: &[(usize, f64)]) -> Option<String> {
    let n = returns.len() as f64;
    let mean = returns.iter().map(|(_, r)| r).sum::<f64>() / n;
    let variance = returns.iter().map(|(_, r)| (r - mean).powi(2)).sum::<f64>();
    let pairs = returns.windows(2).filter(|pair| pair[1].0 == pair[0].0 + 1);
    let covariance = pairs.map(|pair| (pair[0].1 - mean) * (pair[1].1 - mean)).sum::<f64>();
    let correlation = covariance / variance;
    (returns.len() >= 100 && correlation < BOUNCE).then(|| {
        format!(
            "the first autocorrelation of returns is {correlation:.2}: bid-ask bounce, which no \
                one can trade, can look like skill"
        )
    })
}

#[cfg(test)]
mod tests;
