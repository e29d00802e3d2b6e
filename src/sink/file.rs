//! A result as a file: all of it or nothing, never half.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Why a result file was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("cannot write `{}`: the folder `{}` does not exist", path.display(), folder.display())]
    NoFolder { path: PathBuf, folder: PathBuf },
    #[error("cannot write `{}`: it is a folder", path.display())]
    IsFolder { path: PathBuf },
    #[error("cannot write `{}`: {source}", path.display())]
    Failed { path: PathBuf, source: std::io::Error },
}

/// Writes `bytes` to `path`, replacing what was there in one step. Special files (`/dev/stdout`, a named
/// pipe) are written directly.
///
/// # Errors
/// One line that names the path and what is missing.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let failed = |source| WriteError::Failed { path: path.to_owned(), source };
    let present = std::fs::metadata(path).ok();
    if present.as_ref().is_some_and(std::fs::Metadata::is_dir) {
        return Err(WriteError::IsFolder { path: path.to_owned() });
    }
    if present.as_ref().is_some_and(|meta| !meta.is_file()) {
        let mut file = std::fs::OpenOptions::new().write(true).open(path).map_err(failed)?;
        return file.write_all(bytes).map_err(failed);
    }
    // A link stays a link: its target is replaced.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    if !folder.is_dir() {
        return Err(WriteError::NoFolder { path: path.to_owned(), folder });
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".holmes-rs-");
    // The bits a plain write would leave, narrowed by the umask; a file that is there keeps its own.
    let permissions = present
        .map_or_else(|| std::os::unix::fs::PermissionsExt::from_mode(0o666), |meta| meta.permissions());
    let mut file = builder.permissions(permissions).tempfile_in(&folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}
