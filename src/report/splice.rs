//! Puts a report between two lines of another file.

/// The lines between which the report of a sweep stands.
fn markers(sweep: &str) -> (String, String) {
    (format!("<!-- kiln:begin {sweep} -->"), format!("<!-- kiln:end {sweep} -->"))
}

/// The text with what lies between the markers of a sweep replaced by the report. The markers stand
/// on lines of their own; line ends stay as the text has them.
///
/// # Errors
/// When a marker is missing, stands twice, or the end comes first: with the lines to add.
pub fn splice(text: &str, sweep: &str, report: &str) -> Result<String, String> {
    let (begin, end) = markers(sweep);
    let places = |marker: &str| -> Vec<(usize, usize)> {
        let mut places = Vec::new();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            if line.trim() == marker {
                places.push((start, start + line.len()));
            }
            start += line.len();
        }
        places
    };
    let (begins, ends) = (places(&begin), places(&end));
    let ((_, from), (to, _)) = match (&begins[..], &ends[..]) {
        ([begin], [end]) if begin.1 <= end.0 => (*begin, *end),
        ([], []) => {
            return Err(format!(
                "there is no place for the report; add these two lines where it shall \
                    stand:\n\n{begin}\n{end}"
            ));
        }
        ([_], []) => {
            return Err(format!(
                "'{begin}' is there, but not '{end}' on a line of its own after it"
            ));
        }
        ([], [_]) => {
            return Err(format!(
                "'{end}' is there, but not '{begin}' on a line of its own before it"
            ));
        }
        ([_], [_]) => return Err(format!("'{end}' comes before '{begin}'")),
        _ => {
            return Err(format!(
                "'{begin}' or '{end}' stands there more than once: which is meant?"
            ));
        }
    };
    let newline = if text[..from].ends_with("\r\n") { "\r\n" } else { "\n" };
    let report = report.trim_end().replace('\n', newline);
    Ok(format!("{}{newline}{report}{newline}{newline}{}", &text[..from], &text[to..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a\n<!-- kiln:begin grid -->\nold\n<!-- kiln:end grid -->\nafter\n";

    #[test]
    fn what_lies_between_is_replaced_again_and_again() {
        let once = splice(TEXT, "grid", "new\n").unwrap();
        assert_eq!(once, "# a\n<!-- kiln:begin grid -->\n\nnew\n\n<!-- kiln:end grid -->\nafter\n");
        assert_eq!(splice(&once, "grid", "new\n").unwrap(), once);
    }

    #[test]
    fn line_ends_stay_as_they_are() {
        let text = TEXT.replace('\n', "\r\n");
        let spliced = splice(&text, "grid", "a\nb\n").unwrap();
        assert_eq!(
            spliced,
            "# a\r\n<!-- kiln:begin grid -->\r\n\r\na\r\nb\r\n\r\n<!-- kiln:end grid \
                -->\r\nafter\r\n"
        );
    }

    #[test]
    fn markers_that_are_missing_or_unclear_are_errors() {
        let error = |text: &str| splice(text, "grid", "new").unwrap_err();
        assert!(
            error("").contains("add these two lines")
                && error("").contains("<!-- kiln:begin grid -->\n<!-- kiln:end grid -->")
        );
        assert!(
            error("inline <!-- kiln:begin grid -->\n<!-- kiln:end grid -->\n")
                .contains("but not '<!-- kiln:begin grid -->'")
        );
        assert!(error("<!-- kiln:begin grid -->\n").contains("but not '<!-- kiln:end grid -->'"));
        assert!(
            error("<!-- kiln:end grid -->\n<!-- kiln:begin grid -->\n").contains("comes before")
        );
        assert!(error(&TEXT.repeat(2)).contains("more than once"));
        assert!(splice(TEXT, "other", "new").is_err());
    }
}
