//! The files of a path, as they are: a file that is no YAML is a finding, one that is not there is not.

use std::io::Read;
use std::path::Path;

use crate::config::yaml::{MAX_BYTES, Warning};

use super::super::LoadError;
use super::super::builtin::yaml_files;
use super::Input;

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
        let mut bytes = Vec::new();
        let open = std::fs::File::open(&file).map_err(unreadable(&file))?;
        // One byte more than is allowed, so that `/dev/zero` ends in the parser's own complaint.
        open.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable(&file))?;
        inputs.push(Input { place: file.display().to_string(), bytes });
    }
    Ok(inputs)
}
