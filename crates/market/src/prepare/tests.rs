use super::*;
use crate::synthetic::generate;
use experiment::{Scale, Scaler, Signal, Split, Synthetic, Target, TrainRows, Volatility};
use proptest::prelude::*;

fn settings(kind: TargetKind, window: usize, horizon: usize) -> Data {
    Data {
        source: Source::Synthetic(Synthetic {
            bars: 420,
            session: 97,
            signal: Signal::Reversal,
            beta2: 0.05,
            sd_bp: 5.0,
            volatility: Volatility::Stochastic,
            nu: Some(5.0),
            seed: 7,
        }),
        rows: None,
        bar_seconds: None,
        features: [
            "close",
            "volume",
            "log_return",
            "sma_5",
            "rsi_4",
            "macd_3_6_4",
            "realized_vol_6",
            "time_of_day",
        ]
        .map(|name| name.parse().unwrap())
        .to_vec(),
        target: Target { horizon, kind },
        window,
        step: 1,
        cross_gaps: false,
        split: Split { valid: 0.2, test: 0.2, embargo: window + horizon, walk_forward: None },
        scale: Scale { price: Scaler::MinMax, volume: Scaler::Robust, indicator: Scaler::Standard },
    }
}

fn bars(data: &Data, seed: u64) -> Bars {
    let Source::Synthetic(settings) = &data.source else { unreachable!() };
    generate(&Synthetic { seed, ..settings.clone() })
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

fn unscaled(data: &Data, bars: &Bars) -> Vec<u32> {
    bits(&matrix(&data.features, bars, WARM_UP, |_, _, _| Ok(Affine::IDENTITY)).unwrap().0)
}

/// Of `macd_3_6_4`.
const WARM_UP: usize = 8;

const KINDS: [TargetKind; 3] =
    [TargetKind::Price, TargetKind::LogReturn, TargetKind::LogVolatility];

#[test]
fn a_fold_is_scaled_by_its_own_training_rows_and_one_without_any_is_refused_by_number() {
    let of_fold = |valid: f64, fold: usize| {
        let mut data = settings(TargetKind::Price, 8, 1);
        data.split.valid = valid;
        data.split.walk_forward = Some(WalkForward { folds: 3, train: TrainRows::Expanding, fold });
        assemble(&data, bars(&data, 1), Vec::new())
    };
    let [first, last] = [0, 2].map(|fold| of_fold(0.1, fold).unwrap());
    assert_ne!(first.scaling, last.scaling);
    // What comes after a fold's training windows changes none of its scales: those of the later
    // fold over the first one's rows.
    let shorter = |rows: usize| {
        let mut data = settings(TargetKind::Price, 8, 1);
        data.split = Split { valid: 0.1, test: 0.0, embargo: 9, walk_forward: None };
        assemble(&data, bars(&data, 1).prefix(rows), Vec::new()).unwrap()
    };
    let (rows, block, begin) = (412, 41, 412 - 82 - 3 * 41);
    let alone = shorter(WARM_UP + (begin as f64 / 0.9).round() as usize);
    assert_eq!(
        alone.series.train.last(),
        first.series.train.last(),
        "{rows} rows, blocks of {block}"
    );
    assert_eq!(alone.scaling, first.scaling);

    let refused = of_fold(0.26, 0).unwrap_err();
    assert!(
        refused.starts_with("fold 0 of 3: no training windows: 420 bars leave 412 rows"),
        "{refused}"
    );
    assert!(refused.contains("fewer folds"), "{refused}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_comes_after_a_row_changes_no_bit_up_to_it(
        seed in any::<u64>(),
        end in 40usize..420,
    ) {
        let data = settings(TargetKind::Price, 8, 1);
        let whole = bars(&data, seed);
        let mut poisoned = whole.clone();
        for column in poisoned.prices_and_volume() {
            column[end..].fill(f64::NAN);
        }
        let rows = (end - WARM_UP) * data.features.len();
        let known = unscaled(&data, &whole);
        prop_assert_eq!(&unscaled(&data, &poisoned)[..rows], &known[..rows]);
        prop_assert_eq!(&unscaled(&data, &whole.prefix(end))[..], &known[..rows]);
    }

    #[test]
    fn a_prefix_has_the_same_windows_targets_and_persistence(
        seed in any::<u64>(),
        end in 60usize..420,
        horizon in 1usize..6,
        kind in prop::sample::select(&KINDS),
    ) {
        let data = settings(kind, 8, horizon);
        let whole = bars(&data, seed);
        let scaling = Scaling {
            columns: vec![Affine { offset: 2.0, unit: 3.0 }; data.features.len()],
            target: Affine::IDENTITY,
        };
        let all = assemble_forecast(&data, whole.clone(), Vec::new(), &scaling).unwrap();
        let early = assemble_forecast(&data, whole.prefix(end), Vec::new(), &scaling).unwrap();
        let rows = early.ts.len();
        prop_assert_eq!(
            bits(&early.series.features),
            bits(&all.series.features[..early.series.features.len()])
        );
        let ends: Vec<u32> =
            all.series.valid.iter().copied().filter(|&row| (row as usize) < rows).collect();
        prop_assert_eq!(&early.series.valid, &ends);
        for row in 0..rows {
            prop_assert_eq!(early.persistence[row].to_bits(), all.persistence[row].to_bits());
            if row + horizon < rows {
                prop_assert_eq!(early.target[row].to_bits(), all.target[row].to_bits());
            } else {
                prop_assert!(early.target[row].is_nan());
            }
        }
    }

    #[test]
    fn scalers_and_training_windows_do_not_see_validation_and_test_rows(
        seed in any::<u64>(),
        factor in 0.2..5.0_f64,
        horizon in 1usize..4,
        kind in prop::sample::select(&KINDS),
    ) {
        let data = settings(kind, 8, horizon);
        let known = assemble(&data, bars(&data, seed), Vec::new()).unwrap();
        // The last row that a training window could use, its target included.
        let used = WARM_UP + Bounds::new(known.ts.len(), &data.split).train.end - 1 + horizon;
        let mut changed = bars(&data, seed);
        for column in changed.prices_and_volume() {
            column[used + 1..].iter_mut().for_each(|x| *x *= factor);
        }
        let found = assemble(&data, changed, Vec::new()).unwrap();
        prop_assert_eq!(&found.scaling, &known.scaling);
        prop_assert_eq!(&found.series.train, &known.series.train);
        for &row in &found.series.train {
            prop_assert_eq!(
                found.series.target[row as usize].to_bits(),
                known.series.target[row as usize].to_bits()
            );
        }
    }

    #[test]
    fn every_window_and_its_target_lie_in_one_run_unless_gaps_may_be_crossed(
        seed in any::<u64>(),
        window in 1usize..20,
        horizon in 1usize..8,
        kind in prop::sample::select(&KINDS),
    ) {
        let mut data = settings(kind, window, horizon);
        let found = assemble(&data, bars(&data, seed), Vec::new()).unwrap();
        let counts = found.report.windows;
        for &row in found.series.train.iter().chain(&found.series.valid).chain(&found.test) {
            let row = row as usize;
            let minutes =
                (found.ts[row + horizon] - found.ts[row + 1 - window]) / 60_000_000_000;
            prop_assert_eq!(minutes as usize, window - 1 + horizon);
            prop_assert!(found.target[row].is_finite() && found.persistence[row].is_finite());
        }
        data.cross_gaps = true;
        let crossing = assemble(&data, bars(&data, seed), Vec::new()).unwrap();
        prop_assert!(crossing.report.windows.train > counts.train);
    }
}

#[test]
fn forecast_windows_reach_the_last_bar_and_scale_as_in_training() {
    let data = settings(TargetKind::Price, 8, 3);
    let trained = assemble(&data, bars(&data, 1), Vec::new()).unwrap();
    let forecast = assemble_forecast(&data, bars(&data, 1), Vec::new(), &trained.scaling).unwrap();
    assert_eq!(bits(&forecast.series.features), bits(&trained.series.features));
    assert_eq!(forecast.series.valid.last(), Some(&(forecast.ts.len() as u32 - 1)));
    assert!(forecast.series.train.is_empty() && forecast.test.is_empty());
    assert!(forecast.target.last().unwrap().is_nan());
}

#[test]
fn the_training_rows_fill_the_scale() {
    let data = settings(TargetKind::Price, 8, 1);
    let found = assemble(&data, bars(&data, 3), Vec::new()).unwrap();
    let width = data.features.len();
    let close =
        window::rows_of(&found.series.train, 8).map(|row| found.series.features[row * width]);
    let (low, high) = close.fold((f32::MAX, f32::MIN), |(low, high), x| (low.min(x), high.max(x)));
    assert!((low, high) == (0.0, 1.0), "{low} {high}");
    assert_eq!(found.series.target_unit.to_bits(), found.scaling.target.unit.to_bits());
}

#[test]
fn a_split_without_windows_is_told_what_there_is_and_what_to_change() {
    let message = |change: fn(&mut Data)| {
        let mut data = settings(TargetKind::LogVolatility, 8, 1);
        change(&mut data);
        let mut bars = bars(&data, 1);
        bars.close[..300].fill(1.0);
        assemble(&data, bars, Vec::new()).map(|found| found.report.windows).unwrap_err()
    };
    assert_eq!(
        message(|data| data.split.embargo = 82),
        "no training windows: 420 bars leave 412 rows after 8 rows of warm-up, in 5 contiguous \
            runs of at most 97; a window of 8 rows and a horizon of 1 need 9 rows of one run; \
            windows may end in 166 training, 0 validation and 82 test rows (embargo 82); its \
            stretches between gaps are too short, or the price never moves in them"
    );
    let advice = "use more bars, a larger share, or a smaller window, horizon or embargo";
    assert!(message(|data| data.split.embargo = 247).ends_with(advice));
    assert!(
        message(|data| data.window = 120)
            .ends_with("cross_gaps = true under [data] lets windows span gaps")
    );
    let scattered = |keep: usize| {
        let data = settings(TargetKind::LogReturn, 8, 1);
        let mut bars = bars(&data, 1);
        // Of so many bars one is where it belongs.
        (0..bars.ts.len()).for_each(|row| bars.ts[row] += (row / keep) as i64 * 1_000_000_000);
        assemble(&data, bars, Vec::new()).map(|found| found.report.windows).unwrap_err()
    };
    let (one, five) = (scattered(1), scattered(5));
    assert!(one.ends_with("is that how long a bar is (bar = \"60s\" under [data])?"), "{one}");
    assert!(!one.contains("cross_gaps") && five.contains("cross_gaps"), "{five}");
    assert!(
        message(|data| data.window = 430)
            .starts_with("420 bars are fewer than the 438 that a window of 430 rows needs")
    );
}
