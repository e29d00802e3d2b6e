//! Tools of the Prometheus family against Debian's own.

use std::process::Command;

use crate::stand_in::{StandIn, configured, says, tool};
use crate::support::Bench;
use crate::support::peer::{Peer, free_port, program, request};

/// Prometheus that scrapes itself and a port where nobody is, with an alert that always fires.
fn prometheus() -> Option<Peer> {
    let program = program("prometheus")?;
    let start = |folder: &std::path::Path, port: u16| {
        let config = folder.join("prometheus.yml");
        let rules = folder.join("rules.yml");
        let text = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: ['{}']\nscrape_configs:\n  - {{job_name: self, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n  - {{job_name: gone, static_configs: [{{targets: ['127.0.0.1:{}']}}]}}\n",
            rules.display(),
            free_port()
        );
        std::fs::write(&config, text).unwrap();
        let rules_text = "groups:\n  - name: checks\n    rules:\n      - {alert: TargetGone, expr: 'up == 0', labels: {severity: critical}, annotations: {summary: '{{ $labels.job }} does not answer'}}\n      - {alert: Never, expr: 'up > 7', for: 5m}\n      - {record: 'job:up:sum', expr: 'sum by (job) (up)'}\n";
        std::fs::write(&rules, rules_text).unwrap();
        let mut command = Command::new(&program);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command
    };
    let said = |port, path: &str| {
        request(port, &format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")).unwrap_or_default()
    };
    let ready = move |port| {
        said(port, "/api/v1/alerts").contains("firing")
            && said(port, "/api/v1/query?query=count_over_time(up%7Bjob=%22self%22%7D%5B1m%5D)>3")
                .contains("\"metric\"")
    };
    Some(Peer::start(start, ready))
}

#[test]
fn queries_are_answered_and_summarised() {
    let Some(prometheus) = prometheus() else { return };
    let bench = Bench::new().env("PROMETHEUS_URL", prometheus.url());
    let instant = "execute_prometheus_instant_query";
    let range = "execute_prometheus_range_query";

    let up =
        says(tool(&bench, instant, &["query=up"]), &["2 series at ", "job=\"self\"} 1", "job=\"gone\"} 0"]);
    assert!(up.find("} 1").unwrap() < up.find("} 0").unwrap(), "the highest first: {up}");
    says(tool(&bench, instant, &["query=1 + 1"]), &["2\n"]);
    says(tool(&bench, instant, &["query=up{job=\"self\"}[1m]"]), &["1 series of raw samples", " n="]);
    says(tool(&bench, instant, &["query=nosuch", "time=-60"]), &["no data", "get_metric_names"]);
    // Marks of every quoting reach the server as they are.
    let hostile = r#"query=up{job="'; $(id) `id` & + % \\ \" é"}"#;
    says(tool(&bench, instant, &[hostile]), &["no data"]);

    let curve = says(
        tool(
            &bench,
            range,
            &["query=up", "start=5m", "step=1", "output_type=Plain", "description=who is up"],
        ),
        &["2 series, step ", "constant 1", "constant 0"],
    );
    // 300 s at 1 s are 301 points: one too many.
    assert!(curve.contains("step 2 s"), "{curve}");
    says(
        tool(&bench, range, &["query=timestamp(up)", "start=-20", "step=1"]),
        &["first=", "last=", "min=", "@", "max=", "avg=", "every "],
    );
    says(tool(&bench, range, &["query=process_resident_memory_bytes", "output_type=Bytes"]), &["MiB"]);
    says(
        tool(&bench, range, &["query=up", "start=2020-01-01T00:00:00Z", "end=2020-01-01T02:00:00+01:00"]),
        &["no data from 2020-01-01T00:00:00Z to 2020-01-01T01:00:00Z"],
    );
    says(tool(&bench, range, &["query=up", "start=1577836800", "end=1577840400"]), &["2020-01-01T00:00:00Z"]);
    // A bare day is all of it.
    says(
        tool(&bench, range, &["query=up", "start=2020-01-01", "end=2020-01-01", "step=5 minutes"]),
        &["no data from 2020-01-01T00:00:00Z to 2020-01-02T00:00:00Z"],
    );
    says(
        tool(&bench, range, &["query=up", "start=20d"]),
        &["step 7200 s", "(one value each step: max_over_time(…[7200s]) shows peaks between)"],
    );
    let many = says(
        tool(&bench, range, &["query={__name__=~\"prometheus_.*\",job=\"self\"}", "start=60"]),
        &["curves only of the 12 series", "left out: "],
    );
    assert!(many.lines().count() < 90, "{many}");
}

#[test]
fn mistakes_are_said_in_a_line() {
    let Some(prometheus) = prometheus() else { return };
    let bench = Bench::new().env("PROMETHEUS_URL", prometheus.url());
    for (name, params, reason) in [
        ("execute_prometheus_range_query", ["query=up{", ""], "bad_data: 1:4: parse error"),
        ("execute_prometheus_instant_query", ["query=rate(up)", ""], "expected type range vector"),
        ("execute_prometheus_range_query", ["query=up", "start=soon"], "no time: soon"),
        (
            "execute_prometheus_range_query",
            ["query=up", "start=2200-01-01"],
            "start 2200-01-01T00:00:00Z is not before end",
        ),
        ("execute_prometheus_range_query", ["query=up", "start=yesterday"], ""),
        ("execute_prometheus_range_query", ["query=up", "start=1 hour and 5 minutes ago"], ""),
        ("execute_prometheus_range_query", ["query=up", "start=now - 90min"], ""),
        ("execute_prometheus_range_query", ["query=up", "start=2020-01-01T00:00:00"], ""),
        ("get_label_values", ["label=../../admin", ""], "not a label name"),
        ("execute_prometheus_range_query", ["query=up", "end=2h"], ""),
    ] {
        let params: Vec<&str> = params.into_iter().filter(|param| !param.is_empty()).collect();
        let ran = tool(&bench, name, &params);
        if reason.is_empty() {
            ran.exits(0);
        } else {
            let ran = ran.exits(1);
            assert!(ran.stderr.contains(reason), "{params:?}: {}", ran.stderr);
            assert_eq!(ran.stderr.trim().lines().count(), 1, "{}", ran.stderr);
        }
    }
}

#[test]
fn rules_alerts_targets_and_names_are_listed() {
    let Some(prometheus) = prometheus() else { return };
    let bench = Bench::new().env("PROMETHEUS_URL", prometheus.url());
    let rules = says(
        tool(&bench, "list_prometheus_rules", &[]),
        &[
            "3 rules",
            "firing TargetGone [checks] severity=critical alerts=1: up == 0",
            "inactive Never [checks] for 300s",
            "recording job:up:sum",
        ],
    );
    assert!(rules.find("TargetGone").unwrap() < rules.find("Never").unwrap());
    says(tool(&bench, "list_prometheus_rules", &["filter=NEVER"]), &["1 rules", "Never"]);
    says(tool(&bench, "list_prometheus_alerts", &[]), &["1 alerts", "TargetGone", "gone does not answer"]);
    says(
        tool(&bench, "list_prometheus_targets", &[]),
        &["2 targets: 1 down, 1 up", "job=\"gone\"", "connection refused"],
    );
    let up = says(tool(&bench, "list_prometheus_targets", &["filter=self"]), &["1 targets: 1 up"]);
    assert!(!up.contains("gone"), "{up}");
    says(
        tool(&bench, "get_metric_names", &["match={__name__=~\"prometheus_build.*\"}"]),
        &["prometheus_build_info"],
    );
    for part in ["match=prometheus_build", "match=*heus_build*", "match=.*build_info"] {
        says(tool(&bench, "get_metric_names", &[part]), &["prometheus_build_info"]);
    }
    says(
        tool(&bench, "list_available_metrics", &["name_filter=BUILD_info", "type_filter=gauge"]),
        &["prometheus_build_info gauge: "],
    );
    for (params, count) in [
        (&["type=record"][..], "1 rules"),
        (&["rule_name=Never, TargetGone"], "2 rules"),
        (&["rule_group=checks", "match={severity=~\"crit.*\"}"], "1 rules"),
        (&["file=/nowhere.yml"], "no rules that match"),
        (&["jq=.data.groups | length"], "1\n"),
        (&["max_depth=2"], "\"groups\":\"…\""),
    ] {
        says(tool(&bench, "list_prometheus_rules", params), &[count]);
    }
    says(tool(&bench, "get_metric_names", &["match=nosuch"]), &["nothing: "]);
    says(tool(&bench, "get_label_values", &["label=job", "match=up"]), &["2\n", "gone\n", "self\n"]);
    says(tool(&bench, "get_all_labels", &["match=up", "start=1h"]), &["__name__\n", "instance\n", "job\n"]);
    says(tool(&bench, "get_series", &["match=up{job=\"self\"}"]), &["1\n", "up{", "job=\"self\""]);
    says(
        tool(&bench, "get_metric_metadata", &["metric=prometheus_build_info"]),
        &["prometheus_build_info gauge: "],
    );
}

/// A login page in front of it answers 200 to everything.
#[test]
fn a_web_page_is_no_answer() {
    let page = StandIn::start(&[
        ("query=1", 200, "{}"),
        ("", 200, "<!doctype html><html><body>Sign in <b>please</b></body></html>"),
    ]);
    let bench = Bench::new().env("PROMETHEUS_URL", page.url());
    let ran = tool(&bench, "execute_prometheus_instant_query", &["query=up"]).exits(1);
    let said = &ran.stderr;
    assert!(said.contains("a web page, no API:") && said.contains("Sign in please"), "{said}");
}

#[test]
fn prerequisites_tell_what_is_wrong_apart() {
    let wrong = StandIn::start(&[("/denied/", 401, "{}")]);
    let check = |url: &str| {
        let bench = Bench::new().file(
            "config.yaml",
            format!(
                "toolsets: {{prometheus/metrics: {{enabled: true, config: {{prometheus_url: '{url}'}}}}}}"
            ),
        );
        bench.run(["toolset", "check", "prometheus/metrics", "-t", "config.yaml"])
    };
    for (url, reason) in [
        (wrong.url() + "/denied", "refuses these credentials (HTTP 401)"),
        // An old configuration for a service that wants each request signed.
        ("http://127.0.0.1:9/x', aws_region: 'eu-west-1".to_owned(), "requests are not signed here"),
        (wrong.url() + "/elsewhere", "answers HTTP 404: is it the base URL"),
        (format!("http://127.0.0.1:{}", free_port()), "Failed to connect"),
    ] {
        let ran = check(&url);
        assert!((ran.stdout.clone() + &ran.stderr).contains(reason), "{url}: {ran:?}");
    }
}

/// As they stand in the configuration, also with marks that curl's own file treats specially.
#[test]
fn credentials_arrive_and_are_no_arguments() {
    let served = StandIn::start(&[(
        "/api/v1/query",
        200,
        r#"{"status":"success","data":{"resultType":"scalar","result":[1,"7"]}}"#,
    )]);
    let config = format!(
        r#"toolsets: {{prometheus/metrics: {{config: {{prometheus_url: "{}/", headers: {{X-Scope-OrgID: 'a"b\c', Authorization: "Bearer {{{{ env.A_TOKEN }}}}"}}}}}}}}"#,
        served.url()
    );
    let bench = Bench::new().file("config.yaml", config).env("A_TOKEN", "s3cr3t-t0k3n");
    says(configured(&bench, "execute_prometheus_instant_query", &["query=x"]), &["7\n"]);
    served.got(&[
        "GET /api/v1/query?query=x&",
        "X-Scope-OrgID: a\"b\\c\r\n",
        "Authorization: Bearer s3cr3t-t0k3n\r\n",
    ]);
    let config = format!(
        r#"toolsets: {{prometheus/metrics: {{config: {{prometheus_url: "{}", prometheus_username: me, prometheus_password: "p:\"w"}}}}}}"#,
        served.url()
    );
    let bench = Bench::new().file("config.yaml", config);
    says(configured(&bench, "execute_prometheus_instant_query", &["query=x"]), &["7\n"]);
    served.got(&["Authorization: Basic bWU6cDoidw==\r\n"]);
}
