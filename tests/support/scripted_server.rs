//! A small HTTP server for tools' tests: answers by path, in bytes, and remembers what it was asked.
//!
//! On plain threads, so that it can do what no server library does: break off, hang, send what it did not promise.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a path answers with.
#[derive(Debug, Clone)]
pub enum Reply {
    /// The bytes of the whole answer.
    Bytes(Vec<u8>),
    /// The same piece again and again, until nobody listens or so many were sent.
    Endless { head: String, piece: Vec<u8>, times: usize },
    /// These bytes, then silence until the server ends.
    Hang(Vec<u8>),
    /// The request itself, headers and all, as text.
    Echo,
}

impl Reply {
    #[must_use]
    pub fn ok(kind: &str, body: impl AsRef<[u8]>) -> Self {
        Self::status("200 OK", &format!("Content-Type: {kind}\r\n"), body)
    }

    #[must_use]
    pub fn status(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let head = format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        Self::Bytes([head.as_bytes(), body].concat())
    }

    #[must_use]
    pub fn redirect(to: &str) -> Self {
        Self::status("302 Found", &format!("Location: {to}\r\n"), "")
    }
}

/// A request in its parts.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// As it came, escapes and all.
    pub path: String,
    /// Unescaped, in order.
    pub query: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// The server's own `host:port`.
    pub here: String,
}

impl Asked {
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn read(request: &str, here: String) -> Self {
        let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
        let mut lines = head.lines();
        let mut first = lines.next().unwrap_or_default().split(' ');
        let method = first.next().unwrap_or_default().to_owned();
        let target = first.next().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let url = reqwest::Url::parse(&format!("http://h/?{query}")).unwrap();
        let query = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Self { method, path: path.to_owned(), query, headers, body: body.to_owned(), here }
    }
}

/// Decides on an answer while it runs.
type Answering = Box<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// The running server. Dropping it stops it.
pub struct ScriptedServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    replies: HashMap<String, Reply>,
    answering: Option<Answering>,
    here: String,
    requests: Mutex<Vec<String>>,
    stopped: AtomicBool,
}

impl ScriptedServer {
    /// Answers by path, 404 elsewhere. `{here}` in a reply's bytes becomes the server's `host:port`.
    #[must_use]
    pub fn start(replies: impl IntoIterator<Item = (&'static str, Reply)>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let filled = |reply| match reply {
            Reply::Bytes(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Reply::Bytes(text.replace("{here}", &address.to_string()).into_bytes()),
                Err(error) => Reply::Bytes(error.into_bytes()),
            },
            other => other,
        };
        let replies = replies.into_iter().map(|(path, reply)| (path.to_owned(), filled(reply))).collect();
        Self::serve(listener, address, Shared { replies, ..Shared::default() })
    }

    /// Answers each request as `answering` says.
    #[must_use]
    pub fn answering(answering: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let here = address.to_string();
        let answering: Option<Answering> = Some(Box::new(answering));
        Self::serve(listener, address, Shared { answering, here, ..Shared::default() })
    }

    fn serve(listener: TcpListener, address: SocketAddr, shared: Shared) -> Self {
        let shared = Arc::new(shared);
        let serving = Arc::clone(&shared);
        let accepting = std::thread::spawn(move || {
            let mut threads = Vec::new();
            for stream in listener.incoming() {
                if serving.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let (Ok(stream), shared) = (stream, Arc::clone(&serving)) else { continue };
                threads.push(std::thread::spawn(move || shared.serve(stream)));
            }
            for thread in threads {
                let _ = thread.join();
            }
        });
        Self { address, shared, accepting: Some(accepting) }
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The head and body of every request so far, in lower case.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) {
        let Some(request) = read(&stream) else { return };
        let target = request.split(' ').nth(1).unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        let reply = match &self.answering {
            Some(answering) => Some(answering(&Asked::read(&request, self.here.clone()))),
            None => self.replies.get(path).cloned(),
        };
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.to_lowercase());
        let reply = match reply {
            Some(Reply::Echo) => Reply::ok("text/plain", &request),
            Some(reply) => reply,
            None => Reply::status("404 Not Found", "Content-Type: text/plain\r\n", "nothing here\n"),
        };
        // Whoever hangs up first: both are fine.
        let _ = match reply {
            Reply::Bytes(bytes) => stream.write_all(&bytes),
            Reply::Endless { head, piece, times } => stream
                .write_all(head.as_bytes())
                .and_then(|()| (0..times).try_for_each(|_| stream.write_all(&piece))),
            Reply::Hang(bytes) => {
                let written = stream.write_all(&bytes);
                // Until the other side ends, or this one does.
                let _ = stream.set_read_timeout(Some(Duration::from_millis(50)));
                while !self.stopped.load(Ordering::SeqCst) {
                    match stream.read(&mut [0; 64]) {
                        Ok(0) => break,
                        Err(error)
                            if !matches!(
                                error.kind(),
                                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                            ) =>
                        {
                            break;
                        }
                        _ => {}
                    }
                }
                written
            }
            Reply::Echo => Ok(()),
        };
    }
}

fn read(stream: &TcpStream) -> Option<String> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        let end = line == "\r\n";
        head.push_str(&line);
        if end {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8_lossy(&body))
}
