//! Paths that are secret whatever reads them, as a word of a command may name them.

/// A path that holds credentials. `~/x` is meant in everybody's home, and relative to it; `**` is any folders, a leading one
/// too; `*` anything within a name.
#[derive(Debug, Clone)]
pub(super) struct SecretPath {
    pub path: String,
    pub because: String,
}

/// Why `word` names a secret path. `cwd` is where the command stands, if that is known.
pub(super) fn secret<'a>(word: &str, cwd: &[String], known: &'a [SecretPath]) -> Option<&'a SecretPath> {
    candidates(word).iter().filter(|candidate| candidate.len() <= LONGEST).find_map(|candidate| {
        let places = places(candidate, cwd);
        known.iter().find(|one| places.iter().any(|path| is_match(&one.path, path)))
    })
}

/// Bytes of a path that a system opens.
const LONGEST: usize = 4096;

/// The path as it is written, and from each folder where the command may stand.
fn places(path: &str, cwd: &[String]) -> Vec<Vec<String>> {
    let mut all = vec![normal(path)];
    if !path.starts_with(['/', '~']) {
        all.extend(cwd.iter().map(|cwd| normal(&format!("{cwd}/{path}"))));
    }
    all
}

/// Whether a file with credentials may stand below the folder `word`.
pub(super) fn holds_secrets(word: &str, cwd: &[String], known: &[SecretPath]) -> bool {
    if word.len() > LONGEST {
        return false;
    }
    let places = if word.starts_with(['/', '~']) || cwd.is_empty() {
        vec![normal(word)]
    } else {
        cwd.iter().map(|cwd| normal(&format!("{cwd}/{word}"))).collect()
    };
    places.iter().any(|path| is_above(&path.iter().map(String::as_str).collect::<Vec<_>>(), known))
}

fn is_above(path: &[&str], known: &[SecretPath]) -> bool {
    match path {
        // Homes, and what people put beside the system.
        ["/"]
        | ["/", "home" | "root" | "Users" | "opt" | "srv"]
        | ["/", "home" | "Users", _]
        | ["..", ..] => return true,
        [home] if home.starts_with('~') => return true,
        // Another machine's files.
        ["/", "mnt" | "media" | "host" | "hostfs" | "rootfs" | "hostroot", rest @ ..] => {
            let below: Vec<&str> = ["/"].iter().chain(rest).copied().collect();
            return is_above(&below, known);
        }
        _ => {}
    }
    known.iter().any(|one| {
        if let Some(home) = one.path.strip_prefix("~/") {
            let home = parts(home);
            (0..path.len()).any(|from| path.get(from..).is_some_and(|tail| begins(&home, tail)))
        } else if one.path.starts_with('/') {
            path.first() == Some(&"/") && path.get(1..).is_some_and(|path| begins(&parts(&one.path), path))
        } else {
            false
        }
    })
}

/// Whether the pattern may name something at or below `path`.
fn begins(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (_, None) | (Some((&"**", _)), _) => true,
        (None, Some(_)) => false,
        (Some((first, pattern)), Some((name, path))) => {
            super::book::glob_matches(first, name) && begins(pattern, path)
        }
    }
}

/// What of a word may be a path: all of it, and what stands behind `=`, `@`, `:`, `,`, or from a `/` or `~` on.
fn candidates(word: &str) -> Vec<&str> {
    // A word with a thousand colons is no path that anybody reads.
    const MOST: usize = 64;
    let mut found = vec![word];
    for (at, c) in word.char_indices() {
        if matches!(c, '=' | '@' | ':' | ',' | ' ' | '\n' | '"' | '\'' | '<') {
            found.extend(word.get(at + 1..));
        }
        if found.len() > MOST {
            break;
        }
    }
    found.extend(word.find(['/', '~']).and_then(|at| word.get(at..)));
    // `a:b` is two.
    let mut cut = Vec::new();
    for one in &found {
        cut.extend(one.find([':', ',', ' ', '"', '\'', ')']).and_then(|at| one.get(..at)));
    }
    found.extend(cut);
    found
}

/// Without empty parts, `.` and `..`.
fn normal(path: &str) -> Vec<String> {
    let mut parts: Vec<&str> = Vec::new();
    let path = path.strip_prefix("file://").unwrap_or(path);
    if path.starts_with('/') {
        parts.push("/");
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.last().is_some_and(|last| *last != "/" && *last != "..") {
                    parts.pop();
                } else if parts.is_empty() {
                    parts.push("..");
                }
            }
            other => parts.push(other),
        }
    }
    parts.into_iter().map(str::to_owned).collect()
}

fn is_match(pattern: &str, path: &[String]) -> bool {
    // Most words share no name with a pattern: told apart before anything is taken apart.
    let start = pattern.trim_start_matches("~/").trim_start_matches("**/");
    let name = start.split('/').find(|part| !part.is_empty()).unwrap_or_default();
    if !path.iter().any(|part| super::book::glob_matches(name, part)) {
        return false;
    }
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    if let Some(rest) = pattern.strip_prefix("~/") {
        let rest = parts(rest);
        // Everybody's home, and relative paths: where they begin is not known.
        return (0..path.len()).any(|from| path.get(from..).is_some_and(|tail| parts_match(&rest, tail)));
    }
    if let Some(rest) = pattern.strip_prefix("**/") {
        let rest = parts(rest);
        return (0..path.len()).any(|from| path.get(from..).is_some_and(|tail| parts_match(&rest, tail)));
    }
    let mut all = parts(pattern);
    if pattern.starts_with('/') {
        all.insert(0, "/");
        // `/proc/1/root/etc/shadow`, `/host/etc/shadow` and `../../etc/shadow` are the same file.
        let tail = all.get(1..).unwrap_or_default();
        if (0..path.len()).any(|from| {
            path.len() - from >= 2 && path.get(from..).is_some_and(|path| parts_match(tail, path))
        }) && tail.len() >= 2
        {
            return true;
        }
    }
    parts_match(&all, &path)
}

fn parts(pattern: &str) -> Vec<&str> {
    pattern.split('/').filter(|part| !part.is_empty()).collect()
}

fn parts_match(pattern: &[&str], path: &[&str]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        // The folder itself is meant as well.
        Some((&"**", [])) => true,
        Some((&"**", rest)) => {
            (0..=path.len()).any(|from| path.get(from..).is_some_and(|tail| parts_match(rest, tail)))
        }
        Some((first, rest)) => path
            .split_first()
            .is_some_and(|(name, tail)| super::book::glob_matches(first, name) && parts_match(rest, tail)),
    }
}
