//! Several aligned series of equal length: the losses or returns of every trial at every moment.

/// `[rows][t]`, finite, at least one row of at least one value. One row is one trial (in the
/// papers: a model or a strategy); `t` counts moments, the same in every row.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    values: Vec<f64>,
    length: usize,
}

/// Rows that are not a panel.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PanelError {
    /// No rows, or rows of nothing.
    #[error("a panel needs at least one row of at least one value")]
    Empty,
    /// Two lengths.
    #[error(
        "row {row} has {length} values, row 0 has {expected}: the rows of a panel are aligned in \
            time"
    )]
    Ragged {
        /// The first row of another length.
        row: usize,
        /// Its length.
        length: usize,
        /// The length of row 0.
        expected: usize,
    },
    /// A hole in time cannot be resampled in blocks.
    #[error("row {row} is {value} at {t}: leave such a moment out of all rows")]
    NotFinite {
        /// The row.
        row: usize,
        /// The place in the row.
        t: usize,
        /// What is there.
        value: f64,
    },
}

impl Panel {
    /// A panel of these rows.
    ///
    /// # Errors
    ///
    /// [`PanelError`] names the first row that is not like the others, or not finite.
    pub fn new<Row: AsRef<[f64]>>(rows: &[Row]) -> Result<Self, PanelError> {
        let expected = rows.first().map_or(0, |row| row.as_ref().len());
        if expected == 0 {
            return Err(PanelError::Empty);
        }
        let mut values = Vec::with_capacity(rows.len() * expected);
        for (row, series) in rows.iter().map(AsRef::as_ref).enumerate() {
            push(&mut values, expected, row, series)?;
        }
        Ok(Self { values, length: expected })
    }

    /// A panel of rows of this length, which are taken one after the other: all of them and the
    /// panel are never held at once.
    ///
    /// # Errors
    ///
    /// As [`Self::new`], with `length` as what is expected.
    pub fn of_equal<Row: AsRef<[f64]>>(
        length: usize,
        rows: impl IntoIterator<Item = Row>,
    ) -> Result<Self, PanelError> {
        let rows = rows.into_iter();
        let mut values = Vec::with_capacity(rows.size_hint().0 * length);
        for (row, series) in rows.enumerate() {
            push(&mut values, length, row, series.as_ref())?;
        }
        if values.is_empty() { Err(PanelError::Empty) } else { Ok(Self { values, length }) }
    }

    /// How many rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.values.len() / self.length
    }

    /// How many values a row has.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// The row numbered `row`.
    ///
    /// # Panics
    ///
    /// When there are no so many rows.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.length..][..self.length]
    }

    /// The rows in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.values.chunks_exact(self.length)
    }

    /// The mean of each row; `None` when one is too large for a number.
    pub(super) fn means(&self) -> Option<Vec<f64>> {
        self.rows().map(super::sample::mean).collect()
    }
}

/// Adds a row, if it is like the others.
fn push(
    values: &mut Vec<f64>,
    expected: usize,
    row: usize,
    series: &[f64],
) -> Result<(), PanelError> {
    if series.len() != expected {
        return Err(PanelError::Ragged { row, length: series.len(), expected });
    }
    if let Some(t) = series.iter().position(|x| !x.is_finite()) {
        return Err(PanelError::NotFinite { row, t, value: series[t] });
    }
    values.extend_from_slice(series);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_aligned_and_finite() {
        let panel = Panel::new(&[vec![1.0, 2.0], vec![3.0, 5.0]]).unwrap();
        assert_eq!((panel.height(), panel.length()), (2, 2));
        assert_eq!(panel.row(1), [3.0, 5.0]);
        assert_eq!(panel.means(), Some(vec![1.5, 4.0]));
        let empty: [[f64; 0]; 0] = [];
        assert_eq!(Panel::new(&empty), Err(PanelError::Empty));
        assert_eq!(Panel::new(&[[], []]), Err(PanelError::Empty));
        assert_eq!(Panel::of_equal(2, empty), Err(PanelError::Empty));
        assert_eq!(Panel::of_equal(2, [[1.0, 2.0], [3.0, 5.0]]), Ok(panel));
        let ragged = Panel::new(&[vec![1.0, 2.0], vec![3.0]]);
        assert_eq!(ragged, Err(PanelError::Ragged { row: 1, length: 1, expected: 2 }));
        let hole = Panel::new(&[[1.0, 2.0], [3.0, f64::INFINITY]]).unwrap_err();
        assert_eq!(hole.to_string(), "row 1 is inf at 1: leave such a moment out of all rows");
        assert_eq!(Panel::new(&[[f64::MAX, f64::MAX]]).unwrap().means(), None);
    }
}
