//! Bytes that are no HTTP, or two kinds of it: S19.

use std::io::Write;

use super::client::{connect, predict, raw, to_the_end};
use super::fake::{Running, WINDOW};

#[test]
fn what_two_servers_could_read_differently_is_refused() {
    let running = Running::plain();
    let head = "POST /v1/models/m/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: \
        application/json\r\n";
    let smuggled = "0\r\n\r\nGET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for lines in [
        format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", smuggled.len()),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {}\r\n", smuggled.len()),
        "content-length: 4\r\nX: y\r\ntransfer-encoding: CHUNKED\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n".to_owned(),
        "Transfer-Encoding: gzip\r\n".to_owned(),
        "Transfer-Encoding : chunked\r\nContent-Length: 4\r\n".to_owned(),
        "Content-Length: 4\r\nContent-Length: 5\r\n".to_owned(),
        "Content-Length: 4, 5\r\n".to_owned(),
        "Content-Length: +4\r\n".to_owned(),
        "Content-Length: 4\r\n Transfer-Encoding: chunked\r\n".to_owned(),
    ] {
        let text = raw(running.at, format!("{head}{lines}\r\n{smuggled}").as_bytes());
        assert!(text.starts_with("HTTP/1.1 400 "), "{lines}: {text}");
        assert_eq!(
            text.matches("HTTP/1.1 ").count(),
            1,
            "the smuggled request was answered: {text}"
        );
    }
}

#[test]
fn garbage_is_refused_and_ends_the_connection() {
    let running = Running::plain();
    let too_long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(70_000));
    let many =
        format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(100));
    for (bytes, statuses) in [
        (&b"GET /\r\n\r\n"[..], &["400"][..]),
        (b"GET /healthz\r\n\r\n", &["400"]),
        (b"GET /healthz HTTP/3.0\r\n\r\n", &["400"]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", &["400"]),
        (b"\0\0\0\0\r\n\r\n", &["400"]),
        (b"GET /\x1b[31m HTTP/1.1\r\nHost: localhost\r\n\r\n", &["400"]),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX\r\n\r\n", &["400"]),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n", &["400"]),
        (too_long.as_bytes(), &["414", "431"]),
        (many.as_bytes(), &["431"]),
    ] {
        let text = raw(running.at, bytes);
        let status = text.split(' ').nth(1).unwrap_or_default();
        assert!(
            statuses.contains(&status),
            "{:?}: {text}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(60)])
        );
    }
    let mut stream = connect(running.at);
    let three = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n\x01\x02 garbage\r\n\r\n\
                  GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(three).unwrap();
    let text = to_the_end(&mut stream);
    let statuses: Vec<&str> = text.split("HTTP/1.1 ").skip(1).map(|reply| &reply[..3]).collect();
    assert_eq!(statuses, ["200", "400"], "{text}");
    assert_eq!(predict(running.at, "m", WINDOW).status, 200);
}
