use super::*;
use crate::table::Places;

fn table(minutes: &[i64], close: &[f64]) -> Table {
    let column = close.to_vec();
    Table {
        ts: minutes.iter().map(|minute| minute * 60_000_000_000).collect(),
        offset_seconds: vec![0; minutes.len()],
        open: column.clone(),
        high: column.clone(),
        low: column.clone(),
        close: column,
        volume: None,
        unused_volume: None,
        places: Places::Lines(vec![(0, 2)]),
        assumed: Vec::new(),
        ..Table::default()
    }
}

fn cleaned(minutes: &[i64], close: &[f64]) -> Result<Cleaned, MarketError> {
    clean(Path::new("bars.csv"), table(minutes, close), BarLabel::Start, BarLength::Observed)
}

#[test]
fn a_descending_file_is_turned_round_without_a_word() {
    let (bars, done) = cleaned(&[3, 2, 1], &[30.0, 20.0, 10.0]).unwrap();
    assert_eq!((bars.close, bars.bar_seconds, done.len()), (vec![10.0, 20.0, 30.0], 60, 0));
}

#[test]
fn exact_duplicates_are_dropped_and_counted() {
    let (bars, done) = cleaned(&[1, 2, 2, 3, 1], &[1.0, 2.0, 2.0, 3.0, 1.0]).unwrap();
    assert_eq!(bars.close, [1.0, 2.0, 3.0]);
    assert_eq!(
        done,
        [
            "the file is not in time order (1 rows come before the one above them); it was \
                sorted",
            "2 exact duplicates were dropped"
        ]
    );
}

#[test]
fn conflicting_duplicates_name_both_lines() {
    let message = cleaned(&[1, 2, 3, 2], &[1.0, 2.0, 3.0, 2.5]).unwrap_err().to_string();
    assert_eq!(
        message,
        "bars.csv: lines 3 and 5 both hold the bar of 1970-01-01T00:02:00+00:00, with \
            different values (open 2 and 2.5); a file holds one instrument, each bar once"
    );
}

#[test]
fn prices_are_numbers_above_zero_and_no_high_is_below_its_low() {
    for (value, said) in [
        (f64::NAN, "open is NaN"),
        (0.0, "open is 0;"),
        (-3.0, "open is -3;"),
        (f64::INFINITY, "open is inf"),
    ] {
        let message = cleaned(&[1, 2], &[1.0, value]).unwrap_err().to_string();
        assert!(message.starts_with(&format!("bars.csv: line 3: {said}")), "{message}");
    }
    let mut crossed = table(&[1, 2], &[1.0, 2.0]);
    crossed.low[0] = 1.5;
    let message = clean(Path::new("bars.csv"), crossed, BarLabel::Start, BarLength::Observed)
        .unwrap_err()
        .to_string();
    assert_eq!(message, "bars.csv: line 2: high 1 is below low 1.5");
}

#[test]
fn zero_volume_is_fine_and_negative_volume_is_not() {
    let mut table = table(&[1, 2], &[1.0, 2.0]);
    table.volume = Some(vec![0.0, 5.0]);
    assert!(
        clean(Path::new("bars.csv"), table.clone(), BarLabel::Start, BarLength::Observed).is_ok()
    );
    table.volume = Some(vec![0.0, -5.0]);
    assert!(
        clean(Path::new("bars.csv"), table, BarLabel::Start, BarLength::Observed)
            .unwrap_err()
            .to_string()
            .contains("line 3: volume is -5")
    );
}

#[test]
fn end_labels_become_starts() {
    let bars = |label, length| {
        clean(Path::new("bars.csv"), table(&[5, 10, 30], &[1.0; 3]), label, length).unwrap().0
    };
    assert_eq!(
        bars(BarLabel::End, BarLength::Declared(300)).ts,
        [0, 5, 25].map(|minute| minute * MINUTE)
    );
}

#[test]
fn days_that_are_labelled_by_their_ends_are_days_across_a_change_of_the_clock() {
    let mut days = table(&[0, 1440, 1440 + 1380, 2 * 1440 + 1380], &[1.0; 4]);
    days.offset_seconds = vec![-18_000, -18_000, -14_400, -14_400];
    let (bars, _) = clean(Path::new("bars.csv"), days, BarLabel::End, BarLength::Observed).unwrap();
    assert_eq!(bars.ts, [-1440, 0, 1440, 1440 + 1380].map(|minute| minute * MINUTE));
    assert_eq!(bars.offset_seconds, [-18_000, -18_000, -18_000, -14_400]);
    assert_eq!(
        crate::window::runs(&bars.ts, &bars.offset_seconds, 86_400).as_slice(),
        std::slice::from_ref(&(0..4))
    );
}

#[test]
fn timestamps_with_jitter_are_put_on_their_seconds() {
    let mut jittering = table(&[1, 2, 3, 4], &[1.0; 4]);
    jittering.ts = [2_000_000, 0, 1_000_000, -1_000_000]
        .iter()
        .zip(jittering.ts)
        .map(|(jitter, ts)| ts + jitter)
        .collect();
    let (bars, done) =
        clean(Path::new("bars.csv"), jittering, BarLabel::Start, BarLength::Observed).unwrap();
    assert_eq!(
        (bars.bar_seconds, bars.ts),
        (60, [1, 2, 3, 4].map(|minute| minute * MINUTE).to_vec())
    );
    assert_eq!(done, ["3 timestamps lie up to 2 ms beside a whole second; they were put on it"]);
}

#[test]
fn duplicates_that_differ_in_volume_are_conflicts_whatever_the_features_use() {
    let mut doubled = table(&[1, 2, 2], &[1.0, 2.0, 2.0]);
    doubled.unused_volume = Some(vec![10.0, 10.0, 11.0]);
    let message =
        clean(Path::new("bars.csv"), doubled.clone(), BarLabel::Start, BarLength::Observed)
            .unwrap_err()
            .to_string();
    assert!(message.contains("with different values (volume 10 and 11)"), "{message}");
    doubled.unused_volume = Some(vec![10.0, f64::NAN, f64::NAN]);
    assert!(clean(Path::new("bars.csv"), doubled, BarLabel::Start, BarLength::Observed).is_ok());
}

#[test]
fn high_and_low_that_are_exchanged_are_told_so() {
    let mut table = table(&[1, 2, 3], &[1.0, 2.0, 3.0]);
    table.low = vec![1.5, 2.5, 3.5];
    let message = clean(Path::new("bars.csv"), table, BarLabel::Start, BarLength::Observed)
        .unwrap_err()
        .to_string();
    assert!(
        message.starts_with(
            "bars.csv: high is below low in 3 of 3 bars: the two columns are exchanged"
        ),
        "{message}"
    );
}

const MINUTE: i64 = 60_000_000_000;
