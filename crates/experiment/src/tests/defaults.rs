//! Every key has an effect, a documented default and documented values.

use super::*;

/// For every key that can differ: a file in which it can, and another value.
fn changes() -> Vec<(&'static str, String, &'static str)> {
    let with = |start: &str, rest: &str| format!("{start}{rest}\n");
    let sgd = || with(SYNTHETIC, "[train]\noptimizer = { kind = \"sgd\" }");
    let schedule =
        |kind: &str| with(SYNTHETIC, &format!("[train]\nschedule = {{ kind = \"{kind}\" }}"));
    let swept = || with(SYNTHETIC, "[sweep.space]\n\"model.hidden_size\" = [8, 16]");
    let random = || with(&swept(), "[sweep.strategy]\nkind = \"random\"\ntrials = 3");
    let plain = || SYNTHETIC.to_owned();
    let bars = || FILE.to_owned();
    let walked = || with(SYNTHETIC, "split = { kind = \"walk_forward\" }");
    let traded = || TRADED.to_owned();
    let rule = |kind: &str, part: &str| format!("{TRADED}rule = {{ kind = \"{kind}\", {part} }}\n");
    vec![
        ("name", plain(), "other"),
        ("question", plain(), "Why?"),
        ("backend", plain(), "flex"),
        ("data.source", bars(), "../valid/bars.csv"),
        ("data.synthetic.bars", plain(), "30000"),
        ("data.synthetic.session", plain(), "480"),
        ("data.synthetic.signal", plain(), "nonlinear"),
        ("data.synthetic.beta2", plain(), "0"),
        ("data.synthetic.sd_bp", plain(), "7"),
        ("data.synthetic.volatility", plain(), "stochastic"),
        ("data.synthetic.nu", plain(), "4"),
        ("data.synthetic.seed", plain(), "2"),
        ("data.columns.ts", bars(), "t"),
        ("data.columns.open", bars(), "o"),
        ("data.columns.high", bars(), "h"),
        ("data.columns.low", bars(), "l"),
        ("data.columns.close", bars(), "c"),
        ("data.columns.volume", bars(), "v"),
        ("data.ts_format", bars(), "%Y-%m-%dT%H:%M:%S%:z"),
        ("data.ts_ambiguous", bars(), "latest"),
        ("data.zone", bars(), "UTC"),
        ("data.bar_label", bars(), "end"),
        ("data.bar", bars(), "1m"),
        ("data.rows", plain(), "1000"),
        ("data.features", plain(), "[\"close\"]"),
        ("data.target.horizon", plain(), "5"),
        ("data.target.kind", plain(), "log_return"),
        ("data.window", plain(), "30"),
        ("data.step", plain(), "2"),
        ("data.cross_gaps", plain(), "true"),
        ("data.split.kind", plain(), "walk_forward"),
        ("data.split.valid", plain(), "0.3"),
        ("data.split.folds", walked(), "3"),
        ("data.split.train", walked(), "rolling"),
        ("data.split.test", plain(), "0"),
        ("data.split.embargo", plain(), "7"),
        ("data.scale.price", plain(), "robust"),
        ("data.scale.volume", plain(), "none"),
        ("data.scale.indicator", plain(), "min_max"),
        ("model.hidden_size", plain(), "64"),
        ("model.num_layers", plain(), "1"),
        ("model.dropout", plain(), "0"),
        ("model.head.kind", plain(), "quantile"),
        (
            "model.head.levels",
            with(SYNTHETIC, "[model]\nhead = { kind = \"quantile\" }"),
            "[0.25, 0.5]",
        ),
        ("train.epochs", plain(), "5"),
        ("train.batch_size", plain(), "64"),
        ("train.learning_rate", plain(), "0.01"),
        ("train.loss", plain(), "mae"),
        ("train.optimizer.kind", plain(), "sgd"),
        ("train.optimizer.beta1", plain(), "0.8"),
        ("train.optimizer.beta2", plain(), "0.99"),
        ("train.optimizer.epsilon", plain(), "1e-7"),
        ("train.optimizer.weight_decay", plain(), "0.1"),
        ("train.optimizer.momentum", sgd(), "0.9"),
        ("train.schedule.kind", plain(), "constant"),
        ("train.schedule.warmup_epochs", plain(), "3"),
        ("train.schedule.min_learning_rate", plain(), "0"),
        ("train.schedule.step_epochs", schedule("step"), "10"),
        ("train.schedule.gamma", schedule("exponential"), "0.9"),
        ("train.schedule.restart_epochs", plain(), "20"),
        ("train.schedule.factor", schedule("plateau"), "0.2"),
        ("train.schedule.patience", schedule("plateau"), "3"),
        ("train.early_stopping", plain(), "false"),
        ("train.early_stopping.patience", plain(), "3"),
        ("train.early_stopping.min_delta", plain(), "0.1"),
        ("train.clip_norm", plain(), "false"),
        ("train.seed", plain(), "2"),
        ("backtest.rule.kind", traded(), "quantile"),
        ("backtest.rule.threshold_bps", rule("threshold", "threshold_bps = 1.0"), "2.0"),
        ("backtest.rule.scale_bps", rule("proportional", "scale_bps = 1.0"), "2.0"),
        ("backtest.rule.share", rule("quantile", "share = 0.1"), "0.2"),
        ("backtest.rule.lookback", rule("quantile", "share = 0.1"), "100"),
        ("backtest.costs.commission_bps", traded(), "2.0"),
        ("backtest.costs.half_spread", traded(), "2 bps"),
        ("backtest.costs.slippage", traded(), "2 bps"),
        (
            "backtest.costs.tick_size",
            traded().replace("1 bps", "1 ticks").replace(" }", ", tick_size = 0.1 }"),
            "0.2",
        ),
        ("backtest.max_long", traded(), "2.0"),
        ("backtest.max_short", traded(), "0"),
        ("backtest.flat_at", traded(), "never"),
        (
            "sweep.strategy.kind",
            with(&random(), "").replace("random", "grid").replace("trials = 3", ""),
            "grid",
        ),
        ("sweep.strategy.trials", random(), "4"),
        ("sweep.strategy.seed", random(), "2"),
        ("sweep.objective.metric", plain(), "valid.mae"),
        ("sweep.repeats", plain(), "3"),
        ("sweep.space", swept(), "{ \"model.num_layers\" = [1, 2] }"),
    ]
}

#[test]
fn changing_any_key_changes_the_experiment() {
    let changes = changes();
    for (path, text, value) in &changes {
        if *path != "sweep.strategy.kind" {
            assert_ne!(
                validated(text, &[]),
                validated(text, &[&format!("{path}={value}")]),
                "{path}"
            );
        }
    }
    let random = format!(
        "{SYNTHETIC}[sweep.space]\n\"model.hidden_size\" = [8, 16]\n[sweep.strategy]\nkind = \
            \"random\"\ntrials = 3\n"
    );
    assert_ne!(validated(&random, &[]).strategy, Strategy::Grid);
    // These have one legal value in any file; what is tested is that another is refused.
    let one_value = ["data.target.column", "model.kind", "sweep.objective.direction"];
    for (path, value) in one_value.into_iter().zip(["open", "gru", "minimize"]) {
        assert!(parse(SYNTHETIC, &[&format!("{path}={value}")]).is_err(), "{path}");
    }
    // A file has one format; the key matters where its name does not tell.
    let dat = FILE.replace("bars.csv", "bars.dat");
    assert!(parse(&dat, &[]).is_err());
    assert_eq!(
        validated(&dat, &["data.format=csv"]).base.data.split,
        validated(FILE, &[]).base.data.split
    );

    for key in all().filter(|key| !matches!(key.takes, Takes::Table { .. })) {
        let tested = changes.iter().any(|(path, ..)| *path == key.path);
        assert!(
            tested || one_value.contains(&key.path) || key.path == "data.format",
            "'{}' is not tested",
            key.path
        );
    }
}

#[test]
fn documented_defaults_are_the_defaults() {
    for key in all() {
        let Fallback::Toml(default) = key.default else { continue };
        let of_files = ["data.columns", "data.ts_", "data.bar", "data.format"]
            .into_iter()
            .any(|table| key.path.starts_with(table));
        let text = match key.path.split('.').next() {
            _ if of_files => FILE,
            Some("backtest") => TRADED,
            _ => SYNTHETIC,
        };
        assert_eq!(
            validated(text, &[]),
            validated(text, &[&format!("{}={default}", key.path)]),
            "{}",
            key.path
        );
    }
}

#[test]
fn every_name_of_a_choice_is_a_value_of_its_own() {
    for key in all() {
        let Takes::OneOf { names, .. } = key.takes else { continue };
        let wires: Vec<Wire> = names
            .iter()
            .map(|name| {
                let mut wire = Wire::default();
                assert_eq!(set(&mut wire, key, &Value::Text((*name).to_owned())), []);
                wire
            })
            .collect();
        for (i, wire) in wires.iter().enumerate() {
            assert!(wires[..i].iter().all(|other| other != wire), "{} = {}", key.path, names[i]);
        }
    }
}

#[test]
fn every_key_is_documented_once_with_its_legal_values() {
    let documents = keys();
    for (i, key) in documents.iter().enumerate() {
        assert!(key.doc.ends_with('.') && !key.legal.is_empty(), "{}", key.path);
        assert!(
            documents[..i].iter().all(|other| other.path != key.path),
            "{} is there twice",
            key.path
        );
        if let Some((table, _)) = key.path.rsplit_once('.') {
            assert!(find(table).is_some(), "{table}");
        }
    }
}

#[test]
fn defaults_that_follow_other_settings_follow_the_assignment() {
    let experiment = parse(
        &format!(
            "{SYNTHETIC}[sweep.space]\n\"data.window\" = [30, \
            60]\n\"train.learning_rate\" = [1e-5, 1e-3]\n"
        ),
        &[],
    )
    .unwrap();
    let of = |window: i64, rate: f64| {
        let assignment = Assignment::from([
            ("data.window".to_owned(), Value::Int(window)),
            ("train.learning_rate".to_owned(), Value::Float(rate)),
        ]);
        experiment.settings_of(&assignment, 4).unwrap()
    };
    assert_eq!(of(30, 1e-3).data.split.embargo, 31);
    assert_eq!(of(60, 1e-3).data.split.embargo, 61);
    assert_eq!(of(60, 1e-3).train.seed, 5);
    let least = |settings: Settings| match settings.train.schedule {
        lane_types::Schedule::Cosine { min_learning_rate, .. } => min_learning_rate,
        other => panic!("{other:?}"),
    };
    assert_eq!((least(of(60, 1e-3)), least(of(60, 1e-5))), (1e-5, 1e-5 / 10.0));
}
