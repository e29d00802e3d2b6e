//! Secrets in the `config` of a toolset: which of its values are, and how short ones are replaced.

use serde_json::Value;

use super::{is_secret_field, names_secret};

/// Passwords of default installations: everybody knows them, and as words they are evidence.
const WORDS: &[&str] = &[
    "admin", "default", "elastic", "guest", "none", "pass", "password", "postgres", "public", "root", "test",
    "true",
];

/// Headers that say how to talk, not who talks.
const OPEN_HEADERS: &[&str] =
    &["accept", "accept-language", "content-type", "user-agent", "x-scope-orgid", "host"];

/// Adds the secrets of the setting `name`. `inherited`: a name around it says that all in it is secret.
pub(super) fn collect(name: &str, value: &Value, inherited: bool, found: &mut Vec<String>) {
    let lower = name.to_ascii_lowercase();
    let headers = lower.ends_with("headers");
    let secret = inherited && !OPEN_HEADERS.contains(&lower.as_str())
        || is_secret_field(name)
        || names_secret(&name.replace('-', "_"))
        || matches!(
            lower.as_str(),
            "authorization" | "auth" | "key" | "credential" | "credentials" | "cookie"
        );
    match value {
        Value::Object(map) => {
            for (inner, value) in map {
                collect(inner, value, headers || secret, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(name, item, inherited, found)),
        Value::String(text) => {
            if secret {
                add(text, found);
                // `Bearer x`: programs print the second word alone too.
                if let Some((scheme, rest)) = text.split_once(' ')
                    && ["bearer", "basic", "token", "apikey"].contains(&scheme.to_ascii_lowercase().as_str())
                {
                    add(rest.trim(), found);
                }
            }
            if let Some(password) = password_of(text) {
                add(password, found);
            }
        }
        Value::Number(number) if secret => add(&number.to_string(), found),
        _ => {}
    }
}

fn add(text: &str, found: &mut Vec<String>) {
    // A template or a reference to the environment is not the value.
    if text.len() >= 4 && !WORDS.contains(&text) && !text.contains("{{") && !text.starts_with('$') {
        found.push(text.to_owned());
    }
}

/// `scheme://user:password@host`.
fn password_of(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let (user, _) = rest.split(['/', '?', '#']).next()?.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Redactor;

    #[test]
    fn secrets_of_settings_are_known_wherever_they_turn_up() {
        let redactor = Redactor::new([], &[]);
        let settings = json!({
            "password": "hunter2",
            "api_key": "Zq8keyZq8key",
            "basic": {"auth": {"user": "bob", "pin": "Zq81"}},
            "headers": {"Authorization": "Bearer Zq8token", "X-Custom": "Zq8custom", "Accept": "application/json"},
            "url": "postgresql://app:Zq8url@db:5432/x",
            "token": "{{ env.TOKEN }}",
            "secret": "test",
            "namespace": "payments",
        });
        redactor.learn_settings(settings.as_object().unwrap());
        let shown = redactor
            .redact("hunter2 Zq8key Zq8keyZq8key Zq81 Zq8token Zq8custom Zq8url application/json payments");
        assert!(!shown.contains("hunter2") && !shown.replace("Zq8key ", "").contains("Zq8"), "{shown}");
        assert!(shown.ends_with("application/json payments"), "{shown}");
        assert_eq!(
            redactor.redact("hunter22 xhunter2 this is a test, bob"),
            "hunter22 xhunter2 this is a test, bob"
        );
    }
}
