//! What must fit together.

use super::mistake::{Clash, Mistake, key, steps};
use super::overrides::space_path;
use super::settings::{Data, Source, Split, TargetKind};
use super::tree::Node;
use super::validate::format_by_ending;
use super::wire::{HeadKind, Wire};
use crate::metric::Quantity;
use crate::space::Space;

/// Rules over the data settings of a trial.
pub(super) fn data(data: &Data, clashes: &mut Vec<Clash>) {
    let Data {
        source,
        rows,
        bar_seconds: _,
        features,
        target,
        window,
        step: _,
        cross_gaps,
        split,
        scale: _,
    } = data;
    let reach = window + target.horizon;
    let folds = split.folds();
    let shared = folds as f64 * split.valid + split.test;
    if split.walk_forward.is_some() && shared > NEARLY_ALL {
        clashes.push(
            Clash::new(
                &["data.split.valid", "data.split.folds", "data.split.test"],
                format!(
                    "{folds} folds of {} each and test ({}) leave no rows for the first fold's \
                        training",
                    split.valid, split.test
                ),
            )
            .hint(
                "folds × valid + test must be less than 1; without valid a fold has (1 − test) / \
                (2 folds)",
            ),
        );
    }
    if split.walk_forward.is_none() && split.valid + split.test >= 1.0 {
        clashes.push(
            Clash::new(
                &["data.split.valid", "data.split.test"],
                format!(
                    "validation ({}) and test ({}) leave no rows for training",
                    split.valid, split.test
                ),
            )
            .hint("the shares must add up to less than 1"),
        );
    }
    if split.embargo < target.horizon {
        clashes.push(
            Clash::new(
                &["data.split.embargo", "data.target.horizon"],
                format!(
                    "an embargo of {} rows is below the horizon of {} bars",
                    split.embargo, target.horizon
                ),
            )
            .hint(
                "targets of one split would lie in the next; without the key it is window + \
                horizon",
            ),
        );
    }
    let generated = match source {
        Source::Synthetic(synthetic) => Some(synthetic),
        Source::File { .. } => None,
    };
    if let Some(synthetic) = generated {
        if synthetic.session > synthetic.bars {
            clashes.push(Clash::new(
                &["data.synthetic.session", "data.synthetic.bars"],
                format!(
                    "a session of {} bars is longer than the series of {}",
                    synthetic.session, synthetic.bars
                ),
            ));
        }
        if synthetic.session < reach && !cross_gaps {
            clashes.push(
                Clash::new(
                    &["data.synthetic.session", "data.window", "data.target.horizon"],
                    format!(
                        "a session of {} bars holds no window of {window} rows with its target {} \
                            ahead",
                        synthetic.session, target.horizon
                    ),
                )
                .hint("lengthen the session, shorten the window, or set data.cross_gaps = true"),
            );
        }
    }
    let known_rows = match (rows, generated) {
        (Some(rows), Some(synthetic)) => Some((*rows.min(&synthetic.bars), "data.rows")),
        (Some(rows), None) => Some((*rows, "data.rows")),
        (None, Some(synthetic)) => Some((synthetic.bars, "data.synthetic.bars")),
        (None, None) => None,
    };
    let warm_up = features.iter().map(|feature| feature.warm_up()).max().unwrap_or(0);
    if split.walk_forward.is_some() {
        clashes.extend(
            known_rows
                .filter(|_| shared <= NEARLY_ALL)
                .and_then(|(rows, key)| folds_of(rows, warm_up, *window, split, key)),
        );
        return;
    }
    // One window with its target must fit before the first embargo; two embargoes lie between three
    // splits.
    let embargoes = if split.test > 0.0 { 2 } else { 1 };
    let needed = warm_up + reach + embargoes * (split.embargo + 1);
    if let Some((rows, key)) = known_rows.filter(|(rows, _)| *rows < needed) {
        clashes.push(
            Clash::new(
                &[key, "data.window", "data.target.horizon", "data.split.embargo", "data.features"],
                format!(
                    "{rows} rows are too few for windows of {window} rows: at least {needed} \
                    are needed"
                ),
            )
            .hint(format!(
                "{warm_up} rows of warm-up, {reach} for a window with its target, {embargoes} × {} \
                    of embargo, and a row in each other split",
                split.embargo
            )),
        );
    }
}

/// Shares that add up to more leave nothing; five times 0.18 and 0.1 are a little less than 1 to a
/// computer.
const NEARLY_ALL: f64 = 1.0 - 1e-9;

/// Whether so many rows hold the folds: a training window before the first, a validation window in
/// the last.
fn folds_of(
    rows: usize,
    warm_up: usize,
    window: usize,
    split: &Split,
    key: &'static str,
) -> Option<Clash> {
    let Split { valid, test, embargo, walk_forward: _ } = *split;
    let left = rows.saturating_sub(warm_up);
    let share = |share: f64| (left as f64 * share).round() as usize;
    let (block, first) =
        (share(valid), left.saturating_sub(share(test) + split.folds() * share(valid)));
    let lost = if test > 0.0 { embargo } else { 0 };
    let keys = &[
        key,
        "data.split.folds",
        "data.split.valid",
        "data.split.test",
        "data.split.embargo",
        "data.window",
    ];
    let of = format!(
        "{rows} rows, {warm_up} of them warm-up, are too few for {} folds of {block} rows",
        split.folds()
    );
    if first < embargo + window {
        let need = embargo + window;
        return Some(
            Clash::new(
                keys,
                format!(
                    "{of}: {first} rows lie before the first fold's block, \
                training needs {need}"
                ),
            )
            .hint(format!(
                "a window has {window} rows, the embargo {embargo}; use fewer folds, \
                    a smaller valid, or more rows"
            )),
        );
    }
    (block <= lost).then(|| {
        Clash::new(
            keys,
            format!(
                "{of}: the last fold leaves out an embargo of {lost} rows before the test rows"
            ),
        )
        .hint("use fewer folds, a larger valid, or more rows")
    })
}

/// Rules that hold for the file as a whole, whatever the trials.
pub(super) fn file(wire: &Wire, root: &Node, space: &Space) -> Vec<Mistake> {
    let mut mistakes = source(wire, root);
    let varies = |key: &str| space.parameters.iter().any(|parameter| parameter.key == key);
    if let (Some(dropout), 1) = (wire.model.dropout, wire.model.num_layers)
        && dropout > 0.0
        && !varies("model.num_layers")
        && !varies("model.dropout")
    {
        mistakes.push(Mistake {
            path: steps("model.dropout"),
            also: vec![steps("model.num_layers")],
            ..Mistake::value(format!("'model.dropout' = {dropout} has no effect with one layer"))
                .hint("dropout lies between layers: remove it, or take 2 layers or more")
        });
    }
    if wire.backtest.is_some()
        && wire.data.target == TargetKind::LogVolatility
        && !varies("data.target.kind")
        && !varies("data.target")
    {
        mistakes.push(Mistake {
            path: steps("backtest"),
            also: vec![steps("data.target.kind")],
            ..Mistake::name(
                "a log_volatility forecast says how far the price will move, not which \
                way: it cannot be traded",
            )
            .hint("remove [backtest], or forecast the price or the log_return")
        });
    }
    if wire.model.head.kind == HeadKind::Quantile
        && !varies("model.head")
        && !varies("model.head.kind")
    {
        let swept = varies("train.loss").then(|| space_path("train.loss"));
        let place = swept.or_else(|| root.get(&steps("train.loss")).map(|_| steps("train.loss")));
        mistakes.extend(place.map(|path| {
            Mistake {
                path,
                also: vec![steps("model.head")],
                ..Mistake::name(
                    "'train.loss' has no effect on a quantile head, whose loss is the mean of its \
                        levels' pinball losses",
                )
                .hint("remove it, or take a point head")
            }
        }));
    }
    mistakes.extend(objective(wire, space));
    mistakes
}

/// Exactly one source, with what it needs and nothing else.
fn source(wire: &Wire, root: &Node) -> Vec<Mistake> {
    const OF_FILES: [&str; 7] = [
        "data.format",
        "data.columns",
        "data.ts_format",
        "data.ts_ambiguous",
        "data.zone",
        "data.bar_label",
        "data.bar",
    ];
    let written = |path: &str| root.get(&steps(path)).is_some();
    let mut mistakes = Vec::new();
    match (written("data.source"), written("data.synthetic")) {
        (true, true) => mistakes.push(Mistake {
            path: steps("data.synthetic"),
            also: vec![steps("data.source")],
            ..Mistake::name("both 'data.source' and 'data.synthetic' are given")
                .hint("an experiment has one source: remove one of the two")
        }),
        (false, false) => mistakes.push(Mistake {
            path: vec![key("data")],
            ..Mistake::name(
                "there is no data: neither 'data.source' nor 'data.synthetic' is given",
            )
            .hint(
                "write under [data]: source = \"bars.csv\" with bar_label = \"start\" or \"end\", \
                    or synthetic = { bars = 20000 }",
            )
            .after(&["data", "data.source", "data.synthetic"])
        }),
        (true, false) => {
            if !written("data.bar_label") {
                mistakes.push(Mistake {
                    path: steps("data.source"),
                    ..Mistake::name(
                        "'data.bar_label' is missing: does a timestamp of this file mark the start \
                            or the end of its bar?",
                    )
                    .note(
                        "it is never guessed: a wrong guess would let every forecast see one bar \
                        of the future",
                    )
                    .hint(
                        "add bar_label = \"start\" or bar_label = \"end\"; the vendor's \
                        documentation says which",
                    )
                    .after(&["data.bar_label"])
                });
            }
            let path = wire.data.source.as_deref();
            if let Some(path) =
                path.filter(|path| wire.data.format.is_none() && format_by_ending(path).is_none())
            {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if root.get(&steps("data.format")).is_none_or(|node| node.text() == Some("auto")) {
                    mistakes.push(Mistake {
                        path: steps("data.source"),
                        ..Mistake::value(format!(
                            "the ending of \"{name}\" does not say what the \
                            file is"
                        ))
                        .note("known endings: .csv, .csv.gz, .parquet")
                        .hint("add format = \"csv\" or format = \"parquet\"")
                        .after(&["data.format"])
                    });
                }
            }
        }
        (false, true) => {
            for key in OF_FILES.into_iter().filter(|key| written(key)) {
                mistakes.push(Mistake {
                    path: steps(key),
                    also: vec![steps("data.synthetic")],
                    ..Mistake::name(format!("'{key}' has no effect on a synthetic series")).hint(
                        "remove \
                        it",
                    )
                });
            }
        }
    }
    mistakes
}

/// An objective compares trials only where they measure the same thing.
fn objective(wire: &Wire, space: &Space) -> Vec<Mistake> {
    let metric = wire.head.metric;
    let mut mistakes = Vec::new();
    if let Some(direction) =
        wire.head.direction.filter(|direction| *direction != metric.direction())
    {
        let own = serde_json::to_string(&metric.direction()).unwrap_or_default();
        let given = serde_json::to_string(&direction).unwrap_or_default();
        mistakes.push(Mistake {
            path: steps("sweep.objective.direction"),
            also: vec![steps("sweep.objective.metric")],
            ..Mistake::value(format!(
                "'{metric}' is better the other way: its direction is {own}, not {given}"
            ))
            .hint("remove the direction, it comes from the metric")
        });
    }
    if metric.quantity == Quantity::Qlike
        && wire.data.target != TargetKind::LogVolatility
        && !space.parameters.iter().any(|p| p.key.starts_with("data.target"))
    {
        mistakes.push(Mistake {
            path: steps("sweep.objective.metric"),
            also: vec![steps("data.target.kind")],
            ..Mistake::value(format!(
                "trials cannot be ranked by '{metric}': it is of a log volatility alone"
            ))
            .hint("rank by valid.skill or valid.mase, or write kind = \"log_volatility\"")
            .after(&["data.target", "data.target.kind"])
        });
    }
    for parameter in &space.parameters {
        let key = parameter.key.as_str();
        let units = key == "data.target.kind" || key == "data.target";
        let loss = units
            || key == "train.loss"
            || key.starts_with("data.scale")
            || key.starts_with("model.head");
        let why = match metric.quantity {
            Quantity::Loss if loss => "the loss of its trials would not be the same measure",
            Quantity::Mse | Quantity::Mae | Quantity::Rmse if units && varies_kind(parameter) => {
                "its trials would be measured in different units"
            }
            _ => continue,
        };
        let hint = if units {
            "rank by valid.skill, which has no unit"
        } else {
            "rank by valid.rmse, valid.mae or valid.skill"
        };
        mistakes.push(Mistake {
            path: space_path(key),
            also: vec![steps("sweep.objective.metric")],
            ..Mistake::name(format!(
                "trials cannot be ranked by '{metric}' while '{key}' varies: {why}"
            ))
            .hint(hint)
        });
    }
    mistakes
}

/// Whether a parameter takes more than one kind of target.
fn varies_kind(parameter: &crate::space::Parameter) -> bool {
    use crate::space::{Domain, Value};
    let Domain::Choice(values) = &parameter.domain else { return true };
    let kind = |value: &Value| match value {
        Value::Text(kind) => kind.clone(),
        Value::Table(table) => match table.get("kind") {
            Some(Value::Text(kind)) => kind.clone(),
            _ => serde_json::to_value(TargetKind::Price)
                .ok()
                .and_then(|kind| kind.as_str().map(str::to_owned))
                .unwrap_or_default(),
        },
        other => other.to_string(),
    };
    values.windows(2).any(|pair| kind(&pair[0]) != kind(&pair[1]))
}
