//! Text as a person reads it: what comes from outside made safe to show, numbers, tables.

mod number;
mod quantity;
mod table;

pub use number::{UNDEFINED, number};
pub use quantity::{bytes, duration, parse_duration, percent, short_duration};
pub use table::{Align, table};

use std::borrow::Cow;

/// Makes text that came from a file or another machine safe to show: control characters (C0, C1),
/// bidirectional overrides, zero-width and tag characters are replaced by their escape (`\u{1b}`),
/// so that nothing can move the cursor, set a title, fill the clipboard or turn the reading order.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            c if hidden(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// [`clean`] of each line: for messages, whose own lines stay lines.
#[must_use]
pub fn clean_lines(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| c != '\n' && hidden(c)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.split('\n').map(clean).collect::<Vec<_>>().join("\n"))
}

/// [`clean`], owned: for the cells of printed tables.
#[must_use]
pub fn cleaned(text: &str) -> String {
    clean(text).into_owned()
}

/// A path as text, for JSON: bytes that are no UTF-8 become U+FFFD, where serde's own way would be
/// an error.
///
/// # Errors
/// What the serializer says.
pub fn path<S: serde::Serializer>(
    path: &std::path::Path,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// Whether a character would not show as itself.
#[must_use]
pub fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_drive_the_terminal() {
        let hostile = "a\u{1b}]0;title\u{7}\u{9b}31m\u{202e}b\u{200b}c\n\u{feff}";
        let escaped = cleaned(hostile);
        assert_eq!(escaped, r"a\u{1b}]0;title\u{7}\u{9b}31m\u{202e}b\u{200b}c\n\u{feff}");
        assert_eq!(cleaned("hidden 32, µ — 模型"), "hidden 32, µ — 模型");
    }
}
