use super::*;
use proptest::prelude::*;

fn read_text(text: &[u8], columns: &Columns, volume: Volume) -> Result<Table, MarketError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.csv");
    std::fs::write(&path, text).unwrap();
    let table = read(&path, columns, volume, None);
    assert!(probe(&path, columns, None).is_ok() || table.is_err());
    table
}

fn own(text: &str) -> Result<Table, MarketError> {
    read_text(text.as_bytes(), &Columns::default(), Volume::Needed)
}

#[test]
fn dialects_of_csv_give_the_same_table() {
    let plain =
        own("ts,open,high,low,close,volume\n1715131860,1.5,2,1,1.75,10\n1715131920,2,3,2,2.5,20\n");
    let Table { ts, close, volume, .. } = plain.unwrap();
    assert_eq!(
        (&ts[..], &close[..]),
        (&[1_715_131_860_000_000_000, 1_715_131_920_000_000_000][..], &[1.75, 2.5][..])
    );
    for other in [
        "\u{FEFF}ts,open,high,low,close,volume\r\n1715131860,1.5,2,1,1.75,10\r\n\r\n\
         1715131920,2,3,2,2.5,20\r\n",
        "ts;open;high;low;close;volume\n1715131860;1.5;2;1;1.75;10\n\n\n\
         1715131920;2;3;2;2.5;20",
        "\"ts\",\"open\",\"high\",\"low\",\"close\",\"volume\"\n\
         \"2024-05-08T01:31:00Z\",\"1.5\",2,1,\"1.75\",\"10\"\n1715131920,2,3,2,2.5,\"20\"\n",
        "ts\topen\thigh\tlow\tclose\tvolume\n1715131860\t1.5\t2\t1\t1.75 \
            \t10\n1715131920\t2\t3\t2\t 2.5\t 20 \n\n",
        "note,volume,close,low,high,open,ts\n\"a, \
            \"\"b\"\"\nc\",10,1.75,1,2,1.5,1715131860\n\u{e9},20,2.5,2,3,2,1715131920\n",
    ] {
        let table = own(other).unwrap();
        assert_eq!((&table.ts, &table.close, &table.volume), (&ts, &close, &volume), "{other}");
        assert_eq!(
            (&table.open[..], &table.high[..], &table.low[..]),
            (&[1.5, 2.0][..], &[2.0, 3.0][..], &[1.0, 2.0][..]),
            "{other}"
        );
    }
}

#[test]
fn text_of_another_encoding_in_columns_that_are_not_used_does_no_harm() {
    let text = b"ts,open,high,low,close,note\n1715131860,1,2,1,2,caf\xE9\n";
    assert_eq!(read_text(text, &Columns::default(), Volume::Unused).unwrap().close, [2.0]);
}

#[test]
fn one_column_may_serve_as_several() {
    let of = |name: &str| name.to_owned();
    let price = Columns {
        ts: of("day"),
        open: of("px"),
        high: of("px"),
        low: of("px"),
        close: of("px"),
        volume: of("n"),
        ..Columns::default()
    };
    let table =
        read_text(b"px,n,day\n7.5,1,2024-05-08\n8,2,2024-05-09\n", &price, Volume::Needed).unwrap();
    assert_eq!(
        (&table.open, &table.close, table.volume),
        (&vec![7.5, 8.0], &vec![7.5, 8.0], Some(vec![1.0, 2.0]))
    );
    assert_eq!(table.assumed, [crate::stamps::ASSUMED_UTC]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Large enough that Polars cuts the text into chunks and reads them in parallel.
    #[test]
    fn numbers_and_lines_survive_chunks_and_blank_lines(
        rows in prop::collection::vec((1e-3..1e6_f64, 0u32..9, any::<bool>()), 1..3000),
        bad in any::<prop::sample::Index>(),
    ) {
        let mut text = String::from("ts,open,high,low,close,volume\n");
        let mut lines = Vec::new();
        let mut line = 2;
        for (row, (price, volume, blank)) in rows.iter().enumerate() {
            if *blank && volume % 3 == 0 {
                text.push('\n');
                line += 1;
            }
            lines.push(line);
            line += 1;
            text.push_str(&format!(
                "{},{price},{price},{price},{price},{volume}\n",
                1_715_131_860 + 60 * row
            ));
        }
        let table = own(&text).unwrap();
        prop_assert_eq!(&table.close, &rows.iter().map(|row| row.0).collect::<Vec<_>>());
        let bad = bad.index(rows.len());
        prop_assert_eq!(table.places.name(bad), format!("line {}", lines[bad]));
        let line = text.lines().nth(lines[bad] - 1).unwrap().to_owned();
        let broken = text.replacen(&line, &line.replacen(',', ",x", 1), 1);
        let message = own(&broken).map(|table| table.close).unwrap_err().to_string();
        let named = message.contains(&format!("line {}, column 'open': 'x", lines[bad]));
        prop_assert!(named, "{}", message);
    }

    #[test]
    fn no_text_makes_it_panic(body in "[0-9a-z,\"\r\n .;-]{0,200}") {
        let header = "ts,open,high,low,close,volume\n";
        drop(own(&format!("{header}{body}")));
        drop(own(&format!("{header}1715131860,1,2,1,2,3\n{body}\n1715131920,1,2,1,2,3\n")));
    }
}
