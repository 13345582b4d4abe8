//! PyTorch's `nn.LSTM` and `nn.Linear` as a safetensors file.
//!
//! | PyTorch's | shape | Kiln's |
//! |---|---|---|
//! | `lstm.weight_ih_lN` | `[4H, inputs]` | `lstm.N.w_input` transposed |
//! | `lstm.weight_hh_lN` | `[4H, H]` | `lstm.N.w_hidden` transposed |
//! | `lstm.bias_ih_lN` | `[4H]` | `lstm.N.bias` |
//! | `lstm.bias_hh_lN` | `[4H]` | zeros; read, the two are added |
//! | `head.weight` | `[Q, H]`, Q = 1 of a point head | `head.weight` |
//! | `head.bias` | `[Q]` | `head.bias` |
//!
//! Both order the gates input, forget, cell, output. `batch_first` concerns the caller's tensors,
//! not the weights.

mod number;
mod read;
mod write;

pub use read::{ForeignWeights, read};
pub use write::write;
