//! Bars one at a time: features updated bar by bar, and the windows that they make.
//!
//! ```text
//! lines of CSV ─ lines ─→ Bar ─ state: a FeatureState each ─→ row ─ windows ─→ StreamedWindow
//!                                             (scaled, the last `window` rows, gaps)
//! ```
//!
//! There is one implementation of every feature, the state here; [`super::column`] is a state that
//! is shown all bars. So what is computed of bars as they come has the same bits as what a file of
//! the same bars gives.

mod average;
mod indicator;
mod lines;
#[cfg(test)]
mod oracle;
mod persistence;
mod range;
mod state;
#[cfg(test)]
mod tests;
mod windows;

pub use lines::BarLines;
pub use state::FeatureState;
pub use windows::{StreamedWindow, WindowStream};
