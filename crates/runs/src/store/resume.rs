//! Where a run goes on after its training was cut off: only from what can be verified.

use crate::files;
use lane_types::EpochReport;

use super::folder::attempt_path;
use super::{AttemptInfo, Checkpoint, FileError, RunFolder, checkpoint, checksum, read_run};
use experiment::event::Cursor;

/// What a run can go on from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resume {
    /// The newest checkpoint that is whole and whose epochs are all in the log; none: the training
    /// starts over, and comes to the same.
    pub checkpoint: Option<Checkpoint>,
    /// Reports of the epochs up to the checkpoint, ascending.
    pub epochs: Vec<EpochReport>,
    /// Instruction sets that the checkpoint was trained with, as far as that was recorded.
    pub instruction_sets: Vec<String>,
    /// Newer checkpoints that are not gone on from, and why.
    pub warnings: Vec<String>,
}

impl RunFolder {
    /// What the run can go on from. A checkpoint whose epochs are not all in the log, unchanged, is
    /// passed over: what the result will say of its epochs comes from there.
    ///
    /// # Errors
    /// When `trial.toml` cannot be read or a folder cannot be listed.
    pub fn resume(&self) -> Result<Resume, FileError> {
        let record = read_run(&self.path)?;
        let mut epochs = record.progress.epochs;
        let vouched = |cursor: Cursor| {
            let in_log = epochs.iter().map(|report| report.epoch).take(cursor.epoch);
            if in_log.eq(1..=cursor.epoch) {
                return Ok(());
            }
            let why = record
                .damage
                .iter()
                .find(|why| why.contains("events.jsonl"))
                .map(|why| format!(" ({why})"));
            Err(format!(
                "its {} epochs are not all in the log{}",
                cursor.epoch,
                why.unwrap_or_default()
            ))
        };
        let (checkpoint, warnings) = checkpoint::newest(&self.path, vouched)?;
        epochs.truncate(checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.cursor.epoch));
        let instruction_sets = checkpoint
            .as_ref()
            .map(|checkpoint| self.instruction_sets(checkpoint.attempt))
            .unwrap_or_default();
        Ok(Resume { checkpoint, epochs, instruction_sets, warnings })
    }

    /// Those that an attempt recorded; none where nothing can be read.
    fn instruction_sets(&self, attempt: u32) -> Vec<String> {
        let bytes = files::read_if_there(&attempt_path(&self.path, attempt).join("attempt.json"))
            .ok()
            .flatten();
        let whole = bytes.filter(|bytes| checksum::check_json(bytes).is_ok());
        let info: Option<AttemptInfo> = whole.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        info.map(|info| info.instruction_sets).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::testing::{self, AT};
    use super::super::{Attempt, SweepFolder};
    use super::*;
    use experiment::event::Event;

    /// An attempt that was cut off after four epochs, with checkpoints after the second and the
    /// fourth.
    fn cut_off() -> (tempfile::TempDir, RunFolder) {
        let root = tempfile::tempdir().unwrap();
        let run = SweepFolder::create(root.path(), "grid")
            .unwrap()
            .create_run(&testing::trial(1))
            .unwrap();
        let info =
            AttemptInfo { pid_start: 0, instruction_sets: vec!["avx2".into()], ..testing::info() };
        let mut attempt: Attempt = run.start_attempt(&info).unwrap();
        attempt
            .append(
                AT.into(),
                Event::Started {
                    device: "flex".into(),
                    lanes: 1,
                    resumed: None,
                    baselines: Vec::new(),
                },
            )
            .unwrap();
        for epoch in 1..=4 {
            attempt
                .append(AT.into(), Event::Epoch(testing::epoch(epoch, 0.5_f64.powi(epoch as i32))))
                .unwrap();
            if epoch % 2 == 0 {
                let cursor = Cursor { epoch, batch: 0 };
                attempt.checkpoint(cursor, format!("state {epoch}").as_bytes(), None).unwrap();
                attempt.append(AT.into(), Event::Checkpoint(cursor)).unwrap();
            }
        }
        (root, run)
    }

    fn epochs(resume: &Resume) -> (Option<usize>, Vec<usize>) {
        let at = resume.checkpoint.as_ref().map(|checkpoint| checkpoint.cursor.epoch);
        (at, resume.epochs.iter().map(|report| report.epoch).collect())
    }

    #[test]
    fn a_run_goes_on_from_its_newest_checkpoint_with_what_trained_it() {
        let (_root, run) = cut_off();
        let resume = run.resume().unwrap();
        assert_eq!(epochs(&resume), (Some(4), vec![1, 2, 3, 4]));
        assert_eq!((resume.instruction_sets, resume.warnings), (vec!["avx2".to_owned()], vec![]));
    }

    #[test]
    fn a_changed_digit_in_the_log_is_never_gone_on_from() {
        let (_root, run) = cut_off();
        let path = run.path.join("attempts/1/events.jsonl");
        let whole = fs::read_to_string(&path).unwrap();
        for (line, expected) in [(4, (Some(2), vec![1, 2])), (2, (None, vec![]))] {
            let mut lines: Vec<String> = whole.lines().map(str::to_owned).collect();
            lines[line] = lines[line].replacen("\"mse\":", "\"mse\":9", 1);
            fs::write(&path, lines.join("\n") + "\n").unwrap();
            let resume = run.resume().unwrap();
            assert_eq!(epochs(&resume), expected);
            assert!(
                resume.warnings[0].contains("checkpoint 4-0 of attempt 1 is skipped"),
                "{:?}",
                resume.warnings
            );
            assert!(resume.warnings[0].contains("checksum differs"), "{:?}", resume.warnings);
        }
    }
}
