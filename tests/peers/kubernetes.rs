//! kubectl and its kin against a real cluster: the one of the test bed, whose namespaces `shop` and `faults` hold
//! one broken thing each.

mod helm;
mod stand_ins;
mod workloads;

use std::collections::BTreeMap;
use std::process::Command;

use crate::support::{Bench, Ran};

/// The toolsets that are off until somebody switches them on.
const ON: &str = "toolsets:
  kubernetes/extras: {enabled: true}
  kubernetes/krew-extras: {enabled: true}
  kubernetes/rbac: {enabled: true}
";

/// A bench that reaches the cluster, or a loud skip.
fn cluster() -> Option<Bench> {
    reaching("HOLMES_TEST_KUBECONFIG")
}

/// The same as somebody who may look but not at Secrets, nodes and roles.
fn onlooker() -> Option<Bench> {
    cluster().and_then(|_| reaching("KUBECONFIG_READONLY"))
}

fn reaching(variable: &str) -> Option<Bench> {
    let Some(kubeconfig) = std::env::var(variable).ok().filter(|path| !path.is_empty()) else {
        println!("SKIPPED: {variable} names no cluster");
        return None;
    };
    Some(Bench::new().env("KUBECONFIG", kubeconfig).file("on.yaml", ON))
}

/// One tool, by hand.
fn tool(bench: &Bench, name: &str, params: &[&str]) -> Ran {
    bench.run([&["toolset", "run", name, "--raw", "-t", "on.yaml", "--"], params].concat())
}

/// What kubectl itself says.
fn kubectl(bench: &Bench, args: &str) -> String {
    let mut command = Command::new("kubectl");
    let ran = bench.surround(&mut command).args(args.split(' ')).output().unwrap();
    String::from_utf8(ran.stdout).unwrap()
}

/// Names of pods that a ReplicaSet made up, by what they begin with.
fn pods(bench: &Bench) -> BTreeMap<&'static str, String> {
    let listed = kubectl(bench, "get pods -n shop -o name --field-selector=status.phase!=Failed");
    let find = |begin: &str| {
        listed.lines().find_map(|line| line.strip_prefix("pod/").filter(|name| name.starts_with(begin)))
    };
    ["payments", "checkout"].map(|app| (app, find(app).unwrap_or(app).to_owned())).into()
}

/// Runs each row; `{payments}` and `{checkout}` stand for the pods' names.
fn each(bench: &Bench, code: i32, rows: &[(&str, &[&str], &str)]) {
    let pods = pods(bench);
    let fill = |text: &str| {
        pods.iter().fold(text.to_owned(), |text, (app, pod)| text.replace(&format!("{{{app}}}"), pod))
    };
    for (name, params, expected) in rows {
        let filled: Vec<String> = params.iter().map(|param| fill(param)).collect();
        let params: Vec<&str> = filled.iter().map(String::as_str).collect();
        let expected = fill(expected);
        let ran = tool(bench, name, &params).exits(code);
        // A failure is one line that says why, whatever else was printed.
        let said =
            if code == 0 { ran.stdout.as_str() } else { ran.stderr.lines().last().unwrap_or_default() };
        assert!(said.contains(&expected), "{name} {params:?}: no `{expected}` in:\n{said}\n{}", ran.stderr);
    }
}

#[test]
fn each_tool_says_what_the_cluster_holds() {
    let Some(bench) = cluster() else { return };
    let images = ".items[] | select(.metadata.name == \"oom\") | .spec.containers[].resources.limits.memory";
    each(
        &bench,
        0,
        &[
            ("kubectl_get_by_kind_in_cluster", &["kind=namespaces"], "kube-system"),
            ("kubectl_get_by_kind_in_cluster", &["kind=deployments.apps"], "payments"),
            ("kubectl_get_by_kind_in_namespace", &["kind=po", "namespace=shop"], "app=payments"),
            ("kubectl_get_by_name", &["kind=deploy", "name=payments", "namespace=shop"], "app=payments"),
            ("kubectl_find_resource", &["kind=pods", "keyword=PAYMENTS"], "{payments}"),
            ("kubectl_describe", &["kind=pod", "name=oom", "namespace=faults"], "OOMKilled"),
            ("kubectl_get_yaml", &["kind=pod", "name=oom", "namespace=faults"], "memory: 32Mi"),
            (
                "kubectl_events",
                &["resource_type=pod", "resource_name=unschedulable", "namespace=faults"],
                "FailedScheduling",
            ),
            ("kubectl_events", &["resource_type=pod", "resource_name=no", "namespace=shop"], "No events"),
            ("kubectl_logs", &["pod_name={checkout}", "namespace=shop"], "\"service\": \"checkout\""),
            ("kubectl_logs", &["pod_name={checkout}", "namespace=shop", "since=10m"], "/checkout]"),
            // The kubelet may be replacing the container just now: then its name is in the refusal.
            ("kubectl_previous_logs", &["pod_name={payments}", "namespace=shop"], "payments"),
            (
                "kubectl_logs_grep",
                &["pod_name={checkout}", "namespace=shop", "search_term=nothing|CHECKOUT"],
                "\"checkout\"",
            ),
            ("kubectl_logs_all_containers", &["pod_name=multi-container", "namespace=faults"], "/app]"),
            (
                "kubectl_container_logs",
                &["pod_name=multi-container", "container_name=app", "namespace=faults"],
                "ok",
            ),
            (
                "kubectl_previous_logs_all_containers",
                &["pod_name=multi-container", "namespace=faults"],
                "multi-container",
            ),
            (
                "kubectl_logs_all_containers_grep",
                &["pod_name=multi-container", "namespace=faults", "search_term=^.*ok$"],
                "/app]",
            ),
            ("kubectl_top_pods", &[], "CPU(cores)"),
            ("kubectl_top_nodes", &[], "node-1"),
            ("kubernetes_jq_query", &["kind=pod", &format!("jq_expr={images}")], "32Mi"),
            ("kubernetes_jq_query", &["kind=deploy", "jq_expr=.items[].metadata.name"], "payments"),
            ("kubernetes_count", &["kind=nodes", "jq_expr=.items[]|.metadata.name"], "results\n1 "),
            ("kubernetes_count", &["kind=pods", "jq_expr=.items[]|select(false)"], "0 results"),
            (
                "kubernetes_tabular_query",
                &["kind=pods", "columns=NAME:.metadata.name,PHASE:.status.phase", "filter_pattern=^oom |No"],
                "NAME",
            ),
            (
                "kubernetes_tabular_query",
                &["kind=pods", "columns=NAME:.metadata.name,PHASE:.status.phase", "filter_pattern=^oom "],
                "\noom ",
            ),
            ("kubectl_memory_requests_namespace", &["namespace=faults"], "faults oom 32 32"),
            ("kubectl_memory_requests_all_namespaces", &[], "faults unschedulable 524288 none"),
            (
                "kubectl_lineage_children",
                &["kind=deployment", "name=payments", "namespace=shop"],
                "    Pod/{payments}",
            ),
            (
                "kubectl_lineage_children",
                &["kind=job", "name=nightly-report", "namespace=faults"],
                "Failed (Error)",
            ),
            (
                "kubectl_lineage_parents",
                &["kind=pod", "name={payments}", "namespace=shop"],
                "    owned by Deployment/payments",
            ),
            (
                "kubectl_lineage_parents",
                &["kind=pod", "name=missing-secret", "namespace=faults"],
                "needs secret/stripe-credentials: DOES NOT EXIST",
            ),
            ("kubectl_can_i", &["verb=delete", "resource=pods"], "yes"),
            (
                "kubectl_can_i",
                &["verb=delete", "resource=pods", "as=system:serviceaccount:shop:default"],
                "no",
            ),
            ("kubectl_who_can", &["verb=delete", "resource=po"], "Group system:masters everywhere"),
            ("kubectl_who_can", &["verb=frobnicate", "resource=zorks"], "ClusterRole cluster-admin"),
        ],
    );
}

#[test]
fn logs_of_a_span_of_time_are_filtered_and_bounded() {
    let Some(bench) = cluster() else { return };
    let pod = format!("pod_name={}", pods(&bench)["checkout"]);
    let fetch = |more: &[&str]| tool(&bench, "fetch_pod_logs", &[&[&*pod, "namespace=shop"], more].concat());
    let ran = fetch(&["start_time=-600", "limit=3"]).exits(0);
    assert!(ran.stdout.starts_with("(the last 3 of "), "{}", ran.stdout);
    assert_eq!(ran.stdout.lines().count(), 4, "{}", ran.stdout);
    let ran = fetch(&["filter=service", "exclude_filter=CHECKOUT"]).exits(0);
    assert_eq!(ran.stdout.trim(), "");
    let ran = fetch(&["end_time=2020-01-01T00:00:00Z"]).exits(0);
    assert_eq!(ran.stdout.trim(), "");
    fetch(&["start_time=2020-01-01T00:00:00Z", "limit=1"]).exits(0);
    assert!(fetch(&["start_time=yesteryear"]).exits(1).stderr.contains("invalid date"));
    assert!(fetch(&["filter=(("]).exits(1).stderr.contains("Unmatched"));
}

#[test]
fn what_is_not_there_gives_one_clear_line() {
    let Some(bench) = cluster() else { return };
    let no_pod: &[&str] = &["pod_name=nosuch", "namespace=shop"];
    let no_namespace: &[&str] = &["pod_name=oom", "namespace=nosuch"];
    let pod_gone = "pods \"nosuch\" not found";
    let namespace_gone = "namespaces \"nosuch\" not found";
    let kind_gone = "the server doesn't have a resource type \"zork\"";
    each(
        &bench,
        1,
        &[
            ("kubectl_logs", no_pod, pod_gone),
            ("kubectl_logs", no_namespace, "not found there; what begins so, by namespace: faults/oom"),
            ("kubectl_previous_logs", no_pod, pod_gone),
            ("kubectl_logs_all_containers", no_pod, pod_gone),
            ("fetch_pod_logs", no_pod, pod_gone),
            ("kubectl_logs_grep", &["pod_name=nosuch", "namespace=shop", "search_term=x"], pod_gone),
            (
                "kubectl_container_previous_logs",
                &["pod_name=multi-container", "container_name=nosuch", "namespace=faults"],
                "container nosuch is not valid for pod multi-container",
            ),
            ("kubectl_describe", &["kind=pod", "name=nosuch", "namespace=shop"], pod_gone),
            ("kubectl_get_yaml", &["kind=pod", "name=nosuch", "namespace=shop"], pod_gone),
            ("kubectl_get_by_name", &["kind=pod", "name=nosuch", "namespace=shop"], pod_gone),
            ("kubectl_lineage_children", &["kind=pod", "name=nosuch", "namespace=shop"], pod_gone),
            ("kubectl_lineage_parents", &["kind=pod", "name=nosuch", "namespace=shop"], pod_gone),
            ("kubectl_get_by_kind_in_namespace", &["kind=pods", "namespace=nosuch"], namespace_gone),
            ("kubectl_get_by_kind_in_namespace", &["kind=zork", "namespace=shop"], kind_gone),
            ("kubectl_get_by_kind_in_cluster", &["kind=zork"], kind_gone),
            ("kubectl_find_resource", &["kind=zork", "keyword=x"], kind_gone),
            ("kubernetes_jq_query", &["kind=zork", "jq_expr=.items"], kind_gone),
            ("kubernetes_jq_query", &["kind=pods", "jq_expr=.items[]|foo("], "needs closing parenthesis"),
            (
                "kubernetes_jq_query",
                &["kind=pods", "jq_expr=.items[].kind[]"],
                "cannot use \"Pod\" as iterable",
            ),
            ("kubernetes_count", &["kind=pods", "jq_expr=.items[]|foo"], "there is no filter `foo`"),
            ("kubernetes_tabular_query", &["kind=pods", "columns=NAME"], "unexpected custom-columns spec"),
        ],
    );
}

#[test]
fn an_onlooker_reads_all_but_what_is_forbidden() {
    let Some(bench) = onlooker() else { return };
    each(
        &bench,
        0,
        &[
            ("kubectl_get_by_kind_in_cluster", &["kind=pods"], "CrashLoopBackOff"),
            ("kubectl_get_by_kind_in_namespace", &["kind=pods", "namespace=shop"], "payments"),
            ("kubectl_describe", &["kind=pod", "name=oom", "namespace=faults"], "OOMKilled"),
            ("kubectl_get_yaml", &["kind=pod", "name=oom", "namespace=faults"], "memory: 32Mi"),
            ("kubectl_logs", &["pod_name={checkout}", "namespace=shop"], "\"checkout\""),
            ("kubectl_top_pods", &[], "CPU(cores)"),
            ("kubernetes_jq_query", &["kind=deploy", "jq_expr=.items[].metadata.name"], "payments"),
            (
                "kubectl_lineage_children",
                &["kind=deployment", "name=payments", "namespace=shop"],
                "ReplicaSet/payments-",
            ),
            (
                "kubectl_lineage_parents",
                &["kind=pod", "name=missing-secret", "namespace=faults"],
                "secret/stripe-credentials: unknown: Error from server (Forbidden)",
            ),
            ("kubectl_can_i", &["verb=delete", "resource=pods"], "no"),
        ],
    );
    let forbidden = "(Forbidden)";
    each(
        &bench,
        1,
        &[
            ("kubectl_get_by_kind_in_namespace", &["kind=secrets", "namespace=shop"], forbidden),
            ("kubectl_get_by_kind_in_cluster", &["kind=nodes"], forbidden),
            ("kubectl_find_resource", &["kind=secrets", "keyword=x"], forbidden),
            ("kubectl_describe", &["kind=secret", "name=x", "namespace=shop"], forbidden),
            ("kubectl_get_yaml", &["kind=secret", "name=x", "namespace=shop"], forbidden),
            ("kubernetes_jq_query", &["kind=secrets", "jq_expr=.items"], forbidden),
            ("kubernetes_count", &["kind=secrets", "jq_expr=.items"], forbidden),
            ("kubernetes_tabular_query", &["kind=secrets", "columns=A:.metadata.name"], forbidden),
            ("kubectl_top_nodes", &[], forbidden),
            ("kubectl_who_can", &["verb=get", "resource=pods"], forbidden),
            ("kubectl_can_i", &["verb=get", "resource=pods", "as=bob"], "cannot impersonate"),
        ],
    );
}

/// However the kind is spelt and whatever is asked of it.
#[test]
fn data_of_secrets_never_comes_out() {
    let Some(bench) = cluster() else { return };
    let listed = kubectl(&bench, "get secrets -n shop -o jsonpath={.items[0].metadata.name}");
    if listed.is_empty() {
        println!("SKIPPED: namespace shop has no Secret");
        return;
    }
    let read =
        |template: &str| kubectl(&bench, &format!("get secret {listed} -n shop -o go-template={template}"));
    let encoded = read("{{.data.token}}");
    let token = read("{{.data.token|base64decode}}");
    assert!(encoded.len() > 40 && token.len() > 40, "the Secret holds a token");
    let hidden = |ran: Ran, what: &str| {
        let all = ran.stdout + &ran.stderr;
        for value in [&encoded[..40], &token[..40]] {
            assert!(!all.contains(value), "{what} gives a Secret's data");
        }
        all
    };
    let name = format!("name={listed}");
    for kind in [
        "secret",
        "secrets",
        "Secret",
        "SECRETS",
        "secrets.v1.",
        "secret.v1.",
        "pods,secrets",
        "secrets,pods",
    ] {
        let kind = format!("kind={kind}");
        for tool_name in ["kubectl_get_yaml", "kubectl_describe", "kubectl_get_by_name"] {
            hidden(tool(&bench, tool_name, &[&kind, &name, "namespace=shop"]), &kind);
        }
        hidden(tool(&bench, "kubectl_find_resource", &[&kind, "keyword=token"]), &kind);
        for program in [".", "[.items[] | select(.kind == \"Secret\") | .data, .metadata]"] {
            let program = format!("jq_expr={program}");
            hidden(tool(&bench, "kubernetes_jq_query", &[&kind, &program]), &kind);
        }
        hidden(tool(&bench, "kubernetes_count", &[&kind, "jq_expr=.items[]"]), &kind);
        let columns = "columns=N:.metadata.name,D:.data.token";
        hidden(tool(&bench, "kubernetes_tabular_query", &[&kind, columns]), &kind);
    }
    for (kind, name) in [
        (format!("secret/{listed}"), format!("secrets/{listed}")),
        ("pods/x".to_owned(), format!("secret/{listed}")),
    ] {
        let params = [format!("kind={kind}"), format!("name={name}"), "namespace=shop".to_owned()];
        let params: Vec<&str> = params.iter().map(String::as_str).collect();
        hidden(tool(&bench, "kubectl_get_yaml", &params), "kind/name");
        hidden(tool(&bench, "kubectl_describe", &params), "kind/name");
    }
    let shown = hidden(tool(&bench, "kubectl_get_yaml", &["kind=secret", &name, "namespace=shop"]), "yaml");
    assert!(shown.contains("ca.crt:") && shown.contains("(hidden)"), "{shown}");
    let shown = hidden(
        tool(&bench, "kubernetes_jq_query", &["kind=secrets", "jq_expr=.items[0].data | keys_unsorted[]"]),
        "keys",
    );
    assert!(shown.contains("token"), "{shown}");
}

/// A path below the API server is made of names only.
#[test]
fn a_prometheus_target_is_asked_for_by_names() {
    let Some(bench) = cluster() else { return };
    let on = "toolsets:\n  kubernetes/kube-prometheus-stack: {enabled: true, prerequisites: [{command: 'true'}]}\n";
    let bench = bench.file("on.yaml", on);
    let ask = |namespace: &str| {
        let namespace = format!("prometheus_namespace={namespace}");
        let service = "prometheus_service_name=nosuch";
        tool(&bench, "get_prometheus_target", &[&namespace, service, "target_name=node"]).exits(1).stderr
    };
    let said = ask("shop");
    assert!(said.contains("services \"nosuch\" not found"), "{said}");
    for path in ["shop/../../secrets?x=", "shop%2f..", "Shop"] {
        let said = ask(path);
        assert!(said.contains("are plain names"), "{said}");
    }
}
