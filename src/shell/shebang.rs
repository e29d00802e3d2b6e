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

/// `script` with what a shell's own first line says about errors: `#!/bin/bash -eu` is `set -eu` before it. As many lines
/// as before, so that places in messages hold.
pub fn with_options(script: &str) -> String {
    let (first, rest) = script.split_once('\n').unwrap_or((script, ""));
    let option = first.strip_prefix("#!").and_then(|line| line.split_whitespace().last()).filter(|word| {
        // The rest is for interactive shells.
        let letters = word.strip_prefix('-').unwrap_or_default();
        !letters.is_empty() && letters.bytes().all(|letter| b"aefux".contains(&letter))
    });
    match option {
        Some(option) if interpreter(script).is_none() => format!("set {option} {first}\n{rest}"),
        _ => script.to_owned(),
    }
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

#[cfg(test)]
mod tests {
    use super::{interpreter, with_options};

    #[test]
    fn a_shell_keeps_its_options_and_other_scripts_their_interpreter() {
        for script in
            ["", "echo a", "#!", "#!/bin/sh\necho a\n", "#!/usr/bin/env bash\necho", "#!/bin/bash --login\nx"]
        {
            assert_eq!(with_options(script), script);
            assert_eq!(interpreter(script), None, "{script}");
        }
        assert_eq!(with_options("#!/bin/bash -eu\nfalse\n"), "set -eu #!/bin/bash -eu\nfalse\n");
        for (script, by) in [
            ("#!/usr/bin/env python3\nprint(1)\n", "/usr/bin/env python3"),
            ("#!/usr/bin/env -S python3 -u\nprint(1)", "/usr/bin/env python3 -u"),
            ("#!/usr/bin/perl -e\n1", "/usr/bin/perl -e"),
        ] {
            assert_eq!(interpreter(script).as_deref(), Some(by));
            assert_eq!(with_options(script), script);
        }
        // Nothing that a shell would read as more than words.
        assert_eq!(interpreter("#!/bin/x `id`\ny\n"), None);
    }
}
