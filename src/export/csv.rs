//! A table as comma-separated values (RFC 4180: CRLF, quotes doubled), safe to open in a
//! spreadsheet.

use jiff::Timestamp;
use std::borrow::Cow;

use super::{Cells, Table};

/// What becomes of text that a spreadsheet would take for a formula (CWE-1236).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formulas {
    /// It gets a leading `'`, which makes it text.
    Defused,
    /// It stays as it is.
    Raw,
}

/// The table with a header. Undefined cells are empty, times RFC 3339 in UTC, numbers as short as
/// they can be without losing a bit.
#[must_use]
pub fn write(table: &Table, formulas: Formulas) -> String {
    let mut text = String::new();
    let headers: Vec<String> =
        table.columns.iter().map(|column| cell(&column.name, formulas)).collect();
    line(&mut text, headers);
    for row in 0..table.height() {
        line(
            &mut text,
            table.columns.iter().map(|column| shown(&column.cells, row, formulas)).collect(),
        );
    }
    text
}

fn line(text: &mut String, cells: Vec<String>) {
    text.push_str(&cells.join(","));
    text.push_str("\r\n");
}

fn shown(cells: &Cells, row: usize, formulas: Formulas) -> String {
    match cells {
        Cells::Text(cells) => cells[row].as_deref().map(|text| cell(text, formulas)),
        Cells::Number(cells) => cells[row].map(number),
        Cells::Whole(cells) => cells[row].map(|number| number.to_string()),
        Cells::Time(cells) => cells[row].map(time),
    }
    .unwrap_or_default()
}

/// The shortest text that is read back as the same number; with an exponent where there would be
/// many zeros.
fn number(number: f64) -> String {
    if number == 0.0 || (1e-5..1e16).contains(&number.abs()) {
        number.to_string()
    } else {
        format!("{number:e}")
    }
}

fn time(nanoseconds: i64) -> String {
    Timestamp::from_nanosecond(i128::from(nanoseconds))
        .map(|time| time.to_string())
        .unwrap_or_default()
}

/// Text from outside as a cell.
fn cell(text: &str, formulas: Formulas) -> String {
    let text = match formulas {
        Formulas::Defused if is_formula(text) => Cow::Owned(format!("'{text}")),
        _ => Cow::Borrowed(text),
    };
    // A semicolon and a tab too: some locales part cells there, and what follows could begin a
    // formula.
    if text.contains([',', '"', '\r', '\n', ';', '\t'])
        || text.starts_with(' ')
        || text.ends_with(' ')
    {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into_owned()
    }
}

/// Whether a spreadsheet may take the text for a formula: it begins with `=`, `+`, `-`, `@`, a tab
/// or a line's end, or with the full-width form of one, whatever blanks stand before, and is no
/// number.
fn is_formula(text: &str) -> bool {
    if text.starts_with(['\t', '\r', '\n']) {
        return true;
    }
    let begins = text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    begins && !is_number(text)
}

/// Digits with a sign, a point and an exponent; not what else Rust reads as a number (`inf`,
/// `nan`).
fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
        && text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::Column;
    use proptest::prelude::*;

    #[test]
    fn numbers_stay_numbers_and_formulas_become_text() {
        for number in ["-0.5", "+3", "-1e-7", "-12"] {
            assert_eq!(cell(number, Formulas::Defused), number);
        }
        for formula in [
            "=1+1", "+1+1", "-1+1", "-inf", "@SUM(A1)", "＝1", "＋1", "－1", "＠x", " =1", "-",
            "+", "--1",
        ] {
            let safe = cell(formula, Formulas::Defused);
            assert!(safe.trim_start_matches('"').starts_with('\''), "{formula}: {safe}");
            assert!(!cell(formula, Formulas::Raw).contains('\''), "{formula}");
        }
        assert_eq!(cell("\t=1", Formulas::Defused), "\"'\t=1\"");
        assert_eq!(cell("\r=1", Formulas::Defused), "\"'\r=1\"");
        assert_eq!(cell("a;=1+1", Formulas::Defused), "\"a;=1+1\"");
        assert_eq!(cell("a-b", Formulas::Defused), "a-b");
    }

    #[test]
    fn cells_are_quoted_by_rfc_4180_and_undefined_ones_are_empty() {
        let column = |name: &str, cells| Column { name: name.to_owned(), cells };
        let table = Table {
            columns: vec![
                column("a,b", Cells::Text(vec![Some("say \"hi\"".to_owned()), None])),
                column("x", Cells::Number(vec![Some(-0.1), Some(1e-300)])),
                column("n", Cells::Whole(vec![None, Some(-3)])),
                column("at", Cells::Time(vec![Some(1_767_323_045_000_000_001), None])),
            ],
        };
        let expected = "\"a,b\",x,n,at\r\n\"say \
            \"\"hi\"\"\",-0.1,,2026-01-02T03:04:05.000000001Z\r\n,1e-300,-3,\r\n";
        assert_eq!(write(&table, Formulas::Defused), expected);
        assert_eq!(write(&Table::default(), Formulas::Defused), "\r\n");
    }

    /// Reads RFC 4180 back.
    fn read(text: &str) -> Vec<Vec<String>> {
        let (mut rows, mut row, mut cell, mut quoted) =
            (Vec::new(), Vec::new(), String::new(), false);
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
                '"' => quoted = !quoted,
                ',' if !quoted => row.push(std::mem::take(&mut cell)),
                '\r' if !quoted => {
                    assert_eq!(chars.next(), Some('\n'));
                    row.push(std::mem::take(&mut cell));
                    rows.push(std::mem::take(&mut row));
                }
                c => cell.push(c),
            }
        }
        rows
    }

    proptest! {
        #[test]
        fn any_text_comes_back(
            texts in prop::collection::vec("[ -~\\t\\r\\n＝é;,\"=+@-]{0,12}", 1..6),
        ) {
            let cells = Cells::Text(texts.iter().cloned().map(Some).collect());
            let table = Table { columns: vec![Column { name: "text".to_owned(), cells }] };
            let rows = read(&write(&table, Formulas::Raw));
            let back: Vec<&String> = rows[1..].iter().map(|row| &row[0]).collect();
            prop_assert_eq!(back, texts.iter().collect::<Vec<_>>());
            for (row, text) in read(&write(&table, Formulas::Defused))[1..].iter().zip(&texts) {
                let quoted = format!("'{text}");
                prop_assert!(row[0] == *text || row[0] == quoted);
                prop_assert!(!is_formula(&row[0]));
            }
        }
    }
}
