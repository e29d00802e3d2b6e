//! A real server for one test: found on PATH, started on a free port, waited for, ended by its pid.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take to answer: a slow machine's PostgreSQL.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server and its folder; both end with it.
pub struct Peer {
    child: Child,
    folder: TempDir,
    pub port: u16,
}

/// Where a program is, in PATH or where Debian keeps servers. Prints why a test skips when it is nowhere.
#[must_use]
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin", "/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/17/bin"];
    let found =
        path.split(':').chain(more).map(|folder| Path::new(folder).join(name)).find(|file| file.is_file());
    if found.is_none() {
        println!("SKIPPED: `{name}` is not installed");
    }
    found
}

/// Whether tests may fetch what they need: as CI that asks for it, or a person, says.
#[must_use]
pub fn may_install(what: &str) -> bool {
    let may = std::env::var("HOLMES_TEST_PEERS").is_ok_and(|value| value == "install");
    if !may {
        println!("SKIPPED: {what} is not in target/peers; HOLMES_TEST_PEERS=install fetches it");
    }
    may
}

/// A port nobody listens on now.
#[must_use]
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

impl Peer {
    /// Starts what `command` makes of an empty folder and a free port, and waits until `ready`.
    pub fn start(command: impl FnOnce(&Path, u16) -> Command, ready: impl Fn(u16) -> bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let log = std::fs::File::create(folder.path().join("peer.log")).unwrap();
        let mut command = command(folder.path(), port);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut peer = Self { child: command.spawn().unwrap(), folder, port };
        let began = Instant::now();
        while !ready(port) {
            let ended = peer.child.try_wait().unwrap();
            assert!(
                ended.is_none() && began.elapsed() < PATIENCE,
                "{} is not ready, {ended:?}: {}",
                command.get_program().display(),
                peer.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        peer
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has printed.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("peer.log")).unwrap_or_default()
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Peer {
    /// TERM, so that it ends its own children; KILL where it does not.
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(10) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether somebody listens.
#[must_use]
pub fn listens(port: u16) -> bool {
    TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), Duration::from_millis(200))
        .is_ok()
}

/// The status of a plain GET, 0 where nobody answers.
#[must_use]
pub fn status(port: u16, path: &str) -> u16 {
    request(port, &format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"))
        .and_then(|reply| reply.split(' ').nth(1)?.parse().ok())
        .unwrap_or(0)
}

/// One HTTP/1.0 exchange, to put data into a server.
#[must_use]
pub fn request(port: u16, text: &str) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    stream.write_all(text.as_bytes()).ok()?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).ok()?;
    Some(String::from_utf8_lossy(&reply).into_owned())
}

/// Runs a program to its end and gives what it printed; fails the test when it fails.
pub fn ran<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, args: impl IntoIterator<Item = S>) -> String {
    let output = Command::new(program.as_ref()).args(args).stdin(Stdio::null()).output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{}: {}{}",
        program.as_ref().display(),
        said(&output.stdout),
        said(&output.stderr)
    );
    said(&output.stdout)
}
