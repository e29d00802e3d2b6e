//! Chooses the lines of a log that a model sees when all of it does not fit.
//!
//! One pass over the file with bounded memory decides which line numbers are worth showing (the head,
//! the tail, and lines that look like trouble, one of each shape first), a second reads them. The raw
//! file is never changed, and never held in memory.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::whole::{cost, shown};
use super::{Condensed, LONGEST_CONDENSED, MARGIN, Wanted};
use crate::evidence::lines::Lines;
use crate::evidence::view::Line;

/// Troublesome lines remembered per pass: by far more than any view can hold.
const MOST_REMEMBERED: usize = 4_000;
/// Bytes searched at once.
const BLOCK: usize = 256 * 1024;

/// Words that mark a line as worth showing. Case is ignored; false hits cost a line, misses cost the cause.
static TROUBLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)error|fatal|panic|exception|fail|oom|killed|refused|timed? ?out|denied|traceback|caused by|critical|crit\b|emerg|alert\b|segfault|no space|cannot|can't|unable|not found|crash|evict|unhealthy|backoff|back-off|expired|exhaust|too many|deadlock|abort|corrupt|unreachable|invalid|warn|restart|throttl|conflict|exit(?:ed)? (?:code|status)|signal",
    )
    .ok()
});

/// Chooses lines of a log.
pub(super) fn condense(raw: &Path, wanted: Wanted<'_>) -> io::Result<Condensed> {
    let survey = Survey::take(raw, wanted.allowance)?;
    let lines = read_lines(raw, &survey.choose(wanted.allowance))?;
    Ok(Condensed { lines, longest: LONGEST_CONDENSED, left_out: true, ..Condensed::default() })
}

/// What one pass over the file found.
struct Survey {
    lines: u64,
    /// Estimated tokens of the first and last lines, in order.
    head: Vec<(u64, u64)>,
    tail: VecDeque<(u64, u64)>,
    /// Troublesome lines: number, tokens, and whether their shape was new.
    trouble: Vec<(u64, u64, bool)>,
}

impl Survey {
    fn take(raw: &Path, allowance: u64) -> io::Result<Self> {
        let keep = usize::try_from(allowance / 8).unwrap_or(1_000).clamp(4, 1_000);
        let mut head = Vec::new();
        let mut reader = Lines::open(raw)?;
        while head.len() < keep
            && let Some((number, line)) = reader.next(LONGEST_CONDENSED * 4)?
        {
            head.push((number, cost(line)));
        }
        let mut trouble = Vec::new();
        let mut shapes: HashMap<u64, u32> = HashMap::new();
        let lines = for_each_trouble(raw, |number, line| {
            if trouble.len() < MOST_REMEMBERED {
                let count = shapes.entry(shape(line)).or_default();
                *count += 1;
                if *count <= 3 {
                    trouble.push((number, cost(line), *count == 1));
                }
            }
        })?;
        let tail = last_lines(raw, keep)?;
        let numbers = (lines + 1).saturating_sub(tail.len() as u64)..=lines;
        let tail =
            numbers.zip(tail.iter().map(|line| cost(line))).filter(|(number, _)| *number > 0).collect();
        Ok(Self { lines, head, tail, trouble })
    }

    /// Line numbers within the allowance: trouble first (new shapes before repeated ones), then the tail, then the head.
    fn choose(&self, allowance: u64) -> Chosen {
        let mut chosen = Chosen { left: allowance, ..Chosen::default() };
        let reserved = allowance / 5;
        chosen.left = reserved;
        for (number, cost) in self.head.iter().take(self.head.len().min(3)) {
            chosen.add(*number, *cost);
        }
        for (number, cost) in self.tail.iter().rev() {
            if !chosen.add(*number, *cost) {
                break;
            }
        }
        chosen.left += allowance - reserved;
        for fresh in [true, false] {
            for (number, cost, new) in &self.trouble {
                if *new == fresh {
                    chosen.add(*number, *cost);
                }
            }
        }
        // Neighbours of trouble explain it; the nearest first.
        for distance in 1..=3 {
            for (number, cost, _) in self.trouble.iter().filter(|(_, _, new)| *new) {
                chosen.add_neighbour(number + distance, *cost);
                if let Some(before) = number.checked_sub(distance).filter(|n| *n > 0) {
                    chosen.add_neighbour(before, *cost);
                }
            }
        }
        let mut head = self.head.iter();
        let mut tail = self.tail.iter().rev();
        loop {
            let (first, last) = (head.next(), tail.next());
            if first.is_none() && last.is_none() {
                break;
            }
            let fits = [first, last].into_iter().flatten().all(|(number, cost)| chosen.add(*number, *cost));
            if !fits {
                break;
            }
        }
        chosen.numbers.retain(|number| *number <= self.lines);
        chosen
    }
}

#[derive(Default)]
struct Chosen {
    numbers: BTreeSet<u64>,
    left: u64,
    /// Lines whose cost is not known yet, and the tokens set aside for them.
    neighbours: BTreeSet<u64>,
    aside: u64,
}

impl Chosen {
    fn add(&mut self, number: u64, cost: u64) -> bool {
        if self.numbers.contains(&number) {
            return true;
        }
        if cost > self.left {
            return false;
        }
        self.left -= cost;
        self.numbers.insert(number);
        true
    }

    /// A line taken for as long as the one it stands next to.
    fn add_neighbour(&mut self, number: u64, cost: u64) {
        if !self.numbers.contains(&number) && self.add(number, cost) {
            self.neighbours.insert(number);
            self.aside += cost;
        }
    }
}

/// Calls `f` with number and bytes of each line that looks like trouble; returns the number of lines.
/// The pattern runs over large blocks, and lines without trouble are only counted.
fn for_each_trouble(raw: &Path, mut f: impl FnMut(u64, &[u8])) -> io::Result<u64> {
    let mut file = File::open(raw)?;
    let mut block = Vec::with_capacity(2 * BLOCK);
    let mut before = 0;
    loop {
        let read = file.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
        let end = if read == 0 { block.len() } else { memchr::memrchr(b'\n', &block).map_or(0, |at| at + 1) };
        // A line longer than four blocks is searched in pieces rather than held whole.
        let end = if end == 0 && block.len() >= 4 * BLOCK { block.len() } else { end };
        let (ready, _) = block.split_at(end);
        let count = |from: usize, to: usize| {
            ready.get(from..to).map_or(0, |part| memchr::memchr_iter(b'\n', part).count() as u64)
        };
        let mut counted = 0;
        while let Some(found) = TROUBLE.as_ref().and_then(|trouble| trouble.find_at(ready, counted)) {
            let start =
                memchr::memrchr(b'\n', ready.get(..found.start()).unwrap_or_default()).map_or(0, |at| at + 1);
            let rest = ready.get(found.start()..).unwrap_or_default();
            let stop = memchr::memchr(b'\n', rest).map_or(ready.len(), |at| found.start() + at);
            before += count(counted, start);
            f(before + 1, ready.get(start..stop).unwrap_or_default());
            if stop >= ready.len() {
                counted = start;
                break;
            }
            before += 1;
            counted = stop + 1;
        }
        before += count(counted, ready.len());
        let unfinished = read == 0 && ready.last().is_some_and(|last| *last != b'\n');
        block.drain(..end);
        if read == 0 {
            return Ok(before + u64::from(unfinished));
        }
    }
}

/// The last lines of the file, at most `keep` of them, as far as one block from the end holds them.
fn last_lines(raw: &Path, keep: usize) -> io::Result<Vec<Vec<u8>>> {
    let mut file = File::open(raw)?;
    let size = file.metadata()?.len();
    let from = size.saturating_sub(BLOCK as u64);
    file.seek(SeekFrom::Start(from))?;
    let mut end = Vec::new();
    file.take(BLOCK as u64).read_to_end(&mut end)?;
    if end.last() == Some(&b'\n') {
        end.pop();
    }
    let mut lines: Vec<Vec<u8>> = end.rsplit(|byte| *byte == b'\n').take(keep).map(<[u8]>::to_vec).collect();
    lines.reverse();
    Ok(lines)
}

/// The shape of a line: digits, hex and quoted parts blurred, so that repeats of one message are one shape.
fn shape(line: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    let mut in_number = false;
    for byte in line.iter().take(300) {
        if byte.is_ascii_digit() {
            if !in_number {
                hasher.write_u8(b'#');
            }
            in_number = true;
        } else if !(in_number && byte.is_ascii_hexdigit()) {
            in_number = false;
            hasher.write_u8(*byte);
        }
    }
    hasher.finish()
}

/// The chosen lines; of neighbours those that the tokens set aside for them can pay.
fn read_lines(raw: &Path, chosen: &Chosen) -> io::Result<Vec<Line>> {
    let mut lines = Vec::new();
    let mut reader = Lines::open(raw)?;
    let mut aside = chosen.aside;
    for wanted in &chosen.numbers {
        reader.skip_to(*wanted)?;
        let Some((number, line)) = reader.next(LONGEST_CONDENSED * 4 + MARGIN)? else {
            break;
        };
        if chosen.neighbours.contains(wanted) {
            let cost = cost(line);
            if cost > aside {
                continue;
            }
            aside -= cost;
        }
        lines.push((number, shown(line, LONGEST_CONDENSED + MARGIN)));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::super::{Condensed, LINE_FRAME, Wanted, condense};
    use super::*;
    use crate::evidence::tokens;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn condensed(raw: &Path, allowance: u64) -> Condensed {
        condense(raw, Wanted { allowance, words: &[] }).unwrap()
    }

    #[test]
    fn a_small_output_is_shown_whole() {
        let got = condensed(file("a\nb\r\n\nlast").path(), 1_000);
        let texts: Vec<_> = got.lines.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["a", "b", "", "last"]);
        assert!(!got.left_out);
    }

    #[test]
    fn the_one_error_in_the_middle_of_a_long_log_is_kept() {
        let mut text = String::new();
        for n in 0..20_000 {
            use std::fmt::Write;
            if n == 9_871 {
                text.push_str("2026-01-01 payment FATAL: password file missing\n");
            }
            let _ = writeln!(text, "2026-01-01 request {n} served in {} ms", n % 90);
        }
        let got = condensed(file(&text).path(), 1_000);
        assert!(got.left_out);
        assert!(got.lines.contains(&(9_872, "2026-01-01 payment FATAL: password file missing".to_owned())));
        let spent: u64 = got.lines.iter().map(|(_, text)| tokens::estimate(text) + LINE_FRAME).sum();
        assert!(spent <= 1_100, "{spent}");
        assert!(got.lines.first().is_some_and(|(number, _)| *number == 1));
        assert!(got.lines.last().is_some_and(|(number, _)| *number == 20_001));
    }

    #[test]
    fn a_rare_error_is_not_drowned_by_a_frequent_one() {
        let mut text = "error: upstream 17 slow\n".repeat(5_000);
        text.insert_str(24 * 2_500, "panic: index out of range\n");
        let got = condensed(file(&text).path(), 400);
        assert!(got.lines.iter().any(|(_, text)| text.starts_with("panic")));
    }

    #[test]
    fn neighbours_longer_than_the_line_they_explain_do_not_break_the_allowance() {
        use std::fmt::Write;
        let mut text = String::new();
        for n in 0..3_000u32 {
            let word: String = n.to_string().bytes().map(|b| char::from(b + 49)).collect();
            let _ = writeln!(text, "fail {word}\n{}", "a b c ".repeat(100));
        }
        let got = condensed(file(&text).path(), 2_000);
        let spent: u64 = got.lines.iter().map(|(_, text)| cost(text.as_bytes())).sum();
        assert!(spent <= 2_100, "{spent}");
    }

    #[test]
    fn one_endless_line_and_binary_noise_are_bounded() {
        let got = condensed(file(&"x".repeat(3_000_000)).path(), 500);
        assert!(got.lines.iter().map(|(_, text)| text.len()).sum::<usize>() < 6_000);
        let noise = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            noise.path(),
            (0..200_000u32).map(|n| (n * 7919).to_le_bytes()[0]).collect::<Vec<_>>(),
        )
        .unwrap();
        condensed(noise.path(), 500);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_give_lines_in_order_within_the_file(bytes in proptest::collection::vec(0u8.., 0..4_000), allowance in 1u64..300) {
            let raw = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(raw.path(), &bytes).unwrap();
            let got = condensed(raw.path(), allowance);
            proptest::prop_assert!(got.lines.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }
}
