use super::*;
use proptest::prelude::*;

fn text(bytes: &[u8]) -> Text {
    Text::new(Path::new("bars.csv"), bytes.to_vec()).unwrap()
}

#[test]
fn records_know_their_lines_across_blank_lines_and_quoted_line_ends() {
    let text = text(b"\xEF\xBB\xBFts,note,close\r\n1,\"a\nb\",2\r\n\r\n3,x,4\n\n5,y,6");
    assert_eq!(text.header, ["ts", "note", "close"]);
    let found: Vec<_> =
        text.records(2).map(|record| (record.line, record.fields, record.wanted)).collect();
    assert_eq!(found, [(2, 3, &b"2"[..]), (5, 3, b"4"), (7, 3, b"6")]);
}

#[test]
fn the_separator_is_the_one_that_the_header_uses() {
    for (header, separator) in
        [("a,b", b','), ("a;b;c", b';'), ("a\tb", b'\t'), ("a|b", b'|'), ("a", b',')]
    {
        assert_eq!(text(format!("{header}\n1").as_bytes()).separator, separator, "{header}");
    }
}

#[test]
fn an_open_quote_is_seen() {
    assert!(text(b"a,b\n1,\"2\n3,4\n").records(0).any(|record| record.open_quote));
}

fn refusal(text: &[u8], most: u64) -> (String, usize) {
    let mut read = Vec::new();
    match read_records(text, &mut read, most) {
        Err(Unread::Refused(problem)) => (problem, read.len()),
        _ => panic!("{} bytes were read", read.len()),
    }
}

#[test]
fn a_record_without_end_is_refused_with_its_line_before_all_of_it_is_read() {
    let rows = "1,\"a\nb\"\n".repeat(200_000);
    let mut whole = Vec::new();
    assert!(
        read_records(rows.as_bytes(), &mut whole, u64::MAX).is_ok() && whole == rows.as_bytes()
    );
    let open = format!("{rows}2,\"{}", "c,d\n".repeat(2 << 20));
    let (problem, read) = refusal(open.as_bytes(), u64::MAX);
    assert!(problem.starts_with("line 400001: a quote is opened and never closed"), "{problem}");
    assert!(read <= rows.len() + MAX_RECORD + 2 * BLOCK as usize, "{read}");
    let long = format!("a\n{}", "7".repeat(4 << 20));
    assert!(refusal(long.as_bytes(), u64::MAX).0.starts_with("line 2: the line has no end"));
    assert!(refusal(rows.as_bytes(), 1000).0.starts_with("unpacks to more than 1000 bytes"));
}

#[test]
fn a_header_of_a_million_columns_is_refused() {
    let header = (0..1_000_000).map(|column| format!("c{column}")).collect::<Vec<_>>().join(",");
    let error = Text::new(Path::new("bars.csv"), header.into_bytes()).unwrap_err().to_string();
    assert!(
        error.contains("the first line is longer than 65533 bytes (1000000 columns or more)"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn fields_and_records_agree(body in "[a,\"\r\n;]{0,40}") {
        let text = text(format!("x,y\n{body}").as_bytes());
        for record in text.records(1).filter(|record| !record.open_quote) {
            let fields: Vec<_> = fields(record.bytes, b',').collect();
            prop_assert_eq!(fields.len(), record.fields);
            prop_assert_eq!(fields.get(1).copied().unwrap_or_default(), record.wanted);
        }
    }
}
