//! The bytes of an answer on their way to the event parser: bounded, watched for silence, and made
//! into well-formed events whatever the server sent.
//!
//! Below async-openai, because above it a cut cannot be told from a silence, an endless line fills
//! memory, a JSON answer to a stream request yields an empty stream, and a stream without its last
//! blank line loses its last event.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt};
use tokio::time::timeout;

/// How the bytes of an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The server closed the answer properly.
    Closed,
    /// The connection broke inside the answer.
    Cut(String),
    Silent(Duration),
    TooLarge(usize),
    /// A web page, most often a proxy's login.
    Html,
}

/// What one attempt saw below the event parser; shared with it because the crate between passes
/// only strings.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace(Arc<Mutex<Seen>>);

#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) end: Option<End>,
    /// `data: [DONE]` came.
    pub(super) done: bool,
    /// Start of the first line, for an answer that is neither JSON nor events.
    pub(super) first_line: String,
}

impl Trace {
    pub(super) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        // Nothing that holds the lock can leave it half-written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much silence and how many bytes are taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) first_byte: Duration,
    pub(super) idle: Duration,
    pub(super) bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Unknown,
    Events,
    Json,
}

struct Guard<B> {
    inner: BoxStream<'static, Result<B, reqwest::Error>>,
    patience: Patience,
    trace: Trace,
    shape: Shape,
    total: usize,
    /// Bytes of the last, unfinished line (events) or of everything (JSON).
    pending: Vec<u8>,
    /// Finished lines of the unfinished event.
    event: Vec<u8>,
    ready: VecDeque<Vec<u8>>,
    ended: bool,
}

/// Whole events, one a piece, in valid UTF-8.
pub(super) fn guarded<B: AsRef<[u8]> + Send + 'static>(
    inner: BoxStream<'static, Result<B, reqwest::Error>>,
    patience: Patience,
    trace: Trace,
) -> BoxStream<'static, Result<Vec<u8>, std::io::Error>> {
    let guard = Guard {
        inner,
        patience,
        trace,
        shape: Shape::Unknown,
        total: 0,
        pending: Vec::new(),
        event: Vec::new(),
        ready: VecDeque::new(),
        ended: false,
    };
    futures_util::stream::unfold(guard, |mut guard| async move {
        loop {
            if let Some(piece) = guard.ready.pop_front() {
                return Some((Ok(piece), guard));
            }
            if guard.ended {
                return None;
            }
            guard.read().await;
        }
    })
    .boxed()
}

impl<B: AsRef<[u8]>> Guard<B> {
    async fn read(&mut self) {
        let silence = if self.total == 0 { self.patience.first_byte } else { self.patience.idle };
        match timeout(silence, self.inner.next()).await {
            Err(_) => self.end(End::Silent(silence)),
            Ok(Some(Err(error))) => self.end(End::Cut(super::errors::innermost(&error))),
            Ok(Some(Ok(chunk))) => self.take(chunk.as_ref()),
            Ok(None) => {
                self.close();
                self.end(End::Closed);
            }
        }
    }

    fn end(&mut self, end: End) {
        self.ended = true;
        self.trace.lock().end = Some(end);
    }

    fn take(&mut self, chunk: &[u8]) {
        self.total += chunk.len();
        if self.total > self.patience.bytes {
            self.ready.clear();
            return self.end(End::TooLarge(self.patience.bytes));
        }
        // Where the search for line ends goes on: a long line is not searched again and again.
        let mut from = self.pending.len();
        self.pending.extend_from_slice(chunk);
        if self.shape == Shape::Unknown {
            from = 0;
            self.recognise();
        }
        if self.shape == Shape::Events {
            self.split(from);
        }
    }

    fn recognise(&mut self) {
        let text = self.pending.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&self.pending);
        let Some(first) = text.iter().find(|byte| !byte.is_ascii_whitespace()) else {
            return;
        };
        match first {
            b'{' | b'[' => self.shape = Shape::Json,
            b'<' => {
                self.pending.clear();
                self.end(End::Html);
            }
            _ => self.shape = Shape::Events,
        }
    }

    fn split(&mut self, mut from: usize) {
        let mut start = 0;
        while let Some(at) = self.pending.get(from..).and_then(|rest| memchr::memchr(b'\n', rest)) {
            let end = from + at + 1;
            let line: Vec<u8> = self.pending.get(start..end).unwrap_or_default().to_vec();
            self.line(&line);
            start = end;
            from = end;
        }
        self.pending.drain(..start);
    }

    fn line(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            if !self.event.is_empty() {
                let mut event = std::mem::take(&mut self.event);
                event.push(b'\n');
                self.ready.push_back(event);
            }
            return;
        }
        // Comments have done their work by arriving.
        if text.starts_with(':') {
            return;
        }
        {
            let mut seen = self.trace.lock();
            if seen.first_line.is_empty() {
                seen.first_line = text.chars().take(300).collect();
            }
            if text.strip_prefix("data:").is_some_and(|data| data.trim() == "[DONE]") {
                seen.done = true;
            }
        }
        self.event.extend_from_slice(text.as_bytes());
        self.event.push(b'\n');
    }

    /// The server is done: hand over what an unfinished event or a JSON answer left.
    fn close(&mut self) {
        match self.shape {
            Shape::Unknown => {}
            Shape::Events => {
                let rest = std::mem::take(&mut self.pending);
                if !rest.is_empty() {
                    self.line(&rest);
                }
                self.line(b"\n");
            }
            Shape::Json => {
                let text = String::from_utf8_lossy(&self.pending).into_owned();
                let text = text.trim_start_matches('\u{feff}').trim();
                self.trace.lock().first_line = text.chars().take(300).collect();
                let mut event = b"data: ".to_vec();
                event.extend_from_slice(text.replace(['\r', '\n'], "\ndata: ").as_bytes());
                event.extend_from_slice(b"\n\n");
                self.pending.clear();
                self.ready.push_back(event);
            }
        }
    }
}
