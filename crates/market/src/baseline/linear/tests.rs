use super::super::testing::{prepared, settings};
use super::*;
use experiment::TargetKind;

#[test]
fn an_exact_linear_signal_is_recovered() {
    let mut prepared = prepared(600, 3);
    let feature = |t: usize, column: usize| f64::from(prepared.series.features[t * 3 + column]);
    let target: Vec<f64> = (0..600)
        .map(|t| {
            if t < 3 {
                f64::NAN
            } else {
                7.0 + 2.0 * feature(t, 0) - 0.5 * feature(t - 3, 2) + prepared.persistence[t]
            }
        })
        .collect();
    prepared.target = target;
    let linear = fit(&settings(TargetKind::Price, 4), &prepared).unwrap();
    let ends: Vec<u32> = (300..600).collect();
    for (forecast, t) in linear.forecast(&prepared, &ends).iter().zip(ends) {
        assert!((forecast - prepared.target[t as usize]).abs() < 1e-6);
    }
}

#[test]
fn noise_is_shrunk_to_persistence() {
    let mut prepared = prepared(400, 8);
    prepared.persistence.fill(0.0);
    let linear = fit(&settings(TargetKind::Price, 5), &prepared).unwrap();
    let size: f64 = linear.coefficients.iter().map(|beta| beta * beta).sum();
    assert!(size < 0.01, "{size}");
}

#[test]
fn targets_and_features_after_the_training_windows_change_nothing() {
    let clean = prepared(400, 2);
    let mut changed = clean.clone();
    changed.target[200..].fill(1e6);
    changed.persistence[200..].fill(-1e6);
    changed.series.features[400..].fill(1e6);
    let settings = settings(TargetKind::Price, 6);
    let (clean, changed) = (fit(&settings, &clean).unwrap(), fit(&settings, &changed).unwrap());
    assert_eq!(clean.coefficients, changed.coefficients);
    assert_eq!(clean.intercept, changed.intercept);
}

#[test]
fn the_shared_products_equal_the_plain_ones() {
    let prepared = prepared(120, 3);
    let train: Vec<u32> = (5..30).chain(31..32).chain((40..60).step_by(3)).chain(90..120).collect();
    let features = standardised(&prepared, &train);
    let windows = Windows { features: &features, width: 4, rows: 6 };
    let flat: Vec<f64> = train.iter().flat_map(|&t| windows.ending_at(t).to_vec()).collect();
    let plain = Normal::of_rows(&flat, &vec![0.0; train.len()]).gram;
    let shared = gram(&windows, &train);
    for i in 0..24 {
        for j in 0..=i {
            assert!((plain[i * 24 + j] - shared[i * 24 + j]).abs() < 1e-10, "{i}, {j}");
        }
    }
}

#[test]
fn a_large_window_is_cut_to_its_last_rows_and_many_windows_to_the_last() {
    assert_eq!([rows_used(60, 5), rows_used(60, 50), rows_used(60, 2_001)], [60, 40, 1]);
    let apart: Vec<u32> = (0..100_000).map(|t| t * 2).collect();
    assert_eq!(affordable(&apart, 40, 50).len(), MAX_PRODUCTS / (2_000 * 2_000 + 2_000 * 50));
    let run: Vec<u32> = (0..100_000).collect();
    assert_eq!(affordable(&run, 60, 5).len(), 100_000);
}

#[test]
fn constant_and_repeated_features_are_no_obstacle() {
    let mut prepared = prepared(300, 3);
    for row in prepared.series.features.chunks_exact_mut(3) {
        row[1] = 0.25;
        row[2] = row[0];
    }
    let ends: Vec<u32> = (150..300).collect();
    let forecast =
        fit(&settings(TargetKind::LogReturn, 4), &prepared).unwrap().forecast(&prepared, &ends);
    assert!(forecast.iter().all(|forecast| forecast.is_finite()));
}
