//! PyTorch's weights as Kiln's, with every check.

use lane_types::{Shape, Weight, Weights};
use safetensors::{SafeTensors, tensor::TensorView};
use std::collections::BTreeMap;

use super::number::values;

/// Why bytes are not the weights of a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ForeignWeights(pub String);

/// More than any header of such a network; a longer one is refused unread.
const MAX_HEADER: u64 = 1 << 20;

/// Names that an error lists.
const LISTED: usize = 5;

/// The weights of an `nn.LSTM` and an `nn.Linear` of the given shape. The two modules may have any
/// name (`lstm` and `head`, `rnn` and `fc`); each must be there once. F32 is taken as it is, F16
/// and BF16 are widened, F64 is taken where every value fits. The two biases of a layer are added.
///
/// # Errors
/// When the bytes are not a safetensors file, or hold anything but the weights of that shape;
/// bidirectional and projected LSTMs are refused by name. Never panics; memory is reserved for
/// tensors that are there and fit, never by a size that the file only claims.
pub fn read(bytes: &[u8], shape: &Shape) -> Result<Weights, ForeignWeights> {
    let mut tensors = open(bytes)?;
    let lstm = lstm_name(&tensors)?;
    refuse_other_kinds(&tensors, &lstm)?;
    let (hidden, gates) = (shape.hidden, 4 * shape.hidden);
    let mut found = Vec::new();
    for layer in 0..shape.layers {
        let inputs = if layer == 0 { shape.features } else { hidden };
        let mut take =
            |key: &str, dims: &[usize]| tensors.take(&format!("{lstm}{key}_l{layer}"), dims);
        let (w_input, w_hidden) =
            (take("weight_ih", &[gates, inputs])?, take("weight_hh", &[gates, hidden])?);
        let (of_input, of_hidden) = (take("bias_ih", &[gates])?, take("bias_hh", &[gates])?);
        found.push(transposed(&w_input, gates));
        found.push(transposed(&w_hidden, gates));
        found.push(of_input.iter().zip(&of_hidden).map(|(a, b)| added(*a, *b)).collect());
    }
    let deeper = format!("{lstm}weight_ih_l{}", shape.layers);
    if tensors.0.contains_key(&deeper) {
        return bad(format!(
            "'{deeper}' is there: the network has more than {} layers",
            shape.layers
        ));
    }
    let head = head_name(&tensors)?;
    let outputs = shape.head.outputs();
    found.push(tensors.take(&format!("{head}weight"), &[outputs, hidden])?);
    found.push(tensors.take(&format!("{head}bias"), &[outputs])?);
    tensors.finish()?;
    let named = shape.layout().into_iter().zip(found).map(|((name, shape), values)| Weight {
        name,
        shape,
        values,
    });
    let weights: Vec<Weight> = named.collect();
    match weights.iter().find(|weight| weight.values.iter().any(|value| !value.is_finite())) {
        Some(weight) => {
            bad(format!("what becomes '{}' holds a number that is not finite", weight.name))
        }
        None => Ok(Weights(weights)),
    }
}

/// Tensors that were not asked for yet, by name.
struct Tensors<'a>(BTreeMap<String, TensorView<'a>>);

impl Tensors<'_> {
    fn take(&mut self, name: &str, dims: &[usize]) -> Result<Vec<f32>, ForeignWeights> {
        let Some(tensor) = self.0.remove(name) else {
            return bad(format!(
                "tensor '{name}' is missing ({} left are: {})",
                self.0.len(),
                list(self.0.keys())
            ));
        };
        if tensor.shape() != dims {
            return bad(format!(
                "tensor '{name}' has shape {:?}, the network's has {dims:?}",
                tensor.shape()
            ));
        }
        values(tensor.dtype(), tensor.data())
            .map_err(|why| ForeignWeights(format!("tensor '{name}' {why}")))
    }

    fn finish(self) -> Result<(), ForeignWeights> {
        if self.0.is_empty() {
            return Ok(());
        }
        bad(format!(
            "{} tensors belong to no LSTM with a linear head: {}",
            self.0.len(),
            list(self.0.keys())
        ))
    }
}

fn open(bytes: &[u8]) -> Result<Tensors<'_>, ForeignWeights> {
    let length = bytes.first_chunk::<8>().map_or(u64::MAX, |length| u64::from_le_bytes(*length));
    if length > MAX_HEADER {
        return bad(format!(
            "{} bytes are not a safetensors file: no header of at most {MAX_HEADER} bytes",
            bytes.len()
        ));
    }
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| {
        ForeignWeights(format!(
            "{} bytes are not a safetensors file: {}",
            bytes.len(),
            shown(&error.to_string())
        ))
    })?;
    Ok(Tensors(tensors.tensors().into_iter().collect()))
}

/// What stands before `weight_ih_l0`, with its dot: the name of the LSTM's module.
fn lstm_name(tensors: &Tensors) -> Result<String, ForeignWeights> {
    let mut names = tensors
        .0
        .keys()
        .filter_map(|name| name.strip_suffix("weight_ih_l0"))
        .filter(|name| is_module(name));
    match (names.next(), names.next()) {
        (Some(name), None) => Ok(name.to_owned()),
        (None, _) => bad(format!(
            "no tensor is named 'lstm.weight_ih_l0': there is no LSTM (there are {})",
            list(tensors.0.keys())
        )),
        (Some(a), Some(b)) => {
            bad(format!("there are two LSTMs, '{}' and '{}'; save one", shown(a), shown(b)))
        }
    }
}

/// The module of the one `weight` that is left, with its dot.
fn head_name(tensors: &Tensors) -> Result<String, ForeignWeights> {
    let mut names = tensors
        .0
        .keys()
        .filter_map(|name| name.strip_suffix("weight"))
        .filter(|name| is_module(name));
    match (names.next(), names.next()) {
        (Some(name), None) => Ok(name.to_owned()),
        (None, _) => bad("tensor 'head.weight' is missing: there is no linear head".to_owned()),
        (Some(a), Some(b)) => {
            bad(format!("there are two linear heads, '{}' and '{}'; save one", shown(a), shown(b)))
        }
    }
}

fn is_module(name: &str) -> bool {
    name.is_empty() || name.ends_with('.')
}

fn refuse_other_kinds(tensors: &Tensors, lstm: &str) -> Result<(), ForeignWeights> {
    for name in tensors.0.keys().filter(|name| name.starts_with(lstm)) {
        let kind = if name.ends_with("_reverse") {
            "a bidirectional LSTM, which looks ahead"
        } else if name[lstm.len()..].starts_with("weight_hr_l") {
            "an LSTM with projections (proj_size)"
        } else {
            continue;
        };
        return bad(format!("'{}' is of {kind}: it cannot be imported", shown(name)));
    }
    Ok(())
}

/// A sum that leaves the one where the other is zero, even a negative zero: what was exported comes
/// back bit by bit.
fn added(a: f32, b: f32) -> f32 {
    if b == 0.0 { a } else { a + b }
}

/// `[rows, columns]` as `[columns, rows]`.
fn transposed(values: &[f32], rows: usize) -> Vec<f32> {
    let columns = values.len().checked_div(rows).unwrap_or_default();
    (0..columns).flat_map(|column| values.iter().skip(column).step_by(columns).copied()).collect()
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let mut names: Vec<String> =
        names.take(LISTED + 1).map(|name| format!("'{}'", shown(name))).collect();
    if names.len() > LISTED {
        names[LISTED] = "…".to_owned();
    }
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// A name from outside: clean and short.
fn shown(name: &str) -> String {
    let short: String = name.chars().take(80).collect();
    text::clean(&short).into_owned()
}

fn bad<T>(problem: String) -> Result<T, ForeignWeights> {
    Err(ForeignWeights(problem))
}

#[cfg(test)]
mod tests;
