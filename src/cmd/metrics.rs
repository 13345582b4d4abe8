//! Every metric of a run's forecasts, as a table and as JSON.

use serde::Serialize;

use experiment::TargetKind;
use experiment::metric::{Direction, Metric, Quantity, Split};
use runs::store::{Estimate, RunRecord, Scores, Tries, read_ledger};
use text::{Align, number, table};

/// One metric, with what it means.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct MetricRow {
    pub metric: Metric,
    pub value: Option<f64>,
    /// The interval's ends; undefined where there are too few windows or days, and in what was
    /// recorded before version 0.2.
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub unit: String,
    pub direction: Direction,
}

/// Every metric over a split that a target can have.
pub(super) fn metric_rows(
    split: Split,
    kind: TargetKind,
    estimate: impl Fn(Metric) -> Option<Estimate>,
) -> Vec<MetricRow> {
    let of = |quantity: &Quantity| match quantity {
        Quantity::Loss => false,
        Quantity::Qlike => kind == TargetKind::LogVolatility,
        _ => true,
    };
    let row = |quantity| {
        let metric = Metric { split, quantity };
        let estimate = estimate(metric);
        MetricRow {
            metric,
            value: estimate.map(|estimate| estimate.value),
            low: estimate.and_then(|estimate| estimate.low),
            high: estimate.and_then(|estimate| estimate.high),
            unit: metric.unit(kind.unit()),
            direction: metric.direction(),
        }
    };
    Quantity::ALL.into_iter().filter(of).map(row).collect()
}

/// The table, and what its intervals are.
pub(super) fn metric_table(
    rows: &[MetricRow],
    kind: TargetKind,
    scores: Option<&Scores>,
) -> String {
    let header = [
        ("metric", Align::Left),
        ("value", Align::Right),
        ("interval", Align::Left),
        ("unit", Align::Left),
    ];
    let header = header.map(|(name, align)| (name.to_owned(), align));
    let cells = |row: &MetricRow| {
        let interval = match row.low.zip(row.high) {
            Some((low, high)) => format!("[{}, {}]", number(Some(low)), number(Some(high))),
            None => number(None),
        };
        vec![
            format!("{} {}", row.direction.arrow(), row.metric),
            number(row.value),
            interval,
            row.unit.clone(),
        ]
    };
    table(&header, rows.iter().map(cells)) + &explanation(kind, scores)
}

fn explanation(kind: TargetKind, scores: Option<&Scores>) -> String {
    let Some(scores) = scores else {
        return "no intervals: it was recorded before there were any\n".to_owned();
    };
    let Scores { confidence, block_length, days, estimates: _ } = scores;
    let intervals = match block_length {
        Some(length) => {
            format!("stationary block bootstrap, blocks of {length:.1} windows on average")
        }
        None => "too few windows".to_owned(),
    };
    let against = match kind {
        TargetKind::Price => "the last close plus the mean training change",
        TargetKind::LogReturn | TargetKind::LogVolatility => "the training mean",
    };
    format!(
        "↓ lower is better, ↑ higher; skill against the best baseline, r2 against {against}, ic \
            over {days} days\n{:.0} % intervals: {intervals}; directional accuracy one bar ahead: \
            Wilson's\n",
        confidence * 100.0
    )
}

/// How often was tried what a run was, by the ledger of the folder that its sweep lies in. `None`
/// where that was not recorded yet, or the ledger cannot be read.
pub(super) fn tries(run: &RunRecord, split: Split) -> Option<Tries> {
    let tried = run.result.as_ref()?.tried.as_ref()?;
    let root = run.folder.ancestors().nth(3)?;
    let ledger = read_ledger(root, &super::clock::now()).ok()?;
    Some(ledger.tries(&run.trial.id, tried, split))
}

/// "trial 37 of 412 tried on this span".
pub(super) fn tries_in_words(tries: Option<Tries>) -> String {
    let damaged = |lines: usize| match lines {
        0 => String::new(),
        1 => " (a line of the ledger is damaged: there may have been one more)".to_owned(),
        lines => {
            format!(" ({lines} lines of the ledger are damaged: there may have been so many more)")
        }
    };
    match tries {
        Some(Tries { trials, number: Some(number), damaged_lines }) => {
            format!("trial {number} of {trials} tried on this span{}", damaged(damaged_lines))
        }
        Some(Tries { trials, number: None, damaged_lines }) => {
            format!("{trials} trials were tried on this span{}", damaged(damaged_lines))
        }
        None => "how many trials were tried on this span is unknown: the run was recorded before \
            there was a ledger"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runs::store::Estimate;

    fn scores() -> Scores {
        let interval = Estimate { value: 0.9, low: Some(0.8), high: Some(1.05) };
        let estimates = [
            (Quantity::Mase, interval),
            (Quantity::Ic, Estimate { value: 0.02, low: None, high: None }),
        ]
        .into();
        Scores { confidence: 0.95, block_length: Some(2.5), days: 4, estimates }
    }

    #[test]
    fn every_metric_has_a_unit_a_direction_and_an_interval_or_a_dash() {
        let scores = scores();
        let rmse = Estimate { value: 3.0, low: None, high: None };
        let estimate = |metric: Metric| match metric.quantity {
            Quantity::Rmse => Some(rmse),
            quantity => scores.estimates.get(&quantity).copied(),
        };
        let rows = metric_rows(Split::Valid, TargetKind::Price, estimate);
        insta::assert_snapshot!(metric_table(&rows, TargetKind::Price, Some(&scores)), @r"
        metric                        value  interval      unit
        ↓ valid.mse                       —  —             price²
        ↓ valid.mae                       —  —             price
        ↓ valid.rmse                  3.000  —             price
        ↑ valid.skill                     —  —
        ↓ valid.mase                    0.9  [0.8, 1.050]  × persistence
        ↑ valid.r2                        —  —
        ↑ valid.directional_accuracy      —  —             share
        ↑ valid.ic                     0.02  —
        ↑ valid.ic_ir                     —  —             per day
        ↑ valid.rank_ic                   —  —
        ↑ valid.rank_ic_ir                —  —             per day
        ↓ lower is better, ↑ higher; skill against the best baseline, r2 against the last close plus the mean training change, ic over 4 days
        95 % intervals: stationary block bootstrap, blocks of 2.5 windows on average; directional accuracy one bar ahead: Wilson's
        ");
    }

    #[test]
    fn qlike_is_of_a_volatility_alone_and_old_results_show_dashes() {
        let of = |kind| metric_rows(Split::Test, kind, |_| None);
        assert!(
            of(TargetKind::LogVolatility).iter().any(|row| row.metric.quantity == Quantity::Qlike)
        );
        let rows = of(TargetKind::LogReturn);
        assert!(
            rows.iter().all(|row| row.metric.quantity != Quantity::Qlike && row.value.is_none())
        );
        let table = metric_table(&rows, TargetKind::LogReturn, None);
        assert!(
            table.contains("↑ test.ic")
                && table.contains('—')
                && table.ends_with("before there were any\n"),
            "{table}"
        );
    }

    #[test]
    fn tries_are_told_in_words() {
        let tries = Tries { trials: 412, number: Some(37), damaged_lines: 0 };
        assert_eq!(tries_in_words(Some(tries)), "trial 37 of 412 tried on this span");
        let told = tries_in_words(Some(Tries { damaged_lines: 3, ..tries }));
        assert!(
            told.contains("of 412 tried") && told.contains("3 lines of the ledger are damaged"),
            "{told}"
        );
        assert!(tries_in_words(None).contains("unknown"));
    }
}
