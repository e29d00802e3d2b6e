//! Text that is not UTF-8 made UTF-8, as far as servers still send it: UTF-16, and what Western Windows writes.
//!
//! It is no library of encodings: what it does not know stays as it came.

/// The letters of windows-1252 between 0x80 and 0x9f, where ISO 8859-1 has controls nobody means.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '\u{2018}', '\u{2019}', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];
const WESTERN: &[&str] = &[
    "iso-8859-1",
    "iso8859-1",
    "latin1",
    "latin-1",
    "windows-1252",
    "cp1252",
    "ascii",
    "us-ascii",
    "iso-8859-15",
];
/// Bytes of a page in which it says how it is written (WHATWG).
const PRESCAN: usize = 1024;

/// Whether `utf8` may change anything: to be asked before a large body is read.
pub(super) fn is_other(start: &[u8], said: Option<&str>) -> bool {
    wide(start, said).is_some()
        || start.starts_with(b"\xef\xbb\xbf")
        || said.is_some_and(|said| WESTERN.contains(&said))
}

/// `bytes` as UTF-8, without a mark of byte order; None when they are to stay as they are. `said` is what the server
/// says, in lower case. What is UTF-8 is taken for that, whatever a server calls it.
pub(super) fn utf8(bytes: &[u8], said: Option<&str>) -> Option<String> {
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return String::from_utf8(rest.to_vec()).ok();
    }
    if let Some((pair, skipped)) = wide(bytes, said) {
        let units = bytes.get(skipped..)?.chunks_exact(2).map(|two| match two {
            [first, second] => pair([*first, *second]),
            _ => 0,
        });
        return Some(char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect());
    }
    if !WESTERN.contains(&said?) || std::str::from_utf8(bytes).is_ok() {
        return None;
    }
    let letter = |byte: &u8| match byte {
        0x80..=0x9f => WINDOWS.get(usize::from(*byte - 0x80)).copied().unwrap_or('\u{fffd}'),
        other => char::from(*other),
    };
    Some(bytes.iter().map(letter).collect())
}

type Pair = fn([u8; 2]) -> u16;

/// How two bytes are one unit of UTF-16, and how many bytes the mark has.
fn wide(start: &[u8], said: Option<&str>) -> Option<(Pair, usize)> {
    match (start, said) {
        // UTF-32 has the same mark with two zeros behind it.
        ([0xff, 0xfe, 0, 0, ..], _) => None,
        ([0xff, 0xfe, ..], _) => Some((u16::from_le_bytes, 2)),
        ([0xfe, 0xff, ..], _) => Some((u16::from_be_bytes, 2)),
        (_, Some("utf-16be")) => Some((u16::from_be_bytes, 0)),
        (_, Some("utf-16" | "utf-16le")) => Some((u16::from_le_bytes, 0)),
        _ => None,
    }
}

/// What a page says of itself in a `meta` element, in lower case.
pub(super) fn of_page(bytes: &[u8]) -> Option<String> {
    let start = bytes.get(..bytes.len().min(PRESCAN)).unwrap_or_default().to_ascii_lowercase();
    let at = memchr::memmem::find(&start, b"charset=")? + b"charset=".len();
    let letters =
        start.get(at..)?.iter().map(|byte| char::from(*byte)).skip_while(|c| ['"', '\''].contains(c));
    let name: String = letters.take_while(|c| c.is_ascii_alphanumeric() || ['-', '_'].contains(c)).collect();
    // Bytes that could be read this far are not wide, whatever they say.
    (!name.is_empty() && !name.starts_with("utf-16")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_still_send_becomes_utf_8() {
        let le: Vec<u8> = "\u{feff}grüße 🦀".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = "\u{feff}grüße 🦀".encode_utf16().flat_map(u16::to_be_bytes).collect();
        let text = Some("grüße 🦀".to_owned());
        assert_eq!(
            (utf8(&le, None), utf8(&be, Some("utf-16")), utf8(&le[2..], Some("utf-16le"))),
            (text.clone(), text.clone(), text.clone())
        );
        assert_eq!(utf8(&be[2..], Some("utf-16be")), text);
        assert_eq!(utf8(b"gr\xfc\xdfe \x80 \x93x\x94", Some("iso-8859-1")).as_deref(), Some("grüße € “x”"));
        assert_eq!(utf8(b"\xef\xbb\xbf{}", None).as_deref(), Some("{}"));
        for (bytes, said) in [
            (&b"plain"[..], Some("latin1")),
            ("grüße".as_bytes(), Some("latin1")),
            (b"gr\xfc", Some("utf-8")),
            (b"gr\xfc", None),
            (b"gr\xfc", Some("koi8-r")),
            (b"", None),
            (b"\xef\xbb\xbf\xff", None),
            (b"\xff\xfe\0\0x\0\0\0", None),
        ] {
            assert_eq!(utf8(bytes, said), None, "{bytes:?} {said:?}");
        }
        assert_eq!(utf8(b"a", Some("utf-16")).as_deref(), Some(""));
    }

    #[test]
    fn a_page_says_how_it_is_written() {
        for (page, said) in [
            ("<meta charset=\"Windows-1252\">", Some("windows-1252")),
            ("<META http-equiv=Content-Type content='text/html; charset=ISO-8859-1'>", Some("iso-8859-1")),
            ("<meta charset=utf-16>", None),
            ("<p>", None),
            ("charset=", None),
        ] {
            assert_eq!(of_page(page.as_bytes()).as_deref(), said, "{page}");
        }
    }
}
