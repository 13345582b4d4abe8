//! Runs and trained models in the formats of others: PyTorch, ONNX, TensorBoard, MLflow, CSV,
//! Parquet, JSON lines; and PyTorch's weights read back.
//!
//! - `trained`: a trained model as an exporter wants it, its weights checked against its shape
//! - `description`: what weights do not say (features, scaling, head), as one JSON text inside the
//!   file
//! - `torch/`: safetensors with PyTorch's keys and layout, written and read
//! - `onnx/`: an ONNX graph: scaling, LSTM layers, head
//! - `recorded`, `settings`: runs with the times of their epochs; settings as dotted keys
//! - `table`, `tables`, `csv`, `parquet`: runs, epochs or forecasts as a table; the two ways to
//!   write one
//! - `history`: JSON lines in the manner of W&B
//! - `tensorboard/`: event files
//! - `mlflow/`: the REST interface of a tracking server
//! - `file`: writes a file whole or not at all, and never over another unless told to
//!
//! Equal inputs give equal bytes. What is read from outside ([`torch::read`]) never panics and
//! never reserves memory by a size that it has not checked against the bytes at hand. Knows neither
//! the command line nor where runs and models are kept.

pub mod csv;
mod description;
mod error;
mod file;
pub mod history;
#[cfg(feature = "mlflow")]
pub mod mlflow;
pub mod onnx;
pub mod parquet;
mod recorded;
mod settings;
mod table;
mod tables;
pub mod tensorboard;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod torch;
mod trained;

pub use error::ExportError;
pub use file::{Existing, check_free, write_file};
pub use recorded::Recorded;
pub use table::{Cells, Column, Table};
pub use tables::{epochs, forecasts, runs};
pub use trained::Trained;
