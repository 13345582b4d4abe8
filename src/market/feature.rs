//! Feature columns, computed from bars by strictly causal loops: row `t` is a function of the rows `0 ..= t` alone, and the same
//! bits whatever follows.
//!
//! The indicators follow TA-Lib 0.8 to 1e-9: an EMA is seeded with the mean of its first `n` values; the RSI smooths as Wilder did
//! and is 0 where nothing moved; in a MACD the fast EMA is seeded with the mean of the `fast` closes that end where the slow
//! EMA's seed ends, and all three lines start together.

use super::Bars;
use crate::spec::feature::{Feature, Macd};

/// The column of `feature`, one value per bar: NaN in exactly the first [`Feature::warm_up`] rows, and nowhere else as long as the
/// prices are positive.
#[must_use]
pub fn column(feature: Feature, bars: &Bars) -> Vec<f64> {
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

/// Exponential moving average with k = 2 / (n + 1), whose first value is at row `first`: the mean of the `n` values that end there.
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

/// Wilder's relative strength index (1978), 0..100: the average gain's share of average gain plus average loss, each seeded with the
/// mean of the first `n` changes and then smoothed by 1 / n; 0 where nothing moved.
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
            // Exactly 0 after an all-flat stretch, where the sum may keep a residue of what has left it.
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

/// Share of the local day that has passed at the bar's last instant, 0..1; a bar that ends at midnight has 0.
fn time_of_day(bars: &Bars) -> Vec<f64> {
    const DAY: i64 = 86_400;
    let end = |(ts, offset): (&i64, &i32)| {
        let local = ts.div_euclid(1_000_000_000) + i64::from(bars.bar_seconds) + i64::from(*offset);
        local.rem_euclid(DAY) as f64 / DAY as f64
    };
    bars.ts.iter().zip(&bars.offset_seconds).map(end).collect()
}

fn undefine(column: &mut [f64], rows: usize) {
    let rows = rows.min(column.len());
    column[..rows].fill(f64::NAN);
}

/// A sum in twice the working precision, so that values may enter and leave it for ever without drift (Dekker 1971, Knuth's
/// two-sum). A plain running sum is off by 1e-9 of a price after 24,000 bars.
#[derive(Default)]
struct RunningSum {
    high: f64,
    low: f64,
}

impl RunningSum {
    fn add(&mut self, value: f64) {
        let sum = self.high + value;
        let taken = sum - self.high;
        let rest = (self.high - (sum - taken)) + (value - taken);
        let low = self.low + rest;
        self.high = sum + low;
        self.low = low - (self.high - sum);
    }

    fn value(&self) -> f64 {
        self.high
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: i64 = 60_000_000_000;

    /// One-minute bars from these closes.
    fn bars(close: &[f64]) -> Bars {
        Bars {
            ts: (0..close.len() as i64).map(|t| t * MINUTE).collect(),
            offset_seconds: vec![0; close.len()],
            open: close.iter().map(|price| price * 0.999).collect(),
            high: close.iter().map(|price| price * 1.002).collect(),
            low: close.iter().map(|price| price * 0.998).collect(),
            close: close.to_vec(),
            volume: (0..close.len()).map(|t| (t % 7) as f64).collect(),
            bar_seconds: 60,
            truth: None,
        }
    }

    fn features() -> Vec<Feature> {
        "open high low close volume log_return sma_2 sma_20 ema_5 rsi_2 rsi_14 macd macd_signal macd_hist macd_3_7_1 \
         macd_hist_3_7_1 realized_vol_3 realized_vol_30 time_of_day"
            .split_whitespace()
            .map(|name| name.parse().unwrap())
            .collect()
    }

    fn same_bits(a: &[f64], b: &[f64]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
    }

    /// Closes as a walk of relative steps, with flat stretches.
    fn closes() -> impl Strategy<Value = Vec<f64>> {
        let step = prop_oneof![3 => -0.02..0.02, 1 => Just(0.0)];
        (0.01..1e6_f64, prop::collection::vec(step, 0..120)).prop_map(|(start, steps)| {
            let mut price = start;
            steps
                .iter()
                .map(|step| {
                    price *= 1.0 + step;
                    price
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn a_prefix_gives_the_same_bits(close in closes(), cut in 0.0..1.0_f64) {
            let cut = (cut * close.len() as f64) as usize;
            for feature in features() {
                let whole = column(feature, &bars(&close));
                let prefix = column(feature, &bars(&close[..cut]));
                prop_assert!(same_bits(&whole[..cut], &prefix), "{feature}");
            }
        }

        #[test]
        fn poison_after_a_row_changes_nothing_up_to_it(close in closes(), cut in 0.0..1.0_f64) {
            let cut = (cut * close.len() as f64) as usize;
            let clean = bars(&close);
            let mut poisoned = clean.clone();
            for prices in [&mut poisoned.open, &mut poisoned.high, &mut poisoned.low, &mut poisoned.close, &mut poisoned.volume] {
                prices[cut..].fill(f64::NAN);
            }
            for feature in features() {
                prop_assert!(same_bits(&column(feature, &clean)[..cut], &column(feature, &poisoned)[..cut]), "{feature}");
            }
        }

        #[test]
        fn undefined_rows_are_the_warm_up_rows(close in closes()) {
            for feature in features() {
                let column = column(feature, &bars(&close));
                prop_assert_eq!(column.len(), close.len());
                for (t, value) in column.iter().enumerate() {
                    prop_assert_eq!(value.is_nan(), t < feature.warm_up(), "{} at row {}", feature, t);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn realized_volatility_of_a_flat_stretch_is_exactly_zero(
            scales in prop::collection::vec((-16.0..1.5_f64, any::<bool>()), 40..80)
        ) {
            // Squares of returns over more decades than twice the working precision holds.
            let returns = scales.iter().map(|(scale, up)| 10_f64.powf(*scale) * if *up { 1.0 } else { -1.0 });
            let mut log_price = 0.0;
            let mut close: Vec<f64> = returns
                .map(|log_return| {
                    log_price = if f64::abs(log_price + log_return) < 600.0 { log_price + log_return } else { log_price - log_return };
                    log_price.exp()
                })
                .collect();
            let moving = close.len();
            close.extend(vec![log_price.exp(); 30]);
            let volatility = column(Feature::RealizedVol { n: 30 }, &bars(&close));
            prop_assert!(volatility[moving - 1] > 0.0);
            prop_assert_eq!(volatility[moving + 29], 0.0);
        }
    }

    /// Compares every column of a fixture made by scripts/talib_fixtures.py.
    fn compare_with_talib(fixture: &str) {
        let mut lines = fixture.lines();
        let names: Vec<&str> = lines.next().unwrap().split(',').collect();
        let rows: Vec<Vec<f64>> =
            lines.map(|line| line.split(',').map(|cell| cell.parse().unwrap_or(f64::NAN)).collect()).collect();
        assert!(rows.len() >= 300 && names[0] == "close" && names.len() > 8);
        let bars = bars(&rows.iter().map(|row| row[0]).collect::<Vec<_>>());
        for (index, name) in names.iter().enumerate() {
            let ours = column(name.parse().unwrap(), &bars);
            for (t, row) in rows.iter().enumerate() {
                let (ours, theirs) = (ours[t], row[index]);
                let near = (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0);
                assert!(near || (ours.is_nan() && theirs.is_nan()), "{name} at row {t}: {ours} is not TA-Lib's {theirs}");
            }
        }
    }

    #[test]
    fn a_random_walk_agrees_with_talib() {
        compare_with_talib(include_str!("../../tests/fixtures/talib/walk.csv"));
    }

    #[test]
    fn flat_prices_agree_with_talib() {
        compare_with_talib(include_str!("../../tests/fixtures/talib/flat.csv"));
    }

    #[test]
    fn a_huge_price_with_little_noise_agrees_with_talib() {
        compare_with_talib(include_str!("../../tests/fixtures/talib/huge.csv"));
    }

    #[test]
    fn a_straight_trend_agrees_with_talib() {
        compare_with_talib(include_str!("../../tests/fixtures/talib/trend.csv"));
    }

    #[test]
    fn real_bars_agree_with_talib() {
        compare_with_talib(include_str!("../../tests/fixtures/talib/sample.csv"));
    }

    #[test]
    fn a_moving_average_does_not_drift() {
        // Prices whose sums do not fit into 53 bits, over as many bars as the sample has.
        let close: Vec<f64> = (0..24_000).map(|t| 1e6 + 1e-3 * f64::from((t * 7919) % 104_729) / 3.0).collect();
        for n in [2, 20, 390] {
            let column = sma(&close, n);
            for t in (n - 1..close.len()).step_by(97) {
                let window = &close[t + 1 - n..=t];
                let exact = 1e6 + window.iter().map(|price| price - 1e6).sum::<f64>() / n as f64;
                assert!((column[t] - exact).abs() <= 2.5e-10, "row {t}: {} is not {exact}", column[t]);
            }
        }
    }

    #[test]
    fn log_return_and_realized_volatility_are_their_formulas() {
        let e = std::f64::consts::E;
        let close = [1.0, e, 1.0, 1.0, e * e];
        assert_eq!(column(Feature::LogReturn, &bars(&close))[1..], [1.0, -1.0, 0.0, 2.0]);
        let volatility = column(Feature::RealizedVol { n: 2 }, &bars(&close));
        assert!(volatility[1].is_nan());
        assert_eq!(volatility[2..], [2.0_f64.sqrt(), 1.0, 2.0]);
    }

    #[test]
    fn time_of_day_is_local_and_of_the_bars_end() {
        let mut bars = bars(&[1.0, 1.0, 1.0]);
        // 01:29 UTC at +08:00 is 09:29 to 09:30; 15:59 UTC is the last minute of the local day; 00:00 UTC before 1970.
        bars.ts = vec![89 * MINUTE, (15 * 60 + 59) * MINUTE, -1440 * MINUTE];
        bars.offset_seconds = vec![28_800, 28_800, 0];
        assert_eq!(column(Feature::TimeOfDay, &bars), [9.5 / 24.0, 0.0, 1.0 / 1440.0]);
    }
}
