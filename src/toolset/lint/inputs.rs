//! The files of a path, as they are: a file that is no YAML is a finding, one that is not there is not.

use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use crate::config::yaml::{MAX_BYTES, Warning};

use super::super::LoadError;
use super::super::builtin::yaml_files;
use super::Input;

/// How long a pipe may say nothing: `lint <(helm template …)` is one, and so is a FIFO nobody writes to.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a file holds, and one byte more than is allowed, so that `/dev/zero` ends in the parser's own complaint.
///
/// # Errors
/// When it cannot be read, or is a pipe that does not end in time.
pub(in crate::toolset) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let all = |path: &Path| {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    if !std::fs::metadata(path)?.file_type().is_fifo() {
        return all(path);
    }
    // Opening one waits as reading does, and neither can be called off: a thread does, which ends with the program.
    let (done, result) = mpsc::channel();
    let own = path.to_owned();
    std::thread::spawn(move || done.send(all(&own)));
    result.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        let said = format!("it is a pipe that did not end within {} seconds", PATIENCE.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, said))
    })
}

/// Reads a file, or every `*.yaml` and `*.yml` of a folder; none where a folder has none.
///
/// # Errors
/// When there is no such path, or it cannot be read.
pub fn read(path: &Path) -> Result<Vec<Input>, LoadError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::NotFound => LoadError::Missing { path },
            _ => LoadError::Unreadable { path, source },
        }
    };
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        std::fs::read_dir(path).map_err(unreadable(path))?;
        let mut warnings: Vec<Warning> = Vec::new();
        files = yaml_files(path, &mut warnings);
    }
    let mut inputs = Vec::new();
    for file in files {
        let bytes = bytes(&file).map_err(unreadable(&file))?;
        inputs.push(Input { place: file.display().to_string(), bytes });
    }
    Ok(inputs)
}
