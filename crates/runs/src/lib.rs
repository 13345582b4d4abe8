//! Every file under `runs/` and `models/`: what is written there, and what is read back.
//!
//! [`store`] owns the folders of sweeps and their runs; a [`model`] is a run's best weights with
//! all that was recorded of it; the [`registry`] has versions of models, aliases and a gate.
//! [`files`] opens, locks and writes files for them; [`machine`] tells whose fault an error of a
//! file is.

pub mod files;
pub mod machine;
pub mod model;
pub mod registry;
pub mod store;
