use super::super::testing::{prepared, settings, uniforms};
use super::*;
use experiment::TargetKind;

/// Returns whose volatility follows a slow wave and the time of day.
fn waves(rows: usize) -> Prepared {
    let mut prepared = prepared(rows, 1);
    let noise = uniforms(rows, 9);
    let sigma: Vec<f64> = (0..rows)
        .map(|t| {
            1e-3 * (0.8 * (t as f64 / 700.0).sin() + 0.5 * (prepared.time_of_day[t] * 20.0).cos())
                .exp()
        })
        .collect();
    prepared.log_return = noise.iter().zip(&sigma).map(|(noise, sigma)| noise * sigma).collect();
    prepared.log_return[0] = f64::NAN;
    prepared.target = sigma.iter().map(|sigma| sigma.ln()).collect();
    prepared.persistence = vec![(1e-3_f64).ln(); rows];
    prepared
}

fn r_squared(har: &Har, prepared: &Prepared, ends: &[u32]) -> f64 {
    let target: Vec<f64> = ends.iter().map(|&t| prepared.target[t as usize]).collect();
    let mean = target.iter().sum::<f64>() / target.len() as f64;
    let error: f64 = har.forecast(ends).iter().zip(&target).map(|(f, y)| (f - y) * (f - y)).sum();
    1.0 - error / target.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>()
}

#[test]
fn a_wave_of_volatility_is_followed() {
    let prepared = waves(20_000);
    let har = fit(&settings(TargetKind::LogVolatility, 2), &prepared).unwrap();
    let ends: Vec<u32> = (10_000..20_000).collect();
    let share = r_squared(&har, &prepared, &ends);
    assert!(share > 0.85, "{share}");
}

#[test]
fn nothing_after_the_training_windows_changes_the_fit() {
    let clean = waves(2_000);
    let mut changed = clean.clone();
    changed.target[1_000..].fill(5.0);
    changed.log_return[1_000..].fill(0.5);
    let settings = settings(TargetKind::LogVolatility, 2);
    let (clean, changed) = (fit(&settings, &clean).unwrap(), fit(&settings, &changed).unwrap());
    assert_eq!((&clean.whole, &clean.cascade), (&changed.whole, &changed.cascade));
    assert_eq!(clean.rows[..1_000], changed.rows[..1_000]);
    assert_ne!(clean.rows[1_000], changed.rows[1_000]);
}

#[test]
fn hours_that_were_never_seen_are_forecast_without_the_curve() {
    // Training windows end from 10:00 to 16:00 alone; the volatility depends on the time of
    // day, and is calm at night.
    let mut prepared = waves(40 * 1440);
    let by_day = |time: f64| {
        if (0.4..0.67).contains(&time) { (time - 0.5).abs() * 6.0 - 0.3 } else { -2.0 }
    };
    let sigma: Vec<f64> =
        prepared.time_of_day.iter().map(|&time| 1e-3 * by_day(time).exp()).collect();
    let noise = uniforms(sigma.len(), 11);
    prepared.log_return = noise.iter().zip(&sigma).map(|(noise, sigma)| noise * sigma).collect();
    prepared.target = sigma.iter().map(|sigma| sigma.ln()).collect();
    let within = |from: f64, to: f64, rows: std::ops::Range<u32>| -> Vec<u32> {
        rows.filter(|&t| (from..to).contains(&prepared.time_of_day[t as usize])).collect()
    };
    let (day, night) =
        (within(10.0 / 24.0, 16.0 / 24.0, 300..28_800), within(20.0 / 24.0, 1.0, 28_800..57_600));
    let also_seen = within(10.0 / 24.0, 16.0 / 24.0, 28_800..57_600);
    prepared.series.train = day;
    let har = fit(&settings(TargetKind::LogVolatility, 2), &prepared).unwrap();
    let rmse = |ends: &[u32]| {
        let error: f64 = har
            .forecast(ends)
            .iter()
            .zip(ends)
            .map(|(f, &t)| (f - prepared.target[t as usize]).powi(2))
            .sum();
        (error / ends.len() as f64).sqrt()
    };
    let (seen, unseen) = (rmse(&also_seen), rmse(&night));
    assert!(seen < 0.3 && unseen < 1.0, "{seen} by day, {unseen} by night");
    // The curve alone would go anywhere.
    let extrapolated: f64 = night
        .iter()
        .map(|&t| (har.whole.forecast(&har.rows[t as usize]) - prepared.target[t as usize]).powi(2))
        .sum();
    let extrapolated = (extrapolated / night.len() as f64).sqrt();
    assert!(extrapolated > 3.0 * unseen, "{extrapolated} with the curve, {unseen} without");
}

#[test]
fn a_time_is_near_within_half_an_hour_round_midnight_too() {
    let seen = Seen { times: vec![0.01, 0.4, 0.99], near: 1_800.0 / 86_400.0 };
    assert!([0.0, 0.02, 0.42, 0.985, 0.999].into_iter().all(|time| seen.is_near(time)));
    assert!(![0.2, 0.43, 0.95].into_iter().any(|time| seen.is_near(time)));
}

#[test]
fn a_return_over_a_gap_counts_only_where_windows_cross_gaps() {
    let mut prepared = prepared(8, 1);
    prepared.log_return = vec![f64::NAN, 1.0, 2.0, 100.0, 4.0, 0.0, 0.0, 0.0];
    for ts in &mut prepared.ts[3..] {
        *ts += 3_600_000_000_000;
    }
    let mut settings = settings(TargetKind::LogVolatility, 2);
    let squares = Squares::of(&settings, &prepared);
    assert_eq!(squares.mean(0, 5), None);
    assert_eq!(squares.mean(3, 5), Some(2.5));
    assert_eq!(squares.mean(4, 2), Some(10.0));
    assert_eq!(squares.mean(7, 2), Some(0.0));
    settings.cross_gaps = true;
    assert_eq!(Squares::of(&settings, &prepared).mean(3, 1), Some(10_000.0));
}

#[test]
fn flat_stretches_and_bars_of_one_time_of_day_have_finite_forecasts() {
    let mut prepared = waves(400);
    prepared.log_return[20..60].fill(0.0);
    prepared.time_of_day.fill(0.5);
    let ends: Vec<u32> = (0..400).collect();
    let settings = settings(TargetKind::LogVolatility, 2);
    assert!(
        fit(&settings, &prepared)
            .unwrap()
            .forecast(&ends)
            .iter()
            .all(|forecast| forecast.is_finite())
    );
    prepared.log_return.fill(0.0);
    assert!(fit(&settings, &prepared).is_none());
}
