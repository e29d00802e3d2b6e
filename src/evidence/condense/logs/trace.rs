//! Stack traces: which lines belong to one, and which of its frames tell something.

use std::sync::LazyLock;

use regex::bytes::Regex;

/// Lines of one trace that are looked at.
pub(super) const MOST_LINES: usize = 400;

/// A frame of Java, .NET, Node, Python, Go, Rust, Ruby or PHP, behind a prefix or not.
static FRAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?-u)^(?:.{0,160}?[\s\]])??(?:(?:\t| {2,})at \S|(?:\t| {2})File "[^"]+", line \d|(?:\t| {2,})\.\.\. \d+ (?:more|common)|\t\S+\.(?:go|s):\d+(?: \+0x| *$)|created by \S+|(?:\t| +)from \S+:\d+:in |#\d+ (?:0x|/|\{main))|^ {1,5}\d{1,3}: +(?:0x[0-9a-f]+ - )?[\w<{]|^#\d+ +0x"#,
    )
    .ok()
});
/// A line in the middle of a trace that begins a new part of it.
static HEAD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?-u)(?:^|[\s\]])(?:Caused by: |Suppressed: |Traceback \(most recent call last\)|goroutine \d+ \[|stack backtrace:|During handling of the above|The above exception was|\[signal |--- End of |--> |panic: |Exception in thread )|^(?:[\w$]+\.)*[\w$]*(?:Exception|Error|Panic)\b[:\s]",
    )
    .ok()
});
/// Frames of runtimes and libraries.
static LIBRARY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?-u)\b(?:java|javax|jdk|sun|jakarta|kotlin|scala|reactor|groovy|clojure)\.|com\.(?:sun|zaxxer|fasterxml|google)\.|org\.(?:springframework|apache|hibernate|eclipse|jboss|junit|postgresql|codehaus)\.|io\.(?:netty|undertow|vertx|grpc)\.|node:|node_modules|\(internal/|<anonymous>|site-packages|dist-packages|lib/python\d|/usr/lib/|/usr/local/(?:lib|go)/|\bSystem\.|Microsoft\.|runtime[./]|/go/pkg/mod/|\bstd::|\bcore::|alloc::|tokio::|rust_begin_unwind|__rust|/rustc/|cargo/registry|/gems/|/vendor/|\.\.\. \d+ ",
    )
    .ok()
});

fn found(pattern: &LazyLock<Option<Regex>>, line: &[u8]) -> bool {
    let line = line.get(..400).unwrap_or(line);
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(line))
}

/// A line that says nothing outside of its trace.
pub(super) fn is_frame(line: &[u8]) -> bool {
    found(&FRAME, line)
}

fn is_blank(line: &[u8]) -> bool {
    line.trim_ascii().is_empty()
}

fn is_indented(line: &[u8]) -> bool {
    line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) && !is_blank(line)
}

/// Which of the lines behind `anchor` belong to its stack trace, the telling ones first: heads and messages, then
/// frames of one's own code, then the frame a part begins with.
pub(super) fn telling(anchor: &[u8], after: &[&[u8]]) -> Vec<usize> {
    let (mut heads, mut own, mut first) = (Vec::new(), Vec::new(), Vec::new());
    // Python says what happened behind the frames; Go's frames have a line that is not indented.
    let mut python = contains(anchor, b"Traceback (most");
    let mut go = anchor.starts_with(b"goroutine ");
    let rust = contains(anchor, b"panicked at ");
    let mut frames_of_part = 0;
    for (at, line) in after.iter().enumerate().take(MOST_LINES) {
        if is_blank(line) {
            let goes_on =
                after.get(at + 1).is_some_and(|next| found(&HEAD, next) && !next.starts_with(b"panic: "));
            if !goes_on {
                break;
            }
            go = false;
            continue;
        }
        if found(&HEAD, line) {
            python = contains(line, b"Traceback (most");
            // Other goroutines than the one that failed tell little.
            if line.starts_with(b"goroutine ") && (go || frames_of_part > 0) {
                break;
            }
            go = line.starts_with(b"goroutine ");
            frames_of_part = 0;
            heads.push(at);
        } else if is_frame(line) || is_indented(line) || go {
            frames_of_part += 1;
            if frames_of_part <= 2 {
                first.push(at);
            } else if !found(&LIBRARY, line) {
                own.push(at);
            }
        } else if python {
            python = false;
            heads.push(at);
        } else if rust && at == 0 {
            heads.push(at);
        } else if !(rust && at == 1 && line.starts_with(b"note: ")) {
            break;
        }
    }
    own.sort_by_key(|at| is_library_pair(after, *at));
    [heads, first, own].concat()
}

/// In Go and Rust the place of a frame stands on the line behind it.
fn is_library_pair(after: &[&[u8]], at: usize) -> bool {
    after.get(at + 1).is_some_and(|next| is_indented(next) && found(&LIBRARY, next))
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(line, part).is_some()
}

#[cfg(test)]
mod tests {
    use super::telling;

    fn kept(trace: &str) -> Vec<String> {
        let lines: Vec<&[u8]> = trace.lines().map(str::as_bytes).collect();
        let (anchor, after) = lines.split_first().unwrap();
        telling(anchor, after).into_iter().map(|at| String::from_utf8_lossy(after[at]).into_owned()).collect()
    }

    #[test]
    fn causes_messages_and_own_frames_are_kept_of_each_language() {
        let java = format!(
            "10:00 ERROR request failed\njava.lang.IllegalStateException: pool\n{}\tat com.shop.Cart.pay(Cart.java:41)\n{}Caused by: java.net.ConnectException: refused\n\tat sun.nio.Net.x(Net.java)\n\t... 40 more\nnext line",
            "\tat org.springframework.aop.A.b(A.java:1)\n".repeat(60),
            "\tat java.base/java.lang.Thread.run(Thread.java:1)\n".repeat(60)
        );
        let got = kept(&java);
        assert_eq!(got[0], "java.lang.IllegalStateException: pool");
        assert_eq!(got[1], "Caused by: java.net.ConnectException: refused");
        assert!(got.iter().any(|line| line.contains("com.shop.Cart")), "{got:?}");
        assert!(got.len() < 10 && !got.contains(&"next line".to_owned()), "{got:?}");

        let python = "Traceback (most recent call last):\n  File \"/app/pay.py\", line 3, in pay\n    charge()\nValueError: no card\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"/app/x.py\", line 1, in <module>\n    pay()\nRuntimeError: payment\nINFO next";
        let got = kept(python);
        assert!(got.contains(&"ValueError: no card".to_owned()), "{got:?}");
        assert!(got.contains(&"RuntimeError: payment".to_owned()), "{got:?}");
        assert!(!got.contains(&"INFO next".to_owned()));

        let go = "panic: assignment to entry in nil map\n\ngoroutine 1 [running]:\nmain.fill(...)\n\t/app/main.go:8\nmain.main()\n\t/app/main.go:12 +0x1d\n\ngoroutine 7 [select]:\nother()\n";
        let got = kept(go);
        assert!(got.iter().any(|line| line.contains("/app/main.go:12")), "{got:?}");
        assert!(!got.iter().any(|line| line.contains("other")), "{got:?}");

        let node = "TypeError: x is undefined\n    at pay (/app/pay.js:3:1)\n    at node:internal/main:1:1\nlistening";
        assert_eq!(kept(node)[0], "    at pay (/app/pay.js:3:1)");
        let net = "System.InvalidOperationException: x\n ---> System.Net.Sockets.SocketException: refused\n   at Shop.Pay() in /src/Pay.cs:line 3\n   --- End of inner exception stack trace ---\nok";
        assert!(kept(net).iter().any(|line| line.contains("Shop.Pay")));
        let rust = "thread 'main' panicked at src/main.rs:4:5:\nno configuration\nstack backtrace:\n   0: rust_begin_unwind\n   1: core::panicking::panic_fmt\n   2: shop::main\n             at ./src/main.rs:4:5\nok";
        let got = kept(rust);
        assert_eq!(got[0], "no configuration");
        assert!(got.iter().any(|line| line.contains("shop::main")), "{got:?}");
    }
}
