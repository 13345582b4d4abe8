//! From a finished run to a model.

use std::collections::BTreeMap;
use std::path::Path;

use super::{
    COVERAGES, Interval, Metrics, ModelCard, ModelError, SavedModel, Selection, Source, WeightsFile,
};
use crate::store::{Forecasts, RunFolder, RunRecord, Tries, read_manifest, read_run};
use evidence::calibration::Calibration;
use experiment::metric::Metric;
use market::KeptScaling;

impl SavedModel {
    /// The best weights of a finished run, with all that its folder and its sweep's say of it, as
    /// of `at` (RFC 3339, UTC). What takes more than that is added by who knows it: `tries` from
    /// the ledger, [`ModelCard::verdict`], [`ModelCard::profile`].
    ///
    /// # Errors
    /// When the run is not finished, kept no weights, or a file is damaged.
    pub fn of_run(folder: &RunFolder, tries: Option<Tries>, at: &str) -> Result<Self, ModelError> {
        let record = read_run(&folder.path)?;
        let skill = record.measured().value(Metric::DEFAULT);
        let RunRecord { trial, result, evaluations, damage, .. } = record;
        // Of what a model says nothing may be missing unseen; its epochs are not part of it.
        if let Some(why) = damage.iter().find(|why| !why.starts_with("attempts/")) {
            // It says which file it is about, most with the whole path.
            let is_whole = why.starts_with(&*folder.path.to_string_lossy());
            return Err(if is_whole {
                ModelError::new(why)
            } else {
                ModelError::at(&folder.path, why)
            });
        }
        let result = result.ok_or_else(|| {
            ModelError::at(&folder.path, "the run is not finished: it has no result.json")
        })?;
        let sweep = folder.path.ancestors().nth(2).unwrap_or(Path::new("."));
        let manifest = read_manifest(sweep)?;
        let weights = lane_types::Weights::from_bytes(&folder.best_weights()?)
            .map_err(|error| ModelError::at(&folder.path, error))?;
        let KeptScaling { scaling, inputs } =
            serde_json::from_str(&folder.scaling()?).map_err(|error| {
                ModelError::at(
                    &folder.path,
                    format_args!("the kept scaling cannot be read: {error}"),
                )
            })?;
        let valid = folder.kept_forecasts("valid")?;
        let mut settings = trial.settings;
        keep_the_name_alone(&mut settings.data.source);
        let selection = tries.map(|Tries { trials, number, damaged_lines: _ }| Selection {
            sweep: manifest.trials.len(),
            ever: trials,
            number,
        });
        let card = ModelCard {
            v: super::VERSION,
            saved_at: at.to_owned(),
            kiln_version: env!("CARGO_PKG_VERSION").to_owned(),
            source: Source::Run {
                sweep: manifest.name,
                run: trial.id.0,
                attempt: result.attempt,
                question: manifest.question,
                kiln_version: manifest.origin.kiln_version,
                git_revision: manifest.origin.git_revision,
                git_dirty: manifest.origin.git_dirty,
            },
            bar_seconds: settings.data.bar_seconds.or(valid.as_ref().and_then(spacing)),
            settings,
            data_fingerprint: result
                .tried
                .map_or(manifest.origin.data_fingerprint, |tried| tried.data),
            scaling,
            windows: result.windows,
            best_epoch: result.best_epoch,
            selection,
            metrics: Metrics {
                skill,
                baselines: result.baselines,
                valid: result.scores,
                test: evaluations.last().cloned(),
            },
            verdict: None,
            intervals: valid.as_ref().map(intervals).unwrap_or_default(),
            profile: None,
            inputs,
            weights: WeightsFile::default(),
        };
        Self::new(card, weights).map_err(|error| ModelError::at(&folder.path, error))
    }
}

/// Where a file lay is nobody's business: a model is given away.
fn keep_the_name_alone(source: &mut experiment::Source) {
    if let experiment::Source::File { path, .. } = source {
        *path = path.file_name().map(Into::into).unwrap_or_default();
    }
}

/// The conformal intervals that validation forecasts give.
fn intervals(valid: &Forecasts) -> Vec<Interval> {
    let of = |coverage| {
        Some(Interval { coverage, calibration: Calibration::new(valid, coverage).ok()? })
    };
    COVERAGES.into_iter().filter_map(of).collect()
}

/// The most frequent distance between two windows' last bars, seconds: a bar, as validation uses
/// every window. Not the least one: the day on which a clock is turned forward has 23 hours.
fn spacing(valid: &Forecasts) -> Option<u32> {
    let mut counts = BTreeMap::<i64, usize>::new();
    for pair in valid.ts.windows(2) {
        *counts.entry(pair[1].saturating_sub(pair[0])).or_default() += 1;
    }
    // The shorter of equally frequent ones.
    let (&ns, _) =
        counts.iter().filter(|(ns, _)| **ns > 0).rev().max_by_key(|(_, count)| **count)?;
    u32::try_from(ns / 1_000_000_000).ok().filter(|seconds| *seconds > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_most_are_and_not_as_the_day_that_lost_an_hour() {
        let of = |hours: &[i64]| {
            let ts = hours.iter().map(|hour| hour * 3_600_000_000_000).collect();
            spacing(&Forecasts {
                ts,
                target: Vec::new(),
                forecast: Vec::new(),
                baselines: Vec::new(),
                quantiles: Vec::new(),
            })
        };
        assert_eq!(of(&[0, 24, 47, 71, 143, 167]), Some(86_400));
        assert_eq!(of(&[0, 72, 96]), Some(86_400));
        assert_eq!((of(&[0]), of(&[])), (None, None));
    }
}
