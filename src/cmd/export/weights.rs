//! `export --format safetensors|onnx`.

use std::io::Write;

use super::arguments::{Output, Weights};
use super::source::trained;
use super::{Roots, deliver};
use crate::cmd::Failure;
use crate::export::{onnx, torch};

pub(super) fn run(
    source: &str,
    roots: &Roots,
    weights: Weights,
    output: &Output,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let trained = trained(roots, source)?;
    let (bytes, extension) = match weights {
        Weights::Safetensors => (torch::write(&trained)?, "safetensors"),
        Weights::Onnx(units) => (onnx::write(&trained, units)?, "onnx"),
    };
    deliver(&bytes, output, &format!("{}.{extension}", trained.name), out)
}
