//! How often the line that decides is still in the view, over outputs of real programs: against plain head and tail
//! of the same size and against HolmesGPT's limit. `cargo test --test condensation -- --nocapture` prints the table.
//!
//! The numbers in docs come from here. Speed is printed, never asserted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test's own parts fail the test

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use holmes_rs::evidence::{Exhibit, Redactor, Status, Store, tokens, view};

#[path = "condensation/cases.rs"]
mod cases;
#[path = "condensation/cases_late.rs"]
mod cases_late;
#[path = "condensation/traffic.rs"]
mod traffic;

use cases::{Case, Output};
use traffic::Chance;

/// Tokens of one view.
const SIZES: [u64; 4] = [1_000, 2_000, 4_000, 8_000];
/// Share of the cases, in percent, that must keep their decisive lines at 2,000 tokens.
const KEPT_AT_2K: usize = 95;
/// Header, fence and words about gaps come on top of the allowance.
const FRAME: u64 = 150;
/// What a view may take beyond its allowance, in percent: tokens are estimates.
const TOLERANCE: u64 = 10;

/// All cases, each with the seed of its traffic.
fn all() -> impl Iterator<Item = (u64, &'static Case)> {
    (1..).zip(cases::CASES.iter().chain(cases_late::CASES))
}

fn output(case: &Case, seed: u64) -> Vec<u8> {
    let mut chance = Chance::new(seed);
    match &case.output {
        Output::Recorded => {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/condensation/recorded");
            let packed = std::fs::File::open(folder.join(format!("{}.gz", case.name))).expect(case.name);
            let mut bytes = Vec::new();
            flate2::read::GzDecoder::new(packed).read_to_end(&mut bytes).expect(case.name);
            bytes
        }
        Output::Made { heading, traffic, lines, at, passage, ending, between } => {
            let mut text = String::new();
            if !heading.is_empty() {
                let _ = writeln!(text, "{heading}");
            }
            for n in 0..*lines {
                if n == lines * at / 100 {
                    let _ = write!(text, "{}{between}", passage.trim_end_matches('\n'));
                }
                let _ = write!(text, "{}{between}", traffic(&mut chance, n));
            }
            text.push_str(ending);
            text.into_bytes()
        }
        Output::Noise(line) => {
            let mut noise = |kilobytes: u64| -> Vec<u8> {
                (0..kilobytes * 1024).map(|_| u8::try_from(chance.below(256)).unwrap()).collect()
            };
            [noise(120), format!("\n{line}\n").into_bytes(), noise(90)].concat()
        }
        Output::Wide { traffic, lines, passage } => {
            let mut text = String::from("\u{feff}");
            for n in 0..*lines {
                if n == lines / 2 {
                    let _ = writeln!(text, "{passage}\r");
                }
                let _ = writeln!(text, "{}", traffic(&mut chance, n));
            }
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        }
    }
}

fn exhibit(raw: &Path, bytes: &[u8]) -> Exhibit {
    Exhibit {
        id: 1,
        call_id: "call_1".to_owned(),
        tool: "tool".to_owned(),
        toolset: "test".to_owned(),
        description: String::new(),
        params: serde_json::Map::new(),
        invocation: String::new(),
        status: Status::Success,
        exit_code: Some(0),
        error: None,
        seconds: 0.0,
        bytes: bytes.len() as u64,
        lines: memchr::memchr_iter(b'\n', bytes).count() as u64
            + u64::from(bytes.last().is_some_and(|last| *last != b'\n')),
        path: raw.to_owned(),
        view: String::new(),
        condensed: false,
        summary: None,
        flagged: None,
        started_seconds: 0.0,
    }
}

/// The view a model gets.
fn ours(case: &Case, bytes: &[u8], allowance: u64) -> String {
    let folder = tempfile::tempdir().unwrap();
    let redactor = Rc::new(Redactor::new([], &[]));
    let mut store = Store::new(folder.path().to_owned(), "k7zq".to_owned(), redactor, allowance);
    store.look_for(case.question);
    let (_, raw) = store.allot();
    std::fs::write(&raw, bytes).unwrap();
    store.keep(exhibit(&raw, bytes)).expect(case.name).view
}

/// The beginning and the end, together as many tokens as the allowance.
fn head_and_tail(text: &str, allowance: u64) -> String {
    let (mut least, mut most) = (0, text.len().min(usize::try_from(allowance).unwrap() * 16));
    while least < most {
        let middle = (least + most).div_ceil(2);
        if tokens::estimate(&ends(text, middle)) <= allowance {
            least = middle;
        } else {
            most = middle - 1;
        }
    }
    ends(text, least)
}

/// What HolmesGPT leaves of a result above its limit (15 % of the window, at most 25,000 tokens): two characters for
/// each token of the limit, half of them from each end, less some 420 characters about where the rest was saved.
fn spilled(text: &str, allowance: u64) -> String {
    if tokens::estimate(text) <= allowance {
        return text.to_owned();
    }
    ends(text, usize::try_from(2 * allowance).unwrap().saturating_sub(420))
}

fn ends(text: &str, bytes: usize) -> String {
    if bytes >= text.len() {
        return text.to_owned();
    }
    let head = (0..=bytes / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let from = text.len() - (bytes - bytes / 2);
    let tail = (from..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    format!("{}\n{}", &text[..head], &text[tail..])
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn speed(bytes: usize, seconds: f64) -> f64 {
    bytes as f64 / 1e6 / seconds
}

#[allow(clippy::needless_pass_by_value)] // cloned for each line
fn keeps<'a>(case: &Case, lines: impl Iterator<Item = &'a str> + Clone) -> bool {
    case.decisive.iter().all(|wanted| lines.clone().any(|line| line.contains(wanted)))
}

#[test]
fn the_decisive_line_stays_in_the_view() {
    let mut kept = [[0; 3]; SIZES.len()];
    let mut missing = vec![Vec::new(); SIZES.len()];
    let mut too_long = Vec::new();
    // To look at: what a model would have seen.
    let views = Path::new(env!("CARGO_TARGET_TMPDIR")).join("condensation");
    std::fs::create_dir_all(&views).unwrap();
    let (mut read, mut seconds) = (0, 0.0);
    let cases = all().count();
    for (seed, case) in all() {
        let bytes = output(case, seed);
        let text = String::from_utf8_lossy(&bytes);
        if !matches!(case.output, Output::Wide { .. }) {
            assert!(keeps(case, text.lines()), "{}: the output itself has no such line", case.name);
        }
        for (at, size) in SIZES.iter().enumerate() {
            let start = Instant::now();
            let shown = ours(case, &bytes, *size);
            seconds += start.elapsed().as_secs_f64();
            read += bytes.len();
            let spent = tokens::estimate(&shown);
            std::fs::write(views.join(format!("{}.{size}.txt", case.name)), &shown).unwrap();
            if spent > size + size * TOLERANCE / 100 + FRAME {
                too_long.push(format!("{} takes {spent} of {size} tokens", case.name));
            }
            let seen = view::read_views(&shown);
            let lines: Vec<&str> =
                seen.iter().flat_map(|e| &e.lines).map(|(_, text)| text.as_str()).collect();
            if keeps(case, lines.iter().copied()) {
                kept[at][0] += 1;
            } else {
                missing[at].push(case.name);
            }
            kept[at][1] += usize::from(keeps(case, head_and_tail(&text, *size).lines()));
            kept[at][2] += usize::from(keeps(case, spilled(&text, *size).lines()));
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "shown, without decimals")]
    let share = |count: usize| format!("{:.0} %", 100.0 * count as f64 / cases as f64);
    println!("{cases} cases, {:.1} MB/s in this build", speed(read, seconds));
    println!("{:>8}{:>12}{:>16}{:>12}", "tokens", "holmes-rs", "head and tail", "HolmesGPT");
    for (size, [ours, ends, spilled]) in SIZES.iter().zip(kept) {
        println!("{size:>8}{:>12}{:>16}{:>12}", share(ours), share(ends), share(spilled));
    }
    for (size, names) in SIZES.iter().zip(&missing) {
        println!("missing at {size}: {}", names.join(", "));
    }
    assert!(too_long.is_empty(), "{too_long:#?}");
    assert!(cases >= 100);
    for (size, [ours, ends, spilled]) in SIZES.iter().zip(kept) {
        assert!(ours > ends && ours > spilled, "no better than a cut at {size} tokens");
    }
    assert!(kept[1][0] * 100 >= KEPT_AT_2K * cases, "{} of {cases} at 2,000", kept[1][0]);
}

/// The same output gives the same view, byte for byte.
#[test]
fn views_repeat_exactly() {
    for (seed, case) in all().step_by(9) {
        let bytes = output(case, seed);
        assert_eq!(ours(case, &bytes, 1_000), ours(case, &bytes, 1_000), "{}", case.name);
    }
}
