//! The producer from file to series, on the sample that ships with Kiln.

use std::path::Path;

use kiln::experiment::{
    BarLabel, Columns, Data, Format, Scale, Scaler, Source, Split, Target, TargetKind,
};
use kiln::market::{Prepared, fingerprint, prepare, prepare_forecast, probe};
use kiln::store::WindowCounts;

const SAMPLE: &str = "experiments/data/if_1m.csv.gz";

fn data(path: &Path, bar_label: BarLabel) -> Data {
    let (columns, zone) = (Columns::default(), None);
    Data {
        source: Source::File {
            path: path.to_owned(),
            format: Format::Csv,
            columns,
            zone,
            bar_label,
        },
        rows: Some(6000),
        bar_seconds: None,
        features: ["close", "volume", "sma_20", "rsi_14", "macd"]
            .map(|name| name.parse().unwrap())
            .to_vec(),
        target: Target { horizon: 1, kind: TargetKind::Price },
        window: 60,
        step: 1,
        cross_gaps: false,
        split: Split { valid: 0.2, test: 0.1, embargo: 61, walk_forward: None },
        scale: Scale { price: Scaler::MinMax, volume: Scaler::MinMax, indicator: Scaler::Standard },
    }
}

fn same(one: &Prepared, other: &Prepared) {
    let bits = |prepared: &Prepared| {
        prepared.series.features.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
    };
    assert!(bits(one) == bits(other), "the features differ");
    assert_eq!(
        (&one.ts, &one.scaling, &one.series.train, &one.test),
        (&other.ts, &other.scaling, &other.series.train, &other.test)
    );
}

/// Rows of a file in Kiln's own columns.
fn rows() -> Vec<String> {
    let row = |minute: usize| {
        let price = 3000.0 + (minute as f64 * 0.37).sin() * 5.0 + minute as f64 * 0.01;
        let at = jiff::Timestamp::from_second(1_715_131_860 + 60 * minute as i64).unwrap();
        format!(
            "{at},{price:.1},{:.1},{:.1},{price:.1},{}",
            price + 1.0,
            price - 1.0,
            100 + minute % 7
        )
    };
    (0..700).map(row).collect()
}

#[test]
fn the_sample_is_understood() {
    let data = data(Path::new(SAMPLE), BarLabel::End);
    probe(&data.source).unwrap();
    let prepared = prepare(&data).unwrap();
    let report = &prepared.report;
    assert_eq!((report.bars, report.bar_seconds, report.runs), (6000, 60, 50));
    assert_eq!(
        (&report.first[..], &report.last[..]),
        ("2024-08-22T09:30:00+08:00", "2024-09-27T14:59:00+08:00")
    );
    assert_eq!(report.windows, WindowCounts { train: 2017, valid: 543, test: 300 });
    assert_eq!(prepared.series.rows(), 6000 - 33);
    assert_eq!(fingerprint(&data.source).unwrap().len(), 64);
}

#[test]
fn a_forecast_on_the_same_file_sees_the_same_features() {
    let data = Data { rows: None, ..data(Path::new(SAMPLE), BarLabel::End) };
    let trained = prepare(&data).unwrap();
    let forecast = prepare_forecast(&data, Path::new(SAMPLE), &trained.scaling).unwrap();
    assert!(forecast.series.features == trained.series.features, "the features differ");
    assert!(forecast.series.train.is_empty() && forecast.test.is_empty());
    for row in trained.series.train.iter().chain(&trained.series.valid).chain(&trained.test) {
        assert!(forecast.series.valid.binary_search(row).is_ok(), "no forecast at row {row}");
    }
}

#[test]
fn the_order_of_the_rows_changes_nothing_but_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, rows: &[String]| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("ts,open,high,low,close,volume\n{}\n", rows.join("\n")))
            .unwrap();
        prepare(&data(&path, BarLabel::Start)).unwrap()
    };
    let rows = rows();
    let known = write("plain.csv", &rows);
    let mut other = rows.clone();
    other.reverse();
    let descending = write("descending.csv", &other);
    same(&known, &descending);
    assert_eq!(descending.report, known.report);
    other.rotate_left(200);
    other.push(rows[17].clone());
    let shuffled = write("shuffled.csv", &other);
    same(&known, &shuffled);
    assert_eq!(
        shuffled.report.warnings.len(),
        known.report.warnings.len() + 2,
        "{:?}",
        shuffled.report.warnings
    );
}
