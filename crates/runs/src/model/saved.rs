//! A saved model's folder, written once and read with suspicion.

use crate::files::{self, Links};
use std::fs;
use std::path::Path;

use super::header::{MAX_HEADER, check_header};
use super::sums::{digest, parse_sums, sums};
use super::{ModelCard, ModelError, WeightsFile, validate};

/// A model with its model card.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedModel {
    /// What is known of it.
    pub card: ModelCard,
    /// Its weights.
    pub weights: lane_types::Weights,
}

const MODEL_CARD: &str = "model_card.json";
/// The model card's name in folders that former versions wrote, which are read as ever.
const FORMER_MODEL_CARD: &str = "passport.json";
const WEIGHTS: &str = "weights.safetensors";
const SUMS: &str = "SHA256SUMS";
/// More than any model card written here: 256 features have one of 300 KiB. Parsed it takes up to
/// twenty times its size.
const MAX_MODEL_CARD: u64 = 1 << 20;
/// More than any list of two checksums.
const MAX_SUMS: u64 = 4 << 10;

impl SavedModel {
    /// What `card` says, with these weights, whose file it then describes.
    ///
    /// # Errors
    /// When the weights are not those of its network.
    pub fn new(mut card: ModelCard, weights: lane_types::Weights) -> Result<Self, ModelError> {
        weights.check(&card.shape()).map_err(ModelError::new)?;
        let bytes = weights.to_bytes().map_err(|error| ModelError::new(error.to_string()))?;
        let parameters = weights.0.iter().map(|weight| weight.values.len()).sum();
        card.weights =
            WeightsFile { bytes: bytes.len() as u64, sha256: digest(&bytes), parameters };
        Ok(Self { card, weights })
    }

    /// Writes the folder, which may exist but must hold no model; durable when it returns. A kill
    /// leaves a folder without `SHA256SUMS`, which is not a model.
    ///
    /// # Errors
    /// When the folder holds a model or a part of one, or cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), ModelError> {
        let weights = self.weights.to_bytes().map_err(|error| ModelError::at(folder, error))?;
        let mut card =
            serde_json::to_vec_pretty(&self.card).map_err(|error| ModelError::at(folder, error))?;
        card.push(b'\n');
        files::make_folder(folder)?;
        let sums = sums(&[(MODEL_CARD, digest(&card)), (WEIGHTS, digest(&weights))]);
        for (name, bytes) in [(WEIGHTS, &weights[..]), (MODEL_CARD, &card), (SUMS, sums.as_bytes())]
        {
            if !files::publish(&folder.join(name), bytes)? {
                return Err(ModelError::at(
                    &folder.join(name),
                    "is there already: a saved model is never replaced",
                ));
            }
        }
        Ok(())
    }

    /// Whether a folder says that it holds a model. Whether it does, [`Self::read`] tells.
    #[must_use]
    pub fn is_at(folder: &Path) -> bool {
        folder_is_own(folder) && folder.join(SUMS).is_file()
    }

    /// Whether a folder has a model card, whatever else it has: someone means a model by it.
    #[must_use]
    pub fn has_card(folder: &Path) -> bool {
        [MODEL_CARD, FORMER_MODEL_CARD]
            .iter()
            .any(|name| folder.join(name).symlink_metadata().is_ok())
    }

    /// Reads a folder; see the module for what is checked.
    ///
    /// # Errors
    /// When anything does not hold: the file, the field, what it is and what it should be.
    pub fn read(folder: &Path) -> Result<Self, ModelError> {
        if !folder_is_own(folder) {
            return Err(ModelError::at(
                folder,
                "is not a folder of a saved model (links are not followed)",
            ));
        }
        let path = |name: &str| folder.join(name);
        let sums = read(&path(SUMS), MAX_SUMS)?;
        let (card_file, sums) = match parse_sums(&sums, &[FORMER_MODEL_CARD, WEIGHTS]) {
            Ok(sums) => (FORMER_MODEL_CARD, sums),
            Err(_) => parse_sums(&sums, &[MODEL_CARD, WEIGHTS])
                .map(|sums| (MODEL_CARD, sums))
                .map_err(|problem| ModelError::at(&path(SUMS), problem))?,
        };
        let verified = |name: &str, most: u64, sum: &str| {
            let bytes = read(&path(name), most)?;
            if digest(&bytes) == sum {
                Ok(bytes)
            } else {
                Err(ModelError::at(&path(name), "is damaged: its sha256 is not the recorded one"))
            }
        };
        let card = verified(card_file, MAX_MODEL_CARD, &sums[0])?;
        let card = validate::validate(&card)
            .map_err(|problem| ModelError::at(&path(card_file), problem))?;
        let WeightsFile { bytes, sha256, parameters } = &card.weights;
        let most = 4 * *parameters as u64 + MAX_HEADER;
        if *bytes > most || *sha256 != sums[1] {
            let problem = format!(
                "weights of {bytes} bytes with that sha256 are not those of {SUMS} for \
                    {parameters} parameters"
            );
            return Err(ModelError::at(&path(card_file), problem));
        }
        let bytes = verified(WEIGHTS, *bytes, &sums[1])?;
        check_header(&bytes, &card.shape().layout())
            .map_err(|problem| ModelError::at(&path(WEIGHTS), problem))?;
        let weights = lane_types::Weights::from_bytes(&bytes)
            .map_err(|problem| ModelError::at(&path(WEIGHTS), problem))?;
        weights.check(&card.shape()).map_err(|problem| ModelError::at(&path(WEIGHTS), problem))?;
        Ok(Self { card, weights })
    }

    /// [`Self::read`], which also refuses what [`Self::warnings`] would say.
    ///
    /// # Errors
    /// As [`Self::read`]; also when there is anything to warn of.
    pub fn read_strict(folder: &Path) -> Result<Self, ModelError> {
        let model = Self::read(folder)?;
        let warnings = model.warnings();
        if warnings.is_empty() {
            Ok(model)
        } else {
            Err(ModelError::at(folder, warnings.join("; ")))
        }
    }

    /// What deserves a warning though it can be read: weights that are not numbers.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let odd = |weight: &lane_types::Weight| {
            let count = weight.values.iter().filter(|value| !value.is_finite()).count();
            (count > 0).then(|| {
                format!(
                    "{count} values of weight '{}' are not finite: its forecasts are errors, \
                    or worth nothing",
                    weight.name
                )
            })
        };
        self.weights.0.iter().filter_map(odd).collect()
    }
}

/// A file that may be anything: missing, a link, a pipe that nobody writes to, a terabyte.
fn read(path: &Path, most: u64) -> Result<Vec<u8>, ModelError> {
    files::bounded_if_there(path, most, Links::Refuse)?
        .ok_or_else(|| ModelError::at(path, "is missing"))
}

/// A folder that is not a link to one.
fn folder_is_own(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir())
}
