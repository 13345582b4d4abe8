//! Too large, too slow, too many: S10 to S18.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use clap::Parser;
use kiln::cmd::{Cli, Verb};
use kiln::serve::{Limits, Timeouts};

use super::client::{connect, get, parsed, predict, raw, send, to_the_end};
use super::fake::{Running, WINDOW, config};

/// The waits of the other tests are short; these are what they stand for.
#[test]
fn by_default_headers_have_10_s_bodies_30_s_answers_5_s_and_the_end_10_s() {
    let Verb::Serve(args) = Cli::try_parse_from(["kiln", "serve"]).unwrap().verb else {
        panic!("serve")
    };
    let limits = args.limits;
    let waits =
        [limits.header_timeout, limits.body_timeout, limits.request_timeout, limits.stop_timeout];
    assert_eq!(waits, [10, 30, 5, 10].map(Duration::from_secs));
    let Timeouts { header, body, request, stop, poll } = Timeouts::default();
    assert_eq!((waits, limits.poll), ([header, body, request, stop], poll));
    let Limits { batch, batch_wait, queue, connections, body } = Limits::default();
    assert_eq!(
        (limits.max_batch, limits.batch_wait, limits.queue, limits.max_connections),
        (batch, batch_wait, queue, connections)
    );
    assert_eq!((limits.max_body, body), (LIMIT, LIMIT));
}

const LIMIT: usize = 2 << 20;
const HEAD: &str =
    "POST /v1/models/m/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

#[test]
fn a_body_has_at_most_2_mib() {
    let running = Running::plain();
    let padded = |size: usize| format!("{}{WINDOW}", " ".repeat(size - WINDOW.len()));
    assert_eq!(predict(running.at, "m", &padded(LIMIT)).status, 200);
    let reply = predict(running.at, "m", &padded(LIMIT + 1));
    assert_eq!((reply.status, reply.code().as_str()), (413, "too_large"));
}

#[test]
fn a_length_of_10_to_the_12_is_refused_before_its_first_byte() {
    let running = Running::plain();
    let started = Instant::now();
    for length in ["1000000000000", "18446744073709551615", "99999999999999999999999", "-1", "0x10"]
    {
        let text = raw(running.at, format!("{HEAD}Content-Length: {length}\r\n\r\n").as_bytes());
        let status = text.split(' ').nth(1).unwrap_or_default();
        assert!(matches!(status, "413" | "400" | "431"), "{length}: {text}");
    }
    assert!(started.elapsed() < Duration::from_millis(600), "it waited for a body");
    assert_eq!(predict(running.at, "m", WINDOW).status, 200);
}

#[test]
fn chunks_without_end_are_cut_at_the_limit() {
    let running = Running::plain();
    let mut stream = connect(running.at);
    stream.write_all(format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let sent = (0..1000).take_while(|_| stream.write_all(chunk.as_bytes()).is_ok()).count();
    assert!(sent < 200, "{sent} chunks of 64 KiB were taken");
    let text = to_the_end(&mut stream);
    assert!(text.is_empty() || parsed(&text).status == 413, "{text}");
    // The same slowly enough that the answer is not lost with the connection.
    let mut stream = connect(running.at);
    stream.write_all(format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).unwrap();
    (0..33).take_while(|_| stream.write_all(chunk.as_bytes()).is_ok()).for_each(drop);
    let reply = parsed(&to_the_end(&mut stream));
    assert_eq!((reply.status, reply.header("connection")), (413, Some("close")), "{reply:?}");
}

/// Sends a piece over and over on one connection until it is cut; bytes that were taken, and how
/// long that took.
fn endless(running: &Running, head: &str, piece: &[u8]) -> (usize, Duration) {
    let mut stream = connect(running.at);
    let started = Instant::now();
    stream.write_all(format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{head}").as_bytes()).unwrap();
    let mut sent = 0;
    while started.elapsed() < Duration::from_secs(20) && stream.write_all(piece).is_ok() {
        sent += piece.len();
    }
    (sent, started.elapsed())
}

#[test]
fn a_chunk_that_has_no_body_and_no_end_is_cut() {
    let mut patient = config();
    patient.timeouts.body = Duration::from_secs(60);
    let running = Running::new(patient, super::fake::Fake::one());
    for (head, piece) in [
        // The size of a chunk, as a line of zeros.
        ("", vec![b'0'; 1 << 16]),
        ("5;", vec![b'a'; 1 << 16]),
        ("5\r\n{\"fea\r\n", b"1\r\n \r\n".repeat(1 << 13)),
        ("0\r\n", b"X: y\r\n".repeat(1 << 13)),
    ] {
        let (sent, took) = endless(&running, head, &piece);
        assert!(
            sent < 64 << 20 && took < Duration::from_secs(15),
            "{head:?}: {sent} bytes were taken in {took:?}"
        );
    }
    // In a hundred small chunks.
    let chunks: String =
        WINDOW.bytes().map(|byte| format!("0001\r\n{}\r\n", char::from(byte))).collect();
    let text = raw(
        running.at,
        format!("{HEAD}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
            .as_bytes(),
    );
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    // Requests on one connection are counted each for itself.
    let mut kept = super::client::Kept::new(running.at);
    let padded = format!("{}{WINDOW}", " ".repeat(LIMIT - WINDOW.len()));
    for _ in 0..12 {
        assert_eq!(kept.predict("m", &padded).expect("the connection lives").status, 200);
    }
}

#[test]
fn a_thousand_connections_at_once_do_not_delay_health() {
    let many = if open_files() > 4096 { 1000 } else { 300 };
    let mut taken = config();
    taken.limits.connections = many / 2;
    taken.timeouts.header = Duration::from_secs(20);
    let running = Running::new(taken, super::fake::Fake::one());
    let at = running.at;
    let idle: Vec<TcpStream> = (0..many).map(|_| connect(at)).collect();
    let started = Instant::now();
    assert_eq!((get(at, "/healthz").status, get(at, "/readyz").status), (200, 200));
    assert!(started.elapsed() < Duration::from_secs(1), "health took {:?}", started.elapsed());
    // And while they come.
    std::thread::scope(|scope| {
        let more = scope.spawn(move || (0..many).map(|_| connect(at)).collect::<Vec<_>>());
        for _ in 0..20 {
            let started = Instant::now();
            assert_eq!(get(at, "/healthz").status, 200);
            assert!(
                started.elapsed() < Duration::from_secs(2),
                "health took {:?}",
                started.elapsed()
            );
        }
        drop(more.join().unwrap());
    });
    drop(idle);
}

#[test]
fn nothing_is_unpacked() {
    let running = Running::plain();
    for encoding in ["gzip", "br", "deflate", "zstd", "gzip, gzip", "x"] {
        let lines = format!("Content-Type: application/json\r\nContent-Encoding: {encoding}\r\n");
        let reply = send(running.at, "POST", "/v1/models/m/predict", &lines, WINDOW);
        assert_eq!((reply.status, reply.code().as_str()), (415, "unsupported"), "{encoding}");
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
        let reply = send(
            running.at,
            "POST",
            "/v1/models/m/predict",
            &format!("Content-Type: {kind}\r\n"),
            WINDOW,
        );
        assert_eq!(reply.status, 415, "{kind}");
    }
}

/// How long a connection stays open on which nothing more is sent.
fn open_for(mut stream: TcpStream) -> (Duration, String) {
    let started = Instant::now();
    let text = to_the_end(&mut stream);
    (started.elapsed(), text)
}

#[test]
fn half_a_header_is_closed() {
    let running = Running::plain();
    for half in ["", "G", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Half"] {
        let mut stream = connect(running.at);
        stream.write_all(half.as_bytes()).unwrap();
        let (open, text) = open_for(stream);
        assert!(
            open < Duration::from_millis(1500) && open > Duration::from_millis(400),
            "{half:?}: {open:?} {text}"
        );
    }
    // An idle connection that was used is closed as well.
    let mut stream = connect(running.at);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let (open, text) = open_for(stream);
    assert!(
        text.starts_with("HTTP/1.1 200 ") && open < Duration::from_millis(1500),
        "{open:?} {text}"
    );
}

#[test]
fn half_a_body_is_closed() {
    let running = Running::plain();
    for framing in [
        "Content-Length: 100\r\n\r\n{\"fea",
        "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"fea\r\n",
        "Content-Length: 100\r\nExpect: 100-continue\r\n\r\n",
    ] {
        let mut stream = connect(running.at);
        stream.write_all(format!("{HEAD}{framing}").as_bytes()).unwrap();
        let (open, text) = open_for(stream);
        let text = text.trim_start_matches("HTTP/1.1 100 Continue\r\n\r\n");
        let reply = parsed(text);
        assert_eq!((reply.status, reply.code().as_str()), (408, "body_too_slow"), "{text}");
        assert!(open < Duration::from_millis(2000), "{open:?}");
    }
}

#[test]
fn a_byte_at_a_time_is_no_way_to_stay() {
    let running = Running::plain();
    for request in [
        format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(100)),
        format!("{HEAD}Content-Length: 100\r\n\r\n{{"),
    ] {
        let mut stream = connect(running.at);
        let (fast, slow) = request.split_at(request.len().saturating_sub(90).min(HEAD.len() + 22));
        stream.write_all(fast.as_bytes()).unwrap();
        let started = Instant::now();
        let mut bytes = slow.bytes().chain(std::iter::repeat(b' '));
        while started.elapsed() < Duration::from_secs(5)
            && stream.write_all(&[bytes.next().unwrap()]).is_ok()
        {
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(
            started.elapsed() < Duration::from_millis(2500),
            "{request}: it is still open after {:?}",
            started.elapsed()
        );
    }
}

/// Open files that this process may have.
fn open_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
    line.split_whitespace().nth(3).and_then(|soft| soft.parse().ok()).unwrap_or(256)
}

#[test]
fn when_all_connections_are_taken_health_is_still_answered() {
    let many = if open_files() > 4096 { 1000 } else { 60 };
    let mut taken = config();
    taken.limits.connections = many;
    taken.timeouts.header = Duration::from_secs(20);
    let running = Running::new(taken, super::fake::Fake::one());
    let idle: Vec<TcpStream> = (0..many).map(|_| connect(running.at)).collect();
    let reply = predict(running.at, "m", WINDOW);
    assert_eq!(
        (reply.status, reply.code().as_str(), reply.header("retry-after")),
        (503, "crowded", Some("1"))
    );
    assert_eq!((get(running.at, "/healthz").status, get(running.at, "/readyz").status), (200, 200));
    // Far more than the server keeps places for: they wait, each is heard in its turn, and health
    // is not forgotten.
    let more: Vec<TcpStream> = (0..60).map(|_| connect(running.at)).collect();
    assert_eq!(get(running.at, "/healthz").status, 200);
    drop((idle, more));
    super::fake::eventually("there is room again", || {
        predict(running.at, "m", WINDOW).status == 200
    });
}

#[test]
fn a_reader_that_takes_nothing_is_cut_off() {
    let running = Running::plain();
    let mut stream = connect(running.at);
    let started = Instant::now();
    let ask = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(20);
    let mut sent = Ok(());
    while sent.is_ok() && started.elapsed() < Duration::from_secs(6) {
        sent = stream.write_all(&ask);
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(sent.is_err(), "it still takes requests after {:?}", started.elapsed());
}

#[test]
fn a_full_queue_says_when_to_come_again() {
    let mut small = config();
    small.limits.queue = 2;
    small.limits.batch = 1;
    let running = Running::new(small, super::fake::Fake::one());
    let at = running.at;
    let slow = super::fake::window_with(super::fake::SLOW);
    let replies: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| predict(at, "m", &slow))).collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    let full: Vec<_> = replies.iter().filter(|reply| reply.status == 503).collect();
    assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 503)), "{replies:?}");
    assert!(full.len() >= 4, "{replies:?}");
    assert!(
        full.iter()
            .all(|reply| reply.code() == "queue_full" && reply.header("retry-after") == Some("1")),
        "{full:?}"
    );
    assert_eq!(predict(at, "m", WINDOW).status, 200);
}
