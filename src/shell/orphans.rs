//! Processes of a run that left it for good: their own session, their environment emptied, their parent gone.
//!
//! Neither the group's number nor the mark in the environment finds these. So this program is made the reaper of what its
//! children leave behind: an orphan becomes its child instead of init's, and children are few and can be looked at. Linux only.
//! Not for orphans of programs that people start themselves: those stay in this program's group, or are older than the run.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_process, kill_process_group, set_child_subreaper, waitpid,
};

/// Looks at most this often: each look may find the children of what the one before killed.
const LOOKS: u32 = 20;
/// Between a kill and the next look. A killed process is gone long before, unless the machine is busy.
const PAUSE: Duration = Duration::from_millis(1);

/// From now on orphans of this program's children become its own children. Costs one system call; asked again, nothing.
pub(super) fn adopt() {
    // An old kernel says no: then they go to init, as before.
    let _ = set_child_subreaper(Some(getpid()));
}

/// Kills orphans of other sessions that are younger than the run of `leader` and carry no run's `mark`, and collects the dead.
/// Leaders of other runs are in this program's session, whatever they did to their environment.
pub(super) fn end(leader: Pid, mark: &str) {
    let leader = leader.as_raw_nonzero().get();
    let (Some(own), Some(first)) = (Stat::of(getpid().as_raw_nonzero().get()), Stat::of(leader)) else {
        return;
    };
    for _ in 0..LOOKS {
        let mut killed = false;
        for pid in children().into_iter().filter(|pid| *pid != leader) {
            let Some((stat, number)) = Stat::of(pid).zip(Pid::from_raw(pid)) else {
                continue;
            };
            if stat.group == own.group {
                continue;
            }
            if stat.dead {
                // Not the leader of another run, whose end is read by its own keeper.
                if stat.group != pid || stat.session != own.session {
                    let _ = waitpid(Some(number), WaitOptions::NOHANG);
                }
            } else if stat.session != own.session && stat.started >= first.started && is_stranger(pid, mark) {
                killed = true;
                let _ = kill_process(number, Signal::KILL);
                if stat.group == pid {
                    let _ = kill_process_group(number, Signal::KILL);
                }
            }
        }
        if !killed {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

/// No run's mark is in its environment. What cannot be read belongs to another user, who keeps it.
fn is_stranger(pid: i32, mark: &str) -> bool {
    std::fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|environment| memchr::memmem::find(&environment, mark.as_bytes()).is_none())
}

/// Children of every thread of this program. Empty on a kernel without `CONFIG_PROC_CHILDREN`.
fn children() -> Vec<i32> {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| {
        let place: PathBuf = [thread.path().as_os_str(), OsStr::new("children")].iter().collect();
        std::fs::read_to_string(place).ok()
    });
    lists.flat_map(|list| list.split(' ').filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>()).collect()
}

/// What proc_pid_stat(5) says of a process.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    dead: bool,
    group: i32,
    session: i32,
    /// Clock ticks since the machine's start.
    started: u64,
}

impl Stat {
    fn of(pid: i32) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(line: &str) -> Option<Self> {
        // The name stands in parentheses and may hold anything, parentheses too. Behind it: fields 3 and on.
        let (_, rest) = line.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        Some(Self {
            dead: matches!(*fields.first()?, "Z" | "X"),
            group: fields.get(2)?.parse().ok()?,
            session: fields.get(3)?.parse().ok()?,
            started: fields.get(19)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let line = "12 (a) Z 1 (x) S 1 7 8 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 99 1000 2";
        let wanted = Stat { dead: false, group: 7, session: 8, started: 99 };
        assert_eq!(Stat::parse(line), Some(wanted));
        for broken in ["", "12", "12 (a)", "12 (a) S 1 x"] {
            assert_eq!(Stat::parse(broken), None, "{broken}");
        }
    }
}
