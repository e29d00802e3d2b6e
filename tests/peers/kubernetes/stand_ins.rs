//! helm, argocd, oc, cilium and hubble where no package has them: stand-ins that know exactly the documented
//! command lines, and what comes of their output. They prove what is passed and what is hidden, not how the real
//! programs answer. oc's stand-in passes to kubectl what both have in common.

use std::os::unix::fs::PermissionsExt as _;

use super::{Bench, Ran, reaching};

const ON: &str = "toolsets:
  helm/core: {enabled: true}
  argocd/core: {enabled: true}
  openshift/core: {enabled: true}
  openshift/extras: {enabled: true}
  openshift/logs: {enabled: true}
  openshift/live-metrics: {enabled: true}
  openshift/security: {enabled: true}
  cilium/extras: {enabled: true}
  hubble/observability: {enabled: true}
  hubble/extras: {enabled: true}
";

/// A bench whose PATH begins with `program`, a shell script.
fn with(bench: Bench, program: &str, script: &str) -> Bench {
    let bench = bench.file(&format!("bin/{program}"), format!("#!/bin/bash\n{script}")).file("on.yaml", ON);
    let path = bench.path(&format!("bin/{program}"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let folder = bench.path("bin");
    bench.env("PATH", format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default()))
}

fn tool(bench: &Bench, toolset: &str, name: &str, params: &[&str]) -> Ran {
    bench.run(
        [&["toolset", "run", name, "--toolset", toolset, "--raw", "-t", "on.yaml", "--"], params].concat(),
    )
}

fn each(bench: &Bench, rows: &[(&str, &str, &[&str], &str)]) {
    for (toolset, name, params, expected) in rows {
        let ran = tool(bench, toolset, name, params).exits(0);
        assert!(
            ran.stdout.contains(expected),
            "{name} {params:?}: no `{expected}` in:\n{}\n{}",
            ran.stdout,
            ran.stderr
        );
    }
}

const HELM: &str = r#"
case "$*" in
  "version --short") echo v3.19.0 ;;
  "list -A -q --max 1") echo shop ;;
  "list --help") echo "  -a, --all                  show all releases without any filter applied" ;;
  "list -A -a --max 500") echo "shop shop 7 failed shop-1.4.2" ;;
  "get values -a shop -n shop -o json") cat <<'JSON'
{"image":{"tag":"1.9.0"},"replicas":2,"auth":{"existingSecret":"shop-db","password":"hunter2","enabled":true},
 "postgres":{"url":"postgres://shop:hunter2@db:5432/shop"},"env":[{"name":"DB_PASSWORD","value":"hunter2"},{"name":"MODE","value":"fast"}],
 "secrets":{"STRIPE":"hunter2"},"apiKey":"hunter2","tolerations":[{"key":"gpu"}],"empty":{}}
JSON
  ;;
  "get values -a none -n shop -o json") echo null ;;
  "status --help") echo "      --show-desc        if set, display the description message" ;;
  "status shop -n shop --show-desc") echo "STATUS: failed" ;;
  "history shop -n shop --max 50") echo "7 failed Upgrade \"shop\" failed: timed out" ;;
  "get metadata --help") ;;
  "get metadata shop -n shop") echo "CHART: shop" ;;
  "get notes shop -n shop") echo "NOTES: thank you" ;;
  "get hooks shop -n shop") printf -- '---\napiVersion: v1\nkind: Secret\nstringData:\n  seed: hunter2\n---\nkind: Job\nmetadata:\n  name: migrate\n' ;;
  "get manifest shop -n shop") cat <<'YAML'
---
# Source: shop/templates/secret.yaml
apiVersion: v1
kind: Secret
metadata:
  name: shop-db
data:
  password: aHVudGVyMg==
  long: |
    aHVudGVyMg==
    hunter2

    hunter2
  "quoted": hunter2
type: Opaque
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: shop
data:
  mode: fast
---
apiVersion: v1
stringData: {seed: hunter2}
kind: "Secret"
metadata: {name: flow}
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Secret
  data:
    password: hunter2
  metadata:
    name: listed
---
{"apiVersion":"v1","kind":"Secret","data":{"a":"hunter2"}}
YAML
  ;;
  *" gone -n shop"*) echo "Error: release: not found" >&2; exit 1 ;;
  *) echo "helm: not in its documentation: $*" >&2; exit 64 ;;
esac
"#;

#[test]
fn helm_is_asked_as_documented_and_tells_no_password() {
    let bench = with(Bench::new(), "helm", HELM);
    let shop: &[&str] = &["release_name=shop", "namespace=shop"];
    each(
        &bench,
        &[
            ("helm/core", "helm_list", &[], "failed shop-1.4.2"),
            ("helm/core", "helm_status", shop, "STATUS: failed"),
            ("helm/core", "helm_history", shop, "timed out"),
            ("helm/core", "helm_chart", shop, "CHART: shop"),
            ("helm/core", "helm_notes", shop, "thank you"),
            ("helm/core", "helm_hooks", shop, "name: migrate"),
            ("helm/core", "helm_values", shop, "image.tag = \"1.9.0\""),
            ("helm/core", "helm_values", shop, "auth.existingSecret = \"shop-db\""),
            ("helm/core", "helm_values", shop, "auth.password = (hidden)"),
            ("helm/core", "helm_values", shop, "postgres.url = \"postgres://(hidden)@db:5432/shop\""),
            ("helm/core", "helm_values", shop, "env[0].value = (hidden)"),
            ("helm/core", "helm_values", shop, "env[1].value = \"fast\""),
            ("helm/core", "helm_values", shop, "tolerations[0].key = \"gpu\""),
            ("helm/core", "helm_values", &["release_name=none", "namespace=shop"], "(no values)"),
            (
                "helm/core",
                "helm_manifest",
                shop,
                "  password: (hidden)\n  long: (hidden)\n  \"quoted\": (hidden)\ntype: Opaque",
            ),
            ("helm/core", "helm_manifest", shop, "  mode: fast"),
            ("helm/core", "helm_manifest", shop, "    name: listed"),
        ],
    );
    for name in ["helm_values", "helm_manifest", "helm_hooks"] {
        let ran = tool(&bench, "helm/core", name, shop);
        assert!(
            !ran.stdout.contains("hunter2") && !ran.stdout.contains("aHVudGVy"),
            "{name}:\n{}",
            ran.stdout
        );
        let ran = tool(&bench, "helm/core", name, &["release_name=gone", "namespace=shop"]).exits(1);
        assert!(ran.stderr.contains("release: not found"), "{name}:\n{}", ran.stderr);
    }
}

const ARGOCD: &str = r#"
test "$ARGOCD_AUTH_TOKEN" = t0ken-of-argocd || { echo "not logged in" >&2; exit 20; }
case "$*" in
  "version --client --short") echo "argocd: v2.14.1" ;;
  "proj list -o name") echo default ;;
  "app diff shop --exit-code=false") echo "< image: shop:1.8.3" ;;
  "app manifests shop"|"app manifests shop --revision abc --source git") printf -- '---\nkind: Secret\ndata:\n  a: hunter2\n---\nkind: Service\nmetadata:\n  name: web\n' ;;
  "app manifests gone") echo "rpc error: code = NotFound desc = applications \"gone\" not found" >&2; exit 20 ;;
  "repo list") echo "git https://bot:hunter2@git.example/shop.git Failed" ;;
  "app list"|"app get shop --show-operation -o wide"|"app history shop"|"app history shop -N argo"|"app resources shop"|"proj list"|"proj get default"|"cluster list") echo "said: $*" ;;
  *) echo "argocd: not in its documentation: $*" >&2; exit 64 ;;
esac
"#;

#[test]
fn argocd_is_asked_as_documented() {
    let bench = with(Bench::new(), "argocd", ARGOCD).env("ARGOCD_AUTH_TOKEN", "t0ken-of-argocd");
    let shop: &[&str] = &["app_name=shop"];
    each(
        &bench,
        &[
            ("argocd/core", "argocd_app_list", &[], "said: app list"),
            ("argocd/core", "argocd_app_get", shop, "said: app get shop"),
            ("argocd/core", "argocd_app_diff", shop, "< image: shop:1.8.3"),
            ("argocd/core", "argocd_app_history", shop, "said: app history shop"),
            ("argocd/core", "argocd_app_history", &["app_name=shop", "namespace=argo"], "shop -N argo"),
            ("argocd/core", "argocd_app_manifests", shop, "  a: (hidden)\n---\nkind: Service"),
            ("argocd/core", "argocd_app_resources", shop, "said: app resources shop"),
            (
                "argocd/core",
                "argocd_app_manifest_source_revision",
                &["app_name=shop", "revision=abc", "source=git"],
                "name: web",
            ),
            ("argocd/core", "argocd_repo_list", &[], "https://(hidden)@git.example/shop.git Failed"),
            ("argocd/core", "argocd_proj_list", &[], "said: proj list"),
            ("argocd/core", "argocd_proj_get", &["project_name=default"], "said: proj get default"),
            ("argocd/core", "argocd_cluster_list", &[], "said: cluster list"),
        ],
    );
    let ran = tool(&bench, "argocd/core", "argocd_app_manifests", &["app_name=gone"]).exits(1);
    assert!(ran.stderr.contains("applications \"gone\" not found"), "{}", ran.stderr);
    let out = with(Bench::new(), "argocd", ARGOCD);
    let ran = tool(&out, "argocd/core", "argocd_app_list", &[]).exits(1);
    assert!(ran.stderr.contains("not logged in"), "{}", ran.stderr);
}

const OC: &str = r#"
case "$*" in
  "get --raw /apis/config.openshift.io --request-timeout=3s") echo '{}' ;;
  "get clusteroperators --request-timeout=20s -o json") echo '{"items":[{"metadata":{"name":"dns"},"status":{"conditions":[{"type":"Degraded","status":"True","reason":"Down","message":"no pod"}]}}]}' ;;
  "get projects "*|"get routes "*|"get builds "*|"get buildconfigs "*|"get imagestreams "*|"get deploymentconfigs "*|"get clusterversion,"*|"get scc "*|"describe scc "*|"describe route "*) echo "said: $*" ;;
  project|"logs build/"*|"adm policy who-can "*) echo "said: $*" ;;
  "adm node-logs "*) printf '{"verb":"get"}\n{"verb":"delete"}\n' ;;
  "adm top "*) shift; exec kubectl "$@" ;;
  *) exec kubectl "$@" ;;
esac
"#;

#[test]
fn oc_is_asked_as_documented() {
    let Some(bench) = reaching("HOLMES_TEST_KUBECONFIG") else { return };
    let bench = with(bench, "oc", OC);
    let oom: &[&str] = &["kind=pod", "name=oom", "namespace=faults"];
    let multi: &[&str] = &["pod_name=multi-container", "namespace=faults"];
    let app: &[&str] = &["pod_name=multi-container", "container_name=app", "namespace=faults"];
    let sidecar: &[&str] = &["pod_name=multi-container", "container_name=sidecar", "namespace=faults"];
    let ok: &[&str] = &["pod_name=multi-container", "namespace=faults", "search_term=ok"];
    each(
        &bench,
        &[
            ("openshift/core", "oc_describe", oom, "OOMKilled"),
            ("openshift/core", "oc_get_by_name", oom, "oom"),
            (
                "openshift/core",
                "oc_get_by_kind_in_namespace",
                &["kind=pods", "namespace=shop"],
                "app=payments",
            ),
            ("openshift/core", "oc_get_by_kind_in_cluster", &["kind=namespaces"], "kube-system"),
            ("openshift/core", "oc_find_resource", &["kind=pods", "keyword=payments"], "payments-"),
            ("openshift/core", "oc_get_yaml", oom, "memory: 32Mi"),
            (
                "openshift/core",
                "oc_events",
                &["resource_type=pod", "resource_name=unschedulable", "namespace=faults"],
                "FailedScheduling",
            ),
            ("openshift/core", "oc_projects", &[], "said: get projects"),
            ("openshift/core", "oc_routes", &[], "said: get routes -A -o wide"),
            ("openshift/core", "oc_routes", &["namespace=shop"], "said: get routes -n shop -o wide"),
            ("openshift/core", "oc_builds", &[], "said: get builds -A"),
            (
                "openshift/core",
                "oc_build_logs",
                &["build_name=web-1", "namespace=shop"],
                "logs build/web-1 -n shop --tail=500",
            ),
            ("openshift/core", "oc_clusteroperators", &[], "dns Degraded=True: Down: no pod"),
            ("openshift/extras", "oc_project_current", &[], "said: project"),
            ("openshift/extras", "oc_route_describe", &["route_name=web"], "said: describe route web"),
            ("openshift/extras", "oc_imagestreams", &[], "said: get imagestreams -A"),
            ("openshift/extras", "oc_deploymentconfigs", &[], "said: get deploymentconfigs -A"),
            ("openshift/extras", "oc_buildconfigs", &[], "said: get buildconfigs -A"),
            (
                "openshift/extras",
                "oc_adm_openshift_audit_logs",
                &["node_name=n1"],
                "\"get\"}\n{\"verb\":\"delete\"}",
            ),
            (
                "openshift/extras",
                "oc_adm_openshift_audit_logs_with_filter",
                &["node_name=n1", "grep_filter=DELETE"],
                "{\"verb\":\"delete\"}",
            ),
            (
                "openshift/extras",
                "openshift_jq_query",
                &["kind=deploy", "jq_expr=.items[].metadata.name"],
                "payments",
            ),
            ("openshift/logs", "oc_logs", multi, "/app]"),
            ("openshift/logs", "oc_logs_all_containers", multi, "/app]"),
            ("openshift/logs", "oc_previous_logs", multi, "container"),
            ("openshift/logs", "oc_previous_logs_all_containers", multi, "container"),
            ("openshift/logs", "oc_container_logs", app, "ok"),
            ("openshift/logs", "oc_container_logs", sidecar, "panic"),
            ("openshift/logs", "oc_logs_grep", ok, "ok"),
            ("openshift/logs", "oc_logs_all_containers_grep", ok, "/app]"),
            ("openshift/live-metrics", "oc_top_pods", &[], "CPU(cores)"),
            ("openshift/live-metrics", "oc_top_nodes", &[], "node-1"),
            ("openshift/security", "oc_scc", &["scc_name=restricted"], "said: get scc restricted"),
            (
                "openshift/security",
                "oc_scc_describe",
                &["scc_name=restricted"],
                "said: describe scc restricted",
            ),
            (
                "openshift/security",
                "oc_policy_who_can",
                &["verb=get", "resource=pods", "namespace=shop"],
                "who-can get pods -n shop",
            ),
            ("openshift/security", "oc_policy_can_i", &["verb=get", "resource=pods"], "yes"),
            ("openshift/security", "oc_serviceaccounts", &["namespace=shop"], "default"),
            ("openshift/security", "oc_rolebindings", &[], "kube-system"),
            ("openshift/security", "oc_clusterrolebindings", &[], "cluster-admin"),
        ],
    );
    let ran = tool(&bench, "openshift/core", "oc_get_yaml", &["kind=pod", "name=nosuch", "namespace=shop"])
        .exits(1);
    assert!(ran.stderr.contains("pods \"nosuch\" not found"), "{}", ran.stderr);
    let program = "jq_expr=[.items[] | .data[]] | unique[]";
    let ran = tool(&bench, "openshift/extras", "openshift_jq_query", &["kind=secrets.v1.", program]).exits(0);
    assert_eq!(ran.stdout.trim(), "hidden");
}

const CILIUM: &str = r#"
case "$*" in
  "version --client"|version|"status --wait=false"|"status --verbose --wait=false"|"config view"|"clustermesh status --wait=false"|"encryption status"|context|"features status"|"bgp peers"|"bgp routes"|"multicast list group") echo "said: $*" ;;
  *) echo "cilium: not in its documentation: $*" >&2; exit 64 ;;
esac
"#;

#[test]
fn cilium_is_asked_as_documented() {
    let bench = with(Bench::new(), "cilium", CILIUM);
    // Its other condition is a cluster that has Cilium's API group.
    let bench = with(bench, "kubectl", "test \"$*\" = 'get --raw /apis/cilium.io --request-timeout=3s'");
    each(
        &bench,
        &[
            ("cilium/core", "cilium_status", &[], "said: status --wait=false"),
            ("cilium/core", "cilium_config", &[], "said: config view"),
            ("cilium/core", "cilium_clustermesh_status", &[], "said: clustermesh status"),
            ("cilium/core", "cilium_encryption_status", &[], "said: encryption status"),
            ("cilium/extras", "cilium_status_verbose", &[], "said: status --verbose"),
            ("cilium/extras", "cilium_install_status", &[], "said: status"),
            ("cilium/extras", "cilium_version", &[], "said: version"),
            ("cilium/extras", "cilium_context", &[], "said: context"),
            ("cilium/extras", "cilium_features_status", &[], "said: features status"),
            ("cilium/extras", "cilium_bgp_peers", &[], "said: bgp peers"),
            ("cilium/extras", "cilium_bgp_routes", &[], "said: bgp routes"),
            ("cilium/extras", "cilium_multicast_groups", &[], "said: multicast list group"),
        ],
    );
}

#[test]
fn hubble_is_asked_as_documented() {
    let bench =
        with(Bench::new(), "hubble", "echo \"said: $* by $HUBBLE_SERVER\"").env("HUBBLE_SERVER", "relay:443");
    let pod: &[&str] = &[
        "namespace=shop",
        "pod_name=web",
        "verdict=DROPPED",
        "port=443",
        "protocol=tcp",
        "since=5m",
        "last=9",
    ];
    let said =
        "observe --last 9 --since 5m --pod shop/web --verdict DROPPED --protocol tcp --port 443 by relay:443";
    let between: &[&str] = &["src_namespace=shop", "dst_namespace=faults"];
    let web: &[&str] = &["namespace=shop", "pod_name=web"];
    each(
        &bench,
        &[
            ("hubble/observability", "hubble_status", &[], "said: status by relay:443"),
            ("hubble/observability", "hubble_observe", &[], "said: observe --last 200 by"),
            ("hubble/observability", "hubble_observe", &["namespace=shop"], "--last 200 --namespace shop by"),
            ("hubble/observability", "hubble_observe", pod, said),
            ("hubble/observability", "hubble_observe_drops", &[], "--verdict DROPPED --last 100"),
            ("hubble/extras", "hubble_list_nodes", &[], "said: list nodes"),
            ("hubble/extras", "hubble_observe_namespace", &["namespace=shop"], "--namespace shop --last 100"),
            ("hubble/extras", "hubble_observe_pod", &["pod_name=shop/web"], "--pod shop/web --last 100"),
            ("hubble/extras", "hubble_observe_since", &["time_duration=5m"], "--since 5m"),
            ("hubble/extras", "hubble_observe_http", &[], "--protocol http"),
            ("hubble/extras", "hubble_observe_dns", &[], "--protocol dns"),
            ("hubble/extras", "hubble_observe_grpc", &[], "--protocol grpc"),
            ("hubble/extras", "hubble_observe_forwarded", &[], "--verdict FORWARDED"),
            ("hubble/extras", "hubble_observe_service", &["service_name=shop/web"], "--service shop/web"),
            ("hubble/extras", "hubble_observe_port", &["port=443"], "--port 443"),
            ("hubble/extras", "hubble_observe_from_pod", web, "--from-pod shop/web"),
            ("hubble/extras", "hubble_observe_to_pod", web, "--to-pod shop/web"),
            (
                "hubble/extras",
                "hubble_observe_between_namespaces",
                between,
                "--from-namespace shop --to-namespace faults",
            ),
            ("hubble/extras", "hubble_observe_flows_summary", &[], "--output compact"),
            ("hubble/extras", "hubble_observe_security_events", &[], "--verdict DROPPED"),
            ("hubble/extras", "hubble_observe_policy_verdicts", &[], "--type policy-verdict"),
            ("hubble/extras", "hubble_observe_l7_traffic", &[], "--type l7"),
            ("hubble/extras", "hubble_observe_json", &[], "--output json"),
        ],
    );
}
