//! What belongs together: pods of a workload, Services and Ingresses that reach them.

use serde_json::{Value, json};

use super::state::text;
use crate::cluster::{Object, Snapshot};

/// Owners above one another that are followed.
const DEEPEST: usize = 6;

/// What made it, the nearest first.
pub(super) fn owners<'a>(object: &'a Object, snapshot: &'a Snapshot) -> Vec<&'a Object> {
    let mut chain: Vec<&Object> = Vec::new();
    let mut at = object;
    while let Some(owner) = snapshot.owner_of(at) {
        // A loop of owners is possible in what anybody may write.
        if chain.len() == DEEPEST || std::ptr::eq(owner, object) {
            break;
        }
        chain.push(owner);
        at = owner;
    }
    chain
}

/// The pods it stands for.
pub(super) fn pods<'a>(object: &'a Object, snapshot: &'a Snapshot) -> Vec<&'a Object> {
    let in_namespace = |pod: &&Object| pod.namespace() == object.namespace();
    match object.kind() {
        "Pod" => vec![object],
        "Node" => snapshot.of("Pod").filter(|pod| pod.text("/spec/nodeName") == object.name()).collect(),
        "Service" => snapshot.selected_by(object).collect(),
        "Ingress" => {
            let backends = backends(object);
            let services =
                snapshot.of("Service").filter(in_namespace).filter(|one| backends.contains(&one.name()));
            services.flat_map(|service| snapshot.selected_by(service)).collect()
        }
        "PersistentVolumeClaim" => snapshot
            .of("Pod")
            .filter(in_namespace)
            .filter(|pod| claims(pod).contains(&object.name()))
            .collect(),
        "HorizontalPodAutoscaler" => target(object, snapshot)
            .filter(|target| target.kind() != object.kind())
            .map_or_else(Vec::new, |target| pods(target, snapshot)),
        _ => {
            let mut made: Vec<&Object> = Vec::new();
            let mut makers = vec![object];
            for _ in 0..DEEPEST {
                let next: Vec<&Object> = makers.iter().flat_map(|maker| snapshot.owned_by(maker)).collect();
                if next.is_empty() {
                    break;
                }
                made.extend(next.iter().filter(|one| one.kind() == "Pod"));
                makers = next.into_iter().filter(|one| one.kind() != "Pod").collect();
            }
            // Where what lies between could not be read, the selector still tells.
            if made.is_empty() { snapshot.selected_by(object).collect() } else { made }
        }
    }
}

/// What an autoscaler scales.
pub(super) fn target<'a>(autoscaler: &'a Object, snapshot: &'a Snapshot) -> Option<&'a Object> {
    let kind = autoscaler.text("/spec/scaleTargetRef/kind");
    snapshot.get(kind, autoscaler.namespace(), autoscaler.text("/spec/scaleTargetRef/name"))
}

/// A pod as the workload would make it, for selectors, where none exists.
pub(super) fn imagined(workload: &Object) -> Option<Object> {
    let labels = workload.at("/spec/template/metadata/labels");
    labels.is_object().then(|| {
        Object::new(json!({"kind": "Pod", "metadata": {"namespace": workload.namespace(), "labels": labels}}))
    })
}

/// Services whose selector fits `pod`.
pub(super) fn services<'a>(pod: &Object, snapshot: &'a Snapshot) -> Vec<&'a Object> {
    let reaches = |service: &&Object| service.namespace() == pod.namespace() && service.selects(pod);
    snapshot.of("Service").filter(reaches).collect()
}

/// Ingresses that send to one of these services.
pub(super) fn ingresses<'a>(services: &[&Object], snapshot: &'a Snapshot) -> Vec<&'a Object> {
    let sends = |ingress: &&Object| {
        let backends = backends(ingress);
        services.iter().any(|one| one.namespace() == ingress.namespace() && backends.contains(&one.name()))
    };
    snapshot.of("Ingress").filter(sends).collect()
}

/// Names of services an Ingress sends to, in the spelling of v1 and of v1beta1.
pub(super) fn backends(ingress: &Object) -> Vec<&str> {
    let mut names = vec![
        ingress.text("/spec/defaultBackend/service/name"),
        ingress.text("/spec/backend/service/name"),
        ingress.text("/spec/backend/serviceName"),
    ];
    for rule in ingress.list("/spec/rules") {
        let paths = rule.pointer("/http/paths").and_then(Value::as_array);
        for path in paths.into_iter().flatten() {
            names.push(text(path, "/backend/service/name"));
            names.push(text(path, "/backend/serviceName"));
        }
    }
    names.retain(|name| !name.is_empty());
    names.sort_unstable();
    names.dedup();
    names
}

/// Names of the claims a pod mounts.
pub(super) fn claims(pod: &Object) -> Vec<&str> {
    let volumes = pod.list("/spec/volumes").iter();
    let names = volumes.map(|volume| text(volume, "/persistentVolumeClaim/claimName"));
    names.filter(|name| !name.is_empty()).collect()
}
