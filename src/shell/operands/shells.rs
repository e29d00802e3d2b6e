//! Where the program stands among the words of a shell, here or on another machine.

use super::{Judged, Language, Word, all, base, from, is_input, shell};

/// `sh -c program name arguments…`, `sh file`, or a program on the input.
pub(super) fn shells(words: &[Word], next: usize, judged: &mut Judged) {
    let mut commands = false;
    let mut at = next;
    while let Some(word) = words.get(at) {
        let option = word.text.starts_with(['-', '+']);
        if !option {
            break;
        }
        if !word.values.is_empty() {
            judged.programs.push((at, Language::Shell));
        }
        if word.text == "--" {
            at += 1;
            break;
        }
        let short = !word.text.starts_with("--");
        commands |= short && word.text.contains('c');
        at += 1;
        let takes = short && (word.text.contains('o') || word.text.contains('O'))
            || matches!(word.text.as_str(), "--rcfile" | "--init-file");
        at += usize::from(takes);
    }
    match words.get(at) {
        Some(program) => {
            judged.programs.push((at, Language::Shell));
            if !commands {
                judged.files.push((at, Language::Shell));
            }
            // An inner `eval "$1"` would run what is data here.
            let text = &program.text;
            if commands && !program.substituted && program.variables.is_empty() {
                judged.nested.push(at);
                if text.contains("$@") || text.contains("$*") {
                    from(words, at + 2, judged, 7);
                }
            } else if commands && (text.contains("eval") || text.contains("sh -") || text.contains("((")) {
                all(words, at + 1, Language::Shell, judged);
            }
        }
        None => judged.reads_program = Some(Language::Shell),
    }
    if !commands && words.iter().skip(next).any(|word| word.text == "-s" || is_input(word)) {
        judged.reads_program = Some(Language::Shell);
    }
}

/// Everything after the host is a command line for the shell over there.
pub(super) fn remote(words: &[Word], next: usize, judged: &mut Judged) {
    const TAKES: &str = "BbcDEeFIiJLlmOopQRSWw";
    let mut at = next;
    while let Some(word) = words.get(at).filter(|word| word.is_option()) {
        let takes = word.text.len() == 2 && word.text.ends_with(|c| TAKES.contains(c));
        // `-o ProxyCommand=…` runs a command here.
        if word.text.starts_with("-o") {
            judged.programs.push((at, Language::Shell));
            judged.programs.push((at + 1, Language::Shell));
        }
        at += 1 + usize::from(takes);
    }
    all(words, at + 1, Language::Shell, judged);
    let runs_shell = words.iter().skip(at + 1).any(|word| shell(base(&word.text)));
    if words.len() <= at + 1 || runs_shell {
        judged.reads_program = Some(Language::Shell);
    }
}

pub(super) fn environment(words: &[Word], next: usize, judged: &mut Judged, depth: usize) {
    let mut at = next;
    while let Some(word) = words.get(at) {
        let text = word.text.as_str();
        if text == "-S" || text.starts_with("--split-string") || text.starts_with("-S") {
            all(words, at, Language::Shell, judged);
            return;
        }
        if matches!(text, "-u" | "--unset" | "-C" | "--chdir") {
            at += 2;
        } else if word.is_option() || word.own().contains('=') {
            at += 1;
        } else if !word.values.is_empty() && text.contains('=') {
            judged.programs.push((at, Language::Environment));
            at += 1;
        } else {
            break;
        }
    }
    from(words, at, judged, depth + 1);
}
