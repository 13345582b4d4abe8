//! Connections: how many there may be, how long they may idle, and how they end.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

use super::server::Shared;
use super::spare::{Seat, Spare};
use super::stream::{Allowance, Stream};

/// How long a connection beyond the limit may take for its header.
const SPARE_HEADER: Duration = Duration::from_secs(1);
/// Bytes of a header, and headers in it.
const MAX_HEADER: usize = 16 << 10;
const MAX_HEADERS: usize = 64;
/// Bytes that a request may take on the wire for each byte that its body may have: a body of
/// one-byte chunks takes six. A chunk whose size, a line of zeros, never ends has no body that
/// could be too large.
const FRAMING: u64 = 8;
/// Bytes for headers, and for small bodies in many chunks.
const ROOM: u64 = 256 << 10;
/// How long accepting waits when there are no file descriptors left.
const BREATH: Duration = Duration::from_millis(50);

/// What a request knows of its connection.
#[derive(Clone)]
pub(super) struct Connection {
    /// The address that the client connected to.
    pub local: IpAddr,
    /// Whether it is one too many.
    pub crowded: bool,
    /// Whether the client sent a head that two servers could read differently.
    pub ambiguous: Arc<AtomicBool>,
}

/// Accepts connections until told to stop, then waits for those that are open, for a while.
pub(super) async fn accept(
    listener: TcpListener,
    router: Router,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    let ordinary = Arc::new(Semaphore::new(shared.config.limits.connections));
    let spare = Arc::new(Spare::default());
    let open = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stop.changed() => break,
            accepted = listener.accept() => accepted,
        };
        let socket = match accepted {
            Ok((socket, _)) => socket,
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted");
                sleep(BREATH).await;
                continue;
            }
        };
        let place = match ordinary.clone().try_acquire_owned() {
            Ok(permit) => Place::Own(permit),
            Err(_) => tokio::select! {
                biased;
                _ = stop.changed() => break,
                seat = spare.take() => Place::Spare(seat),
            },
        };
        tokio::spawn(serve(socket, router.clone(), shared.clone(), open.watcher(), place));
    }
    drop(listener);
    if timeout(shared.config.timeouts.stop, open.shutdown()).await.is_err() {
        tracing::warn!("connections that did not end in time are cut off");
    }
}

/// What a connection holds while it is open.
enum Place {
    Own(OwnedSemaphorePermit),
    /// It is one too many.
    Spare(Seat),
}

async fn serve(
    socket: TcpStream,
    router: Router,
    shared: Arc<Shared>,
    watcher: Watcher,
    place: Place,
) {
    let Ok(local) = socket.local_addr() else { return };
    // Answers are small and whole: waiting to fill a packet only delays them.
    if socket.set_nodelay(true).is_err() {
        return;
    }
    shared.metrics.connections.inc();
    let ambiguous = Arc::new(AtomicBool::new(false));
    let crowded = matches!(place, Place::Spare(_));
    let received = Arc::new(AtomicU64::new(0));
    let connection = Connection { local: local.ip(), crowded, ambiguous: ambiguous.clone() };
    let begun = received.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        begun.store(0, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(connection.clone());
        let router = router.clone();
        async move {
            Ok::<_, Infallible>(
                router.oneshot(request).await.unwrap_or_else(|never| match never {}),
            )
        }
    });
    let header = shared.config.timeouts.header;
    let allowance = Allowance {
        received,
        most: (shared.config.limits.body as u64).saturating_mul(FRAMING) + ROOM,
    };
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(if crowded { header.min(SPARE_HEADER) } else { header })
        .max_header_size(MAX_HEADER)
        .max_headers(MAX_HEADERS)
        .keep_alive(!crowded)
        .serve_connection(
            TokioIo::new(Stream::new(socket, ambiguous, shared.config.timeouts.body, allowance)),
            service,
        );
    let http = watcher.watch(http);
    let ended = match place {
        Place::Own(permit) => {
            let ended = http.await;
            drop(permit);
            ended
        }
        Place::Spare(mut seat) => tokio::select! {
            ended = http => ended,
            () = seat.lost() => Ok(()),
        },
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
    shared.metrics.connections.dec();
}
