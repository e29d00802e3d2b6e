//! Any HTTP endpoint: the JSON result, or what a template makes of it.

use std::collections::BTreeSet;

use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::{Means, told};
use crate::http::{Body, Call, Method, Url};
use crate::sink::{Investigation, Redact, to_json, to_slack};

/// Steps of the template engine: far more than a page takes, and a loop without end stops within a second.
const FUEL: u64 = 2_000_000;

/// An endpoint and what it is sent.
#[derive(Debug, Clone)]
pub struct Webhook {
    pub url: Url,
    pub method: Method,
    pub headers: Vec<(String, SecretString)>,
    /// A template; without one the JSON result itself is sent.
    pub body: Option<String>,
}

impl Webhook {
    pub(super) async fn send(
        &self,
        run: &Investigation,
        redact: Redact<'_>,
        means: &Means,
    ) -> Result<String, String> {
        let body = match &self.body {
            None => Body::Json(to_json(run, redact)),
            Some(template) => {
                // An answer may have one step where the template prints two: that is no reason to lose it.
                let text = rendered(template, run, redact, UndefinedBehavior::Chainable)?;
                let is_json = serde_json::from_str::<Value>(&text).is_ok();
                let kind = if is_json { "application/json" } else { "text/plain; charset=utf-8" };
                Body::Text { kind, text }
            }
        };
        let mut call = Call { method: self.method.clone(), body: Some(body), ..Call::get(self.url.clone()) };
        for (name, value) in &self.headers {
            call = call.header(name, value.expose_secret());
        }
        let reply = means.send(&call).await.map_err(|error| told(&error))?;
        Ok(format!("it answers {}", reply.status))
    }
}

/// Scheme, host and port: paths and queries of webhooks are often their secret.
pub(super) fn host(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}

/// Tries a template on an example, before there is an answer to lose.
///
/// # Errors
/// Where and why it does not parse or render; a name that no result has; a body that looks like JSON and is none once
/// a value holds a quote.
pub fn check_body(template: &str, sections: &[&'static str]) -> Result<(), String> {
    let example = Investigation::example(sections);
    let values = values(&example, &str::to_owned);
    let engine = engine(UndefinedBehavior::Strict);
    let parsed = engine.template_from_str(template).map_err(|error| reason(&error))?;
    let known: BTreeSet<&str> =
        values.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let functions: BTreeSet<&str> = engine.globals().map(|(name, _)| name).collect();
    let unknown: BTreeSet<String> = parsed.undeclared_variables(false).into_iter().collect();
    if let Some(name) =
        unknown.iter().find(|name| !known.contains(name.as_str()) && !functions.contains(name.as_str()))
    {
        let known: Vec<&str> = known.into_iter().collect();
        return Err(format!(
            "`{}` is no field of the result; there are {}",
            name.escape_debug(),
            known.join(", ")
        ));
    }
    let text = rendered(template, &example, &str::to_owned, UndefinedBehavior::Strict)?;
    if template.trim_start().starts_with(['{', '['])
        && !template.trim_start().starts_with("{{")
        && !template.trim_start().starts_with("{%")
        && let Err(error) = serde_json::from_str::<Value>(&text)
    {
        return Err(format!(
            "it makes no JSON ({error}) once a value holds quotes or line ends: write `{{{{ root_cause | tojson }}}}`, without quotes around it"
        ));
    }
    Ok(())
}

/// The result's fields by name; `slack` is the answer as a message of an incoming webhook of Slack.
fn values(run: &Investigation, redact: Redact<'_>) -> Value {
    let mut values = to_json(run, redact);
    if let Some(fields) = values.as_object_mut() {
        let slack = to_slack(run, redact).first;
        fields.insert("slack".to_owned(), json!({"text": slack.text, "blocks": slack.blocks}));
    }
    values
}

fn engine<'a>(missing: UndefinedBehavior) -> Environment<'a> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(missing);
    engine.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    engine.set_fuel(Some(FUEL));
    engine
}

fn rendered(
    template: &str,
    run: &Investigation,
    redact: Redact<'_>,
    missing: UndefinedBehavior,
) -> Result<String, String> {
    let values = values(run, redact);
    let rendered = engine(missing).render_str(template, Serde(&values));
    rendered.map_err(|error| reason(&error))
}

fn reason(error: &Error) -> String {
    let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    let what = match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => "it does not end".to_owned(),
        (kind, None) => kind.to_string(),
        (_, Some(detail)) => detail.to_owned(),
    };
    format!("template, {line}{what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_tried_before_there_is_an_answer() {
        for good in [
            "{{ result }}",
            r#"{"text": {{ root_cause | tojson }}}"#,
            r#"{"s": {{ evidence[0].quote | tojson }}, "n": {{ evidence | length }}, "v": "{{ verdict }}"}"#,
            "{% for step in fix %}{{ loop.index }}. {{ step }}\n{% endfor %}",
            "{{ slack | tojson }}",
            r#"[{{ fix[2] | tojson }}, {{ fix[9] | default("") | tojson }}]"#,
            "{% for i in range(3) %}{{ i }}{% endfor %}",
            "no value at all",
            "",
        ] {
            assert_eq!(check_body(good, &[]), Ok(()), "{good}");
        }
        for (wrong, told) in [
            ("a\n{{ result", "template, line 2: "),
            ("{{ rot_cause }}", "`rot_cause` is no field of the result; there are "),
            ("a\n\n{{ evidence[0].qoute }}", "template, line 3: `evidence[0].qoute` is undefined"),
            (r#"{"text": "{{ root_cause }}"}"#, "it makes no JSON ("),
            ("{{ result | nofilter }}", "template, line 1: "),
            ("{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}", "does not end"),
            ("{% include 'x' %}", "template, line 1: "),
        ] {
            let error = check_body(wrong, &[]).unwrap_err();
            assert!(error.contains(told), "{wrong}: {error}");
        }
        assert!(check_body("{{ sections }}", &[]).is_err());
        assert_eq!(check_body("{{ sections['Next Steps'] }}", &["Next Steps"]), Ok(()));
    }

    #[test]
    fn only_the_host_of_a_webhook_is_told() {
        let url = crate::http::address("https://me:pw@hooks.example:8443/services/T0/B0/secret?k=v").unwrap();
        assert_eq!(host(&url), "https://hooks.example:8443");
    }
}
