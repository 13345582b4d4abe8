//! Starting and stopping.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::accept::accept;
use super::board::{Board, Live};
use super::catalog::Catalog;
use super::config::{Config, ServeError};
use super::inference::{self, Inference, LostDevice, Pulse};
use super::metrics::ServiceMetrics;
use super::queue::Queue;
use super::refusal::Refusal;
use super::route::router;
use super::trouble::Trouble;
use super::watch::{Ask, Watch};

/// What all requests share.
pub(super) struct Shared {
    pub config: Config,
    pub live: Arc<Live>,
    pub queue: Arc<Queue>,
    pub metrics: Arc<ServiceMetrics>,
    pub pulse: Arc<Pulse>,
    pub lost: Arc<LostDevice>,
    pub ready: Arc<AtomicBool>,
    pub trouble: Arc<Trouble>,
    pub stopping: AtomicBool,
    /// The first part of the names of requests: this process's own.
    pub origin: String,
    pub requests: AtomicU64,
}

impl Shared {
    /// The board, once there is one.
    ///
    /// # Errors
    /// Before the first models are loaded: what is not there yet is not unknown.
    pub(super) fn board(&self) -> Result<Arc<Board>, Refusal> {
        if self.ready.load(Ordering::Acquire) {
            Ok(self.live.get())
        } else {
            Err(Refusal::unavailable("loading", "models are still being loaded"))
        }
    }
}

/// A server that answers.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Runtime,
    accepting: tokio::task::JoinHandle<()>,
    stop: watch::Sender<bool>,
    inference: JoinHandle<()>,
    watch: JoinHandle<()>,
    ask: Sender<Ask>,
}

/// How long a thread that should end is waited for; the process ends it otherwise.
const LAST_WAIT: Duration = Duration::from_secs(1);
/// More threads than this would only wait: the work is in the inference.
const MOST_WORKERS: usize = 4;

/// Listens, loads what is to be served, and answers. `started_at` names this start among others in
/// the log.
///
/// # Errors
/// When the settings do not go together, the address is taken, or something that was asked for
/// cannot be served.
pub fn start(
    config: Config,
    catalog: Arc<dyn Catalog>,
    started_at: &str,
) -> Result<Server, ServeError> {
    config.check()?;
    let unheard =
        |error: std::io::Error| ServeError(format!("cannot listen on {}: {error}", config.listen));
    let failed = |error: std::io::Error| {
        ServeError(format!("the server's threads cannot be started: {error}"))
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let runtime = Builder::new_multi_thread()
        .worker_threads(cores.min(MOST_WORKERS))
        .thread_name("serve")
        .enable_all()
        .build();
    let runtime = runtime.map_err(failed)?;
    let listener = {
        let _inside = runtime.enter();
        listen(config.listen).map_err(unheard)?
    };
    let address = listener.local_addr().map_err(unheard)?;
    let shared = Arc::new(Shared {
        live: Arc::default(),
        queue: Arc::new(Queue::new(config.limits.queue)),
        metrics: Arc::new(ServiceMetrics::new()),
        pulse: Arc::new(Pulse::new()),
        lost: Arc::new(LostDevice::new()),
        ready: Arc::default(),
        trouble: Arc::default(),
        stopping: AtomicBool::new(false),
        origin: blake3::hash(format!("{started_at} {} {address}", std::process::id()).as_bytes())
            .to_hex()[..8]
            .to_owned(),
        requests: AtomicU64::new(1),
        config,
    });
    let (stop, stopped) = watch::channel(false);
    let accepting = runtime.spawn(accept(listener, router(&shared), shared.clone(), stopped));
    let inference = Inference {
        queue: shared.queue.clone(),
        metrics: shared.metrics.clone(),
        pulse: shared.pulse.clone(),
        lost: shared.lost.clone(),
        batch: shared.config.limits.batch,
        batch_wait: shared.config.limits.batch_wait,
    };
    let inference = thread::Builder::new()
        .name("inference".to_owned())
        .spawn(move || inference::run(&inference))
        .map_err(failed)?;
    let watch = Watch {
        catalog,
        selection: shared.config.selection.clone(),
        live: shared.live.clone(),
        metrics: shared.metrics.clone(),
        poll: shared.config.timeouts.poll,
        ready: shared.ready.clone(),
        trouble: shared.trouble.clone(),
    };
    let generation = watch.first().map_err(ServeError)?;
    let (ask, asked) = channel();
    let watch = thread::Builder::new()
        .name("watch".to_owned())
        .spawn(move || watch.run(generation, &asked))
        .map_err(failed)?;
    Ok(Server { address, shared, runtime, accepting, stop, inference, watch, ask })
}

/// Connections that may wait to be accepted: beyond these the kernel drops them, and a client tries
/// again after a second, three, seven.
const BACKLOG: u32 = 1024;

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As std does it: a server that starts again need not wait for the connections of the one
    // before it.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Reads every version again, also those that are loaded.
    pub fn reload(&self) {
        if self.ask.send(Ask::Reread).is_err() {
            tracing::error!("nothing is reloaded any more: the thread that does it is gone");
        }
    }

    /// Serves until SIGTERM or SIGINT, or until the device fails, then stops; SIGHUP reads every
    /// version again. `announce` is called once signals are heard. Tells how the device failed, if
    /// that was it.
    ///
    /// # Errors
    /// When signals cannot be heard, or `announce` fails.
    pub fn serve_until_signal(
        self,
        announce: impl FnOnce(SocketAddr) -> std::io::Result<()>,
    ) -> std::io::Result<Option<String>> {
        let lost = self.runtime.block_on(async {
            let mut ends = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
            let mut hangup = signal(SignalKind::hangup())?;
            let [terminate, interrupt] = &mut ends;
            announce(self.address)?;
            let lost = loop {
                tokio::select! {
                    _ = terminate.recv() => break None,
                    _ = interrupt.recv() => break None,
                    _ = hangup.recv() => self.reload(),
                    problem = self.shared.lost.lost() => break Some(problem),
                }
            };
            std::io::Result::Ok(lost)
        })?;
        self.stop();
        Ok(lost)
    }

    /// Accepts nothing more, finishes what was asked, and ends: within the time that the settings
    /// give, whatever clients do.
    pub fn stop(self) {
        let Self { address: _, shared, runtime, accepting, stop, inference, watch, ask } = self;
        tracing::info!("stopping");
        shared.stopping.store(true, Ordering::Release);
        stop.send_replace(true);
        drop(ask);
        drop(runtime.block_on(accepting));
        runtime.shutdown_background();
        shared.queue.close();
        let until = Instant::now() + LAST_WAIT;
        for (what, thread) in [("inference", inference), ("watch", watch)] {
            while !thread.is_finished() && Instant::now() < until {
                thread::sleep(Duration::from_millis(5));
            }
            if thread.is_finished() {
                drop(thread.join());
            } else {
                tracing::warn!(what, "a thread did not end in time");
            }
        }
        tracing::info!("stopped");
    }
}
