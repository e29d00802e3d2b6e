//! How well secrets are told from their look-alikes: every line of `redaction/*.txt` is a case.
//!
//! `«…»` marks what must not be left; a file of look-alikes has no marks and must stay as it is. `⏎` is a line feed,
//! `␛` an escape. `{a36}` stands for 36 letters and digits made up from the case's number (`h` hexadecimal, `U` upper
//! case, `w` lower case, `d` digits, `u` with `-` and `_`, `b` base64), `{64:text}` for the base64 of the text, and
//! `·` for nothing: no credential stands in this repository, not even a made-up one.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic, reason = "a test that reads its own data")]

use std::fmt::Write as _;

use holmes_rs::evidence::Redactor;
use holmes_rs::evidence::untrusted::visible;

const SECRETS: &str = include_str!("redaction/secrets.txt");
const LOOK_ALIKES: &str = include_str!("redaction/look_alikes.txt");
const HELD_OUT_SECRETS: &str = include_str!("redaction/held_out_secrets.txt");
const HELD_OUT_LOOK_ALIKES: &str = include_str!("redaction/held_out_look_alikes.txt");

fn cases(file: &str) -> Vec<String> {
    let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with("## "));
    lines.enumerate().map(|(at, line)| filled(line, at)).collect()
}

/// A case with its templates filled.
fn filled(line: &str, seed: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ (seed as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95);
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut out = String::new();
    let mut rest = line;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let Some(close) = rest.find('}') else { break };
        let inner = &rest[1..close];
        let kind = inner.chars().next().unwrap_or(' ');
        if let Some(text) = inner.strip_prefix("64:") {
            out.push_str(&base64(text.replace('⏎', "\n").as_bytes()));
        } else if let (Some(digits), Ok(length)) = (digits(kind), inner[kind.len_utf8()..].parse::<usize>()) {
            // A digit, so that no case is lucky.
            for at in 0..length {
                let among = if at == 5 && digits.contains(&b'7') { b"7" } else { digits };
                out.push(char::from(among[next(among.len())]));
            }
        } else {
            out.push('{');
            rest = &rest[1..];
            continue;
        }
        rest = &rest[close + 1..];
    }
    out.push_str(rest);
    out.replace('·', "").replace('⏎', "\n").replace('␛', "\u{1b}")
}

fn digits(kind: char) -> Option<&'static [u8]> {
    Some(match kind {
        'a' => b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        'h' => b"0123456789abcdef",
        'U' => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
        'w' => b"abcdefghijklmnopqrstuvwxyz",
        'd' => b"0123456789",
        'u' => b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-",
        'b' => b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/",
        _ => return None,
    })
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * at)) as usize & 63];
            out.push(if at > chunk.len() { '=' } else { char::from(digit) });
        }
    }
    out
}

/// As every output goes: terminal codes first, then secrets.
fn shown(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(visible).collect();
    Redactor::new([], &[]).redact(&lines.join("\n"))
}

/// As lines of a view, one by one.
fn shown_as_lines(text: &str) -> String {
    let mut lines: Vec<(u64, String)> = (1..).zip(text.split('\n').map(visible)).collect();
    Redactor::new([], &[]).redact_lines(&mut lines);
    lines.into_iter().map(|(_, line)| line).collect::<Vec<_>>().join("\n")
}

/// Why a marked case fails.
fn leak(case: &str) -> Option<String> {
    let mut secrets = Vec::new();
    let mut text = String::new();
    let mut rest = case;
    let before = case.split('«').next().unwrap();
    while let Some((plain, more)) = rest.split_once('«') {
        let (secret, more) = more.split_once('»').unwrap();
        text.push_str(plain);
        text.push_str(secret);
        secrets.push(visible(&secret.replace('\n', "\u{1}")));
        rest = more;
    }
    text.push_str(rest);
    assert!(!secrets.is_empty(), "no mark in: {case}");
    for (way, got) in [("text", shown(&text)), ("lines", shown_as_lines(&text))] {
        for secret in secrets.iter().flat_map(|secret| secret.split('\u{1}')).filter(|s| s.len() > 2) {
            // Any four characters in a row are a part too many.
            let part: Vec<char> = secret.chars().collect();
            let left = got.contains(secret)
                || (part.len() >= 8 && got.contains(&part[part.len() - 5..].iter().collect::<String>()))
                || (part.len() >= 8 && got.contains(&part[..6].iter().collect::<String>()));
            if left && !secret.starts_with("-----") {
                return Some(format!("left as {way}: {secret}\n      in: {got}"));
            }
        }
        let kept = before.split('\n').map(visible).collect::<Vec<_>>().join("\n");
        if !got.starts_with(&kept) {
            return Some(format!("took too much as {way}: {text}\n      shown: {got}"));
        }
        if !got.contains("<secret:") {
            return Some(format!("nothing stands for it as {way}: {got}"));
        }
    }
    None
}

fn taken(case: &str) -> Option<String> {
    let plain = case.split('\n').map(visible).collect::<Vec<_>>().join("\n");
    [shown(case), shown_as_lines(case)]
        .into_iter()
        .find(|got| *got != plain)
        .map(|got| format!("{plain}\n      shown: {got}"))
}

/// Prints the rate and fails on any miss.
fn rate(what: &str, file: &str, least: usize, miss: impl Fn(&str) -> Option<String>) {
    let cases = cases(file);
    let misses: Vec<String> = cases.iter().filter_map(|case| miss(case)).collect();
    println!("{what}: {} of {}", cases.len() - misses.len(), cases.len());
    let mut list = String::new();
    for miss in &misses {
        let _ = writeln!(list, "  - {miss}");
    }
    assert!(misses.is_empty(), "{what}: {} of {} wrong\n{list}", misses.len(), cases.len());
    assert!(cases.len() >= least, "{what}: only {} cases", cases.len());
}

#[test]
fn secrets_are_found_where_they_stand() {
    rate("secrets found", SECRETS, 220, leak);
}

#[test]
fn look_alikes_are_left_alone() {
    rate("look-alikes left alone", LOOK_ALIKES, 220, taken);
}

/// Written after the rules, without looking at them; kept since.
#[test]
fn secrets_nobody_had_in_mind_are_found_too() {
    rate("held-out secrets found", HELD_OUT_SECRETS, 40, leak);
}

#[test]
fn look_alikes_nobody_had_in_mind_are_left_alone_too() {
    rate("held-out look-alikes left alone", HELD_OUT_LOOK_ALIKES, 40, taken);
}

/// Whether some line of a case is flagged.
fn is_flagged(case: &str) -> bool {
    let lines: Vec<(u64, String)> = (1..).zip(case.split('\n').map(visible)).collect();
    holmes_rs::evidence::injection::find(&lines).is_some()
}

#[test]
fn instructions_to_a_model_are_flagged() {
    let file = include_str!("redaction/injections.txt");
    rate("injections flagged", file, 60, |case| (!is_flagged(case)).then(|| case.to_owned()));
}

#[test]
fn logs_that_speak_of_instructions_are_not_flagged() {
    let file = include_str!("redaction/harmless_prompts.txt");
    rate("harmless lines not flagged", file, 60, |case| is_flagged(case).then(|| case.to_owned()));
}
