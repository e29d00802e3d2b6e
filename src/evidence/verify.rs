//! Proves claims by code: a quote must stand in the raw bytes of the exhibit it cites, and the numbers of its claim
//! in the lines of the quote.
//!
//! White space and terminal codes are folded, nothing else: a quote is verified when its words stand in
//! the exhibit it cites, on one line or on consecutive lines.
//!
//! Reading a gigabyte takes a while, so the work has three steps: [`check`] gathers what to look for, [`Check::read`]
//! reads (it may move to another thread), [`conclude`] writes the outcome into the answer. [`verify`] does all three.

mod numbers;
mod search;
#[cfg(test)]
mod tests;
mod verdict;

use std::path::{Path, PathBuf};

use super::exhibit::Exhibit;
use super::lines::Lines;
use super::redact::Redactor;
use super::untrusted::visible;
use super::view::{self, clip};
use crate::answer::{Answer, Finding};
use search::{Part, TooLarge, fold};

pub use verdict::objections;

/// Bytes of one raw line that are kept for the check of numbers.
const LONGEST_KEPT: usize = 64 * 1024;
/// Characters of a cited line that become a quote.
const LONGEST_QUOTED: usize = 2_000;
/// Lines of a citation by number alone.
const MOST_CITED: u64 = 20;
/// Lines of one quote that are looked for.
const MOST_PARTS: usize = 60;
/// Bytes read to check one answer, some seconds of work; what is not reached stays unverified.
const READING: u64 = 8 << 30;
/// Bytes of other exhibits read to tell where a misplaced quote does stand.
const READING_ELSEWHERE: u64 = 64 << 20;
/// Shorter quotes (`0`, `no`) stand everywhere and prove nothing.
const SHORTEST_QUOTE: usize = 3;
/// Places tried where a quote names a replaced secret, which only the redactor knows.
const MOST_PLACES: usize = 32;

/// Sets `verified`, `why` and `lines` of every finding, and takes back a verdict or a confidence that the
/// evidence does not carry.
pub fn verify(answer: &mut Answer, exhibits: &[Exhibit], redactor: &Redactor) {
    let checked = check(answer, exhibits).read();
    conclude(answer, exhibits, redactor, &checked, Counts::Claimed);
}

/// What has to be looked for: owns all it needs, so that another thread can do it.
#[derive(Debug)]
pub struct Check {
    items: Vec<Item>,
}

/// What was found, finding by finding.
#[derive(Debug)]
pub struct Checked {
    items: Vec<Result<Vec<Place>, String>>,
}

#[derive(Debug)]
struct Item {
    /// The quote as folded lines, in runs that stand together; empty where a citation names lines alone.
    runs: Vec<Vec<String>>,
    masked: bool,
    /// No exhibit is cited: any may have it.
    anywhere: bool,
    lines: Option<(u64, u64)>,
    /// Where to look, in order.
    sources: Vec<Source>,
    /// What else could have it, to say so.
    others: Vec<Source>,
    /// Why nothing needs to be looked for.
    why: Option<String>,
}

#[derive(Debug, Clone)]
struct Source {
    id: u32,
    path: PathBuf,
    bytes: u64,
    /// What the header of the view says besides the raw output.
    said: String,
}

/// Where a quote stands.
#[derive(Debug)]
struct Place {
    exhibit: u32,
    /// `None` in the header.
    lines: Option<(u64, u64)>,
    /// The whole lines, as they are on disk.
    text: String,
}

/// Gathers what `answer` claims of `exhibits`.
#[must_use]
pub fn check(answer: &Answer, exhibits: &[Exhibit]) -> Check {
    Check { items: answer.findings.iter().map(|finding| item(finding, exhibits)).collect() }
}

fn item(finding: &Finding, exhibits: &[Exhibit]) -> Item {
    let id = finding.exhibit;
    let cited = exhibits.iter().find(|exhibit| exhibit.id == id);
    // Lines that `read_exhibit` copied stand in the original too.
    let original = cited.and_then(|copy| original(copy, exhibits));
    let advice = [cited, original].into_iter().flatten().any(Exhibit::is_advice);
    let exhibits: Vec<&Exhibit> = exhibits.iter().filter(|exhibit| !exhibit.is_advice()).collect();
    let mut sources: Vec<Source> = [cited, original].into_iter().flatten().map(source).collect();
    let others: Vec<Source> = if id == 0 {
        sources = exhibits.iter().copied().map(source).collect();
        Vec::new()
    } else {
        exhibits.iter().copied().filter(|one| sources.iter().all(|s| s.id != one.id)).map(source).collect()
    };
    let runs = runs_of(&finding.quote);
    let said: usize = runs.iter().flatten().map(|part| part.chars().count()).sum();
    let why = if advice {
        Some(format!("E{id} is a runbook: advice, no evidence"))
    } else if id != 0 && cited.is_none() {
        Some(format!("E{id} does not exist"))
    } else if finding.quote.trim().is_empty() {
        match (id, finding.lines) {
            (0, _) => Some("it cites no exhibit and quotes nothing".to_owned()),
            (_, None) => Some(format!("it quotes nothing of E{id}")),
            _ => None,
        }
    } else if said < SHORTEST_QUOTE {
        Some("the quote is too short to prove anything".to_owned())
    } else if runs.iter().map(Vec::len).sum::<usize>() > MOST_PARTS {
        Some(format!("a quote of more than {MOST_PARTS} lines is not looked for"))
    } else {
        None
    };
    let masked = finding.quote.contains("<secret:");
    Item { runs, masked, anywhere: id == 0, lines: finding.lines, sources, others, why }
}

fn source(exhibit: &Exhibit) -> Source {
    let mut said = exhibit.error.clone().unwrap_or_default();
    if exhibit.bytes == 0
        && let Some((_, ending)) = view::header(exhibit).rsplit_once(" · ")
    {
        // All that there is to quote of an output that is none.
        said = format!("{said}\n{ending}");
    }
    Source { id: exhibit.id, path: exhibit.path.clone(), bytes: exhibit.bytes, said }
}

/// The exhibit that `copy` shows lines of, where it is a copy.
pub(super) fn original<'a>(copy: &Exhibit, exhibits: &'a [Exhibit]) -> Option<&'a Exhibit> {
    if copy.tool != "read_exhibit" {
        return None;
    }
    let id = match copy.params.get("id")? {
        serde_json::Value::String(id) => {
            id.trim().trim_start_matches(['E', 'e', '[']).trim_end_matches(']').parse()
        }
        other => other.to_string().parse(),
    };
    let id: u32 = id.ok()?;
    exhibits.iter().find(|exhibit| exhibit.id == id && id < copy.id)
}

/// The quote as folded lines; what a view adds to lines is taken off, and where it left lines out a new run begins.
fn runs_of(quote: &str) -> Vec<Vec<String>> {
    let mut runs = vec![Vec::new()];
    for line in quote.lines() {
        let folded = fold(line);
        let folded = folded.trim_start_matches("| ");
        let gap = folded.starts_with('…') && folded.ends_with('…') && folded.contains(" left out")
            || matches!(folded, "…" | "...");
        if gap {
            runs.push(Vec::new());
            continue;
        }
        let part = part_of(folded);
        if let Some(run) = runs.last_mut().filter(|_| !part.is_empty()) {
            run.push(part.to_owned());
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// A folded line without the number of a view, which a copy of lines may have twice, and without the ellipses of a cut.
fn part_of(folded: &str) -> &str {
    let mut text = folded;
    while let Some(shorter) = without_number(text) {
        text = shorter;
    }
    loop {
        let before = text.len();
        text = text.trim_start_matches(['…', ' ']).trim_end_matches(['…', ' ']);
        text = text.strip_prefix("...").unwrap_or(text);
        text = text.strip_suffix("...").unwrap_or(text);
        if text.len() == before {
            return text;
        }
    }
}

fn without_number(line: &str) -> Option<&str> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = line.get(digits..).filter(|_| digits > 0)?;
    rest.strip_prefix(" | ").or_else(|| rest.strip_prefix(": ")).filter(|text| text.len() >= SHORTEST_QUOTE)
}

impl Check {
    /// Reads the exhibits. May take seconds where they are large; needs nothing of the run.
    #[must_use]
    pub fn read(self) -> Checked {
        let mut reading = READING;
        let mut elsewhere = READING_ELSEWHERE;
        Checked { items: self.items.iter().map(|item| look(item, &mut reading, &mut elsewhere)).collect() }
    }
}

fn look(item: &Item, reading: &mut u64, elsewhere: &mut u64) -> Result<Vec<Place>, String> {
    if let Some(why) = &item.why {
        return Err(why.clone());
    }
    let names = || {
        let cited = item.sources.iter().take(1).map(|source| format!("E{}", source.id));
        cited
            .chain((item.sources.len() > 1).then(|| "what it copies".to_owned()))
            .collect::<Vec<_>>()
            .join(" or ")
    };
    if item.runs.is_empty() {
        let (first, last) = item.lines.unwrap_or_default();
        let last = last.min(first.saturating_add(MOST_CITED));
        let place = item.sources.iter().find_map(|source| place(source, (first, last)));
        return place
            .filter(|place| place.text.trim().chars().count() >= SHORTEST_QUOTE)
            .map(|place| vec![place])
            .ok_or_else(|| format!("there is nothing on line {first} of {}", names()));
    }
    let mut large = false;
    for source in &item.sources {
        match stands(item, source, reading) {
            Ok(places) if places.is_empty() => {}
            Ok(places) => return Ok(places),
            Err(TooLarge) => large = true,
        }
    }
    if large && !item.anywhere {
        return Err(format!("{} is too large to be searched to its end", names()));
    }
    if item.anywhere {
        return Err("the quote is in no exhibit".to_owned());
    }
    let other = item.others.iter().find(|source| {
        source.bytes <= *elsewhere && stands(item, source, elsewhere).is_ok_and(|places| !places.is_empty())
    });
    Err(match other {
        Some(other) => format!("the quote is not in {} but in E{}", names(), other.id),
        None => format!("the quote is not in {}", names()),
    })
}

/// The places of a quote in one exhibit; more than one only where the redactor has to choose.
fn stands(item: &Item, source: &Source, reading: &mut u64) -> Result<Vec<Place>, TooLarge> {
    let claimed = item.lines.filter(|(first, _)| *first > 0).and_then(|(first, last)| {
        let last = last.clamp(first, first.saturating_add(MOST_PARTS as u64));
        let text = place(source, (first, last))?;
        let joined = fold(&text.text);
        // The same words may stand elsewhere, but these lines are meant.
        let all = item.runs.iter().flatten().all(|part| Part::new(part).stands_in(&joined));
        all.then_some(text)
    });
    if let Some(place) = claimed
        && !item.masked
    {
        return Ok(vec![place]);
    }
    let most = if item.masked { MOST_PLACES } else { 1 };
    let mut whole: Option<(u64, u64)> = None;
    let mut places = Vec::new();
    for run in &item.runs {
        let found = search::places(&source.path, run, most, reading)?;
        let Some((first, last)) = found.first().copied() else {
            places.clear();
            whole = None;
            break;
        };
        whole = Some(whole.map_or((first, last), |(from, to)| (from.min(first), to.max(last))));
        places = found;
    }
    if item.runs.len() > 1 {
        places = whole.into_iter().collect();
    }
    let mut places: Vec<Place> = places.into_iter().filter_map(|lines| place(source, lines)).collect();
    if places.is_empty() {
        let said = fold(&source.said);
        // The error line of the header is part of the view too, though not of the raw output.
        if !said.is_empty() && item.runs.iter().flatten().all(|part| Part::new(part).stands_in(&said)) {
            places.push(Place { exhibit: source.id, lines: None, text: source.said.clone() });
        }
    }
    Ok(places)
}

/// Lines of a source, without what terminals do not show; `None` where it has none of them.
fn place(source: &Source, lines: (u64, u64)) -> Option<Place> {
    let text = lines_of(&source.path, lines)?;
    Some(Place { exhibit: source.id, lines: Some(lines), text })
}

fn lines_of(raw: &Path, (first, last): (u64, u64)) -> Option<String> {
    let mut reader = Lines::open(raw).ok()?;
    reader.skip_to(first).ok()?;
    let mut lines = Vec::new();
    while let Ok(Some((number, line))) = reader.next(LONGEST_KEPT) {
        if number < first || number > last || lines.len() > MOST_PARTS {
            break;
        }
        lines.push(visible(&String::from_utf8_lossy(line)).trim_end().to_owned());
        if number == last {
            break;
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Whose the numbers of the claims are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// A model's: they must stand in the lines it quotes.
    Claimed,
    /// The rules' own: they counted lines.
    Counted,
}

/// Writes what was found into the answer, then holds its verdict and its confidence against that.
pub fn conclude(
    answer: &mut Answer,
    exhibits: &[Exhibit],
    redactor: &Redactor,
    checked: &Checked,
    counts: Counts,
) {
    let mut shown: Vec<String> = Vec::new();
    for (finding, found) in answer.findings.iter_mut().zip(&checked.items) {
        finding.verified = false;
        finding.why = None;
        shown.push(String::new());
        let place = match found {
            Ok(places) => places.iter().find(|place| is_shown(finding, place, redactor)),
            Err(why) => {
                finding.why = Some(why.clone());
                None
            }
        };
        let Some(place) = place else {
            finding
                .why
                .get_or_insert_with(|| "the quote names another secret than the output has".to_owned());
            if !finding.quote.trim().is_empty() {
                finding.lines = None;
            }
            continue;
        };
        if finding.quote.trim().is_empty() {
            // A citation by line number alone: the lines themselves are the quote.
            let lines: Vec<String> = place.text.lines().map(|line| clip(line, LONGEST_QUOTED)).collect();
            finding.quote = redactor.redact(&lines.join("\n"));
        }
        finding.exhibit = place.exhibit;
        finding.lines = place.lines;
        finding.verified = true;
        if let Some(shown) = shown.last_mut() {
            shown.push_str(&place.text);
        }
    }
    if counts == Counts::Claimed {
        check_numbers(answer, exhibits, &shown);
    }
    verdict::settle(answer, exhibits);
}

/// Whether the place has the secrets that the quote names.
fn is_shown(finding: &Finding, place: &Place, redactor: &Redactor) -> bool {
    if !finding.quote.contains("<secret:") {
        return true;
    }
    let lines: Vec<String> = place.text.lines().map(|line| redactor.redact(line)).collect();
    let text = fold(&lines.join(" "));
    runs_of(&finding.quote).iter().flatten().all(|part| text.contains(part.as_str()))
}

/// A claim that several quotes prove may take its numbers from any of them.
fn check_numbers(answer: &mut Answer, exhibits: &[Exhibit], shown: &[String]) {
    let evidence: Vec<(String, usize)> = answer
        .findings
        .iter()
        .map(|finding| {
            let together = || {
                answer
                    .findings
                    .iter()
                    .zip(shown)
                    .filter(|(other, _)| other.verified && other.claim == finding.claim)
            };
            let mut text = String::new();
            for (other, lines) in together() {
                text.push_str(lines);
                text.push('\n');
                text.push_str(&known_of(other.exhibit, exhibits));
            }
            (text, together().map(|(_, lines)| lines.lines().count()).sum())
        })
        .collect();
    for (finding, (evidence, quoted)) in answer.findings.iter_mut().zip(evidence) {
        if !finding.verified {
            continue;
        }
        // What the claim itself quotes stands there already.
        let claim = finding.claim.replace(finding.quote.trim(), " ");
        if let Some(number) = numbers::missing(&claim, &evidence, quoted) {
            finding.verified = false;
            finding.why = Some(format!("{number} is not in the quoted lines"));
        }
    }
}

/// Facts of an exhibit that its header shows.
fn known_of(id: u32, exhibits: &[Exhibit]) -> String {
    let Some(exhibit) = exhibits.iter().find(|exhibit| exhibit.id == id) else {
        return String::new();
    };
    let params = serde_json::Value::Object(exhibit.params.clone());
    let error = exhibit.error.as_deref().unwrap_or_default();
    format!(
        "{}\n{}\n{params}\n{error}\n{:.1} s\n",
        view::header(exhibit),
        exhibit.invocation,
        exhibit.seconds
    )
}
