//! Filters of Jinja2 that the template engine lacks or takes more strictly, and words for what is not Jinja's.
//!
//! Files were written for Python's Jinja2: `'x' | int` is 0 there, no error. Ansible's filters are not here:
//! HolmesGPT has none of them either.

#![expect(clippy::needless_pass_by_value, reason = "the engine gives its arguments away")]

use minijinja::value::{Kwargs, Rest, ValueKind, from_args};
use minijinja::{Environment, Error, Value};

/// Characters that padding may make of a value: the kernel takes no more in one argument.
pub(super) const WIDEST: usize = 120 * 1024;

/// What people know from Ansible, with what a command can do instead.
const ANSIBLE: &[(&str, &str)] = &[
    ("regex_replace", "pipe through `sed`, or use `| replace(…)`"),
    ("regex_search", "use `grep -o` in the command"),
    ("regex_findall", "use `grep -o` in the command"),
    ("regex_escape", "use `grep -F` in the command"),
    ("b64encode", "use `base64 -w0` in the command"),
    ("b64decode", "use `base64 -d` in the command"),
    ("hash", "use `sha256sum` in the command"),
    ("quote", "leave it out, every value is passed as data"),
    ("to_json", "use `| tojson`"),
    ("to_nice_json", "use `| tojson(2)`"),
    ("from_json", "use `jq` in the command"),
    ("from_yaml", "use `yq` in the command"),
    ("to_yaml", "use `yq` in the command"),
    ("ternary", "use `{{ a if x else b }}`"),
    ("basename", "use `basename` in the command"),
    ("dirname", "use `dirname` in the command"),
    ("strftime", "use `date` in the command"),
    ("to_datetime", "use `date` in the command"),
    ("bool", "compare, `{% if x == 'true' %}`"),
    ("combine", "write the map out"),
    ("dict2items", "use `| items`"),
    ("flatten", "write the list out"),
    ("difference", "use `comm` in the command"),
    ("intersect", "use `comm` in the command"),
    ("union", "use `sort -u` in the command"),
];

/// Adds them to an engine.
pub(super) fn add(engine: &mut Environment<'_>) {
    engine.add_filter("int", int);
    engine.add_filter("float", float);
    engine.add_filter("truncate", truncate);
    engine.add_filter("center", center);
    engine.add_filter("wordcount", |text: &str| {
        text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).count()
    });
    engine.add_filter("filesizeformat", size);
    engine.add_filter("safe", |value: Value| value);
    for name in ["escape", "e", "forceescape"] {
        engine.add_filter(name, html);
    }
}

/// Why a name is unknown, and what was likely meant; `None` when nothing better can be said.
pub(super) fn advice(detail: &str) -> Option<String> {
    if let Some(name) = detail.strip_prefix("filter ").and_then(|rest| rest.strip_suffix(" is unknown")) {
        return Some(match ANSIBLE.iter().find(|(known, _)| *known == name) {
            Some((_, instead)) => format!("filter `{name}` is Ansible's, not Jinja's: {instead}"),
            None => format!("filter `{name}` is unknown, to HolmesGPT too unless Jinja2 has it"),
        });
    }
    if detail.starts_with("tried to use % operator") {
        return Some(format!("{detail}; for `'%s' % x` write `'%s' | format(x)`"));
    }
    if ["append", "extend", "insert"].iter().any(|name| detail.ends_with(&format!("no method named {name}")))
    {
        return Some(format!("{detail}: lists do not change, write `{{% set x = x + [y] %}}`"));
    }
    match detail.strip_suffix(" is unknown") {
        Some("now" | "lookup" | "query" | "strftime") => Some(format!(
            "{detail}: Jinja2 has no such function, use the shell, such as `$(date -u +%FT%TZ)`"
        )),
        _ => None,
    }
}

/// As Jinja's: what is no number is the default.
fn int(value: Value, default: Option<Value>, base: Option<u32>, kwargs: Kwargs) -> Result<Value, Error> {
    let default = default.or(kwargs.get("default")?).unwrap_or_else(|| Value::from(0));
    let base = base.or(kwargs.get("base")?).filter(|base| (2..=36).contains(base)).unwrap_or(10);
    kwargs.assert_all_used()?;
    let whole = |number: f64| {
        // Beyond this a float counts no single units, and the cast would clamp.
        let exact = number.is_finite() && number.abs() < 1e18;
        #[expect(clippy::cast_possible_truncation, reason = "the range was looked at")]
        exact.then(|| Value::from(number.trunc() as i64))
    };
    Ok(match value.kind() {
        ValueKind::Bool => Value::from(i64::from(value.is_true())),
        ValueKind::Number if value.is_integer() => value,
        ValueKind::Number => f64::try_from(value).ok().and_then(whole).unwrap_or(default),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default().trim();
            let (sign, digits) = match text.strip_prefix('-') {
                Some(rest) => ("-", rest),
                None => ("", text.strip_prefix('+').unwrap_or(text)),
            };
            let prefix = match base {
                16 => "0x",
                8 => "0o",
                2 => "0b",
                _ => "",
            };
            let lower = digits.to_ascii_lowercase();
            let digits = lower.strip_prefix(prefix).unwrap_or(&lower);
            let plain = !digits.starts_with(['-', '+']);
            let read = i128::from_str_radix(&format!("{sign}{digits}"), base).ok().filter(|_| plain);
            read.map(Value::from).or_else(|| text.parse().ok().and_then(whole)).unwrap_or(default)
        }
        _ => default,
    })
}

fn float(value: Value, default: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let default = default.or(kwargs.get("default")?).unwrap_or_else(|| Value::from(0.0));
    kwargs.assert_all_used()?;
    Ok(match value.kind() {
        ValueKind::Bool => Value::from(if value.is_true() { 1.0 } else { 0.0 }),
        ValueKind::Number => f64::try_from(value).map_or(default, Value::from),
        ValueKind::String => {
            let read = value.as_str().unwrap_or_default().trim().parse::<f64>().ok();
            read.map_or(default, Value::from)
        }
        _ => default,
    })
}

fn truncate(text: &str, arguments: Rest<Value>, kwargs: Kwargs) -> Result<String, Error> {
    type Arguments = (Option<usize>, Option<bool>, Option<String>, Option<usize>);
    let (length, killwords, end, leeway): Arguments = from_args(&arguments)?;
    let length = length.or(kwargs.get("length")?).unwrap_or(255);
    let killwords = killwords.or(kwargs.get("killwords")?).unwrap_or(false);
    let end = end.or(kwargs.get("end")?).unwrap_or_else(|| "...".to_owned());
    let leeway = leeway.or(kwargs.get("leeway")?).unwrap_or(5);
    kwargs.assert_all_used()?;
    if text.chars().count() <= length.saturating_add(leeway) {
        return Ok(text.to_owned());
    }
    let kept: String = text.chars().take(length.saturating_sub(end.chars().count())).collect();
    let kept =
        if killwords { kept.as_str() } else { kept.rsplit_once(' ').map_or(kept.as_str(), |one| one.0) };
    Ok(format!("{kept}{end}"))
}

/// As Python's `str.center`.
pub(super) fn center(text: &str, width: Option<usize>) -> String {
    let width = width.unwrap_or(80).min(WIDEST);
    let all = width.saturating_sub(text.chars().count());
    let left = all / 2 + (all & width & 1);
    format!("{}{text}{}", " ".repeat(left), " ".repeat(all - left))
}

fn size(value: Value, binary: Option<bool>, kwargs: Kwargs) -> Result<String, Error> {
    let binary = binary.or(kwargs.get("binary")?).unwrap_or(false);
    kwargs.assert_all_used()?;
    let bytes =
        f64::try_from(float(value, None, Kwargs::from_iter::<[(&str, Value); 0]>([]))?).unwrap_or(0.0);
    let base = if binary { 1024.0 } else { 1000.0 };
    let names = if binary {
        ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"]
    } else {
        ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]
    };
    if (bytes - 1.0).abs() < f64::EPSILON {
        return Ok("1 Byte".to_owned());
    }
    if bytes < base {
        return Ok(format!("{} Bytes", bytes.trunc()));
    }
    let mut amount = bytes / base;
    let mut name = "";
    for next in names {
        name = next;
        if amount < base {
            break;
        }
        amount /= base;
    }
    Ok(format!("{amount:.1} {name}"))
}

fn html(value: Value) -> Value {
    let Some(text) = value.as_str() else { return value };
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    Value::from(text.replace('\'', "&#39;").replace('"', "&#34;"))
}
