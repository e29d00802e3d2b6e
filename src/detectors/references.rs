//! Service accounts and ConfigMaps that workloads name and that do not exist. Secrets are not read: of them only what
//! events and containers say is told.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Severity;
use super::fold::Draft;
use super::view::View;
use super::words::{clip, fact};
use super::workloads::wanted;
use crate::cluster::Object;

pub(super) fn detect(view: &View<'_>, drafts: &mut Vec<Draft>) {
    let mut found = Vec::new();
    for kind in ["deployment", "statefulset", "daemonset", "cronjob"] {
        for one in view.of(kind) {
            found.extend(workload(view, one, drafts));
        }
    }
    drafts.extend(found);
}

fn workload(view: &View<'_>, one: &Object, told: &[Draft]) -> Vec<Draft> {
    let spec = match one.kind() {
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        _ => "/spec/template/spec",
    };
    let asleep = wanted(one) == 0 || one.at("/spec/suspend").as_bool() == Some(true);
    if asleep || view.young(one) {
        return Vec::new();
    }
    let namespace = one.namespace();
    let mut drafts = Vec::new();
    let mut add = |path: &str, what: String, name: &str| {
        // Its pods, or that they cannot be made, said it already.
        let said = told.iter().any(|draft| {
            let object = &draft.finding.object;
            let mine = *object == one.reference() || draft.alike.ends_with(&format!(" {}", one.reference()));
            mine && draft.finding.what.contains(name)
        });
        if !said {
            let evidence = fact(one, path).into_iter().collect();
            drafts.push(Draft::new("reference", one.reference(), Severity::Warning, what, evidence));
        }
    };
    let account = one.text(&format!("{spec}/serviceAccountName"));
    // Every namespace has an account and, since 1.20, a ConfigMap: a list without any was not read.
    if !account.is_empty()
        && view.has_any("serviceaccount", namespace)
        && view.listed("serviceaccounts")
        && view.get("serviceaccount", namespace, account).is_none()
    {
        let what = format!(
            "names the service account {}, which does not exist: new pods are refused",
            clip(account)
        );
        add(&format!("{spec}/serviceAccountName"), what, account);
    }
    if !view.has_any("configmap", namespace) || !view.listed("configmaps") {
        return drafts;
    }
    let mut seen = BTreeSet::new();
    for (path, name, key) in maps(one, spec) {
        if !seen.insert((name, key)) {
            continue;
        }
        match (view.get("configmap", namespace, name), key) {
            (None, _) => {
                let what = format!(
                    "names the ConfigMap {}, which does not exist: new pods do not start",
                    clip(name)
                );
                add(&path, what, name);
            }
            (Some(map), Some(key))
                if map.at("/data").get(key).is_none() && map.at("/binaryData").get(key).is_none() =>
            {
                let what = format!(
                    "names the key {} of the ConfigMap {}, which has no such key: new pods do not start",
                    clip(key),
                    clip(name)
                );
                add(&path, what, key);
            }
            _ => {}
        }
    }
    drafts
}

/// ConfigMaps that must be there: path, name, and the key where one is named.
fn maps<'a>(one: &'a Object, spec: &str) -> Vec<(String, &'a str, Option<&'a str>)> {
    let mut found = Vec::new();
    let mut take = |value: &'a Value, path: String, field: &str| {
        let optional = value.get("optional").and_then(Value::as_bool) == Some(true);
        if let Some(name) = value.get(field).and_then(Value::as_str)
            && !optional
            && !name.is_empty()
        {
            let key = value.get("key").and_then(Value::as_str);
            found.push((format!("{path}/{field}"), name, key));
        }
    };
    for (at, volume) in one.list(&format!("{spec}/volumes")).iter().enumerate() {
        if let Some(map) = volume.get("configMap") {
            take(map, format!("{spec}/volumes/{at}/configMap"), "name");
        }
        let sources = volume.pointer("/projected/sources").and_then(Value::as_array);
        for (source, value) in sources.into_iter().flatten().enumerate() {
            if let Some(map) = value.get("configMap") {
                take(map, format!("{spec}/volumes/{at}/projected/sources/{source}/configMap"), "name");
            }
        }
    }
    for list in ["initContainers", "containers"] {
        for (at, container) in one.list(&format!("{spec}/{list}")).iter().enumerate() {
            let path = format!("{spec}/{list}/{at}");
            let entries = |field: &str| container.get(field).and_then(Value::as_array).into_iter().flatten();
            for (env, value) in entries("envFrom").enumerate() {
                if let Some(map) = value.get("configMapRef") {
                    take(map, format!("{path}/envFrom/{env}/configMapRef"), "name");
                }
            }
            for (env, value) in entries("env").enumerate() {
                if let Some(map) = value.pointer("/valueFrom/configMapKeyRef") {
                    take(map, format!("{path}/env/{env}/valueFrom/configMapKeyRef"), "name");
                }
            }
        }
    }
    found
}
