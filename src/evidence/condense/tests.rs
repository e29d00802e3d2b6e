//! What holds for every kind: the allowance, the order, the words of the file, and that doubt means a log.

use std::fmt::Write as _;
use std::path::Path;

use super::{Condensed, Kind, LINE_FRAME, Wanted, condense};
use crate::evidence::tokens;

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

fn condensed(raw: &Path, allowance: u64, words: &[String]) -> Condensed {
    condense(raw, Wanted { allowance, words }).unwrap()
}

fn kind(text: &str) -> Kind {
    Kind::of(file(text.as_bytes()).path()).unwrap()
}

fn texts(text: &str, allowance: u64) -> Vec<String> {
    let got = condensed(file(text.as_bytes()).path(), allowance, &[]);
    got.lines.into_iter().map(|(_, text)| text).collect()
}

fn pods(rows: usize) -> String {
    let mut text = String::from("NAME          READY   STATUS    RESTARTS   AGE\n");
    for n in 0..rows {
        let _ = writeln!(text, "cart-{n:<6}   1/1     Running   0          {}d", 3 + n % 40);
    }
    text
}

#[test]
fn kinds_are_told_from_the_beginning() {
    assert_eq!(kind(&pods(9)), Kind::Table);
    assert_eq!(kind("{\"a\": [1, 2]}"), Kind::Json);
    assert_eq!(kind("warning: old client\n{\n  \"a\": 1\n}\n"), Kind::Json);
    assert_eq!(kind("{\"level\":\"info\"}\n{\"level\":\"info\"}\n"), Kind::Log);
    assert_eq!(kind("[2026-11-21 10:00:00] INFO start\n[2026-11-21 10:00:01] INFO go\n"), Kind::Log);
    let describe = "Name:         cart\nNamespace:    shop\nStatus:       Running\nContainers:\n  app:\n    Image:  a\n    State:  Running\n    Ready:  True\n  other:\n    Image:  b\n";
    assert_eq!(kind(describe), Kind::Document);
    assert_eq!(kind(&"INFO: served\n".repeat(50)), Kind::Log);
    assert_eq!(kind(&"level=info msg=\"a b\" took=3ms rows=3\n".repeat(50)), Kind::Log);
    assert_eq!(kind(&"Nov 21 10:00:00 web sshd[1]: Accepted key: a\n".repeat(50)), Kind::Log);
    assert_eq!(kind(""), Kind::Log);
    assert_eq!(kind("a b\0c"), Kind::Log);
}

#[test]
fn a_row_that_differs_is_shown_and_the_others_are_counted() {
    let mut text = pods(600);
    text.push_str("mail-1        0/1     Running   0          9d\n");
    text.push_str(&pods(600)[46..]);
    let got = condensed(file(text.as_bytes()).path(), 500, &[]);
    assert!(got.lines.iter().any(|(number, text)| *number == 602 && text.starts_with("mail-1")), "{got:?}");
    assert!(got.lines.first().is_some_and(|(number, text)| *number == 1 && text.starts_with("NAME")));
    assert!(got.notes.iter().any(|note| note == "READY: 1/1 ×1200, 0/1 ×1"), "{:?}", got.notes);
}

#[test]
fn parts_of_a_minified_line_stand_in_it_and_their_paths_are_told() {
    let pods: Vec<String> = (0..300)
        .map(|n| {
            let reason = if n == 211 { "OOMKilled" } else { "Completed" };
            format!(
                r#"{{"metadata":{{"name":"cart-{n}"}},"status":{{"phase":"Running","reason":"{reason}"}}}}"#
            )
        })
        .collect();
    let text = format!("{{\"items\":[{}]}}", pods.join(","));
    let got = condensed(file(text.as_bytes()).path(), 400, &[]);
    assert!(got.lines.iter().any(|(_, part)| part.contains(r#""reason":"OOMKilled""#)), "{got:?}");
    assert!(got.lines.iter().any(|(_, part)| part.contains(r#""name":"cart-211""#)), "{got:?}");
    for (number, part) in &got.lines {
        assert_eq!(*number, 1);
        assert!(text.contains(part.trim_matches('…')), "{part}");
    }
    assert!(got.notes.iter().any(|note| note.contains(".items[211].status.reason")), "{:?}", got.notes);
}

#[test]
fn json_that_is_cut_off_keeps_what_was_read_and_words_after_it_are_seen() {
    let mut text = String::from("[\n");
    for n in 0..400 {
        let _ = writeln!(text, "  {{\"id\": {n}, \"health\": \"{}\"}},", if n == 99 { "down" } else { "up" });
    }
    assert!(texts(&text, 300).iter().any(|line| line.contains("down")));
    let text =
        format!("{}\n]\nUnable to list all: connection refused\n", text.trim_end().trim_end_matches(','));
    assert!(texts(&text, 300).iter().any(|line| line.starts_with("Unable to list all")));
}

#[test]
fn a_variable_is_not_shown_without_its_name() {
    let mut json = String::from("{\"env\": [\n");
    let mut yaml = String::from("kind: Pod\nspec:\n  env:\n");
    for n in 0..300 {
        let value = if n == 200 { "hunter-error-2" } else { "plain" };
        let _ = writeln!(json, "  {{\n   \"name\": \"N{n}\",\n   \"value\": \"{value}\"\n  }},");
        let _ = writeln!(yaml, "  - name: N{n}\n    value: {value}\n    from: a\n    to: b");
    }
    for text in [json, yaml] {
        assert!(!texts(&text, 300).iter().any(|line| line.contains("hunter")), "{:?}", texts(&text, 300));
    }
}

#[test]
fn the_document_that_differs_comes_first_and_bookkeeping_last() {
    let mut text = String::new();
    for n in 0..200 {
        let replicas = if n == 120 { 0 } else { 3 };
        let _ = writeln!(
            text,
            "---\nkind: Deployment\nmetadata:\n  name: cart-{n}\n  uid: 0a-{n}\n  managedFields:\n  - manager: error-{n}\nspec:\n  replicas: {replicas}"
        );
    }
    let lines = texts(&text, 400);
    assert!(lines.iter().any(|line| line == "  replicas: 0"), "{lines:?}");
    assert!(lines.iter().any(|line| line == "  name: cart-120"), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("manager") || line.contains("uid")), "{lines:?}");
}

const BEGINNINGS: [&str; 6] = [
    "{\"items\":[{\"a\":1,\"b\":\"error\"},{\"a\":2},{\"a\":3}],\"x\":[[1,2],[3,4]],\"c\":{\"d\":null,\"e\":true},\"k\":\"",
    "[\n  {\n    \"status\": \"down\",\n    \"n\": 1\n  },\n  {\n    \"status\": \"up\",\n    \"n\": 2\n  },\n",
    "NAME          READY   STATUS    RESTARTS   AGE\na   1/1   Running   0   3d\nb   1/1   Running   0   3d\nc   0/1   Error   9   3d\nd   1/1   Running   0   3d\ne   1/1   Running   0   3d\n",
    " pid | state\n-----+------\n 1 | idle\n 2 | idle\n 3 | active\n 4 | idle\n 5 | idle\n",
    "Name:         cart\nNamespace:    shop\nStatus:       Running\nContainers:\n  app:\n    Image:  a\n    State:  Waiting\n      Reason:  CrashLoopBackOff\n    Ready:  True\n  other:\n    Image:  b\n",
    "",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(96))]

    #[test]
    fn any_bytes_give_lines_of_the_file_within_the_allowance(
        beginning in 0usize..6,
        bytes in proptest::collection::vec(0u8.., 0..6_000),
        text in "[\\[\\]{}:,\"a-c0-9 \n|]{0,2000}",
        allowance in 1u64..500,
    ) {
        let raw = [BEGINNINGS[beginning].as_bytes(), text.as_bytes(), &bytes].concat();
        let lines = memchr::memchr_iter(b'\n', &raw).count() as u64 + 1;
        let raw = file(&raw);
        let words = ["error".to_owned(), "aa".to_owned()];
        let got = condensed(raw.path(), allowance, &words);
        proptest::prop_assert!(got.lines.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        proptest::prop_assert!(got.lines.iter().all(|(number, _)| (1..=lines).contains(number)));
        let notes: u64 = got.notes.iter().map(|note| tokens::estimate(note) + LINE_FRAME).sum();
        proptest::prop_assert!(notes <= allowance);
        proptest::prop_assert_eq!(&got, &condensed(raw.path(), allowance, &words));
    }
}
