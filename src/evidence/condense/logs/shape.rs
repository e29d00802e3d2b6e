//! What two lines of one kind have in common: their words, with numbers, ids and times as slots.
//!
//! `hash` runs over every byte of a log and is all that most lines cost; `words` is for lines whose hash is new.
//! Both keep what a severity is read from: two lines of one hash have one severity.

/// Words of a line that are compared; what follows them is not.
const MOST_WORDS: usize = 64;
/// Stands for a number, an id, a time.
pub(super) const SLOT: u32 = 0;

const SIGN: u8 = 0;
const SPACE: u8 = 1;
const LETTER: u8 = 2;
const DIGIT: u8 = 3;

/// Letters, digits and bytes beyond ASCII make words; everything else stands between them.
static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [SIGN; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "counts to 255")]
        let b = byte as u8;
        classes[byte] = if b.is_ascii_digit() {
            DIGIT
        } else if b.is_ascii_alphabetic() || b >= 0x80 {
            LETTER
        } else if b == b' ' || b == b'\t' {
            SPACE
        } else {
            SIGN
        };
        byte += 1;
    }
    classes
}

fn class(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

fn mix(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
}

/// Signs that join numbers to one: times, dates, addresses, ids in groups.
fn joins(sign: u8) -> bool {
    matches!(sign, b'-' | b':' | b'.' | b'/' | b'_' | b'+')
}

/// The shape of a line as a number. Words are taken whole: eight letters cost what one byte does.
pub(super) fn hash(line: &[u8]) -> u64 {
    const START: u64 = 0xcbf2_9ce4_8422_2325;
    // The priority of syslog is a number that tells the severity.
    let mut hash = mix(START, priority(line).map_or(0xff, |priority| priority & 7));
    // Of the last slot: the hash behind it, and what followed it: nothing, one joining sign, anything else.
    let (mut behind, mut since) = (0, 2_u8);
    let mut spaced = false;
    let mut at = 0;
    while let Some(byte) = line.get(at).copied() {
        let kind = class(byte);
        if kind < LETTER {
            since = if since == 0 && joins(byte) { 1 } else { 2 };
            if kind == SIGN {
                hash = mix(hash, byte);
                spaced = false;
            } else if !spaced {
                hash = mix(hash, b' ');
                spaced = true;
            }
            at += 1;
            continue;
        }
        let start = at;
        let mut digits = 0;
        while let Some(byte) = line.get(at) {
            let kind = class(*byte);
            if kind < LETTER {
                break;
            }
            digits += usize::from(kind == DIGIT);
            at += 1;
        }
        spaced = false;
        if digits == 0 {
            hash = mix_word(hash, line, start, at);
            since = 2;
            continue;
        }
        if since == 1 {
            hash = behind;
        } else {
            let second = line.get(start + 1).copied().unwrap_or_default();
            let code = match (at - start, byte, second) {
                // klog begins lines with the severity's letter.
                _ if start == 0 => byte,
                _ if digits < at - start => b'#',
                // Nothing, a server's error, a level of pino: numbers that tell good from bad.
                (1, b'0', _) => b'0',
                (3, b'5', _) => b'5',
                (2, b'5' | b'6', b'0') => b'L',
                _ => b'#',
            };
            hash = mix(mix(hash, 0), code);
        }
        behind = hash;
        since = 0;
    }
    hash ^ (hash >> 29)
}

/// Mixes in the word `line[start..end]`.
fn mix_word(mut hash: u64, line: &[u8], start: usize, end: usize) -> u64 {
    let mut at = start;
    while at < end {
        let bytes = match line.get(at..at + 8).and_then(|eight| <[u8; 8]>::try_from(eight).ok()) {
            Some(eight) => u64::from_le_bytes(eight),
            None => line
                .get(at..end)
                .unwrap_or_default()
                .iter()
                .rev()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        };
        let beyond = 64 - 8 * (end - at).min(8);
        let part = bytes << beyond >> beyond;
        hash = (hash ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 32;
        at += 8;
    }
    hash
}

/// `<30>` at the beginning of a line.
pub(super) fn priority(line: &[u8]) -> Option<u8> {
    let rest = line.strip_prefix(b"<")?;
    let end = rest.iter().take(4).position(|byte| *byte == b'>')?;
    std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok().filter(|priority| *priority < 192)
}

/// The words of a line as numbers, `SLOT` for what changes from line to line.
pub(super) fn words(line: &[u8]) -> Vec<u32> {
    let mut words: Vec<u32> = Vec::new();
    // Whether the last word is a slot that the next number or id belongs to.
    let mut open = false;
    let mut rest = line;
    while let Some(start) = rest.iter().position(|byte| class(*byte) >= LETTER) {
        let (between, at) = rest.split_at(start);
        let end = at.iter().position(|byte| class(*byte) < LETTER).unwrap_or(at.len());
        let (word, after) = at.split_at(end);
        rest = after;
        let joined = open && matches!(between, [sign] if joins(*sign));
        let slot = is_variable(word) || joined && (is_hex(word) || is_suffix(word));
        if slot && joined {
            continue;
        }
        open = slot;
        if words.len() == MOST_WORDS {
            break;
        }
        words.push(if slot { SLOT } else { number(word) });
    }
    words
}

/// The words that tell a kind from others, each once: to compare kinds with `are_alike`.
pub(super) fn telling(words: &[u32]) -> Vec<u32> {
    // A line of klog is told by its file and the beginning of its message, whatever is put into it.
    let words = match words {
        [SLOT, SLOT, SLOT, file, go, SLOT, ..] if *file != SLOT && *go == number(b"go") => {
            words.get(3..words.len().min(10)).unwrap_or(words)
        }
        _ => words,
    };
    let mut telling: Vec<u32> = words.iter().copied().filter(|word| *word != SLOT).collect();
    telling.sort_unstable();
    telling.dedup();
    telling
}

/// Whether two lines, as `telling` gave them, share so many words that one of them tells most of what the other does.
pub(super) fn are_alike(one: &[u32], other: &[u32]) -> bool {
    let longer = one.len().max(other.len());
    let shorter = one.len().min(other.len());
    if longer == 0 || shorter * 3 < longer * 2 {
        return longer == 0;
    }
    let (mut a, mut b, mut common) = (0, 0, 0);
    while let (Some(x), Some(y)) = (one.get(a), other.get(b)) {
        common += usize::from(x == y);
        a += usize::from(x <= y);
        b += usize::from(y <= x);
    }
    common * 3 >= longer * 2
}

/// A word as a number that is not `SLOT`.
fn number(word: &[u8]) -> u32 {
    let hash = word.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| mix(hash, *byte));
    #[expect(clippy::cast_possible_truncation, reason = "folded to half its width")]
    let folded = (hash ^ (hash >> 32)) as u32;
    folded.max(1)
}

fn is_variable(word: &[u8]) -> bool {
    word.iter().any(u8::is_ascii_digit)
        || word.len() >= 8 && is_hex(word)
        || matches!(
            word,
            b"Jan"
                | b"Feb"
                | b"Mar"
                | b"Apr"
                | b"May"
                | b"Jun"
                | b"Jul"
                | b"Aug"
                | b"Sep"
                | b"Oct"
                | b"Nov"
                | b"Dec"
                | b"Mon"
                | b"Tue"
                | b"Wed"
                | b"Thu"
                | b"Fri"
                | b"Sat"
                | b"Sun"
        )
}

fn is_hex(word: &[u8]) -> bool {
    word.iter().all(u8::is_ascii_hexdigit)
}

/// The five characters Kubernetes ends names with: no vowels, so that they make no words.
fn is_suffix(word: &[u8]) -> bool {
    word.len() == 5 && word.iter().all(|b| b.is_ascii_lowercase() && !b"aeiouy".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ids_and_times_are_slots_and_what_tells_a_severity_is_none() {
        for (one, other) in [
            ("2026-01-01T10:00:00.123Z took 12 ms", "2027-11-30T23:59:59Z took 4711 ms"),
            ("from 10.0.0.1:8080", "from 192.168.17.4:91"),
            ("id 0190c5d0-7b1c-4a3e-9b11-d1e2f3a4b5c6 ok", "id 123e4567-e89b-12d3-a456-426614174000 ok"),
            ("at 0xdeadbeef01  now", "at 0x00000001 now"),
        ] {
            assert_eq!(hash(one.as_bytes()), hash(other.as_bytes()), "{one}");
            assert_eq!(words(one.as_bytes()), words(other.as_bytes()), "{one}");
        }
        for (one, other) in [
            ("E0102 x", "I0102 x"),
            ("failed=0", "failed=3"),
            ("\" 200 12", "\" 503 12"),
            ("\"level\":30,", "\"level\":50,"),
            ("<3>x", "<6>x"),
            ("connection lost", "connection made"),
        ] {
            assert_ne!(hash(one.as_bytes()), hash(other.as_bytes()), "{one}");
        }
        let pods = ["pod payments-7d9f8b6c5-xk2lp up", "pod payments-7d9f8b6c5-xkqlp up"];
        assert_eq!(words(pods[0].as_bytes()), words(pods[1].as_bytes()));
    }
}
