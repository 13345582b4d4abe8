//! Plain tables: columns and no lines, so that they read well in a terminal, in a log and in an issue.

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};

/// Which side of its column a cell stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Lays out rows under a header; every line ends with a newline and without spaces. Cells are printed as they are: names go through
/// [`super::escape`] before.
#[must_use]
pub fn table(header: &[(String, Align)], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Disabled).force_no_tty();
    table.set_header(header.iter().map(|(name, _)| name));
    for row in rows {
        table.add_row(row.into_iter().map(Cell::new));
    }
    let last = header.len().saturating_sub(1);
    for (index, (_, align)) in header.iter().enumerate() {
        if let Some(column) = table.column_mut(index) {
            column.set_padding((0, if index == last { 0 } else { 2 }));
            column.set_cell_alignment(match align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            });
        }
    }
    table.lines().fold(String::new(), |text, line| text + line.trim_end() + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_without_lines_or_spaces_at_the_end() {
        let header = [("run".to_owned(), Align::Left), ("rmse".to_owned(), Align::Right), ("note".to_owned(), Align::Left)];
        let rows = [vec!["a".into(), "4.2".into(), "—".into()], vec!["bcde".into(), "14.25".into(), String::new()]];
        assert_eq!(table(&header, rows), "run    rmse  note\na       4.2  —\nbcde  14.25\n");
    }
}
