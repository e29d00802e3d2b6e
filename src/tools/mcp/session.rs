//! One lasting session with a server, for the whole run and for calls that run side by side. When it is
//! lost, the next call makes a new one; a call is only repeated where that cannot do anything twice.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use rmcp::model::{
    ClientCapabilities, ClientConfig, ClientRequest, ErrorData, Implementation, ProtocolVersion, ServerResult,
};
use rmcp::service::{ClientInitializeError, PeerRequestOptions, RunningService, ServiceError, serve_client};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, Transport};
use rmcp::{ClientHandler, RoleClient};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::http::{self, Streamable};
use super::legacy::Legacy;
use super::settings::{Mode, Reach, Settings};
use super::wire::{LONGEST_MESSAGE, Lines, Oddity};
use crate::evidence::untrusted::visible;
use crate::shell::{Departed, Lasting, Stop};
use crate::tls::Trust;

/// Waited before the second new session in a row, doubled from there on.
const BACKOFF: Duration = Duration::from_millis(200);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
/// What a server that lost its pipes may take to end by itself, so that its exit code is its own.
const PATIENCE: Duration = Duration::from_millis(500);
/// What telling a server that a call is of no more use may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// A server and the session with it.
pub(super) struct Server {
    settings: Settings,
    trust: Trust,
    live: Mutex<Option<Rc<Live>>>,
    /// Sessions lost in a row without a call that succeeded.
    losses: Cell<u32>,
}

/// An open session.
struct Live {
    service: RunningService<RoleClient, Guest>,
    process: RefCell<Option<Lasting>>,
    oddity: Oddity,
}

/// How a call came to no result.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Failed {
    /// The server says no.
    Refused(String),
    TimedOut,
    Stopped,
    /// No session can be had, or the one there was is gone.
    Lost(String),
}

/// What this program is to a server: it offers nothing, and answers what is asked of it with a refusal.
#[derive(Debug, Clone, Copy)]
struct Guest;

impl ClientHandler for Guest {
    fn get_info(&self) -> ClientConfig {
        let this = Implementation::new("holmes-rs", env!("CARGO_PKG_VERSION"));
        // The newest version that has sessions.
        ClientConfig::new(ClientCapabilities::default(), this)
            .with_protocol_version(ProtocolVersion::V_2025_11_25)
    }
}

impl Server {
    pub(super) fn new(settings: Settings, trust: Trust) -> Self {
        Self { settings, trust, live: Mutex::new(None), losses: Cell::new(0) }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the server says of itself in its greeting.
    ///
    /// # Errors
    /// Why there is no session.
    pub(super) async fn instructions(&self) -> Result<Option<String>, String> {
        let live = self.session().await?;
        Ok(live.service.peer().peer_info().and_then(|info| info.instructions.clone()))
    }

    /// One request and its result. `repeatable`: being done twice is as good as once.
    ///
    /// # Errors
    /// How it failed; every way but a refusal within `limit`.
    pub(super) async fn request(
        &self,
        request: ClientRequest,
        repeatable: bool,
        limit: Duration,
        stop: Stop,
    ) -> Result<Value, Failed> {
        let deadline = Instant::now() + limit;
        let mut last = None;
        for _ in 0..2 {
            let live = tokio::select! {
                biased;
                () = stopped(stop.clone()) => return Err(Failed::Stopped),
                live = self.session() => live.map_err(|now| Failed::Lost(last.take().unwrap_or(now)))?,
                () = sleep_until(deadline) => return Err(Failed::TimedOut),
            };
            match live.request(request.clone(), deadline, stop.clone()).await {
                Ok(value) => {
                    self.losses.set(0);
                    return Ok(value);
                }
                Err(Cut::Failed(failed)) => return Err(failed),
                Err(Cut::Lost { why, undone }) => {
                    let why = self.forget(&live, why).await;
                    if live.oddity.is_too_large() {
                        let most = LONGEST_MESSAGE >> 20;
                        return Err(Failed::Refused(format!(
                            "its reply is larger than {most} MiB: ask for less"
                        )));
                    }
                    if !(undone || repeatable) {
                        return Err(Failed::Lost(format!(
                            "{why}; it may have been done. The next call makes a new connection"
                        )));
                    }
                    last = Some(why);
                }
            }
        }
        Err(Failed::Lost(last.unwrap_or_else(|| "the connection was lost".to_owned())))
    }

    /// Ends the session as the protocol has it: the pipes are closed or the session given back, and only then
    /// a program that is still there is ended. Again is nothing.
    pub(super) async fn close(&self) {
        let Some(live) = self.live.lock().await.take() else { return };
        // A call that is still out keeps it: dropping that one cuts it off.
        let Some(Live { service, process, .. }) = Rc::into_inner(live) else { return };
        let _ = timeout(FAREWELL, service.cancel()).await;
        if let Some(process) = process.into_inner() {
            process.end(PATIENCE).await;
        }
    }

    /// The open session, or a new one. Calls that come meanwhile wait for the same.
    async fn session(&self) -> Result<Rc<Live>, String> {
        let mut slot = self.live.lock().await;
        if let Some(live) = slot.as_ref().filter(|live| !live.service.peer().is_transport_closed()) {
            return Ok(Rc::clone(live));
        }
        let lost = slot.take();
        if lost.is_some() {
            self.losses.set(self.losses.get().saturating_add(1));
        }
        // Its process ends before another is started.
        drop(lost);
        if let Some(times) = self.losses.get().checked_sub(2) {
            sleep((BACKOFF * 2_u32.saturating_pow(times.min(8))).min(LONGEST_BACKOFF)).await;
        }
        let opened = self.open().await;
        if opened.is_err() {
            self.losses.set(self.losses.get().saturating_add(1));
        }
        let live = Rc::new(opened?);
        *slot = Some(Rc::clone(&live));
        Ok(live)
    }

    /// Lets go of a lost session and says what became of it.
    async fn forget(&self, lost: &Rc<Live>, why: String) -> String {
        let mut slot = self.live.lock().await;
        if slot.as_ref().is_some_and(|live| Rc::ptr_eq(live, lost)) {
            *slot = None;
            self.losses.set(self.losses.get().saturating_add(1));
        }
        drop(slot);
        let process = lost.process.borrow_mut().take();
        let why = match process {
            Some(process) => ended(&process.end(PATIENCE).await),
            None => why,
        };
        match lost.oddity.get() {
            Some(oddity) => format!("{why}; {oddity}"),
            None => why,
        }
    }

    async fn open(&self) -> Result<Live, String> {
        let oddity = Oddity::default();
        match &self.settings.reach {
            Reach::Stdio(program) => {
                let (process, pipes) = Lasting::start(program).map_err(|error| {
                    if error.kind() == std::io::ErrorKind::NotFound {
                        format!("`{}` is not installed, or `config.command` misses its path", program.command)
                    } else {
                        format!("`{}` cannot be started: {error}", program.command)
                    }
                })?;
                match self.greet(Lines::over(pipes, oddity.clone())).await {
                    Ok(service) => Ok(Live { service, process: RefCell::new(Some(process)), oddity }),
                    Err(greeting) => Err(self.unopened(process, greeting, &oddity).await),
                }
            }
            Reach::Web { url, mode, headers, verify } => {
                let at = http::shown(url);
                let client = http::client(&self.trust, url, headers, *verify, self.settings.connect_timeout)?;
                let process = RefCell::new(None);
                let mut first = None;
                if *mode != Mode::Sse {
                    let mut config = StreamableHttpClientTransportConfig::with_uri(url.as_str());
                    config.max_sse_event_size = LONGEST_MESSAGE;
                    config.session_recovery_timeout = self.settings.connect_timeout;
                    let transport = StreamableHttpClientTransport::with_client(
                        Streamable { client: client.clone(), oddity: oddity.clone() },
                        config,
                    );
                    match self.greet(transport).await {
                        Ok(service) => return Ok(Live { service, process, oddity }),
                        // What a server that knows only the older way says to a POST.
                        Err(Greeting::Failed { why, status: Some(400 | 404 | 405 | 406 | 501) })
                            if *mode == Mode::Either =>
                        {
                            first = Some(why);
                        }
                        Err(greeting) => {
                            return Err(format!("{at}: {}", self.unanswered(greeting, &oddity)));
                        }
                    }
                }
                let mut url = url.clone();
                let path = url.path().trim_end_matches('/').to_owned();
                // HolmesGPT adds it, and configurations count on that.
                if !path.ends_with("/sse") {
                    url.set_path(&format!("{path}/sse"));
                }
                let at = http::shown(&url);
                let opened =
                    timeout(self.settings.connect_timeout, Legacy::open(client, &url, oddity.clone()));
                let greeting = match opened.await {
                    Err(_) => Greeting::TimedOut,
                    Ok(Err(why)) => Greeting::Failed { why, status: None },
                    Ok(Ok(transport)) => match self.greet(transport).await {
                        Ok(service) => return Ok(Live { service, process, oddity }),
                        Err(greeting) => greeting,
                    },
                };
                Err(match first {
                    // The person's address is the one to speak of.
                    Some(why) => format!("{}: {why}", at.trim_end_matches("/sse")),
                    None => format!("{at}: {}", self.unanswered(greeting, &oddity)),
                })
            }
        }
    }

    /// Says hello over `transport`, within the time for it.
    async fn greet<T>(&self, transport: T) -> Result<RunningService<RoleClient, Guest>, Greeting>
    where
        T: Transport<RoleClient> + Send + 'static,
    {
        match timeout(self.settings.connect_timeout, serve_client(Guest, transport)).await {
            Ok(Ok(service)) => Ok(service),
            Ok(Err(error)) => Err(Greeting::of(&error)),
            Err(_) => Err(Greeting::TimedOut),
        }
    }

    fn words(&self, greeting: Greeting) -> String {
        match greeting {
            Greeting::TimedOut => format!(
                "no answer to `initialize` within {:?}; `config.connect_timeout` gives it longer",
                self.settings.connect_timeout
            ),
            Greeting::Failed { why, .. } => why,
        }
    }

    /// Why no session came to be over HTTP.
    fn unanswered(&self, greeting: Greeting, oddity: &Oddity) -> String {
        if oddity.is_too_large() {
            return format!("its greeting is larger than {} MiB", LONGEST_MESSAGE >> 20);
        }
        match self.words(greeting) {
            words if words.is_empty() => "the server closed the connection before it answered".to_owned(),
            words => words,
        }
    }

    /// Why a started program is no server: what it said last counts more than what was noticed here.
    async fn unopened(&self, process: Lasting, greeting: Greeting, oddity: &Oddity) -> String {
        let refused = matches!(&greeting, Greeting::Failed { why, .. } if !why.is_empty());
        let late = matches!(greeting, Greeting::TimedOut);
        let words = self.words(greeting);
        let patience = if late || refused { Duration::ZERO } else { PATIENCE };
        let departed = process.end(patience).await;
        let mut why = if late || refused { words } else { ended(&departed) };
        if let (true, Some(line)) = (late || refused, &departed.last_line) {
            why = format!("{why}; it said: {line}");
        }
        if oddity.is_too_large() {
            why = format!("its greeting is larger than {} MiB", LONGEST_MESSAGE >> 20);
        } else if let Some(oddity) = oddity.get() {
            why = format!("{why}; {oddity}");
        }
        why
    }
}

/// Why no session came to be.
enum Greeting {
    TimedOut,
    /// `why` is empty when all that is known is that the connection was closed.
    Failed {
        why: String,
        status: Option<u16>,
    },
}

impl Greeting {
    fn of(error: &ClientInitializeError) -> Self {
        let (why, status) = match error {
            ClientInitializeError::TransportError { error, .. } => {
                let error = error.error.as_ref();
                if is_closed_pipe(error) {
                    return Self::Failed { why: String::new(), status: None };
                }
                (http::judged(error).0, http::status_of(error))
            }
            ClientInitializeError::ConnectionClosed(_) => (String::new(), None),
            ClientInitializeError::JsonRpcError(error) => {
                (format!("it refuses `initialize`: {}", said(error)), None)
            }
            _ => ("it does not answer `initialize` as an MCP server does".to_owned(), None),
        };
        Self::Failed { why, status }
    }
}

/// How a request on a session was cut short.
enum Cut {
    Failed(Failed),
    /// The session is gone. `undone`: the server is sure not to have acted.
    Lost {
        why: String,
        undone: bool,
    },
}

impl Live {
    async fn request(&self, request: ClientRequest, deadline: Instant, stop: Stop) -> Result<Value, Cut> {
        let peer = self.service.peer();
        let sent = tokio::select! {
            biased;
            () = stopped(stop.clone()) => return Err(Cut::Failed(Failed::Stopped)),
            sent = peer.send_cancellable_request(request, PeerRequestOptions::no_options()) => sent,
            () = sleep_until(deadline) => return Err(Cut::Failed(Failed::TimedOut)),
        };
        let mut handle = match sent {
            Ok(handle) => handle,
            Err(error) => return Err(cut(&error, true)),
        };
        let (failed, why) = tokio::select! {
            biased;
            reply = &mut handle.rx => return match reply {
                Ok(Ok(result)) => value(result),
                Ok(Err(error)) => Err(cut(&error, false)),
                Err(_) => Err(cut(&ServiceError::TransportClosed, false)),
            },
            () = stopped(stop) => (Failed::Stopped, "the run was stopped"),
            () = sleep_until(deadline) => (Failed::TimedOut, "it took too long"),
        };
        let _ = timeout(FAREWELL, handle.cancel(Some(why.to_owned()))).await;
        Err(Cut::Failed(failed))
    }
}

fn value(result: ServerResult) -> Result<Value, Cut> {
    serde_json::to_value(result)
        .map_err(|_| Cut::Failed(Failed::Refused("the server's reply cannot be read".to_owned())))
}

fn cut(error: &ServiceError, unsent: bool) -> Cut {
    match error {
        ServiceError::McpError(error) => Cut::Failed(Failed::Refused(said(error))),
        ServiceError::TransportSend(error) => {
            let (why, undone) = http::judged(error.error.as_ref());
            Cut::Lost { why, undone: undone || unsent }
        }
        ServiceError::TransportClosed => {
            Cut::Lost { why: "the server closed the connection".to_owned(), undone: unsent }
        }
        other => Cut::Failed(Failed::Refused(other.to_string())),
    }
}

/// Written to a program that is gone: how it went says more than that.
fn is_closed_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// A server's error in one line of bounded length.
fn said(error: &ErrorData) -> String {
    let text = visible(&error.message.replace('\n', " "));
    let text: String = text.chars().take(300).collect();
    if text.trim().is_empty() { format!("error {}", error.code.0) } else { text.trim().to_owned() }
}

/// How a program that should have stayed is gone.
fn ended(departed: &Departed) -> String {
    let how = match (departed.killed, departed.exit_code, departed.signal) {
        (true, ..) => "the server closed its output".to_owned(),
        (false, Some(code), _) => format!("the server ended with exit code {code}"),
        (false, None, Some(signal)) => format!("the server was ended by signal {signal}"),
        (false, None, None) => "the server ended".to_owned(),
    };
    match &departed.last_line {
        // Logs made for a wide terminal are padded.
        Some(line) => format!("{how}: {}", line.split_whitespace().collect::<Vec<_>>().join(" ")),
        None => how,
    }
}

/// Comes back when `stop` says so; never, when nobody is left to say it.
pub(super) async fn stopped(mut stop: Stop) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}
