//! Keys of the top level and of `[sweep]`.

use super::super::suggest::did_you_mean;
use super::super::wire::{Wire, WireStrategy};
use super::Fallback::{Parts, Rule, Toml};
use super::row::{key, named, one_of, table, text, whole};
use super::takes::Refusal;
use super::{ANY_SEED, Key, Takes};
use crate::metric::{Direction, Metric, Quantity, Split};

/// The top level.
pub(super) static HEAD: &[Key] = &[
    key(
        "name",
        text("a folder's name: at most 64 letters, digits, '-', '_' and '.'", |w, v| {
            name_problem(v).map_or(Ok(()), |problem| {
                Err((format!("the name \"{v}\" {problem}"), name_hint(v)))
            })?;
            w.head.name = Some(v.to_owned());
            Ok(())
        }),
        Rule("the file's name without its ending"),
        "The sweep's folder under runs/.",
    ),
    key(
        "question",
        text("text", |w, v| {
            super::row::not_empty("question", v)?;
            w.head.question = Some(v.to_owned());
            Ok(())
        }),
        Rule("none"),
        "The question that the experiment asks; shown with its answer.",
    ),
    key(
        "backend",
        text(
            "\"auto\", \"cuda\", \"cuda:N\", \"wgpu\", \"wgpu:N\", \"ndarray\" or \"flex\"",
            |w, v| {
                w.head.backend = v.parse().map_err(|error: lane_types::UnknownDevice| {
                    let hint = if v == "cpu" {
                        Some("on a CPU take flex".to_owned())
                    } else {
                        did_you_mean(v, BACKENDS)
                    };
                    (error.to_string(), hint)
                })?;
                Ok(())
            },
        ),
        Toml("\"auto\""),
        "Where to train; auto takes a usable CUDA device, else a wgpu adapter with memory of its \
            own, else flex (the CPU).",
    ),
];

const BACKENDS: [&str; 5] = ["auto", "cuda", "wgpu", "ndarray", "flex"];

/// `[sweep]`.
pub(super) static KEYS: &[Key] = &[
    key("sweep", table(|_| ()), Parts, "Which trials there are, and what they are ranked by."),
    key(
        "sweep.strategy",
        table(|w| w.head.strategy = WireStrategy::default()),
        Parts,
        "Who chooses the trials.",
    ),
    key(
        "sweep.strategy.kind",
        one_of(&["grid", "random", "sobol", "list"], |w, v| named(&mut w.head.strategy.kind, v)),
        Toml("\"grid\""),
        "Every combination of the space, independent draws from it, a Sobol sequence, whose points \
            fill the space more evenly than independent ones, or trials as written.",
    ),
    key(
        "sweep.strategy.trials",
        Takes::Trials { set: |w, v| w.head.strategy.trials = Some(v as usize) },
        Rule("required for random, sobol and list"),
        "How many draws (random, sobol), or the trials themselves (list): \
            [{ \"model.hidden_size\" = 16 }, …].",
    ),
    key(
        "sweep.strategy.seed",
        whole(0, ANY_SEED, |w, v| w.head.strategy.seed = Some(v)),
        Rule("1; random and sobol only"),
        "Source of the draws.",
    ),
    key("sweep.objective", table(reset_objective), Parts, "What trials are ranked by."),
    key(
        "sweep.objective.metric",
        text(
            "a metric: \"valid.skill\", \"valid.rmse\", \"valid.mae\", \"valid.mase\", \
                \"valid.ic\", \"train.rmse\", …",
            |w, v| {
                w.head.metric = objective(v)?;
                Ok(())
            },
        ),
        Toml("\"valid.skill\""),
        "A split and a quantity: valid or train; rmse, mse, mae, loss, or (valid only) skill \
            against the best baseline, mase, r2, directional_accuracy, ic, ic_ir, rank_ic, \
            rank_ic_ir, and of a log volatility qlike.",
    ),
    key(
        "sweep.objective.direction",
        one_of(&["minimize", "maximize"], |w, v| {
            let mut direction = Direction::Minimize;
            named(&mut direction, v);
            w.head.direction = Some(direction);
        }),
        Rule("the metric's own"),
        "Which way is better; it must be the metric's own.",
    ),
    key(
        "sweep.repeats",
        whole(1, 1_000, |w, v| w.head.repeats = v as usize),
        Toml("1"),
        "Seeds per assignment; assignments are ranked by the mean over them.",
    ),
    key(
        "sweep.space",
        Takes::Space,
        Rule("empty: one trial"),
        "What varies: keys of data, model and train in quotes, each with a list of values or a \
            range: { int = [16, 64], step = 16 }, { float = [0.0, 0.5], points = 3 }, \
            { log = [1e-4, 1e-2], points = 3 }; with zip = \"group\" and when = \
            { \"other.key\" = value } where wanted.",
    ),
];

fn reset_objective(wire: &mut Wire) {
    let super::super::wire::Head { metric, direction, .. } = super::super::wire::Head::default();
    (wire.head.metric, wire.head.direction) = (metric, direction);
}

/// What lies beside the sweeps under `runs/`, and what stands for one in a selector.
const RESERVED: [&str; 5] = ["ledger.jsonl", "ledger", "views", "latest", "best"];

/// What is wrong with a sweep's name.
pub(in super::super) fn name_problem(name: &str) -> Option<String> {
    let odd = name.chars().find(|c| !c.is_ascii_alphanumeric() && !"-_.".contains(*c));
    match odd {
        _ if name.is_empty() => Some("is empty".to_owned()),
        Some(odd) => Some(format!(
            "is not a folder's name: it may hold letters, digits, '-', '_' and '.', not {odd:?}"
        )),
        None if name.starts_with(['.', '-']) => {
            Some("is not a folder's name: it must start with a letter or a digit".to_owned())
        }
        None if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) => {
            Some(format!(
                "is taken in the folder of all sweeps, or in what names them ({})",
                RESERVED.join(", ")
            ))
        }
        None if name.len() > 64 => {
            Some(format!("is too long: {} characters, at most 64", name.len()))
        }
        None => None,
    }
}

fn name_hint(name: &str) -> Option<String> {
    let mended: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' })
        .collect();
    let mut mended: String = mended.trim_start_matches(['.', '-', '_']).chars().take(64).collect();
    if RESERVED.iter().any(|reserved| mended.eq_ignore_ascii_case(reserved)) {
        mended = format!("{}_1", mended.trim_end_matches(".jsonl"));
    }
    (!mended.is_empty() && name_problem(&mended).is_none())
        .then(|| format!("for instance \"{mended}\""))
}

fn objective(text: &str) -> Result<Metric, Refusal> {
    let legal = format!("known: {}", Metric::OBJECTIVES.join(", "));
    let metric: Metric = text.parse().map_err(|_| {
        let by_quantity =
            Metric::OBJECTIVES.into_iter().find(|name| name.rsplit('.').next() == Some(text));
        let hint = by_quantity
            .map(|name| format!("did you mean '{name}'?"))
            .or_else(|| did_you_mean(text, Metric::OBJECTIVES));
        (format!("\"{text}\" is not a metric that trials can be ranked by ({legal})"), hint)
    })?;
    if metric.split == Split::Test {
        return Err((
            format!(
                "trials cannot be ranked by \"{text}\": the test rows are opened by `kiln \
                    evaluate` alone"
            ),
            (metric.quantity != Quantity::Loss)
                .then(|| format!("rank by valid.{}", text.trim_start_matches("test."))),
        ));
    }
    if !Metric::OBJECTIVES.contains(&text) {
        return Err((
            format!("\"{text}\" is not a metric that trials can be ranked by ({legal})"),
            None,
        ));
    }
    Ok(metric)
}
