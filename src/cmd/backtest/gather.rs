//! Runs → stretches → jobs: recorded forecasts, laid onto the bars that they were made of. A
//! stretch is light; its job is not, and lives no longer than it takes to trade it.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::data_file::located;
use super::super::hint::{command, quoted};
use super::super::selection::Selected;
use super::super::{Failure, TradedSplit, TradingArgs};
use super::arguments::backtest;
use evidence::backtest::{Calendar, Gap, TradedBars, Untradable, calendar, expected_returns};
use evidence::compare::names;
use experiment::trial::TrialId;
use experiment::{Backtest, Data, FlatAt, Source, Target, TargetKind};
use runs::store::{Forecasts, RunFolder, RunRecord, Tried};

/// One run's forecasts, ready to be traded.
#[derive(Debug)]
pub(super) struct Job {
    /// The sweep's name.
    pub sweep: String,
    /// The trial's id; of folds that are traded as one stretch the first one's, and how many
    /// follow.
    pub run: String,
    /// The bars were generated.
    pub is_synthetic: bool,
    pub target: Target,
    /// Its `flat_at` is not `auto` any more.
    pub backtest: Backtest,
    /// The gaps that nothing is held over.
    pub flat_before: Gap,
    /// Where it trades: from the first forecast's bar to the last one's target.
    pub span: Span,
    /// The bars of the span.
    pub traded: TradedBars,
    /// In the target's unit, by bar; NaN where there is none.
    pub forecast: Vec<f64>,
    /// Over the horizon, by bar; NaN where there is none.
    pub expected: Vec<f64>,
    /// How often the run's test split was opened.
    pub openings: usize,
    /// Fingerprint of the source.
    pub data: String,
    /// The trial, or those of its folds, and what each was tried on, where that was recorded.
    pub trials: Vec<(TrialId, Option<Tried>)>,
}

/// A stretch of the bars of a source, which all runs on it share.
#[derive(Clone, Debug)]
pub(super) struct Span {
    bars: Arc<Bars>,
    range: Range<usize>,
}

impl Span {
    /// Its bars, copied.
    pub(super) fn traded(&self) -> TradedBars {
        self.bars.traded.slice(self.range.clone())
    }

    /// Start of each of its bars, nanoseconds since 1970 UTC.
    pub(super) fn ts(&self) -> &[i64] {
        &self.bars.traded.ts[self.range.clone()]
    }

    /// Of all bars of the source.
    pub(super) fn calendar(&self) -> Calendar {
        self.bars.calendar
    }

    /// What is equal for the same bars of the same source, for as long as anybody holds on to it.
    pub(super) fn key(&self) -> (usize, Range<usize>) {
        (Arc::as_ptr(&self.bars) as usize, self.range.clone())
    }
}

/// Runs whose forecasts are traded as one, and how.
#[derive(Debug)]
pub(super) struct Stretch<'a> {
    /// The folds, in time order; at least one.
    folds: Vec<&'a RunRecord>,
    backtest: Backtest,
    split: TradedSplit,
    /// The source's bars, or why they cannot be had.
    bars: Result<Arc<Bars>, String>,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Gathered<'a> {
    pub stretches: Vec<Stretch<'a>>,
    /// Runs that cannot be traded, and why.
    pub skipped: Vec<(String, String)>,
    /// The folder of all sweeps that the first run lies in.
    pub root: Option<PathBuf>,
}

/// The stretches of the selected runs. `data` is the file that the runs were trained on, where it
/// is not to be looked for.
pub(super) fn gather<'a>(
    selected: &'a Selected,
    split: TradedSplit,
    args: &TradingArgs,
    data: Option<&Path>,
) -> Result<Gathered<'a>, Failure> {
    let recorded: HashMap<&str, Option<&Backtest>> = selected
        .manifests
        .iter()
        .map(|manifest| (manifest.name.as_str(), manifest.backtest.as_ref()))
        .collect();
    let mut sources = Sources { given: data.map(Path::to_owned), ..Sources::default() };
    let root =
        selected.runs.first().and_then(|run| run.folder.ancestors().nth(3)).map(Path::to_owned);
    let mut gathered = Gathered { root, skipped: selected.damaged.clone(), stretches: Vec::new() };
    for folds in stretches(&selected.runs, split) {
        let run = folds[0];
        // The sweep's file may have been edited since the trial was written down.
        let of_sweep = recorded.get(names(run).0.as_str()).copied().flatten();
        let backtest = backtest(of_sweep.or(run.trial.backtest.as_ref()), args)?;
        gathered.stretches.push(sources.stretch(folds, backtest, split));
    }
    Ok(gathered)
}

/// Why nothing was traded, if nothing was.
pub(super) fn nothing_traded(skipped: &[(String, String)]) -> Failure {
    Failure::BadInput(match skipped {
        [] => "there is no run to trade".to_owned(),
        [(run, reason)] => format!("{run}: {reason}"),
        [(run, reason), rest @ ..] => {
            format!("none of the {} runs can be traded; {run}: {reason}", rest.len() + 1)
        }
    })
}

/// Runs whose forecasts are traded as one stretch: the folds of an assignment and seed, in time
/// order, each traded where it was validated. Their test windows are the same, so there each is
/// traded by itself.
fn stretches(runs: &[RunRecord], split: TradedSplit) -> Vec<Vec<&RunRecord>> {
    let mut stretches: Vec<Vec<&RunRecord>> = Vec::new();
    let mut places: HashMap<(String, Vec<u8>), usize> = HashMap::new();
    for run in runs {
        let next = stretches.len();
        let place = match (run.trial.fold(), split) {
            (Some(_), TradedSplit::Valid) => {
                let of_first = run.trial.settings.clone().of_fold(0).identity_bytes();
                *places.entry((names(run).0, of_first)).or_insert(next)
            }
            _ => next,
        };
        if place == next {
            stretches.push(Vec::new());
        }
        stretches[place].push(run);
    }
    stretches.iter_mut().for_each(|folds| folds.sort_by_key(|run| run.trial.fold()));
    stretches
}

/// What `auto` stands for, and the least gap that nothing is held over.
fn flat_before(flat_at: FlatAt, data: &Data) -> (FlatAt, Gap) {
    match (flat_at, data.cross_gaps) {
        (FlatAt::Never, _) | (FlatAt::Auto, true) => (FlatAt::Never, Gap::None),
        (FlatAt::SessionEnd, _) => (FlatAt::SessionEnd, Gap::Session),
        (FlatAt::Gap, _) | (FlatAt::Auto, false) => (FlatAt::Gap, Gap::Break),
    }
}

/// A source's bars, and what its content is.
#[derive(Debug)]
struct Bars {
    traded: TradedBars,
    calendar: Calendar,
    fingerprint: String,
}

/// The sources of the runs, each read once.
#[derive(Default)]
pub(super) struct Sources {
    read: Vec<(Data, Result<Arc<Bars>, String>)>,
    /// The file of all runs, where a person named it.
    given: Option<PathBuf>,
}

impl Sources {
    /// Some folds of one assignment and seed, with their bars.
    pub(super) fn stretch<'a>(
        &mut self,
        folds: Vec<&'a RunRecord>,
        backtest: Backtest,
        split: TradedSplit,
    ) -> Stretch<'a> {
        let bars = self.bars(folds[0]);
        Stretch { folds, backtest, split, bars }
    }

    /// The bars of a run's data, found by its content.
    fn bars(&mut self, run: &RunRecord) -> Result<Arc<Bars>, String> {
        let data = &run.trial.settings.data;
        let same = |other: &Data| {
            other.source == data.source
                && other.rows == data.rows
                && other.bar_seconds == data.bar_seconds
        };
        if let Some((_, bars)) = self.read.iter().find(|(other, _)| same(other)) {
            return bars.clone();
        }
        let bars = read_bars(run, self.given.as_deref()).map(Arc::new);
        self.read.push((data.clone(), bars.clone()));
        bars
    }
}

fn read_bars(run: &RunRecord, given: Option<&Path>) -> Result<Bars, String> {
    let (found, fingerprint) =
        located(&run.folder, &run.trial.settings, given).map_err(|failure| match failure {
            Failure::BadInput(problem) => problem,
            other => format!("{other:?}"),
        })?;
    let (bars, runs) = market::bars(&found.data).map_err(|error| error.to_string())?;
    let traded = TradedBars::new(
        &bars.ts,
        &bars.offset_seconds,
        &bars.open,
        &bars.close,
        &runs,
        bars.bar_seconds,
    );
    Ok(Bars { calendar: calendar(&traded.date), traded, fingerprint })
}

impl Stretch<'_> {
    /// `sweep/run`, of its first fold.
    pub(super) fn name(&self) -> String {
        let (sweep, run) = names(self.folds[0]);
        format!("{sweep}/{run}")
    }

    /// Its forecasts on their bars.
    pub(super) fn job(&self) -> Result<Job, String> {
        let Self { folds, backtest, split, bars } = self;
        let run = folds[0];
        let (sweep, id) = names(run);
        let data = &run.trial.settings.data;
        if let Some(unfinished) = folds.iter().find(|run| run.result.is_none()) {
            if let Some(why) = unfinished.damage.first() {
                return Err(why.clone());
            }
            let of_fold = unfinished
                .trial
                .fold()
                .map_or_else(|| "it".to_owned(), |fold| format!("its fold {fold}"));
            return Err(format!("{of_fold} is not finished: it has no result.json"));
        }
        if data.target.kind == TargetKind::LogVolatility {
            return Err(Untradable.to_string());
        }
        let bars = bars.as_ref().map_err(Clone::clone)?;
        let mut rows = Vec::new();
        for run in folds {
            rows.extend(forecasts(run, *split)?);
            if !run.trial.id.is_of(&run.trial.settings, &bars.fingerprint) {
                let now = TrialId::of(&run.trial.settings, &bars.fingerprint);
                return Err(format!(
                    "the data file is not the one that the run was trained on (its content would \
                        make it run {now})"
                ));
            }
        }
        let (first, forecast) = lay(&bars.traded, &data.target, &rows)?;
        let span = Span { bars: Arc::clone(bars), range: first..first + forecast.len() };
        let traded = span.traded();
        let expected = expected_returns(data.target.kind, &traded.close, &forecast)
            .map_err(|untradable| untradable.to_string())?;
        let (flat_at, flat_before) = flat_before(backtest.flat_at, data);
        Ok(Job {
            sweep,
            run: if folds.len() > 1 { format!("{id} +{}", folds.len() - 1) } else { id },
            is_synthetic: matches!(data.source, Source::Synthetic(_)),
            target: data.target.clone(),
            backtest: Backtest { flat_at, ..*backtest },
            flat_before,
            span,
            traded,
            forecast,
            expected,
            openings: folds.iter().map(|run| run.evaluations.len()).sum(),
            data: bars.fingerprint.clone(),
            trials: folds
                .iter()
                .map(|run| {
                    (
                        run.trial.id.clone(),
                        run.result.as_ref().and_then(|result| result.tried.clone()),
                    )
                })
                .collect(),
        })
    }
}

/// Bar start, target and forecast.
type Row = (i64, f64, f64);

fn forecasts(run: &RunRecord, split: TradedSplit) -> Result<Vec<Row>, String> {
    let (sweep, id) = names(run);
    let (name, without) = match split {
        TradedSplit::Valid => ("valid", "no validation forecasts were recorded".to_owned()),
        TradedSplit::Test => {
            let runs = run.folder.ancestors().nth(3).unwrap_or(Path::new(""));
            let evaluate = command(&format!("evaluate {}", quoted(&format!("{sweep}/{id}"))), runs);
            (
                "test",
                format!(
                    "its test split has not been opened; open it, which is recorded, with: \
                        {evaluate}"
                ),
            )
        }
    };
    let folder = RunFolder { path: run.folder.clone() };
    let Forecasts { ts, target, forecast, .. } =
        folder.point_forecasts(name).map_err(|error| error.to_string())?;
    if ts.is_empty() {
        return Err(without);
    }
    Ok(ts
        .into_iter()
        .zip(target)
        .zip(forecast)
        .map(|((ts, target), forecast)| (ts, target, forecast))
        .collect())
}

/// The first forecast's bar, and the forecasts by bar from there to the last one's target; NaN
/// where there is none. What was recorded as each target must be what the bars say: a forecast that
/// is one bar off its own would be worth a fortune.
fn lay(traded: &TradedBars, target: &Target, rows: &[Row]) -> Result<(usize, Vec<f64>), String> {
    let mut laid: Vec<(usize, f64)> = Vec::with_capacity(rows.len());
    for (ts, recorded, forecast) in rows {
        let off = || {
            "the recorded forecasts are not of these bars: their times or targets differ".to_owned()
        };
        let bar = traded.ts.binary_search(ts).map_err(|_| off())?;
        let ahead = traded.close.get(bar + target.horizon).ok_or_else(off)?;
        let found = match target.kind {
            TargetKind::Price => *ahead,
            TargetKind::LogReturn | TargetKind::LogVolatility => (ahead / traded.close[bar]).ln(),
        };
        if (found - recorded).abs() > 1e-9 * recorded.abs().max(1.0) {
            return Err(off());
        }
        laid.push((bar, *forecast));
    }
    laid.sort_unstable_by_key(|(bar, _)| *bar);
    let Some((&(first, _), &(last, _))) = laid.first().zip(laid.last()) else {
        return Ok((0, Vec::new()));
    };
    let mut forecast = vec![f64::NAN; last + target.horizon + 1 - first];
    for (bar, value) in laid {
        forecast[bar - first] = value;
    }
    Ok((first, forecast))
}

#[cfg(test)]
mod tests;
