//! What a server is told, validated.

use std::net::SocketAddr;
use std::time::Duration;

use super::Token;

/// Everything that a server is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens; port 0 for any that is free.
    pub listen: SocketAddr,
    /// What it serves.
    pub selection: Selection,
    /// The alias whose answers are logged beside those that are given.
    pub shadow: String,
    /// Asked of every request but the two health checks, the OpenAPI document and its page.
    pub token: Option<Token>,
    /// Names that a `Host` header may have besides `localhost` and the address that was connected
    /// to.
    pub hosts: Vec<String>,
    /// How much may be asked at a time.
    pub limits: Limits,
    /// How long anything may take.
    pub timeouts: Timeouts,
}

/// What is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Every model that has a champion, also those that get one later.
    Champions,
    /// These.
    Named(Vec<Wanted>),
}

/// A model and which of its versions answers when a request names none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Of the model.
    pub name: String,
    /// An alias, or a version's number.
    pub of: String,
}

/// How much is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Windows in one inference.
    pub batch: usize,
    /// How long a batch that is not full waits for more.
    pub batch_wait: Duration,
    /// Requests that wait for the inference.
    pub queue: usize,
    /// Open connections.
    pub connections: usize,
    /// Bytes of a body.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { batch: 64, batch_wait: Duration::ZERO, queue: 1024, connections: 512, body: 2 << 20 }
    }
}

/// How long is long enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From an idle connection to a whole header.
    pub header: Duration,
    /// From there to a whole body; also the longest that a client may stop reading an answer.
    pub body: Duration,
    /// From there to the answer.
    pub request: Duration,
    /// From the signal to the end.
    pub stop: Duration,
    /// Between two looks at the registry.
    pub poll: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            header: seconds(10),
            body: seconds(30),
            request: seconds(5),
            stop: seconds(10),
            poll: Duration::from_millis(200),
        }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ServeError(pub String);

impl Config {
    /// What holds between the settings.
    ///
    /// # Errors
    /// When a server would be open to others without a token.
    pub fn check(&self) -> Result<(), ServeError> {
        if !self.listen.ip().is_loopback() && self.token.is_none() {
            return Err(ServeError(format!(
                "{} can be reached from other machines: --token-file FILE makes requests carry a \
                    token, or listen on 127.0.0.1",
                self.listen
            )));
        }
        Ok(())
    }
}
