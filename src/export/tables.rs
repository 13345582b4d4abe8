//! Runs, epochs and forecasts as tables.

use serde_json::Value as Json;
use std::collections::BTreeMap;

use super::recorded::{nanoseconds, numbers};
use super::settings::{self, flat};
use super::{Recorded, Table};
use evidence::compare::{estimate, state, value};
use experiment::metric::{Metric, Quantity, Split};
use runs::store::{Baseline, Forecasts};

/// One row a run: what it is, every metric that is recorded with its interval (`.low`, `.high`),
/// the rmse of each baseline over the validation windows, every setting by its dotted key
/// (`settings.data.window`).
#[must_use]
pub fn runs(runs: &[Recorded]) -> Table {
    let mut table = Table::default();
    let of = |cell: fn(&Recorded) -> Option<i64>| runs.iter().map(cell);
    table.text("sweep", runs.iter().map(|run| Some(run.sweep.clone())));
    table.text("run", runs.iter().map(|run| Some(run.run.clone())));
    table.text("state", runs.iter().map(|run| Some(state(&run.record))));
    table.whole("repeat", of(|run| whole(run.record.trial.repeat)));
    table.whole("fold", of(|run| run.record.trial.fold().and_then(whole)));
    table.text("device", runs.iter().map(|run| run.record.progress.device.clone()));
    table.whole(
        "epochs",
        of(|run| {
            whole(
                run.record
                    .result
                    .as_ref()
                    .map_or(run.record.progress.epochs.len(), |result| result.epochs),
            )
        }),
    );
    table.whole("best_epoch", of(best_epoch));
    table.number(
        "seconds",
        runs.iter().map(|run| run.record.result.as_ref().map(|result| result.seconds)),
    );
    table.time(
        "started",
        runs.iter().map(|run| run.history.started.as_deref().and_then(nanoseconds)),
    );
    table.time("ended", runs.iter().map(|run| run.history.ended.as_deref().and_then(nanoseconds)));
    for metric in metrics() {
        metric_columns(&mut table, metric, runs);
    }
    baseline_columns(&mut table, runs);
    setting_columns(&mut table, runs);
    table
}

/// One row an epoch: when it ended, its losses (scaled) and errors (in the target's unit), its rate
/// and its speed.
#[must_use]
pub fn epochs(runs: &[Recorded]) -> Table {
    let mut table = Table::default();
    let rows = || {
        runs.iter()
            .flat_map(|run| run.history.epochs.iter().map(move |(at, report)| (run, at, report)))
    };
    table.text("sweep", rows().map(|(run, ..)| Some(run.sweep.clone())));
    table.text("run", rows().map(|(run, ..)| Some(run.run.clone())));
    table.whole("epoch", rows().map(|(.., report)| whole(report.epoch)));
    table.time("at", rows().map(|(_, at, _)| nanoseconds(at)));
    let numbers: Vec<_> = rows().map(|(.., report)| numbers(report)).collect();
    if let Some(first) = numbers.first() {
        for (place, (name, _)) in first.iter().enumerate() {
            table.number(name, numbers.iter().map(|row| row[place].1));
        }
    }
    table.whole("best_epoch", rows().map(|(.., report)| whole(report.best_epoch)));
    table.whole("waited", rows().map(|(.., report)| whole(report.waited)));
    table
}

/// One row a forecast of one split: the start of the window's last bar, what happened, what was
/// forecast, every quantile and baseline, in the target's unit. A column that a run does not have
/// is undefined in its rows.
#[must_use]
pub fn forecasts(runs: &[(Recorded, Forecasts)], split: Split) -> Table {
    let mut table = Table::default();
    fn each<T>(
        runs: &[(Recorded, Forecasts)],
        cell: impl Fn(&Recorded, &Forecasts, usize) -> Option<T>,
    ) -> Vec<Option<T>> {
        let cell = &cell;
        runs.iter()
            .flat_map(|(run, of_run)| (0..of_run.ts.len()).map(move |row| cell(run, of_run, row)))
            .collect()
    }
    let name = Metric { split, quantity: Quantity::Loss }.to_string();
    let name = name.split('.').next().unwrap_or_default();
    table.text("sweep", each(runs, |run, _, _| Some(run.sweep.clone())).into_iter());
    table.text("run", each(runs, |run, _, _| Some(run.run.clone())).into_iter());
    table.text("split", each(runs, |_, _, _| Some(name.to_owned())).into_iter());
    table.time("ts", each(runs, |_, of_run, row| Some(of_run.ts[row])).into_iter());
    table.number("target", each(runs, |_, of_run, row| Some(of_run.target[row])).into_iter());
    table.number("forecast", each(runs, |_, of_run, row| Some(of_run.forecast[row])).into_iter());
    let mut levels: Vec<f64> = runs
        .iter()
        .flat_map(|(_, of_run)| of_run.quantiles.iter().map(|(level, _)| *level))
        .collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    for level in levels {
        let of = |of_run: &Forecasts, row: usize| {
            Some(of_run.quantiles.iter().find(|(other, _)| *other == level)?.1[row])
        };
        table
            .number(&format!("q{level}"), each(runs, |_, of_run, row| of(of_run, row)).into_iter());
    }
    let baselines = in_order(
        runs.iter().flat_map(|(_, of_run)| of_run.baselines.iter().map(|(name, _)| name.clone())),
    );
    for name in baselines {
        let of = |of_run: &Forecasts, row: usize| {
            Some(of_run.baselines.iter().find(|(other, _)| *other == name)?.1[row])
        };
        table.number(
            &format!("baseline.{name}"),
            each(runs, |_, of_run, row| of(of_run, row)).into_iter(),
        );
    }
    table
}

/// Every metric that a run may have, by split.
pub(super) fn metrics() -> impl Iterator<Item = Metric> {
    let of = |split| Quantity::ALL.into_iter().map(move |quantity| Metric { split, quantity });
    of(Split::Train)
        .filter(|metric| metric.quantity.is_of_training())
        .chain(of(Split::Valid))
        .chain(of(Split::Test))
}

/// The epoch whose weights are kept, or are so far.
pub(super) fn best_epoch(run: &Recorded) -> Option<i64> {
    run.record.measured().best_epoch().and_then(whole)
}

/// The metric and its interval, where any run has them.
fn metric_columns(table: &mut Table, metric: Metric, runs: &[Recorded]) {
    let values: Vec<Option<f64>> = runs.iter().map(|run| value(&run.record, metric)).collect();
    if values.iter().all(Option::is_none) {
        return;
    }
    table.number(&metric.to_string(), values.into_iter());
    let ends = runs.iter().map(|run| {
        estimate(&run.record, metric).map_or((None, None), |estimate| (estimate.low, estimate.high))
    });
    let (low, high): (Vec<_>, Vec<_>) = ends.unzip();
    if low.iter().chain(&high).any(Option::is_some) {
        table.number(&format!("{metric}.low"), low.into_iter());
        table.number(&format!("{metric}.high"), high.into_iter());
    }
}

fn baseline_columns(table: &mut Table, runs: &[Recorded]) {
    let baselines: Vec<&[Baseline]> =
        runs.iter().map(|run| run.record.measured().baselines(Split::Valid)).collect();
    for name in in_order(baselines.iter().copied().flatten().map(|baseline| baseline.name.clone()))
    {
        let rmse = |of_run: &&[Baseline]| {
            of_run.iter().find(|baseline| baseline.name == name).map(|baseline| baseline.rmse)
        };
        table.number(&format!("baseline.{name}.rmse"), baselines.iter().map(rmse));
    }
}

fn setting_columns(table: &mut Table, runs: &[Recorded]) {
    let of_runs: Vec<BTreeMap<String, Json>> =
        runs.iter().map(|run| flat(&run.record.trial.settings).into_iter().collect()).collect();
    let mut keys: Vec<&String> = of_runs.iter().flat_map(BTreeMap::keys).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        // `train.loss` is a setting and a metric.
        let name = format!("settings.{key}");
        let values = || of_runs.iter().map(|settings| settings.get(key));
        if values().flatten().all(Json::is_i64) {
            table.whole(&name, values().map(|value| value.and_then(Json::as_i64)));
        } else if values().flatten().all(Json::is_number) {
            table.number(&name, values().map(|value| value.and_then(Json::as_f64)));
        } else {
            table.text(&name, values().map(|value| value.map(settings::text)));
        }
    }
}

/// Each name once, where it comes first.
fn in_order(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for name in names {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    once
}

fn whole(number: usize) -> Option<i64> {
    i64::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::super::{Cells, Column};
    use super::*;

    fn cells<'a>(table: &'a Table, name: &str) -> &'a Cells {
        let column = table.columns.iter().find(|Column { name: other, .. }| other == name);
        &column.unwrap_or_else(|| panic!("no column {name}")).cells
    }

    #[test]
    fn a_run_is_a_row_with_its_settings_and_its_metrics() {
        let table = runs(&testing::recorded());
        assert!(table.columns.iter().all(|column| column.cells.len() == 3));
        let text = |name: &str| match cells(&table, name) {
            Cells::Text(cells) => cells.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(text("run")[0].as_deref(), Some("31d897f497c7"));
        assert_eq!(text("state")[0].as_deref(), Some("early stopped"));
        assert_eq!(
            *cells(&table, "valid.rmse"),
            Cells::Number(vec![Some(0.015_625), None, Some(0.125)])
        );
        assert_eq!(*cells(&table, "settings.data.window"), Cells::Whole(vec![Some(60); 3]));
        assert_eq!(*cells(&table, "best_epoch"), Cells::Whole(vec![Some(4), None, Some(1)]));
    }

    #[test]
    fn an_epoch_is_a_row_with_the_time_at_which_it_ended() {
        let table = epochs(&testing::recorded());
        let Cells::Whole(epoch) = cells(&table, "epoch") else { panic!() };
        assert_eq!(epoch[..4], [Some(1), Some(2), Some(3), Some(4)]);
        let Cells::Time(at) = cells(&table, "at") else { panic!() };
        assert_eq!(at[0], Some(1_767_323_045_000_000_000));
        assert!(table.columns.iter().all(|column| column.cells.len() == epoch.len()));
        assert_eq!(epochs(&[]).height(), 0);
    }

    #[test]
    fn forecasts_of_runs_with_other_columns_share_a_table() {
        let run = testing::recorded().swap_remove(0);
        let plain = Forecasts {
            ts: vec![1, 2],
            target: vec![0.5, 1.5],
            forecast: vec![0.25, f64::NAN],
            ..Forecasts::default()
        };
        let rich = Forecasts {
            quantiles: vec![(0.5, vec![2.0, 3.0])],
            baselines: vec![("drift".to_owned(), vec![4.0, 5.0])],
            ..plain.clone()
        };
        let table = forecasts(&[(run.clone(), plain), (run, rich)], Split::Valid);
        assert_eq!(table.height(), 4);
        assert_eq!(*cells(&table, "q0.5"), Cells::Number(vec![None, None, Some(2.0), Some(3.0)]));
        assert_eq!(
            *cells(&table, "baseline.drift"),
            Cells::Number(vec![None, None, Some(4.0), Some(5.0)])
        );
        assert_eq!(
            *cells(&table, "forecast"),
            Cells::Number(vec![Some(0.25), None, Some(0.25), None])
        );
        assert_eq!(*cells(&table, "split"), Cells::Text(vec![Some("valid".to_owned()); 4]));
    }
}
