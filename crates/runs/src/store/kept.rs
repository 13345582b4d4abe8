//! What the winning attempt of a run kept, each file held against the checksum that `result.json`
//! has of it.

use super::covers::Covers;
use super::folder::attempt_path;
use super::forecasts::{self, Columns};
use super::{
    Evaluation, FileError, Forecasts, RunFolder, Tried, checkpoint, evaluations, ledger,
    result_file,
};
use crate::files;
use experiment::trial::TrialId;

impl RunFolder {
    /// The best weights of the winning attempt (safetensors), checksum verified. An attempt that
    /// was resumed and did not improve has its best weights with the attempt that it went on from.
    ///
    /// # Errors
    /// When there is no result yet, or the weights are missing, damaged, or others than when the
    /// result was published.
    pub fn best_weights(&self) -> Result<Vec<u8>, FileError> {
        let (winner, covers) = self.winner()?;
        let found = checkpoint::best_of(&self.path, winner)?;
        let covered = covers.files.iter().find(|sum| sum.file.contains("/checkpoints/best-"));
        match (found, covered) {
            (Some((file, bytes)), Some(sum)) if file == sum.file && sum.check(&bytes).is_ok() => {
                Ok(bytes)
            }
            (_, Some(sum)) => Err(FileError::at(
                &self.path,
                format_args!(
                    "'{}', the weights that its result was published with, are missing or changed",
                    sum.file.escape_debug()
                ),
            )),
            (Some((_, bytes)), None) => Ok(bytes),
            (None, None) => Err(FileError::at(
                &self.path,
                "no best weights were kept (no epoch gave a finite validation loss)",
            )),
        }
    }

    /// The fitted scaling that was kept with the winning attempt (JSON), checksum verified.
    ///
    /// # Errors
    /// When there is no result yet, or the scaling is missing or damaged.
    pub fn scaling(&self) -> Result<String, FileError> {
        let (winner, covers) = self.winner()?;
        let name = format!("attempts/{winner}/scaling.json");
        let path = self.path.join(&name);
        let bytes =
            files::read_if_there(&path)?.ok_or_else(|| FileError::at(&path, "is missing"))?;
        covers.check(&name, &bytes).map_err(|why| FileError::at(&path, why))?;
        String::from_utf8(bytes).map_err(|_| FileError::at(&path, "is damaged: not UTF-8"))
    }

    /// The winning attempt's forecasts of a split, checksum verified; empty when the split has
    /// none.
    ///
    /// # Errors
    /// When there is no result yet, or the file is missing or damaged.
    pub fn forecasts(&self, split: &str) -> Result<Forecasts, FileError> {
        self.forecasts_with(split, Columns::All)
    }

    /// As [`Self::forecasts`], without baselines and quantiles: sooner read.
    ///
    /// # Errors
    /// As [`Self::forecasts`].
    pub fn point_forecasts(&self, split: &str) -> Result<Forecasts, FileError> {
        self.forecasts_with(split, Columns::Points)
    }

    fn forecasts_with(&self, split: &str, columns: Columns) -> Result<Forecasts, FileError> {
        let (winner, covers) = self.winner()?;
        if split == "test"
            && let Some(forecasts) = evaluations::forecasts(&self.path, winner)?
        {
            return Ok(forecasts);
        }
        let name = format!("attempts/{winner}/forecasts.parquet");
        forecasts::read_columns(&self.path.join(&name), split, covers.file(&name), columns)
    }

    /// As [`Self::forecasts`]; `None` where the file is not there: forecasts may be deleted to save
    /// room.
    ///
    /// # Errors
    /// When there is no result yet, or the file is damaged.
    pub fn kept_forecasts(&self, split: &str) -> Result<Option<Forecasts>, FileError> {
        let (winner, _) = self.winner()?;
        if attempt_path(&self.path, winner).join("forecasts.parquet").exists() {
            self.forecasts(split).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Writes down in the ledger of all trials that the run's test windows were opened; durable
    /// when it returns.
    ///
    /// # Errors
    /// When the ledger cannot be written to.
    pub fn write_down_opening(
        &self,
        at: String,
        trial: &TrialId,
        tried: &Tried,
    ) -> Result<(), FileError> {
        ledger::record(&self.path, at, trial, tried, ledger::Told::Opened)
    }

    /// Length and time of the last change (nanoseconds since 1970) of the file that an attempt's
    /// forecasts of a split change with; `None` where there is none.
    #[must_use]
    pub fn forecasts_stamp(&self, attempt: u32, split: &str) -> Option<(u64, u128)> {
        let path = match split {
            "test" => self.path.join("evaluations.jsonl"),
            _ => attempt_path(&self.path, attempt).join("forecasts.parquet"),
        };
        let file = std::fs::metadata(path).ok()?;
        let changed = file.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some((file.len(), changed.as_nanos()))
    }

    /// Writes down an opening of the test split and what was forecast; durable when it returns.
    /// Tells which opening of the run it is, from 1.
    ///
    /// # Errors
    /// When there is no result yet, the columns differ in length, or a file cannot be written.
    pub fn record_opening(
        &self,
        evaluation: &Evaluation,
        forecasts: &Forecasts,
    ) -> Result<usize, FileError> {
        let (winner, _) = self.winner()?;
        evaluations::record(&self.path, winner, evaluation, forecasts)
    }

    /// The winning attempt, and what its result covers.
    fn winner(&self) -> Result<(u32, Covers), FileError> {
        match result_file::read_with_covers(&self.path)? {
            Some((result, covers)) => Ok((result.attempt, covers)),
            None => Err(FileError::at(
                &self.path,
                "the run has no result yet; run its sweep to the end first",
            )),
        }
    }
}
