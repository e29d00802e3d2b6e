//! Go's templates look like Jinja's and are not: says so, with the spelling that was meant.
//!
//! A template whose own text holds Go's in `{% raw %}` or in a literal is never accused.

/// A piece of Go's template language.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Offset of its `{{`.
    pub at: usize,
    pub reason: String,
}

/// As [`find`], for a source that does parse: Jinja takes `range .items` for `range.items`, which nobody means.
pub(super) fn parsed(source: &str) -> Option<Found> {
    let found = find(source)?;
    let before = source.get(..found.at).unwrap_or_default();
    let in_literal =
        before.rfind("{{").is_some_and(|open| !before.get(open..).unwrap_or_default().contains("}}"));
    let inside = source.get(found.at + 2..).unwrap_or_default().trim_start_matches(['-', ' ']);
    let spaced = ["range", "if", "with", "json", "toJson", "toYaml", "include", "quote"]
        .iter()
        .filter_map(|word| inside.strip_prefix(word))
        .any(|rest| rest.starts_with(' ') && rest.trim_start().starts_with('.'));
    (spaced && !in_literal).then_some(found)
}

/// The first piece of `source` that is Go's.
pub(super) fn find(source: &str) -> Option<Found> {
    let mut raw_until = 0;
    for (at, _) in source.match_indices("{{") {
        let rest = source.get(at + 2..).unwrap_or_default();
        if at < raw_until {
            continue;
        }
        if let Some(end) = raw_end(source, at) {
            raw_until = end;
            continue;
        }
        let inside = rest.split("}}").next().unwrap_or_default();
        let inside = inside.trim_matches(|c: char| c == '-' || c.is_whitespace());
        let shown: String = inside.chars().take(60).collect();
        if let Some(jinja) = jinja(inside) {
            // Only with Go's dot can it be meant for a program that knows Go's templates.
            let dotted = inside.split([' ', '(']).any(|word| word.starts_with(['.', '$']));
            let raw = if dotted {
                ", or `{% raw %}…{% endraw %}` around what the program itself shall get"
            } else {
                ""
            };
            let reason = format!("`{{{{ {shown} }}}}` is a Go template; in Jinja it is `{jinja}`{raw}");
            return Some(Found { at, reason });
        }
    }
    None
}

/// Where the raw block ends that `at` stands in.
fn raw_end(source: &str, at: usize) -> Option<usize> {
    let before = source.get(..at)?;
    let is = |tag: &str, word: &str| {
        tag.trim_start_matches(['-', '+'])
            .trim_start()
            .strip_prefix(word)
            .is_some_and(|rest| rest.trim_start().trim_start_matches(['-', '+']).starts_with("%}"))
    };
    let open = before.rmatch_indices("{%").find(|(start, _)| {
        let tag = before.get(start + 2..).unwrap_or_default();
        is(tag, "raw") || is(tag, "endraw")
    })?;
    if is(before.get(open.0 + 2..)?, "endraw") {
        return None;
    }
    let after = source.get(at..)?;
    let close =
        after.match_indices("{%").find(|(start, _)| is(after.get(start + 2..).unwrap_or_default(), "endraw"));
    Some(close.map_or(source.len(), |(start, _)| at + start))
}

/// Jinja's spelling of what stands between Go's braces, if it is Go's.
fn jinja(inside: &str) -> Option<String> {
    let (word, rest) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
    let rest = rest.trim_start().trim_start_matches('.');
    let comparison = || {
        let mut words = rest.split_whitespace();
        let sign = match words.next()? {
            "eq" => "==",
            "ne" => "!=",
            "lt" => "<",
            "le" => "<=",
            "gt" => ">",
            "ge" => ">=",
            "not" => return Some(format!("not {}", words.next()?.trim_start_matches('.'))),
            _ => return None,
        };
        let (left, right) = (words.next()?, words.next()?);
        Some(format!("{} {sign} {}", left.trim_start_matches('.'), right.trim_start_matches('.')))
    };
    let plain =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "._".contains(c));
    Some(match word {
        "range" if rest.starts_with('$') => "{% for item in items %}…{% endfor %}".to_owned(),
        "range" if !rest.is_empty() => format!("{{% for item in {rest} %}}…{{% endfor %}}"),
        "if" | "with" if !rest.is_empty() => {
            format!("{{% if {} %}}…{{% endif %}}", comparison().unwrap_or_else(|| rest.to_owned()))
        }
        "else" if rest.starts_with("if ") => "{% elif … %}".to_owned(),
        "else" if rest.is_empty() => "{% else %}".to_owned(),
        "end" if rest.is_empty() => "{% endif %}".to_owned(),
        "json" | "toJson" | "toYaml" | "toPrettyJson" if plain(rest) => format!("{{{{ {rest} | tojson }}}}"),
        "json" | "toJson" | "toYaml" | "include" | "template" | "define" | "printf" | "tpl"
            if !rest.is_empty() =>
        {
            "{{ name }}".to_owned()
        }
        "json" if inside != word => "{{ name | tojson }}".to_owned(),
        "quote" | "upper" | "lower" | "len" if plain(rest) => format!("{{{{ {rest} }}}}"),
        _ if word.starts_with('$') => "{% set name = … %}".to_owned(),
        "." => "{{ name }}".to_owned(),
        _ if word.starts_with('.') => format!("{{{{ {} }}}}", word.trim_start_matches('.')),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn every_piece_is_shown_in_jinja() {
        for (go, jinja) in [
            ("{{ if pod }}", "{% if pod %}…{% endif %}"),
            ("{{- if eq .kind \"pod\" -}}", "{% if kind == \"pod\" %}…{% endif %}"),
            ("{{ if not .wide }}", "{% if not wide %}…{% endif %}"),
            ("{{- range .items }}", "{% for item in items %}…{% endfor %}"),
            ("{{ range $i, $x := .items }}", "{% for item in items %}…{% endfor %}"),
            ("{{ with .Values }}", "{% if Values %}…{% endif %}"),
            ("{{ .Values.x }}", "{{ Values.x }}"),
            ("{{.Names}}", "{{ Names }}"),
            ("{{ . }}", "{{ name }}"),
            ("{{ json . }}", "{{ name | tojson }}"),
            ("{{ json .State }}", "{{ State | tojson }}"),
            ("{{ else if .x }}", "{% elif … %}"),
            ("{{ include \"a\" . }}", "{{ name }}"),
            ("{{ $x := 1 }}", "{% set name = … %}"),
        ] {
            let reason = find(go).unwrap().reason;
            assert!(
                reason.contains(&format!("is a Go template; in Jinja it is `{jinja}`")),
                "{go}: {reason}"
            );
        }
        for fine in ["{{ pod }}", "{{ x | default('') }}", "{% raw %}{{.ID}}{% endraw %}", "{{", "{{ ifx }}"]
        {
            assert_eq!(find(fine), None, "{fine}");
        }
        assert_eq!(find("{% raw %}{{.A}}{%- endraw -%} {{.B}}").unwrap().at, 30);
    }
}
