//! Where a body goes: unpacked, cleared of this toolset's own secrets, into the output file, up to a size.
//!
//! Nothing of it is held in memory but one piece: a bomb of gigabytes ends at the limit like any other body.

use std::fs::File;
use std::io::{self, Write};

use flate2::write::{MultiGzDecoder, ZlibDecoder};

/// Secrets shorter than this are words.
pub(super) const SHORTEST_SECRET: usize = 6;
/// Bytes of a body's beginning in which a zero byte says that it is no text.
const SNIFFED: usize = 1024;
const REPLACEMENT: &[u8] = b"<secret>";

/// How a body is packed on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    Gzip,
    Deflate,
}

impl Packing {
    /// Reads a `Content-Encoding`; None for one that is not spoken.
    pub(super) fn of(encoding: &str) -> Option<Self> {
        match encoding.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::None),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            _ => None,
        }
    }
}

/// What became of a body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub bytes: u64,
    pub lines: u64,
    /// There was more than the limit.
    pub cut: bool,
    /// It began with what no text holds, and nothing was kept.
    pub binary: bool,
}

/// Takes a body piece by piece.
pub(super) struct Body {
    unpacking: Unpacking,
}

enum Unpacking {
    None(Clean),
    Gzip(Box<MultiGzDecoder<Clean>>),
    Deflate(Box<ZlibDecoder<Clean>>),
}

impl Body {
    /// `wide`: its characters are wider than a byte, so that zero bytes say nothing.
    pub(super) fn new(file: File, packing: Packing, limit: u64, wide: bool, secrets: &[String]) -> Self {
        let clean = Clean::new(file, limit, !wide, secrets);
        Self {
            unpacking: match packing {
                Packing::None => Unpacking::None(clean),
                Packing::Gzip => Unpacking::Gzip(Box::new(MultiGzDecoder::new(clean))),
                Packing::Deflate => Unpacking::Deflate(Box::new(ZlibDecoder::new(clean))),
            },
        }
    }

    /// `Ok(true)` when no more is wanted.
    ///
    /// # Errors
    /// When the piece cannot be unpacked or written.
    pub(super) fn take(&mut self, piece: &[u8]) -> io::Result<bool> {
        let done = match &mut self.unpacking {
            Unpacking::None(clean) => clean.write_all(piece),
            Unpacking::Gzip(decoder) => decoder.write_all(piece),
            Unpacking::Deflate(decoder) => decoder.write_all(piece),
        };
        match done {
            Ok(()) => Ok(self.clean().kept.cut),
            Err(_) if self.clean().kept.cut || self.clean().kept.binary => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Writes what is held back and counts.
    ///
    /// The result is an error when the rest cannot be unpacked or written; what was written stays.
    pub(super) fn finish(mut self) -> (Kept, io::Result<()>) {
        let unpacked = match &mut self.unpacking {
            Unpacking::None(_) => Ok(()),
            Unpacking::Gzip(decoder) => decoder.try_finish(),
            Unpacking::Deflate(decoder) => decoder.try_finish(),
        };
        let clean = match &mut self.unpacking {
            Unpacking::None(clean) => clean,
            Unpacking::Gzip(decoder) => decoder.get_mut(),
            Unpacking::Deflate(decoder) => decoder.get_mut(),
        };
        let written = clean.drain(0);
        let mut kept = clean.kept;
        kept.lines += u64::from(clean.unfinished);
        let result = if kept.cut || kept.binary { Ok(()) } else { unpacked.and(written) };
        (kept, result)
    }

    fn clean(&self) -> &Clean {
        match &self.unpacking {
            Unpacking::None(clean) => clean,
            Unpacking::Gzip(decoder) => decoder.get_ref(),
            Unpacking::Deflate(decoder) => decoder.get_ref(),
        }
    }
}

/// Replaces secrets on the way into a file that has a largest size.
struct Clean {
    file: File,
    limit: u64,
    text_only: bool,
    kept: Kept,
    unfinished: bool,
    secrets: Vec<Vec<u8>>,
    longest: usize,
    /// Not written yet: a secret may have begun in it.
    pending: Vec<u8>,
}

impl Clean {
    fn new(file: File, limit: u64, text_only: bool, secrets: &[String]) -> Self {
        let mut secrets: Vec<Vec<u8>> = secrets
            .iter()
            .filter(|secret| secret.len() >= SHORTEST_SECRET)
            .map(|secret| secret.clone().into_bytes())
            .collect();
        // Where one holds another, the longer is replaced whole.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let longest = secrets.first().map_or(0, Vec::len);
        let (kept, pending) = (Kept::default(), Vec::new());
        Self { file, limit, text_only, kept, unfinished: false, secrets, longest, pending }
    }

    /// Writes all but the last `held` bytes of what is pending.
    fn drain(&mut self, held: usize) -> io::Result<()> {
        let pending = std::mem::take(&mut self.pending);
        let mut at = 0;
        loop {
            let rest = pending.get(at..).unwrap_or_default();
            let first = self
                .secrets
                .iter()
                .filter_map(|secret| Some((memchr::memmem::find(rest, secret)?, secret.len())))
                .min_by_key(|(found, length)| (*found, std::cmp::Reverse(*length)));
            let Some((found, length)) = first else { break };
            if held > 0 && at + found + self.longest > pending.len() {
                // It may be the beginning of a longer one.
                self.put(rest.get(..found).unwrap_or_default())?;
                self.pending = rest.get(found..).unwrap_or_default().to_vec();
                return Ok(());
            }
            self.put(rest.get(..found).unwrap_or_default())?;
            self.put(REPLACEMENT)?;
            at += found + length;
        }
        let end = pending.len().saturating_sub(held).max(at);
        self.put(pending.get(at..end).unwrap_or_default())?;
        self.pending = pending.get(end..).unwrap_or_default().to_vec();
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = usize::try_from(self.limit.saturating_sub(self.kept.bytes)).unwrap_or(usize::MAX);
        let part = bytes.get(..room).unwrap_or(bytes);
        let start = part.get(..SNIFFED).unwrap_or(part);
        if self.kept.bytes == 0 && self.text_only && memchr::memchr(0, start).is_some() {
            self.kept.binary = true;
            return Err(io::Error::other("binary"));
        }
        self.file.write_all(part)?;
        self.kept.bytes += part.len() as u64;
        self.kept.lines += memchr::memchr_iter(b'\n', part).count() as u64;
        if let Some(last) = part.last() {
            self.unfinished = *last != b'\n';
        }
        if part.len() < bytes.len() {
            self.kept.cut = true;
            return Err(io::Error::other("cut"));
        }
        Ok(())
    }
}

impl Write for Clean {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.secrets.is_empty() {
            self.put(bytes)?;
        } else {
            self.pending.extend_from_slice(bytes);
            self.drain(self.longest - 1)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(pieces: &[&[u8]], packing: Packing, limit: u64, secrets: &[&str]) -> (Kept, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("body");
        let secrets: Vec<String> = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        let mut body = Body::new(File::create(&path).unwrap(), packing, limit, false, &secrets);
        for piece in pieces {
            if body.take(piece).unwrap() {
                break;
            }
        }
        let (kept, result) = body.finish();
        result.unwrap();
        (kept, std::fs::read_to_string(path).unwrap())
    }

    #[test]
    fn a_secret_is_replaced_wherever_the_pieces_part() {
        let text = b"a=s3cret-token-1 b=s3cret-token-1";
        for cut in 0..text.len() {
            let (first, second) = text.split_at(cut);
            let (kept, got) = through(&[first, second], Packing::None, 1000, &["s3cret-token-1", "s3cret"]);
            assert_eq!(got, "a=<secret> b=<secret>", "{cut}");
            assert_eq!((kept.bytes, kept.lines, kept.cut), (21, 1, false));
        }
    }

    #[test]
    fn a_bomb_ends_at_the_limit() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        for _ in 0..64 {
            packed.write_all(&vec![b'x'; 1 << 20]).unwrap();
        }
        let packed = packed.finish().unwrap();
        assert!(packed.len() < 1 << 20);
        for secrets in [&[][..], &["s3cret-token"]] {
            let (kept, got) = through(&[&packed], Packing::Gzip, 5000, secrets);
            assert_eq!((kept.bytes, kept.cut, got.len()), (5000, true, 5000));
        }
    }

    #[test]
    fn half_a_packed_body_is_an_error_that_keeps_what_came() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        packed.write_all(&[b'x'; 5000]).unwrap();
        let packed = packed.finish().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("body");
        let mut body = Body::new(File::create(&path).unwrap(), Packing::Gzip, 1 << 20, false, &[]);
        assert!(!body.take(&packed[..2000]).unwrap());
        let (kept, result) = body.finish();
        assert!(result.is_err() && kept.bytes > 1000 && kept.bytes < 2000, "{kept:?}");
        let mut body = Body::new(File::create(&path).unwrap(), Packing::Gzip, 1 << 20, false, &[]);
        assert!(body.take(b"this is no gzip at all, whatever the header says").is_err());
    }
}
