//! How things are written in the cells of a screen: escaped, cut to a width, with few digits and a
//! unit.

use ratatui::text::Span;
use std::borrow::Cow;

use experiment::space::Value;
pub use text::clean;
#[cfg(test)]
use text::hidden;

/// What stands where there is no number.
pub(super) use text::UNDEFINED;

/// Columns that a text takes.
#[must_use]
pub(super) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { Span::raw(text).width() }
}

/// Cuts a text to so many columns, with `…` in place of what was cut.
#[must_use]
pub(super) fn fit(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    if columns == 0 {
        return Cow::Borrowed("");
    }
    let mut taken = 0;
    let mut cut = String::new();
    for c in text.chars() {
        let wide = width(c.encode_utf8(&mut [0; 4]));
        if taken + wide > columns - 1 {
            break;
        }
        taken += wide;
        cut.push(c);
    }
    cut.push('…');
    Cow::Owned(cut)
}

/// A metric or a loss, in four to five significant digits.
#[must_use]
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => UNDEFINED.to_owned(),
        0.0 => "0".to_owned(),
        _ if !(1e-4..1e6).contains(&size) => format!("{value:.3e}"),
        _ if size >= 1e4 => format!("{value:.1}"),
        _ if size >= 1e2 => format!("{value:.2}"),
        _ if size >= 1.0 => format!("{value:.4}"),
        _ if size >= 1e-2 => format!("{value:.5}"),
        _ => format!("{value:.6}"),
    }
}

/// [`number`], or the sign for an undefined one.
#[must_use]
pub(super) fn number_or_dash(value: Option<f64>) -> String {
    value.map_or_else(|| UNDEFINED.to_owned(), number)
}

/// A learning rate: two significant digits, always with an exponent, so that a column of them is
/// easy to compare.
#[must_use]
pub(super) fn learning_rate(value: f64) -> String {
    if value.is_finite() { format!("{value:.1e}") } else { UNDEFINED.to_owned() }
}

/// A count or a rate with a decimal prefix: `950`, `1.2k`, `34M`.
#[must_use]
pub(super) fn count(value: f64) -> String {
    if !value.is_finite() {
        return UNDEFINED.to_owned();
    }
    let (mut scaled, mut prefix) = (value, "");
    for next in ["k", "M", "G", "T"] {
        // 999.5 would be written as 1000.
        if scaled.abs() < 999.5 {
            break;
        }
        scaled /= 1000.0;
        prefix = next;
    }
    if prefix.is_empty() || scaled.abs() >= 99.95 {
        format!("{scaled:.0}{prefix}")
    } else {
        format!("{scaled:.1}{prefix}")
    }
}

/// A parameter's value: floats in four significant digits, all else as in TOML; escaped.
#[must_use]
pub(super) fn parameter(value: &Value) -> String {
    match value {
        Value::Float(float) if *float != 0.0 && float.is_finite() => {
            let rounded: f64 = format!("{float:.3e}").parse().unwrap_or(*float);
            format!("{rounded:?}")
        }
        other => clean(&other.to_string()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_could_drive_a_terminal_is_escaped() {
        assert_eq!(clean("\u{1b}[2Jgone\u{7}"), "\\u{1b}[2Jgone\\u{7}");
        assert_eq!(clean("a\u{9b}31mb"), "a\\u{9b}31mb");
        assert_eq!(clean("a\u{202e}b\u{200b}c"), "a\\u{202e}b\\u{200b}c");
        assert_eq!(clean("two\nlines"), "two\\nlines");
        assert!(matches!(clean("größe 価格"), Cow::Borrowed(_)));
    }

    #[test]
    fn texts_are_cut_at_columns_not_at_characters() {
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("価格価格", 5), "価格…");
        assert_eq!(fit("価格価格", 4), "価…");
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abc", 0), "");
    }

    #[test]
    fn numbers_keep_their_size_and_few_digits() {
        assert_eq!(number(4.400_123), "4.4001");
        assert_eq!(number(0.012_345_6), "0.01235");
        assert_eq!(number(1.234e-7), "1.234e-7");
        assert_eq!(number(f64::NAN), "—");
        assert_eq!(number_or_dash(None), "—");
        assert_eq!(learning_rate(1e-3), "1.0e-3");
        assert_eq!(parameter(&Value::Float(0.000_316_227_766)), "0.0003162");
        assert_eq!(parameter(&Value::Float(1e-5)), "1e-5");
        assert_eq!(parameter(&Value::Int(32)), "32");
    }

    #[test]
    fn rates_durations_and_sizes_have_a_unit() {
        assert_eq!(count(950.0), "950");
        assert_eq!(count(1234.0), "1.2k");
        assert_eq!(count(999_700.0), "1.0M");
    }

    proptest! {
        #[test]
        fn nothing_hidden_survives_and_nothing_is_wider_than_asked(
            text in "\\PC*|.*",
            columns in 0usize..40,
        ) {
            let cleaned = clean(&text);
            prop_assert!(!cleaned.contains(hidden));
            prop_assert!(width(&fit(&cleaned, columns)) <= columns);
        }
    }
}
