use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

fn terminal(width: usize) -> Terminal {
    Terminal { tty: true, colour: false, live: true, unicode: true, width }
}

const ANSWER: &str = "\
# Root cause

The `payments` container is **OOMKilled**: its memory limit of 64Mi is below what the service needs at start ([docs](https://example.org/limits)).

## Evidence
- The kernel killed it: `Reason: OOMKilled` [E3:41]
  - exit code 137
    - third level that is long enough to be wrapped over two lines
  1. numbered in between
- last one

> quoted words that are long enough to need more than one line here
> - with a list

| pod | restarts |
|---|---:|
| payments-7f9c | 12 |
| 日本 | 0 |

---

1. Raise the limit:

   ```bash
   kubectl set resources deployment/payments -n shop --limits=memory=256Mi
   ```

2. Watch it

Not checked: metrics  
Not checked: traces
";

#[test]
fn an_answer_on_a_terminal() {
    assert_snapshot!(render(ANSWER, &terminal(60)), @"
# Root cause

The `payments` container is OOMKilled: its memory limit of
64Mi is below what the service needs at start (docs
(https://example.org/limits)).

## Evidence

• The kernel killed it: `Reason: OOMKilled` [E3:41]
  ◦ exit code 137
    ▪ third level that is long enough to be wrapped over two
      lines
  1. numbered in between
• last one

│ quoted words that are long enough to need more than one
│ line here
│
│ • with a list

pod            restarts
─────────────  ────────
payments-7f9c  12
日本           0

────────────────────────────────────────

1. Raise the limit:
     kubectl set resources deployment/payments -n shop --limits=memory=256Mi
2. Watch it

Not checked: metrics
Not checked: traces
");
}

#[test]
fn colours() {
    let terminal = Terminal { colour: true, ..terminal(24) };
    let shown = render("## Fix\nRun **now `kubectl get pods -n shop` or** later (unverified)\n", &terminal);
    assert_snapshot!(shown.replace('\u{1b}', "^"), @"
^[1mFix^[0m

Run ^[1mnow ^[36mkubectl get pods^[0m
^[1m^[36m-n shop^[0m^[1m or^[0m later
^[33m(unverified)^[0m
");
}

#[test]
fn a_pipe_gets_the_text_itself() {
    assert_eq!(render(ANSWER, &Terminal::plain()), ANSWER);
    assert_eq!(render("no line feed", &Terminal::plain()), "no line feed\n");
    assert_eq!(render("", &Terminal::plain()), "");
    assert_eq!(render("red\u{1b}[31m\r\n", &Terminal::plain()), "red\n");
}

#[test]
fn wide_tables_fit() {
    let text =
        "| name | message |\n|---|---|\n| a | a message that is far too long for the line it stands on |\n";
    assert_snapshot!(render(text, &terminal(40)), @"
name  message
────  ──────────────────────────────────
a     a message that is far too long for
      the line it stands on
");
}

#[test]
fn scripts_without_spaces_wrap() {
    let shown = render(&"日本語".repeat(20), &terminal(20));
    assert!(shown.lines().all(|line| textwrap::core::display_width(line) <= 20), "{shown}");
}

#[test]
fn blocks_come_as_soon_as_they_are_finished() {
    let mut stream = MarkdownStream::new(terminal(60));
    assert_eq!(stream.push("first par"), "");
    assert_eq!(stream.push("agraph\n\n"), "");
    assert_eq!(stream.push("second\n"), "first paragraph\n");
    assert_eq!(stream.finish(), "\nsecond\n");
    assert_eq!(stream.finish(), "");
}

#[test]
fn hostile_nesting_ends_quickly() {
    for unit in [">", "- ", "1. ", "*", "[", "`", "|a|\n|-|\n", "<b>", "> - ", "![](", "\\"] {
        let text = unit.repeat(20_000 / unit.len());
        let _ = render(&text, &terminal(40));
    }
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\n"),
        Just("\n\n"),
        Just("- "),
        Just("  - "),
        Just("    1. "),
        Just("```\n"),
        Just("# "),
        Just("**"),
        Just("`"),
        Just("> "),
        Just("| a | b |\n|---|---|\n"),
        Just("word "),
        Just("ümläut"),
        Just("日本 "),
        Just("~~~\n"),
        Just("  \n"),
        Just("---\n"),
        Just("[x](y) "),
        Just("\t"),
        Just("\u{1b}[31m"),
        Just("<b>"),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_split_gives_the_same(text in pieces(), size in 1usize..9, colour in any::<bool>(), tty in any::<bool>()) {
        let terminal = Terminal { tty, colour, ..terminal(30) };
        let mut stream = MarkdownStream::new(terminal);
        let mut out = String::new();
        let characters: Vec<char> = text.chars().collect();
        for chunk in characters.chunks(size) {
            out.push_str(&stream.push(&chunk.iter().collect::<String>()));
        }
        out.push_str(&stream.finish());
        prop_assert_eq!(out, render(&text, &terminal));
    }

    #[test]
    fn any_text_is_shown(text in any::<String>(), width in 0usize..200) {
        let _ = render(&text, &terminal(width));
    }

    /// Each word comes out once and in order, whatever marks stand around it.
    #[test]
    fn no_word_is_lost_or_doubled(marks in proptest::collection::vec(0usize..12, 0..40)) {
        const MARKS: [&str; 12] =
            [" ", "\n", "\n\n", "\n- ", "\n  - ", "\n# ", " **", "** ", " `", "` ", "\n> ", "\n```\n"];
        let mut text = String::new();
        let mut words = Vec::new();
        for (number, mark) in marks.iter().enumerate() {
            let word = format!("w{number}x");
            text.push_str(MARKS[*mark]);
            text.push_str(&word);
            words.push(word);
        }
        // The info string of a fence is not text.
        let text = text.replace("```\nw", "```\n\nw");
        let shown = render(&text, &terminal(50));
        let found: Vec<&str> = shown
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|part| part.starts_with('w') && part.ends_with('x'))
            .collect();
        prop_assert_eq!(found, words);
    }
}
