//! Plain tables: columns and no lines, so that they read well in a terminal, in a log and in an
//! issue.

use unicode_width::UnicodeWidthStr;

/// Which side of its column a cell stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Lays out rows under a header, two spaces between columns; every line ends with a newline and
/// without spaces. Cells are printed as they are: names go through [`crate::cleaned`] before.
/// Missing cells are empty.
#[must_use]
pub fn table(header: &[(String, Align)], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> =
        std::iter::once(header.iter().map(|(name, _)| name.clone()).collect())
            .chain(rows)
            .collect();
    let mut widths = vec![0; header.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = columns(cell).max(*width);
        }
    }
    let mut text = String::new();
    for row in &rows {
        for ((cell, width), (_, align)) in row.iter().zip(&widths).zip(header) {
            let spaces = std::iter::repeat_n(' ', width - columns(cell));
            match align {
                Align::Left => {
                    text.push_str(cell);
                    text.extend(spaces);
                }
                Align::Right => {
                    text.extend(spaces);
                    text.push_str(cell);
                }
            }
            text.push_str("  ");
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}

/// Columns of a terminal that a cell takes. Most cells are numbers: of printable ASCII every
/// character takes one.
fn columns(cell: &str) -> usize {
    if cell.bytes().all(|byte| matches!(byte, b' '..=b'~')) { cell.len() } else { cell.width() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_without_lines_or_spaces_at_the_end() {
        let header = [
            ("run".to_owned(), Align::Left),
            ("rmse".to_owned(), Align::Right),
            ("note".to_owned(), Align::Left),
        ];
        let rows = [
            vec!["a".into(), "4.2".into(), "—".into()],
            vec!["bcde".into(), "14.25".into(), String::new()],
        ];
        assert_eq!(table(&header, rows), "run    rmse  note\na       4.2  —\nbcde  14.25\n");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let header = [("名前".to_owned(), Align::Left), ("n".to_owned(), Align::Right)];
        assert_eq!(table(&header, [vec!["ab".into(), "1".into()]]), "名前  n\nab    1\n");
    }
}
