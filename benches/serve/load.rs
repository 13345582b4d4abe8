//! A client that keeps its times.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What is asked, and how fast.
pub(crate) struct Load<'a> {
    pub at: SocketAddr,
    pub model: &'a str,
    pub body: &'a str,
    pub connections: usize,
    pub pace: Pace,
    pub seconds: u64,
}

#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// Requests a second, over all connections.
    Rate(u64),
    /// As fast as they are answered.
    Full,
}

#[derive(Default)]
pub(crate) struct Result {
    pub answered: u64,
    /// Anything but 200, and connections that broke.
    pub failed: u64,
    pub seconds: f64,
    /// From when a request was due to its whole answer.
    pub latency: Times,
    /// From when it was due to when it was sent: the client's own part.
    pub late: Times,
}

/// How often each time was seen, in steps of 10 µs; from 1 s on they are one.
pub(crate) struct Times(Vec<u32>);

const STEP: u128 = 10;
const MOST: usize = 100_000;
/// From the start to when the first request is due: until then every connection is there.
const HEAD_START: Duration = Duration::from_millis(200);

impl Default for Times {
    fn default() -> Self {
        Self(vec![0; MOST + 1])
    }
}

impl Times {
    fn add(&mut self, time: Duration) {
        self.0[((time.as_micros() / STEP) as usize).min(MOST)] += 1;
    }

    fn join(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own += other);
    }

    /// The time, ms, that this share of requests took at most.
    pub(crate) fn at(&self, share: f64) -> f64 {
        let all: u64 = self.0.iter().map(|count| u64::from(*count)).sum();
        let wanted = (share * all as f64).ceil() as u64;
        let mut seen = 0;
        let step = self.0.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        });
        step.unwrap_or(MOST) as f64 * STEP as f64 / 1000.0
    }
}

impl Load<'_> {
    /// For its seconds, or until `over`.
    pub(crate) fn run(&self, over: &AtomicBool) -> Result {
        let started = Instant::now() + HEAD_START;
        let mut whole = Result::default();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.connections)
                .map(|place| scope.spawn(move || self.connection(place, started, over)))
                .collect();
            for thread in threads {
                let part = thread.join().unwrap();
                whole.answered += part.answered;
                whole.failed += part.failed;
                whole.latency.join(&part.latency);
                whole.late.join(&part.late);
            }
        });
        whole.seconds = started.elapsed().as_secs_f64();
        whole
    }

    fn connection(&self, place: usize, started: Instant, over: &AtomicBool) -> Result {
        let Self { at, model, body, connections, pace, seconds } = *self;
        let request = format!(
            "POST /v1/models/{model}/predict HTTP/1.1\r\nHost: {at}\r\nContent-Type: \
                application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut result = Result::default();
        let mut stream = connect(at);
        let mut number = place as u64;
        while started.elapsed().as_secs() < seconds && !over.load(Ordering::Relaxed) {
            let due = match pace {
                Pace::Rate(rate) => {
                    started
                        + Duration::from_nanos(
                            (number as u128 * 1_000_000_000 / u128::from(rate)) as u64,
                        )
                }
                Pace::Full => Instant::now(),
            };
            number += connections as u64;
            if let Some(wait) = due.checked_duration_since(Instant::now()) {
                std::thread::sleep(wait);
            }
            result.late.add(due.elapsed());
            let answered = stream.as_mut().and_then(|stream| {
                stream.write_all(request.as_bytes()).ok()?;
                status(stream)
            });
            result.latency.add(due.elapsed());
            match answered {
                Some(200) => result.answered += 1,
                Some(_) => result.failed += 1,
                None => {
                    result.failed += 1;
                    stream = connect(at);
                }
            }
        }
        result
    }
}

fn connect(at: SocketAddr) -> Option<TcpStream> {
    let stream = TcpStream::connect(at).ok()?;
    stream.set_nodelay(true).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    Some(stream)
}

/// Reads one answer; its status.
fn status(stream: &mut TcpStream) -> Option<u16> {
    answer(stream).map(|(status, _)| status)
}

fn answer(stream: &mut TcpStream) -> Option<(u16, String)> {
    let mut bytes = Vec::with_capacity(1024);
    let mut part = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))?
                .trim()
                .parse::<usize>()
                .ok()?;
            if bytes.len() >= end + 4 + length {
                let status = head.split(' ').nth(1)?.parse().ok()?;
                return Some((status, String::from_utf8_lossy(&bytes[end + 4..]).into_owned()));
            }
        }
        match stream.read(&mut part) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
        }
    }
}

/// The version that answers now; 0 when nothing says so.
pub(crate) fn version(at: SocketAddr, model: &str) -> u32 {
    let asked = connect(at).and_then(|mut stream| {
        stream
            .write_all(
                format!(
                    "GET /v1/models/{model} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n"
                )
                .as_bytes(),
            )
            .ok()?;
        answer(&mut stream)
    });
    let json: Option<serde_json::Value> =
        asked.and_then(|(_, body)| serde_json::from_str(&body).ok());
    json.and_then(|json| json["version"].as_u64())
        .and_then(|version| u32::try_from(version).ok())
        .unwrap_or(0)
}
