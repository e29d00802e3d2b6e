//! The fields of a JSON log line that tell something: where they stand in lines too long to be shown whole, and what a
//! journal entry says apart from its bookkeeping, whose order changes from line to line.

/// Keys of what a line is about, of how bad it is and of what it says.
const ABOUT: &[&[u8]] = &[
    b"UNIT",
    b"SYSLOG_IDENTIFIER",
    b"service",
    b"logger",
    b"component",
    b"N_RESTARTS",
    b"level",
    b"severity",
    b"PRIORITY",
    b"status",
    b"statusCode",
    b"status_code",
];
const SAYING: &[&[u8]] = &[
    b"MESSAGE",
    b"message",
    b"msg",
    b"log",
    b"error",
    b"err",
    b"exception",
    b"reason",
    b"stack",
    b"stack_trace",
];
/// Keys of which a log line has one on its first level; what has none is told by its beginning.
const MESSAGE: &[&[u8]] = &[b"MESSAGE", b"message", b"msg", b"log"];
/// Bytes of a line in which fields are looked for.
const LOOKED_AT: usize = 64 * 1024;

/// The telling fields of a JSON line in its order, `"key":value` each; empty for a line that says nothing of itself.
pub(super) fn telling(line: &[u8]) -> Vec<&[u8]> {
    let mut telling = Vec::new();
    let mut says = false;
    let mut rest = line.get(..LOOKED_AT).unwrap_or(line);
    if !rest.starts_with(b"{") {
        return telling;
    }
    let mut depth = 0_u32;
    while let Some(at) = memchr::memchr3(b'"', b'{', b'}', rest) {
        match rest.get(at) {
            Some(b'{') => depth += 1,
            Some(b'}') => depth = depth.saturating_sub(1),
            _ => {
                let from = rest.get(at..).unwrap_or_default();
                let Some(key) = string(from) else { break };
                let behind = from.get(key.len()..).unwrap_or_default().trim_ascii_start();
                let Some(value) = behind.strip_prefix(b":").map(<[u8]>::trim_ascii_start) else {
                    rest = from.get(key.len()..).unwrap_or_default();
                    continue;
                };
                let value = match value.first() {
                    Some(b'{' | b'[') => b"",
                    Some(b'"') => string(value).unwrap_or(value),
                    _ => value
                        .get(
                            ..value
                                .iter()
                                .position(|b| matches!(b, b',' | b'}' | b']'))
                                .unwrap_or(value.len()),
                        )
                        .unwrap_or_default(),
                };
                let before = from.len() - from.get(key.len()..).unwrap_or_default().len();
                let start = memchr::memchr(b':', from.get(before..).unwrap_or_default())
                    .map_or(before, |at| before + at + 1);
                let blanks = from.get(start..).unwrap_or_default();
                let blanks = blanks.len() - blanks.trim_ascii_start().len();
                let field = from.get(..start + blanks + value.len()).unwrap_or(from);
                let name = key.get(1..key.len() - 1).unwrap_or_default();
                let saying = SAYING.contains(&name);
                let message = depth == 1 && MESSAGE.contains(&name);
                if depth <= 2 && !value.is_empty() && value != b"null" && (saying || ABOUT.contains(&name)) {
                    says |= message;
                    telling.push(field);
                }
                rest = from.get(field.len().max(1)..).unwrap_or_default();
                continue;
            }
        }
        rest = rest.get(at + 1..).unwrap_or_default();
    }
    if !says {
        telling.clear();
    }
    telling
}

/// The string that `text` begins with, with its quotes; `None` where it is cut off.
fn string(text: &[u8]) -> Option<&[u8]> {
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text.get(at) == Some(&b'"') {
            return text.get(..=at);
        }
        at += 2;
    }
}

/// What a line of `journalctl --output json` says, without its bookkeeping, and its priority. `None` for other lines.
pub(super) fn journal(line: &[u8]) -> Option<(&[u8], u8)> {
    if !line.starts_with(b"{") {
        return None;
    }
    let priority = after(line, b"\"PRIORITY\":\"")?.first().copied()?;
    let message = string(after(line, b"\"MESSAGE\":")?)?;
    // What a service prints has the priority of its stream, which says nothing.
    let printed = memchr::memmem::find(line, b"\"_TRANSPORT\":\"stdout\"").is_some();
    let priority = if printed && priority > b'4' { b' ' } else { priority };
    Some((message.get(1..message.len() - 1)?, priority))
}

fn after<'a>(line: &'a [u8], part: &[u8]) -> Option<&'a [u8]> {
    let at = memchr::memmem::find(line, part)?;
    line.get(at + part.len()..).filter(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_long_lines_are_found_whatever_stands_between_them() {
        let line = br#"{"a":{"b":[1,{"message":"deep"}]},"level": "warn","x":"say \"msg\": no","msg":"lease \"7\" is gone","error":null}"#;
        let got: Vec<String> =
            telling(line).iter().map(|f| String::from_utf8_lossy(f).into_owned()).collect();
        assert_eq!(got, [r#""level": "warn""#, r#""msg":"lease \"7\" is gone""#]);
        for nothing in
            [&b"{\"level\":\"warn\"}"[..], b"{\"msg", b"{", b"", b"level=warn msg=x", b"{\"msg\":", b"{\"\\"]
        {
            assert!(telling(nothing).is_empty(), "{nothing:?}");
        }
    }

    #[test]
    fn a_journal_entry_is_its_message_and_priority() {
        let line = br#"{"PRIORITY":"3","_PID":"1","MESSAGE":"it \"ends\"","X":"y"}"#;
        assert_eq!(journal(line), Some((&br#"it \"ends\""#[..], b'3')));
        let printed = br#"{"_TRANSPORT":"stdout","PRIORITY":"6","MESSAGE":"x"}"#;
        assert_eq!(journal(printed), Some((&b"x"[..], b' ')));
        for other in [&b"{\"MESSAGE\":\"x\"}"[..], b"{\"PRIORITY\":\"3\",\"MESSAGE\":null}", b"x", b"{"] {
            assert_eq!(journal(other), None);
        }
    }
}
