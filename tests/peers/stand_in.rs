//! Servers that cannot be had here: fixed answers on a port, and what was asked of it. For what tools send,
//! not for what they are told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::support::{Bench, Ran};

/// One tool, by hand.
pub(crate) fn tool(bench: &Bench, name: &str, params: &[&str]) -> Ran {
    bench.run([&["toolset", "run", name, "--raw", "--"], params].concat())
}

/// One tool, with the toolset file `config.yaml` of the bench over the built-in ones.
pub(crate) fn configured(bench: &Bench, name: &str, params: &[&str]) -> Ran {
    bench.run([&["toolset", "run", name, "-t", "config.yaml", "--raw", "--"], params].concat())
}

/// Fails with everything that was said unless all of `parts` are in it.
pub(crate) fn says(ran: Ran, parts: &[&str]) -> String {
    let ran = ran.exits(0);
    for part in parts {
        assert!(ran.stdout.contains(part), "no `{part}` in: {}", ran.stdout);
    }
    ran.stdout
}

/// A server on a thread, ended when dropped.
pub(crate) struct StandIn {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl StandIn {
    /// Answers every request by the first of `replies` whose text is in its first line: status and body.
    pub(crate) fn start(replies: &'static [(&'static str, u16, &'static str)]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (kept, stopped) = (Arc::clone(&requests), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                if let Some(request) = stream.ok().and_then(|stream| answer(stream, replies)) {
                    kept.lock().unwrap().push(request);
                }
            }
        });
        Self { port, requests, stop, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Fails unless one request holds all of `parts`: its first line decoded, the rest as it came.
    pub(crate) fn got(&self, parts: &[&str]) {
        let requests = self.requests.lock().unwrap();
        let found = requests.iter().any(|request| parts.iter().all(|part| request.contains(part)));
        assert!(found, "no request with {parts:?} in {requests:#?}");
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // The listener wakes up to see that it is over.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(stream: TcpStream, replies: &[(&str, u16, &str)]) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        let over = line.trim().is_empty();
        request += &line;
        if over {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    // Releases of curl encode differently what means the same.
    let (first, rest) = request.split_once("\r\n")?;
    let (first, rest) = (decoded(first), rest.to_owned());
    request = format!("{first}\r\n{rest}{}", String::from_utf8_lossy(&body));
    let missing = ("", 404, "{\"error\":\"nothing here\"}");
    let (_, status, body) =
        replies.iter().find(|(part, _, _)| first.contains(part)).copied().unwrap_or(missing);
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    reader.get_mut().write_all((head + body).as_bytes()).ok()?;
    Some(request)
}

/// `%20` and `+` as what they mean.
fn decoded(line: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = line.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        let (byte, left) = match (first, hex) {
            (b'%', Some(byte)) => (byte, after.get(2..).unwrap_or_default()),
            (b'+', _) => (b' ', after),
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = left;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
