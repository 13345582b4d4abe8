//! A sweep as one page: the question and the verdict first, then everything that they rest on.
//!
//! ```text
//! records ─┐
//! compare ─┼→ Material ─┬→ page: one HTML file, which fetches nothing ┐
//! backtest ┘            └→ markdown: for a README ─→ splice           ┴→ cmd::report writes it
//! ```
//!
//! Knows records and what was made of them; no files, no clock, no tensors. The same material gives
//! the same bytes. Whatever comes from outside is escaped by maud, and made visible by `html`.
//!
//! - `material`: what a page is made of
//! - `page`, `markdown`, `splice`: the forms
//! - `leaderboard`, `curves`, `parallel`, `parameters`, `forecasts`, `residuals`, `account`,
//!   `provenance`: a section each
//! - `importance`, `residual`: the statistics behind two of them
//! - `html`, `table`, `svg`, `thin`, `words`: markup, tables, small plots, fewer points, numbers in
//!   words
//! - `assets/`: style, script, and uPlot, which draws the plots that are zoomed

mod account;
mod curves;
mod forecasts;
mod html;
mod importance;
mod leaderboard;
mod markdown;
mod material;
mod page;
mod parallel;
mod parameters;
mod provenance;
mod residual;
mod residuals;
mod splice;
mod svg;
mod table;
#[cfg(test)]
mod tests;
mod thin;
mod words;

pub use account::drawn_accounts;
pub use curves::drawn_curves;
pub use markdown::{MARKDOWN_GENERATOR, markdown};
pub use material::{BestForecasts, Material, TradedAccount, TradedRun, Trading, best_forecasts};
pub use page::{GENERATOR, page};
pub use splice::splice;
