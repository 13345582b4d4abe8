//! Clocks that are written as digits: whether 2405080931 is 2024-05-08 09:31 or an epoch, the whole
//! column tells.
//!
//! Digits of an epoch are a time in one row out of two hundred, and in every row only by chance;
//! digits of a clock are one in all of them. What is both is told by the distances: bars are some
//! usual length apart, and most of them are.

use jiff::civil::Date;

use super::step::Spacing;
use super::timestamp::StampProblem;
use experiment::TsFormat;

const SECOND: i64 = 1_000_000_000;

/// From what share of the rows on digits that are times are meant as times.
const NEARLY_ALL: f64 = 0.9;

/// How a clock is written in digits that could be an epoch. (Those of 8 and 14 cannot.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// `yymmddHHMM`
    ShortMinute,
    /// `yyyymmddHHMM`
    Minute,
    /// `yymmddHHMMSS`
    ShortSecond,
}

/// What plain digits count when they are an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digits {
    /// 9 or 10: seconds.
    Ten,
    /// 12: milliseconds.
    Twelve,
}

impl Layout {
    /// For messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ShortMinute => "yymmddHHMM",
            Self::Minute => "yyyymmddHHMM",
            Self::ShortSecond => "yymmddHHMMSS",
        }
    }

    fn pattern(self) -> &'static str {
        match self {
            Self::ShortMinute => "%y%m%d%H%M",
            Self::Minute => "%Y%m%d%H%M",
            Self::ShortSecond => "%y%m%d%H%M%S",
        }
    }

    /// The clock's own nanoseconds since 1970; `None` when the digits are not a time.
    pub(super) fn clock(self, digits: i64) -> Option<i64> {
        let (digits, seconds) = match self {
            Self::ShortSecond => (digits / 100, digits % 100),
            Self::ShortMinute | Self::Minute => (digits, 0),
        };
        let two = |place: i64| digits / 10_i64.pow(place as u32) % 100;
        let (minute, hour, day, month) = (two(0), two(2), two(4), two(6));
        // Most digits of an epoch are found out here.
        if minute > 59
            || hour > 23
            || seconds > 59
            || !(1..=31).contains(&day)
            || !(1..=12).contains(&month)
        {
            return None;
        }
        let year = match (self, digits / 100_000_000) {
            (Self::Minute, year @ 1900..=2199) => year,
            (Self::Minute, _) => return None,
            (_, year @ 0..=68) => 2000 + year,
            (_, year @ 69..=99) => 1900 + year,
            _ => return None,
        };
        let date = Date::new(year as i16, month as i8, day as i8).ok()?;
        let midnight = jiff::tz::Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_second();
        Some((midnight + hour * 3_600 + minute * 60 + seconds) * SECOND)
    }
}

impl Digits {
    /// By how many there are; `None` where they can only be one thing.
    pub(super) fn of(digits: u8) -> Option<Self> {
        match digits {
            9 | 10 => Some(Self::Ten),
            12 => Some(Self::Twelve),
            _ => None,
        }
    }

    /// The digits that were read as this instant.
    pub(super) fn of_instant(self, ns: i64) -> i64 {
        match self {
            Self::Ten => ns / SECOND,
            Self::Twelve => ns / 1_000_000,
        }
    }

    /// As they stand in a file.
    pub(super) fn text(self, digits: i64) -> String {
        match self {
            Self::Ten => format!("{digits:010}"),
            Self::Twelve => format!("{digits:012}"),
        }
    }

    fn layouts(self) -> &'static [Layout] {
        match self {
            Self::Ten => &[Layout::ShortMinute],
            Self::Twelve => &[Layout::Minute, Layout::ShortSecond],
        }
    }

    fn epoch(self) -> &'static str {
        match self {
            Self::Ten => "epoch_s",
            Self::Twelve => "epoch_ms",
        }
    }
}

/// A column of digits as it is to be read: as clocks, or (`None`) as the epochs as which it was
/// read.
///
/// # Errors
/// The row and the problem, when it could be both, or when all but a few rows are clocks.
pub(super) fn judge(ts: &[i64], digits: Digits) -> Result<Option<Layout>, (usize, StampProblem)> {
    let all = || ts.iter().map(|&ns| digits.of_instant(ns));
    let epochs = Regularity::of(ts.iter().copied());
    let mut found: Vec<(Layout, Regularity)> = Vec::new();
    let mut spoilt = None;
    for &layout in digits.layouts() {
        let times = all().filter(|&digits| layout.clock(digits).is_some()).count();
        if (times as f64) < NEARLY_ALL * ts.len() as f64 || times == 0 {
            continue;
        }
        let clocks = Regularity::of(all().filter_map(|digits| layout.clock(digits)));
        if times == ts.len() {
            found.push((layout, clocks));
        } else if clocks.beats(epochs) {
            spoilt.get_or_insert(layout);
        }
    }
    if let (Some(layout), true) = (spoilt, found.is_empty()) {
        let row = all().position(|digits| layout.clock(digits).is_none()).unwrap_or_default();
        let format = digits.epoch().parse().unwrap_or(TsFormat::Auto);
        let text = digits.text(digits.of_instant(ts[row]));
        return Err((row, StampProblem::Spoilt(text, layout.name(), format)));
    }
    let best =
        found.iter().copied().reduce(|best, next| if next.1.beats(best.1) { next } else { best });
    let Some((best, clocks)) = best else { return Ok(None) };
    let rivals: Vec<Layout> = found
        .iter()
        .filter(|(layout, other)| *layout != best && !clocks.beats(*other))
        .map(|(layout, _)| *layout)
        .collect();
    if epochs.beats(clocks) {
        return Ok(None);
    }
    if rivals.is_empty() && clocks.beats(epochs) {
        return Ok(Some(best));
    }
    let layouts: Vec<Layout> = std::iter::once(best).chain(rivals).collect();
    let epoch_too = !clocks.beats(epochs);
    let mut readings: Vec<String> =
        layouts.iter().map(|layout| format!("a clock {}", layout.name())).collect();
    let mut formats: Vec<String> =
        layouts.iter().map(|layout| format!("\"{}\"", layout.pattern())).collect();
    if epoch_too {
        readings.push("an epoch".to_owned());
        formats.push(format!("\"{}\"", digits.epoch()));
    }
    let text = digits.text(digits.of_instant(ts[0]));
    Err((0, StampProblem::Unclear(text, readings.join(" or "), formats.join(" or "))))
}

/// Whether two timestamps that were read as epochs are a bar apart as clocks, and are not as
/// epochs.
pub(super) fn are_clocks(
    before: i64,
    now: i64,
    digits: Digits,
    bar_ns: i64,
) -> Option<StampProblem> {
    if now - before == bar_ns {
        return None;
    }
    let of = |layout: &Layout| {
        let clock = |ns| layout.clock(digits.of_instant(ns));
        (clock(now)? - clock(before)? == bar_ns).then_some(*layout)
    };
    let layout = digits.layouts().iter().find_map(of)?;
    let formats = format!("\"{}\" or \"{}\"", layout.pattern(), digits.epoch());
    let text = digits.text(digits.of_instant(now));
    Some(StampProblem::Unclear(text, format!("a clock {} or an epoch", layout.name()), formats))
}

/// How much like bars the distances are.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Regularity {
    usual: bool,
    /// Share of the distances that are the most frequent one.
    share: f64,
}

impl Regularity {
    fn of(ts: impl Iterator<Item = i64>) -> Self {
        match Spacing::most_frequent(ts) {
            Some(spacing) => {
                Self { usual: spacing.is_usual(), share: spacing.pairs as f64 / spacing.of as f64 }
            }
            None => Self { usual: false, share: 0.0 },
        }
    }

    fn beats(self, other: Self) -> bool {
        (self.usual, self.share) > (other.usual, other.share)
    }
}

#[cfg(test)]
mod tests;
