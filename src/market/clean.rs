//! Columns of a file → bars that can be believed: values checked, in time order, without duplicates, labelled by their start.

use std::collections::BTreeMap;
use std::path::Path;

use super::bars::Bars;
use super::problem::{MarketError, Problems};
use super::report::rfc3339;
use super::row::BadBar;
use super::table::Table;
use crate::spec::BarLabel;

/// Bars, and what was done to get them, each a sentence.
pub(super) type Cleaned = (Bars, Vec<String>);

/// Believes a table, or says why not. `bar_seconds`: as given, else the most frequent distance between two timestamps.
pub(super) fn clean(path: &Path, mut table: Table, label: BarLabel, bar_seconds: Option<u32>) -> Result<Cleaned, MarketError> {
    check_values(path, &table)?;
    let mut done = std::mem::take(&mut table.assumed);
    if let Some(order) = time_order(path, &table, &mut done)? {
        reorder(&mut table, &order);
    }
    let Table { mut ts, offset_seconds, open, high, low, close, volume, places: _, assumed: _, zone: _, form: _ } = table;
    let bar_seconds = match bar_seconds {
        Some(seconds) => seconds,
        None => most_frequent_spacing(&ts).map_err(|problem| MarketError::of(path, problem))?,
    };
    if label == BarLabel::End {
        ts.iter_mut().for_each(|ts| *ts -= i64::from(bar_seconds) * 1_000_000_000);
    }
    let volume = volume.unwrap_or_else(|| vec![f64::NAN; ts.len()]);
    Ok((Bars { ts, offset_seconds, open, high, low, close, volume, bar_seconds, truth: None }, done))
}

/// Every row's values are those of a bar.
fn check_values(path: &Path, table: &Table) -> Result<(), MarketError> {
    let Table { open, high, low, close, volume, places, .. } = table;
    let mut problems = Problems::default();
    for row in 0..table.ts.len() {
        let prices = [open[row], high[row], low[row], close[row]];
        for problem in wrong_values(prices, volume.as_ref().map(|volume| volume[row])) {
            problems.push(|| format!("{}: {problem}", places.name(row)));
        }
    }
    problems.check(path)
}

/// What is wrong with the values of a bar. Prices (open, high, low, close) are finite and above 0, no high is below its low, a volume that
/// was asked for is finite and not negative.
pub(super) fn wrong_values(prices: [f64; 4], volume: Option<f64>) -> impl Iterator<Item = BadBar> {
    let [open, high, low, close] = prices;
    let bad = |field, problem: String| BadBar { field, problem };
    let price = move |(field, value): (&'static str, f64)| {
        (!(value.is_finite() && value > 0.0)).then(|| bad(field, format!("is {value}; a price is a number above 0")))
    };
    let crossed = (high < low).then(|| bad("high", format!("{high} is below low {low}")));
    let volume = volume.filter(|value| !(value.is_finite() && *value >= 0.0));
    let volume = volume.map(|value| bad("volume", format!("is {value}; a volume is a number, 0 or above")));
    [("open", open), ("high", high), ("low", low), ("close", close)].into_iter().filter_map(price).chain(crossed).chain(volume)
}

/// The rows to keep, in time order; `None`: all, as they stand.
fn time_order(path: &Path, table: &Table, done: &mut Vec<String>) -> Result<Option<Vec<u32>>, MarketError> {
    let ts = &table.ts;
    if ts.is_sorted_by(|a, b| a < b) {
        return Ok(None);
    }
    let mut order: Vec<u32> = (0..ts.len() as u32).collect();
    if ts.is_sorted_by(|a, b| a >= b) {
        order.reverse();
    } else if !ts.is_sorted() {
        let breaks = ts.windows(2).filter(|pair| pair[1] < pair[0]).count();
        order.sort_by_key(|&row| ts[row as usize]);
        done.push(format!("the file is not in time order ({breaks} rows come before the one above them); it was sorted"));
    }
    let mut problems = Problems::default();
    let rows = order.len();
    order.dedup_by(|next, kept| {
        let (next, kept) = (*next as usize, *kept as usize);
        if ts[next] != ts[kept] {
            return false;
        }
        if let Some((name, one, other)) = difference(table, kept.min(next), kept.max(next)) {
            problems.push(|| {
                let (lines, at) = (table.places.name_two(kept, next), rfc3339(ts[kept], table.offset_seconds[kept]));
                format!("{lines} both hold the bar of {at}, with different values ({name} {one} and {other}); a file holds one instrument, each bar once")
            });
        }
        true
    });
    problems.check(path)?;
    if order.len() < rows {
        done.push(format!("{} exact duplicates were dropped", rows - order.len()));
    }
    Ok(Some(order))
}

fn difference(table: &Table, one: usize, other: usize) -> Option<(&'static str, f64, f64)> {
    let Table { open, high, low, close, volume, .. } = table;
    let volume = volume.as_ref().map(|volume| ("volume", volume));
    let columns = [("open", open), ("high", high), ("low", low), ("close", close)].into_iter().chain(volume);
    columns.map(|(name, column)| (name, column[one], column[other])).find(|(_, one, other)| one != other)
}

fn reorder(table: &mut Table, order: &[u32]) {
    let Table { ts, offset_seconds, open, high, low, close, volume, places: _, assumed: _, zone: _, form: _ } = table;
    *ts = order.iter().map(|&row| ts[row as usize]).collect();
    *offset_seconds = order.iter().map(|&row| offset_seconds[row as usize]).collect();
    for column in [open, high, low, close].into_iter().chain(volume.as_mut()) {
        *column = order.iter().map(|&row| column[row as usize]).collect();
    }
}

fn most_frequent_spacing(ts: &[i64]) -> Result<u32, String> {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    let (mut current, mut repeated) = (0, 0);
    for pair in ts.windows(2) {
        let spacing = pair[1].saturating_sub(pair[0]);
        if spacing != current {
            *counts.entry(current).or_default() += repeated;
            (current, repeated) = (spacing, 0);
        }
        repeated += 1;
    }
    *counts.entry(current).or_default() += repeated;
    // The shortest of equally frequent ones: a hole is longer than a bar.
    let most = counts.iter().rev().max_by_key(|(_, count)| **count).map_or(0, |(&spacing, _)| spacing);
    if most == 0 {
        return Err("holds one bar only; how long a bar is cannot be seen from it (bar_seconds under [data] says it)".to_owned());
    }
    if most % 1_000_000_000 != 0 {
        let milliseconds = most as f64 / 1e6;
        return Err(format!(
            "the bars are {milliseconds} ms apart; bars are whole seconds (bar_seconds under [data] says how many)"
        ));
    }
    u32::try_from(most / 1_000_000_000).map_err(|_| format!("the bars are {} s apart; that is no bar length", most / 1_000_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::table::Places;

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
            places: Places::Lines(vec![(0, 2)]),
            assumed: Vec::new(),
            ..Table::default()
        }
    }

    fn cleaned(minutes: &[i64], close: &[f64]) -> Result<Cleaned, MarketError> {
        clean(Path::new("bars.csv"), table(minutes, close), BarLabel::Start, None)
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
                "the file is not in time order (1 rows come before the one above them); it was sorted",
                "2 exact duplicates were dropped"
            ]
        );
    }

    #[test]
    fn conflicting_duplicates_name_both_lines() {
        let message = cleaned(&[1, 2, 3, 2], &[1.0, 2.0, 3.0, 2.5]).unwrap_err().to_string();
        assert_eq!(
            message,
            "bars.csv: lines 3 and 5 both hold the bar of 1970-01-01T00:02:00+00:00, with different values (open 2 and 2.5); a file holds one instrument, \
             each bar once"
        );
    }

    #[test]
    fn prices_are_numbers_above_zero_and_no_high_is_below_its_low() {
        for (value, said) in [(f64::NAN, "open is NaN"), (0.0, "open is 0;"), (-3.0, "open is -3;"), (f64::INFINITY, "open is inf")]
        {
            let message = cleaned(&[1, 2], &[1.0, value]).unwrap_err().to_string();
            assert!(message.starts_with(&format!("bars.csv: line 3: {said}")), "{message}");
        }
        let mut crossed = table(&[1, 2], &[1.0, 2.0]);
        crossed.low[0] = 1.5;
        let message = clean(Path::new("bars.csv"), crossed, BarLabel::Start, None).unwrap_err().to_string();
        assert_eq!(message, "bars.csv: line 2: high 1 is below low 1.5");
    }

    #[test]
    fn zero_volume_is_fine_and_negative_volume_is_not() {
        let mut table = table(&[1, 2], &[1.0, 2.0]);
        table.volume = Some(vec![0.0, 5.0]);
        assert!(clean(Path::new("bars.csv"), table.clone(), BarLabel::Start, None).is_ok());
        table.volume = Some(vec![0.0, -5.0]);
        assert!(clean(Path::new("bars.csv"), table, BarLabel::Start, None).unwrap_err().0.contains("line 3: volume is -5"));
    }

    #[test]
    fn end_labels_become_starts() {
        let (bars, _) = clean(Path::new("bars.csv"), table(&[5, 10, 30], &[1.0; 3]), BarLabel::End, Some(300)).unwrap();
        assert_eq!(bars.ts, [0, 5, 25].map(|minute| minute * 60_000_000_000));
    }

    #[test]
    fn the_bar_length_is_the_most_frequent_spacing_and_the_shorter_of_two() {
        assert_eq!(most_frequent_spacing(&[0, 60, 120, 400, 800, 860].map(|s| s * 1_000_000_000)), Ok(60));
        assert_eq!(most_frequent_spacing(&[0, 300, 360, 660, 720].map(|s| s * 1_000_000_000)), Ok(60));
        assert!(most_frequent_spacing(&[0]).unwrap_err().contains("one bar only"));
        assert!(most_frequent_spacing(&[0, 250_000_000, 500_000_000]).unwrap_err().contains("250 ms apart"));
    }
}
