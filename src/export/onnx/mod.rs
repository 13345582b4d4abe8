//! ONNX: the whole forecaster as one graph, for onnxruntime and whatever else reads opset 14.
//!
//! - own units: input `window` is `[batch, window, features]`, double, in the features' own units;
//!   output `forecast` is `[batch, outputs]`, double, in the target's unit; quantiles ascend
//! - scaled: the same in float, scaled; the forecast as the network gives it
//!
//! In own units the scaling is part of the graph, in double precision: a price near 60,000 that
//! moves by cents keeps its digits, and the numbers are those of `predict`. Where double precision
//! is not to be had (some accelerators), the scaled graph has none; its scaling is in
//! `metadata_props`, under `kiln`.
//!
//! ```text
//! window ─ − offset ─ ÷ unit ─ to float ─ Transpose ─ LSTM ─ Squeeze ─ … ─ LSTM ─ Squeeze ─┐
//!          └──────── own units ────────┘                                                   │
//!                     forecast ─ + offset ─ × unit ─ to double ─ TopK ─ Gemm ──────────────┘
//!                                └────────── own units ────────┘
//! ```

mod graph;
mod message;

use prost::Message;

use self::message::{Model, OperatorSet, Property};
use super::description::{Description, KEY};
use super::{ExportError, Trained};

/// The units of what goes in and comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// The features' and the target's own.
    Own,
    /// As the network sees them.
    Scaled,
}

/// Of ONNX 1.8 and 1.9 (2020, 2021): whatever runs an LSTM today reads them.
const OPSET: i64 = 14;
/// The file format that came with that opset.
const IR_VERSION: i64 = 7;

/// The model as an ONNX file.
///
/// # Errors
/// Never on a model that was made by [`Trained::of`]; an error would mean that JSON cannot hold its
/// names.
pub fn write(trained: &Trained, units: Units) -> Result<Vec<u8>, ExportError> {
    let property = |key: &str, value: String| Property { key: key.to_owned(), value };
    let model = Model {
        ir_version: IR_VERSION,
        producer_name: "kiln".to_owned(),
        producer_version: String::new(),
        doc_string: String::new(),
        graph: Some(graph::graph(trained, units)),
        opset_import: vec![OperatorSet { domain: String::new(), version: OPSET }],
        metadata_props: vec![property(KEY, Description::of(trained).text()?)],
    };
    Ok(model.encode_to_vec())
}
