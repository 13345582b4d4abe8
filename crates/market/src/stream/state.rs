//! A feature, updated bar by bar.

use super::average::{Ema, Sma};
use super::indicator::{LogReturn, Macd, MacdLines, RealizedVol, Rsi};
use super::range::{Atr, time_of_day};
use crate::Bar;
use experiment::feature::Feature;

/// What a feature remembers of the bars so far: constant work a bar, memory for as many bars as it
/// looks back.
///
/// ```
/// use market::{Bar, FeatureState};
///
/// let bar = |minute: i64, close: f64| Bar {
///     ts: minute * 60_000_000_000,
///     offset_seconds: 0,
///     open: close,
///     high: close + 0.5,
///     low: close - 0.5,
///     close,
///     volume: 10.0,
/// };
/// let mut average = FeatureState::new("sma_3".parse()?, 60);
/// let closes = [1.0, 2.0, 6.0, 4.0];
/// let bars = (0..).zip(closes).map(|(minute, close)| bar(minute, close));
/// let values: Vec<Option<f64>> = bars.map(|bar| average.push(&bar)).collect();
/// assert_eq!(values, [None, None, Some(3.0), Some(4.0)]);
/// # Ok::<(), experiment::feature::UnknownFeature>(())
/// ```
#[derive(Clone, Debug)]
pub struct FeatureState {
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Open,
    High,
    Low,
    Close,
    Volume,
    LogReturn(LogReturn),
    Sma(Sma),
    Ema(Ema),
    Rsi(Rsi),
    Macd(Macd),
    MacdSignal(Macd),
    MacdHist(Macd),
    Atr(Atr),
    RealizedVol(RealizedVol),
    TimeOfDay { bar_seconds: u32 },
}

impl FeatureState {
    /// Before the first bar; bars are `bar_seconds` long.
    #[must_use]
    pub fn new(feature: Feature, bar_seconds: u32) -> Self {
        let state = match feature {
            Feature::Open => State::Open,
            Feature::High => State::High,
            Feature::Low => State::Low,
            Feature::Close => State::Close,
            Feature::Volume => State::Volume,
            Feature::LogReturn => State::LogReturn(LogReturn::default()),
            Feature::Sma { n } => State::Sma(Sma::new(n)),
            Feature::Ema { n } => State::Ema(Ema::new(n, 0)),
            Feature::Rsi { n } => State::Rsi(Rsi::new(n)),
            Feature::Macd(macd) => State::Macd(Macd::new(macd)),
            Feature::MacdSignal(macd) => State::MacdSignal(Macd::new(macd)),
            Feature::MacdHist(macd) => State::MacdHist(Macd::new(macd)),
            Feature::Atr { n } => State::Atr(Atr::new(n)),
            Feature::RealizedVol { n } => State::RealizedVol(RealizedVol::new(n)),
            Feature::TimeOfDay => State::TimeOfDay { bar_seconds },
        };
        Self { state }
    }

    /// The feature at the next bar; `None` in the first [`Feature::warm_up`] bars. Bars come in
    /// time order; a gap is a bar like any other.
    pub fn push(&mut self, bar: &Bar) -> Option<f64> {
        match &mut self.state {
            State::Open => Some(bar.open),
            State::High => Some(bar.high),
            State::Low => Some(bar.low),
            State::Close => Some(bar.close),
            State::Volume => Some(bar.volume),
            State::LogReturn(state) => state.push(bar.close),
            State::Sma(state) => state.push(bar.close),
            State::Ema(state) => state.push(bar.close),
            State::Rsi(state) => state.push(bar.close),
            State::Macd(state) => state.push(bar.close).map(|MacdLines { line, .. }| line),
            State::MacdSignal(state) => {
                state.push(bar.close).map(|MacdLines { signal, .. }| signal)
            }
            State::MacdHist(state) => {
                state.push(bar.close).map(|MacdLines { line, signal }| line - signal)
            }
            State::Atr(state) => state.push(bar),
            State::RealizedVol(state) => state.push(bar.close),
            State::TimeOfDay { bar_seconds } => Some(time_of_day(bar, *bar_seconds)),
        }
    }
}
