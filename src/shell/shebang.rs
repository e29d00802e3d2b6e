//! Scripts in another language than the shell's: `#!/usr/bin/env python3`.
//!
//! As in HolmesGPT such a script is written to a file and its interpreter runs it. A value that stands in its
//! text is program text there; what may not stand there is in the environment, by the parameter's name.

use serde_json::{Map, Value};

use super::lexer::Refusal;

/// Before the name of a parameter, in the environment of such a script.
const PARAMETER: &str = "HOLMES_PARAM_";

/// The command that runs a script of this text; `None` where a shell does, which is what runs all others.
pub(super) fn interpreter(text: &str) -> Option<String> {
    let line = text.strip_prefix("#!")?.lines().next()?;
    let words: Vec<&str> = line.split_whitespace().filter(|word| *word != "-S").collect();
    let base = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let program = words.iter().map(|word| base(word)).find(|word| word != "env" && !word.contains('='))?;
    let shell = matches!(program.as_str(), "sh" | "bash" | "dash" | "ash" | "");
    // What a shell would read as more than words is nobody's interpreter.
    let plain =
        words.iter().all(|word| word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./+=".contains(&b)));
    (!shell && plain).then(|| words.join(" "))
}

/// Shell text around a script that `interpreter` runs: before and after it.
pub(super) fn around(script: &str, interpreter: &str) -> (String, String) {
    let mut end = "HOLMES_END".to_owned();
    while script.contains(&end) {
        end.push('_');
    }
    let before = format!(
        "holmes_script=$(mktemp) || exit; trap 'rm -f \"$holmes_script\"' EXIT\ncat > \"$holmes_script\" <<'{end}'\n"
    );
    let line = if script.ends_with('\n') { "" } else { "\n" };
    (before, format!("{line}{end}\n{interpreter} \"$holmes_script\""))
}

/// The parameters as the script's environment has them.
pub(super) fn parameters(values: &Map<String, Value>) -> Vec<(String, String)> {
    let named = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let given = values.iter().filter(|(name, value)| named(name) && !value.is_null());
    given.map(|(name, value)| (format!("{PARAMETER}{name}"), text(value))).collect()
}

/// Whether a value may stand in the text of any language, quoted or not.
pub(super) fn admits(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.:/-".contains(&b))
}

/// What is said about a value that may not.
pub(super) fn refusal() -> Refusal {
    Refusal {
        value: 0,
        place: "in the text of a script that is no shell's".to_owned(),
        remedy: format!(
            "read it from the environment, which has every parameter: `os.environ[\"{PARAMETER}x\"]` in Python"
        ),
    }
}
