//! Keys of `[data]` that say what is made of the bars.

use std::ops::Bound::{Excluded, Included};

use super::super::settings::{Scaler, TargetKind};
use super::super::wire::{DEFAULT_SCALE, WireSplit};
use super::Fallback::{Parts, Rule, Toml};
use super::row::{key, named, number, one_of, table, text, whole};
use super::{Key, Takes};

const SCALERS: &[&str] = &["min_max", "standard", "robust", "none"];

/// What is made of the bars.
pub(super) static KEYS: &[Key] = &[
    key(
        "data.rows",
        whole(100, 1_000_000_000, |w, v| w.data.rows = Some(v as usize)),
        Rule("all"),
        "Use only the last so many bars.",
    ),
    key(
        "data.features",
        Takes::Features(|w, v| w.data.features = v),
        Toml(r#"["close", "volume", "sma_20", "rsi_14", "macd"]"#),
        "Columns of the series, in this order: open, high, low, close, volume, log_return, sma_N, \
            ema_N, rsi_N, macd, macd_signal, macd_hist (each also with its periods: macd_12_26_9), \
            atr_N, realized_vol_N, time_of_day.",
    ),
    key(
        "data.target",
        table(|w| (w.data.horizon, w.data.target) = (1, TargetKind::Price)),
        Parts,
        "What is forecast.",
    ),
    key(
        "data.target.column",
        text("\"close\"", |_, v| match v {
            "close" => Ok(()),
            other => Err((
                format!(
                    "'data.target.column' takes \"close\", not \"{other}\": the baselines and the \
                        units are those of the close"
                ),
                Some("other columns can be features".to_owned()),
            )),
        }),
        Toml("\"close\""),
        "Of which column; the close is the only one.",
    ),
    key(
        "data.target.horizon",
        whole(1, 10_000, |w, v| w.data.horizon = v as usize),
        Toml("1"),
        "How many bars ahead the target lies.",
    ),
    key(
        "data.target.kind",
        one_of(&["price", "log_return", "log_volatility"], |w, v| named(&mut w.data.target, v)),
        Toml("\"price\""),
        "The close itself, its log return over the horizon, or the log of its realised volatility \
            over the horizon.",
    ),
    key(
        "data.window",
        whole(1, 10_000, |w, v| w.data.window = v as usize),
        Toml("60"),
        "Rows in a window.",
    ),
    key(
        "data.step",
        whole(1, 10_000, |w, v| w.data.step = v as usize),
        Toml("1"),
        "Rows between the starts of two training windows; validation and test use every window.",
    ),
    key(
        "data.cross_gaps",
        Takes::Flag(|w, v| w.data.cross_gaps = v),
        Toml("false"),
        "Whether windows and targets may span a gap: a break, a night, a hole.",
    ),
    key(
        "data.split",
        table(|w| w.data.split = WireSplit::default()),
        Parts,
        "Training, validation and test rows, by time; what is left by the shares is for training.",
    ),
    key(
        "data.split.kind",
        one_of(&["holdout", "walk_forward"], |w, v| named(&mut w.data.split.kind, v)),
        Toml("\"holdout\""),
        "One validation stretch; or several blocks one after the other, a trial for each, which \
            trains on the rows before it.",
    ),
    key(
        "data.split.valid",
        number(Excluded(0.0), Excluded(1.0), |w, v| w.data.split.valid = Some(v)),
        Rule("0.2; in a walk-forward split (1 − test) / (2 folds)"),
        "Share of validation rows; in a walk-forward split of each block.",
    ),
    key(
        "data.split.folds",
        whole(2, 100, |w, v| w.data.split.folds = Some(v as usize)),
        Rule("5"),
        "Validation blocks of a walk-forward split.",
    ),
    key(
        "data.split.train",
        one_of(&["expanding", "rolling"], |w, v| {
            named(w.data.split.train.get_or_insert_default(), v)
        }),
        Rule("expanding"),
        "Which rows before its block a fold trains on: all, or the last, as many as the first fold \
            has.",
    ),
    key(
        "data.split.test",
        number(Included(0.0), Excluded(1.0), |w, v| w.data.split.test = v),
        Toml("0.1"),
        "Share of test rows, the last ones; opened by `kiln evaluate` alone.",
    ),
    key(
        "data.split.embargo",
        whole(1, 1_000_000, |w, v| w.data.split.embargo = Some(v as usize)),
        Rule("window + horizon"),
        "Rows left out between two splits, at least the horizon.",
    ),
    key(
        "data.scale",
        table(|w| w.data.scale = DEFAULT_SCALE),
        Parts,
        "How each family of columns is scaled, fitted on the training rows.",
    ),
    key(
        "data.scale.price",
        one_of(SCALERS, |w, v| named::<Scaler>(&mut w.data.scale.price, v)),
        Toml("\"min_max\""),
        "Columns in price units: open, high, low, close, sma_N, ema_N; and a price target.",
    ),
    key(
        "data.scale.volume",
        one_of(SCALERS, |w, v| named::<Scaler>(&mut w.data.scale.volume, v)),
        Toml("\"min_max\""),
        "The volume.",
    ),
    key(
        "data.scale.indicator",
        one_of(SCALERS, |w, v| named::<Scaler>(&mut w.data.scale.indicator, v)),
        Toml("\"standard\""),
        "All other columns; and a log return or log volatility target.",
    ),
];
