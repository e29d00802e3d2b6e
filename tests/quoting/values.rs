//! What a hostile model sends. Each value that shows itself does so by a file `canary` or a program `evil`.

use serde_json::Value;

/// Invalid UTF-8 cannot be in it: arguments come as JSON, which has none. What JSON can spell, a lone surrogate, is
/// refused by the reader; a server that replaces it sends U+FFFD, which is here.
pub(crate) fn hostile() -> Vec<String> {
    assert!(serde_json::from_str::<Value>(r#""\ud800""#).is_err());
    let mut values: Vec<String> = [
        "plain",
        "web-5fb864cfb8-bqzx9",
        "a b",
        "  lead and trail  ",
        "'",
        "''",
        "\"",
        "'\"'\"'",
        "\\",
        "\\\\",
        "a\\",
        "\\'",
        "\\\"",
        "\\n",
        "it's \"quoted\"",
        "'; : > canary; '",
        "\"; : > canary; \"",
        "; : > canary",
        "& : > canary &",
        "| evil",
        "|| evil",
        "&& evil",
        "\n: > canary\n",
        "\r\n: > canary\r\n",
        "a\nb\n\nc\n",
        "\n",
        "\t",
        "$(: > canary)",
        "$(evil)",
        "`: > canary`",
        "`evil`",
        "\"$(evil)\"",
        "'$(evil)'",
        "'\"$(: > canary)\"'",
        "${HOLMES_ARG_0}",
        "$HOME",
        "${x:=y}",
        "$((1+1))",
        "a[$(: > canary)]",
        "<(evil)",
        ">(evil)",
        "> canary",
        ">> canary",
        "2> canary",
        "< /etc/passwd",
        "<<EOF\n: > canary\nEOF",
        "EOF",
        "\nEOF\n: > canary\n",
        "\nEOF\nevil\ncat <<EOF\n",
        "END\nEOF\nE\n",
        "*",
        "?",
        "[a-z]*",
        "/*",
        "~",
        "~root",
        "{a,b}",
        "{1..9}",
        "!!",
        "!evil",
        "# evil",
        "-rf",
        "--help",
        "-",
        "--",
        "-e $(evil)",
        "--output=canary",
        "a -x",
        "=",
        "a=b",
        "PATH=.",
        ")",
        "(",
        "))",
        "}",
        "fi; evil",
        "done; evil",
        ";; esac; evil",
        "]] ; evil",
        "] || evil",
        "%s%n\\0",
        "{{ x }}",
        "{% if x %}",
        "{# x #}",
        "{{ ''.__class__ }}",
        "\u{e000}0\u{e001}",
        "\u{e002}1:0\u{e001}",
        "\u{fffd}",
        "\u{feff}bom",
        "\u{202e}\u{202d}rtl \u{5d0}\u{5d1}",
        "\u{1f980} crab \u{301}",
        "日本語",
        "\u{7f}\u{1b}[31m\u{7}\u{8}",
        "\u{85}\u{2028}",
        "system(\"evil\")",
        "1e evil",
        "qx,evil,",
        "eval",
        "42",
        "-5",
        "1.5",
        "0x1F",
        "true",
        "null",
        "a,b;c:d",
        "http://h:80/p?q=1&r=2#f",
    ]
    .map(str::to_owned)
    .into();
    values.push("y".repeat(40_000));
    values.push(format!("{}'$(evil)", "a ".repeat(3000)));
    values.push("\"'`$(evil)\n".repeat(300));
    assert!(values.len() >= 100);
    values
}

/// Those that no command can be given.
pub(crate) fn impossible() -> Vec<String> {
    vec!["a\0b".to_owned(), "\0".to_owned(), "x".repeat(200_000)]
}

pub(crate) fn is_plain(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b))
}

pub(crate) fn is_integer(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    !digits.is_empty() && digits.len() < 19 && digits.bytes().all(|b| b.is_ascii_digit())
}
