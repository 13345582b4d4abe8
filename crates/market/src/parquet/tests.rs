//! Files of every type that a column can have, and files that are damaged.

use std::path::Path;
use std::sync::Arc;

use polars::prelude::{
    Column, DataFrame, DataType, NamedFrom, ParquetWriter, Series, TimeUnit, pf16,
};
use polars_arrow::array::{
    Array, BinaryViewArray, BooleanArray, DictionaryArray, ListArray, NullArray, PrimitiveArray,
    StructArray, Utf8ViewArray,
};
use polars_arrow::datatypes::{
    ArrowDataType as A, ArrowSchema, Field, IntegerType, TimeUnit as Unit,
};
use polars_arrow::offset::OffsetsBuffer;
use polars_arrow::record_batch::RecordBatchT;
use polars_arrow::types::NativeType;
use polars_parquet::write::{
    CompressionOptions, FileWriter, RowGroupIterator, StatisticsOptions, Version, WriteOptions,
    get_dtype_encoding,
};

use super::*;

/// 2024-05-08T01:31:00Z.
const SECONDS: i64 = 1_715_131_860;

fn file(ts: &Series) -> Vec<u8> {
    let numbers = |name: &str, first: f64| {
        Column::from(Series::new(name.into(), [first, first + 1.0, first + 2.0]))
    };
    let volume = Column::from(Series::new("volume".into(), [5_i32, 6, 7]));
    let columns = vec![
        Column::from(ts.clone()),
        numbers("open", 10.0),
        numbers("high", 12.0),
        numbers("low", 9.0),
        numbers("close", 11.0),
        volume,
    ];
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut DataFrame::new(3, columns).unwrap()).unwrap();
    bytes
}

fn read_bytes(bytes: &[u8], zone: Option<&str>) -> Result<Table, MarketError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.parquet");
    std::fs::write(&path, bytes).unwrap();
    let zone = zone.map(|zone| Zone::parse(zone).unwrap());
    let probed = probe(&path, &Columns::default(), zone.as_ref());
    let table = read(&path, &Columns::default(), Volume::Needed, zone);
    assert!(probed.is_ok() || table.is_err(), "{probed:?}");
    table
}

#[test]
fn every_kind_of_timestamp_column_names_the_same_instants() {
    let seconds = [SECONDS, SECONDS + 60, SECONDS + 120];
    let local = seconds.map(|s| (s + 28_800) * 1000);
    let milliseconds = Series::new("ts".into(), seconds.map(|s| s * 1000));
    let text = Series::new(
        "ts".into(),
        ["2024-05-08 09:31", "2024-05-08 09:32", "2024-05-08T09:33:00+08:00"],
    );
    let clock = Series::new("ts".into(), local)
        .cast(&DataType::Datetime(TimeUnit::Milliseconds, None))
        .unwrap();
    let zoned = DataType::Datetime(
        TimeUnit::Microseconds,
        polars::prelude::TimeZone::opt_try_new(Some("Asia/Shanghai")).unwrap(),
    );
    let instants = Series::new("ts".into(), seconds.map(|s| s * 1_000_000)).cast(&zoned).unwrap();
    for (ts, zone) in [
        (&milliseconds, Some("Asia/Shanghai")),
        (&text, Some("Asia/Shanghai")),
        (&clock, Some("+08:00")),
        (&instants, None),
        (&instants, Some("+08:00")),
    ] {
        let table = read_bytes(&file(ts), zone).unwrap();
        assert_eq!(table.ts, seconds.map(|s| s * 1_000_000_000), "{ts:?}");
        assert_eq!(table.offset_seconds, [28_800; 3], "{ts:?}");
        assert_eq!(
            (table.close, table.volume),
            (vec![11.0, 12.0, 13.0], Some(vec![5.0, 6.0, 7.0]))
        );
    }
    assert!(
        read_bytes(&file(&clock), None)
            .unwrap_err()
            .to_string()
            .contains("has no offset from UTC; set zone")
    );
}

#[test]
fn days_are_midnights_and_nulls_are_named() {
    let days =
        Series::new("ts".into(), [19_851_i32, 19_852, 19_853]).cast(&DataType::Date).unwrap();
    let table = read_bytes(&file(&days), None).unwrap();
    assert_eq!((table.ts[0], table.assumed.len()), (19_851 * 86_400 * 1_000_000_000, 1));
    let nulls = Series::new("ts".into(), [Some(SECONDS), None, Some(SECONDS + 120)]);
    assert!(
        read_bytes(&file(&nulls), None)
            .unwrap_err()
            .to_string()
            .ends_with("row 2, column 'ts': is null")
    );
    let numbers = Series::new("ts".into(), [1.5, 2.5, 3.5]);
    assert!(
        read_bytes(&file(&numbers), None)
            .unwrap_err()
            .to_string()
            .contains("row 1, column 'ts': '1.500000' is not a timestamp")
    );
}

#[test]
fn a_file_that_lost_bytes_in_the_middle_is_an_error_and_no_panic() {
    let whole = file(&Series::new("ts".into(), [SECONDS, SECONDS + 60, SECONDS + 120]));
    for lost in (1..whole.len() - 12).step_by(7) {
        let mut bytes = whole[..4].to_vec();
        bytes.extend_from_slice(&whole[4 + lost..]);
        let message = read_bytes(&bytes, None).map(|table| table.ts).unwrap_err().to_string();
        assert!(message.contains("damaged Parquet"), "{lost} bytes lost: {message}");
    }
}

#[test]
fn a_panic_inside_polars_is_a_damaged_file() {
    let found =
        guarded::<()>(Path::new("bars.parquet"), || panic!("offset + length <= self.length"));
    assert!(found.unwrap_err().to_string().starts_with("bars.parquet: is damaged Parquet"));
}
fn array<T: NativeType>(values: [T; 3]) -> Box<dyn Array> {
    PrimitiveArray::from_vec(values.to_vec()).boxed()
}

fn typed<T: NativeType>(values: [T; 3], kind: A) -> Box<dyn Array> {
    PrimitiveArray::from_vec(values.to_vec()).to(kind).boxed()
}

/// A file of these columns, as any writer of Parquet may make it.
fn arrow_file(columns: Vec<(&str, Box<dyn Array>)>) -> Vec<u8> {
    let schema: ArrowSchema = columns
        .iter()
        .map(|(name, array)| Field::new((*name).into(), array.dtype().clone(), true))
        .collect();
    let options = WriteOptions {
        statistics: StatisticsOptions::empty(),
        version: Version::V1,
        compression: CompressionOptions::Uncompressed,
        data_page_size: None,
    };
    let encodings: Vec<_> =
        columns.iter().map(|(_, array)| get_dtype_encoding(array.dtype())).collect();
    let arrays: Vec<Box<dyn Array>> = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatchT::new(3, Arc::new(schema.clone()), arrays);
    let groups =
        RowGroupIterator::try_new(std::iter::once(Ok(batch)), &schema, options, encodings.into())
            .unwrap();
    let mut writer = FileWriter::try_new(Vec::new(), schema, options).unwrap();
    for group in groups {
        writer.write(3, group.unwrap()).unwrap();
    }
    writer.end(None).unwrap();
    writer.into_inner()
}

/// Prices of doubles, but for those given.
fn with(ts: Box<dyn Array>, close: Box<dyn Array>, volume: Box<dyn Array>) -> Vec<u8> {
    let prices = || array([10.0, 11.0, 12.0]);
    arrow_file(vec![
        ("ts", ts),
        ("open", prices()),
        ("high", array([99.0; 3])),
        ("low", array([1.0; 3])),
        ("close", close),
        ("volume", volume),
    ])
}

fn epochs() -> Box<dyn Array> {
    array([SECONDS, SECONDS + 60, SECONDS + 120])
}

/// Every type that is not a number.
fn others() -> Vec<(&'static str, Box<dyn Array>)> {
    let text = || Utf8ViewArray::from_slice_values(["a", "b", "c"]).boxed();
    let list = ListArray::<i64>::new(
        A::LargeList(Box::new(Field::new("item".into(), A::Float64, true))),
        OffsetsBuffer::try_from(vec![0, 1, 2, 3]).unwrap(),
        array([1.0, 2.0, 3.0]),
        None,
    );
    let fields = vec![Field::new("x".into(), A::Float64, true)];
    let record = StructArray::new(A::Struct(fields), 3, vec![array([1.0, 2.0, 3.0])], None);
    let kind = A::Dictionary(IntegerType::UInt32, Box::new(A::Utf8View), false);
    let categories =
        DictionaryArray::<u32>::try_new(kind, PrimitiveArray::from_vec(vec![0, 1, 2]), text())
            .unwrap();
    vec![
        ("booleans", BooleanArray::from_slice([true, false, true]).boxed()),
        ("text", text()),
        ("text", categories.boxed()),
        ("bytes", BinaryViewArray::from_slice_values([b"a", b"b", b"c"]).boxed()),
        ("times of day", typed([1_i64, 2, 3], A::Time64(Unit::Microsecond))),
        ("times of day", typed([1_i32, 2, 3], A::Time32(Unit::Millisecond))),
        ("durations", typed([1_i64, 2, 3], A::Duration(Unit::Microsecond))),
        ("lists", list.boxed()),
        ("structs", record.boxed()),
        ("nothing but nulls", NullArray::new(A::Null, 3).boxed()),
    ]
}

#[test]
fn numbers_of_every_type_are_read() {
    let halves = || [1.5, 2.0, 2.5];
    let cases: Vec<(Box<dyn Array>, [f64; 3])> = vec![
        (array([1_i8, 2, 127]), [1.0, 2.0, 127.0]),
        (array([1_i16, 2, 32_767]), [1.0, 2.0, 32_767.0]),
        (array([1_i32, 2, 3]), [1.0, 2.0, 3.0]),
        (array([1_i64, 2, 3]), [1.0, 2.0, 3.0]),
        (array([1_u8, 2, 255]), [1.0, 2.0, 255.0]),
        (array([1_u16, 2, 65_535]), [1.0, 2.0, 65_535.0]),
        (array([1_u32, 2, u32::MAX]), [1.0, 2.0, 4_294_967_295.0]),
        (array([1_u64, 2, 3]), [1.0, 2.0, 3.0]),
        (array(halves().map(pf16::from)), halves()),
        (array(halves().map(|x: f64| x as f32)), halves()),
        (array(halves()), halves()),
        (typed([1_000_584_i128, 7, 120_000], A::Decimal(9, 4)), [100.0584, 0.0007, 12.0]),
        (typed([1_000_584_i128, 7, 120_000], A::Decimal(18, 4)), [100.0584, 0.0007, 12.0]),
        (typed([1_000_584_i128, 7, 120_000], A::Decimal(38, 4)), [100.0584, 0.0007, 12.0]),
    ];
    for (values, expected) in cases {
        let kind = values.dtype().clone();
        let table = read_bytes(&with(epochs(), values.clone(), values.clone()), None)
            .unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        assert_eq!(
            (&table.close[..], table.volume.as_deref()),
            (&expected[..], Some(&expected[..])),
            "{kind:?}"
        );
        let reading = NumberType::of(plain(&kind)).unwrap();
        assert!(
            numbers(&[BooleanArray::from_slice([true]).boxed()], reading).is_none(),
            "{kind:?}"
        );
    }
}

#[test]
fn what_is_no_number_is_refused_by_column_and_type() {
    for (held, values) in others() {
        let message = read_bytes(&with(epochs(), values.clone(), array([1.0; 3])), None)
            .unwrap_err()
            .to_string();
        assert!(message.contains(&format!("column 'close' holds {held}")), "{held}: {message}");
        // In a column that is not used it does no harm.
        let file = arrow_file(vec![
            ("note", values),
            ("ts", epochs()),
            ("open", array([2.0; 3])),
            ("high", array([2.0; 3])),
            ("low", array([2.0; 3])),
            ("close", array([2.0; 3])),
            ("volume", array([2.0; 3])),
        ]);
        assert_eq!(
            read_bytes(&file, None).unwrap_or_else(|error| panic!("{held}: {error}")).close,
            [2.0; 3]
        );
    }
}

#[test]
fn timestamps_of_every_type_are_read_or_refused_by_type() {
    let ns = [SECONDS, SECONDS + 60, SECONDS + 120].map(|s| s * 1_000_000_000);
    let seconds = [SECONDS, SECONDS + 60, SECONDS + 120];
    let utc = |unit| A::Timestamp(unit, Some("UTC".into()));
    let instants: Vec<Box<dyn Array>> = vec![
        array(seconds),
        array(seconds.map(|s| s as u32)),
        array(seconds.map(|s| s as f64)),
        array(seconds.map(|s| s as f64 * 1e3)),
        array(seconds.map(|s| s as f64 * 1e9)),
        typed(seconds.map(i128::from), A::Decimal(18, 0)),
        typed(seconds.map(|s| i128::from(s) * 1_000), A::Decimal(18, 3)),
        typed(seconds.map(|s| s * 1_000), utc(Unit::Millisecond)),
        typed(seconds.map(|s| s * 1_000_000), utc(Unit::Microsecond)),
        typed(seconds.map(|s| s * 1_000_000_000), utc(Unit::Nanosecond)),
        Utf8ViewArray::from_slice_values([
            "2024-05-08T01:31:00Z",
            "2024-05-08T01:32:00Z",
            "2024-05-08T01:33:00Z",
        ])
        .boxed(),
    ];
    let close = || array([1.0; 3]);
    for ts in instants {
        let kind = ts.dtype().clone();
        let table = read_bytes(&with(ts, close(), close()), None)
            .unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        assert_eq!(table.ts, ns, "{kind:?}");
    }
    // Digits of a clock, before and after a full hour.
    for ts in [
        array([2_405_080_159_i64, 2_405_080_200, 2_405_080_201]),
        array([202_405_080_159.0, 202_405_080_200.0, 202_405_080_201.0]),
    ] {
        let later = ns.map(|ns| ns + 28 * 60 * 1_000_000_000);
        assert_eq!(read_bytes(&with(ts.clone(), close(), close()), Some("UTC")).unwrap().ts, later);
        let message = read_bytes(&with(ts, close(), close()), None).unwrap_err().to_string();
        assert!(message.contains("has no offset from UTC; set zone"), "{message}");
    }
    let days = typed([19_851_i32, 19_852, 19_853], A::Date32);
    assert_eq!(
        read_bytes(&with(days, close(), close()), None).unwrap().ts[0],
        19_851 * 86_400 * 1_000_000_000
    );
    for (held, ts) in others() {
        if held == "text" {
            continue;
        }
        let message = read_bytes(&with(ts, close(), close()), None).unwrap_err().to_string();
        assert!(message.contains(&format!("column 'ts' holds {held}")), "{held}: {message}");
    }
    let message =
        read_bytes(&with(array([1.7e9_f32; 3]), close(), close()), None).unwrap_err().to_string();
    assert!(
        message
            .contains("column 'ts' holds 32-bit floats, which cannot tell an epoch to the minute"),
        "{message}"
    );
}

#[test]
fn a_volume_that_no_feature_uses_tells_duplicates_apart() {
    let doubled = || array([SECONDS, SECONDS + 60, SECONDS + 60]);
    let read = |volume: Box<dyn Array>| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bars.parquet");
        std::fs::write(&path, with(doubled(), array([1.0; 3]), volume)).unwrap();
        super::read(&path, &Columns::default(), Volume::Unused, None).unwrap().unused_volume
    };
    assert_eq!(read(array([5_i16, 6, 7])), Some(vec![5.0, 6.0, 7.0]));
    assert_eq!(read(Utf8ViewArray::from_slice_values(["a", "b", "c"]).boxed()), None);
}
