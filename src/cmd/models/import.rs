//! `kiln models import`: PyTorch's weights become the next version of a model.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use super::Registry;
use super::arguments::ImportArgs;
use super::register::Version;
use crate::cmd::named::named;
use crate::cmd::{Failure, Outcome, clock};
use crate::export::torch;
use runs::model::{Metrics, ModelCard, SavedModel, Source, digest};
use runs::registry;
use runs::store::WindowCounts;

/// The settings and the scaling are those of what the weights are like. Nothing is known of what
/// the weights are worth, and the model card says so: no metrics, no verdict, no intervals, no
/// profile.
///
/// # Errors
/// When the file is not the weights of such a network.
pub(super) fn run(
    registry: &Registry,
    args: ImportArgs,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let ImportArgs { file, like, name, tags, again, runs } = args;
    registry::check_name(&name)?;
    let at = clock::now();
    let (like, model) = named(&like, &runs, &registry.root)?.model(&at)?;
    let shape = model.card.shape();
    let bytes = read(&file, &shape)?;
    let weights = torch::read(&bytes, &shape)
        .map_err(|error| Failure::BadInput(format!("{}: {error}", file.display())))?;
    let sha256 = digest(&bytes);
    let file = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let card = ModelCard {
        saved_at: at.clone(),
        kiln_version: env!("CARGO_PKG_VERSION").to_owned(),
        source: Source::Import { file, sha256, like },
        windows: WindowCounts::default(),
        best_epoch: None,
        selection: None,
        metrics: Metrics { skill: None, baselines: Vec::new(), valid: None, test: None },
        verdict: None,
        intervals: Vec::new(),
        profile: None,
        ..model.card
    };
    let notes = vec![
        "nothing is known of what imported weights are worth: rules over metrics do not pass"
            .to_owned(),
    ];
    Version { model: SavedModel::new(card, weights)?, name, tags, again, at, notes }
        .add(registry, out)
}

/// Room for the header of a weights file.
const MOST_HEADER: u64 = 2 << 20;

/// No more of a file than weights of the network can take: in double precision, two biases a layer,
/// and a header.
fn read(path: &Path, shape: &lane_types::Shape) -> Result<Vec<u8>, Failure> {
    let parameters: usize =
        shape.layout().iter().map(|(_, dims)| dims.iter().product::<usize>()).sum();
    let most = (parameters * 2 * 8) as u64 + MOST_HEADER;
    let unread = |error: std::io::Error| {
        Failure::BadInput(format!("{}: cannot be read: {error}", path.display()))
    };
    let mut bytes = Vec::new();
    File::open(path).map_err(unread)?.take(most + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() as u64 > most {
        let problem =
            format!("has more than {most} bytes, which weights of this network do not take");
        return Err(Failure::BadInput(format!("{}: {problem}", path.display())));
    }
    Ok(bytes)
}
