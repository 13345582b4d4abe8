//! A connection's bytes: reading looks for smuggled requests, writing does not wait for ever.

use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// How many bytes a request may take, whatever they are.
pub(super) struct Allowance {
    /// Since the request before began; set to 0 by the thread that hears a request.
    pub received: Arc<AtomicU64>,
    pub most: u64,
}

/// A connection.
pub(super) struct Stream {
    socket: TcpStream,
    heads: Heads,
    /// Set once the client sent a head that two servers could read differently.
    ambiguous: Arc<AtomicBool>,
    patience: Duration,
    allowance: Allowance,
    /// Runs while the client takes nothing of what is written.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Stream {
    /// `ambiguous` becomes true before the request that makes it so is handled; a client that takes
    /// nothing for `patience` is cut off.
    pub(super) fn new(
        socket: TcpStream,
        ambiguous: Arc<AtomicBool>,
        patience: Duration,
        allowance: Allowance,
    ) -> Self {
        Self { socket, heads: Heads::default(), ambiguous, patience, allowance, stalled: None }
    }

    fn not_for_ever<T>(
        &mut self,
        context: &mut Context<'_>,
        progress: Poll<Result<T>>,
    ) -> Poll<Result<T>> {
        if progress.is_ready() {
            self.stalled = None;
            return progress;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client takes no answer")))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(context, buffer))?;
        if self.heads.look(&buffer.filled()[before..]) {
            self.ambiguous.store(true, Ordering::Release);
        }
        let read = (buffer.filled().len() - before) as u64;
        let Allowance { received, most } = &self.allowance;
        if received.fetch_add(read, Ordering::Relaxed) + read > *most {
            return Poll::Ready(Err(Error::new(ErrorKind::InvalidData, "a request without end")));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let progress = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.not_for_ever(context, progress)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let progress = Pin::new(&mut self.socket).poll_flush(context);
        self.not_for_ever(context, progress)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let progress = Pin::new(&mut self.socket).poll_shutdown(context);
        self.not_for_ever(context, progress)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[std::io::IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let progress = Pin::new(&mut self.socket).poll_write_vectored(context, parts);
        self.not_for_ever(context, progress)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

/// Looks for heads with both `Content-Length` and `Transfer-Encoding`, which two servers in a row
/// may cut differently (request smuggling; hyper would take the one and drop the other). Lines are
/// all that it knows of HTTP, and all that it needs: no line of a JSON document begins with one of
/// these words.
#[derive(Default)]
struct Heads {
    /// The current line's first bytes, in lower case.
    line: Vec<u8>,
    has_length: bool,
    has_encoding: bool,
}

const LENGTH: &[u8] = b"content-length:";
const ENCODING: &[u8] = b"transfer-encoding:";

impl Heads {
    /// Whether these bytes end a head that has both.
    fn look(&mut self, bytes: &[u8]) -> bool {
        let mut found = false;
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = ENCODING.len() - self.line.len();
            let (line, ended) = match part.split_last() {
                Some((b'\n', line)) => (line, true),
                _ => (part, false),
            };
            self.line.extend(line.iter().take(room).map(u8::to_ascii_lowercase));
            if ended {
                found |= self.end_line();
            }
        }
        found
    }

    fn end_line(&mut self) -> bool {
        self.has_length |= self.line.starts_with(LENGTH);
        self.has_encoding |= self.line.starts_with(ENCODING);
        let found = self.has_length && self.has_encoding;
        if matches!(&self.line[..], b"" | b"\r") {
            (self.has_length, self.has_encoding) = (false, false);
        }
        self.line.clear();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_with_both_is_found_however_it_arrives() {
        let head = b"POST / HTTP/1.1\r\nHost: a\r\ncontent-LENGTH: 4\r\nX: y\r\n\
                     Transfer-Encoding: chunked\r\n\r\n";
        for size in 1..head.len() {
            let mut heads = Heads::default();
            assert!(head.chunks(size).any(|part| heads.look(part)), "{size}");
        }
        assert!(Heads::default().look(b"A\nTransfer-Encoding: x\nContent-Length: 1\n\n"));
    }

    #[test]
    fn two_heads_with_one_each_are_fine() {
        let mut heads = Heads::default();
        let two = b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n\
                    POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        assert!(!heads.look(two));
        assert!(!Heads::default().look(br#"{"content-length: ": "transfer-encoding:"}"#));
    }
}
