//! Bars one at a time → the scaled window after each.

use super::persistence::Persistence;
use super::state::FeatureState;
use crate::clean::wrong_values;
use crate::report::rfc3339;
use crate::step::Step;
use crate::{Affine, Bar, MarketError, Scaling};
use experiment::Data;
use experiment::feature::Feature;

/// The windows of bars that come one at a time: after each bar what
/// [`super::super::prepare_forecast`] gives of all bars so far, bit for bit. A bar costs the work
/// of its features (and of a volatility target's horizon); memory is a window, and as many bars as
/// the features look back.
///
/// Bars come in time order, each once: [`Self::push`] refuses what a file could still be sorted
/// for. Features look back across gaps, windows do not unless the data says `cross_gaps`.
///
/// ```
/// use market::{self, WindowStream};
/// use experiment::Experiment;
///
/// let toml = r#"
///     name = "example"
///     [data]
///     synthetic = { bars = 1000, session = 240 }
///     features = ["close", "atr_14"]
///     window = 30
/// "#;
/// let data = Experiment::parse("example.toml".as_ref(), toml, &[]).unwrap().base.data;
/// let trained = market::prepare(&data)?;
/// let (bars, _) = market::bars(&data)?;
///
/// let mut stream = WindowStream::new(&data, &trained.scaling, bars.bar_seconds)?;
/// let mut windows = 0;
/// for row in 0..bars.len() {
///     if let Some(window) = stream.push(&bars.bar(row))? {
///         assert_eq!((window.ts, window.features.len()), (bars.ts[row], 30 * 2));
///         windows += 1;
///     }
/// }
/// // The first session loses 14 rows of warm-up, each of the five 29 rows before its first window.
/// assert_eq!(windows, 1000 - 14 - 5 * 29);
/// # Ok::<(), market::MarketError>(())
/// ```
#[derive(Clone, Debug)]
pub struct WindowStream {
    columns: Vec<Column>,
    persistence: Persistence,
    /// Bars until every feature is defined.
    warm_up: usize,
    /// Rows in a window.
    window: usize,
    /// The distance of two bars without a gap.
    step: Step,
    cross_gaps: bool,
    volume_counts: bool,
    last: Option<Bar>,
    /// Whether two bars were as far apart as they should be.
    in_step: bool,
    /// Rows of this stretch in `rows`, at most a window's.
    filled: usize,
    /// The last rows, each twice, a window apart: so the last window lies in one piece, wherever it
    /// begins.
    rows: Vec<f32>,
    /// Where the next row goes.
    next: usize,
}

#[derive(Clone, Debug)]
struct Column {
    feature: Feature,
    state: FeatureState,
    scaler: Affine,
}

/// A window that ends with the bar that was pushed last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StreamedWindow<'a> {
    /// Start of its last bar, nanoseconds since 1970 UTC.
    pub ts: i64,
    /// Scaled features `[window, features]`, row by row, oldest first.
    pub features: &'a [f32],
    /// What persistence says, in the target's unit; NaN where it is undefined.
    pub persistence: f64,
}

impl WindowStream {
    /// For the data that a model was trained on, its scaling, and the length of its bars in
    /// seconds.
    ///
    /// # Errors
    /// When the scaling does not fit the features, or bars have no length.
    pub fn new(data: &Data, scaling: &Scaling, bar_seconds: u32) -> Result<Self, MarketError> {
        let Scaling { columns: scalers, target: _ } = scaling;
        if scalers.len() != data.features.len() {
            return Err(MarketError::new(format!(
                "{} scalers do not fit {} features",
                scalers.len(),
                data.features.len()
            )));
        }
        if bar_seconds == 0 || data.window == 0 {
            return Err(MarketError::new(format!(
                "bars of {bar_seconds} s and windows of {} rows are no windows",
                data.window
            )));
        }
        let column = |(&feature, &scaler): (&Feature, &Affine)| {
            let state = FeatureState::new(feature, bar_seconds);
            Column { feature, state, scaler }
        };
        Ok(Self {
            columns: data.features.iter().zip(scalers).map(column).collect(),
            persistence: Persistence::new(&data.target),
            warm_up: data.features.iter().map(|feature| feature.warm_up()).max().unwrap_or(0),
            window: data.window,
            step: Step::of_seconds(bar_seconds),
            cross_gaps: data.cross_gaps,
            volume_counts: data.features.contains(&Feature::Volume),
            last: None,
            in_step: false,
            filled: 0,
            rows: vec![0.0; 2 * data.window * data.features.len()],
            next: 0,
        })
    }

    /// Takes the next bar; the window that ends with it, when there is one: not before the features
    /// are warm, and before a window's rows have come since the last gap.
    ///
    /// # Errors
    /// When the bar does not come after the one before it, or its values are none of a bar: it is
    /// left out then, and the next one may come. When a feature is not a number, or no two bars so
    /// far are as far apart as the model's: the stream has no use any more then.
    pub fn push(&mut self, bar: &Bar) -> Result<Option<StreamedWindow<'_>>, MarketError> {
        self.check(bar).map_err(MarketError::new)?;
        let at = |bar: &Bar| (bar.ts, bar.offset_seconds);
        let gap = self.last.is_some_and(|last| !self.step.follows(at(&last), at(bar)));
        if gap && !self.cross_gaps {
            self.filled = 0;
            self.persistence.restart();
        }
        self.in_step |= self.last.is_some() && !gap;
        self.last = Some(*bar);
        self.persistence.push(bar.close);
        let width = self.columns.len();
        let (row, twin) = (self.next * width, (self.next + self.window) * width);
        for (place, Column { feature, state, scaler }) in self.columns.iter_mut().enumerate() {
            let value = state.push(bar);
            if self.warm_up > 0 {
                continue;
            }
            let value = value.unwrap_or(f64::NAN);
            if !value.is_finite() {
                let at = rfc3339(bar.ts, bar.offset_seconds);
                return Err(MarketError::new(format!("feature '{feature}' is {value} at {at}")));
            }
            let scaled = scaler.scale(value) as f32;
            self.rows[row + place] = scaled;
            self.rows[twin + place] = scaled;
        }
        if self.warm_up > 0 {
            self.warm_up -= 1;
            return Ok(None);
        }
        self.next = if self.next + 1 == self.window { 0 } else { self.next + 1 };
        self.filled = (self.filled + 1).min(self.window);
        if self.filled < self.window {
            return Ok(None);
        }
        if self.window > 1 && !self.in_step {
            let seconds = self.step.ns() / 1_000_000_000;
            return Err(MarketError::new(format!(
                "no two bars so far are {seconds} s apart, as those of the model are"
            )));
        }
        // The oldest row is where the next one goes.
        let features = &self.rows[self.next * width..(self.next + self.window) * width];
        Ok(Some(StreamedWindow {
            ts: bar.ts,
            features,
            persistence: self.persistence.value(bar.close),
        }))
    }

    fn check(&self, bar: &Bar) -> Result<(), String> {
        let Bar { ts, offset_seconds, open, high, low, close, volume } = *bar;
        if let Some(last) = self.last.filter(|last| ts <= last.ts) {
            let at = rfc3339(ts, offset_seconds);
            return Err(if ts == last.ts {
                format!("a second bar of {at}; bars come one at a time, each once")
            } else {
                format!(
                    "the bar of {at} comes after that of {}; bars come in time order",
                    rfc3339(last.ts, last.offset_seconds)
                )
            });
        }
        let problems = wrong_values([open, high, low, close], self.volume_counts.then_some(volume));
        let problems: Vec<String> = problems.map(|problem| problem.to_string()).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
    }
}
