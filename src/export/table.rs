//! A table: named columns of equal length, each of one kind.

/// A table, column by column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// In order; all of the same length.
    pub columns: Vec<Column>,
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its header.
    pub name: String,
    /// Its cells.
    pub cells: Cells,
}

/// The cells of a column; what is undefined is `None`.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    /// Text.
    Text(Vec<Option<String>>),
    /// Finite numbers.
    Number(Vec<Option<f64>>),
    /// Whole numbers.
    Whole(Vec<Option<i64>>),
    /// Nanoseconds since 1970 UTC.
    Time(Vec<Option<i64>>),
}

impl Table {
    /// Rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.columns.first().map_or(0, |column| column.cells.len())
    }

    pub(super) fn text(&mut self, name: &str, cells: impl Iterator<Item = Option<String>>) {
        self.push(name, Cells::Text(cells.collect()));
    }

    /// What is not finite becomes undefined.
    pub(super) fn number(&mut self, name: &str, cells: impl Iterator<Item = Option<f64>>) {
        self.push(
            name,
            Cells::Number(cells.map(|cell| cell.filter(|number| number.is_finite())).collect()),
        );
    }

    pub(super) fn whole(&mut self, name: &str, cells: impl Iterator<Item = Option<i64>>) {
        self.push(name, Cells::Whole(cells.collect()));
    }

    pub(super) fn time(&mut self, name: &str, cells: impl Iterator<Item = Option<i64>>) {
        self.push(name, Cells::Time(cells.collect()));
    }

    fn push(&mut self, name: &str, cells: Cells) {
        self.columns.push(Column { name: name.to_owned(), cells });
    }
}

impl Cells {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(cells) => cells.len(),
            Self::Number(cells) => cells.len(),
            Self::Whole(cells) | Self::Time(cells) => cells.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
