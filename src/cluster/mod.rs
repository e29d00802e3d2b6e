//! A Kubernetes cluster as its API server tells it: objects, read once with `kubectl`, and how they belong together.
//!
//! It judges nothing: that is for detectors and for those who plan what to look at. It changes nothing either:
//! `kubectl get` is all it runs, and never for Secrets.

pub mod changes;
mod contexts;
mod object;
mod read;

pub use contexts::{Contexts, contexts};
pub use object::Object;
pub use read::{Scope, read, read_with_history};

/// Objects of one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    objects: Vec<Object>,
    /// What could not be read, as kubectl said it, in one line each.
    pub missing: Vec<String>,
}

impl Snapshot {
    /// Reads what `kubectl get … -o json` printed: one object or a list of them.
    ///
    /// # Errors
    /// When it is no JSON.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let value: serde_json::Value =
            serde_json::from_slice(json).map_err(|error| format!("kubectl printed no JSON: {error}"))?;
        let items = match value {
            serde_json::Value::Object(mut map) => match map.remove("items") {
                Some(serde_json::Value::Array(items)) => items,
                _ => vec![serde_json::Value::Object(map)],
            },
            _ => return Err("kubectl printed JSON that is no object".to_owned()),
        };
        let items: Vec<_> = items.into_iter().filter(serde_json::Value::is_object).collect();
        Ok(Self { objects: items.into_iter().map(Object::new).collect(), missing: Vec::new() })
    }

    /// Adds what was read in another call.
    pub fn add(&mut self, mut other: Self) {
        self.objects.append(&mut other.objects);
        self.missing.append(&mut other.missing);
    }

    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.iter()
    }

    /// Those of a kind as the API spells it (`Pod`), in any spelling of its case.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Object> {
        self.objects.iter().filter(move |object| object.kind().eq_ignore_ascii_case(kind))
    }

    /// One object; `namespace` is empty for those that have none.
    #[must_use]
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<&Object> {
        let is = |object: &&Object| {
            object.kind().eq_ignore_ascii_case(kind)
                && object.namespace() == namespace
                && object.name() == name
        };
        self.objects.iter().find(is)
    }

    /// What made this object, where it was read too.
    #[must_use]
    pub fn owner_of(&self, object: &Object) -> Option<&Object> {
        let (kind, name) = object.owner()?;
        self.objects.iter().find(|one| {
            one.kind() == kind
                && one.name() == name
                && (one.namespace() == object.namespace() || one.namespace().is_empty())
        })
    }

    /// What this object made.
    pub fn owned_by<'a>(&'a self, owner: &'a Object) -> impl Iterator<Item = &'a Object> {
        self.objects.iter().filter(move |object| {
            object.namespace() == owner.namespace()
                && object.owner().is_some_and(|(kind, name)| kind == owner.kind() && name == owner.name())
        })
    }

    /// Pods of the object's namespace that its label selector fits: of workloads, services, budgets and policies.
    pub fn selected_by<'a>(&'a self, object: &'a Object) -> impl Iterator<Item = &'a Object> {
        self.of("Pod").filter(move |pod| pod.namespace() == object.namespace() && object.selects(pod))
    }
}
