//! What a report is made of: records, and what was made of them elsewhere.

use std::collections::HashMap;

use evidence::backtest::{Frontier, Statistics};
use evidence::compare::{Comparison, Row, Windows, apart, names};
use experiment::metric::{Metric, Split};
use runs::store::{Forecasts, RunRecord, SweepManifest};

/// Rows whose forecasts are shown.
const MOST_FORECASTS: usize = 3;

/// Everything that a page shows.
#[derive(Debug)]
pub struct Material {
    /// The name of the sweep's folder.
    pub name: String,
    /// Of the sweep.
    pub manifest: SweepManifest,
    /// With the epochs of those whose curves are drawn ([`super::drawn_curves`]); of the others the
    /// last one will do.
    pub runs: Vec<RunRecord>,
    /// Of these runs, weighed.
    pub comparison: Comparison,
    /// Of the best rows, the best first.
    pub forecasts: Vec<BestForecasts>,
    /// What trading the forecasts came to, if the experiment says how; or why there is nothing.
    pub trading: Option<Result<Trading, String>>,
    /// What could not be read at all, and why.
    pub damaged: Vec<(String, String)>,
}

/// The forecasts of a row's first run.
#[derive(Clone, Debug)]
pub struct BestForecasts {
    /// Of the row, from 1.
    pub rank: usize,
    /// Its name.
    pub run: String,
    /// Bars ahead.
    pub horizon: usize,
    /// Zone of the bars' own clock, where it was written down.
    pub zone: Option<String>,
    /// Of the validation windows.
    pub forecasts: Forecasts,
}

/// What trading the recorded forecasts came to.
#[derive(Clone, Debug)]
pub struct Trading {
    /// What was traded and how, in sentences.
    pub words: Vec<String>,
    /// What it came to, in one.
    pub verdict: String,
    /// By net return, the highest first.
    pub runs: Vec<TradedRun>,
    /// Over the bars of the first run at its costs.
    pub held: Option<TradedRun>,
    /// Runs that cannot be traded, and why.
    pub skipped: Vec<(String, String)>,
}

/// One run, traded.
#[derive(Clone, Debug)]
pub struct TradedRun {
    /// Its name.
    pub run: String,
    /// What trading them came to.
    pub statistics: Statistics,
    /// Costs of one side at the mean price, basis points.
    pub side_bps: f64,
    /// Of buy and hold and of the runs that are drawn ([`super::drawn_accounts`]).
    pub account: Option<TradedAccount>,
}

/// An account that is drawn.
#[derive(Clone, Debug)]
pub struct TradedAccount {
    /// Start of each bar, nanoseconds since 1970 UTC.
    pub ts: Vec<i64>,
    /// Money at each bar's close; [`evidence::backtest::START_EQUITY`] before the first.
    pub equity: Vec<f64>,
    /// Over threshold × cost; none for buy and hold.
    pub frontier: Option<Frontier>,
}

impl Material {
    /// The metric that baselines share with the rows.
    pub(super) fn yardstick(&self) -> Metric {
        self.comparison.yardstick
    }

    /// A metric with its unit: `valid.rmse (price)`.
    pub(super) fn named(&self, metric: Metric) -> String {
        match metric.unit(&self.comparison.target_unit) {
            unit if unit.trim_matches('²').is_empty() => metric.to_string(),
            unit => format!("{metric} ({unit})"),
        }
    }

    /// Rows that have a place, the best first.
    pub(super) fn ranked(&self) -> impl Iterator<Item = &Row> {
        self.comparison.rows.iter().filter(|row| row.rank.is_some())
    }

    /// The runs, by the names of their sweep and their own.
    pub(super) fn by_name(&self) -> ByName<'_> {
        by_name(&self.runs)
    }
}

/// Runs by the names of their sweep and their own.
pub(super) type ByName<'a> = HashMap<(String, String), &'a RunRecord>;

pub(super) fn by_name(runs: &[RunRecord]) -> ByName<'_> {
    runs.iter().map(|run| (names(run), run)).collect()
}

/// The runs of a row, in the order of its repeats.
pub(super) fn runs_of<'r>(row: &Row, runs: &ByName<'r>) -> impl Iterator<Item = &'r RunRecord> {
    row.runs.iter().filter_map(|name| runs.get(&(row.sweep.clone(), name.clone())).copied())
}

/// The forecasts of the best rows, where `read` finds them: of the run that stands for a row, or of
/// the first other that has some.
pub fn best_forecasts(
    comparison: &Comparison,
    runs: &[RunRecord],
    read: &dyn Fn(&RunRecord, Split) -> Option<Forecasts>,
) -> Vec<BestForecasts> {
    let ranked =
        comparison.rows.iter().filter_map(|row| Some((row.rank?, row))).take(MOST_FORECASTS);
    let by_name = by_name(runs);
    let of_row = |(rank, row): (usize, &Row)| {
        let stands = by_name.get(&(row.sweep.clone(), row.run.clone())).copied();
        stands
            .into_iter()
            .chain(runs_of(row, &by_name))
            .filter(|run| run.result.is_some())
            .find_map(|run| {
                let forecasts = read(run, comparison.yardstick.split)?;
                let data = &run.trial.settings.data;
                let zone = match &data.source {
                    experiment::Source::File { zone, .. } => zone.clone(),
                    experiment::Source::Synthetic(_) => None,
                };
                Some((
                    run,
                    BestForecasts {
                        rank,
                        run: names(run).1,
                        horizon: data.target.horizon,
                        zone,
                        forecasts,
                    },
                ))
            })
    };
    let mut best: Vec<(&RunRecord, BestForecasts)> = ranked.filter_map(of_row).collect();
    // They are drawn over one another: what is not of the same windows is not.
    if let Some((first, windows)) =
        best.first().and_then(|(run, of)| Some((*run, Windows::of(&of.forecasts)?)))
    {
        best.retain(|(run, of)| {
            apart([first, *run]).is_none() && windows.narrowed(&of.forecasts).is_ok()
        });
    }
    best.into_iter().map(|(_, best)| best).collect()
}
