//! `kiln serve`: forecasts over HTTP, from the versions of the registry.
//!
//! ```text
//! connection ─→ stream (HTTP/1.1, timers, limits) ─→ guard (host, token, log, metrics) ─→ route
//!                                                       predict: question → windows       │
//! watch ─ Catalog ─→ board: what is served ─────────────────────────────────────────────→ │
//!                                                                                         ▼
//!                      answer ←── inference (one thread a device, in batches) ←── queue (bounded)
//! ```
//!
//! # What holds
//!
//! * A name in a request is looked up among the models that are loaded; no path, no file and no
//!   version comes from a request.
//! * A request sees one version from its first byte to its last: it holds the version, and a reload
//!   only changes which one the next request gets. A version that cannot be loaded, or whose first
//!   forecast fails, is counted and logged, and the old one stays.
//! * The bits of a forecast do not depend on what else is in its batch.
//! * Every wait has an end: for a header, for a body, for a place in the queue (none: 503), for an
//!   answer, for a slow reader, for shutdown.
//! * Nothing of a request's body and no token is logged; what is logged of a path is escaped.
//!
//! tokio stays in this module; inference and loading run on threads of their own.

mod accept;
mod answer;
mod bars;
mod batch;
mod board;
mod catalog;
mod config;
mod docs;
#[cfg(feature = "serve-docs")]
mod docs_page;
mod drift;
mod guard;
mod host;
mod inference;
mod log;
mod metrics;
mod models;
mod number;
mod predict;
mod question;
mod queue;
mod refusal;
mod registered;
mod route;
mod server;
mod shadow;
mod spare;
mod stream;
mod token;
mod trouble;
mod watch;

pub use bars::{Moment, SentBars};
pub use catalog::{Card, Catalog, Entry, Model, TargetCard};
pub use config::{Config, Limits, Selection, ServeError, Timeouts, Wanted};
pub use log::{LogFormat, start_logging};
pub use registered::Registered;
pub use server::{Server, start};
pub use token::Token;
