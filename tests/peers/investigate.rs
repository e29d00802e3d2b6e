//! `investigate` against Debian's own Prometheus and Alertmanager, started here, and against the cluster of the test bed.
//!
//! The incident is real in a small way: Prometheus is told to scrape a port on which nobody listens, its rule fires, and
//! Alertmanager passes that on. The planted cause is that nothing listens.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::peer::{Peer, free_port, program, request, status};
use crate::support::{Bench, Ran};

const ALERT: &str = "ShopGatewayDown";

/// An Alertmanager, and a Prometheus that fires at it.
struct Monitoring {
    alertmanager: Peer,
    prometheus: Peer,
    /// `127.0.0.1:PORT`: scraped, and nobody is there.
    gone: String,
}

fn said(port: u16, path: &str) -> String {
    request(port, &format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")).unwrap_or_default()
}

fn monitoring() -> Option<Monitoring> {
    let alertmanager = program("prometheus-alertmanager")?;
    let prometheus = program("prometheus")?;
    let alertmanager = Peer::start(
        |folder, port| {
            let config = folder.join("alertmanager.yml");
            let text = "route: {receiver: everyone, group_wait: 1s}\nreceivers: [{name: everyone}]\n";
            std::fs::write(&config, text).unwrap();
            let mut command = Command::new(&alertmanager);
            command
                .arg(format!("--config.file={}", config.display()))
                .arg(format!("--storage.path={}", folder.join("data").display()))
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                .arg("--web.route-prefix=/am")
                .arg("--cluster.listen-address=");
            command
        },
        |port| status(port, "/am/-/ready") == 200,
    );
    let gone = format!("127.0.0.1:{}", free_port());
    let receiver = alertmanager.port;
    let prometheus = Peer::start(
        |folder, port| {
            let (config, rules) = (folder.join("prometheus.yml"), folder.join("rules.yml"));
            let text = format!(
                "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: ['{}']\n\
                 alerting: {{alertmanagers: [{{path_prefix: /am, static_configs: [{{targets: ['127.0.0.1:{receiver}']}}]}}]}}\n\
                 scrape_configs:\n  - {{job_name: self, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n  \
                 - {{job_name: gateway, static_configs: [{{targets: ['{gone}']}}]}}\n",
                rules.display(),
            );
            std::fs::write(&config, text).unwrap();
            let text = format!(
                "groups:\n  - name: shop\n    rules:\n      - {{alert: {ALERT}, expr: 'up{{job=\"gateway\"}} == 0', \
                 annotations: {{summary: 'the gateway does not answer'}}}}\n"
            );
            std::fs::write(&rules, text).unwrap();
            let mut command = Command::new(&prometheus);
            command
                .arg(format!("--config.file={}", config.display()))
                .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
                .arg(format!("--web.listen-address=127.0.0.1:{port}"));
            command
        },
        // It has fired, and has been heard.
        |port| {
            said(port, "/api/v1/alerts").contains("firing")
                && said(receiver, "/am/api/v2/alerts").contains(ALERT)
        },
    );
    Some(Monitoring { alertmanager, prometheus, gone })
}

impl Monitoring {
    /// Of the catalogue only what speaks to these two: nothing else on this machine is looked at.
    fn bench(&self, bench: Bench) -> Bench {
        bench
            .env("HOLMES_TOOLSET", "prometheus/metrics")
            .env("ALERTMANAGER_URL", format!("{}/am", self.alertmanager.url()))
            .env("PROMETHEUS_URL", self.prometheus.url())
    }
}

/// The exhibit a tool made, of a JSON result.
fn exhibit<'a>(result: &'a Value, tool: &str) -> &'a Value {
    result["tool_calls"]
        .as_array()
        .unwrap()
        .iter()
        .find(|call| call["tool_name"] == tool)
        .unwrap_or_else(|| panic!("no {tool} in {:#}", result["tool_calls"]))
}

fn quotes(result: &Value) -> Vec<&str> {
    result["evidence"].as_array().unwrap().iter().filter_map(|one| one["quote"].as_str()).collect()
}

#[test]
fn without_a_model_the_planted_cause_of_a_real_alert_is_named_and_cited() {
    let Some(monitoring) = monitoring() else { return };
    let bench = monitoring.bench(Bench::new());
    let result = bench.run(["investigate", "alert", ALERT, "--no-llm", "-o", "json"]).exits(0).json();
    assert_eq!(result["verdict"], "problem_found", "{result:#}");
    let cause = result["root_cause"].as_str().unwrap();
    assert!(cause.contains(&monitoring.gone) && cause.contains("nothing listens"), "{cause}");
    assert!(quotes(&result).iter().any(|quote| quote.contains("connection refused")), "{result:#}");
    assert!(result["evidence"].as_array().unwrap().iter().all(|one| one["verified"] == true), "{result:#}");
    assert_eq!(result["subject"], format!("alert/{ALERT}"), "{result:#}");
}

#[test]
fn a_model_begins_with_rule_value_and_curve_of_a_real_alert() {
    let Some(monitoring) = monitoring() else { return };
    let cause = format!("nothing listens on {}", monitoring.gone);
    let answer = json!({"call": [{"tool": "answer", "arguments": {
        "root_cause": cause, "verdict": "problem_found", "confidence": "high",
        "findings": [{"claim": "the scrape is refused", "exhibit": "E4", "quote": "connect: connection refused"}],
        "fix": ["start the gateway"]
    }}]});
    let bench = monitoring.bench(Bench::new().model(json!([answer])));
    let ran = bench.run(["investigate", "alert", ALERT, "-o", "json"]).exits(0);
    let result = ran.json();
    let first = bench.scripted().requests()[0].body.to_string();
    // One model call: everything below was there before it.
    assert_eq!(bench.scripted().requests().len(), 1, "{}", ran.stderr);
    for part in [
        "E1 alert",
        "the gateway does not answer",
        "up{job=",
        "connection refused",
        "execute_prometheus_range_query",
    ] {
        assert!(first.contains(part), "{part}: {first}");
    }
    for tool in
        ["list_prometheus_rules", "execute_prometheus_instant_query", "execute_prometheus_range_query"]
    {
        assert_eq!(exhibit(&result, tool)["result"]["status"], "success", "{result:#}");
    }
    assert_eq!(result["root_cause"], format!("nothing listens on {}", monitoring.gone));
    let targets = exhibit(&result, "list_prometheus_targets");
    assert!(targets["result"]["data"].as_str().unwrap().contains(&monitoring.gone), "{targets:#}");
}

#[test]
fn prometheus_itself_tells_its_alerts_and_an_unknown_name_lists_what_fires() {
    let Some(monitoring) = monitoring() else { return };
    let bench = monitoring.bench(Bench::new()).env("ALERTMANAGER_URL", "");
    let ran = bench.run(["investigate", "alert", "shopgatewaydown", "--no-llm"]).exits(0);
    assert!(ran.stdout.contains("nothing listens"), "{}{}", ran.stdout, ran.stderr);
    let ran = bench.run(["investigate", "alert", "ShopGatewyDown", "--no-llm"]).exits(1);
    assert!(ran.stderr.contains(ALERT) && ran.stdout.is_empty(), "{}", ran.stderr);
}

/// A bench for the cluster of the test bed with its own Alertmanager and Prometheus, or a loud skip.
fn bed(bench: Bench) -> Option<Bench> {
    let mut bench = bench;
    let names = [
        ("HOLMES_TEST_KUBECONFIG", "KUBECONFIG"),
        ("HOLMES_TEST_ALERTMANAGER", "ALERTMANAGER_URL"),
        ("HOLMES_TEST_PROMETHEUS", "PROMETHEUS_URL"),
    ];
    for (from, to) in names {
        let Some(value) = std::env::var(from).ok().filter(|value| !value.is_empty()) else {
            println!("SKIPPED: {from} names nothing of the test bed");
            return None;
        };
        bench = bench.env(to, value);
    }
    // The detectors and the changes come with `kubernetes/core`.
    Some(bench.env("HOLMES_TOOLSET", "kubernetes/core,kubernetes/logs,prometheus/metrics"))
}

fn names_memory(ran: &Ran) {
    let result = ran.json();
    assert_eq!(result["verdict"], "problem_found", "{result:#}");
    let cause = result["root_cause"].as_str().unwrap();
    assert!(cause.contains("payments") && cause.contains("OOMKilled"), "{cause}");
    assert!(quotes(&result).iter().any(|quote| quote.contains("OOMKilled")), "{result:#}");
    assert_eq!(result["evidence"][0]["verified"], true, "{result:#}");
}

#[test]
fn on_the_broken_shop_rules_name_the_killed_payments_for_its_own_alert_and_for_the_errors_it_causes() {
    for alert in [["KubernetesPodOOMKilled", "namespace=shop"], ["HighErrorRate", "app=checkout"]] {
        let Some(bench) = bed(Bench::new()) else { return };
        let ran =
            bench.run(["investigate", "alert", alert[0], "-l", alert[1], "--no-llm", "-o", "json"]).exits(0);
        names_memory(&ran);
    }
}

#[test]
fn on_the_broken_shop_a_model_begins_with_what_decides() {
    let answer = json!({"call": [{"tool": "answer", "arguments": {
        "root_cause": "payments 1.9.0 needs more memory than its limit: OOMKilled", "verdict": "problem_found",
        "confidence": "high",
        "findings": [{"claim": "killed at its limit", "exhibit": "E2", "quote": "OOMKilled"}],
        "fix": ["kubectl rollout undo deployment/payments -n shop"]
    }}]});
    let Some(bench) = bed(Bench::new().model(json!([answer]))) else { return };
    let ran = bench
        .run(["investigate", "alert", "KubernetesPodOOMKilled", "-l", "namespace=shop", "-o", "json"])
        .exits(0);
    names_memory(&ran);
    let requests = bench.scripted().requests();
    assert_eq!(requests.len(), 1, "{}", ran.stderr);
    let first = requests[0].body.to_string();
    for part in [
        "E1 alert",
        "OOMKilled",
        "kube_pod_container_status_last_terminated_reason",
        "Runbook `oom-killed`",
        "1.9.0",
    ] {
        assert!(first.contains(part), "{part}: {first}");
    }
}

/// Kind, name, namespace; words of the root cause; words of the first fix.
const PLANTED: &[(&str, &str, &str, &str, &str)] = &[
    ("deployment", "payments", "shop", "OOMKilled", "rollout undo deployment/payments"),
    // What calls payments suffers from it, and its own start hours ago has nothing to do with it.
    ("service", "checkout", "shop", "payments", "rollout undo deployment/payments"),
    ("deployment", "recommendations", "shop", "image", "correct the image's name or tag"),
    ("deployment", "settlement-worker", "shop", "postgres-primary", "correct the host name"),
    ("pod", "missing-secret", "faults", "does not exist", "stripe-credentials"),
    ("pod", "missing-configmap-volume", "faults", "app-settings", "app-settings"),
    ("pod", "unschedulable", "faults", "no node takes it", "lower what the pod requests"),
    ("pod", "oom", "faults", "OOMKilled", "limits.memory"),
    ("pod", "bad-command", "faults", "cannot be started", "`command`/`args`"),
    ("pod", "liveness-kills", "faults", "liveness probe fails", "make the probed endpoint answer"),
    ("pod", "never-ready", "faults", "readiness probe fails", "make the probed endpoint answer"),
    ("pod", "init-fails", "faults", "no relation `orders`", "run the migration"),
    ("pod", "waits-for-volume", "faults", "fast-ssd", "storage class"),
    ("pvc", "data", "faults", "fast-ssd", "storage class"),
    ("service", "no-endpoints", "faults", "fits no pod", "selector"),
    ("deployment", "quota-blocked", "faults", "its pods cannot be made", ""),
    ("job", "nightly-report", "faults", "disk is full", "free space"),
];

#[test]
fn workloads_of_the_cluster_are_investigated_by_name_and_nothing_else_is_blamed() {
    for (kind, name, namespace, cause, fix) in PLANTED {
        let Some(bench) = bed(Bench::new()) else { return };
        let ran = bench.run(["investigate", kind, name, "-n", namespace, "--no-llm", "-o", "json"]).exits(0);
        let result = ran.json();
        let said = result["root_cause"].as_str().unwrap();
        assert!(said.contains(cause), "{kind}/{name}: {said}");
        assert_eq!(result["evidence"][0]["verified"], true, "{result:#}");
        assert!(result["fix"][0].as_str().unwrap().contains(fix), "{kind}/{name}: {:#}", result["fix"]);
        for (_, other, ..) in PLANTED.iter().filter(|(_, other, ..)| other != name && *namespace == "faults")
        {
            assert!(!said.contains(&format!("`{other}`")), "{kind}/{name} blames {other}: {said}");
        }
    }
}

#[test]
fn what_is_well_gets_no_cause_of_its_neighbours() {
    for (kind, name, namespace) in [
        ("deployment", "redis", "shop"),
        ("service", "inventory", "shop"),
        ("service", "kube-dns", "kube-system"),
    ] {
        let Some(bench) = bed(Bench::new()) else { return };
        let ran = bench.run(["investigate", kind, name, "-n", namespace, "--no-llm", "-o", "json"]).exits(0);
        let result = ran.json();
        assert_ne!(result["verdict"], "problem_found", "{result:#}");
        let said = result["root_cause"].as_str().unwrap();
        assert!(said.starts_with("No cause was found") && said.contains(name), "{said}");
    }
}

#[test]
fn a_name_that_is_nearly_right_gets_the_right_one() {
    let Some(bench) = bed(Bench::new()) else { return };
    let ran = bench.run(["investigate", "deployment", "paymnts", "-n", "shop", "--no-llm"]).exits(1);
    assert!(ran.stderr.contains("payments"), "{}", ran.stderr);
}
