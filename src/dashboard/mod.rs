//! The live view of a sweep: source → state → draw.
//!
//! ```text
//! runs/<sweep>/ ─ source ─→ Change ─ state ─→ Sweep ──┬─ draw ──→ the terminal
//!                                keys ─ input ─→ View ┘   plain ─→ lines, without a terminal
//! ```
//!
//! The dashboard is a client of what is recorded: it attaches to a live sweep, to one on another
//! machine and to last month's run by the same code, and it can never hurt the writer. It knows
//! no device, no tensor and no file but through [`runs::store`]. A frame is a pure function of what
//! is known ([`Screen`]), the size and the time passed in.
//!
//! - `live`: the loop: drains keys and changes once a frame, draws when something changed
//! - `source`: where changes come from
//! - `state/`: what is known of a sweep: the fold of its changes
//! - `view`, `screen`: what the person chose, and what a key does to it
//! - `keys`, `input`: what the terminal sends, as keys; which key does what, from which the help
//!   screen is made
//! - `term`, `theme`, `text`: the terminal's modes, its colours, how things are written in cells
//! - `draw/`: one pane a file; `detail`: what is said of the selected trial
//! - `plain`: the same state as lines
//! - `place`: whether a dashboard can be shown here, or lines

mod detail;
mod draw;
#[cfg(test)]
mod fixture;
mod input;
mod keys;
mod live;
mod place;
mod plain;
mod screen;
#[cfg(test)]
mod snapshots;
mod source;
mod state;
mod term;
mod text;
mod theme;
mod view;

pub use live::{Command, Control, DashboardError, Equity, Leave, Options, Trades, run};
pub use place::why_plain;
pub use plain::Plain;
pub use screen::{Reaction, Role, Screen};
pub use text::clean;
pub use theme::Theme;
