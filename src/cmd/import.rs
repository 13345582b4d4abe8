//! `import`: PyTorch's weights as a saved model.

use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use super::export::{Roots, like};
use super::{Failure, ImportArgs, Outcome, clock};
use crate::export::torch;
use crate::model::{Metrics, Passport, SavedModel, Source};
use crate::store::WindowCounts;

/// Writes a saved model with the file's weights and the settings and scaling of what they are like. Nothing is known of what the weights
/// are worth, and the passport says so: no metrics, no verdict, no intervals.
///
/// # Errors
/// When the file is not the weights of such a network, or the folder holds a model already.
pub fn run(args: ImportArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let ImportArgs { file, like: source, output, runs, models } = args;
    let (name, model) = like(&Roots { runs, models }, &source)?;
    let shape = model.passport.shape();
    let parameters: usize = shape.layout().iter().map(|(_, dims)| dims.iter().product::<usize>()).sum();
    // In double precision, two biases a layer, and a header.
    let most = (parameters * 2 * 8) as u64 + MOST_HEADER;
    let bytes = read(&file, most)?;
    let weights = torch::read(&bytes, &shape).map_err(|error| Failure::BadInput(format!("{}: {error}", file.display())))?;
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let file = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let passport = Passport {
        saved_at: clock::now(),
        kiln_version: env!("CARGO_PKG_VERSION").to_owned(),
        source: Source::Import { file, sha256, like: name },
        windows: WindowCounts::default(),
        best_epoch: None,
        selection: None,
        metrics: Metrics { skill: None, baselines: Vec::new(), valid: None, test: None },
        verdict: None,
        intervals: Vec::new(),
        profile: None,
        ..model.passport
    };
    SavedModel::new(passport, weights)?.write(&output)?;
    writeln!(out, "{}", crate::text::clean(&output.display().to_string()))?;
    Ok(Outcome::Done)
}

/// Room for the header of a weights file.
const MOST_HEADER: u64 = 2 << 20;

fn read(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    let unread = |error: std::io::Error| Failure::BadInput(format!("{}: cannot be read: {error}", path.display()));
    let mut bytes = Vec::new();
    File::open(path).map_err(unread)?.take(most + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() as u64 > most {
        let problem = format!("has more than {most} bytes, which weights of this network do not take");
        return Err(Failure::BadInput(format!("{}: {problem}", path.display())));
    }
    Ok(bytes)
}
