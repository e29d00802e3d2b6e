//! One object of the API, read by path: whatever is missing or of another type reads as empty.

use jiff::Timestamp;
use serde_json::Value;

/// As the API server told it.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    value: Value,
}

impl Object {
    #[must_use]
    pub fn new(value: Value) -> Self {
        Self { value }
    }

    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The value at a path as `/status/phase`; null where there is none.
    #[must_use]
    pub fn at(&self, path: &str) -> &Value {
        self.value.pointer(path).unwrap_or(&Value::Null)
    }

    /// Text at a path; empty where there is none.
    #[must_use]
    pub fn text(&self, path: &str) -> &str {
        self.at(path).as_str().unwrap_or_default()
    }

    #[must_use]
    pub fn number(&self, path: &str) -> Option<i64> {
        self.at(path).as_i64()
    }

    /// The list at a path; empty where there is none.
    #[must_use]
    pub fn list(&self, path: &str) -> &[Value] {
        self.at(path).as_array().map_or(&[], Vec::as_slice)
    }

    #[must_use]
    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    #[must_use]
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// Empty for what belongs to the whole cluster.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.text("/metadata/namespace")
    }

    /// As people type and logs cite it: `pod/shop/payments-1`, `node/worker-3`.
    #[must_use]
    pub fn reference(&self) -> String {
        let kind = self.kind().to_lowercase();
        match self.namespace() {
            "" => format!("{kind}/{}", self.name()),
            namespace => format!("{kind}/{namespace}/{}", self.name()),
        }
    }

    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.at("/metadata/labels").get(name)?.as_str()
    }

    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.at("/metadata/annotations").get(name)?.as_str()
    }

    #[must_use]
    pub fn time(&self, path: &str) -> Option<Timestamp> {
        self.text(path).parse().ok()
    }

    #[must_use]
    pub fn created(&self) -> Option<Timestamp> {
        self.time("/metadata/creationTimestamp")
    }

    /// Kind and name of what made it, the controller before others.
    #[must_use]
    pub fn owner(&self) -> Option<(&str, &str)> {
        let owners = self.list("/metadata/ownerReferences");
        let controls = |owner: &&Value| owner.get("controller").and_then(Value::as_bool) == Some(true);
        let owner = owners.iter().find(controls).or_else(|| owners.first())?;
        Some((owner.get("kind")?.as_str()?, owner.get("name")?.as_str()?))
    }

    /// The condition of a type: `Ready`, `Progressing`.
    #[must_use]
    pub fn condition(&self, name: &str) -> Option<&Value> {
        let conditions = self.list("/status/conditions");
        conditions.iter().find(|one| one.get("type").and_then(Value::as_str) == Some(name))
    }

    /// Whether its label selector fits `pod`: the plain map of a Service, or `matchLabels` with `matchExpressions`.
    /// No selector selects nothing, an empty one of a policy everything, as the API means it.
    #[must_use]
    pub fn selects(&self, pod: &Object) -> bool {
        let selector = match self.kind() {
            "NetworkPolicy" => self.at("/spec/podSelector"),
            _ => self.at("/spec/selector"),
        };
        let Some(map) = selector.as_object() else { return false };
        let plain = self.kind() == "Service" || self.kind() == "ReplicationController";
        if plain {
            return !map.is_empty() && map.iter().all(|(name, value)| pod.label(name) == value.as_str());
        }
        let labels = map.get("matchLabels").and_then(Value::as_object);
        let named = labels.into_iter().flatten().all(|(name, value)| pod.label(name) == value.as_str());
        let expressions = map.get("matchExpressions").and_then(Value::as_array);
        named && expressions.into_iter().flatten().all(|one| fits(one, pod))
    }
}

fn fits(expression: &Value, pod: &Object) -> bool {
    let text = |name: &str| expression.get(name).and_then(Value::as_str).unwrap_or_default();
    let label = pod.label(text("key"));
    let values = expression.get("values").and_then(Value::as_array);
    let listed = values.into_iter().flatten().any(|value| value.as_str() == label && label.is_some());
    match text("operator") {
        "In" => listed,
        "NotIn" => !listed,
        "Exists" => label.is_some(),
        "DoesNotExist" => label.is_none(),
        _ => false,
    }
}
