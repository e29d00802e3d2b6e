use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(text: &str) -> Document {
    parse(text, "f.yaml").unwrap()
}

fn refused(text: &str) -> String {
    parse(text, "f.yaml").unwrap_err().to_string()
}

#[test]
fn untyped_data_reads_as_pyyaml_reads_it() {
    let text = "a: yes\nb: 0755\nc: 1.20\nd: ~\ne: 1e3\nf: 1_000\ng: 0x1f\nh: 'no'\ni: -4\nj: 10:30\nk: 1.5e+3\n\
                l: 08\nm: .inf\nn: =\no: 2024-01-01\np: 99999999999999999999\nq: [null]\nr: .\ns: 0b11\nt: +1\nu: -0o7\n";
    assert_eq!(
        read(text).node.to_json(),
        json!({"a": true, "b": 493, "c": 1.2, "d": null, "e": "1e3", "f": 1000, "g": 31, "h": "no", "i": -4,
               "j": "10:30", "k": 1500.0, "l": "08", "m": ".inf", "n": "=", "o": "2024-01-01",
               "p": 99_999_999_999_999_999_999f64, "q": [null], "r": ".", "s": 3, "t": 1, "u": "-0o7"})
    );
}

#[test]
fn typed_questions_get_the_text_as_written() {
    let node = read("version: 1.20\nswitch: off\nquoted: \"yes\"\nn: '12'\n").node;
    assert_eq!(node.get("version").unwrap().as_str().unwrap(), "1.20");
    assert_eq!(node.get("switch").unwrap().as_str().unwrap(), "off");
    assert!(!node.get("switch").unwrap().as_bool().unwrap());
    assert!(node.get("quoted").unwrap().as_bool().unwrap());
    assert_eq!(node.get("n").unwrap().as_i64().unwrap(), 12);
    let wrong = node.get("version").unwrap().as_bool().unwrap_err().about("enabled").to_string();
    assert_eq!(
        wrong,
        "f.yaml:1:10: `enabled` needs true or false, got the number 1.20\n1 | version: 1.20\n             ^"
    );
}

#[test]
fn the_last_of_equal_keys_wins_with_a_warning() {
    let document = read("a: 1\nb: 2\na: 3\n");
    assert_eq!(document.node.to_json(), json!({"a": 3, "b": 2}));
    let said: Vec<String> = document.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["f.yaml:3:1: `a` stands twice, this one counts (the other is on line 1)"]);
}

#[test]
fn anchors_and_merge_keys_work() {
    let text = "base: &b {x: 1, y: 2}\nmore: &m {y: 9, z: 3}\none:\n  <<: *b\n  y: 5\ntwo:\n  <<: [*b, *m]\nthree: *b\n";
    let node = read(text).node;
    assert_eq!(node.get("one").unwrap().to_json(), json!({"x": 1, "y": 5}));
    assert_eq!(node.get("two").unwrap().to_json(), json!({"x": 1, "y": 2, "z": 3}));
    assert_eq!(node.get("three").unwrap().to_json(), json!({"x": 1, "y": 2}));
    assert_eq!(read("'<<': 1\n").node.to_json(), json!({"<<": 1}));
}

#[test]
fn empty_and_odd_files() {
    for text in ["", "\n\n", "# only words\n", "---\n", "\u{feff}", "---\n...\n"] {
        assert!(read(text).node.is_null(), "{text:?}");
    }
    assert_eq!(read("\u{feff}a: 1\r\nb: 2\r\n").node.to_json(), json!({"a": 1, "b": 2}));
    assert_eq!(read("---\n---\na: 1\n").node.to_json(), json!({"a": 1}));
    let two = read("a: 1\n---\nb: 2\n");
    assert_eq!(two.node.to_json(), json!({"a": 1}));
    assert_eq!(two.warnings.len(), 1);
    assert_eq!(parse_all("a: 1\n---\nb: 2\n", "f").unwrap().len(), 2);
}

#[test]
fn broken_files_are_refused_with_place_and_line() {
    insta::assert_snapshot!(refused("a: 1\n\tb: 2\n"), @r"
    f.yaml:2:1: a tab indents this line, YAML needs spaces
    2 |  b: 2
        ^
    ");
    insta::assert_snapshot!(refused("a: [1, 2\nb: 3\n"), @r"
    f.yaml:2:2: invalid YAML: illegal placement of ':' indicator
    2 | b: 3
         ^
    ");
    insta::assert_snapshot!(refused("a: b: c\n"), @r"
    f.yaml:1:5: invalid YAML: mapping values are not allowed in this context: a text with `: ` in it needs quotes
    1 | a: b: c
            ^
    ");
    insta::assert_snapshot!(refused("a: \"x\n"), @r"f.yaml:2:1: invalid YAML: invalid indentation in multiline quoted scalar, is a quote left open above?");
    insta::assert_snapshot!(refused("a: *missing\n"), @r"
    f.yaml:1:4: invalid YAML: while parsing node, found unknown anchor: define it above with `&`, or quote a text that begins with `*`
    1 | a: *missing
           ^
    ");
    insta::assert_snapshot!(refused("a: &a [*a]\n"), @r"
    f.yaml:1:8: an alias stands inside the value it names
    1 | a: &a [*a]
               ^
    ");
    insta::assert_snapshot!(refused("? [1, 2]\n: 3\n"), @r"
    f.yaml:1:3: a key needs to be text, got a list
    1 | ? [1, 2]
          ^
    ");
    insta::assert_snapshot!(refused("a:\n  - 1\n b: 2\n"), @r"
    f.yaml:3:2: invalid YAML: while parsing a block mapping, did not find expected key
    3 |  b: 2
         ^
    ");
}

#[test]
fn templating_left_in_a_file_is_told_apart_from_broken_yaml() {
    insta::assert_snapshot!(refused("toolsets:\n  a:\n    url: {{ .Values.url }}\n"), @r"
    f.yaml:3:10: holds Helm templating (`{{ .Values.url }}`), not plain YAML: give the rendered file (`helm template`)
    3 |     url: {{ .Values.url }}
                 ^
    ");
    insta::assert_snapshot!(refused("toolsets:\n{{- if .Values.x }}\n  a: 1\n{{- end }}\n"), @r"
    f.yaml:2:1: holds Helm templating (`{{- if .Values.x }}`), not plain YAML: give the rendered file (`helm template`)
    2 | {{- if .Values.x }}
        ^
    ");
    insta::assert_snapshot!(refused("key: {{ env.TOKEN }}\n"), @r#"
    f.yaml:1:6: a value that begins with `{{` needs quotes: `"{{ env.TOKEN }}"`
    1 | key: {{ env.TOKEN }}
             ^
    "#);
}

#[test]
fn bombs_are_refused_in_bounded_time() {
    use std::fmt::Write;
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{},", level - 1).repeat(9);
        writeln!(bomb, "a{level}: &a{level} [{before}]").unwrap();
    }
    assert!(refused(&bomb).contains("expand to more than 32 MiB"), "{}", refused(&bomb));
    assert!(refused(&"[".repeat(100_000)).starts_with("f.yaml:1:"));
    assert!(refused(&"- ".repeat(100_000)).starts_with("f.yaml:1:"));
    assert!(refused(&"{a: ".repeat(100_000)).starts_with("f.yaml:1:"));
    assert!(refused(&"x".repeat(MAX_BYTES + 1)).contains("at most 16 MiB"));
}

#[test]
fn unknown_tags_are_a_warning() {
    let document = read("a: !Ref x\nb: !!str 12\nc: !thing {d: 1}\ne: !!int '7'\n");
    assert_eq!(document.node.to_json(), json!({"a": "x", "b": "12", "c": {"d": 1}, "e": 7}));
    let said: Vec<String> = document.warnings.iter().map(|w| w.message.clone()).collect();
    assert_eq!(said, ["unknown tag `!Ref` is ignored", "unknown tag `!thing` is ignored"]);
}

#[test]
fn places_of_keys_values_and_blocks() {
    let node = read("a:\n  b: |\n    first\n    second\n  c: x\n").node;
    let entries = node.get("a").unwrap().entries().unwrap();
    assert_eq!((entries[0].line, entries[0].column), (2, 3));
    assert_eq!((entries[1].value.line, entries[1].value.column), (5, 6));
    assert_eq!((entries[0].value.line, entries[0].value.column), (3, 5));
}

#[test]
fn bytes_that_are_not_utf8_are_named() {
    assert_eq!(
        decode(b"a: 1\nb: \xff\n", "f").unwrap_err().one_line(),
        "f:2:1: is not UTF-8 text: byte 0xff"
    );
    assert_eq!(decode(b"\x7fELF\0\0", "f").unwrap_err().one_line(), "f:1:1: is binary data, not YAML");
    let wide: Vec<u8> =
        [0xff, 0xfe].into_iter().chain("a: é".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(decode(&wide, "f").unwrap(), "a: é");
}

#[test]
fn near_names() {
    let known = ["prerequisites", "description", "url", "enabled"];
    assert_eq!(nearest("prerequisite", &known), Some("prerequisites"));
    assert_eq!(nearest("Enabeld", &known), Some("enabled"));
    assert_eq!(nearest("foo", &known), None);
    assert_eq!(nearest("", &known), None);
    assert_eq!(nearest("x", &[]), None);
}

proptest! {
    #[test]
    fn any_text_gets_an_answer(text in "[ \\-:{}\\[\\]*&!|>'\"#%@`,?a-c0-9\n\t\r\u{feff}é<~.]{0,120}") {
        match parse(&text, "f") {
            Ok(document) => { document.node.to_json(); }
            Err(error) => prop_assert!(error.line >= 1 && error.to_string().lines().count() <= 3, "{error}"),
        }
    }

    #[test]
    fn any_bytes_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(text) = decode(&bytes, "f") {
            let _ = parse_all(&text, "f");
        }
    }

    #[test]
    fn json_is_yaml(text in "[a-z\"\\\\ é\n:#{-]{0,20}", number in any::<i64>()) {
        let value = json!({"k": [text, number, null, true]});
        prop_assert_eq!(read(&value.to_string()).node.to_json(), value);
    }
}

#[test]
fn a_warning_is_one_line_whatever_the_file_says() {
    let warning = Warning::about_file("f.yaml", "unknown tag `a\nerror: forged`");
    assert_eq!(warning.to_string(), "f.yaml: unknown tag `a error: forged`");
}
