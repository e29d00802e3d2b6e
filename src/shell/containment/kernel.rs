//! Landlock: rules made once, then entered by each thread that starts a command. Only for Linux.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd,
    RestrictionStatus, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};

use super::State;

/// What is asked for; later versions add nothing that is wanted: what a socket of the filesystem may be used for
/// (version 9) is what `docker` and `systemctl` live on.
const ASKED: ABI = ABI::V6;

/// Devices everybody may write to. Not the terminal: what is printed there is ours to print, and a program that may
/// control it can type for the person.
const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Names in /dev that begin so are terminals.
const TERMINALS: &[&str] = &["tty", "pts", "ptmx", "console", "vcs", "hvc", "uinput"];

/// Rules ready to be entered.
#[derive(Debug)]
pub(super) struct Domain(RulesetCreated);

impl Domain {
    /// Rules that leave `writable` open, and what the kernel made of them when a thread tried them. Without rules
    /// where the kernel refuses: then commands run as they would without this.
    pub(super) fn tried(writable: &[PathBuf]) -> (State, Option<Self>) {
        let missing = |why: String| (State::Missing { why }, None);
        let domain = match Self::new(writable) {
            Ok(domain) => domain,
            Err(why) => return missing(why),
        };
        let thread = std::thread::Builder::new().name("contained".to_owned());
        let tried = std::thread::scope(|scope| {
            let thread = thread.spawn_scoped(scope, || domain.enter()).map_err(|error| error.to_string())?;
            thread.join().unwrap_or_else(|_| Err("its thread ended early".to_owned()))
        });
        match tried.map(|status| state(&status)) {
            // No new privileges are to be had without Landlock too.
            Ok(state) => (state, Some(domain)),
            Err(why) => missing(why),
        }
    }

    fn new(writable: &[PathBuf]) -> Result<Self, String> {
        let wrong = |error: landlock::RulesetError| error.to_string();
        let writes = AccessFs::from_write(ASKED);
        let mut rules = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(writes)
            .and_then(|rules| rules.scope(Scope::from_all(ASKED)))
            .and_then(Ruleset::create)
            .map_err(wrong)?;
        let mut allow = |path: &Path, rights: BitFlags<AccessFs>| {
            // Gone since, or not to be opened: then it stays closed.
            let Ok(handle) = PathFd::new(path) else { return Ok(()) };
            let rights = if path.is_dir() { rights } else { rights & AccessFs::from_file(ASKED) };
            (&mut rules).add_rule(PathBeneath::new(handle, rights)).map(|_| ()).map_err(wrong)
        };
        for path in writable {
            allow(path, writes)?;
        }
        for path in DEVICES {
            allow(Path::new(path), writes)?;
        }
        // Disks tell their health by control calls on files opened for reading.
        for entry in std::fs::read_dir("/dev").into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            if !link && !TERMINALS.iter().any(|start| name.starts_with(start)) {
                allow(&entry.path(), AccessFs::IoctlDev.into())?;
            }
        }
        Ok(Self(rules))
    }

    /// Restricts the calling thread for the rest of its life, and all it starts.
    pub(super) fn enter(&self) -> Result<RestrictionStatus, String> {
        let rules = self.0.try_clone().map_err(|error| error.to_string())?;
        rules.restrict_self().map_err(|error| error.to_string())
    }
}

fn state(status: &RestrictionStatus) -> State {
    let abi = match status.landlock {
        LandlockStatus::NotImplemented => {
            return State::Missing { why: "this kernel is built without it".to_owned() };
        }
        LandlockStatus::NotEnabled => {
            let why = "this kernel has it switched off, `lsm=landlock,…` at boot switches it on".to_owned();
            return State::Missing { why };
        }
        LandlockStatus::Available { effective_abi, kernel_abi } => {
            kernel_abi.and_then(|abi| u32::try_from(abi).ok()).unwrap_or(effective_abi as u32)
        }
    };
    match status.ruleset {
        RulesetStatus::FullyEnforced => State::Whole { abi },
        RulesetStatus::PartiallyEnforced => State::Partly { abi, open: open(abi) },
        RulesetStatus::NotEnforced => {
            State::Missing { why: "the kernel enforces none of the rules".to_owned() }
        }
    }
}

/// What versions before the one asked for do not know.
fn open(abi: u32) -> &'static str {
    match abi {
        0..=2 => "cutting files short, control of devices, signals",
        3..=4 => "control of devices, signals",
        5 => "signals",
        _ => "some of what was asked for",
    }
}
