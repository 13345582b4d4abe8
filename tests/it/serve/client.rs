//! A client that sends what it is told, byte for byte.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// An answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(super) fn code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .unwrap_or_else(|| panic!("no error: {self:?}"))
            .to_owned()
    }

    pub(super) fn message(&self) -> String {
        self.json()["error"]["message"]
            .as_str()
            .unwrap_or_else(|| panic!("no error: {self:?}"))
            .to_owned()
    }

    /// A header's value.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let line = self
            .head
            .lines()
            .find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")))?;
        Some(line.split_once(':')?.1.trim())
    }
}

/// A connection, with a client's patience of 20 s.
pub(super) fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Sends bytes on a connection of their own and reads to its end.
pub(super) fn raw(to: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connect(to);
    // A server that has read enough may hang up before everything is sent.
    drop(stream.write_all(bytes));
    to_the_end(&mut stream)
}

/// Everything until the other side closes.
pub(super) fn to_the_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert!(
            error.kind() == std::io::ErrorKind::ConnectionReset,
            "{error} after {:?}",
            String::from_utf8_lossy(&bytes)
        );
    }
    String::from_utf8(bytes).unwrap()
}

/// The first of the replies in a text.
pub(super) fn parsed(text: &str) -> Reply {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return Reply::default() };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let mut reply = Reply { status, head: head.to_owned(), body: body.to_owned() };
    if let Some(length) =
        reply.header("content-length").and_then(|length| length.parse::<usize>().ok())
    {
        reply.body.truncate(length);
    }
    reply
}

/// One request with these lines of header, on a connection of its own.
pub(super) fn send(to: SocketAddr, method: &str, path: &str, lines: &str, body: &str) -> Reply {
    let host = if lines.to_ascii_lowercase().contains("host:") {
        String::new()
    } else {
        format!("Host: {to}\r\n")
    };
    let length =
        if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    parsed(&raw(
        to,
        format!("{method} {path} HTTP/1.1\r\n{host}{lines}{length}Connection: close\r\n\r\n{body}")
            .as_bytes(),
    ))
}

pub(super) fn get(to: SocketAddr, path: &str) -> Reply {
    send(to, "GET", path, "", "")
}

pub(super) fn post(to: SocketAddr, path: &str, body: &str) -> Reply {
    send(to, "POST", path, "Content-Type: application/json\r\n", body)
}

pub(super) fn predict(to: SocketAddr, model: &str, body: &str) -> Reply {
    post(to, &format!("/v1/models/{model}/predict"), body)
}

/// A connection that is kept, for many requests.
pub(super) struct Kept {
    stream: TcpStream,
    to: SocketAddr,
    read: Vec<u8>,
}

impl Kept {
    pub(super) fn new(to: SocketAddr) -> Self {
        Self { stream: connect(to), to, read: Vec::new() }
    }

    /// Posts a body; `None` when the server closed the connection.
    pub(super) fn predict(&mut self, model: &str, body: &str) -> Option<Reply> {
        let request = format!(
            "POST /v1/models/{model}/predict HTTP/1.1\r\nHost: {}\r\nContent-Type: \
                application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.to,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).ok()?;
        self.reply()
    }

    fn reply(&mut self) -> Option<Reply> {
        loop {
            let text = String::from_utf8_lossy(&self.read).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let reply = parsed(&text);
                let length: usize =
                    reply.header("content-length").map_or(0, |length| length.parse().unwrap());
                if body.len() >= length {
                    self.read.drain(..head.len() + 4 + length);
                    return Some(reply);
                }
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.read.extend_from_slice(&bytes[..count]),
            }
        }
    }
}
