//! A small prepared series for the baselines' tests.

use std::path::PathBuf;

use lane_types::Series;
use rand_chacha::rand_core::Rng;

use crate::{Affine, DataReport, Prepared, Scaling};
use experiment::feature::Feature;
use experiment::seed;
use experiment::{
    BarLabel, Columns, Data, Format, Scale, Scaler, Source, Split, Target, TargetKind,
};

/// Uniform on (−1, 1).
pub(super) fn uniforms(count: usize, index: u64) -> Vec<f64> {
    let mut stream = seed::generator(1, "baseline tests", index);
    (0..count).map(|_| (stream.next_u64() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0).collect()
}

/// One-minute rows of random features, targets and returns; the first half are training windows'
/// ends.
pub(super) fn prepared(rows: usize, columns: usize) -> Prepared {
    let unit = Affine { offset: 0.0, unit: 1.0 };
    Prepared {
        series: Series {
            features: uniforms(rows * columns, 0).iter().map(|x| *x as f32).collect(),
            columns,
            target: vec![0.0; rows],
            target_unit: 1.0,
            train: (5..rows as u32 / 2).collect(),
            valid: (rows as u32 / 2..rows as u32).collect(),
        },
        test: Vec::new(),
        ts: (0..rows as i64).map(|t| t * 60_000_000_000).collect(),
        offset_seconds: vec![0; rows],
        target: uniforms(rows, 1),
        persistence: uniforms(rows, 2),
        scaling: Scaling { columns: vec![unit; columns], target: unit },
        time_of_day: (0..rows).map(|t| (t % 1440) as f64 / 1440.0).collect(),
        log_return: uniforms(rows, 3).iter().map(|x| x * 1e-3).collect(),
        truth: None,
        report: DataReport { bars: rows, bar_seconds: 60, ..DataReport::default() },
    }
}

/// `[data]` of these; only the target, the window and the gaps matter here.
pub(super) fn settings(kind: TargetKind, window: usize) -> Data {
    Data {
        source: Source::File {
            path: PathBuf::new(),
            format: Format::Csv,
            columns: Columns::default(),
            zone: None,
            bar_label: BarLabel::Start,
        },
        rows: None,
        bar_seconds: None,
        features: vec![Feature::Close],
        target: Target { horizon: 1, kind },
        window,
        step: 1,
        cross_gaps: false,
        split: Split { valid: 0.2, test: 0.1, embargo: 10, walk_forward: None },
        scale: Scale { price: Scaler::MinMax, volume: Scaler::MinMax, indicator: Scaler::Standard },
    }
}
