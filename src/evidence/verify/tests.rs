use super::*;
use crate::answer::Verdict;
use crate::evidence::exhibit::Status;

fn exhibit(id: u32, path: &Path) -> Exhibit {
    Exhibit {
        id,
        call_id: format!("call_{id}"),
        tool: "host_logs".to_owned(),
        toolset: "host/logs".to_owned(),
        description: String::new(),
        params: serde_json::Map::new(),
        invocation: String::new(),
        status: Status::Success,
        exit_code: Some(0),
        error: None,
        seconds: 0.0,
        started_seconds: 0.0,
        bytes: 1,
        lines: 1,
        path: path.to_owned(),
        view: String::new(),
        condensed: false,
        summary: None,
        flagged: None,
    }
}

fn checked(raw: &str, finding: Finding) -> Finding {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), raw).unwrap();
    let redactor = Redactor::new([], &[]);
    let mut answer = Answer { findings: vec![finding], ..Answer::default() };
    verify(&mut answer, &[exhibit(1, file.path())], &redactor);
    answer.findings.remove(0)
}

fn quote(quote: &str) -> Finding {
    Finding { claim: "c".to_owned(), exhibit: 1, quote: quote.to_owned(), ..Finding::default() }
}

#[test]
fn a_quote_that_stands_is_found_with_its_lines() {
    let raw = "a\nOOM  killer:\tpid 12\n\u{1b}[31mrestart\u{1b}[0m now\nz\n";
    assert_eq!(checked(raw, quote("OOM killer: pid 12")).lines, Some((2, 2)));
    assert_eq!(checked(raw, quote("2 | OOM killer: pid 12\n3 | restart now")).lines, Some((2, 3)));
}

#[test]
fn an_invented_or_trivial_quote_is_not_verified() {
    assert!(!checked("all is well\n", quote("all is lost")).verified);
    assert!(!checked("all is well\n", quote("s")).verified);
    let elsewhere = Finding { exhibit: 7, ..quote("all is well") };
    assert!(!checked("all is well\n", elsewhere).verified);
}

#[test]
fn a_quote_is_found_behind_a_beginning_that_did_not_hold() {
    let raw = "retry\nretry\nretry\ngave up\n";
    assert_eq!(checked(raw, quote("retry\nretry\ngave up")).lines, Some((2, 4)));
    assert!(!checked(raw, quote("gave up\nretry")).verified);
}

#[test]
fn a_quote_of_a_line_that_was_cut_in_the_view_stands() {
    let raw = format!("FATAL: {}\n", "no space ".repeat(100));
    assert!(checked(&raw, quote("1 | FATAL: no space no space…")).verified);
    assert!(!checked(&raw, quote("…")).verified);
}

#[test]
fn colour_and_invisible_characters_inside_of_words_do_not_hide_a_quote() {
    assert!(checked("dis\u{1b}[31mk fu\u{200b}ll\r\n", quote("disk full")).verified);
    assert!(checked("disk\u{a0}full\n", quote("disk full")).verified);
}

#[test]
fn a_cited_line_without_end_becomes_a_short_quote() {
    let by_line = Finding { lines: Some((1, 1)), ..quote("") };
    assert!(checked(&"x".repeat(1 << 20), by_line).quote.len() < 5_000);
    let beyond = Finding { lines: Some((u64::MAX, u64::MAX)), ..quote("") };
    assert!(!checked("a\n", beyond).verified);
    let backwards = Finding { lines: Some((2, 1)), ..quote("") };
    assert!(!checked("a\nb\n", backwards).verified);
}

#[test]
fn a_citation_by_line_fills_in_the_quote() {
    let by_line = Finding { lines: Some((2, 2)), ..quote("") };
    let got = checked("a\nthe cause\nz\n", by_line);
    assert_eq!((got.quote.as_str(), got.verified), ("the cause", true));
}

#[test]
fn no_problem_is_not_concluded_from_nothing() {
    let mut answer = Answer { verdict: Verdict::NoProblem, ..Answer::default() };
    verify(&mut answer, &[], &Redactor::new([], &[]));
    assert_eq!(answer.verdict, Verdict::Inconclusive);
}

fn why(raw: &str, finding: Finding) -> String {
    checked(raw, finding).why.unwrap_or_default()
}

#[test]
fn what_fails_says_why() {
    let raw = "Reason: OOMKilled\nExit Code: 137\n";
    assert_eq!(why(raw, quote("Reason: Evicted")), "the quote is not in E1");
    assert_eq!(why(raw, Finding { exhibit: 9, ..quote("Reason") }), "E9 does not exist");
    assert_eq!(why(raw, Finding { exhibit: 0, ..quote("Reason: Evicted") }), "the quote is in no exhibit");
    assert_eq!(why(raw, quote("o")), "the quote is too short to prove anything");
    assert_eq!(why(raw, quote("")), "it quotes nothing of E1");
    let by_line = Finding { lines: Some((7, 7)), ..quote("") };
    assert_eq!(why(raw, by_line), "there is nothing on line 7 of E1");
    let wrong = Finding { claim: "it exited with 139".to_owned(), ..quote("Exit Code: 137") };
    assert_eq!(why(raw, wrong), "139 is not in the quoted lines");
    let right = Finding { claim: "it exited with 137 (E1, exit 0)".to_owned(), ..quote("Exit Code") };
    assert_eq!(checked(raw, right).why, None);
}

#[test]
fn whitespace_is_folded_over_the_ends_of_lines_too() {
    let raw = "a\nState: Terminated\n\n  Reason: OOMKilled\n  Exit Code: 137\nz\n";
    assert_eq!(checked(raw, quote("Reason: OOMKilled Exit Code: 137")).lines, Some((4, 5)));
    assert_eq!(checked(raw, quote("Terminated\nReason: OOMKilled")).lines, Some((2, 4)));
    assert_eq!(checked("one two three four\n", quote("one two\nthree four")).lines, Some((1, 1)));
    assert!(!checked(raw, quote("Exit Code: 137 Reason: OOMKilled")).verified);
}

#[test]
fn what_a_view_adds_to_lines_is_taken_off() {
    let raw = "first line\nsecond line\nthird line\nfourth line\n";
    for text in [
        "2 | second line",
        " 2 | second line\n 3 | third line",
        "2: second line",
        "7 | 2: second line",
        "…cond line",
        "... second lin...",
        "1 | first line\n  | … 2 lines left out …\n4 | fourth line",
        "first line\n...\nfourth line",
    ] {
        assert!(checked(raw, quote(text)).verified, "{text}");
    }
    assert!(!checked(raw, quote("first line … fourth line")).verified);
    assert!(!checked(raw, quote("2 | zecond line")).verified);
    // A number that stands in the output itself.
    assert!(checked("12: disk full\n", quote("12: disk full")).verified);
}

#[test]
fn the_cited_place_is_kept_where_the_words_stand_twice() {
    let raw = "retry\nfail\nretry\n";
    let second = Finding { lines: Some((3, 3)), ..quote("retry") };
    assert_eq!(checked(raw, second).lines, Some((3, 3)));
    let wrong = Finding { lines: Some((2, 2)), ..quote("retry") };
    assert_eq!(checked(raw, wrong).lines, Some((1, 1)));
}

#[test]
fn a_quote_out_of_a_copy_stands_in_it_or_in_the_original() {
    let folder = tempfile::tempdir().unwrap();
    let (raw, copied) = (folder.path().join("E1.out"), folder.path().join("E2.out"));
    std::fs::write(&raw, "a\nb\nthe disk is full\nlater\n").unwrap();
    std::fs::write(&copied, "3: the disk is full\n").unwrap();
    let mut copy = exhibit(2, &copied);
    copy.tool = "read_exhibit".to_owned();
    copy.params.insert("id".to_owned(), "E1".into());
    let exhibits = [exhibit(1, &raw), copy];
    let cited = |exhibit: u32, text: &str, lines| Finding { exhibit, lines, ..quote(text) };
    let mut answer = Answer {
        findings: vec![
            cited(2, "1 | 3: the disk is full", None),
            cited(1, "3: the disk is full", None),
            cited(2, "later", None),
            cited(2, "", Some((3, 3))),
            cited(1, "later", None),
            cited(1, "moon", None),
        ],
        ..Answer::default()
    };
    verify(&mut answer, &exhibits, &Redactor::new([], &[]));
    let got: Vec<_> = answer.findings.iter().map(|f| (f.verified, f.exhibit, f.lines)).collect();
    let expected = [
        (true, 2, Some((1, 1))),
        (true, 1, Some((3, 3))),
        (true, 1, Some((4, 4))),
        (true, 1, Some((3, 3))),
        (true, 1, Some((4, 4))),
        (false, 1, None),
    ];
    assert_eq!(got, expected);
    let mut misplaced = Answer { findings: vec![cited(1, "3: the disk", None)], ..Answer::default() };
    let exhibits = [exhibit(1, &copied), exhibit(2, &raw)];
    misplaced.findings[0].quote = "later".to_owned();
    verify(&mut misplaced, &exhibits, &Redactor::new([], &[]));
    assert_eq!(misplaced.findings[0].why.as_deref(), Some("the quote is not in E1 but in E2"));
}

#[test]
fn a_quote_with_a_replaced_secret_stands_where_the_secret_does() {
    let secret = ["correct", "horse", "battery"].join("-");
    let redactor = Redactor::new([("DB_PASSWORD", secret.as_str())], &[]);
    let file = tempfile::NamedTempFile::new().unwrap();
    let raw = format!("login with other failed\nlogin with {secret} failed\n");
    std::fs::write(file.path(), raw).unwrap();
    let shown = redactor.redact(&format!("login with {secret} failed"));
    let check = |text: &str| {
        let mut answer = Answer { findings: vec![quote(text)], ..Answer::default() };
        verify(&mut answer, &[exhibit(1, file.path())], &redactor);
        answer.findings.remove(0)
    };
    assert_eq!(check(&shown).lines, Some((2, 2)));
    assert!(!check("login with <secret:77> failed").verified);
}

#[test]
fn blocks_and_lines_of_any_length_are_searched() {
    let mut raw = "filler line without anything\n".repeat(100_000);
    raw.push_str("the needle stands here\n");
    assert_eq!(checked(&raw, quote("needle stands")).lines, Some((100_001, 100_001)));
    let mut raw = "x".repeat(3 << 20);
    raw.push_str(" the needle ");
    raw.push_str(&"y".repeat(2 << 20));
    raw.push_str("\nlast words\n");
    assert_eq!(checked(&raw, quote("the needle")).lines, Some((1, 1)));
    assert_eq!(checked(&raw, quote("last words")).lines, Some((2, 2)));
    let coloured = "\u{1b}[31mo\u{1b}[0mops no\n".repeat(60_000) + "\u{1b}[1mne\u{1b}[0medle\n";
    assert_eq!(checked(&coloured, quote("needle")).lines, Some((60_001, 60_001)));
}

#[test]
fn the_reading_may_move_to_another_thread() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "all is well\n").unwrap();
    let exhibits = [exhibit(1, file.path())];
    let mut answer = Answer { findings: vec![quote("all is well")], ..Answer::default() };
    let check = check(&answer, &exhibits);
    let checked = std::thread::spawn(move || check.read()).join().unwrap();
    conclude(&mut answer, &exhibits, &Redactor::new([], &[]), &checked, Counts::Claimed);
    assert!(answer.findings[0].verified);
}

#[test]
fn a_runbook_proves_nothing_whatever_it_says() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "exit code 137 means killed\n").unwrap();
    let runbook = Exhibit { toolset: "runbooks".to_owned(), ..exhibit(1, file.path()) };
    for id in [0, 1] {
        let finding = Finding { exhibit: id, ..quote("exit code 137 means killed") };
        let mut answer = Answer { findings: vec![finding], ..Answer::default() };
        verify(&mut answer, std::slice::from_ref(&runbook), &Redactor::new([], &[]));
        assert!(!answer.findings[0].verified, "{answer:?}");
    }
    let mut answer = Answer { findings: vec![quote("exit code 137 means killed")], ..Answer::default() };
    verify(&mut answer, &[runbook], &Redactor::new([], &[]));
    assert_eq!(answer.findings[0].why.as_deref(), Some("E1 is a runbook: advice, no evidence"));
}
