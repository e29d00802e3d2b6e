//! Finds the toolsets of a document: in a plain file, a configuration, Helm values, a ConfigMap, an Argo CD
//! Application or a HelmRelease. It does not read what a toolset says.

use std::borrow::Cow;

use crate::config::yaml::{self, Kind, Node, Warning, nearest};

/// Wrappers inside wrappers that are followed: a List of an Application of values of `holmes:` is four.
const DEPTH: usize = 8;

/// A map or list of toolsets.
#[derive(Debug, Clone)]
pub(super) struct Section<'a> {
    /// Owned where it was text inside another document.
    pub node: Cow<'a, Node>,
    /// Under `mcp_servers:`, where every entry is of type `mcp`.
    pub mcp: bool,
}

impl Section<'_> {
    fn into_owned<'b>(self) -> Section<'b> {
        Section { node: Cow::Owned(self.node.into_owned()), mcp: self.mcp }
    }
}

const SECTIONS: &[&str] = &["toolsets", "mcp_servers", "mcpServers", "customToolsets", "holmes", "runner"];

/// Keys of Helm values and of configuration files: beside them, keys that are not ours are nobody's mistake.
const OTHERS: &[&str] = &[
    "holmes",
    "runner",
    "customToolsets",
    "enableHolmesGPT",
    "globalConfig",
    "image",
    "registry",
    "resources",
    "additionalEnvVars",
    "customClusterRoleRules",
    "mcpAddons",
    "modelList",
    "model",
    "models",
    "fast_model",
    "api_key",
    "api_base",
    "max_steps",
    "custom_toolsets",
    "custom_runbooks",
    "custom_runbook_catalogs",
    "custom_skill_paths",
    "alertmanager_url",
    "slack_token",
    "slack_channel",
];

fn entries_of(node: &Node) -> &[yaml::Entry] {
    node.entries().unwrap_or_default()
}

/// A key of Helm values or of a configuration file. Helm's keys are written `likeThis`, ours never are.
fn foreign(key: &str) -> bool {
    let camel =
        key.chars().zip(key.chars().skip(1)).any(|(one, next)| one.is_lowercase() && next.is_uppercase());
    OTHERS.contains(&key) || (camel && nearest(key, SECTIONS).is_none())
}

/// The sections of the documents of one file.
pub(super) fn sections<'a>(documents: &[&'a Node], warnings: &mut Vec<Warning>) -> Vec<Section<'a>> {
    let mut found = Vec::new();
    let before = warnings.len();
    for document in documents {
        collect(document, DEPTH, &mut found, warnings);
    }
    let entries = || documents.iter().flat_map(|document| document.entries().unwrap_or_default());
    let meant = entries().any(|entry| SECTIONS.contains(&entry.key.as_str()));
    let said = documents.iter().find(|document| !document.is_null());
    if let (true, true, false, Some(first)) = (found.is_empty(), warnings.len() == before, meant, said) {
        let near = entries().find_map(|entry| Some((entry, nearest(&entry.key, SECTIONS)?)));
        warnings.push(match near {
            Some((entry, near)) => {
                entry.warning(format!("unknown key `{}`, did you mean `{near}`?", entry.key))
            }
            None => first.warning(bare(first)),
        });
    }
    found
}

/// Why a document holds nothing, with what to do about it.
fn bare(document: &Node) -> String {
    let is_secret = document.get("kind").is_some_and(|kind| kind.as_str().is_ok_and(|kind| kind == "Secret"));
    if is_secret && document.get("data").is_some() {
        return "is a Secret, whose `data` is base64: give the decoded file, or a ConfigMap".to_owned();
    }
    let names_tools = |entry: &yaml::Entry| entry.value.get("tools").is_some();
    match document.entries().unwrap_or_default().iter().find(|entry| names_tools(entry)) {
        Some(entry) => {
            format!("holds no toolsets: put `{}` and its like under a top-level `toolsets:`", entry.key)
        }
        None if document.get("tools").is_some() => {
            "holds no toolsets: `tools` belong to a toolset, `toolsets: {NAME: {tools: […]}}`".to_owned()
        }
        None => "holds no toolsets, a top-level `toolsets:` is needed".to_owned(),
    }
}

fn collect<'a>(node: &'a Node, depth: usize, found: &mut Vec<Section<'a>>, warnings: &mut Vec<Warning>) {
    if depth == 0 {
        return;
    }
    let kind = node.get("kind").and_then(|kind| kind.as_str().ok());
    if let (Some(kind), true) = (kind, node.get("apiVersion").is_some()) {
        return wrapped(kind, node, depth, found, warnings);
    }
    for entry in node.entries().unwrap_or_default() {
        match entry.key.as_str() {
            "toolsets" => push(&entry.value, false, found),
            // The second is how other clients' files name them.
            "mcp_servers" | "mcpServers" => push(&entry.value, true, found),
            "customToolsets" => custom(&entry.value, depth, found, warnings),
            "holmes" => collect(&entry.value, depth - 1, found, warnings),
            "runner" => {
                if let Some(value) = entry.value.get("customToolsets") {
                    custom(value, depth, found, warnings);
                }
            }
            key => unknown(node, key, entry, warnings),
        }
    }
}

fn unknown(node: &Node, key: &str, entry: &yaml::Entry, warnings: &mut Vec<Warning>) {
    let free = key == "anchors" || key.starts_with(['.', '_']) || key.starts_with("x-");
    let plain = node.get("toolsets").is_some() && !entries_of(node).iter().any(|entry| foreign(&entry.key));
    if free || !plain {
        return;
    }
    let near = nearest(key, SECTIONS).map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
    warnings.push(entry.warning(format!("unknown key `{key}`{near}")));
}

/// Empty sections (`toolsets:`, `{}`) are fine and hold nothing.
fn push<'a>(node: &'a Node, mcp: bool, found: &mut Vec<Section<'a>>) {
    if !node.is_null() {
        found.push(Section { node: Cow::Borrowed(node), mcp });
    }
}

/// `customToolsets` holds toolsets, or a whole file: as a map with `toolsets:` or as text.
fn custom<'a>(node: &'a Node, depth: usize, found: &mut Vec<Section<'a>>, warnings: &mut Vec<Warning>) {
    match &node.kind {
        Kind::Scalar { .. } => text(node, depth, found, warnings),
        _ if node.get("toolsets").is_some() || node.get("mcp_servers").is_some() => {
            collect(node, depth - 1, found, warnings);
        }
        _ => push(node, false, found),
    }
}

fn wrapped<'a>(
    kind: &str,
    node: &'a Node,
    depth: usize,
    found: &mut Vec<Section<'a>>,
    warnings: &mut Vec<Warning>,
) {
    let at = |path: &[&str]| path.iter().try_fold(node, |node, key| node.get(key));
    match kind {
        "List" => {
            for item in at(&["items"]).and_then(|items| items.items().ok()).unwrap_or_default() {
                collect(item, depth - 1, found, warnings);
            }
        }
        "ConfigMap" | "Secret" => {
            for section in ["data", "stringData"] {
                for entry in node.get(section).map_or(&[][..], |data| data.entries().unwrap_or_default()) {
                    text(&entry.value, depth, found, warnings);
                }
            }
        }
        "Application" => {
            application(node, depth, found, warnings);
        }
        "ApplicationSet" => {
            if let Some(template) = at(&["spec", "template"]) {
                application(template, depth, found, warnings);
            }
        }
        // K3s and RKE2.
        "HelmChart" | "HelmChartConfig" => {
            if let Some(values) = at(&["spec", "valuesContent"]) {
                text(values, depth, found, warnings);
            }
        }
        "Kustomization" => {
            let charts = at(&["helmCharts"]).and_then(|charts| charts.items().ok()).unwrap_or_default();
            for values in charts.iter().filter_map(|chart| chart.get("valuesInline")) {
                collect(values, depth - 1, found, warnings);
            }
        }
        "HelmRelease" => {
            if let Some(values) = at(&["spec", "values"]) {
                collect(values, depth - 1, found, warnings);
            }
        }
        // Other objects of the same file (a Deployment, a Secret) are none of ours.
        _ => {}
    }
}

fn application<'a>(node: &'a Node, depth: usize, found: &mut Vec<Section<'a>>, warnings: &mut Vec<Warning>) {
    let spec = |key: &str| node.get("spec").and_then(|spec| spec.get(key));
    let one = spec("source").into_iter();
    let many = spec("sources").and_then(|sources| sources.items().ok()).unwrap_or_default();
    for helm in one.chain(many).filter_map(|source| source.get("helm")) {
        if let Some(values) = helm.get("valuesObject") {
            collect(values, depth - 1, found, warnings);
        }
        if let Some(values) = helm.get("values") {
            text(values, depth, found, warnings);
        }
    }
}

/// A file that stands as text inside another. Its places are those of the outer file.
fn text(node: &Node, depth: usize, found: &mut Vec<Section<'_>>, warnings: &mut Vec<Warning>) {
    let Ok(text) = node.as_str() else { return };
    // A block's lines were freed of their indent: with it, lines and columns are the outer file's again.
    let indent = " ".repeat(node.column.saturating_sub(1).min(200));
    let mut placed = "\n".repeat(node.line.saturating_sub(1));
    for line in text.lines() {
        if !line.is_empty() {
            placed.push_str(&indent);
        }
        placed.push_str(line);
        placed.push('\n');
    }
    if !["toolsets", "mcp_servers", "customToolsets"].iter().any(|key| text.contains(key)) {
        return;
    }
    match yaml::parse_all(&placed, node.file()) {
        Ok(documents) => {
            for document in documents {
                warnings.extend(document.warnings);
                let mut inner = Vec::new();
                collect(&document.node, depth - 1, &mut inner, warnings);
                found.extend(inner.into_iter().map(Section::into_owned));
            }
        }
        Err(error) => warnings.push(Warning {
            line: error.line,
            column: error.column,
            ..Warning::about_file(&error.place, error.message)
        }),
    }
}
