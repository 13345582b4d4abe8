//! What training comes to: losses, quantiles, best weights, forecasts.

use super::*;

#[test]
fn the_reported_validation_loss_is_that_of_the_forecasts() {
    let series = series(300, 3, 6);
    for loss in [Loss::Mse, Loss::Mae, Loss::Huber] {
        let shape = Shape { loss, ..shape(OptimizerKind::Adam) };
        let configs: Vec<_> =
            (0..2).map(|seed| LaneConfig { epochs: 2, seed, ..LaneConfig::default() }).collect();
        let run = trained(&series, &shape, fresh(&configs), Recorder::default());
        let forecasts =
            predict(&flex(), &series, &shape, &run.ended[&1].state.weights, &series.valid).unwrap();
        let errors: Vec<f64> = forecasts
            .iter()
            .zip(&series.valid)
            .map(|(forecast, end)| f64::from(forecast - series.target[*end as usize]))
            .collect();
        let mean = |f: fn(f64) -> f64| {
            errors.iter().map(|error| f(*error)).sum::<f64>() / errors.len() as f64
        };
        let report = run.epochs[&1][1].valid;
        let expected = match loss {
            Loss::Mse => mean(|e| e * e),
            Loss::Mae => mean(f64::abs),
            Loss::Huber => mean(|e| if e.abs() < 1.0 { 0.5 * e * e } else { e.abs() - 0.5 }),
        };
        assert!(
            (report.loss - expected).abs() < 1e-6 * expected,
            "{loss:?}: {} is not {expected}",
            report.loss
        );
        assert!((report.mse - 4.0 * mean(|e| e * e)).abs() < 1e-6 * report.mse);
        assert!((report.mae - 2.0 * mean(f64::abs)).abs() < 1e-6 * report.mae);
        assert!((report.rmse * report.rmse - report.mse).abs() < 1e-9);
    }
}

#[test]
fn quantiles_are_reported_as_they_are_forecast_and_go_on_where_they_were() {
    let series = series(300, 3, 6);
    let levels = Levels::new(&[0.2, 0.5, 0.6]).unwrap();
    let shape =
        Shape { head: Head::Quantile { levels: levels.clone() }, ..shape(OptimizerKind::Adam) };
    let config = LaneConfig { epochs: 3, ..LaneConfig::default() };
    let mut recorder = Recorder { keep_states: Some(1), ..Recorder::default() };
    recorder = trained(&series, &shape, fresh(std::slice::from_ref(&config)), recorder);
    let state = &recorder.ended[&0].state;
    assert_eq!(state.weights.0.last().unwrap().shape, [3]);
    let forecasts = predict(&flex(), &series, &shape, &state.weights, &series.valid).unwrap();
    let [mut pinball, mut squares, mut sizes] = [0.0; 3];
    for (forecasts, end) in forecasts.chunks_exact(3).zip(&series.valid) {
        let target = f64::from(series.target[*end as usize]);
        let of_level = |(forecast, level): (&f32, f64)| {
            let u = target - f64::from(*forecast);
            (level * u).max((level - 1.0) * u)
        };
        pinball += forecasts.iter().zip(levels.values()).map(of_level).sum::<f64>() / 3.0;
        let error = f64::from(forecasts[1]) - target;
        squares += error * error;
        sizes += error.abs();
    }
    let (report, windows) = (recorder.epochs[&0][2].valid, series.valid.len() as f64);
    for (ours, expected) in
        [(report.loss, pinball), (report.mse, 4.0 * squares), (report.mae, 2.0 * sizes)]
    {
        let expected = expected / windows;
        assert!((ours - expected).abs() < 1e-6 * expected, "{ours} is not {expected}");
    }

    let bytes = recorder.states[0].1.to_bytes().unwrap();
    let resume = Some(LaneState::from_bytes(&bytes).unwrap());
    let resumed =
        trained(&series, &shape, vec![Lane { config, resume, series: 0 }], Recorder::default());
    assert_same_outcome(&resumed.ended[&0], &recorder.ended[&0]);
    let error =
        predict(&flex(), &series, &Shape { head: Head::Point, ..shape }, &state.weights, &[10])
            .unwrap_err();
    assert!(
        error.to_string().contains("weight 'head.weight' of shape [3, 5] with 15 values"),
        "{error}"
    );
}

#[test]
fn quantiles_of_noise_are_those_of_its_distribution() {
    let rows = 4_000;
    // Exponential noise, whose quantile at τ is −ln(1 − τ): as skewed as can be.
    let uniform = random::uniform(5, 0, rows, 0.5);
    let series = Series {
        features: random::uniform(6, 0, rows, 1.0),
        columns: 1,
        target: uniform.iter().map(|u| -(0.5 - u).ln()).collect(),
        target_unit: 1.0,
        train: (1..3000).collect(),
        valid: (3000..rows as u32).collect(),
    };
    let levels = Levels::new(&[0.1, 0.5, 0.9]).unwrap();
    let (head, optimizer) = (Head::Quantile { levels: levels.clone() }, OptimizerKind::Adam);
    let shape = Shape {
        features: 1,
        window: 2,
        hidden: 4,
        layers: 1,
        batch: 100,
        loss: Loss::Mse,
        optimizer,
        head,
    };
    let schedule = Schedule::Exponential { warmup_epochs: 0, gamma: 0.9 };
    let config = LaneConfig { epochs: 40, learning_rate: 0.02, schedule, ..LaneConfig::default() };
    let run = trained(&series, &shape, fresh(&[config]), Recorder::default());
    let forecasts =
        predict(&flex(), &series, &shape, &run.ended[&0].state.weights, &series.valid).unwrap();
    for (output, level) in levels.values().enumerate() {
        let pairs = forecasts.chunks_exact(3).zip(&series.valid);
        let below = pairs
            .filter(|(forecasts, end)| series.target[**end as usize] <= forecasts[output])
            .count();
        let share = below as f64 / series.valid.len() as f64;
        // Three standard errors of a share of 1000, and a little for what was learnt.
        let allowed = 3.0 * (level * (1.0 - level) / 1000.0).sqrt() + 0.02;
        assert!(
            (share - level).abs() < allowed,
            "{share} of the targets are below the quantile of {level}"
        );
    }
}

#[test]
fn the_best_weights_give_the_best_epochs_loss() {
    let series = series(120, 3, 6);
    let shape = shape(OptimizerKind::Adam);
    let config = LaneConfig { epochs: 8, learning_rate: 0.1, ..LaneConfig::default() };
    let run = trained(&series, &shape, fresh(&[config]), Recorder::default());
    let outcome = &run.ended[&0];
    assert!(
        outcome.best_epoch < 8,
        "the rate is meant to be too high, epoch {} was the best",
        outcome.best_epoch
    );
    let best = outcome.state.best.as_ref().unwrap();
    let forecasts = predict(&flex(), &series, &shape, best, &series.valid).unwrap();
    let sum: f64 = forecasts
        .iter()
        .zip(&series.valid)
        .map(|(f, end)| f64::from(f - series.target[*end as usize]).powi(2))
        .sum();
    let loss = sum / forecasts.len() as f64;
    let reported = run.epochs[&0][outcome.best_epoch - 1].valid.loss;
    assert!((loss - reported).abs() < 1e-6 * reported, "{loss} is not {reported}");
}

#[test]
fn forecasts_follow_the_order_of_the_windows_asked_for() {
    let series = series(300, 3, 6);
    let shape = shape(OptimizerKind::Adam);
    let run = trained(&series, &shape, fresh(&[LaneConfig::default()]), Recorder::default());
    let weights = &run.ended[&0].state.weights;
    let forward = predict(&flex(), &series, &shape, weights, &series.train).unwrap();
    let reversed: Vec<u32> = series.train.iter().rev().copied().collect();
    let mut backward = predict(&flex(), &series, &shape, weights, &reversed).unwrap();
    backward.reverse();
    assert_eq!(forward, backward);
}

#[test]
fn a_model_learns_thirty_two_windows_by_heart() {
    let series = series(120, 3, 6);
    let series = Series { train: series.train[..32].to_vec(), ..series };
    let shape = Shape { hidden: 16, batch: 32, ..shape(OptimizerKind::Adam) };
    let config = LaneConfig { epochs: 400, learning_rate: 0.02, ..LaneConfig::default() };
    let run = trained(&series, &shape, fresh(&[config]), Recorder::default());
    let (first, last) = (run.epochs[&0][0].train.loss, run.epochs[&0][399].train.loss);
    assert!(last < 0.01 * first, "{first} only fell to {last}");
}

#[test]
fn an_autoregressive_series_is_forecast_better_than_by_its_mean_in_every_loss_and_optimizer() {
    let series = series(600, 1, 8);
    for (loss, optimizer, learning_rate) in [
        (Loss::Mse, OptimizerKind::Adam, 0.01),
        (Loss::Mae, OptimizerKind::AdamW, 0.01),
        (Loss::Huber, OptimizerKind::Sgd, 0.1),
    ] {
        let shape = Shape {
            features: 1,
            window: 8,
            hidden: 8,
            layers: 1,
            batch: 16,
            loss,
            optimizer,
            head: Head::Point,
        };
        let config = LaneConfig {
            epochs: 15,
            learning_rate,
            momentum: 0.9,
            clip_norm: Some(1.0),
            ..LaneConfig::default()
        };
        let run = trained(&series, &shape, fresh(&[config]), Recorder::default());
        let targets: Vec<f64> =
            series.valid.iter().map(|end| f64::from(series.target[*end as usize])).collect();
        let mean = targets.iter().sum::<f64>() / targets.len() as f64;
        let variance = targets.iter().map(|target| (target - mean).powi(2)).sum::<f64>()
            / targets.len() as f64;
        let mse = run.epochs[&0][14].valid.mse / 4.0;
        // The noise is 1 − 0.9² = 19 % of the variance.
        assert!(mse < 0.4 * variance, "{loss:?}, {optimizer:?}: {mse} of {variance}");
    }
}

#[test]
fn every_training_window_counts_once_in_an_epoch() {
    let series = series(110, 3, 6);
    let shape = shape(OptimizerKind::Sgd);
    assert_ne!(series.train.len() % shape.batch, 0);
    // With a rate of 0 the training loss is the mean over the windows with the initial weights.
    let config = LaneConfig { learning_rate: 0.0, ..LaneConfig::default() };
    let run = trained(&series, &shape, fresh(&[config]), Recorder::default());
    let forecasts =
        predict(&flex(), &series, &shape, &run.ended[&0].state.weights, &series.train).unwrap();
    let sum: f64 = forecasts
        .iter()
        .zip(&series.train)
        .map(|(f, end)| f64::from(f - series.target[*end as usize]).powi(2))
        .sum();
    let (ours, theirs) = (run.epochs[&0][0].train.loss, sum / series.train.len() as f64);
    assert!((ours - theirs).abs() < 1e-6 * theirs, "{ours} is not {theirs}");
}
