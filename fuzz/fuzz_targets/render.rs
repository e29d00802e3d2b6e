//! A template and a value, split at the first NUL: rendering never panics, and not one character of the value
//! is ever in the text that a shell parses.

#![no_main]

use std::collections::BTreeMap;

use holmes_rs::shell::template::{Given, environment_names, render, render_plain, variables};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};

/// In every value, and in no template.
const MARK: char = '\u{1f9ea}';

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (template, value) = text.split_once('\0').unwrap_or((&text, "'\"; $(id) `id`\n"));
    let template = template.replace(MARK, "");
    let Ok(found) = variables(&template) else { return };
    let value = format!("{value}{MARK}{value}");
    let mut values = Map::new();
    for (number, variable) in found.iter().enumerate() {
        values.insert(
            variable.name.clone(),
            match number % 4 {
                0 | 1 => Value::from(value.as_str()),
                2 => json!([value, {"k": value}]),
                _ => json!({(value.clone()): value}),
            },
        );
    }
    let config = json!({"url": value, "password": format!("s3cr3t{value}")});
    let environment: BTreeMap<String, String> =
        environment_names(&template).into_iter().map(|name| (name, value.clone())).collect();
    for allow_options in [false, true] {
        let given = Given {
            values: &values,
            config: config.as_object().unwrap(),
            environment: &environment,
            allow_options,
        };
        // A template can spell the mark by its number; then nothing can be told.
        if let Ok(rendered) = render(&template, given)
            && !template.contains("\\u")
        {
            assert!(!rendered.text.contains(MARK), "{:?}", rendered.text);
            // What is lost on the way to the process would be another command.
            assert!(rendered.env.iter().all(|(_, value)| !value.contains('\0')));
        }
        let _ = render_plain(&template, given);
    }
});
