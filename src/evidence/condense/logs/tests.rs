use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::super::{Condensed, Wanted, condense, condense_until};
use crate::evidence::tokens;
use crate::evidence::view::clip;

fn file(text: impl AsRef<[u8]>) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn condensed(raw: &Path, allowance: u64) -> Condensed {
    asked(raw, allowance, &[])
}

fn asked(raw: &Path, allowance: u64, words: &[&str]) -> Condensed {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    condense(raw, Wanted { allowance, words: &words }).unwrap()
}

fn has(got: &Condensed, part: &str) -> bool {
    got.lines.iter().any(|(_, text)| text.contains(part))
}

/// Tokens of notes, lines and gaps, as a view writes them.
fn tokens_of(got: &Condensed) -> u64 {
    let mut view = String::new();
    for note in &got.notes {
        let _ = writeln!(view, "({note})");
    }
    let mut next = 1;
    for (number, text) in &got.lines {
        if *number > next {
            let _ = writeln!(view, "      | … {} lines left out …", number - next);
        }
        let _ = writeln!(view, "{number} | {}", clip(text, got.longest));
        next = number + 1;
    }
    tokens::estimate(&view)
}

/// A log of `lines` healthy lines, with others in the place of some.
fn log(lines: u32, others: &[(u32, &str)]) -> String {
    let mut text = String::new();
    for n in 1..=lines {
        let time =
            format!("2026-01-01T{:02}:{:02}:{:02}.{:03}Z", n / 3600 % 24, n / 60 % 60, n % 60, n % 1000);
        let _ = match others.iter().find(|(at, _)| *at == n) {
            Some((_, other)) => writeln!(text, "{time} {other}"),
            None if n % 3 == 0 => {
                writeln!(text, "{time} INFO cache hit ratio 0.{} failed=0 error=null", n % 97)
            }
            None => writeln!(text, "{time} INFO request id={n:x} served in {} ms", n % 90),
        };
    }
    text
}

#[test]
fn a_small_output_is_shown_whole() {
    let got = condensed(file("a\nb\r\n\nlast").path(), 1_000);
    let texts: Vec<_> = got.lines.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["a", "b", "", "last"]);
    assert!(!got.left_out);
}

#[test]
fn the_one_error_in_the_middle_is_kept_with_its_neighbours_the_beginning_and_the_end() {
    let text = log(20_000, &[(9_871, "payment FATAL: password file missing")]);
    for allowance in [300, 1_000, 4_000] {
        let got = condensed(file(&text).path(), allowance);
        assert!(got.left_out);
        assert!(has(&got, "password file missing"), "{allowance}: {got:?}");
        assert!(tokens_of(&got) <= allowance, "{allowance}: {}", tokens_of(&got));
        assert!(got.lines.last().is_some_and(|(number, _)| *number == 20_000));
        if allowance > 300 {
            let numbers: Vec<u64> = got.lines.iter().map(|(number, _)| *number).collect();
            assert!([1, 9_870, 9_872].iter().all(|wanted| numbers.contains(wanted)), "{numbers:?}");
            assert!(got.notes[0].starts_with("20000 lines, 2026-01-01T00:00:01 to 2026-01-01T05:33:20; "));
            assert!(got.notes[0].contains("1 of them trouble in 1 lines"), "{:?}", got.notes);
        }
    }
}

#[test]
fn in_a_log_of_errors_only_the_rare_one_is_shown_and_the_common_one_is_counted() {
    let mut text = String::new();
    for n in 0..6_000 {
        let _ = match n {
            3_777 => writeln!(text, "10:00:00 ERROR lease of shard 4 is held by nobody"),
            _ => writeln!(text, "10:00:00 ERROR upstream 10.0.0.{} timed out after {n} ms", n % 250),
        };
    }
    let got = condensed(file(&text).path(), 500);
    assert!(has(&got, "held by nobody"), "{got:?}");
    assert!(
        got.notes.iter().any(|note| note.starts_with("like line 1: 5999 in all, last line 6000")),
        "{got:?}"
    );
}

#[test]
fn decisive_lines_without_a_word_of_trouble_are_shown() {
    let rare = log(20_000, &[(7_000, "INFO config pool.size set to 1 by deploy-bot")]);
    assert!(has(&condensed(file(&rare).path(), 1_000), "pool.size"));
    let word = log(20_000, &[(7_000, "INFO request id=order-99f3 served in 31 ms")]);
    let got = asked(file(&word).path(), 1_000, &["order-99f3"]);
    assert!(has(&got, "order-99f3"), "{got:?}");
    let mut late = log(12_000, &[]);
    for n in 0..2_000 {
        let _ = writeln!(late, "2026-01-01T23:00:00.000Z INFO waiting for lock {n}");
    }
    let got = condensed(file(&late).path(), 1_000);
    assert!(got.lines.iter().any(|(number, _)| *number == 12_001), "{got:?}");
    assert!(got.notes.iter().any(|note| note.contains("last quarter") && note.contains("12001")), "{got:?}");
}

#[test]
fn a_burst_is_told() {
    let mut text = log(4_000, &[(10, "WARN pool empty"), (3_990, "WARN pool empty")]);
    let at = text.match_indices('\n').nth(1_999).unwrap().0 + 1;
    text.insert_str(at, &"2026-01-01T00:33:20.000Z WARN pool empty\n".repeat(80));
    let got = condensed(file(&text).path(), 1_000);
    let note = got.notes.iter().find(|note| note.starts_with("like line 10: 82 in all")).unwrap();
    assert!(note.contains("last line 4070 at 2026-01-01T01:06:30, most of them in 19"), "{note}");
}

#[test]
fn stack_traces_stay_together_and_lose_their_middle() {
    let trace = format!(
        "ERROR order 7 failed\njava.lang.IllegalStateException: no pool\n{}\tat com.shop.Cart.pay(Cart.java:41)\n{}Caused by: java.net.ConnectException: Connection refused\n{}\t... 40 more",
        "\tat org.springframework.aop.Proxy.go(Proxy.java:1)\n".repeat(80),
        "\tat java.base/java.lang.Thread.run(Thread.java:1)\n".repeat(80),
        "\tat java.base/sun.nio.ch.Net.connect(Net.java:579)\n".repeat(40)
    );
    let text = log(5_000, &[(2_000, &trace)]);
    let got = condensed(file(&text).path(), 800);
    for part in
        ["order 7 failed", "IllegalStateException: no pool", "com.shop.Cart", "Caused by: java.net.Connect"]
    {
        assert!(has(&got, part), "{part}: {got:?}");
    }
    assert!(got.lines.iter().filter(|(_, text)| text.starts_with('\t')).count() < 12, "{got:?}");
    assert!(tokens_of(&got) <= 800);
}

#[test]
fn the_trouble_of_a_long_line_is_shown_where_it_stands() {
    let long = format!(
        "{{\"time\":1,\"ctx\":\"{}\",\"message\":\"lease lost: connection refused\"}}\n",
        "x y ".repeat(400)
    );
    let mut text = "{\"time\":1,\"message\":\"ok\"}\n".repeat(3_000);
    text.insert_str(26 * 1_500, &long);
    let got = condensed(file(&text).path(), 600);
    assert!(has(&got, "\"message\":\"lease lost: connection refused\""), "{got:?}");
    assert!(got.lines.windows(2).all(|pair| pair[0].0 <= pair[1].0));
}

#[test]
fn endless_lines_noise_and_blank_lines_are_bounded() {
    let mut endless = "x".repeat(3_000_000);
    endless.push_str("\nlast line error\n");
    let got = condensed(file(&endless).path(), 500);
    assert_eq!(got.lines.last().unwrap(), &(2, "last line error".to_owned()));
    let noise: Vec<u8> =
        (0..200_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect();
    for text in [noise, vec![b'\n'; 100_000], vec![0; 100_000], b"\r\n".repeat(50_000)] {
        let raw = file(text);
        let got = condensed(raw.path(), 500);
        assert!(tokens_of(&got) <= 500, "{}", tokens_of(&got));
        assert_eq!(got, condensed(raw.path(), 500));
    }
}

#[test]
fn an_interrupt_ends_the_reading_and_the_view_says_so() {
    let mut text = log(10, &[(3, "ERROR disk sda is gone")]);
    text.push_str(&"INFO x y z \n".repeat(2_000_000));
    let raw = file(text);
    let wanted = Wanted { allowance: 500, words: &[] };
    let got = condense_until(raw.path(), wanted, &AtomicBool::new(true)).unwrap();
    assert!(got.left_out && has(&got, "sda is gone"), "{got:?}");
    assert!(got.notes[0].contains(" lines, read only so far"), "{got:?}");
    assert!(got.lines.last().is_some_and(|(number, _)| *number < 1_900_000), "{got:?}");
}

proptest::proptest! {
    #[test]
    fn any_bytes_give_lines_in_order_within_the_allowance(bytes in proptest::collection::vec(0u8.., 0..4_000), allowance in 1u64..400) {
        let got = condensed(file(&bytes).path(), allowance);
        proptest::prop_assert!(got.lines.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        proptest::prop_assert!(tokens_of(&got) <= allowance || !got.left_out, "{} > {allowance}", tokens_of(&got));
    }

    #[test]
    fn any_mix_of_log_lines_stays_within_the_allowance(
        lines in proptest::collection::vec(proptest::sample::select(vec![
            "INFO all is well", "ERROR it is not 1234 5678", "Traceback (most recent call last):", "  File \"/a.py\", line 3, in f",
            "panic: x", "", "goroutine 1 [running]:", "\tat a.b.C(D.java:1)", "Caused by: x.Y: z", "ÄÖÜ €€€ ≤≥ 日本語のログ", "{\"level\":\"error\"}",
        ]), 0..600),
        allowance in 1u64..600,
    ) {
        let text = lines.join("\n");
        let got = condensed(file(&text).path(), allowance);
        let all: Vec<&str> = text.split('\n').collect();
        for (number, line) in &got.lines {
            let number = usize::try_from(*number).unwrap();
            proptest::prop_assert_eq!(all.get(number - 1), Some(&line.as_str()));
        }
        proptest::prop_assert!(tokens_of(&got) <= allowance || !got.left_out, "{} > {allowance}", tokens_of(&got));
    }
}
