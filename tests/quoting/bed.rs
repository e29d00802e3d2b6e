//! Where rendered templates run: folders with the recording program under many names, one folder a case.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use holmes_rs::shell::template::{Given, Rendered, TemplateError, render};
use serde_json::{Map, Value};
use tempfile::TempDir;

/// One run of the recording program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    pub name: String,
    pub args: Vec<Vec<u8>>,
    pub input: Vec<u8>,
}

/// The recording program, built once; `None`, and why on stdout, where there is no compiler.
pub(crate) fn recorder() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<(TempDir, PathBuf)>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("print-argv");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/quoting/print_argv.rs");
        let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let built = Command::new(compiler)
            .args(["--edition", "2024", "-Copt-level=1", "-Cpanic=abort", "-o"])
            .arg(&program)
            .arg(source)
            .stdin(Stdio::null())
            .output();
        match built {
            Ok(output) if output.status.success() => Some((folder, program)),
            Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
            Err(_) => None,
        }
    });
    if built.is_none() {
        println!("SKIPPED: `rustc` is not in PATH, nothing can record arguments");
    }
    built.as_ref().map(|(_, program)| program.as_path())
}

/// A folder whose programs all record.
pub(crate) fn programs<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<TempDir> {
    let recorder = recorder()?;
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        std::os::unix::fs::symlink(recorder, folder.path().join(name)).unwrap();
    }
    Some(folder)
}

pub(crate) fn rendered(
    template: &str,
    values: &Map<String, Value>,
    config: &Map<String, Value>,
) -> Result<Rendered, TemplateError> {
    render(template, Given { values, config, environment: &BTreeMap::new(), allow_options: false })
}

/// For bash, whatever the bytes.
pub(crate) fn ansi_quoted(text: &str) -> String {
    let mut out = String::from("$'");
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b" _-./:=".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("\\{byte:03o}"));
        }
    }
    out.push('\'');
    out
}

/// What happened in a case's folder.
#[derive(Debug)]
pub(crate) struct Happened {
    pub calls: Vec<Call>,
    /// Files that were not there before.
    pub files: Vec<String>,
}

/// Runs every text in a folder and a subshell of its own, all in one bash.
pub(crate) fn batch(path: &Path, cases: &[Rendered]) -> Vec<Happened> {
    let folder = tempfile::tempdir().unwrap();
    let mut script = String::new();
    for (number, case) in cases.iter().enumerate() {
        let place = folder.path().join(number.to_string());
        std::fs::create_dir(&place).unwrap();
        script.push_str(&format!("( cd {} || exit\n", ansi_quoted(&place.display().to_string())));
        for (name, value) in &case.env {
            script.push_str(&format!("export {name}={}\n", ansi_quoted(value)));
        }
        script.push_str(&format!("eval {}\n)\n", ansi_quoted(&case.text)));
    }
    std::fs::write(folder.path().join("script"), script).unwrap();
    let status = Command::new("bash")
        .arg(folder.path().join("script"))
        .env_clear()
        .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", path.display()))
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.code().is_some(), "bash was killed: {status}");
    (0..cases.len()).map(|number| happened(&folder.path().join(number.to_string()))).collect()
}

/// Runs one text as the product does: `bash -c`.
pub(crate) fn alone(path: &Path, case: &Rendered) -> Happened {
    let folder = tempfile::tempdir().unwrap();
    // A shape that never ends must fail, not hold the tests up.
    Command::new("timeout")
        .args(["-s", "KILL", "60", "bash", "-c"])
        .arg(&case.text)
        .env_clear()
        .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", path.display()))
        .env("LC_ALL", "C.UTF-8")
        .envs(case.env.iter().map(|(name, value)| (name, value)))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    happened(folder.path())
}

pub(crate) fn happened(folder: &Path) -> Happened {
    let mut calls = Vec::new();
    let log = std::fs::read_to_string(folder.join("argv.log")).unwrap_or_default();
    for line in log.lines() {
        let mut parts = line.split(' ').skip(1).map(bytes);
        let input = parts.next().unwrap();
        let name = String::from_utf8_lossy(&parts.next().unwrap()).into_owned();
        let name = name.rsplit('/').next().unwrap_or_default().to_owned();
        calls.push(Call { name, args: parts.collect(), input });
    }
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().to_string_lossy().into_owned());
    Happened { calls, files: files.filter(|name| name != "argv.log").collect() }
}

fn bytes(part: &str) -> Vec<u8> {
    let digits = part.strip_prefix('x').unwrap();
    (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect()
}
