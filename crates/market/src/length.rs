//! How long bars are: as the distances between them say, or as is said of them and compared with
//! the distances.

use super::report::rfc3339;
use super::step::{Spacing, Step, as_bar};

/// How long bars are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BarLength {
    /// As their timestamps say.
    Observed,
    /// As `data.bar` says, seconds.
    Declared(u32),
    /// As those of a model, seconds.
    OfModel(u32),
}

impl BarLength {
    /// Of an experiment's data.
    pub(super) fn declared(bar_seconds: Option<u32>) -> Self {
        bar_seconds.map_or(Self::Observed, Self::Declared)
    }

    /// Of bars that a model is shown.
    pub(super) fn of_model(bar_seconds: Option<u32>) -> Self {
        bar_seconds.map_or(Self::Observed, Self::OfModel)
    }
}

/// The length of a bar, seconds.
pub(super) fn bar_seconds(ts: &[i64], length: BarLength) -> Result<u32, String> {
    match length {
        BarLength::Declared(seconds) | BarLength::OfModel(seconds) => return Ok(seconds),
        BarLength::Observed => {}
    }
    let Some(Spacing { ns, .. }) = Spacing::most_frequent(ts.iter().copied()) else {
        return Err("holds one bar only; how long a bar is cannot be seen from it (bar = \"1m\" \
            under [data] says it)"
            .to_owned());
    };
    if ns % 1_000_000_000 != 0 {
        let milliseconds = ns as f64 / 1e6;
        return Err(format!(
            "the bars are {milliseconds} ms apart; bars are whole seconds (bar = \"1s\" under \
                [data] says how many)"
        ));
    }
    u32::try_from(ns / 1_000_000_000).map_err(|_| {
        format!("the bars are {} s apart; that is not a bar length", ns / 1_000_000_000)
    })
}

/// Puts timestamps that lie a little beside a whole second on it; says how many.
pub(super) fn without_jitter(ts: &mut [i64], step: Step) -> Option<String> {
    let (mut moved, mut most) = (0_usize, 0);
    for row in 0..ts.len() {
        let meant = step.without_jitter(ts[row]);
        // Two within the jitter of one second stay two, in order.
        let stays_in_order =
            (row == 0 || ts[row - 1] < meant) && ts.get(row + 1).is_none_or(|&next| meant < next);
        if meant != ts[row] && stays_in_order {
            moved += 1;
            most = most.max((meant - ts[row]).abs());
            ts[row] = meant;
        }
    }
    let milliseconds = most as f64 / 1e6;
    (moved > 0).then(|| {
        format!(
            "{moved} timestamps lie up to {milliseconds} ms beside a whole \
        second; they were put on it"
        )
    })
}

/// Compares the length of a bar with the distances between bars.
///
/// # Errors
/// When most bars begin before the one before them has ended, or when not two of a declared length
/// follow one another.
pub(super) fn check_length(
    ts: &[i64],
    offset_seconds: &[i32],
    length: BarLength,
    step: Step,
) -> Result<Vec<String>, String> {
    let Some(spacing) = Spacing::most_frequent(ts.iter().copied()) else { return Ok(Vec::new()) };
    let at = |row: usize| (ts[row], offset_seconds[row]);
    let pairs = ts.len() - 1;
    let follow = (1..ts.len()).filter(|&row| step.follows(at(row - 1), at(row))).count();
    let overlaps = |row: &usize| step.overlaps(at(*row - 1), at(*row));
    let overlapping = (1..ts.len()).filter(overlaps).count();
    let seconds = step.ns() / 1_000_000_000;
    let apart =
        format!("{} s apart ({} of {})", spacing.ns as f64 / 1e9, spacing.pairs, spacing.of);
    let advice = match spacing.ns % 1_000_000_000 {
        0 => {
            format!("write bar = \"{}\", or leave the key out", as_bar(spacing.ns / 1_000_000_000))
        }
        _ => "leave the key out".to_owned(),
    };
    match length {
        BarLength::Declared(_) if overlapping * 2 > pairs => {
            return Err(format!(
                "most bars are {apart}, and bar = \"{}\" under [data] makes them overlap; {advice}",
                as_bar(seconds)
            ));
        }
        BarLength::OfModel(_) if overlapping * 2 > pairs => {
            return Err(format!(
                "most of its bars are {apart}, those of the model are {seconds} s long: they \
                    overlap"
            ));
        }
        BarLength::Declared(_) if follow == 0 => {
            return Err(format!(
                "no two bars are {seconds} s apart, as bar = \"{}\" under [data] says; most are \
                    {apart}; {advice}",
                as_bar(seconds)
            ));
        }
        // What a model makes of bars that lie apart depends on its window.
        BarLength::Declared(_) | BarLength::OfModel(_) | BarLength::Observed => {}
    }
    let mut warnings = Vec::new();
    if let Some(first) = (1..ts.len()).find(overlaps) {
        let when = rfc3339(ts[first], offset_seconds[first]);
        warnings.push(format!(
            "{overlapping} bars begin before the {seconds} s of the bar before them \
            are over (first: {when})"
        ));
    }
    if spacing.ns > step.ns() && follow * 2 < pairs {
        warnings.push(format!(
            "{follow} of {pairs} bars follow the one before after {seconds} s; most are {apart}"
        ));
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_length_is_compared_with_the_distances() {
        let of = |minutes: &[i64], length| {
            let ts: Vec<i64> = minutes.iter().map(|minute| minute * 60_000_000_000).collect();
            let seconds = bar_seconds(&ts, length)?;
            check_length(&ts, &vec![0; ts.len()], length, Step::of_seconds(seconds))
                .map(|warnings| (seconds, warnings))
        };
        let refused = |minutes: &[i64], length| of(minutes, length).unwrap_err();
        let minutes: Vec<i64> = (0..400).collect();
        assert_eq!(
            refused(&minutes, BarLength::Declared(3_600)),
            "most bars are 60 s apart (399 of 399), and bar = \"1h\" under [data] makes them \
                overlap; write bar = \"1m\", or leave the key out"
        );
        assert_eq!(
            refused(&minutes, BarLength::OfModel(3_600)),
            "most of its bars are 60 s apart (399 of 399), those of the model are 3600 s long: \
                they overlap"
        );
        let fives: Vec<i64> = (0..400).map(|row| row * 5).collect();
        assert_eq!(
            refused(&fives, BarLength::Declared(60)),
            "no two bars are 60 s apart, as bar = \"1m\" under [data] says; most are 300 s apart \
                (399 of 399); write bar = \"5m\", or leave the key out"
        );
        // A window of one bar needs no two.
        let (_, warnings) = of(&fives, BarLength::OfModel(60)).unwrap();
        assert_eq!(
            warnings,
            ["0 of 399 bars follow the one before after 60 s; most are 300 s apart (399 of 399)"]
        );
        assert_eq!(of(&minutes, BarLength::Declared(60)), Ok((60, Vec::new())));
        let (_, warnings) = of(&[0, 5, 10, 11, 15, 20], BarLength::Observed).unwrap();
        assert_eq!(
            warnings,
            ["2 bars begin before the 300 s of the bar before them are over (first: \
                    1970-01-01T00:11:00+00:00)"]
        );
        let (_, warnings) = of(&[0, 1, 6, 11, 16, 21], BarLength::Declared(60)).unwrap();
        assert_eq!(
            warnings,
            ["1 of 5 bars follow the one before after 60 s; most are 300 s apart (4 of 5)"]
        );
    }

    #[test]
    fn lengths_that_cannot_be_seen_are_asked_for() {
        let message = |ts: &[i64]| bar_seconds(ts, BarLength::Observed).unwrap_err();
        assert!(message(&[0]).contains("one bar only"));
        assert!(message(&[0, 250_000_000, 500_000_000]).contains("250 ms apart"));
    }

    #[test]
    fn timestamps_that_share_a_second_stay_in_order() {
        let second = 1_000_000_000;
        let mut ts =
            [59 * second + 999_500_000, 59 * second + 999_800_000, 120 * second + 3_000_000];
        assert!(
            without_jitter(&mut ts, Step::of_seconds(60))
                .unwrap()
                .starts_with("2 timestamps lie up to 3 ms beside a whole second")
        );
        assert_eq!(ts, [59 * second + 999_500_000, 60 * second, 120 * second]);
    }
}
