//! Indicators of the closes, one value a bar.
//!
//! They follow TA-Lib 0.8 to 1e-9: an EMA is seeded with the mean of its first `n` values; the RSI
//! smooths as Wilder did and is 0 where nothing moved; in a MACD the fast EMA is seeded with the
//! mean of the `fast` closes that end where the slow EMA's seed ends, and all three lines start
//! together.

use super::average::{Ema, Last, RunningSum, Wilder};
use experiment::feature;

/// ln(close / close one bar before).
#[derive(Clone, Debug, Default)]
pub(super) struct LogReturn {
    before: Option<f64>,
}

impl LogReturn {
    pub(super) fn push(&mut self, close: f64) -> Option<f64> {
        self.before.replace(close).map(|before| (close / before).ln())
    }
}

/// Wilder's relative strength index (1978), 0..100: the average gain's share of average gain plus
/// average loss; 0 where nothing moved.
#[derive(Clone, Debug)]
pub(super) struct Rsi {
    before: Option<f64>,
    gain: Wilder,
    loss: Wilder,
}

impl Rsi {
    pub(super) fn new(n: usize) -> Self {
        Self { before: None, gain: Wilder::new(n), loss: Wilder::new(n) }
    }

    pub(super) fn push(&mut self, close: f64) -> Option<f64> {
        let change = close - self.before.replace(close)?;
        let (up, down) = if change > 0.0 { (change, 0.0) } else { (0.0, -change) };
        let (gain, loss) = (self.gain.push(up), self.loss.push(down));
        let (gain, loss) = (gain?, loss?);
        let movement = gain + loss;
        Some(if movement == 0.0 { 0.0 } else { 100.0 * (gain / movement) })
    }
}

/// Moving average convergence / divergence: EMA(fast) − EMA(slow), and an EMA of it.
#[derive(Clone, Debug)]
pub(super) struct Macd {
    fast: Ema,
    slow: Ema,
    signal: Ema,
}

/// Of one bar.
#[derive(Clone, Copy, Debug)]
pub(super) struct MacdLines {
    pub line: f64,
    pub signal: f64,
}

impl Macd {
    pub(super) fn new(feature::Macd { fast, slow, signal }: feature::Macd) -> Self {
        Self {
            fast: Ema::new(fast, slow - fast),
            slow: Ema::new(slow, 0),
            signal: Ema::new(signal, 0),
        }
    }

    pub(super) fn push(&mut self, close: f64) -> Option<MacdLines> {
        let (fast, slow) = (self.fast.push(close), self.slow.push(close));
        let line = fast? - slow?;
        self.signal.push(line).map(|signal| MacdLines { line, signal })
    }
}

/// Square root of the sum of the last `n` squared one-bar log returns.
#[derive(Clone, Debug)]
pub(super) struct RealizedVol {
    log_return: LogReturn,
    last: Last,
    sum: RunningSum,
    /// Returns among the last ones that are not 0.
    moves: usize,
}

impl RealizedVol {
    pub(super) fn new(n: usize) -> Self {
        Self {
            log_return: LogReturn::default(),
            last: Last::new(n),
            sum: RunningSum::default(),
            moves: 0,
        }
    }

    pub(super) fn push(&mut self, close: f64) -> Option<f64> {
        let log_return = self.log_return.push(close)?;
        self.sum.add(log_return * log_return);
        self.moves += usize::from(log_return != 0.0);
        if let Some(out) = self.last.push(log_return) {
            self.sum.add(-(out * out));
            self.moves -= usize::from(out != 0.0);
        }
        if self.moves == 0 {
            // Exactly 0 after an all-flat stretch, where the sum may keep a residue of what has
            // left it.
            self.sum = RunningSum::default();
        }
        // Not `max(0.0)`, which would make 0 of NaN.
        let squares = self.sum.value();
        self.last.is_full().then(|| if squares < 0.0 { 0.0 } else { squares.sqrt() })
    }
}
