//! One process group: started, watched, ended, reaped. Not for reading its output.
//!
//! The leader is reaped last. While it is an unreaped zombie its number cannot be given to a stranger, so a
//! signal to the group can only meet processes that this run started.

use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
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

/// Processor time of a program that stays: as that of a command which may take a day.
const LASTING: Duration = Duration::from_hours(24);

/// Where the two output streams of a run go.
pub(super) struct Outputs {
    pub(super) stdout: Stdio,
    pub(super) stderr: Stdio,
}

/// A running group. Dropping it kills every process of it.
pub(super) struct Group {
    leader: Option<Child>,
    pid: Pid,
    mark: String,
    children: Signals,
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
        let leader = match spawn("bash", script, &mark, outputs()?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => spawn("sh", script, &mark, outputs()?)?,
            other => other?,
        };
        Ok(Self::of(leader, limits, mark, children))
    }

    /// Starts `program` without a shell, its input and output in the caller's hands.
    pub(super) fn start_program(program: &Program, stdin: Stdio, outputs: Outputs) -> io::Result<Self> {
        let children = signal(SignalKind::child())?;
        let mark = uuid::Uuid::now_v7().simple().to_string();
        #[allow(clippy::disallowed_methods)] // One of the two places that start processes.
        let mut command = Command::new(&program.command);
        command.args(&program.args);
        let leader = launch(command, &program.env, program.workdir.as_deref(), &mark, stdin, outputs, None)?;
        Ok(Self::of(leader, Limits { timeout: LASTING, ..Limits::default() }, mark, children))
    }

    fn of(leader: Child, limits: Limits, mark: String, children: Signals) -> Self {
        let pid = Pid::from_child(&leader);
        bound(pid, limits);
        Self { leader: Some(leader), pid, mark, children }
    }

    /// Waits for the leader's end without reaping it. May be dropped and called again.
    pub(super) async fn exited(&mut self) {
        while !self.has_exited() {
            if self.children.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
        }
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
    }

    /// Kills the rest and reaps the leader. `None`: the kernel holds it (a dead network disk); a thread waits on.
    pub(super) async fn end(mut self) -> io::Result<Option<ExitStatus>> {
        self.kill();
        let _ = tokio::time::timeout(Duration::from_secs(1), self.exited()).await;
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

fn spawn(shell: &str, script: &Script, mark: &str, outputs: Outputs) -> io::Result<Child> {
    #[allow(clippy::disallowed_methods)] // One of the two places that start processes.
    let mut command = Command::new(shell);
    command.arg("-c").arg(&script.text);
    let stdin = match &script.stdin {
        Some(path) => Stdio::from(std::fs::File::open(path).map_err(|error| {
            // Not to be taken for a missing shell.
            io::Error::other(format!("`{}` as input: {error}", path.display()))
        })?),
        None => Stdio::null(),
    };
    let containment = script.containment.as_deref().filter(|rules| !rules.breaks(&script.text));
    launch(command, &script.env, script.workdir.as_deref(), mark, stdin, outputs, containment)
}

/// Starts `command` as the leader of a group of its own, with nothing inherited.
fn launch(
    mut command: Command,
    env: &[(String, String)],
    workdir: Option<&Path>,
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
    if let Some(workdir) = workdir {
        command.current_dir(workdir);
    }
    match containment {
        Some(rules) => rules.spawn(&mut command),
        None => command.spawn(),
    }
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
    let machine = rustix::system::sysinfo();
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast)] // The width differs by platform.
    let memory = (machine.totalram as u64).saturating_mul(u64::from(machine.mem_unit.max(1)));
    limit(Resource::Data, (memory / 2).max(1 << 30));
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
