//! One process group: started, watched, ended, reaped. Not for reading its output.
//!
//! The leader is reaped last. While it is an unreaped zombie its number cannot be given to a stranger, so a
//! signal to the group can only meet processes that this run started.

use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
#[cfg(target_os = "linux")]
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tempfile::NamedTempFile;
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};

use super::containment::Containment;
use super::lasting::Program;
use super::run::{Limits, Script};

/// Carried by every process of a run, so that those which left the group by `setsid` are found.
const MARK: &str = "HOLMES_RUN";
/// A temporary file may always become this large, however little output is kept: programs' caches.
#[cfg(target_os = "linux")]
const SCRATCH: u64 = 1 << 30;
/// Where this program is.
const OWN_PROGRAM: &str = "HOLMES_RS";

/// The longest text that goes to a shell as an argument, in bytes: Linux takes 128 KiB (`MAX_ARG_STRLEN`). A longer one
/// goes as a file that the shell reads.
const ARGUMENT: usize = 120 * 1024;
/// What of these processes the kernel ends first when memory runs out, rather than this program or anything else on the
/// machine: a thousand is the most (proc_pid_oom_score_adj(5)).
#[cfg(target_os = "linux")]
const EXPENDABLE: &str = "500";

/// Processor time of a program that stays: as that of a command which may take a day.
const LASTING: Duration = Duration::from_hours(24);

/// Where the two output streams of a run go.
pub(super) struct Outputs {
    pub(super) stdout: Stdio,
    pub(super) stderr: Stdio,
}

/// What became of a group's leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Gone,
    /// It asked this program's terminal for something, and the kernel stopped it.
    AsksTerminal,
}

/// A running group. Dropping it kills every process of it.
pub(super) struct Group {
    leader: Option<Child>,
    pid: Pid,
    mark: String,
    children: Signals,
    /// Orphans of it are ended with it.
    adopts: bool,
    /// The file its shell reads.
    #[allow(dead_code, reason = "it is deleted when this is dropped")]
    text: Option<NamedTempFile>,
}

impl Group {
    /// Starts `script` with bash, or sh where there is none.
    pub(super) fn start(
        script: &Script,
        limits: Limits,
        outputs: impl Fn() -> io::Result<Outputs>,
    ) -> io::Result<Self> {
        // Before the start: an early end must not be missed.
        let children = signal(SignalKind::child())?;
        let mark = uuid::Uuid::now_v7().simple().to_string();
        if let Some(workdir) = &script.workdir
            && !workdir.is_dir()
        {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("working directory `{}` does not exist", workdir.display()),
            ));
        }
        #[cfg(target_os = "linux")]
        super::orphans::adopt();
        let text = long_text(script)?;
        let start = |shell| spawn(shell, script, text.as_ref(), limits, &mark, outputs()?);
        let leader = match start("bash") {
            Err(error) if error.kind() == io::ErrorKind::NotFound => start("sh")?,
            other => other?,
        };
        let group = Self::of(leader, limits, mark, children);
        Ok(group.adopting(text))
    }

    /// Starts `program` without a shell, its input and output in the caller's hands.
    pub(super) fn start_program(program: &Program, stdin: Stdio, outputs: Outputs) -> io::Result<Self> {
        let children = signal(SignalKind::child())?;
        let mark = uuid::Uuid::now_v7().simple().to_string();
        #[allow(clippy::disallowed_methods)] // One of the two places that start processes.
        let mut command = Command::new(&program.command);
        command.args(&program.args);
        let limits = Limits { timeout: LASTING, ..Limits::default() };
        let workdir = program.workdir.as_deref();
        let leader = launch(command, &program.env, workdir, limits, &mark, stdin, outputs, None)?;
        Ok(Self::of(leader, limits, mark, children))
    }

    /// Its orphans are its own, and `text` is a file of its.
    fn adopting(mut self, text: Option<NamedTempFile>) -> Self {
        (self.adopts, self.text) = (true, text);
        self
    }

    fn of(leader: Child, limits: Limits, mark: String, children: Signals) -> Self {
        let pid = Pid::from_child(&leader);
        bound(pid, limits);
        Self { leader: Some(leader), pid, mark, children, adopts: false, text: None }
    }

    /// Waits for the leader's end without reaping it. May be dropped and called again.
    pub(super) async fn exited(&mut self) {
        while !self.has_exited() {
            self.told().await;
        }
    }

    /// Waits for the leader's end, or for what it cannot go on from.
    pub(super) async fn changed(&mut self) -> Change {
        loop {
            if self.has_exited() {
                return Change::Gone;
            }
            if self.asks_terminal() {
                return Change::AsksTerminal;
            }
            self.told().await;
        }
    }

    /// Waits for news of any child.
    async fn told(&mut self) {
        if self.children.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// The group is in the background of the terminal this program may have: reading from that, or changing how it
    /// works, stops the whole group.
    fn asks_terminal(&self) -> bool {
        let look = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let signal =
            waitid(WaitId::Pid(self.pid), look).ok().flatten().and_then(|status| status.stopping_signal());
        signal.is_some_and(|signal| [Signal::TTIN.as_raw(), Signal::TTOU.as_raw()].contains(&signal))
    }

    fn has_exited(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        // An error means there is nothing to wait for, which is an end as well.
        !matches!(waitid(WaitId::Pid(self.pid), look), Ok(None))
    }

    /// Asks every process of the group to end.
    pub(super) fn terminate(&self) {
        let _ = kill_process_group(self.pid, Signal::TERM);
    }

    /// Kills what is left of the group and what escaped from it.
    pub(super) fn kill(&self) {
        if self.leader.is_some() {
            let _ = kill_process_group(self.pid, Signal::KILL);
        }
        sweep(&self.mark, self.pid);
        self.end_orphans();
    }

    /// Before the leader is reaped: its number is what they are compared with.
    fn end_orphans(&self) {
        #[cfg(target_os = "linux")]
        if self.adopts && self.leader.is_some() {
            super::orphans::end(self.pid, MARK);
        }
    }

    /// Kills the rest and reaps the leader. `None`: the kernel holds it (a dead network disk); a thread waits on.
    pub(super) async fn end(mut self) -> io::Result<Option<ExitStatus>> {
        self.kill();
        let _ = tokio::time::timeout(Duration::from_secs(1), self.exited()).await;
        self.end_orphans();
        match self.leader.as_mut().map(Child::try_wait) {
            Some(Ok(Some(status))) => {
                self.leader = None;
                Ok(Some(status))
            }
            Some(Err(error)) => Err(error),
            Some(Ok(None)) | None => Ok(None),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.leader.is_none() {
            return;
        }
        self.kill();
        let Some(mut leader) = self.leader.take() else {
            return;
        };
        // Reaping may block, and a drop must not: the dead are collected by a thread.
        let reaper = std::thread::Builder::new().name("reaper".to_owned());
        let _ = reaper.spawn(move || leader.wait());
    }
}

/// The script as a file, where it is too long for an argument.
fn long_text(script: &Script) -> io::Result<Option<NamedTempFile>> {
    if script.text.len() <= ARGUMENT {
        return Ok(None);
    }
    let mut place = tempfile::Builder::new();
    place.prefix("holmes-rs-script-");
    let mut file = match script.containment.as_deref().and_then(Containment::scratch) {
        Some(scratch) => place.tempfile_in(scratch)?,
        None => place.tempfile()?,
    };
    io::Write::write_all(&mut file, script.text.as_bytes())?;
    Ok(Some(file))
}

fn spawn(
    shell: &str,
    script: &Script,
    text: Option<&NamedTempFile>,
    limits: Limits,
    mark: &str,
    outputs: Outputs,
) -> io::Result<Child> {
    #[allow(clippy::disallowed_methods)] // One of the two places that start processes.
    let mut command = Command::new(shell);
    match text {
        // Read, not executed: where it lies may be mounted without that.
        Some(file) => command.args(["-c", ". \"$1\"", shell]).arg(file.path()),
        None => command.arg("-c").arg(&script.text),
    };
    let stdin = match &script.stdin {
        Some(path) => Stdio::from(std::fs::File::open(path).map_err(|error| {
            // Not to be taken for a missing shell.
            io::Error::other(format!("`{}` as input: {error}", path.display()))
        })?),
        None => Stdio::null(),
    };
    let containment = script.containment.as_deref().filter(|rules| !rules.breaks(&script.text));
    launch(command, &script.env, script.workdir.as_deref(), limits, mark, stdin, outputs, containment)
}

/// Starts `command` as the leader of a group of its own, with nothing inherited.
#[allow(clippy::too_many_arguments)] // All that a process is started with; said in two places.
fn launch(
    mut command: Command,
    env: &[(String, String)],
    workdir: Option<&Path>,
    limits: Limits,
    mark: &str,
    stdin: Stdio,
    outputs: Outputs,
    containment: Option<&Containment>,
) -> io::Result<Child> {
    use std::os::unix::process::CommandExt;

    command
        .env_clear()
        .envs(env.iter().map(|(name, value)| (name, value)))
        .env(MARK, mark)
        // So that a script finds jq's language where no `jq` is installed: `"$HOLMES_RS" jq -r .name`.
        .envs(std::env::current_exe().map(|program| (OWN_PROGRAM, program)))
        .stdin(stdin)
        .stdout(outputs.stdout)
        .stderr(outputs.stderr)
        .process_group(0);
    match workdir {
        Some(workdir) => command.current_dir(workdir),
        // This program's own folder is gone: every shell would complain of it, in the output.
        None if std::env::current_dir().is_err() => command.current_dir("/"),
        None => &mut command,
    };
    born_bounded(limits, || match containment {
        Some(rules) => rules.spawn(&mut command),
        None => command.spawn(),
    })
}

/// Starts a process that has its bounds from its first instruction: it inherits them. What it forks before [`bound`] comes
/// would have none. For that moment they are this program's own too, which is far below them; only the bound that can be
/// taken back is lowered. Not that of the processor's time, which this program may have used up.
#[cfg(target_os = "linux")]
fn born_bounded<T>(limits: Limits, start: impl FnOnce() -> T) -> T {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    // Two at once would take each other's bounds for what was there before.
    static ALONE: Mutex<()> = Mutex::new(());
    let bounds = [
        (Resource::Core, 0),
        (Resource::Fsize, limits.kept_bytes.max(SCRATCH)),
        (Resource::Data, half_of_memory()),
    ];
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = bounds.map(|(resource, bound)| {
        let before = getrlimit(resource);
        let lower = Some(before.current.map_or(bound, |current| current.min(bound)));
        let _ = setrlimit(resource, Rlimit { current: lower, ..before });
        (resource, before)
    });
    let started = start();
    for (resource, before) in before {
        let _ = setrlimit(resource, before);
    }
    drop(alone);
    started
}

#[cfg(not(target_os = "linux"))]
fn born_bounded<T>(_limits: Limits, start: impl FnOnce() -> T) -> T {
    start()
}

#[cfg(target_os = "linux")]
fn half_of_memory() -> u64 {
    let machine = rustix::system::sysinfo();
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast)] // The width differs by platform.
    let memory = (machine.totalram as u64).saturating_mul(u64::from(machine.mem_unit.max(1)));
    (memory / 2).max(1 << 30)
}

/// No core files, no file larger than the output may be, no processor time past what the time limit allows, and
/// no process that takes the whole memory of the machine. Set from outside right after the start, which needs no
/// code between fork and exec.
///
/// Memory is what a process can write (`RLIMIT_DATA`), half of the machine's: a bound on address space, as
/// HolmesGPT sets one (`ulimit -v`, 800 MB), ends Go and Java programs that only reserve it.
#[cfg(target_os = "linux")]
fn bound(pid: Pid, limits: Limits) {
    use rustix::process::{Resource, Rlimit, prlimit};

    let limit = |resource, bound| {
        let both = Rlimit { current: Some(bound), maximum: Some(bound) };
        let _ = prlimit(Some(pid), resource, both);
    };
    limit(Resource::Core, 0);
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    limit(Resource::Fsize, limits.kept_bytes.max(SCRATCH));
    limit(Resource::Cpu, limits.timeout.as_secs().saturating_add(5).saturating_mul(cores.max(2)));
    limit(Resource::Data, half_of_memory());
    let _ = std::fs::write(format!("/proc/{}/oom_score_adj", pid.as_raw_nonzero()), EXPENDABLE);
}

#[cfg(not(target_os = "linux"))]
fn bound(_pid: Pid, _limits: Limits) {}

/// Kills every process that carries `mark` in its environment. Repeated while it finds some, since one
/// that forks may be faster than one look.
#[cfg(target_os = "linux")]
fn sweep(mark: &str, leader: Pid) {
    let needle = format!("{MARK}={mark}");
    let finder = memchr::memmem::Finder::new(needle.as_bytes());
    for _ in 0..4 {
        let mut found = false;
        for pid in younger(leader) {
            // Unreadable: gone, or another user's. Empty: a zombie or a kernel thread.
            let Ok(environment) = std::fs::read(format!("/proc/{pid}/environ")) else {
                continue;
            };
            if finder.find(&environment).is_some()
                && let Some(pid) = Pid::from_raw(pid)
            {
                found = true;
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
        }
        if !found {
            return;
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn sweep(_mark: &str, _leader: Pid) {}

/// Pids that a descendant of `leader` can have. Pids are given in rising order, so these are the ones after
/// it: a handful, where reading every process of a large host would cost more than most tools. When the
/// numbers have wrapped around, or many were given, all processes are looked at.
#[cfg(target_os = "linux")]
fn younger(leader: Pid) -> Vec<i32> {
    const MANY: i32 = 512;
    let leader = leader.as_raw_nonzero().get();
    // proc_loadavg(5): the last field is the pid given last.
    let last = std::fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|line| line.split_whitespace().next_back().and_then(|pid| pid.parse::<i32>().ok()));
    if let Some(last) = last.filter(|last| (leader..leader.saturating_add(MANY)).contains(last)) {
        return (leader..=last).collect();
    }
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok())).collect()
}
