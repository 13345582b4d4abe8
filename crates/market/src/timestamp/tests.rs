use super::*;
use proptest::prelude::*;

/// 2024-05-08T01:31:00Z.
const NS: i64 = 1_715_131_860_000_000_000;

fn reader(zone: Option<&str>, columns: &Columns) -> StampReader {
    StampReader::of(columns, zone.map(|zone| Zone::parse(zone).unwrap()))
}

fn read(zone: Option<&str>, text: &str) -> Result<Stamp, StampProblem> {
    reader(zone, &Columns::default()).text(text.as_bytes())
}

#[test]
fn the_same_instant_is_read_from_all_spellings() {
    for text in [
        "2024-05-08T09:31:00+08:00",
        "2024-05-08 09:31+0800",
        "\"2024-05-08T01:31:00Z\"",
        "2024-05-08 01:31:00.000 UTC",
        "2024-05-07T21:31:00-04:00",
        "1715131860",
        "1715131860000",
        "1715131860000000",
        "1715131860000000000",
    ] {
        assert_eq!(read(None, text).unwrap().ns, NS, "{text}");
    }
    for text in [
        "2024-05-08T09:31:00",
        "2024/05/08 09:31",
        "2024.05.08 09:31:00",
        "20240508 093100",
        "20240508093100",
    ] {
        let stamp = Ok(Stamp { ns: NS, offset: 28_800, repeat: 0, digits: 0 });
        assert_eq!(read(Some("Asia/Shanghai"), text), stamp, "{text}");
        assert_eq!(read(Some("+08:00"), text), stamp, "{text}");
    }
    assert_eq!(read(None, "2024-05-08T01:31:00.250000001Z").unwrap().ns, NS + 250_000_001);
}

#[test]
fn the_zone_decides_the_local_offset_and_else_the_text() {
    assert_eq!(read(None, "2024-05-08T09:31:00+08:00").unwrap().offset, 28_800);
    assert_eq!(
        read(Some("America/New_York"), "2024-05-08T09:31:00+08:00").unwrap().offset,
        -14_400
    );
    assert_eq!(read(Some("Asia/Shanghai"), "1715131860").unwrap().offset, 28_800);
}

#[test]
fn dates_are_midnights() {
    assert_eq!(read(Some("Asia/Shanghai"), "2024-05-08").unwrap().ns, 1_715_097_600 * SECOND);
    let mut reader = reader(None, &Columns::default());
    assert_eq!(reader.text(b"20240508").unwrap().ns, 1_715_126_400 * SECOND);
    assert!(reader.assumed_utc);
}

#[test]
fn a_repeated_hour_is_left_open_unless_the_settings_say_which() {
    let of = |ts_ambiguous| {
        let columns = Columns { ts_ambiguous, ..Columns::default() };
        let Stamp { ns, offset, repeat, .. } =
            reader(Some("America/New_York"), &columns).text(b"2024-11-03 01:30").unwrap();
        (ns / SECOND, offset, repeat)
    };
    assert_eq!(of(TsAmbiguous::Infer), (1_730_611_800, -14_400, 3600));
    assert_eq!(of(TsAmbiguous::Earliest), (1_730_611_800, -14_400, 0));
    assert_eq!(of(TsAmbiguous::Latest), (1_730_615_400, -18_000, 0));
}

#[test]
fn a_day_begins_with_its_first_instant() {
    // In Sao Paulo midnight was skipped, in Havana it comes twice.
    assert_eq!(read(Some("America/Sao_Paulo"), "2018-11-04").unwrap().ns, 1_541_300_400 * SECOND);
    assert_eq!(read(Some("America/Havana"), "2024-11-03").unwrap().ns, 1_730_606_400 * SECOND);
}

#[test]
fn epochs_may_have_a_fraction() {
    for (text, nanos) in [
        ("1715131860.0", 0),
        ("1715131860.25", 250_000_000),
        ("1715131860000.5", 500_000),
        ("1715131860000000.5", 500),
        ("1715131860000000000.0", 0),
    ] {
        assert_eq!(read(None, text).unwrap().ns, NS + nanos, "{text}");
    }
    assert_eq!(read(None, "20240508.0").unwrap().ns, 1_715_126_400 * SECOND);
    for value in [1_715_131_860.0, 1_715_131_860e3, 1_715_131_860e6, 1_715_131_860e9] {
        assert_eq!(reader(None, &Columns::default()).float(value).unwrap().ns, NS, "{value}");
    }
    assert_eq!(
        reader(None, &Columns::default()).float(1_715_131_860.125).unwrap().ns,
        NS + 125_000_000
    );
    for rounded in ["1.71513E+12", "1.7151318e+09"] {
        assert_eq!(read(None, rounded).unwrap_err(), StampProblem::Rounded(rounded.to_owned()));
    }
    for wrong in [f64::NAN, f64::INFINITY, -1.0, 1e30, 0.5] {
        assert!(reader(None, &Columns::default()).float(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_format_is_followed_to_the_letter() {
    let read = |format: &str, zone, text: &str| {
        let columns = Columns { ts_format: format.parse().unwrap(), ..Columns::default() };
        reader(zone, &columns).text(text.as_bytes()).map(|stamp| stamp.ns)
    };
    let shanghai = Some("Asia/Shanghai");
    for (format, text) in [
        ("%d.%m.%Y %H:%M:%S", "08.05.2024 09:31:00"),
        ("%m/%d/%Y %I:%M %p", "05/08/2024 09:31 AM"),
        ("%y%m%d%H%M", "2405080931"),
        ("%Y%m%d%H%M", "202405080931"),
        ("%Y-%m-%d %H:%M %z", "2024-05-08 01:31 +0000"),
        ("epoch_s", "1715131860"),
        ("epoch_ms", "1715131860000"),
        ("epoch_s", "1715131860.000"),
        ("%s", "1715131860"),
    ] {
        assert_eq!(read(format, shanghai, text), Ok(NS), "{format}");
    }
    assert_eq!(read("%d.%m.%Y", shanghai, "08.05.2024"), Ok(1_715_097_600 * SECOND));
    assert_eq!(read("%d.%m.%Y", None, "08.05.2024"), Ok(1_715_126_400 * SECOND));
    assert_eq!(
        read("%d.%m.%Y %H:%M", None, "08.05.2024 09:31"),
        Err(StampProblem::NoZone("08.05.2024 09:31".to_owned()))
    );
    for (format, text) in [
        ("%d.%m.%Y", "2024-05-08"),
        ("%d.%m.%Y", "08.05.24"),
        ("epoch_s", "2024-05-08T09:31:00Z"),
        ("%d.%m.%Y %H:%M", "08.05.2024"),
    ] {
        let problem = read(format, shanghai, text).unwrap_err().to_string();
        assert_eq!(problem, format!("'{text}' is not written as ts_format = \"{format}\" says"));
    }
}

#[test]
fn what_is_no_timestamp_says_why() {
    let message = |zone, text| read(zone, text).unwrap_err().to_string();
    assert!(message(None, "2024-05-08 09:31").contains("has no offset from UTC; set zone"));
    assert!(
        message(Some("America/New_York"), "2024-03-10 02:30")
            .contains("does not exist in America/New_York")
    );
    for text in [
        "",
        "abc",
        "2024-13-01",
        "2024-02-30",
        "2024-05-08T25:00:00Z",
        "2024-05-08 09:61Z",
        "12345",
        "05/08/2024 09:31",
        "2024-05-08T09:31:00X",
    ] {
        assert!(message(None, text).contains("is not a timestamp"), "{text}");
    }
    assert!(message(None, "9999-05-08T09:31:00Z").contains("lies outside the years"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        text in prop::collection::vec(any::<u8>(), 0..40),
        digits in "[0-9T :.+-]{0,30}",
        number in any::<f64>(),
    ) {
        for format in ["auto", "epoch_us", "%d.%m.%Y %H:%M:%S", "%y%m%d%H%M", "%s", "%Y %Q"] {
            let columns =
                Columns { ts_format: format.parse().unwrap_or_default(), ..Columns::default() };
            let mut reader = reader(Some("America/New_York"), &columns);
            for text in [&text, digits.as_bytes()] {
                if let Err(problem) = reader.text(text) {
                    drop(problem.to_string());
                }
            }
            drop(reader.float(number));
            drop(reader.integer(number as i64));
        }
    }

    #[test]
    fn a_printed_instant_is_read_back(seconds in 0i64..4_000_000_000) {
        let printed = jiff::Timestamp::from_second(seconds).unwrap().to_string();
        prop_assert_eq!(read(None, &printed).unwrap().ns, seconds * SECOND);
    }
}
