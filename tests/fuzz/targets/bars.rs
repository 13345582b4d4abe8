//! Bars, as files.

use std::path::Path;
use std::sync::LazyLock;

use kiln::experiment::{BarLabel, Columns, Data, Experiment, Format, Source};
use kiln::market::{prepare, probe};

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

static DATA: LazyLock<Data> = LazyLock::new(|| {
    let text = r#"
        data.synthetic = { bars = 600 }
        data.window = 4
        data.features = ["close", "volume", "sma_5", "rsi_14", "macd"]
    "#;
    Experiment::parse(Path::new("fuzz.toml"), text, &[]).unwrap().base.data
});

fn read(name: &str, format: Format, bytes: &[u8]) -> Result<(), String> {
    let path = FOLDER.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    for zone in [None, Some("Asia/Shanghai".to_owned())] {
        let source = Source::File {
            path: path.clone(),
            format,
            columns: Columns::default(),
            zone,
            bar_label: BarLabel::Start,
        };
        let data = Data { source, ..DATA.clone() };
        let probed = probe(&data.source);
        let prepared = prepare(&data);
        if let (Err(problem), Ok(_)) = (probed, prepared) {
            return Err(format!("what was read had been refused at first sight: {problem}"));
        }
    }
    Ok(())
}

pub(super) fn csv(bytes: &[u8]) -> Result<(), String> {
    read("bars.csv", Format::Csv, bytes)
}

pub(super) fn gz(bytes: &[u8]) -> Result<(), String> {
    read("bars.csv.gz", Format::Csv, bytes)
}

pub(super) fn parquet(bytes: &[u8]) -> Result<(), String> {
    read("bars.parquet", Format::Parquet, bytes)
}
