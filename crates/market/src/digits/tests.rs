use super::*;
use proptest::prelude::*;

fn clocks(layout: Layout, begin: &str, minutes: impl Iterator<Item = i64>) -> Vec<i64> {
    let begin: jiff::civil::DateTime = begin.parse().unwrap();
    let at = |minute: i64| begin.checked_add(jiff::Span::new().minutes(minute)).unwrap();
    minutes
        .map(|minute| at(minute).strftime(layout.pattern()).to_string().parse().unwrap())
        .collect()
}

fn judged(digits: Digits, values: &[i64]) -> Result<Option<Layout>, (usize, StampProblem)> {
    let unit = match digits {
        Digits::Ten => SECOND,
        Digits::Twelve => 1_000_000,
    };
    judge(&values.iter().map(|value| value * unit).collect::<Vec<_>>(), digits)
}

#[test]
fn clocks_of_every_usual_bar_are_clocks() {
    for bar in [1, 5, 15, 30, 60, 240, 1440, 7 * 1440] {
        for (layout, digits) in [
            (Layout::ShortMinute, Digits::Ten),
            (Layout::Minute, Digits::Twelve),
            (Layout::ShortSecond, Digits::Twelve),
        ] {
            for begin in ["2024-05-08T00:00", "2001-12-31T23:00", "1999-01-04T09:30"] {
                // (Of 10 digits those of 1999 lie beyond what an epoch can be.)
                if begin.starts_with("1999") && layout != Layout::Minute {
                    continue;
                }
                let values = clocks(layout, begin, (0..90).map(|row| row * bar));
                assert_eq!(
                    judged(digits, &values),
                    Ok(Some(layout)),
                    "{layout:?} of {bar} min from {begin}"
                );
                let descending: Vec<i64> = values.iter().rev().copied().collect();
                assert_eq!(
                    judged(digits, &descending),
                    Ok(Some(layout)),
                    "{layout:?} of {bar} min from {begin}"
                );
            }
        }
    }
}

#[test]
fn digits_that_are_both_are_asked_about() {
    let seconds: Vec<i64> = (1_712_011_200..1_712_011_230).collect();
    let (row, problem) = judged(Digits::Ten, &seconds).unwrap_err();
    assert_eq!(
        (row, problem.to_string().as_str()),
        (
            0,
            "'1712011200' may be a clock yymmddHHMM or an epoch; say which with ts_format = \
                \"%y%m%d%H%M\" or \"epoch_s\" under [data]"
        )
    );
    let problem = judged(Digits::Twelve, &[201_005_082_000]).unwrap_err().1.to_string();
    assert!(
        problem.contains("a clock yyyymmddHHMM or a clock yymmddHHMMSS or an epoch"),
        "{problem}"
    );
    let (row, problem) = judged(
        Digits::Ten,
        &[
            2_405_080_957,
            2_405_080_958,
            2_405_080_959,
            2_405_081_000,
            2_405_081_001,
            2_405_081_002,
            2_405_081_003,
            2_405_081_004,
            2_405_081_005,
            2_405_081_006,
            2_405_081_067,
        ],
    )
    .unwrap_err();
    assert_eq!(row, 10);
    assert!(
        problem.to_string().starts_with("'2405081067' is not a time, but nearly all others are"),
        "{problem}"
    );
}

#[test]
fn a_stream_of_clocks_is_found_out_at_its_second_bar() {
    let at = |digits: i64| digits * SECOND;
    let minute = 60 * SECOND;
    assert!(are_clocks(at(2_405_080_931), at(2_405_080_932), Digits::Ten, minute).is_some());
    assert!(are_clocks(at(2_405_080_959), at(2_405_081_000), Digits::Ten, minute).is_some());
    assert_eq!(are_clocks(at(1_712_011_200), at(1_712_011_260), Digits::Ten, minute), None);
    assert_eq!(are_clocks(at(1_712_011_200), at(1_712_011_201), Digits::Ten, SECOND), None);
}

proptest! {
    /// Whatever the bar, a few hundred epochs are never clocks, nor asked about.
    #[test]
    fn epochs_are_epochs(
        begin in 1_000_000_000_i64..1_900_000_000,
        bar in prop::sample::select(vec![1_i64, 5, 60, 300, 3_600, 86_400]),
        holes in prop::collection::vec(
            prop_oneof![20 => Just(1_i64), 1 => 2..600_i64],
            300
        ),
    ) {
        let mut at = begin / bar * bar;
        let seconds: Vec<i64> = holes
            .iter()
            .map(|hole| {
                at += hole * bar;
                at
            })
            .collect();
        prop_assert_eq!(judged(Digits::Ten, &seconds), Ok(None));
        // Of 12 digits: until 2001.
        let milliseconds: Vec<i64> =
            seconds.iter().map(|s| (s - 900_000_000) * 1_000).collect();
        if milliseconds.iter().all(|ms| (100_000_000_000..1_000_000_000_000).contains(ms)) {
            prop_assert_eq!(judged(Digits::Twelve, &milliseconds), Ok(None));
        }
    }
}
