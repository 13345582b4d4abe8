//! Keys of `[model]` and `[train]`.

use std::ops::Bound::{Excluded, Included};

use super::super::wire::{WireHead, WireOptimizer, WireSchedule, WireStopping};
use super::Fallback::{Parts, Rule, Toml};
use super::row::{key, named, number, one_of, table, whole};
use super::{ANY_SEED, Interval, Key, Takes};

/// Greatest learning rate that makes sense.
const MAX_RATE: f64 = 100.0;

/// `[model]` and `[train]`.
pub(super) static KEYS: &[Key] = &[
    key("model", table(|_| ()), Parts, "The network."),
    key(
        "model.kind",
        one_of(&["lstm"], |w, v| named(&mut w.model.kind, v)),
        Toml("\"lstm\""),
        "Stacked LSTM and a linear head.",
    ),
    key(
        "model.hidden_size",
        whole(1, 4096, |w, v| w.model.hidden_size = v as usize),
        Toml("32"),
        "Units of each LSTM layer.",
    ),
    key(
        "model.num_layers",
        whole(1, 16, |w, v| w.model.num_layers = v as usize),
        Toml("2"),
        "Stacked LSTM layers.",
    ),
    key(
        "model.dropout",
        number(Included(0.0), Excluded(1.0), |w, v| w.model.dropout = Some(v)),
        Toml("0.1"),
        "Probability that an output of a layer is zeroed on its way to the next layer while \
            training; a single layer knows none.",
    ),
    key(
        "model.head",
        table(|w| w.model.head = WireHead::default()),
        Parts,
        "What is forecast of the target.",
    ),
    key(
        "model.head.kind",
        one_of(&["point", "quantile"], |w, v| named(&mut w.model.head.kind, v)),
        Toml("\"point\""),
        "A point, trained with train.loss; or quantiles, trained with the mean of their pinball \
            losses (the median is the point forecast).",
    ),
    key(
        "model.head.levels",
        Takes::Levels(|w, v| w.model.head.levels = Some(v)),
        Rule("[0.1, 0.5, 0.9]; quantile only"),
        "Levels of the quantiles.",
    ),
    key("train", table(|_| ()), Parts, "The training."),
    key(
        "train.epochs",
        whole(1, 1_000_000, |w, v| w.train.epochs = v as usize),
        Toml("100"),
        "Passes over the training windows.",
    ),
    key(
        "train.batch_size",
        whole(1, 65_536, |w, v| w.train.batch_size = v as usize),
        Toml("32"),
        "Windows per step.",
    ),
    key(
        "train.learning_rate",
        number(Excluded(0.0), Included(MAX_RATE), |w, v| w.train.learning_rate = v),
        Toml("1e-3"),
        "The rate before the schedule's factor.",
    ),
    key(
        "train.loss",
        one_of(&["mse", "mae", "huber"], |w, v| named(&mut w.train.loss, v)),
        Toml("\"mse\""),
        "Mean squared error, mean absolute error, or Huber with δ = 1, on the scaled target, of a \
            point head.",
    ),
    key(
        "train.optimizer",
        table(|w| w.train.optimizer = WireOptimizer::default()),
        Parts,
        "The update rule.",
    ),
    key(
        "train.optimizer.kind",
        one_of(&["adam", "adamw", "sgd"], |w, v| named(&mut w.train.optimizer.kind, v)),
        Toml("\"adam\""),
        "Adam, AdamW (decoupled weight decay), or stochastic gradient descent with momentum.",
    ),
    key(
        "train.optimizer.beta1",
        number(Included(0.0), Excluded(1.0), |w, v| w.train.optimizer.beta1 = Some(v)),
        Rule("0.9; adam and adamw only"),
        "Decay of the running mean of the gradient.",
    ),
    key(
        "train.optimizer.beta2",
        number(Included(0.0), Excluded(1.0), |w, v| w.train.optimizer.beta2 = Some(v)),
        Rule("0.999; adam and adamw only"),
        "Decay of the running mean of its square.",
    ),
    key(
        "train.optimizer.epsilon",
        number(Excluded(0.0), Included(1.0), |w, v| w.train.optimizer.epsilon = Some(v)),
        Rule("1e-8; adam and adamw only"),
        "Added to the root of that mean.",
    ),
    key(
        "train.optimizer.weight_decay",
        number(Included(0.0), Included(10.0), |w, v| w.train.optimizer.weight_decay = Some(v)),
        Rule("0.0; adamw: 0.01"),
        "L2 decay of the weights (adam, sgd), or decoupled decay (adamw).",
    ),
    key(
        "train.optimizer.momentum",
        number(Included(0.0), Excluded(1.0), |w, v| w.train.optimizer.momentum = Some(v)),
        Rule("0.0; sgd only"),
        "Share of the last step that is kept.",
    ),
    key(
        "train.schedule",
        table(|w| w.train.schedule = WireSchedule::default()),
        Parts,
        "How the learning rate changes from epoch to epoch.",
    ),
    key(
        "train.schedule.kind",
        one_of(
            &["constant", "linear", "step", "exponential", "cosine", "noam", "plateau"],
            |w, v| {
                named(&mut w.train.schedule.kind, v);
            },
        ),
        Toml("\"cosine\""),
        "Constant; a straight line, steps or an exponential down; half a cosine (with restarts); \
            noam; or down when the validation loss stands still (plateau).",
    ),
    key(
        "train.schedule.warmup_epochs",
        whole(0, 1_000_000, |w, v| w.train.schedule.warmup_epochs = Some(v as usize)),
        Rule("0; noam: a tenth of the epochs; not for constant and plateau"),
        "Epochs in which the rate rises in a straight line to the learning rate.",
    ),
    key(
        "train.schedule.min_learning_rate",
        number(Included(0.0), Included(MAX_RATE), |w, v| {
            w.train.schedule.min_learning_rate = Some(v)
        }),
        Rule("1e-5, but at most a tenth of the learning rate; linear, cosine and plateau only"),
        "Where the rate ends, or stays.",
    ),
    key(
        "train.schedule.step_epochs",
        whole(1, 1_000_000, |w, v| w.train.schedule.step_epochs = Some(v as usize)),
        Rule("30; step only"),
        "Epochs between two steps.",
    ),
    key(
        "train.schedule.gamma",
        number(Excluded(0.0), Excluded(1.0), |w, v| w.train.schedule.gamma = Some(v)),
        Rule("step: 0.1; exponential: 0.95"),
        "Factor of a step, or of an epoch.",
    ),
    key(
        "train.schedule.restart_epochs",
        whole(1, 1_000_000, |w, v| w.train.schedule.restart_epochs = Some(v as usize)),
        Rule("none: one cosine over all epochs; cosine only"),
        "Start the cosine anew every so many epochs.",
    ),
    key(
        "train.schedule.factor",
        number(Excluded(0.0), Excluded(1.0), |w, v| w.train.schedule.factor = Some(v)),
        Rule("0.5; plateau only"),
        "Factor on the rate when the validation loss stands still.",
    ),
    key(
        "train.schedule.patience",
        whole(1, 1_000_000, |w, v| w.train.schedule.patience = Some(v as usize)),
        Rule("5; plateau only"),
        "Epochs without improvement before that.",
    ),
    key(
        "train.early_stopping",
        Takes::TableOrFalse {
            reset: |w| w.train.early_stopping = WireStopping::ON,
            off: |w| w.train.early_stopping = WireStopping::OFF,
        },
        Parts,
        "Stop when the validation loss no longer falls, and keep the best epoch's weights; false \
            runs all epochs.",
    ),
    key(
        "train.early_stopping.patience",
        whole(1, 1_000_000, |w, v| w.train.early_stopping.patience = Some(v as usize)),
        Toml("10"),
        "Epochs without improvement that end the training.",
    ),
    key(
        "train.early_stopping.min_delta",
        number(Included(0.0), Included(1e6), |w, v| w.train.early_stopping.min_delta = Some(v)),
        Toml("0.0"),
        "Least fall that counts, in units of the scaled loss.",
    ),
    key(
        "train.clip_norm",
        Takes::NumberOrFalse {
            interval: Interval { low: Excluded(0.0), high: Included(1e6) },
            set: |w, v| w.train.clip_norm = v,
        },
        Toml("1.0"),
        "The gradient's L2 norm is scaled down to this; false for no clipping.",
    ),
    key(
        "train.seed",
        whole(0, ANY_SEED, |w, v| w.train.seed = v),
        Toml("1"),
        "Source of the initial weights, the shuffle order and the dropout masks; the n-th repeat \
            adds n.",
    ),
];
