//! Bars → scaled series and windows.

use std::ops::Range;
use std::path::Path;

use lane_types::Series;

use super::bars::{Bars, Truth};
use super::clock::{self, LocalClock};
use super::columns::Volume;
use super::feature;
use super::inputs::StampForm;
use super::length::BarLength;
use super::prepared::{DataReport, Prepared, Span, Spans};
use super::problem::MarketError;
use super::report::{self, rfc3339};
use super::scaling::{Affine, Scaling};
use super::source::{self, Loaded};
use super::target::{TargetColumns, target_columns};
use super::window::{self, Bounds, Ends, WindowShape};
use evidence::records::WindowCounts;
use experiment::feature::{Family, Feature};
use experiment::{BarLabel, Columns, Data, Format, Source, TargetKind, WalkForward};

/// File → scaled series and windows.
///
/// # Errors
/// When the file is missing, is not what its settings say, or leaves a split without windows.
pub fn prepare(data: &Data) -> Result<Prepared, MarketError> {
    let Loaded { mut bars, done, zone, stamps } =
        source::load(&data.source, volume(data), BarLength::declared(data.bar_seconds), None)?;
    if let Some(rows) = data.rows {
        bars.keep_last(rows);
    }
    let prepared =
        assemble(data, bars, done).map_err(|problem| name_source(&data.source, &problem))?;
    Ok(told_of(prepared, zone, stamps))
}

/// A whole look at second 0: that every value of the file that these settings need can be used, and
/// what is unusual about its bars, each a sentence. Whether windows of some length lie in it is a
/// trial's own matter.
///
/// # Errors
/// As [`prepare`], as far as the bars alone show.
pub fn check(data: &Data) -> Result<Vec<String>, MarketError> {
    if let Source::Synthetic(_) = &data.source {
        return Ok(Vec::new());
    }
    let Loaded { mut bars, done: mut warnings, zone, .. } =
        source::load(&data.source, volume(data), BarLength::declared(data.bar_seconds), None)?;
    if let Some(rows) = data.rows {
        bars.keep_last(rows);
    }
    if zone.is_none() {
        let offset = bars.offset_seconds.iter().copied().find(|offset| *offset != 0);
        let known = clock::check_known(&data.features, offset.unwrap_or_default());
        known.map_err(|problem| name_source(&data.source, &problem))?;
    }
    warnings.extend(report::warnings(
        &bars,
        &window::runs(&bars.ts, &bars.offset_seconds, bars.bar_seconds),
    ));
    Ok(warnings)
}

/// For forecasting: every window of another file, scaled with the run's own scaling.
/// `series.target` is NaN where unknown; all windows are in `series.valid`. All bars of the file
/// are used, whatever `rows` says.
///
/// # Errors
/// As [`prepare`]; also when the file has fewer bars than a window and its warm-up need, or its
/// bars are of another length.
pub fn prepare_forecast(
    data: &Data,
    file: &Path,
    scaling: &Scaling,
) -> Result<Prepared, MarketError> {
    prepare_source(data, &forecast_source(data, file), scaling, None)
}

/// As [`prepare_forecast`], of bars that are to be read as `source` says, and are told the time by
/// `clock`: the model's own, where that is known, however they are written.
///
/// # Errors
/// As [`prepare_forecast`].
pub fn prepare_source(
    data: &Data,
    source: &Source,
    scaling: &Scaling,
    clock: Option<&LocalClock>,
) -> Result<Prepared, MarketError> {
    let Loaded { bars, done, zone, stamps } =
        source::load(source, volume(data), BarLength::of_model(data.bar_seconds), clock)?;
    let prepared = assemble_forecast(data, bars, done, scaling)
        .map_err(|problem| name_source(source, &problem))?;
    Ok(told_of(prepared, zone, stamps))
}

fn told_of(mut prepared: Prepared, zone: Option<String>, stamps: Option<StampForm>) -> Prepared {
    (prepared.report.zone, prepared.report.stamps) = (zone, stamps);
    prepared
}

/// As [`prepare_forecast`], of bars that are at hand.
///
/// # Errors
/// When they are fewer than a window and its warm-up need, or no window lies in one run of them.
pub fn prepare_bars(data: &Data, bars: Bars, scaling: &Scaling) -> Result<Prepared, MarketError> {
    assemble_forecast(data, bars, Vec::new(), scaling).map_err(MarketError::new)
}

pub(super) fn volume(data: &Data) -> Volume {
    if data.features.contains(&Feature::Volume) { Volume::Needed } else { Volume::Unused }
}

/// A run's own source with another file in it, whose name may say its format; of a synthetic one
/// only the file counts, in Kiln's own columns.
#[must_use]
pub fn forecast_source(data: &Data, file: &Path) -> Source {
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
        Source::Synthetic(_) => MarketError::new(format!("the synthetic series: {problem}")),
    }
}

/// What training and forecasting share: everything but the windows and the scaling.
struct TargetRows {
    /// Bars without a row: the warm-up of the features.
    warm_up: usize,
    /// Contiguous runs of bars.
    runs: usize,
    /// Runs of rows that windows stay in; one of all rows with `cross_gaps`.
    row_runs: Vec<Range<usize>>,
    /// Length of a bar, seconds.
    bar_seconds: u32,
    /// By row.
    target: TargetColumns,
    /// What the report can say before there are windows.
    warnings: Vec<String>,
}

fn target_rows(data: &Data, bars: &Bars, mut warnings: Vec<String>) -> Result<TargetRows, String> {
    let warm_up = data.features.iter().map(|feature| feature.warm_up()).max().unwrap_or(0);
    if bars.len() < warm_up + data.window {
        return Err(format!(
            "{} bars are fewer than the {} that a window of {} rows needs after {warm_up} rows of \
                warm-up",
            bars.len(),
            warm_up + data.window,
            data.window
        ));
    }
    let runs = window::runs(&bars.ts, &bars.offset_seconds, bars.bar_seconds);
    warnings.extend(report::warnings(bars, &runs));
    let rows = bars.len() - warm_up;
    #[expect(clippy::single_range_in_vec_init, reason = "one run over all rows is what is meant")]
    let (target_runs, row_runs) = if data.cross_gaps {
        (vec![0..bars.len()], vec![0..rows])
    } else {
        (
            runs.clone(),
            window::runs(&bars.ts[warm_up..], &bars.offset_seconds[warm_up..], bars.bar_seconds),
        )
    };
    let mut target = target_columns(&data.target, &bars.close, &target_runs);
    target.target.drain(..warm_up);
    target.persistence.drain(..warm_up);
    Ok(TargetRows {
        warm_up,
        runs: runs.len(),
        row_runs,
        bar_seconds: bars.bar_seconds,
        target,
        warnings,
    })
}

pub(super) fn assemble(data: &Data, bars: Bars, done: Vec<String>) -> Result<Prepared, String> {
    let targets = target_rows(data, &bars, done)?;
    let TargetRows { warm_up, row_runs, target, .. } = &targets;
    let bounds = Bounds::new(bars.len() - warm_up, &data.split);
    let shape = WindowShape { window: data.window, horizon: data.target.horizon, step: data.step };
    let ends = window::ends(row_runs, &bounds, shape, |row| {
        target.target[row].is_finite() && target.persistence[row].is_finite()
    });
    check_splits(data, &targets, &bounds, &ends, bars.len())?;
    let (features, columns) = matrix(&data.features, &bars, *warm_up, |_, feature, column| {
        check_defined(feature, column, &bars, *warm_up)?;
        let rows = window::rows_of(&ends.train, data.window);
        Ok(Affine::fit(data.scale.of(feature.family()), rows.map(|row| column[row]).collect()))
    })?;
    let family = match data.target.kind {
        TargetKind::Price => Family::Price,
        TargetKind::LogReturn | TargetKind::LogVolatility => Family::Indicator,
    };
    let of_training = ends.train.iter().map(|&row| target.target[row as usize]).collect();
    let scaling = Scaling { columns, target: Affine::fit(data.scale.of(family), of_training) };
    Ok(finish(bars, targets, features, scaling, ends))
}

pub(super) fn assemble_forecast(
    data: &Data,
    bars: Bars,
    done: Vec<String>,
    scaling: &Scaling,
) -> Result<Prepared, String> {
    if scaling.columns.len() != data.features.len() {
        return Err(format!(
            "{} scalers do not fit {} features",
            scaling.columns.len(),
            data.features.len()
        ));
    }
    let targets = target_rows(data, &bars, done)?;
    if data.window > 1 && targets.runs == bars.len() {
        return Err(format!(
            "no two of its bars are {} s apart, as those of the model are",
            bars.bar_seconds
        ));
    }
    let rows = bars.len() - targets.warm_up;
    let all = Bounds {
        train: 0..0,
        valid: 0..rows,
        last_train: 0..0,
        last_valid: 0..rows,
        test: rows..rows,
    };
    let shape = WindowShape { window: data.window, horizon: 0, step: 1 };
    let ends = window::ends(&targets.row_runs, &all, shape, |_| true);
    if ends.valid.is_empty() {
        let longest = longest(&targets.row_runs);
        return Err(format!(
            "no window: its longest run of contiguous bars has {longest} rows, a window {}",
            data.window
        ));
    }
    let (features, _) =
        matrix(&data.features, &bars, targets.warm_up, |place, feature, column| {
            check_defined(feature, column, &bars, targets.warm_up)?;
            Ok(scaling.columns[place])
        })?;
    Ok(finish(bars, targets, features, scaling.clone(), ends))
}

/// The scaled columns, row by row, and their scalers; `scaler` is asked with a column's place, its
/// feature and its own values.
fn matrix(
    features: &[Feature],
    bars: &Bars,
    warm_up: usize,
    scaler: impl Fn(usize, Feature, &[f64]) -> Result<Affine, String>,
) -> Result<(Vec<f32>, Vec<Affine>), String> {
    let width = features.len();
    let mut scaled = vec![0.0; (bars.len() - warm_up) * width];
    let mut scalers = Vec::with_capacity(width);
    for (place, &feature) in features.iter().enumerate() {
        let column = feature::column(feature, bars);
        let column = &column[warm_up..];
        let fitted = scaler(place, feature, column)?;
        for (row, x) in column.iter().enumerate() {
            scaled[row * width + place] = fitted.scale(*x) as f32;
        }
        scalers.push(fitted);
    }
    Ok((scaled, scalers))
}

/// Validated bars make defined features; this is what tells the user, should a formula ever fail.
fn check_defined(
    feature: Feature,
    column: &[f64],
    bars: &Bars,
    warm_up: usize,
) -> Result<(), String> {
    let Some(row) = column.iter().position(|x| !x.is_finite()) else { return Ok(()) };
    let at = rfc3339(bars.ts[warm_up + row], bars.offset_seconds[warm_up + row]);
    Err(format!("feature '{feature}' is {} at {at}", column[row]))
}

fn finish(
    bars: Bars,
    targets: TargetRows,
    features: Vec<f32>,
    scaling: Scaling,
    ends: Ends,
) -> Prepared {
    let TargetRows {
        warm_up,
        runs,
        row_runs: _,
        bar_seconds: _,
        target: TargetColumns { target, persistence },
        warnings,
    } = targets;
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
        windows: WindowCounts {
            train: ends.train.len(),
            valid: ends.valid.len(),
            test: ends.test.len(),
        },
        spans: {
            let at = |end: u32| ends_at(warm_up + end as usize);
            let span =
                |ends: &[u32]| Some(Span { first: at(*ends.first()?), last: at(*ends.last()?) });
            Spans { train: span(&ends.train), valid: span(&ends.valid), test: span(&ends.test) }
        },
        warnings,
        zone: None,
        stamps: None,
    };
    let truth =
        bars.truth.map(|Truth { mu, sigma }| Truth { mu: rows_only(mu), sigma: rows_only(sigma) });
    let (mut ts, mut offset_seconds) = (bars.ts, bars.offset_seconds);
    ts.drain(..warm_up);
    offset_seconds.drain(..warm_up);
    let Ends { train, valid, test } = ends;
    let series = Series {
        columns: scaling.columns.len(),
        features,
        target: target.iter().map(|&x| scaling.target.scale(x) as f32).collect(),
        target_unit: scaling.target.unit,
        train,
        valid,
    };
    Prepared {
        series,
        test,
        ts,
        offset_seconds,
        target,
        persistence,
        scaling,
        time_of_day,
        log_return,
        truth,
        report,
    }
}

const CROSS_GAPS: &str = "cross_gaps = true under [data] lets windows span gaps";

fn longest(runs: &[Range<usize>]) -> usize {
    runs.iter().map(ExactSizeIterator::len).max().unwrap_or(0)
}

/// Every split with a share has windows.
fn check_splits(
    data: &Data,
    targets: &TargetRows,
    bounds: &Bounds,
    ends: &Ends,
    bars: usize,
) -> Result<(), String> {
    let splits = [
        ("training", 1.0, &bounds.train, &ends.train),
        ("validation", data.split.valid, &bounds.valid, &ends.valid),
        ("test", data.split.test, &bounds.test, &ends.test),
    ];
    let Some((name, _, range, _)) =
        splits.iter().find(|(_, share, _, ends)| *share > 0.0 && ends.is_empty())
    else {
        return Ok(());
    };
    let need = data.window + data.target.horizon;
    let longest = longest(&targets.row_runs);
    let rows: usize = targets.row_runs.iter().map(ExactSizeIterator::len).sum();
    let advice = if longest < need && 2 * targets.row_runs.len() > rows {
        // A window over such gaps would be one over rows that do not follow each other.
        let seconds = targets.bar_seconds;
        format!(
            "most of them have no neighbour {seconds} s away: is that how long a bar is (bar = \
                \"{seconds}s\" under [data])?"
        )
    } else if longest < need {
        format!("shorten the window or the horizon; {CROSS_GAPS}")
    } else if range.len() < need {
        let folds = if data.split.walk_forward.is_some() { "fewer folds, " } else { "" };
        format!("use more bars, {folds}a larger share, or a smaller window, horizon or embargo")
    } else {
        "its stretches between gaps are too short, or the price never moves in them".to_owned()
    };
    let of_fold =
        data.split.walk_forward.map_or_else(String::new, |WalkForward { folds, fold, .. }| {
            format!("fold {fold} of {folds}: ")
        });
    Err(format!(
        "{of_fold}no {name} windows: {bars} bars leave {} rows after {} rows of warm-up, in {} \
            contiguous runs of at most {longest}; a window of {} rows and a horizon of {} need \
            {need} rows of one run; windows may end in {} training, {} validation and {} test rows \
            (embargo {}); {advice}",
        bars - targets.warm_up,
        targets.warm_up,
        targets.row_runs.len(),
        data.window,
        data.target.horizon,
        bounds.train.len(),
        bounds.valid.len(),
        bounds.test.len(),
        data.split.embargo,
    ))
}

#[cfg(test)]
mod tests;
