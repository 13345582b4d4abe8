//! Everything of a run held against its checksums: for who looks at one run in full.

use super::folder::{attempt_numbers, attempt_path};
use super::{RunFolder, checksum, evaluations, result_file};
use crate::files;

impl RunFolder {
    /// Files of the run that are not as they were written, with the reason: those that its result
    /// covers, the forecasts of its openings, who wrote its attempts. What [`super::read_run`]
    /// reads, it tells itself.
    #[must_use]
    pub fn damaged_files(&self) -> Vec<String> {
        let mut damage = Vec::new();
        let Ok(read) = result_file::read_with_covers(&self.path) else { return damage };
        if let Some((result, covers)) = read {
            for sum in &covers.files {
                let name = sum.file.escape_debug();
                match files::read_if_there(&self.path.join(&sum.file)) {
                    _ if sum.file.starts_with('/') || sum.file.contains("..") => {
                        damage.push(format!("{name}: is not in the run's folder"))
                    }
                    Ok(Some(bytes)) => {
                        damage.extend(sum.check(&bytes).err().map(|why| format!("{name}: {why}")))
                    }
                    Ok(None) => damage.push(format!("{name}: is missing")),
                    Err(error) => damage.push(error.to_string()),
                }
            }
            damage.extend(
                evaluations::forecasts(&self.path, result.attempt)
                    .err()
                    .map(|error| error.to_string()),
            );
        }
        for attempt in attempt_numbers(&self.path).unwrap_or_default() {
            if let Ok(Some(bytes)) =
                files::read_if_there(&attempt_path(&self.path, attempt).join("attempt.json"))
                && let Err(why) = checksum::check_json(&bytes)
            {
                damage.push(format!("attempts/{attempt}/attempt.json: {why}"));
            }
        }
        damage
    }
}
