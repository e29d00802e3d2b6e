//! Transformers: what is done to a tool's output before a model sees it. Read here, applied elsewhere.

use crate::config::yaml::{Kind, Node, Warning};

use super::Transformer;
use super::fields::unknown_key;

/// The names HolmesGPT registers.
const KNOWN: &[&str] = &["llm_summarize"];

const KEYS: &[&str] = &["name", "config"];

const CONFIG_KEYS: &[&str] = &["input_threshold", "prompt", "fast_model", "api_key"];

/// `transformers:`, and the older `transformer_configs:` with `- llm_summarize: {…}`.
///
/// What cannot be read is left out with a warning: output that is longer than wished breaks nothing.
pub(super) fn transformers(node: &Node, warnings: &mut Vec<Warning>) -> Vec<Transformer> {
    let mut found: Vec<Transformer> = Vec::new();
    let items = match &node.kind {
        Kind::Sequence(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    for item in items {
        let read: Vec<(Option<&str>, Option<&Node>)> = match &item.kind {
            Kind::Scalar { .. } => vec![(item.as_str().ok(), None)],
            Kind::Mapping(entries) if KEYS.iter().any(|key| item.get(key).is_some()) => {
                for entry in entries.iter().filter(|entry| !KEYS.contains(&entry.key.as_str())) {
                    warnings.push(unknown_key(entry, "a transformer", KEYS));
                }
                vec![(item.get("name").and_then(|name| name.as_str().ok()), item.get("config"))]
            }
            Kind::Mapping(entries) => {
                entries.iter().map(|entry| (Some(entry.key.as_str()), Some(&entry.value))).collect()
            }
            Kind::Sequence(_) => vec![(None, None)],
        };
        for (name, config) in read {
            match name {
                Some(name) if KNOWN.contains(&name) => {
                    let read = transformer(name, config, warnings);
                    found.retain(|earlier| earlier.name != read.name);
                    found.push(read);
                }
                Some(name) => {
                    let message =
                        format!("transformer `{name}` is not known, it is left out; known: `llm_summarize`");
                    warnings.push(item.warning(message));
                }
                None => warnings.push(item.warning("a transformer needs a `name`, it is left out")),
            }
        }
    }
    found
}

fn transformer(name: &str, config: Option<&Node>, warnings: &mut Vec<Warning>) -> Transformer {
    let mut transformer = Transformer { name: name.to_owned(), ..Transformer::default() };
    let entries = match config.map(Node::entries).transpose() {
        Ok(entries) => entries.unwrap_or_default(),
        Err(error) => {
            warnings.extend(config.map(|node| node.warning(format!("`config` {}", error.message))));
            return transformer;
        }
    };
    for entry in entries {
        let value = &entry.value;
        if value.is_null() {
            continue;
        }
        let taken = match entry.key.as_str() {
            "input_threshold" => value.as_i64().and_then(|number| {
                let number =
                    u64::try_from(number).map_err(|_| value.error("needs a number of at least 0"))?;
                transformer.input_threshold = Some(number);
                Ok(())
            }),
            "prompt" => value.as_str().map(|text| transformer.prompt = Some(text.to_owned())),
            "fast_model" => value.as_str().map(|text| transformer.fast_model = Some(text.to_owned())),
            // Keys belong to the model list, which is where `fast_model` is looked up.
            "api_key" => {
                warnings.push(
                    entry.warning("`api_key` is not read here, give it to `fast_model` in the model list"),
                );
                Ok(())
            }
            _ => {
                warnings.push(unknown_key(entry, "a transformer's `config`", CONFIG_KEYS));
                Ok(())
            }
        };
        if let Err(error) = taken {
            warnings.push(value.warning(format!("`{}` {}, it is left out", entry.key, error.message)));
        }
    }
    transformer
}

/// The tool's own first, each with what the toolset's of the same name says besides; then the toolset's others.
pub(super) fn combined(own: &[Transformer], base: &[Transformer]) -> Vec<Transformer> {
    let mut all: Vec<Transformer> = own
        .iter()
        .map(|own| match base.iter().find(|base| base.name == own.name) {
            Some(base) => Transformer {
                name: own.name.clone(),
                input_threshold: own.input_threshold.or(base.input_threshold),
                prompt: own.prompt.clone().or_else(|| base.prompt.clone()),
                fast_model: own.fast_model.clone().or_else(|| base.fast_model.clone()),
            },
            None => own.clone(),
        })
        .collect();
    all.extend(base.iter().filter(|base| !own.iter().any(|own| own.name == base.name)).cloned());
    all
}
