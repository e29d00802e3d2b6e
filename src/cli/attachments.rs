//! `-f` files and piped text become the first exhibits of a run.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Write as _};
use std::path::Path;

use super::failure::{Exit, Failure};
use crate::evidence::{Exhibit, Status, Store};
use crate::question::Attachment;
use crate::shell::private_file;

/// Bytes kept of one attachment.
const MOST: u64 = 1 << 30;

/// Copies the attachments into the run's folder, in order. All are opened before the first is copied.
///
/// Opening and reading happen on a thread: a named pipe may never be written to, and a run must hear its
/// interrupt all the same. Dropping the future leaves the thread behind.
pub(super) async fn attach(attachments: &[Attachment], store: &mut Store) -> Result<Vec<Exhibit>, Failure> {
    let unreadable = |attachment: &Attachment, error: &dyn std::fmt::Display| {
        Failure::new(Exit::RunTime, format!("attached file `{}` cannot be read: {error}", attachment.name))
    };
    let mut opened = Vec::new();
    for attachment in attachments {
        let path = attachment.path.clone();
        let file =
            on_thread(move || File::open(path)).await.map_err(|error| unreadable(attachment, &error))?;
        let about = file.metadata().map_err(|error| unreadable(attachment, &error))?;
        if about.is_dir() {
            return Err(
                unreadable(attachment, &"it is a folder").hint("attach its files one by one: -f a -f b")
            );
        }
        opened.push((attachment, file));
    }
    let mut exhibits = Vec::new();
    for (attachment, file) in opened {
        let (id, path) = store.allot();
        let to = path.clone();
        let copied =
            on_thread(move || copy(file, &to)).await.map_err(|error| unreadable(attachment, &error))?;
        let exhibit = Exhibit {
            status: if copied.bytes == 0 { Status::NoData } else { Status::Success },
            error: copied.more.then(|| "only its first GiB was read".to_owned()),
            bytes: copied.bytes,
            lines: copied.lines,
            ..Exhibit::attachment(id, attachment.source.heading(), &attachment.name, path)
        };
        exhibits.push(store.keep(exhibit).map_err(|error| unreadable(attachment, &error))?);
    }
    Ok(exhibits)
}

async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

struct Copied {
    bytes: u64,
    lines: u64,
    /// The file goes on.
    more: bool,
}

fn copy(file: File, to: &Path) -> io::Result<Copied> {
    let mut reader = BufReader::with_capacity(256 * 1024, file.take(MOST));
    let mut out = private_file(to)?;
    let (mut bytes, mut lines, mut last) = (0, 0, b'\n');
    let mut block = vec![0; 256 * 1024];
    loop {
        let read = match reader.read(&mut block) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let Some(part) = block.get(..read).filter(|part| !part.is_empty()) else {
            break;
        };
        out.write_all(part)?;
        bytes += read as u64;
        lines += memchr::memchr_iter(b'\n', part).count() as u64;
        last = part.last().copied().unwrap_or(last);
    }
    let more = bytes == MOST && reader.into_inner().into_inner().read(&mut block).is_ok_and(|read| read > 0);
    Ok(Copied { bytes, lines: lines + u64::from(last != b'\n'), more })
}
