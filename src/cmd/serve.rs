//! `kiln serve`: forecasts of registered models over HTTP.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{Failure, Outcome, clock};
use crate::serve::{
    Config, Limits, LogFormat, Registered, Selection, ServeError, Timeouts, Token, Wanted, start,
    start_logging,
};
use runs::registry::{self, CHAMPION, Reference};
use text::parse_duration;

/// `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Models, each as NAME (its champion answers), NAME@ALIAS or NAME@VERSION; every model that
    /// has a champion unless given
    #[arg(value_name = "NAME[@ALIAS]")]
    pub models: Vec<String>,
    /// Where registered models are
    #[arg(long = "models", default_value = "models", value_name = "DIR", env = "KILN_MODELS")]
    pub root: PathBuf,
    /// Address and port to listen on; port 0 takes any. An address that other machines can reach
    /// needs --token-file
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// File of one line, mode 0600: requests must carry it as Authorization: Bearer TOKEN
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// A name under which clients reach this server, besides its address and localhost (repeatable)
    #[arg(long = "allow-host", value_name = "HOST")]
    pub hosts: Vec<String>,
    /// The alias whose answers are logged beside the champion's
    #[arg(long, default_value = "shadow", value_name = "ALIAS")]
    pub shadow: String,
    /// Forecast on this backend
    #[arg(long, default_value = "flex")]
    pub backend: lane_types::DeviceSpec,
    /// How log lines on stderr look [default: text on a terminal, else json]; KILN_LOG=warn logs
    /// less, KILN_LOG=debug more
    #[arg(long)]
    pub log: Option<LogArg>,
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogArg {
    Json,
    Text,
}

/// How much, and how long, is enough.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Windows in one inference at most
    #[arg(
        long,
        default_value_t = Limits::default().batch,
        value_name = "WINDOWS",
        value_parser = positive
    )]
    pub max_batch: usize,
    /// How long an inference that is not full waits for more windows: 0s, 250us, 2ms
    #[arg(long, default_value = "0s", value_name = "DURATION", value_parser = parse_duration)]
    pub batch_wait: Duration,
    /// Requests that may wait for an inference; more are answered 503
    #[arg(
        long,
        default_value_t = Limits::default().queue,
        value_name = "REQUESTS",
        value_parser = positive
    )]
    pub queue: usize,
    /// Open connections; beyond these only health is answered
    #[arg(
        long,
        default_value_t = Limits::default().connections,
        value_name = "CONNECTIONS",
        value_parser = positive
    )]
    pub max_connections: usize,
    /// Bytes of a request's body at most
    #[arg(
        long,
        default_value_t = Limits::default().body,
        value_name = "BYTES",
        value_parser = positive
    )]
    pub max_body: usize,
    /// How long a connection may take for a header, and idle between two
    #[arg(long, default_value = "10s", value_name = "DURATION", value_parser = parse_duration)]
    pub header_timeout: Duration,
    /// How long a body may take, and how long a client may take nothing of an answer
    #[arg(long, default_value = "30s", value_name = "DURATION", value_parser = parse_duration)]
    pub body_timeout: Duration,
    /// How long a forecast may take from a whole body on; later is 503
    #[arg(long, default_value = "5s", value_name = "DURATION", value_parser = parse_duration)]
    pub request_timeout: Duration,
    /// How long the end of what was asked is waited for after SIGTERM
    #[arg(long, default_value = "10s", value_name = "DURATION", value_parser = parse_duration)]
    pub stop_timeout: Duration,
    /// Time between two looks at the registry
    #[arg(long, default_value = "200ms", value_name = "DURATION", value_parser = parse_duration)]
    pub poll: Duration,
}

/// Runs the verb.
///
/// # Errors
/// When the settings do not go together, a model that was asked for cannot be served, the address
/// is taken, or the device fails.
pub fn run(args: ServeArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let ServeArgs { models, root, listen, token_file, hosts, shadow, backend, log, limits } = args;
    let selection = selection(&root, &models)?;
    let token = token_file.as_deref().map(Token::read).transpose()?;
    let (limits, timeouts) = validated(limits);
    let config = Config { listen, selection, shadow, token, hosts, limits, timeouts };
    config.check()?;
    let device = burn_lanes::open(backend)?;
    let log =
        log.unwrap_or(if std::io::stderr().is_terminal() { LogArg::Text } else { LogArg::Json });
    start_logging(
        match log {
            LogArg::Json => LogFormat::Json,
            LogArg::Text => LogFormat::Text,
        },
        clock::now,
    );
    let server = start(config, Arc::new(Registered::new(root, device)), &clock::now())?;
    let lost = server.serve_until_signal(|address| {
        writeln!(out, "listening on http://{address}")?;
        out.flush()
    })?;
    match lost {
        Some(problem) => Err(Failure::Machine(format!("the device failed: {problem}"))),
        None => Ok(Outcome::Done),
    }
}

/// What was named, if it is there.
fn selection(root: &std::path::Path, models: &[String]) -> Result<Selection, Failure> {
    if models.is_empty() {
        return Ok(Selection::Champions);
    }
    let mut wanted: Vec<Wanted> = Vec::new();
    for model in models {
        let Reference { name, .. } = Reference::parse(model)?;
        registry::resolve(root, model)?;
        let of = model.split_once('@').map_or(CHAMPION, |(_, of)| of).to_owned();
        if wanted.iter().any(|known| known.name == name) {
            return Err(Failure::BadInput(format!(
                "{name} is named twice; one of its versions answers, the others are asked as \
                    {name}@ALIAS"
            )));
        }
        wanted.push(Wanted { name, of });
    }
    Ok(Selection::Named(wanted))
}

fn validated(args: LimitArgs) -> (Limits, Timeouts) {
    let LimitArgs {
        max_batch,
        batch_wait,
        queue,
        max_connections,
        max_body,
        header_timeout,
        body_timeout,
        request_timeout,
        stop_timeout,
        poll,
    } = args;
    let limits = Limits {
        batch: max_batch,
        batch_wait,
        queue,
        connections: max_connections,
        body: max_body,
    };
    // A look without a pause would take a core for itself.
    let poll = poll.max(Duration::from_millis(1));
    (
        limits,
        Timeouts {
            header: header_timeout,
            body: body_timeout,
            request: request_timeout,
            stop: stop_timeout,
            poll,
        },
    )
}

fn positive(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|value| *value > 0)
        .ok_or_else(|| format!("'{text}' is not a whole number above 0"))
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        Self::BadInput(error.to_string())
    }
}
