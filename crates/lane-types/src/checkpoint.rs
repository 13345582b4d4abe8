//! Lanes and weights as bytes: safetensors, with everything that is not a tensor as JSON in its
//! metadata.
//!
//! f64 values are written as the hexadecimal digits of their bits: they come back exactly,
//! infinities included.

use std::collections::{HashMap, HashSet};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{LaneState, ScheduleState, StopState, Weight, Weights};

/// Bytes that hold no state or no weights of this version, or a state that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadCheckpoint(pub String);

/// The layout of what is written here.
const FORMAT: u32 = 1;
/// The metadata's key.
const KEY: &str = "burn-lanes";
/// More than any header written here; a longer one is refused unread.
const MAX_HEADER: u64 = 8 << 20;
/// More than any state written here.
const MAX_TENSORS: usize = 4096;

impl LaneState {
    /// The state as a safetensors file: tensors `weights/…`, `best/…`, `first/…`, `second/…` and
    /// metadata. Equal states give equal bytes.
    ///
    /// # Errors
    /// When a weight has other values than its shape says, or a moment no weight.
    pub fn to_bytes(&self) -> Result<Vec<u8>, BadCheckpoint> {
        let LaneState {
            weights,
            best,
            first_moment,
            second_moment,
            steps,
            epoch,
            cursor,
            sums,
            schedule,
            stop,
        } = self;
        let mut tensors = Tensors::default();
        tensors.add("weights/", weights);
        if let Some(best) = best {
            tensors.add("best/", best);
        }
        for (prefix, moments) in [("first/", first_moment), ("second/", second_moment)] {
            if !moments.is_empty() && moments.len() != weights.0.len() {
                return Err(BadCheckpoint(format!(
                    "there are {} {prefix}moments of {} weights",
                    moments.len(),
                    weights.0.len()
                )));
            }
            for (moment, weight) in moments.iter().zip(&weights.0) {
                tensors.push(format!("{prefix}{}", weight.name), weight.shape.clone(), moment);
            }
        }
        tensors.write(&StateHeader {
            format: FORMAT,
            kind: StateKind::LaneState,
            weights: names(weights),
            best: best.as_ref().map(names),
            first: !first_moment.is_empty(),
            second: !second_moment.is_empty(),
            steps: *steps,
            epoch: *epoch,
            cursor: *cursor,
            sums: sums.map(Bits::from),
            schedule: ScheduleHeader::from(schedule),
            stop: StopHeader::from(stop),
        })
    }

    /// Reads what [`LaneState::to_bytes`] wrote.
    ///
    /// # Errors
    /// On anything else; never panics, and reads nothing beyond the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadCheckpoint> {
        let (header, mut tensors): (StateHeader, _) = open(bytes)?;
        let StateHeader {
            format, kind: StateKind::LaneState, weights, best, first, second, ..
        } = &header;
        check_format(*format)?;
        let read = |tensors: &mut Found, prefix: &str, names: &[String]| {
            names.iter().map(|name| tensors.take(prefix, name)).collect::<Result<Vec<_>, _>>()
        };
        let weights = read(&mut tensors, "weights/", weights)?;
        let best = best.as_ref().map(|names| read(&mut tensors, "best/", names)).transpose()?;
        let mut moments = |prefix: &str, present: bool| -> Result<Vec<Vec<f32>>, BadCheckpoint> {
            let mut moments = Vec::new();
            for weight in weights.iter().filter(|_| present) {
                let moment = tensors.take(prefix, &weight.name)?;
                if moment.shape != weight.shape {
                    return bad(format!(
                        "tensor '{prefix}{}' has another shape than its weight",
                        weight.name
                    ));
                }
                moments.push(moment.values);
            }
            Ok(moments)
        };
        let first_moment = moments("first/", *first)?;
        let second_moment = moments("second/", *second)?;
        tensors.finish()?;
        Ok(Self {
            weights: Weights(weights),
            best: best.map(Weights),
            first_moment,
            second_moment,
            steps: header.steps,
            epoch: header.epoch,
            cursor: header.cursor,
            sums: header.sums.map(f64::from),
            schedule: header.schedule.into(),
            stop: header.stop.into(),
        })
    }
}

impl Weights {
    /// The weights as a safetensors file, under their own names.
    ///
    /// # Errors
    /// When a weight has other values than its shape says.
    pub fn to_bytes(&self) -> Result<Vec<u8>, BadCheckpoint> {
        let mut tensors = Tensors::default();
        tensors.add("", self);
        tensors.write(&WeightsHeader {
            format: FORMAT,
            kind: WeightsKind::Weights,
            weights: names(self),
        })
    }

    /// Reads what [`Weights::to_bytes`] wrote.
    ///
    /// # Errors
    /// On anything else; never panics, and reads nothing beyond the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadCheckpoint> {
        let (header, mut tensors): (WeightsHeader, _) = open(bytes)?;
        let WeightsHeader { format, kind: WeightsKind::Weights, weights } = header;
        check_format(format)?;
        let weights =
            weights.iter().map(|name| tensors.take("", name)).collect::<Result<Vec<_>, _>>()?;
        tensors.finish()?;
        Ok(Self(weights))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateHeader {
    format: u32,
    kind: StateKind,
    weights: Vec<String>,
    best: Option<Vec<String>>,
    first: bool,
    second: bool,
    steps: u64,
    epoch: usize,
    cursor: usize,
    sums: [Bits; 4],
    schedule: ScheduleHeader,
    stop: StopHeader,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WeightsHeader {
    format: u32,
    kind: WeightsKind,
    weights: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateKind {
    LaneState,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WeightsKind {
    Weights,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScheduleHeader {
    epoch: usize,
    factor: Option<Bits>,
    best: Option<Bits>,
    waited: usize,
}

impl From<&ScheduleState> for ScheduleHeader {
    fn from(state: &ScheduleState) -> Self {
        let ScheduleState { epoch, factor, best, waited } = state;
        Self {
            epoch: *epoch,
            factor: factor.map(Bits::from),
            best: best.map(Bits::from),
            waited: *waited,
        }
    }
}

impl From<ScheduleHeader> for ScheduleState {
    fn from(header: ScheduleHeader) -> Self {
        let ScheduleHeader { epoch, factor, best, waited } = header;
        Self { epoch, factor: factor.map(f64::from), best: best.map(f64::from), waited }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StopHeader {
    best: Option<Bits>,
    best_epoch: usize,
    waited: usize,
}

impl From<&StopState> for StopHeader {
    fn from(state: &StopState) -> Self {
        let StopState { best, best_epoch, waited } = state;
        Self { best: best.map(Bits::from), best_epoch: *best_epoch, waited: *waited }
    }
}

impl From<StopHeader> for StopState {
    fn from(header: StopHeader) -> Self {
        let StopHeader { best, best_epoch, waited } = header;
        Self { best: best.map(f64::from), best_epoch, waited }
    }
}

/// An f64 as 16 hexadecimal digits.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Bits(u64);

impl From<f64> for Bits {
    fn from(value: f64) -> Self {
        Self(value.to_bits())
    }
}

impl From<Bits> for f64 {
    fn from(bits: Bits) -> Self {
        Self::from_bits(bits.0)
    }
}

impl From<Bits> for String {
    fn from(bits: Bits) -> Self {
        format!("{:016x}", bits.0)
    }
}

impl TryFrom<String> for Bits {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bits = u64::from_str_radix(&text, 16).ok().filter(|_| digits);
        bits.map(Self).ok_or_else(|| format!("'{text}' is not 16 hexadecimal digits"))
    }
}

/// Tensors to be written.
#[derive(Default)]
struct Tensors(Vec<(String, Vec<usize>, Vec<u8>)>);

impl Tensors {
    fn add(&mut self, prefix: &str, weights: &Weights) {
        for Weight { name, shape, values } in &weights.0 {
            self.push(format!("{prefix}{name}"), shape.clone(), values);
        }
    }

    fn push(&mut self, name: String, shape: Vec<usize>, values: &[f32]) {
        self.0.push((name, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect()));
    }

    fn write(&self, header: &impl Serialize) -> Result<Vec<u8>, BadCheckpoint> {
        let mut named = HashSet::new();
        if let Some((name, ..)) = self.0.iter().find(|(name, ..)| !named.insert(name)) {
            return bad(format!("there are two weights '{name}'"));
        }
        let mut views = Vec::with_capacity(self.0.len());
        for (name, shape, bytes) in &self.0 {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
            views.push((
                name,
                view.map_err(|error| {
                    BadCheckpoint(format!("weight '{name}' of shape {shape:?}: {error}"))
                })?,
            ));
        }
        let unwritable =
            |error: String| BadCheckpoint(format!("the state cannot be written: {error}"));
        let header =
            serde_json::to_string(header).map_err(|error| unwritable(error.to_string()))?;
        let metadata = HashMap::from([(KEY.to_owned(), header)]);
        safetensors::serialize(views, Some(metadata)).map_err(|error| unwritable(error.to_string()))
    }
}

/// Tensors of a file that were not asked for yet.
struct Found<'a>(HashMap<String, TensorView<'a>>);

impl Found<'_> {
    fn take(&mut self, prefix: &str, name: &str) -> Result<Weight, BadCheckpoint> {
        let Some(tensor) = self.0.remove(&format!("{prefix}{name}")) else {
            return bad(format!("tensor '{prefix}{name}' is missing, or named twice"));
        };
        if tensor.dtype() != Dtype::F32 {
            return bad(format!("tensor '{prefix}{name}' is {:?}, not F32", tensor.dtype()));
        }
        let values = tensor
            .data()
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect();
        Ok(Weight { name: name.to_owned(), shape: tensor.shape().to_vec(), values })
    }

    fn finish(self) -> Result<(), BadCheckpoint> {
        match self.0.keys().min() {
            Some(name) => bad(format!("tensor '{name}' belongs to nothing")),
            None => Ok(()),
        }
    }
}

fn names(weights: &Weights) -> Vec<String> {
    weights.0.iter().map(|weight| weight.name.clone()).collect()
}

/// The header and the tensors of a file.
fn open<H: DeserializeOwned>(bytes: &[u8]) -> Result<(H, Found<'_>), BadCheckpoint> {
    let length = bytes.first_chunk::<8>().map_or(u64::MAX, |length| u64::from_le_bytes(*length));
    if length > MAX_HEADER {
        return bad(format!(
            "{} bytes are not a checkpoint: no header of at most {MAX_HEADER} bytes",
            bytes.len()
        ));
    }
    let broken = |error: String| {
        BadCheckpoint(format!("{} bytes are not a checkpoint: {error}", bytes.len()))
    };
    let (_, metadata) =
        SafeTensors::read_metadata(bytes).map_err(|error| broken(error.to_string()))?;
    let header = metadata.metadata().as_ref().and_then(|entries| entries.get(KEY));
    let header = header.ok_or_else(|| broken(format!("no '{KEY}' in the metadata")))?;
    let header = serde_json::from_str(header).map_err(|error| broken(error.to_string()))?;
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| broken(error.to_string()))?;
    if tensors.len() > MAX_TENSORS {
        return bad(format!(
            "the checkpoint has {} tensors, at most {MAX_TENSORS} are read",
            tensors.len()
        ));
    }
    Ok((header, Found(tensors.tensors().into_iter().collect())))
}

fn check_format(format: u32) -> Result<(), BadCheckpoint> {
    if format == FORMAT {
        Ok(())
    } else {
        bad(format!("the checkpoint has format {format}, this version reads {FORMAT}"))
    }
}

fn bad<T>(problem: String) -> Result<T, BadCheckpoint> {
    Err(BadCheckpoint(problem))
}

#[cfg(test)]
mod tests;
