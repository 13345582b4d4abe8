//! Lines for anyone who looks at a sweep. Their reader may be slow, stand still or be gone: whoever
//! writes them goes on all the same.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Writes lines on a thread of its own. Writing into it never waits and never fails.
///
/// What the reader does not take is kept, up to [`MOST_KEPT`]; lines that come while there is more
/// are left out, and counted.
#[derive(Debug)]
pub(super) struct Lines {
    lines: Option<Sender<Vec<u8>>>,
    /// The line that is being written.
    begun: Vec<u8>,
    /// Bytes that are on their way.
    kept: Arc<AtomicUsize>,
    left_out: usize,
    written: Receiver<()>,
}

/// Bytes kept for a reader that stands still.
const MOST_KEPT: usize = 16 << 20;

impl Lines {
    /// Writes to `out`; says on `errors`, once, when it can be written no more, and then what
    /// follows from that (`then`).
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn new(
        out: impl Write + Send + 'static,
        errors: impl Write + Send + 'static,
        then: String,
    ) -> io::Result<Self> {
        let (sender, lines) = channel::<Vec<u8>>();
        let (done, written) = channel();
        let kept = Arc::new(AtomicUsize::new(0));
        let taken = Arc::clone(&kept);
        thread::Builder::new().name("lines".into()).spawn(move || {
            write_all(&lines, &taken, out, errors, &then);
            // Nobody may be waiting.
            done.send(()).ok();
        })?;
        Ok(Self { lines: Some(sender), begun: Vec::new(), kept, left_out: 0, written })
    }

    /// Waits until everything is written or can no longer be, as long as `patience` asked ten times
    /// a second says so.
    pub(super) fn finish(mut self, patience: &mut dyn FnMut() -> bool) {
        self.send();
        self.lines = None;
        while self.written.recv_timeout(Duration::from_millis(100))
            == Err(RecvTimeoutError::Timeout)
            && patience()
        {}
    }

    fn send(&mut self) {
        if self.begun.is_empty() {
            return;
        }
        if self.kept.load(Ordering::Relaxed) > MOST_KEPT {
            self.left_out += 1;
            self.begun.clear();
            return;
        }
        let mut line = std::mem::take(&mut self.begun);
        if self.left_out > 0 {
            let said = format!(
                "… {} lines were left out: nobody read them\n",
                std::mem::take(&mut self.left_out)
            );
            line.splice(..0, said.into_bytes());
        }
        self.kept.fetch_add(line.len(), Ordering::Relaxed);
        if let Some(lines) = &self.lines {
            // The thread ends after this end alone.
            drop(lines.send(line));
        }
    }
}

/// Anyone who ends with an error has its lines written too, if that is soon done.
impl Drop for Lines {
    fn drop(&mut self) {
        self.send();
        self.lines = None;
        // Written, or not in time.
        self.written.recv_timeout(Duration::from_secs(1)).ok();
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.extend(bytes);
        if bytes.ends_with(b"\n") {
            self.send();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send();
        Ok(())
    }
}

fn write_all(
    lines: &Receiver<Vec<u8>>,
    kept: &AtomicUsize,
    mut out: impl Write,
    mut errors: impl Write,
    then: &str,
) {
    let mut broken = false;
    for line in lines {
        if !broken && let Err(error) = out.write_all(&line).and_then(|()| out.flush()) {
            broken = true;
            // If that is gone too, there is nobody to tell.
            drop(writeln!(errors, "the output can be written no more: {error}; {then}"));
        }
        kept.fetch_sub(line.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// What is written, shared; each write waits for the lock.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Shared {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_come_out_in_order_and_whole() {
        let (out, errors) = (Shared::default(), Shared::default());
        let mut lines = Lines::new(out.clone(), errors.clone(), "on".into()).unwrap();
        for number in 0..100 {
            writeln!(lines, "line {number}").unwrap();
        }
        write!(lines, "no end").unwrap();
        lines.finish(&mut || true);
        let expected: String = (0..100).map(|number| format!("line {number}\n")).collect();
        assert_eq!((out.text(), errors.text()), (expected + "no end", String::new()));
    }

    #[test]
    fn a_reader_that_is_gone_is_told_once_and_fails_nobody() {
        let errors = Shared::default();
        let mut lines = Lines::new(Closed, errors.clone(), "the sweep goes on".into()).unwrap();
        for _ in 0..10 {
            writeln!(lines, "line").unwrap();
        }
        lines.finish(&mut || true);
        assert_eq!(
            errors.text(),
            "the output can be written no more: broken pipe; the sweep goes on\n"
        );
    }

    #[test]
    fn a_reader_that_stands_still_holds_nobody_up_and_its_lines_have_a_limit() {
        let out = Shared::default();
        let still = out.0.lock().unwrap();
        let mut lines = Lines::new(out.clone(), io::sink(), String::new()).unwrap();
        let long = "x".repeat(1 << 20);
        for _ in 0..40 {
            writeln!(lines, "{long}").unwrap();
        }
        assert!(lines.kept.load(Ordering::Relaxed) < MOST_KEPT + (2 << 20));
        let mut asked = 0;
        drop(still);
        while lines.kept.load(Ordering::Relaxed) > 0 {
            thread::yield_now();
        }
        writeln!(lines, "after").unwrap();
        lines.finish(&mut || {
            asked += 1;
            asked < 100
        });
        let text = out.text();
        assert!(
            text.ends_with("lines were left out: nobody read them\nafter\n")
                && text.lines().count() < 40
        );
    }
}
