//! A script that names its interpreter, as shell text: `#!/usr/bin/env python3`. Not for running anything.
//!
//! Scripts of other products are files that the kernel starts, so their first line counts. Here the interpreter gets the
//! rest as a here-document on its stdin: the lexer knows what may stand in one, so a value never becomes program text.

/// Names of shells that read what bash reads.
const SHELLS: &[&str] = &["sh", "bash", "dash", "ash", "ksh"];

/// The end of the here-document, made longer where a script has such a line.
const END: &str = "HOLMES_END";

/// `script` itself, or shell text that gives it to the interpreter of its first line. As many lines up to its end, so that
/// places in messages hold.
pub fn interpreted(script: &str) -> String {
    let (first, rest) = script.split_once('\n').unwrap_or((script, ""));
    let Some(words) = first.strip_prefix("#!").and_then(words) else {
        return script.to_owned();
    };
    let program = words.iter().find(|word| !is_env(word) && **word != "-S");
    let Some(program) = program.and_then(|word| word.rsplit('/').next()) else {
        return script.to_owned();
    };
    if SHELLS.contains(&program) {
        // `#!/bin/bash -eu`: what it says about errors counts, the rest is for interactive shells.
        let options = words.last().filter(|word| {
            word.strip_prefix('-').is_some_and(|letters| {
                !letters.is_empty() && letters.bytes().all(|letter| b"aefux".contains(&letter))
            })
        });
        return match options {
            Some(options) => format!("set {options} {first}\n{rest}"),
            None => script.to_owned(),
        };
    }
    let mut end = END.to_owned();
    while rest.lines().any(|line| line == end) {
        end.push('_');
    }
    let gap = if rest.is_empty() || rest.ends_with('\n') { "" } else { "\n" };
    format!("{} - <<'{end}'\n{rest}{gap}{end}\n", words.join(" "))
}

/// The words of the line, when none of them means anything to a shell.
fn words(line: &str) -> Option<Vec<&str>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let plain =
        |word: &&str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte));
    (words.first().is_some_and(|word| word.starts_with('/')) && words.iter().all(plain)).then_some(words)
}

fn is_env(word: &str) -> bool {
    word.rsplit('/').next() == Some("env")
}

#[cfg(test)]
mod tests {
    use super::interpreted;

    #[test]
    fn another_interpreter_gets_the_script_and_a_shell_keeps_its_options() {
        let same = |script: &str| assert_eq!(interpreted(script), script);
        for script in
            ["", "echo a", "#!", "#!/bin/sh\necho a\n", "#!/usr/bin/env bash\necho", "#! relative\nx"]
        {
            same(script);
        }
        same("#!/bin/x `id`\ny\n");
        assert_eq!(interpreted("#!/bin/bash -eu\nfalse\n"), "set -eu #!/bin/bash -eu\nfalse\n");
        same("#!/bin/bash --login\nfalse\n");
        let python = "/usr/bin/env python3 - <<'HOLMES_END'\nprint(1)\nHOLMES_END\n";
        assert_eq!(interpreted("#!/usr/bin/env python3\nprint(1)\n"), python);
        assert_eq!(interpreted("#!/usr/bin/env python3\nprint(1)"), python);
        assert_eq!(
            interpreted("#!/usr/bin/awk -f\nHOLMES_END\n"),
            "/usr/bin/awk -f - <<'HOLMES_END_'\nHOLMES_END\nHOLMES_END_\n"
        );
    }
}
