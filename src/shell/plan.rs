//! Pipelines that run without a shell: exactly the words that were judged reach the programs.
//!
//! The leader of the process group is this very program, which gets the plan in its environment: time limits, limits of size
//! and containment hold for it as for a script.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde::{Deserialize, Serialize};

/// Where the process that performs a plan finds it.
pub const VARIABLE: &str = "HOLMES_PLAN";
/// Starts that process: constant text, whatever the plan is.
pub const SCRIPT: &str = "exec \"$HOLMES_RS\" plan";
/// Bytes of a plan; one variable of the environment holds at most 128 KiB on Linux.
const LONGEST: usize = 120 * 1024;

/// Pipelines, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub steps: Vec<Step>,
}

/// A pipeline and when it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub when: When,
    pub stages: Vec<Stage>,
}

/// When a pipeline runs, by how the last one that ran has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    Always,
    Succeeded,
    Failed,
}

/// One program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The program and its arguments, byte for byte.
    pub argv: Vec<String>,
    /// Variables of its own, such as `TZ=UTC`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<(String, String)>,
    /// File that is its input; `None`: the stage before, or nothing.
    pub stdin: Option<String>,
    pub stdout: To,
    pub stderr: To,
}

/// Where an output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum To {
    /// Where the stage's own output goes.
    Out,
    /// Where errors go.
    Err,
    Null,
}

impl Plan {
    /// The plan for the environment of the process that performs it; `None`: it is too long for one.
    #[must_use]
    pub fn for_environment(&self) -> Option<(String, String)> {
        let text = serde_json::to_string(self).ok()?;
        (text.len() <= LONGEST && !text.contains('\0')).then(|| (VARIABLE.to_owned(), text))
    }

    /// Runs it in this process's group, programs found in the folders of `path`, outputs where this process's go. The exit code is that of the last pipeline that ran,
    /// whose code is that of its last program; 127 where that is not installed, 128 and the signal where one ended it.
    ///
    /// # Errors
    /// Only when a pipe cannot be made.
    pub fn perform(&self, path: &str) -> io::Result<i32> {
        let mut code = 0;
        for step in &self.steps {
            let runs = match step.when {
                When::Always => true,
                When::Succeeded => code == 0,
                When::Failed => code != 0,
            };
            if runs {
                code = step.perform(path)?;
            }
        }
        Ok(code)
    }
}

impl Step {
    fn perform(&self, path: &str) -> io::Result<i32> {
        let mut children: Vec<Result<Child, i32>> = Vec::new();
        let mut input: Option<io::PipeReader> = None;
        for (at, stage) in self.stages.iter().enumerate() {
            let (reader, out) = if at + 1 < self.stages.len() {
                let (reader, writer) = io::pipe()?;
                (Some(reader), Some(writer))
            } else {
                (None, None)
            };
            children.push(stage.start(path, input.take(), out.as_ref()));
            drop(out);
            input = reader;
        }
        let mut code = 0;
        for child in children {
            code = match child {
                Ok(mut child) => exit_code(child.wait()?),
                Err(code) => code,
            };
        }
        Ok(code)
    }
}

impl Stage {
    fn start(
        &self,
        path: &str,
        input: Option<io::PipeReader>,
        out: Option<&io::PipeWriter>,
    ) -> Result<Child, i32> {
        use std::os::fd::AsFd;

        let Some((name, arguments)) = self.argv.split_first() else { return Err(127) };
        let complain = |what: String, code: i32| {
            use std::io::Write as _;
            // Where a shell would say it; there is nobody else to tell.
            let text = format!("{what}\n");
            let _ = match (self.stderr, out) {
                (To::Null, _) => Ok(()),
                (To::Out, Some(mut pipe)) => pipe.write_all(text.as_bytes()),
                (To::Out, None) => io::stdout().write_all(text.as_bytes()),
                (To::Err, _) => io::stderr().write_all(text.as_bytes()),
            };
            code
        };
        let Some(program) = found(name, path) else {
            return Err(complain(format!("{name}: not installed, or not in PATH"), 127));
        };
        #[allow(clippy::disallowed_methods)] // In the process that was started for it.
        let mut command = Command::new(program);
        {
            use std::os::unix::process::CommandExt as _;
            command.arg0(name);
        }
        command.args(arguments).env_remove(VARIABLE);
        command.envs(self.env.iter().filter(|(name, _)| name != VARIABLE).map(|(name, value)| (name, value)));
        let own_out = || match out {
            Some(pipe) => pipe.as_fd().try_clone_to_owned(),
            None => io::stdout().as_fd().try_clone_to_owned(),
        };
        let to = |to: To| {
            Ok::<Stdio, io::Error>(match to {
                To::Out => Stdio::from(own_out()?),
                To::Err => Stdio::from(io::stderr().as_fd().try_clone_to_owned()?),
                To::Null => Stdio::null(),
            })
        };
        let outputs = to(self.stdout).and_then(|stdout| Ok((stdout, to(self.stderr)?)));
        let (stdout, stderr) = outputs.map_err(|error| complain(format!("{name}: {error}"), 126))?;
        let stdin = match (&self.stdin, input) {
            (Some(path), _) => match std::fs::File::open(path) {
                Ok(file) => Stdio::from(file),
                Err(error) => return Err(complain(format!("{path}: {error}"), 1)),
            },
            (None, Some(pipe)) => Stdio::from(pipe),
            (None, None) => Stdio::null(),
        };
        command.stdin(stdin).stdout(stdout).stderr(stderr);
        command.spawn().map_err(|error| {
            let code = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
            complain(format!("{name}: {error}"), code)
        })
    }
}

/// The file of a program: in the folders of PATH that are absolute, never where the command happens to stand.
fn found(name: &str, path: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;

    let runs = |path: &Path| {
        path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| path.is_absolute());
    }
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|path| runs(path))
}

fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;

    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}
