//! Columns of a file in file order, before they are validated.

use super::inputs::StampForm;

/// Columns of a file in file order, unchecked; every column has the same length.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// Nanoseconds since 1970 UTC.
    pub ts: Vec<i64>,
    /// Local clock, seconds east of UTC.
    pub offset_seconds: Vec<i32>,
    pub open: Vec<f64>,
    pub high: Vec<f64>,
    pub low: Vec<f64>,
    pub close: Vec<f64>,
    /// `None`: not asked for.
    pub volume: Option<Vec<f64>>,
    /// The volume where it was not asked for, if rows share a timestamp: it may tell them apart.
    /// NaN where it is not a number.
    pub unused_volume: Option<Vec<f64>>,
    /// Where a row stands in its file.
    pub places: Places,
    /// What had to be assumed, each a sentence.
    pub assumed: Vec<String>,
    /// The zone that the timestamps' own type names.
    pub zone: Option<String>,
    /// How the timestamps are written.
    pub form: Option<StampForm>,
}

impl Table {
    /// Whether every timestamp is a midnight of the local clock.
    pub(super) fn holds_days(&self) -> bool {
        let is_midnight = |(ts, offset): (&i64, &i32)| {
            (ts.div_euclid(1_000_000_000) + i64::from(*offset)).rem_euclid(86_400) == 0
        };
        self.ts.iter().zip(&self.offset_seconds).all(is_midnight)
    }

    /// Whether two rows have the same timestamp.
    pub(super) fn has_doubles(&self) -> bool {
        if self.ts.is_sorted_by(|a, b| a < b) || self.ts.is_sorted_by(|a, b| a > b) {
            return false;
        }
        let mut ts = self.ts.clone();
        ts.sort_unstable();
        ts.windows(2).any(|pair| pair[0] == pair[1])
    }
}

/// Where rows stand in their file.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) enum Places {
    /// Text: `(row, line)` of each row that does not stand on the line after the row before; rows
    /// from 0, lines from 1.
    Lines(Vec<(usize, usize)>),
    /// A table without lines.
    #[default]
    Rows,
}

impl Places {
    /// `line 17`, or `row 16`.
    pub(super) fn name(&self, row: usize) -> String {
        match self.number(row) {
            Some(line) => format!("line {line}"),
            None => format!("row {}", row + 1),
        }
    }

    /// `lines 3 and 17`, or `rows 2 and 16`.
    pub(super) fn name_two(&self, one: usize, other: usize) -> String {
        match (self.number(one), self.number(other)) {
            (Some(one), Some(other)) => format!("lines {} and {}", one.min(other), one.max(other)),
            _ => format!("rows {} and {}", one.min(other) + 1, one.max(other) + 1),
        }
    }

    fn number(&self, row: usize) -> Option<usize> {
        let Self::Lines(jumps) = self else { return None };
        let jump = jumps.partition_point(|&(jump, _)| jump <= row).checked_sub(1)?;
        Some(jumps[jump].1 + row - jumps[jump].0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_named_by_their_lines_across_blank_ones() {
        let places = Places::Lines(vec![(0, 2), (3, 7)]);
        assert_eq!(
            (places.name(2), places.name(3), places.name(9)),
            ("line 4".into(), "line 7".into(), "line 13".into())
        );
        assert_eq!(places.name_two(4, 0), "lines 2 and 8");
        assert_eq!(Places::Rows.name(0), "row 1");
    }
}
