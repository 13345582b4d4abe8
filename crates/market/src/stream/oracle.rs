//! The features once more, as loops over whole columns: what the states must give, bit for bit.

use super::average::RunningSum;
use crate::Bars;
use experiment::feature::{Feature, Macd};

pub(super) fn column(feature: Feature, bars: &Bars) -> Vec<f64> {
    let close = &bars.close;
    match feature {
        Feature::Open => bars.open.clone(),
        Feature::High => bars.high.clone(),
        Feature::Low => bars.low.clone(),
        Feature::Close => close.clone(),
        Feature::Volume => bars.volume.clone(),
        Feature::LogReturn => log_return(close),
        Feature::Sma { n } => sma(close, n),
        Feature::Ema { n } => ema(close, n, n - 1),
        Feature::Rsi { n } => rsi(close, n),
        Feature::Macd(macd) => {
            let mut line = macd_line(close, macd);
            undefine(&mut line, feature.warm_up());
            line
        }
        Feature::MacdSignal(macd) => macd_signal(&macd_line(close, macd), macd),
        Feature::MacdHist(macd) => {
            let line = macd_line(close, macd);
            let signal = macd_signal(&line, macd);
            line.iter().zip(&signal).map(|(line, signal)| line - signal).collect()
        }
        Feature::Atr { n } => atr(bars, n),
        Feature::RealizedVol { n } => realized_vol(close, n),
        Feature::TimeOfDay => time_of_day(bars),
    }
}

/// ln(close[t] / close[t-1]).
fn log_return(close: &[f64]) -> Vec<f64> {
    let mut column = vec![f64::NAN; close.len()];
    for t in 1..close.len() {
        column[t] = (close[t] / close[t - 1]).ln();
    }
    column
}

/// Mean of the last `n` values.
fn sma(values: &[f64], n: usize) -> Vec<f64> {
    let mut column = vec![f64::NAN; values.len()];
    let mut sum = RunningSum::default();
    for t in 0..values.len() {
        sum.add(values[t]);
        if t >= n {
            sum.add(-values[t - n]);
        }
        if t + 1 >= n {
            column[t] = sum.value() / n as f64;
        }
    }
    column
}

/// Exponential moving average with k = 2 / (n + 1), whose first value is at row `first`: the mean
/// of the `n` values that end there.
fn ema(values: &[f64], n: usize, first: usize) -> Vec<f64> {
    let mut column = vec![f64::NAN; values.len()];
    if first >= values.len() {
        return column;
    }
    let k = 2.0 / (n + 1) as f64;
    let mut average = values[first + 1 - n..=first].iter().sum::<f64>() / n as f64;
    column[first] = average;
    for t in first + 1..values.len() {
        average += (values[t] - average) * k;
        column[t] = average;
    }
    column
}

/// Wilder's relative strength index (1978), 0..100: the average gain's share of average gain plus
/// average loss, each seeded with the mean of the first `n` changes and then smoothed by 1 / n; 0
/// where nothing moved.
fn rsi(close: &[f64], n: usize) -> Vec<f64> {
    let mut column = vec![f64::NAN; close.len()];
    let (mut gain, mut loss) = (0.0, 0.0);
    let periods = n as f64;
    for t in 1..close.len() {
        let change = close[t] - close[t - 1];
        let (up, down) = if change > 0.0 { (change, 0.0) } else { (0.0, -change) };
        if t <= n {
            gain += up;
            loss += down;
            if t < n {
                continue;
            }
            gain /= periods;
            loss /= periods;
        } else {
            gain = (gain * (periods - 1.0) + up) / periods;
            loss = (loss * (periods - 1.0) + down) / periods;
        }
        let movement = gain + loss;
        column[t] = if movement == 0.0 { 0.0 } else { 100.0 * (gain / movement) };
    }
    column
}

/// EMA(fast) − EMA(slow) from the slow one's first value on.
fn macd_line(close: &[f64], Macd { fast, slow, signal: _ }: Macd) -> Vec<f64> {
    let fast = ema(close, fast, slow - 1);
    let slow = ema(close, slow, slow - 1);
    fast.iter().zip(&slow).map(|(fast, slow)| fast - slow).collect()
}

fn macd_signal(line: &[f64], Macd { fast: _, slow, signal }: Macd) -> Vec<f64> {
    ema(line, signal, slow - 1 + signal - 1)
}

/// Square root of the sum of the last `n` squared one-bar log returns.
fn realized_vol(close: &[f64], n: usize) -> Vec<f64> {
    let returns = log_return(close);
    let mut column = vec![f64::NAN; close.len()];
    let mut sum = RunningSum::default();
    let mut moves = 0_usize;
    for t in 1..close.len() {
        sum.add(returns[t] * returns[t]);
        moves += usize::from(returns[t] != 0.0);
        if t > n {
            sum.add(-(returns[t - n] * returns[t - n]));
            moves -= usize::from(returns[t - n] != 0.0);
        }
        if moves == 0 {
            // Exactly 0 after an all-flat stretch, where the sum may keep a residue of what has
            // left it.
            sum = RunningSum::default();
        }
        if t >= n {
            // Not `max(0.0)`, which would make 0 of NaN.
            let squares = sum.value();
            column[t] = if squares < 0.0 { 0.0 } else { squares.sqrt() };
        }
    }
    column
}

/// Share of the local day that has passed at the bar's last instant, 0..1; a bar that ends at
/// midnight has 0.
fn time_of_day(bars: &Bars) -> Vec<f64> {
    const DAY: i64 = 86_400;
    let end = |(ts, offset): (&i64, &i32)| {
        let local = ts.div_euclid(1_000_000_000) + i64::from(bars.bar_seconds) + i64::from(*offset);
        local.rem_euclid(DAY) as f64 / DAY as f64
    };
    bars.ts.iter().zip(&bars.offset_seconds).map(end).collect()
}

/// Mean of the first n true ranges, then Wilder's smoothing.
fn atr(bars: &Bars, n: usize) -> Vec<f64> {
    let mut column = vec![f64::NAN; bars.len()];
    let range = |t: usize| {
        let before = bars.close[t - 1];
        (bars.high[t] - bars.low[t])
            .max((before - bars.high[t]).abs())
            .max((before - bars.low[t]).abs())
    };
    if bars.len() <= n {
        return column;
    }
    let mut average = (1..=n).map(range).sum::<f64>() / n as f64;
    column[n] = average;
    for (t, value) in column.iter_mut().enumerate().skip(n + 1) {
        average = (average * (n as f64 - 1.0) + range(t)) / n as f64;
        *value = average;
    }
    column
}

fn undefine(column: &mut [f64], rows: usize) {
    let rows = rows.min(column.len());
    column[..rows].fill(f64::NAN);
}
