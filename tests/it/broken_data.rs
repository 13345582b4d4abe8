//! Each file of `tests/data/broken/` is broken in one way, and its message says so. A new way to be
//! broken: add a file.

use std::path::Path;

use kiln::experiment::feature::Feature;
use kiln::experiment::{
    BarLabel, Columns, Data, Format, Scale, Scaler, Source, Split, Target, TargetKind,
};
use kiln::market::{prepare, probe};

fn data(path: &Path) -> Data {
    let name = path.to_string_lossy();
    Data {
        source: Source::File {
            path: path.to_owned(),
            format: if name.ends_with(".parquet") { Format::Parquet } else { Format::Csv },
            columns: Columns::default(),
            zone: name.contains("skipped_hour").then(|| "America/New_York".to_owned()),
            bar_label: BarLabel::Start,
        },
        rows: None,
        bar_seconds: None,
        features: vec![Feature::Close, Feature::Volume],
        target: Target { horizon: 1, kind: TargetKind::Price },
        window: 4,
        step: 1,
        cross_gaps: false,
        split: Split { valid: 0.2, test: 0.1, embargo: 5, walk_forward: None },
        scale: Scale { price: Scaler::MinMax, volume: Scaler::MinMax, indicator: Scaler::Standard },
    }
}

fn message(path: &str) -> String {
    let data = data(Path::new(path));
    let message = match prepare(&data) {
        Ok(prepared) => panic!("{path} was taken: {:?}", prepared.report),
        Err(error) => error.to_string(),
    };
    // What the cheap look finds must be what the long look would have found.
    let early = match probe(&data.source) {
        Ok(()) => "passes",
        Err(error) if error.to_string() == message => "finds it",
        Err(error) => return format!("{message}\nprobe: {error}"),
    };
    format!("{message}\nprobe {early}")
}

#[test]
fn every_broken_file_is_refused_with_what_is_wrong_and_what_to_do() {
    let mut names: Vec<String> = std::fs::read_dir("tests/data/broken")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() >= 25);
    for name in names {
        insta::assert_snapshot!(name.clone(), message(&format!("tests/data/broken/{name}")));
    }
}

#[test]
fn what_is_no_file_is_refused_with_a_hint() {
    insta::assert_snapshot!("missing", message("tests/data/broken/not_a_nmber.csv"));
    insta::assert_snapshot!("missing_folder", message("tests/data/nowhere/bars.csv"));
    insta::assert_snapshot!("folder", message("tests/data/broken"));
}

#[test]
fn a_zone_that_is_none_is_refused() {
    let mut data = data(Path::new("tests/data/broken/naive_timestamps.csv"));
    let Source::File { zone, .. } = &mut data.source else { unreachable!() };
    *zone = Some("Asia/Shangai".to_owned());
    insta::assert_snapshot!(
        "unknown_zone",
        prepare(&data).map(|prepared| prepared.report).unwrap_err()
    );
}
