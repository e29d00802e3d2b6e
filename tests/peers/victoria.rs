//! Tools of VictoriaMetrics and VictoriaLogs against the servers themselves.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::stand_in::{StandIn, configured, says, tool};
use crate::support::Bench;
use crate::support::peer::{Peer, program, request, status};

fn server(name: &str, flags: &'static [&str]) -> Option<Peer> {
    let program = program(name)?;
    let start = |folder: &std::path::Path, port: u16| {
        let mut command = Command::new(&program);
        command
            .arg(format!("-storageDataPath={}", folder.join("data").display()))
            .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
            .args(flags);
        command
    };
    Some(Peer::start(start, |port| status(port, "/health") == 200))
}

fn post(port: u16, path: &str, body: &str) {
    let text =
        format!("POST {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let reply = request(port, &text).unwrap();
    assert!(reply.split(' ').nth(1).is_some_and(|code| code.starts_with('2')), "{reply}");
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn metrics_are_queried() {
    let Some(victoria) = server("victoria-metrics", &["-search.queryStats.minQueryDuration=0"]) else {
        return;
    };
    let mut lines = String::new();
    for minute in 0..30 {
        let at = (now() - 1800 + minute * 60) * 1000;
        lines += &format!("orders_total{{shop=\"a\",city=\"x y\"}} {} {at}\n", minute * 2);
        lines +=
            &format!("orders_total{{shop=\"b\",city=\"x y\"}} {} {at}\n", if minute == 20 { 90 } else { 1 });
    }
    post(victoria.port, "/api/v1/import/prometheus", &lines);
    assert_eq!(status(victoria.port, "/internal/force_flush"), 200);
    let bench = Bench::new().env("VICTORIAMETRICS_URL", victoria.url() + "/");
    says(
        tool(&bench, "victoriametrics_query", &["query=orders_total", "time=-120"]),
        &[
            "2 series at ",
            "in all: {city=\"x y\"}",
            "orders_total{shop=\"a\"} 5",
            "orders_total{shop=\"b\"} 1",
        ],
    );
    says(
        tool(&bench, "victoriametrics_query_range", &["query=orders_total", "start=40m", "step=1m"]),
        &["2 series, step 60 s", "shop=\"b\"} n=", "max=90@", "every 120 s"],
    );
    says(tool(&bench, "victoriametrics_series", &["match=orders_total{shop=\"a\"}"]), &["1\n", "shop=\"a\""]);
    says(tool(&bench, "victoriametrics_labels", &[]), &["__name__", "city", "shop"]);
    says(tool(&bench, "victoriametrics_labels", &["label=shop", "match=orders_total"]), &["2\na\nb\n"]);
    says(
        tool(&bench, "victoriametrics_tsdb_status", &["focus_label=shop"]),
        &["series: ", "== series by metric", "2 orders_total"],
    );
    says(tool(&bench, "victoriametrics_top_queries", &[]), &["orders_total"]);
    says(tool(&bench, "victoriametrics_active_queries", &[]), &["no active queries"]);
    says(tool(&bench, "victoriametrics_query", &["query=nosuch"]), &["no data"]);
    let wrong = tool(&bench, "victoriametrics_query", &["query=up{"]).exits(1);
    assert!(wrong.stderr.contains("error when executing query"), "{}", wrong.stderr);
}

/// Paths, tenant and tokens of a cluster, which nobody can start here.
#[test]
fn a_cluster_is_asked_below_its_tenant() {
    let cluster = StandIn::start(&[
        (
            "/api/v1/status/active_queries",
            200,
            r#"{"status":"ok","data":[{"duration":"1.5s","remote_addr":"10.0.0.1:5","query":"sum(x)"}]}"#,
        ),
        (
            "/select/7/prometheus/api/v1/query?",
            200,
            r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#,
        ),
    ]);
    let config = format!(
        "toolsets: {{victoriametrics: {{config: {{victoriametrics_url: '{}', tenant: 7, bearer_token: tok}}}}}}",
        cluster.url()
    );
    let bench = Bench::new().file("config.yaml", config);
    says(configured(&bench, "victoriametrics_query", &["query=up"]), &["no data"]);
    says(configured(&bench, "victoriametrics_active_queries", &[]), &["1.5s 10.0.0.1:5 sum(x)"]);
    cluster.got(&["GET /select/7/prometheus/api/v1/query?query=up&", "Authorization: Bearer tok\r\n"]);
}

#[test]
fn logs_are_queried() {
    let Some(victoria) = server("victoria-logs", &[]) else { return };
    let mut lines = String::new();
    for index in 0..40 {
        let at = (now() - 600 + index * 10) * 1000;
        let (app, level, text) = if index % 4 == 0 {
            ("pay", "error", format!("payment {index}0000 failed: \\\"refused\\\""))
        } else {
            ("shop", "info", format!("order {index} placed"))
        };
        lines +=
            &format!("{{\"at\":\"{at}\",\"app\":\"{app}\",\"level\":\"{level}\",\"text\":\"{text}\"}}\n");
    }
    post(victoria.port, "/insert/jsonline?_stream_fields=app&_time_field=at&_msg_field=text", &lines);
    // Lines can be found a moment after they are in.
    let began = std::time::Instant::now();
    let count = "GET /select/logsql/query?query=*+|+stats+count()+n HTTP/1.0\r\nHost: x\r\n\r\n";
    while !request(victoria.port, count).is_some_and(|reply| reply.contains("\"40\"")) {
        assert!(began.elapsed().as_secs() < 30, "{:?}", request(victoria.port, count));
    }
    let bench = Bench::new().env("VICTORIALOGS_URL", victoria.url());
    let found = says(
        tool(&bench, "victorialogs_query", &["query={app=\"pay\"} failed", "limit=3"]),
        &["3 rows, the newest", "stream {app=\"pay\"}", "payment 280000 failed: \"refused\" level=error"],
    );
    assert!(found.find("280000").unwrap() < found.find("360000").unwrap(), "the oldest first: {found}");
    says(tool(&bench, "victorialogs_query", &["query=nosuch"]), &["no log lines in this window"]);
    says(tool(&bench, "victorialogs_query", &["query=* | stats by (app) count() n"]), &["app=pay n=10"]);
    says(tool(&bench, "victorialogs_errors", &[]), &["10 errors, 1 kinds", "10 x, ", "payment"]);
    says(tool(&bench, "victorialogs_errors", &["query=app:shop"]), &["no errors in this window"]);
    says(
        tool(&bench, "victorialogs_hits", &["query=*", "field=level", "step=30m"]),
        &["40 lines, 2 values of level", "{\"level\":\"info\"} total=30"],
    );
    says(
        tool(&bench, "victorialogs_stats", &["query=* | stats by (app) count() n"]),
        &["n{app=\"shop\"} 30"],
    );
    says(
        tool(&bench, "victorialogs_stats", &["query=* | stats count() n", "step=5m"]),
        &["1 series, step 300 s"],
    );
    says(tool(&bench, "victorialogs_streams", &[]), &["2, by number", "30 {app=\"shop\"}"]);
    says(tool(&bench, "victorialogs_field_names", &[]), &["40 _msg", "40 level"]);
    says(tool(&bench, "victorialogs_field_values", &["field=level"]), &["30 info", "10 error"]);
    let wrong = tool(&bench, "victorialogs_query", &["query=a | stats by ("]).exits(1);
    assert!(wrong.stderr.contains("cannot parse"), "{}", wrong.stderr);
}
