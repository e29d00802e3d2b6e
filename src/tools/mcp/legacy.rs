//! The older way over HTTP: one event stream for everything a server says, and a second address, which the
//! stream names, for everything it is told. rmcp no longer has it; many servers still do.

use std::io;
use std::sync::Arc;

use futures_util::StreamExt as _;
use reqwest::header::{ACCEPT, CONTENT_TYPE, WWW_AUTHENTICATE};
use reqwest::{Client, Response, Url};
use rmcp::RoleClient;
use rmcp::model::ServerJsonRpcMessage;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::sync::{mpsc, oneshot};

use super::http::{explained, of_refusal, of_status};
use super::wire::{LONGEST_MESSAGE, Oddity, QUEUE, messages};

/// A connection: its stream is read by a task that ends with it.
pub(super) struct Legacy {
    incoming: mpsc::Receiver<ServerJsonRpcMessage>,
    client: Client,
    endpoint: Arc<str>,
}

impl Legacy {
    /// Opens the stream and waits for the address that messages go to. No time limit of its own.
    ///
    /// # Errors
    /// In words for people: no connection, a status, no event stream, an address elsewhere.
    pub(super) async fn open(client: Client, url: &Url, oddity: Oddity) -> Result<Self, String> {
        let request = client.get(url.clone()).header(ACCEPT, "text/event-stream");
        let response = request.send().await.map_err(|error| explained(&error))?;
        if !response.status().is_success() {
            let challenge = response.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
            return Err(of_refusal(response.status(), challenge.unwrap_or_default()));
        }
        let kind =
            response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("nothing");
        if !kind.starts_with("text/event-stream") {
            return Err(format!("it answers with {kind}, not with an event stream; check `config.url`"));
        }
        let (sender, incoming) = mpsc::channel(QUEUE);
        let (found, endpoint) = oneshot::channel();
        tokio::spawn(listen(response, sender, found, oddity.clone()));
        let endpoint = endpoint.await.map_err(|_| {
            oddity.get().unwrap_or_else(|| "the event stream ended before it named an address".to_owned())
        })?;
        let endpoint = url
            .join(&endpoint)
            .ok()
            // The headers are for this server alone.
            .filter(|endpoint| endpoint.origin() == url.origin())
            .ok_or("it names an address elsewhere to send to, which is not followed")?;
        Ok(Self { incoming, client, endpoint: Arc::from(endpoint.as_str()) })
    }
}

/// Reads the stream to its end.
async fn listen(
    response: Response,
    sender: mpsc::Sender<ServerJsonRpcMessage>,
    found: oneshot::Sender<String>,
    oddity: Oddity,
) {
    let mut found = Some(found);
    let mut stream = response.bytes_stream();
    let mut events = Events::default();
    loop {
        let chunk = tokio::select! {
            chunk = stream.next() => chunk,
            () = sender.closed() => return,
        };
        let Some(Ok(chunk)) = chunk else { return };
        for event in events.push(&chunk) {
            if event.kind == b"endpoint" {
                if let Some(found) = found.take() {
                    let _ = found.send(String::from_utf8_lossy(&event.data).trim().to_owned());
                }
                continue;
            }
            for message in messages(&event.data) {
                if sender.send(message).await.is_err() {
                    return;
                }
            }
        }
        if events.len() > LONGEST_MESSAGE {
            oddity.note_too_large();
            return;
        }
    }
}

impl Transport<RoleClient> for Legacy {
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let request = self.client.post(self.endpoint.as_ref()).json(&item);
        async move {
            match request.send().await {
                Ok(response) if response.status().is_success() => Ok(()),
                Ok(response) => Err(io::Error::other(Refused(of_status(response.status())))),
                Err(error) => Err(io::Error::other(error)),
            }
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        self.incoming.recv().await
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.incoming.close();
        Ok(())
    }
}

/// A message that was not taken.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refused(String);

/// An event stream, cut into events as it arrives.
#[derive(Default)]
struct Events {
    line: Vec<u8>,
    event: Event,
    /// The last line ended with a carriage return: a line feed right after it belongs to that end.
    returned: bool,
}

#[derive(Debug, Default, PartialEq)]
struct Event {
    kind: Vec<u8>,
    data: Vec<u8>,
    any: bool,
}

impl Events {
    /// Bytes held back for what is not complete.
    fn len(&self) -> usize {
        self.line.len() + self.event.data.len() + self.event.kind.len()
    }

    fn push(&mut self, chunk: &[u8]) -> Vec<Event> {
        let mut found = Vec::new();
        let mut rest = chunk;
        if std::mem::take(&mut self.returned) && rest.first() == Some(&b'\n') {
            rest = rest.get(1..).unwrap_or_default();
        }
        while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
            let (head, tail) = rest.split_at(end);
            self.line.extend_from_slice(head);
            rest = match tail {
                [b'\r', b'\n', more @ ..] | [_, more @ ..] => more,
                [] => &[],
            };
            self.returned = tail == b"\r";
            let line = std::mem::take(&mut self.line);
            found.extend(self.take(&line));
        }
        self.line.extend_from_slice(rest);
        found
    }

    /// One line; an empty one ends an event.
    fn take(&mut self, line: &[u8]) -> Option<Event> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return event.any.then_some(event);
        }
        let (field, value) = match memchr::memchr(b':', line) {
            Some(colon) => line.split_at(colon),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => self.event.kind = value.to_vec(),
            b"data" => {
                if self.event.any {
                    self.event.data.push(b'\n');
                }
                self.event.any = true;
                self.event.data.extend_from_slice(value);
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(chunks: &[&str]) -> Vec<(String, String)> {
        let mut events = Events::default();
        let found = chunks.iter().flat_map(|chunk| events.push(chunk.as_bytes()));
        found
            .map(|event| {
                let text = |bytes| String::from_utf8(bytes).unwrap();
                (text(event.kind), text(event.data))
            })
            .collect()
    }

    #[test]
    fn events_are_the_same_however_they_arrive() {
        let one = |kind: &str, data: &str| (kind.to_owned(), data.to_owned());
        let want = [one("endpoint", "/m?id=1"), one("", "a\nb"), one("message", "")];
        for newline in ["\n", "\r\n", "\r"] {
            let text = ": hello\n\nevent: endpoint\ndata: /m?id=1\n\nid: 4\ndata:a\ndata: b\nretry: 5\n\n\
                        event: message\ndata\n\ndata: unfinished\n"
                .replace('\n', newline);
            assert_eq!(events(&[&text]), want, "{newline:?}");
            let bytes: Vec<String> = text.chars().map(String::from).collect();
            let bytes: Vec<&str> = bytes.iter().map(String::as_str).collect();
            assert_eq!(events(&bytes), want, "{newline:?} byte by byte");
        }
    }
}
