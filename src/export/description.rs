//! What weights alone do not say, as one JSON text that travels inside the exported file.

use lane_types::Head;
use serde::{Deserialize, Serialize};

use super::Trained;
use experiment::Target;
use market::Scaling;

/// The key of the description in the metadata of safetensors and ONNX files.
pub(super) const KEY: &str = "kiln";

/// Version of the description.
const VERSION: u32 = 1;

/// As it is written; numbers come back exactly.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Description {
    /// Version of the format, 1.
    pub v: u32,
    /// What names the model.
    pub name: String,
    /// Input columns, in order.
    pub features: Vec<String>,
    /// Rows in a window.
    pub window: usize,
    /// Units of each LSTM layer.
    pub hidden_size: usize,
    /// Stacked LSTM layers.
    pub num_layers: usize,
    /// A point, or the levels of quantiles.
    pub head: Head,
    /// What is forecast, and how many bars ahead.
    pub target: Target,
    /// The target's unit.
    pub target_unit: String,
    /// `scaled = (x - offset) / unit`, per input column and of the target.
    pub scaling: Scaling,
}

impl Description {
    /// Of a model.
    pub(super) fn of(trained: &Trained) -> Self {
        let Trained { name, shape, features, target, scaling, .. } = trained;
        Self {
            v: VERSION,
            name: name.clone(),
            features: features.clone(),
            window: shape.window,
            hidden_size: shape.hidden,
            num_layers: shape.layers,
            head: shape.head.clone(),
            target: target.clone(),
            target_unit: target.kind.unit().to_owned(),
            scaling: scaling.clone(),
        }
    }

    /// Its JSON text.
    pub(super) fn text(&self) -> Result<String, super::ExportError> {
        serde_json::to_string(self).map_err(|error| {
            super::ExportError::new(format!("the description cannot be written: {error}"))
        })
    }
}
