//! Bars → scaled series and windows.

use std::ops::Range;
use std::path::Path;

use burn_lanes::Series;

use super::bars::{Bars, Truth};
use super::columns::Volume;
use super::feature;
use super::prepared::{DataReport, Prepared};
use super::problem::MarketError;
use super::report::{self, rfc3339};
use super::scaling::{Affine, Scaling};
use super::source;
use super::target::{TargetColumns, target_columns};
use super::window::{self, Bounds, Ends, WindowShape};
use crate::spec::feature::{Family, Feature};
use crate::spec::{BarLabel, Columns, Data, Format, Source, TargetKind};
use crate::store::WindowCounts;

/// File → scaled series and windows.
///
/// # Errors
/// When the file is missing, is not what its settings say, or leaves a split without windows.
pub fn prepare(data: &Data) -> Result<Prepared, MarketError> {
    let (mut bars, done) = source::load(&data.source, volume(data), data.bar_seconds)?;
    if let Some(rows) = data.rows {
        bars.keep_last(rows);
    }
    assemble(data, bars, done).map_err(|problem| name_source(&data.source, &problem))
}

/// For forecasting: every window of another file, scaled with the run's own scaling. `series.target` is NaN where unknown; all
/// windows are in `series.valid`. All bars of the file are used, whatever `rows` says.
///
/// # Errors
/// As [`prepare`]; also when the file has fewer bars than a window and its warm-up need.
pub fn prepare_forecast(data: &Data, file: &Path, scaling: &Scaling) -> Result<Prepared, MarketError> {
    let source = source_of(data, file);
    let (bars, done) = source::load(&source, volume(data), data.bar_seconds)?;
    assemble_forecast(data, bars, done, scaling).map_err(|problem| name_source(&source, &problem))
}

fn volume(data: &Data) -> Volume {
    if data.features.contains(&Feature::Volume) { Volume::Needed } else { Volume::Unused }
}

/// The run's own source with another file in it; of a synthetic one only the file counts, in Kiln's own columns.
fn source_of(data: &Data, file: &Path) -> Source {
    let named = match file.extension().and_then(|extension| extension.to_str()) {
        Some("parquet" | "pq") => Some(Format::Parquet),
        Some("csv" | "txt" | "gz") => Some(Format::Csv),
        _ => None,
    };
    match &data.source {
        Source::File { path: _, format, columns, zone, bar_label } => Source::File {
            path: file.to_owned(),
            format: named.unwrap_or(*format),
            columns: columns.clone(),
            zone: zone.clone(),
            bar_label: *bar_label,
        },
        Source::Synthetic(_) => Source::File {
            path: file.to_owned(),
            format: named.unwrap_or(Format::Csv),
            columns: Columns::default(),
            zone: None,
            bar_label: BarLabel::Start,
        },
    }
}

fn name_source(source: &Source, problem: &str) -> MarketError {
    match source {
        Source::File { path, .. } => MarketError::of(path, problem),
        Source::Synthetic(_) => MarketError(format!("the synthetic series: {problem}")),
    }
}

/// What training and forecasting share: everything but the windows and the scaling.
struct Ground {
    /// Bars without a row: the warm-up of the features.
    warm_up: usize,
    /// Contiguous runs of bars.
    runs: usize,
    /// Runs of rows that windows stay in; one of all rows with `cross_gaps`.
    row_runs: Vec<Range<usize>>,
    /// By row.
    target: TargetColumns,
    /// What the report can say before there are windows.
    odd: Vec<String>,
}

fn ground(data: &Data, bars: &Bars, mut odd: Vec<String>) -> Result<Ground, String> {
    let warm_up = data.features.iter().map(|feature| feature.warm_up()).max().unwrap_or(0);
    if bars.len() < warm_up + data.window {
        return Err(format!(
            "{} bars are fewer than the {} that a window of {} rows needs after {warm_up} rows of warm-up",
            bars.len(),
            warm_up + data.window,
            data.window
        ));
    }
    let runs = window::runs(&bars.ts, bars.bar_seconds);
    odd.extend(report::odd(bars, &runs));
    let rows = bars.len() - warm_up;
    let (target_runs, row_runs) = if data.cross_gaps {
        (vec![0..bars.len()], vec![0..rows])
    } else {
        (runs.clone(), window::runs(&bars.ts[warm_up..], bars.bar_seconds))
    };
    let mut target = target_columns(&data.target, &bars.close, &target_runs);
    target.target.drain(..warm_up);
    target.persistence.drain(..warm_up);
    Ok(Ground { warm_up, runs: runs.len(), row_runs, target, odd })
}

fn assemble(data: &Data, bars: Bars, done: Vec<String>) -> Result<Prepared, String> {
    let ground = ground(data, &bars, done)?;
    let Ground { warm_up, row_runs, target, .. } = &ground;
    let bounds = Bounds::new(bars.len() - warm_up, &data.split);
    let shape = WindowShape { window: data.window, horizon: data.target.horizon, step: data.step };
    let ends = window::ends(row_runs, &bounds, shape, |row| target.target[row].is_finite() && target.persistence[row].is_finite());
    check_splits(data, &ground, &bounds, &ends, bars.len())?;
    let scale = |feature: Feature, column: &[f64]| {
        let rows = window::rows_of(&ends.train, data.window);
        Affine::fit(data.scale.of(feature.family()), rows.map(|row| column[row]).collect())
    };
    let (features, columns) = matrix(&data.features, &bars, *warm_up, |_, feature, column| scale(feature, column))?;
    let family = match data.target.kind {
        TargetKind::Price => Family::Price,
        TargetKind::LogReturn | TargetKind::LogVolatility => Family::Indicator,
    };
    let targets = ends.train.iter().map(|&row| target.target[row as usize]).collect();
    let scaling = Scaling { columns, target: Affine::fit(data.scale.of(family), targets) };
    Ok(finish(bars, ground, features, scaling, ends))
}

fn assemble_forecast(data: &Data, bars: Bars, done: Vec<String>, scaling: &Scaling) -> Result<Prepared, String> {
    if scaling.columns.len() != data.features.len() {
        return Err(format!("{} scalers do not fit {} features", scaling.columns.len(), data.features.len()));
    }
    let ground = ground(data, &bars, done)?;
    let rows = bars.len() - ground.warm_up;
    let all = Bounds { train: 0..0, valid: 0..rows, test: rows..rows };
    let shape = WindowShape { window: data.window, horizon: 0, step: 1 };
    let ends = window::ends(&ground.row_runs, &all, shape, |_| true);
    if ends.valid.is_empty() {
        let longest = longest(&ground.row_runs);
        return Err(format!(
            "no window: its longest run of contiguous bars has {longest} rows, a window {}; {CROSS_GAPS}",
            data.window
        ));
    }
    let (features, _) = matrix(&data.features, &bars, ground.warm_up, |place, _, _| scaling.columns[place])?;
    Ok(finish(bars, ground, features, scaling.clone(), ends))
}

/// The scaled columns, row by row, and their scalers; `scaler` is asked with a column's place, its feature and its own values.
fn matrix(
    features: &[Feature],
    bars: &Bars,
    warm_up: usize,
    scaler: impl Fn(usize, Feature, &[f64]) -> Affine,
) -> Result<(Vec<f32>, Vec<Affine>), String> {
    let width = features.len();
    let mut scaled = vec![0.0; (bars.len() - warm_up) * width];
    let mut scalers = Vec::with_capacity(width);
    for (place, &feature) in features.iter().enumerate() {
        let column = feature::column(feature, bars);
        let column = &column[warm_up..];
        if let Some(row) = column.iter().position(|x| !x.is_finite()) {
            let at = rfc3339(bars.ts[warm_up + row], bars.offset_seconds[warm_up + row]);
            return Err(format!("feature '{feature}' is {} at {at}", column[row]));
        }
        let fitted = scaler(place, feature, column);
        for (row, x) in column.iter().enumerate() {
            scaled[row * width + place] = fitted.scale(*x) as f32;
        }
        scalers.push(fitted);
    }
    Ok((scaled, scalers))
}

fn finish(bars: Bars, ground: Ground, features: Vec<f32>, scaling: Scaling, ends: Ends) -> Prepared {
    let Ground { warm_up, runs, row_runs: _, target: TargetColumns { target, persistence }, odd } = ground;
    let rows_only = |mut column: Vec<f64>| {
        column.drain(..warm_up);
        column
    };
    let time_of_day = rows_only(feature::column(Feature::TimeOfDay, &bars));
    let log_return = rows_only(feature::column(Feature::LogReturn, &bars));
    let ends_at = |row: usize| rfc3339(bars.ts[row], bars.offset_seconds[row]);
    let report = DataReport {
        bars: bars.len(),
        first: ends_at(0),
        last: ends_at(bars.len() - 1),
        bar_seconds: bars.bar_seconds,
        runs,
        windows: WindowCounts { train: ends.train.len(), valid: ends.valid.len(), test: ends.test.len() },
        odd,
    };
    let truth = bars.truth.map(|Truth { mu, sigma }| Truth { mu: rows_only(mu), sigma: rows_only(sigma) });
    let mut ts = bars.ts;
    ts.drain(..warm_up);
    let Ends { train, valid, test } = ends;
    let series = Series {
        columns: scaling.columns.len(),
        features,
        target: target.iter().map(|&x| scaling.target.scale(x) as f32).collect(),
        target_unit: scaling.target.unit,
        train,
        valid,
    };
    Prepared { series, test, ts, target, persistence, scaling, time_of_day, log_return, truth, report }
}

const CROSS_GAPS: &str = "cross_gaps = true under [data] lets windows span gaps";

fn longest(runs: &[Range<usize>]) -> usize {
    runs.iter().map(ExactSizeIterator::len).max().unwrap_or(0)
}

/// Every split with a share has windows.
fn check_splits(data: &Data, ground: &Ground, bounds: &Bounds, ends: &Ends, bars: usize) -> Result<(), String> {
    let splits = [
        ("training", 1.0, &bounds.train, &ends.train),
        ("validation", data.split.valid, &bounds.valid, &ends.valid),
        ("test", data.split.test, &bounds.test, &ends.test),
    ];
    let Some((name, _, range, _)) = splits.iter().find(|(_, share, _, ends)| *share > 0.0 && ends.is_empty()) else {
        return Ok(());
    };
    let need = data.window + data.target.horizon;
    let longest = longest(&ground.row_runs);
    let advice = if longest < need {
        format!("shorten the window or the horizon; {CROSS_GAPS}")
    } else if range.len() < need {
        "use more bars, a larger share, or a smaller window, horizon or embargo".to_owned()
    } else {
        "its stretches between gaps are too short, or the price never moves in them".to_owned()
    };
    Err(format!(
        "no {name} windows: {bars} bars leave {} rows after {} rows of warm-up, in {} contiguous runs of at most {longest}; a window of \
         {} rows and a horizon of {} need {need} rows of one run; windows may end in {} training, {} validation and {} test rows \
         (embargo {}); {advice}",
        bars - ground.warm_up,
        ground.warm_up,
        ground.row_runs.len(),
        data.window,
        data.target.horizon,
        bounds.train.len(),
        bounds.valid.len(),
        bounds.test.len(),
        data.split.embargo,
    ))
}
