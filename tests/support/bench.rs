//! A place of its own for one run of the binary: an empty home, a clean environment, files, a scripted model.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::scripted_model::ScriptedModel;

/// Nothing of the person who runs the tests reaches the binary: only PATH is kept.
pub struct Bench {
    home: TempDir,
    env: Vec<(String, String)>,
    model: Option<ScriptedModel>,
    stdin: Option<Vec<u8>>,
    /// Below the home folder.
    folder: PathBuf,
}

impl Bench {
    #[must_use]
    pub fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        Self { home, env: Vec::new(), model: None, stdin: None, folder: PathBuf::new() }
    }

    /// Starts a scripted model and points the binary at it.
    #[must_use]
    pub fn model(mut self, replies: Value) -> Self {
        let model = ScriptedModel::start(&replies);
        self.env.push(("OPENAI_API_BASE".to_owned(), model.base_url()));
        self.env.push(("OPENAI_API_KEY".to_owned(), "sk-test-0123456789abcdef".to_owned()));
        self.env.push(("MODEL".to_owned(), "scripted".to_owned()));
        self.model = Some(model);
        self
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.retain(|(kept, _)| kept != name);
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// A file below the home folder.
    #[must_use]
    pub fn file(self, path: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// A toolset file of one toolset `test`, given with `-t` as `tools.yaml`: name and command of each tool. Runs use no other
    /// toolset: asking the catalogue's prerequisites takes thirty processes each time. See `with_catalogue`.
    #[must_use]
    pub fn tools(self, tools: &[(&str, &str)]) -> Self {
        let mut yaml = String::from("toolsets:\n  test:\n    description: for tests\n    tools:\n");
        for (name, command) in tools {
            let command = serde_json::to_string(command).unwrap();
            yaml +=
                &format!("      - name: {name}\n        description: {name}\n        command: {command}\n");
        }
        self.file("tools.yaml", yaml).env("HOLMES_TOOLSET", "test")
    }

    /// Whatever of the catalogue works on this machine is there too.
    #[must_use]
    pub fn with_catalogue(mut self) -> Self {
        self.env.retain(|(name, _)| name != "HOLMES_TOOLSET");
        self
    }

    /// Runs the binary in this folder below the home folder.
    #[must_use]
    pub fn folder(mut self, path: &str) -> Self {
        self.folder = PathBuf::from(path);
        self
    }

    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    /// The scripted model of this bench.
    #[must_use]
    pub fn scripted(&self) -> &ScriptedModel {
        self.model.as_ref().expect("the bench has a scripted model")
    }

    fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holmes-rs"));
        self.surround(&mut command)
            .args(args)
            .stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Gives any command the folder and the environment of this bench.
    pub fn surround<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .current_dir(self.home.path().join(&self.folder))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .envs(self.env.iter().map(|(name, value)| (name, value)))
    }

    /// Starts the binary and leaves it running.
    pub fn spawn(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Child {
        self.command(args).spawn().unwrap()
    }

    /// Runs the binary to its end. The requests a scripted model got must have been well-formed.
    pub fn run(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ran {
        let mut child = self.command(args).spawn().unwrap();
        if let Some(bytes) = &self.stdin {
            // The binary may end before it has read everything.
            let _ = child.stdin.take().unwrap().write_all(bytes);
        }
        let ran = Ran::from(child.wait_with_output().unwrap());
        if let Some(model) = &self.model {
            let violations = model.violations();
            assert!(violations.is_empty(), "{violations:#?}");
        }
        ran
    }

    /// The text of a file below the home folder.
    #[must_use]
    pub fn read(&self, path: impl AsRef<Path>) -> String {
        std::fs::read_to_string(self.home.path().join(path)).unwrap()
    }
}

/// What a run of the binary left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    /// Fails with everything that was printed unless the exit code is `code`.
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}\nstdout: {}\nstderr: {}", self.stdout, self.stderr))
    }
}
