//! What leads to Services or keeps away from pods: Ingresses, admission webhooks, NetworkPolicies.

use serde_json::Value;

use super::Severity;
use super::fold::Draft;
use super::view::{View, reference};
use super::words::{clip, counted, fact, facts, text};
use crate::cluster::Object;

pub(super) fn detect(view: &View<'_>, drafts: &mut Vec<Draft>) {
    for one in view.of("ingress") {
        drafts.extend(backends(view, one));
        drafts.extend(class(view, one));
    }
    for kind in ["validatingwebhookconfiguration", "mutatingwebhookconfiguration"] {
        for one in view.of(kind) {
            drafts.extend(webhooks(view, one));
        }
    }
    for one in view.of("networkpolicy") {
        drafts.extend(policy(view, one));
    }
}

/// Name and port of a backend, in both shapes of the API, with the path they stand at.
fn backend(one: &Object, path: &str) -> Option<(String, Value, String)> {
    let new = one.text(&format!("{path}/service/name"));
    if new.is_empty() {
        let old = format!("{path}/serviceName");
        let name = one.text(&old).to_owned();
        return (!name.is_empty()).then(|| (name, one.at(&format!("{path}/servicePort")).clone(), old));
    }
    let port = format!("{path}/service/port");
    let number = one.at(&format!("{port}/number"));
    let port = if number.is_null() { one.at(&format!("{port}/name")) } else { number };
    Some((new.to_owned(), port.clone(), format!("{path}/service/name")))
}

fn backends(view: &View<'_>, one: &Object) -> Vec<Draft> {
    if !view.listed("services") || view.young(one) {
        return Vec::new();
    }
    let mut paths = vec!["/spec/defaultBackend".to_owned(), "/spec/backend".to_owned()];
    for (rule, value) in one.list("/spec/rules").iter().enumerate() {
        let number = value.pointer("/http/paths").and_then(Value::as_array).map_or(0, Vec::len);
        paths.extend((0..number).map(|at| format!("/spec/rules/{rule}/http/paths/{at}/backend")));
    }
    let mut told: Vec<String> = Vec::new();
    let mut drafts = Vec::new();
    for path in paths {
        let Some((name, port, at)) = backend(one, &path) else { continue };
        let key = format!("{name} {port}");
        if told.contains(&key) {
            continue;
        }
        told.push(key);
        let target = reference("service", one.namespace(), &name);
        let Some(service) = view.get("service", one.namespace(), &name) else {
            let what = format!("sends requests to the Service {}, which does not exist", clip(&name));
            drafts.push(Draft::new("ingress", one.reference(), Severity::Critical, what, facts(one, &[&at])));
            continue;
        };
        let ports = service.list("/spec/ports");
        let fits = |offered: &Value| {
            offered.get("port") == Some(&port) || (port.is_string() && offered.get("name") == Some(&port))
        };
        if !port.is_null() && !ports.is_empty() && !ports.iter().any(fits) {
            let offered: Vec<String> = ports
                .iter()
                .map(|one| {
                    match (one.get("port").and_then(Value::as_u64).unwrap_or_default(), text(one, "name")) {
                        (number, "") => number.to_string(),
                        (number, name) => format!("{number} ({})", clip(name)),
                    }
                })
                .take(8)
                .collect();
            let shown = port.as_str().map_or_else(|| port.to_string(), clip);
            let what = format!(
                "sends requests to port {shown} of the Service {}, which offers {}",
                clip(&name),
                offered.join(", ")
            );
            let evidence =
                facts(one, &[&at, &format!("{path}/service/port"), &format!("{path}/servicePort")]);
            drafts.push(
                Draft::new("ingress", one.reference(), Severity::Critical, what, evidence)
                    .after([target])
                    .short("aims at a port its Service does not offer"),
            );
            continue;
        }
        drafts.push(
            Draft::new("ingress", one.reference(), Severity::Critical, String::new(), facts(one, &[&at]))
                .after([target])
                .short("sends requests there")
                .only_as_effect(),
        );
    }
    drafts
}

fn class(view: &View<'_>, one: &Object) -> Option<Draft> {
    let classes = view.of("ingressclass");
    // Without any class the controllers go by names of their own.
    if classes.is_empty() || !view.listed("ingressclasses") || view.young(one) {
        return None;
    }
    let served = !one.list("/status/loadBalancer/ingress").is_empty();
    let named = one.text("/spec/ingressClassName");
    let there = || clip(&classes.iter().map(|class| class.name()).collect::<Vec<_>>().join(", "));
    if named.is_empty() {
        let default =
            |class: &&Object| class.annotation("ingressclass.kubernetes.io/is-default-class") == Some("true");
        let old = one.annotation("kubernetes.io/ingress.class").is_some();
        if old || served || classes.iter().any(default) {
            return None;
        }
        let what = format!("names no ingress class and none is the default (there are: {})", there());
        return Some(Draft::new(
            "ingress",
            one.reference(),
            Severity::Note,
            what,
            facts(one, &["/spec/rules/0/host"]),
        ));
    }
    if classes.iter().any(|class| class.name() == named) {
        return None;
    }
    let what =
        format!("is served by nobody: there is no ingress class {} (there are: {})", clip(named), there());
    let severity = if served { Severity::Note } else { Severity::Critical };
    Some(Draft::new("ingress", one.reference(), severity, what, facts(one, &["/spec/ingressClassName"])))
}

fn webhooks(view: &View<'_>, one: &Object) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (at, hook) in one.list("/webhooks").iter().enumerate() {
        let Some(service) = hook.pointer("/clientConfig/service") else { continue };
        let (namespace, name) = (text(service, "namespace"), text(service, "name"));
        // Objects of other namespaces may not have been read.
        if !view.sees(namespace) || !view.listed("services") {
            continue;
        }
        let fails = text(hook, "failurePolicy") == "Fail";
        let (severity, effect) = if fails {
            (Severity::Critical, "what it checks is refused (failurePolicy Fail)")
        } else {
            (Severity::Note, "it is passed over (failurePolicy Ignore)")
        };
        let path = format!("/webhooks/{at}");
        let evidence = facts(
            one,
            &[
                &format!("{path}/name"),
                &format!("{path}/clientConfig/service/name"),
                &format!("{path}/clientConfig/service/namespace"),
                &format!("{path}/failurePolicy"),
            ],
        );
        let target = reference("service", namespace, name);
        let hook = clip(text(hook, "name"));
        let draft = if view.get("service", namespace, name).is_some() {
            let what = format!("webhook {hook} calls {target}");
            Draft::new("webhook", one.reference(), severity, what, evidence)
                .after([target])
                .short(format!("webhook {hook} is not answered, {effect}"))
                .only_as_effect()
        } else {
            let what = format!("webhook {hook} calls {target}, which does not exist: {effect}");
            Draft::new("webhook", one.reference(), severity, what, evidence)
        };
        drafts.push(draft);
    }
    drafts
}

fn policy(view: &View<'_>, one: &Object) -> Option<Draft> {
    if !view.listed("pods") || view.young(one) {
        return None;
    }
    let selector = one.at("/spec/podSelector").as_object()?;
    let all = selector.values().all(|value| {
        value.as_object().is_none_or(serde_json::Map::is_empty) && value.as_array().is_none_or(Vec::is_empty)
    });
    let pods = view.selected(one);
    if pods.is_empty() {
        // A policy of an empty namespace waits for pods; so does one of something scaled to zero.
        let labelled = |workload: &&Object| {
            workload.namespace() == one.namespace() && {
                let labels = workload.at("/spec/template/metadata/labels").clone();
                one.selects(&Object::new(serde_json::json!({"metadata": {"labels": labels}})))
            }
        };
        let kinds = ["deployment", "statefulset", "daemonset", "replicaset", "job"];
        let waits = kinds.iter().any(|kind| view.of(kind).iter().any(labelled));
        let empty = view.pods_in(one.namespace()).is_empty();
        let cron = view.has_any("cronjob", one.namespace());
        let what = "selects no pod: it has no effect".to_owned();
        let draft = Draft::new(
            "networkpolicy",
            one.reference(),
            Severity::Note,
            what,
            facts(one, &["/spec/podSelector"]),
        );
        return (!all && !waits && !empty && !cron).then_some(draft);
    }
    let policies: Vec<&&Object> =
        view.of("networkpolicy").iter().filter(|other| other.namespace() == one.namespace()).collect();
    for (field, kind, words) in [("ingress", "Ingress", "receive"), ("egress", "Egress", "send")] {
        let listed = one.list("/spec/policyTypes").iter().any(|one| one.as_str() == Some(kind));
        let denies = listed || (kind == "Ingress" && one.list("/spec/policyTypes").is_empty());
        if !denies || !one.list(&format!("/spec/{field}")).is_empty() {
            continue;
        }
        let allowed = |pod: &Object| {
            policies
                .iter()
                .any(|other| !other.list(&format!("/spec/{field}")).is_empty() && other.selects(pod))
        };
        let cut: Vec<&&Object> = pods.iter().filter(|pod| !allowed(pod)).collect();
        let Some(first) = cut.first() else { continue };
        let what = format!(
            "lets {} {words} nothing at all ({}): no other policy allows it",
            counted(cut.len(), "pod"),
            first.reference()
        );
        let mut evidence = facts(one, &["/spec/podSelector", "/spec/policyTypes"]);
        evidence.extend(fact(one, &format!("/spec/{field}")));
        return Some(Draft::new("networkpolicy", one.reference(), Severity::Note, what, evidence));
    }
    None
}
