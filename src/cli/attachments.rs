//! `-f` files and piped text become the first exhibits of a run.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Write as _};
use std::path::Path;

use serde_json::{Map, json};

use super::failure::{Exit, Failure};
use crate::evidence::{Exhibit, Status, Store};
use crate::question::Attachment;
use crate::shell::private_file;

/// Toolset name of exhibits that no tool made.
pub const ATTACHED: &str = "attached";
/// Bytes kept of one attachment.
const MOST: u64 = 1 << 30;

/// Copies the attachments into the run's folder, in order. All are looked at before the first is copied.
pub fn attach(attachments: &[Attachment], store: &mut Store) -> Result<Vec<Exhibit>, Failure> {
    let unreadable = |attachment: &Attachment, error: &dyn std::fmt::Display| {
        Failure::new(Exit::RunTime, format!("attached file `{}` cannot be read: {error}", attachment.name))
    };
    let mut opened = Vec::new();
    for attachment in attachments {
        let file = File::open(&attachment.path).map_err(|error| unreadable(attachment, &error))?;
        let about = file.metadata().map_err(|error| unreadable(attachment, &error))?;
        if about.is_dir() {
            return Err(unreadable(attachment, &"it is a folder").hint("attach its files one by one: -f a -f b"));
        }
        opened.push((attachment, file));
    }
    let mut exhibits = Vec::new();
    for (attachment, file) in opened {
        let (id, path) = store.allot();
        let (bytes, lines) = copy(file, &path).map_err(|error| unreadable(attachment, &error))?;
        let mut params = Map::new();
        params.insert("name".to_owned(), json!(attachment.name));
        let exhibit = Exhibit {
            id,
            call_id: format!("attached_{id}"),
            tool: "attached_file".to_owned(),
            toolset: ATTACHED.to_owned(),
            description: format!("attached {}", attachment.name),
            params,
            invocation: attachment.name.clone(),
            status: if bytes == 0 { Status::NoData } else { Status::Success },
            exit_code: None,
            error: None,
            seconds: 0.0,
            bytes,
            lines,
            path,
            view: String::new(),
            condensed: false,
        };
        exhibits.push(store.keep(exhibit).map_err(|error| unreadable(attachment, &error))?);
    }
    Ok(exhibits)
}

/// Bytes and lines copied.
fn copy(file: File, to: &Path) -> io::Result<(u64, u64)> {
    let mut reader = BufReader::with_capacity(256 * 1024, file.take(MOST));
    let mut out = private_file(to)?;
    let (mut bytes, mut lines, mut last) = (0, 0, b'\n');
    let mut block = vec![0; 256 * 1024];
    loop {
        let read = reader.read(&mut block)?;
        let Some(part) = block.get(..read).filter(|part| !part.is_empty()) else {
            break;
        };
        out.write_all(part)?;
        bytes += read as u64;
        lines += memchr::memchr_iter(b'\n', part).count() as u64;
        last = part.last().copied().unwrap_or(last);
    }
    Ok((bytes, lines + u64::from(last != b'\n')))
}
