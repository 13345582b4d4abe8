//! Columns of a file → bars that is valid: values checked, in time order, without
//! duplicates, labelled by their start.

use std::path::Path;

use super::bars::Bars;
use super::length::{BarLength, bar_seconds, check_length, without_jitter};
use super::problem::{MarketError, Problems};
use super::report::rfc3339;
use super::row::BadBar;
use super::step::Step;
use super::table::Table;
use experiment::BarLabel;

/// Bars, and what was done to get them, each a sentence.
pub(super) type Cleaned = (Bars, Vec<String>);

/// Validates a table, or says why not.
pub(super) fn clean(
    path: &Path,
    mut table: Table,
    label: BarLabel,
    length: BarLength,
) -> Result<Cleaned, MarketError> {
    check_values(path, &table)?;
    let mut done = std::mem::take(&mut table.assumed);
    if let Some(order) = time_order(path, &table, &mut done)? {
        reorder(&mut table, &order);
    }
    let Table {
        mut ts,
        mut offset_seconds,
        open,
        high,
        low,
        close,
        volume,
        unused_volume: _,
        places: _,
        assumed: _,
        zone: _,
        form: _,
    } = table;
    let wrong = |problem: String| MarketError::of(path, problem);
    let bar_seconds = bar_seconds(&ts, length).map_err(wrong)?;
    let step = Step::of_seconds(bar_seconds);
    done.extend(without_jitter(&mut ts, step));
    done.extend(check_length(&ts, &offset_seconds, length, step).map_err(wrong)?);
    if label == BarLabel::End {
        // From the last on: the start of one is the end of the one before.
        for row in (0..ts.len()).rev() {
            let before = row.checked_sub(1).map(|before| (ts[before], offset_seconds[before]));
            (ts[row], offset_seconds[row]) = step.start(before, (ts[row], offset_seconds[row]));
        }
    }
    let volume = volume.unwrap_or_else(|| vec![f64::NAN; ts.len()]);
    Ok((
        Bars { ts, offset_seconds, open, high, low, close, volume, bar_seconds, truth: None },
        done,
    ))
}

/// Every row's values are those of a bar.
fn check_values(path: &Path, table: &Table) -> Result<(), MarketError> {
    let Table { open, high, low, close, volume, places, .. } = table;
    let crossed = (0..table.ts.len()).filter(|&row| high[row] < low[row]).count();
    if crossed * 2 > table.ts.len() {
        let of = table.ts.len();
        let problem = format!(
            "high is below low in {crossed} of {of} bars: the two columns are exchanged; name them \
                with columns under [data]"
        );
        return Err(MarketError::of(path, problem));
    }
    let mut problems = Problems::default();
    for row in 0..table.ts.len() {
        let prices = [open[row], high[row], low[row], close[row]];
        for problem in wrong_values(prices, volume.as_ref().map(|volume| volume[row])) {
            problems.push(|| format!("{}: {problem}", places.name(row)));
        }
    }
    problems.check(path)
}

/// What is wrong with the values of a bar. Prices (open, high, low, close) are finite and above 0,
/// no high is below its low, a volume that was asked for is finite and not negative.
pub(super) fn wrong_values(prices: [f64; 4], volume: Option<f64>) -> impl Iterator<Item = BadBar> {
    let [open, high, low, close] = prices;
    let bad = |field, problem: String| BadBar { field, problem };
    let price = move |(field, value): (&'static str, f64)| {
        (!(value.is_finite() && value > 0.0))
            .then(|| bad(field, format!("is {value}; a price is a number above 0")))
    };
    let crossed = (high < low).then(|| bad("high", format!("{high} is below low {low}")));
    let volume = volume.filter(|value| !(value.is_finite() && *value >= 0.0));
    let volume =
        volume.map(|value| bad("volume", format!("is {value}; a volume is a number, 0 or above")));
    [("open", open), ("high", high), ("low", low), ("close", close)]
        .into_iter()
        .filter_map(price)
        .chain(crossed)
        .chain(volume)
}

/// The rows to keep, in time order; `None`: all, as they stand.
fn time_order(
    path: &Path,
    table: &Table,
    done: &mut Vec<String>,
) -> Result<Option<Vec<u32>>, MarketError> {
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
        done.push(format!(
            "the file is not in time order ({breaks} rows come before the one above \
            them); it was sorted"
        ));
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
                let (lines, at) = (
                    table.places.name_two(kept, next),
                    rfc3339(ts[kept], table.offset_seconds[kept]),
                );
                format!(
                    "{lines} both hold the bar of {at}, with different values ({name} {one} \
                    and {other}); a file holds one instrument, each bar once"
                )
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
    let Table { open, high, low, close, volume, unused_volume, .. } = table;
    // Whatever the features use: two bars of one time that differ are not one bar.
    let volume = volume.as_ref().or(unused_volume.as_ref()).map(|volume| ("volume", volume));
    let columns =
        [("open", open), ("high", high), ("low", low), ("close", close)].into_iter().chain(volume);
    let differ =
        |(_, one, other): &(&str, f64, f64)| one != other && !(one.is_nan() && other.is_nan());
    columns.map(|(name, column)| (name, column[one], column[other])).find(differ)
}

fn reorder(table: &mut Table, order: &[u32]) {
    let Table {
        ts,
        offset_seconds,
        open,
        high,
        low,
        close,
        volume,
        unused_volume: _,
        places: _,
        assumed: _,
        zone: _,
        form: _,
    } = table;
    *ts = order.iter().map(|&row| ts[row as usize]).collect();
    *offset_seconds = order.iter().map(|&row| offset_seconds[row as usize]).collect();
    for column in [open, high, low, close].into_iter().chain(volume.as_mut()) {
        *column = order.iter().map(|&row| column[row as usize]).collect();
    }
}

#[cfg(test)]
mod tests;
