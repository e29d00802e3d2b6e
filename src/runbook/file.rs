//! Bytes of files that somebody else wrote: bounded, regular, and text.

use std::io::{self, Read as _};
use std::path::Path;

use crate::config::yaml::{YamlError, decode};

/// Bytes of one runbook: ten times what a model could read at once.
pub const MOST_BYTES: u64 = 1 << 20;

/// Why a file cannot be used, in the words of a warning without its place.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let found = std::fs::metadata(path).map_err(|error| unreadable(&error))?;
    if !found.is_file() {
        return Err("is no regular file, it is left out".to_owned());
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(too_large());
    }
    Ok(bytes)
}

pub(super) fn too_large() -> String {
    format!(
        "is larger than {} KiB, it is left out: split it, and name the other files in its text",
        MOST_BYTES >> 10
    )
}

/// A file's bytes as text, with the place of what is none.
pub(super) fn text(bytes: &[u8], place: &str) -> Result<String, YamlError> {
    decode(bytes, place)
        .map(|text| text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n"))
        .map_err(|mut error| {
            error.message = error.message.replace(", not YAML", "");
            error.message += ", it is left out: save it as UTF-8";
            error
        })
}

pub(super) fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder, it is left out".to_owned(),
        io::ErrorKind::PermissionDenied => "cannot be read: permission denied, it is left out".to_owned(),
        _ => format!("cannot be read: {error}, it is left out"),
    }
}
