//! Messages of the protocol as bytes, and the transport over a server's pipes.
//!
//! Nothing a server writes is trusted: a line has a size limit, what is no message is passed over, and a
//! reply that cannot be read becomes an error of its call instead of silence.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as Note, PoisonError};

use rmcp::RoleClient;
use rmcp::model::{ErrorData, JsonRpcMessage, RequestId, ServerJsonRpcMessage};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::sync::{Mutex, mpsc};

use crate::shell::Pipes;

/// Bytes of one message. As large as rmcp takes over HTTP.
pub(super) const LONGEST_MESSAGE: usize = 16 * 1024 * 1024;
/// Messages that wait for being handled.
pub(super) const QUEUE: usize = 64;

/// The first oddity of a connection, for the reason of its end.
#[derive(Debug, Clone, Default)]
pub(super) struct Oddity {
    noted: Arc<Note<Option<String>>>,
    too_large: Arc<AtomicBool>,
}

impl Oddity {
    pub(super) fn note(&self, what: impl FnOnce() -> String) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(what);
    }

    /// A message passed the bound: the connection ends with it, and would do so again.
    pub(super) fn note_too_large(&self) {
        self.too_large.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_too_large(&self) -> bool {
        self.too_large.load(Ordering::Relaxed)
    }

    pub(super) fn get(&self) -> Option<String> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The messages in `text`: one, several of a batch, or none.
pub(super) fn messages(text: &[u8]) -> Vec<ServerJsonRpcMessage> {
    if let Ok(message) = serde_json::from_slice(text) {
        return vec![message];
    }
    match serde_json::from_slice::<Value>(text) {
        Ok(Value::Array(batch)) => batch.into_iter().filter_map(message).collect(),
        Ok(value) => message(value).into_iter().collect(),
        Err(error) => unreadable(text, &error).into_iter().collect(),
    }
}

/// What says of a reply whose it is; the rest is passed over, however deep it goes.
#[derive(serde::Deserialize)]
struct Head {
    id: RequestId,
    #[serde(default)]
    result: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    error: Option<serde::de::IgnoredAny>,
}

/// The error of the call whose reply is JSON beyond what is read, such as one nested a thousand times.
fn unreadable(text: &[u8], error: &serde_json::Error) -> Option<ServerJsonRpcMessage> {
    let head: Head = serde_json::from_slice(text).ok()?;
    if head.result.is_none() && head.error.is_none() {
        return None;
    }
    let why = format!("the server's reply cannot be read: {error}");
    Some(JsonRpcMessage::error(ErrorData::internal_error(why, None), Some(head.id)))
}

fn message(value: Value) -> Option<ServerJsonRpcMessage> {
    let is_reply = value.get("result").is_some() || value.get("error").is_some();
    let id = value.get("id").cloned();
    if let Ok(message) = serde_json::from_value(value) {
        return Some(message);
    }
    // A caller waits for this id: it is told, instead of waiting for nothing.
    let id: RequestId = serde_json::from_value(id.filter(|_| is_reply)?).ok()?;
    let error = ErrorData::internal_error("the server's reply is not one of the protocol", None);
    Some(JsonRpcMessage::error(error, Some(id)))
}

/// A server on standard input and output: one message a line.
pub(super) struct Lines {
    incoming: mpsc::Receiver<ServerJsonRpcMessage>,
    outgoing: Arc<Mutex<Option<Sender>>>,
}

impl Lines {
    pub(super) fn over(pipes: Pipes, oddity: Oddity) -> Self {
        let (sender, incoming) = mpsc::channel(QUEUE);
        tokio::spawn(read(pipes.output, sender, oddity));
        Self { incoming, outgoing: Arc::new(Mutex::new(Some(pipes.input))) }
    }
}

/// Reads until the pipe or the other side of the channel is closed, or a line passes all bounds.
async fn read(mut output: Receiver, sender: mpsc::Sender<ServerJsonRpcMessage>, oddity: Oddity) {
    let mut line: Vec<u8> = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let count = tokio::select! {
            read = output.read(&mut chunk) => read.unwrap_or(0),
            () = sender.closed() => return,
        };
        if count == 0 {
            return;
        }
        let mut rest = chunk.get(..count).unwrap_or_default();
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (head, tail) = rest.split_at(end);
            line.extend_from_slice(head);
            rest = tail.get(1..).unwrap_or_default();
            for message in understood(&line, &oddity) {
                if sender.send(message).await.is_err() {
                    return;
                }
            }
            line.clear();
        }
        line.extend_from_slice(rest);
        if line.len() > LONGEST_MESSAGE {
            oddity.note_too_large();
            return;
        }
        // One long line must not hold its memory for the whole run.
        if line.is_empty() && line.capacity() > 1024 * 1024 {
            line = Vec::new();
        }
    }
}

fn understood(line: &[u8], oddity: &Oddity) -> Vec<ServerJsonRpcMessage> {
    let found = messages(line);
    if found.is_empty() && !line.trim_ascii().is_empty() {
        oddity.note(|| {
            let shown = line.get(..line.len().min(120)).unwrap_or_default();
            let shown = crate::evidence::untrusted::visible(&String::from_utf8_lossy(shown));
            format!("it writes to stdout what is no message: `{}`", shown.trim())
        });
    }
    found
}

impl Transport<RoleClient> for Lines {
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let outgoing = Arc::clone(&self.outgoing);
        async move {
            let mut line = serde_json::to_vec(&item)?;
            line.push(b'\n');
            match outgoing.lock().await.as_mut() {
                Some(pipe) => pipe.write_all(&line).await,
                None => Err(io::ErrorKind::NotConnected.into()),
            }
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        self.incoming.recv().await
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.incoming.close();
        // A closed stdin tells a server to end.
        self.outgoing.lock().await.take();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_message_is_passed_over_and_an_unreadable_reply_is_an_error_of_its_call() {
        for text in ["", "hello", "{}", "[]", "null", "{\"jsonrpc\":\"2.0\"}", "\u{1b}[2J", "{\"id\":1}"] {
            assert!(messages(text.as_bytes()).is_empty(), "{text}");
        }
        let reply = messages(br#"{"jsonrpc":"2.0","id":7,"result":[1,2]}"#);
        assert_eq!(reply.len(), 1);
        let broken = messages(br#"{"jsonrpc":"2.0","id":7,"error":"no"}"#);
        assert!(matches!(broken.as_slice(), [JsonRpcMessage::Error(_)]), "{broken:?}");
        let deep =
            format!(r#"{{"jsonrpc":"2.0","id":7,"result":{}1{}}}"#, "[".repeat(5000), "]".repeat(5000));
        assert!(matches!(messages(deep.as_bytes()).as_slice(), [JsonRpcMessage::Error(_)]));
        assert!(messages(deep.replace("result", "params").as_bytes()).is_empty());
        let batch = br#"[{"jsonrpc":"2.0","id":1,"result":{}},{"jsonrpc":"2.0","id":2,"result":{}}, 5]"#;
        assert_eq!(messages(batch).len(), 2);
    }
}
