//! What Python's Jinja2 and HolmesGPT make of a template, this makes of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::template::*;

fn shown(source: &str, values: Value) -> Result<Rendered, TemplateError> {
    let Value::Object(values) = values else { panic!("not an object") };
    let environment = BTreeMap::from([
        ("REGION".to_owned(), "EU-West".to_owned()),
        ("SECRET".to_owned(), "hunter2".to_owned()),
    ]);
    let given =
        Given { values: &values, config: &Map::new(), environment: &environment, allow_options: false };
    render(source, given)
}

/// The text with each value in its place.
fn text(source: &str, values: Value) -> String {
    let rendered = shown(source, values).unwrap();
    rendered.env.iter().rev().fold(rendered.text, |text, (name, value)| {
        text.replace(&format!("\"${{{name}}}\""), value).replace(&format!("${{{name}}}"), value)
    })
}

fn problem(source: &str) -> String {
    shown(source, json!({"a": "x", "b": "y"})).unwrap_err().to_string()
}

#[test]
fn the_environment_is_a_map_of_the_names_a_template_holds() {
    for (source, expected) in [
        ("p {% if env.REGION %}in{% endif %}", "p in"),
        ("p {{ env.REGION | lower }}", "p eu-west"),
        ("p {{ env['REGION'] }}", "p EU-West"),
        ("p {{ env.get('REGION', 'x') }}", "p EU-West"),
        ("p {{ env.get('GONE', 'x') }}", "p x"),
        ("p {{ env.GONE or 'x' }}", "p x"),
        ("p {% if 'REGION' in env %}y{% endif %}{% if 'GONE' in env %}n{% endif %}", "p y"),
        ("p {% if env.GONE is defined %}y{% else %}n{% endif %}", "p n"),
        // A name that the model chooses is none.
        ("p {{ env[a] }}", "p "),
    ] {
        assert_eq!(text(source, json!({"a": "SECRET"})), expected, "{source}");
    }
    let names = environment_names("p {{ env.A | lower }} {% if 'B' in env %}{% endif %} $C {{ d }}");
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["A", "B", "C"]);
}

#[test]
fn nothing_made_of_the_environment_is_shown() {
    let rendered = shown("p {{ env.SECRET | upper }} {{ a }}", json!({"a": "x"})).unwrap();
    assert_eq!(rendered.invocation, "p '***' x");
    let refused = shown("sh -c 'p {{ env.SECRET ~ a }}'", json!({"a": "; id"})).unwrap_err().to_string();
    assert!(!refused.contains("hunter2"), "{refused}");
}

#[test]
fn a_parameter_may_be_called_env_or_config() {
    assert_eq!(variables("p {{ env }} {{ config }}").unwrap().len(), 2);
    assert_eq!(variables("p {{ env.X | lower }} {{ config.y }}").unwrap(), []);
    assert_eq!(text("p {% if env %}--env {{ env }}{% endif %}", json!({"env": "prod"})), "p --env prod");
    assert_eq!(text("p {% if env %}--env {{ env }}{% endif %}", json!({})), "p ");
}

#[test]
fn a_request_has_no_headers_here() {
    for (source, expected) in [
        ("p {{ request_context.headers['X-Tenant'] or 'none' }}", "p none"),
        ("p {{ request_context.headers.get('X-Tenant', 'none') }}", "p none"),
        ("p {{ request_context.user_id | default('nobody') }}", "p nobody"),
    ] {
        assert_eq!(text(source, json!({})), expected, "{source}");
    }
}

#[test]
fn filters_and_methods_do_what_python_does() {
    for (expression, expected) in [
        ("'x' | int", "0"),
        ("'7.9' | int", "7"),
        ("' 42 ' | int + 1", "43"),
        ("'ff' | int(base=16)", "255"),
        ("'x' | int(5)", "5"),
        ("'x' | float", "0.0"),
        ("'one two three' | truncate(9, leeway=0)", "one..."),
        ("'abcdefghij' | truncate(5, true, '', 0)", "abcde"),
        ("a.rsplit('-', 1)[0]", "pay-api"),
        ("a.find('api')", "4"),
        ("a.count('-')", "2"),
        ("a.removeprefix('pay-')", "api-7"),
        ("a.partition('-')[2]", "api-7"),
        ("'7'.zfill(3)", "007"),
        ("'-7'.zfill(3)", "-07"),
        ("'{}/{}/{n}'.format(a, 1, n='x')", "pay-api-7/1/x"),
        ("a.replace('-', '_', 1)", "pay_api-7"),
        ("1500 | filesizeformat", "1.5 kB"),
        ("1 | filesizeformat", "1 Byte"),
        ("a | safe", "pay-api-7"),
        ("dict(x=a)['x']", "pay-api-7"),
        ("range(2) | join(',')", "0,1"),
        ("'a b' | wordcount", "2"),
    ] {
        assert_eq!(
            text(&format!("p={{{{ {expression} }}}}"), json!({"a": "pay-api-7"})),
            format!("p={expected}")
        );
    }
    let namespace =
        "p {% set n = namespace(x='') %}{% for i in range(2) %}{% set n.x = n.x ~ i %}{% endfor %}{{ n.x }}";
    assert_eq!(text(namespace, json!({})), "p 01");
    // A function of that name is nothing where a parameter is meant.
    assert_eq!(text("p{% if namespace %} -n {{ namespace }}{% endif %}", json!({})), "p");
}

#[test]
fn what_is_not_jinja_is_told_with_what_is() {
    for (source, expected) in [
        ("p {{ a | regex_replace('x', 'y') }}", "Ansible's, not Jinja's: pipe through `sed`"),
        ("p {{ a | quote }}", "leave it out"),
        ("p {{ a | nonsense }}", "filter `nonsense` is unknown"),
        ("p {{ '%s' % a }}", "write `'%s' | format(x)`"),
        ("p {% set l = [] %}{{ l.append(a) }}", "lists do not change"),
        ("p {{ now() }}", "no such function"),
        ("x=1; p ${#x}", "for the shell's `${#x}` write `{% raw %}${#x}{% endraw %}`"),
        ("p {# note", "`#}` is missing"),
    ] {
        let problem = problem(source);
        assert!(problem.contains(expected), "{source}: {problem}");
    }
    assert_eq!(text("x=1; p {% raw %}${#x}{% endraw %}", json!({})), "x=1; p ${#x}");
}

#[test]
fn a_hyphen_in_a_name_is_told() {
    let error = needed("p\n  {{ cluster-name }}", |_| false).unwrap_err().to_string();
    assert!(error.contains("line 2 column 6") && error.contains("write `cluster_name`"), "{error}");
    assert!(needed("p {{ end-start }}", |name| name == "end").is_ok());
    assert!(needed("p {{ end - start }}", |_| false).is_ok());
}
