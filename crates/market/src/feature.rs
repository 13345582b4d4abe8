//! Feature columns, strictly causal: row `t` is a function of the rows `0 ..= t` alone, and the
//! same bits whatever follows, because a column is what a [`FeatureState`] says that is shown one
//! bar after the other.

use super::Bars;
use super::stream::FeatureState;
use experiment::feature::Feature;

/// The column of `feature`, one value per bar: NaN in exactly the first [`Feature::warm_up`] rows,
/// and nowhere else as long as the prices are positive.
#[must_use]
pub fn column(feature: Feature, bars: &Bars) -> Vec<f64> {
    let mut state = FeatureState::new(feature, bars.bar_seconds);
    (0..bars.len()).map(|row| state.push(&bars.bar(row)).unwrap_or(f64::NAN)).collect()
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
        "open high low close volume log_return sma_2 sma_20 ema_5 rsi_2 rsi_14 macd macd_signal \
            macd_hist macd_3_7_1 macd_hist_3_7_1 atr_1 atr_14 realized_vol_3 realized_vol_30 \
            time_of_day"
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
        fn poison_after_a_row_changes_nothing_up_to_it(
            close in closes(),
            cut in 0.0..1.0_f64,
        ) {
            let cut = (cut * close.len() as f64) as usize;
            let clean = bars(&close);
            let mut poisoned = clean.clone();
            for prices in [
                &mut poisoned.open,
                &mut poisoned.high,
                &mut poisoned.low,
                &mut poisoned.close,
                &mut poisoned.volume,
            ] {
                prices[cut..].fill(f64::NAN);
            }
            for feature in features() {
                prop_assert!(
                    same_bits(&column(feature, &clean)[..cut], &column(feature, &poisoned)[..cut]),
                    "{feature}"
                );
            }
        }

        #[test]
        fn undefined_rows_are_the_warm_up_rows(close in closes()) {
            for feature in features() {
                let column = column(feature, &bars(&close));
                prop_assert_eq!(column.len(), close.len());
                for (t, value) in column.iter().enumerate() {
                    prop_assert_eq!(
                        value.is_nan(),
                        t < feature.warm_up(),
                        "{} at row {}",
                        feature,
                        t
                    );
                }
            }
        }
    }

    proptest! {
        #[test]
        fn realized_volatility_of_a_flat_stretch_is_exactly_zero(
            scales in prop::collection::vec((-16.0..1.5_f64, any::<bool>()), 40..80),
        ) {
            // Squares of returns over more decades than twice the working precision holds.
            let returns =
                scales.iter().map(|(scale, up)| 10_f64.powf(*scale) * if *up { 1.0 } else { -1.0 });
            let mut log_price = 0.0;
            let mut close: Vec<f64> = returns
                .map(|log_return| {
                    log_price = if f64::abs(log_price + log_return) < 600.0 {
                        log_price + log_return
                    } else {
                        log_price - log_return
                    };
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
        let rows: Vec<Vec<f64>> = lines
            .map(|line| line.split(',').map(|cell| cell.parse().unwrap_or(f64::NAN)).collect())
            .collect();
        assert!(rows.len() >= 300 && names[..3] == ["close", "high", "low"] && names.len() > 12);
        let numbers = |place: usize| rows.iter().map(|row| row[place]).collect::<Vec<_>>();
        let bars = Bars { high: numbers(1), low: numbers(2), ..bars(&numbers(0)) };
        for (index, name) in names.iter().enumerate() {
            let ours = column(name.parse().unwrap(), &bars);
            for (t, row) in rows.iter().enumerate() {
                let (ours, theirs) = (ours[t], row[index]);
                let near = (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0);
                assert!(
                    near || (ours.is_nan() && theirs.is_nan()),
                    "{name} at row {t}: {ours} is not TA-Lib's {theirs}"
                );
            }
        }
    }

    #[test]
    fn a_random_walk_agrees_with_talib() {
        compare_with_talib(include_str!("../../../tests/fixtures/talib/walk.csv"));
    }

    #[test]
    fn flat_prices_agree_with_talib() {
        compare_with_talib(include_str!("../../../tests/fixtures/talib/flat.csv"));
    }

    #[test]
    fn a_huge_price_with_little_noise_agrees_with_talib() {
        compare_with_talib(include_str!("../../../tests/fixtures/talib/huge.csv"));
    }

    #[test]
    fn a_straight_trend_agrees_with_talib() {
        compare_with_talib(include_str!("../../../tests/fixtures/talib/trend.csv"));
    }

    #[test]
    fn real_bars_agree_with_talib() {
        compare_with_talib(include_str!("../../../tests/fixtures/talib/sample.csv"));
    }

    #[test]
    fn a_moving_average_does_not_drift() {
        // Prices whose sums do not fit into 53 bits, over as many bars as the sample has.
        let close: Vec<f64> =
            (0..24_000).map(|t| 1e6 + 1e-3 * f64::from((t * 7919) % 104_729) / 3.0).collect();
        for n in [2, 20, 390] {
            let column = column(Feature::Sma { n }, &bars(&close));
            for t in (n - 1..close.len()).step_by(97) {
                let window = &close[t + 1 - n..=t];
                let exact = 1e6 + window.iter().map(|price| price - 1e6).sum::<f64>() / n as f64;
                assert!(
                    (column[t] - exact).abs() <= 2.5e-10,
                    "row {t}: {} is not {exact}",
                    column[t]
                );
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
        // 01:29 UTC at +08:00 is 09:29 to 09:30; 15:59 UTC is the last minute of the local day;
        // 00:00 UTC before 1970.
        bars.ts = vec![89 * MINUTE, (15 * 60 + 59) * MINUTE, -1440 * MINUTE];
        bars.offset_seconds = vec![28_800, 28_800, 0];
        assert_eq!(column(Feature::TimeOfDay, &bars), [9.5 / 24.0, 0.0, 1.0 / 1440.0]);
    }
}
