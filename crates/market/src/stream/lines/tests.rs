use std::io::{BufReader, Cursor};

use proptest::prelude::*;

use super::*;
use crate::columns::Volume;
use crate::length::BarLength;
use crate::source;
use experiment::testing::settings;
use experiment::{BarLabel, Columns, Format};

const HEADER: &str = "ts,open,high,low,close,volume\n";

fn data() -> Data {
    labelled(BarLabel::Start)
}

fn labelled(bar_label: BarLabel) -> Data {
    let (columns, zone) = (Columns::default(), None);
    let source =
        Source::File { path: "bars.csv".into(), format: Format::Csv, columns, zone, bar_label };
    Data {
        source,
        ..settings("data.synthetic = { bars = 1000 }\ndata.features = [\"close\", \"volume\"]").data
    }
}

fn all(text: &[u8], data: &Data) -> Result<Vec<Bar>, MarketError> {
    // Few bytes at a time, as a pipe may give them.
    BarLines::new(Path::new("stdin"), BufReader::with_capacity(7, text), data, 60)?.collect()
}

fn refusal(text: &str) -> String {
    all(text.as_bytes(), &data()).unwrap_err().to_string()
}

#[test]
fn dialects_of_csv_give_the_same_bars() {
    let plain = all(
        format!("{HEADER}1715131860,1.5,2,1,1.75,10\n1715131920,2,3,2,2.5,20\n").as_bytes(),
        &data(),
    )
    .unwrap();
    assert_eq!((plain.len(), plain[0].ts, plain[1].volume), (2, 1_715_131_860_000_000_000, 20.0));
    for other in [
        "\u{FEFF}ts,open,high,low,close,volume\r\n1715131860,1.5,2,1,1.75,10\r\n\r\n\
         1715131920,2,3,2,2.5,20\r\n",
        "ts;open;high;low;close;volume\n1715131860;1.5;2;1;1.75;10\n\n\n\
         1715131920;2;3;2;2.5;20\n",
        "\"ts\",\"open\",\"high\",\"low\",\"close\",\"volume\"\n\
         \"2024-05-08T01:31:00Z\",\"1.5\",2,1,\"1.75\",\"10\"\n1715131920,2,3,2,2.5,\"20\"\n",
        "ts\topen\thigh\tlow\tclose\tvolume\n1715131860\t1.5\t2\t1\t1.75 \
            \t10\n1715131920\t2\t3\t2\t 2.5\t 20 \n\n",
        "note,volume,close,low,high,open,ts\n\"a, \
            \"\"b\"\"c\",10,1.75,1,2,1.5,1715131860\n\u{e9},20,2.5,2,3,2,1715131920\n",
    ] {
        assert_eq!(all(other.as_bytes(), &data()).unwrap(), plain, "{other}");
    }
    let ends =
        all(format!("{HEADER}1715131920,1.5,2,1,1.75,10\n").as_bytes(), &labelled(BarLabel::End))
            .unwrap();
    assert_eq!(ends[0], plain[0]);
}

#[test]
fn what_is_wrong_with_a_line_is_said_with_its_number() {
    for (line, said) in [
        ("1715131860,1,2,1,x,3", "column 'close': 'x' is not a number"),
        ("1715131860,1,2,1,,3", "column 'close': is empty"),
        ("1715131860,1,2,1,2", "5 fields, but the header has 6"),
        ("1715131860,1,2,1,2,3,4,5", "8 fields, but the header has 6"),
        (
            "1715131860,1,2,1,\"2,3",
            "a quote is opened and never closed; a bar's line holds no line ends",
        ),
        ("1715131860,1,2,1,nan,3", "close is NaN; a price is a number above 0"),
        ("1715131860,1,2,1,1e400,3", "close is inf; a price is a number above 0"),
        ("1715131860,1,2,3,2,3", "high 2 is below low 3"),
        ("1715131860,1,2,1,2,-1", "volume is -1; a volume is a number, 0 or above"),
        ("1715131800,1,2,1,2,3", "column 'ts': '1715131800' does not come after the bar before it"),
        ("1715131799,1,2,1,2,3", "column 'ts': '1715131799' does not come after the bar before it"),
        ("yesterday,1,2,1,2,3", "column 'ts': 'yesterday' is not a timestamp"),
        (
            "2024-05-08T09:31:00,1,2,1,2,3",
            "column 'ts': '2024-05-08T09:31:00' has no offset from UTC",
        ),
        ("1715131860,1,2,1,\u{1b}[2J,3", "column 'close': '\\u{1b}[2J' is not a number"),
    ] {
        let message = refusal(&format!("{HEADER}\n1715131800,1,2,1,2,3\n{line}\n"));
        assert!(message.starts_with(&format!("stdin: line 4: {said}")), "{message}");
    }
}

#[test]
fn a_torn_last_line_is_refused_though_it_may_read_well() {
    for torn in ["1715131860,1,2,1,2,3", "1715131860,1,2", "1"] {
        let mut lines = BarLines::new(
            Path::new("stdin"),
            Cursor::new(format!("{HEADER}1715131800,1,2,1,2,3\n{torn}")),
            &data(),
            60,
        )
        .unwrap();
        assert_eq!(lines.next().unwrap().unwrap().close, 2.0);
        assert_eq!(lines.line(), 2);
        let message = lines.next().unwrap().unwrap_err().to_string();
        assert!(
            message.starts_with("stdin: line 3: has no line end, so it may have been cut off"),
            "{message}"
        );
        assert!(lines.next().is_none(), "after an error there is nothing more");
    }
}

#[test]
fn input_without_a_header_is_told_so() {
    assert!(refusal("").starts_with("stdin: is empty"));
    assert!(refusal("\n\n").starts_with("stdin: is empty"));
    assert!(refusal("1715131860,1,2,1,2,3\n").contains("the header line is missing"));
    assert!(refusal("ts,open,high,low,close\n").contains("has no column 'volume'"));
    assert!(refusal("ts,open").starts_with("stdin: line 1: has no line end"));
    let gzip = all(b"\x1F\x8B\x08\x00\n", &data()).unwrap_err().to_string();
    assert!(gzip.contains("is gzip; unpack it"), "{gzip}");
}

#[test]
fn an_endless_line_ends_soon() {
    for begin in [String::new(), format!("{HEADER}1715131800,1,2,1,2,3\n")] {
        let endless = Cursor::new(begin.clone()).chain(std::io::repeat(b'7'));
        let lines = BarLines::new(Path::new("stdin"), BufReader::new(endless), &data(), 60);
        let message = match lines {
            Ok(lines) => lines.last().unwrap().unwrap_err().to_string(),
            Err(error) => error.to_string(),
        };
        let line = if begin.is_empty() { 1 } else { 3 };
        assert_eq!(
            message,
            format!("stdin: line {line}: is longer than 64 KiB; is it really CSV?")
        );
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        body in prop::collection::vec(any::<u8>(), 0..300),
        header in any::<bool>(),
    ) {
        let text = if header { [HEADER.as_bytes(), &body].concat() } else { body };
        drop(all(&text, &data()));
    }

    #[test]
    fn no_text_that_is_nearly_right_makes_it_panic(body in "[0-9a-z,\"\r\n .;:TZ+-]{0,200}") {
        drop(all(format!("{HEADER}1715131860,1,2,1,2,3\n{body}\n").as_bytes(), &data()));
    }

    /// What Polars reads of a file, in parallel, and what is read here, line by line.
    #[test]
    fn a_line_gives_the_bar_that_the_same_line_of_a_file_gives(
        rows in prop::collection::vec(
            ("[1-9][0-9]{0,9}(\\.[0-9]{1,20})?(e-?[0-9]{1,2})?", 0.0..1e12_f64, 1_i64..500),
            2..40
        ),
    ) {
        let mut text = HEADER.to_owned();
        let mut ts = 1_715_131_860;
        for (price, volume, minutes) in &rows {
            ts += 60 * minutes;
            text.push_str(&format!("{ts},{price},{price},{price},{price},{volume:?}\n"));
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bars.csv");
        std::fs::write(&file, &text).unwrap();
        let data = data();
        let known = source::load(
            &prepare::forecast_source(&data, &file),
            Volume::Needed,
            BarLength::OfModel(60),
            None,
        )
        .unwrap()
        .bars;
        let found = all(text.as_bytes(), &data).unwrap();
        prop_assert_eq!(found.len(), known.len());
        for (row, bar) in found.iter().enumerate() {
            prop_assert_eq!(*bar, known.bar(row));
        }
    }
}
