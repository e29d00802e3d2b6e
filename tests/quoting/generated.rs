//! Shapes and values made up: words of many pieces inside commands inside commands; and the same argv as HolmesGPT's
//! rendering gives, where that is sound.

use std::process::{Command, Stdio};

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::bed::{alone, programs, rendered};
use super::values::{hostile, is_plain};

/// Shell text with a placeholder in it, and what it is for the program.
#[derive(Debug, Clone)]
struct Piece(&'static str, &'static str);

const PIECES: &[Piece] = &[
    Piece("{{ x }}", "@"),
    Piece("'{{ x }}'", "@"),
    Piece("\"{{ x }}\"", "@"),
    Piece("a", "a"),
    Piece("'it\"s $HOME `'", "it\"s $HOME `"),
    Piece("\"'\\$ \\` \\\\\"", "'$ ` \\"),
    Piece("' {{ x }} '", " @ "),
    Piece("\" '{{ x }}' \"", " '@' "),
    Piece("$'\\t{{ x }}'", "\t@"),
    Piece("\"$(printf %sz \"{{ x }}\")\"", "@z"),
    Piece("\"$(printf %sz '{{ x }}' # it's\n)\"", "@z"),
    Piece("\"$(printf '%s|' \"$(printf %sz {{ x }})\")\"", "@z|"),
    Piece("\"${NONE:-{{ x }}}\"", "@"),
    Piece("\"${NONE:-$(printf %sz '{{ x }}')}\"", "@z"),
    Piece("{{ 'k' ~ x }}", "k@"),
    Piece("{% if x %}{{ x }}{% endif %}", "@"),
    Piece("\\'", "'"),
    Piece("é\u{202e}", "é\u{202e}"),
    Piece("$((1+1))", "2"),
];

/// Around a command, marked `¤`.
const AROUND: &[&str] = &[
    "¤",
    "( ¤ )",
    "{ ¤; }",
    "if true; then ¤; fi",
    "if [ {{ x }} = '{{ x }}' ]; then ¤; fi",
    "[[ \"{{ x }}\" == {{ x }} ]] && ¤",
    "for i in 1; do ¤; done",
    "for i in {{ x }}; do ¤; done",
    "while :; do ¤; break; done",
    "case {{ x }} in\n  '{{ x }}') ¤ ;;\nesac",
    "case a in (b) ;; (a) ¤ ;; esac",
    "f() { ¤; }; f",
    "f() {\n  ¤\n}\nf {{ x }}",
    "true && ¤ || true",
    ": \"$( ¤ >&2)\"",
    "cat >/dev/null <<E\n'\" {{ x }} $(true)\nE\n¤",
    "cat >/dev/null <<-'E'\n\t'\" `\n\tE\n¤",
    "V={{ x }}; ¤",
    "# it's \"odd\n¤",
    "printf %s {{ x }} | { cat >/dev/null; ¤; }",
    "a=({{ x }} '{{ x }}'); ¤",
];

fn word() -> impl Strategy<Value = (String, String)> {
    proptest::collection::vec(proptest::sample::select(PIECES), 1..4).prop_map(|pieces| {
        let (mut template, mut is) = (String::from("="), String::from("="));
        for Piece(text, gives) in pieces {
            template.push_str(text);
            is.push_str(gives);
        }
        (template, is)
    })
}

fn value() -> impl Strategy<Value = String> {
    let odd = "[ -~\n\t'\"$`\\\\(){}\\[\\]*?~#;&|<>!é\u{202e}]{1,24}";
    let known = proptest::sample::select(hostile());
    prop_oneof![known.clone(), odd, (known.clone(), known).prop_map(|(one, other)| format!("{one}{other}"))]
        .prop_filter("longer than a word may be", |value| value.len() < 20_000)
}

fn with(value: &str) -> Map<String, Value> {
    Map::from_iter([("x".to_owned(), Value::from(value))])
}

/// What HolmesGPT puts in place of a value: `shlex.quote` of Python.
fn quoted(value: &str) -> String {
    if !value.is_empty() && is_plain(value) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', "'\"'\"'"))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |line, byte| format!("{line}{byte:02x}"))
}

fn pasted(path: &std::path::Path, text: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("timeout");
    command
        .args(["-s", "KILL", "60", "bash", "-c", text])
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", path.display()))
        .env("LC_ALL", "C.UTF-8");
    command
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    std::fs::read(folder.path().join("argv.log")).unwrap_or_default()
}

#[test]
fn made_up_shapes_with_made_up_values() {
    let Some(path) = programs(["prog", "evil"]) else { return };
    let shapes = (
        proptest::collection::vec(word(), 1..4),
        proptest::collection::vec(proptest::sample::select(AROUND), 0..4),
    );
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    let refused = std::cell::Cell::new(0);
    // Found by chance: the pattern of an arm was taken for `.`, which runs a file.
    assert!(
        rendered("case {{ x }} in\n  '{{ x }}') prog =' {{ x }} ' ;;\nesac", &with("{/"), &Map::new())
            .is_ok()
    );
    proptest::test_runner::TestRunner::new(config)
        .run(&(shapes, value()), |((words, around), value)| {
            let mut template =
                format!("prog {}", words.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(" "));
            let document = around.iter().position(|shape| shape.contains("<<"));
            if document.is_some_and(|at| around.iter().skip(at).any(|shape| shape.starts_with(": \"$("))) {
                // bash 5.2 itself loses count of the quotes in a here-document inside of a quoted command substitution,
                // whatever the values: what such a template means nobody can say.
                return Ok(());
            }
            for shape in around {
                template = shape.replace('¤', &template);
            }
            let Ok(case) = rendered(&template, &with(&value), &Map::new()) else {
                // Only what could be an option of `printf`, or of a word of an array, may be refused here.
                prop_assert!(value.starts_with('-'), "{template} refused {value:?}");
                refused.set(refused.get() + 1);
                return Ok(());
            };
            prop_assert!(!case.text.contains("evil") && !case.text.contains("canary"));
            let happened = alone(path.path(), &case);
            prop_assert!(happened.files.is_empty(), "{template}: {happened:?}");
            prop_assert_eq!(happened.calls.len(), 1, "{}: {:?}", template, happened);
            let is: Vec<Vec<u8>> = words.iter().map(|(_, is)| is.replace('@', &value).into_bytes()).collect();
            prop_assert_eq!(&happened.calls[0].args, &is, "{}", template);
            Ok(())
        })
        .unwrap();
    println!("{} of 300 refused for a leading dash", refused.get());
}

/// Bare, for every value: quoting as Python does is right there. Everywhere, for plain ones: pasting is right.
#[test]
fn the_same_arguments_as_holmesgpt_gives() {
    let Some(path) = programs(["prog"]) else { return };
    let bare = [
        "prog -- {{ x }}",
        "prog --name={{ x }} a{{ x }}b",
        "if true; then prog -- {{ x }} {{ x }}; fi",
        "prog -- \"$(printf %s {{ x }})\"",
    ];
    let plain = [
        "prog -- '{{ x }}' \"{{ x }}\" a'{{ x }}'",
        "prog -- \"$(echo '{{ x }}')\" `echo {{ x }}`",
        "cat <<EOF | xargs prog --\n{{ x }}\nEOF",
        "cat <<'EOF' | xargs prog --\n'{{ x }}'\nEOF",
        "sh -c 'prog -- \"{{ x }}\"'",
        "eval prog -- {{ x }}",
        "awk 'BEGIN { print \"{{ x }}\" }' | xargs prog --",
        "echo '{\"a\": \"{{ x }}\"}' | jq -r 'select(.a == \"{{ x }}\") | .a' | xargs prog --",
        "echo ab | sed 's|b|{{ x }}|' | xargs prog --",
        "echo a | perl -ne 'print \"$ENV{NONE}-{{ x }}\" if /a/' | xargs prog --",
        "prog -- a\\{{ x }} ${NONE:-{{ x }}} {b,{{ x }}}",
    ];
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() };
    let strategy = (value(), "[A-Za-z0-9_.:=%+][A-Za-z0-9_.:=%+-]{0,12}");
    proptest::test_runner::TestRunner::new(config)
        .run(&strategy, |(any, easy)| {
            let shapes =
                bare.iter().map(|shape| (shape, &any)).chain(plain.iter().map(|shape| (shape, &easy)));
            for (number, (shape, value)) in shapes.enumerate() {
                // A few of them each time.
                if (number + any.len() + easy.len()) % 3 != 0 {
                    continue;
                }
                let case = rendered(shape, &with(value), &Map::new());
                let Ok(case) = case else {
                    prop_assert!(
                        shape.contains("printf") || shape.contains("awk"),
                        "{}: {:?} {:?}",
                        shape,
                        value,
                        case
                    );
                    continue;
                };
                let ours = alone(path.path(), &case);
                let theirs = pasted(path.path(), &shape.replace("{{ x }}", &quoted(value)));
                let theirs = String::from_utf8(theirs).unwrap();
                let args: Vec<String> =
                    ours.calls.iter().flat_map(|call| call.args.iter()).map(|arg| hex(arg)).collect();
                let given: Vec<&str> = theirs.split_whitespace().skip(2).map(|part| &part[1..]).collect();
                prop_assert_eq!(args, given, "{} {:?}", shape, value);
            }
            Ok(())
        })
        .unwrap();
}
