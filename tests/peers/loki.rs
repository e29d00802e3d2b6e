//! Tools of Loki: requests and views against a stand-in, since no Loki can be started here; against the server
//! that `HOLMES_TEST_LOKI` names where there is one.

use crate::stand_in::{StandIn, configured, says, tool};
use crate::support::Bench;

const LINES: &str = r#"{"status":"success","data":{"resultType":"streams","result":[
  {"stream":{"app":"pay","pod":"pay-1"},"values":[["1700000002500000000","third"],["1700000000000000000","first \"x\""]]},
  {"stream":{"app":"pay","pod":"pay-2"},"values":[["1700000001000000000","second"]]}]}}"#;

fn loki() -> StandIn {
    StandIn::start(&[
        ("query=broken", 400, "parse error at line 1, col 7: syntax error"),
        (
            "query=sum",
            200,
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"app":"pay"},"values":[[1700000000,"1"],[1700000060,"4"]]}]}}"#,
        ),
        ("query={app=\"none\"}", 200, r#"{"status":"success","data":{"resultType":"streams","result":[]}}"#),
        ("/query_range", 200, LINES),
        ("/index/stats", 200, r#"{"streams":2,"chunks":3,"entries":40,"bytes":512}"#),
        (
            "/index/volume",
            200,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"app":"pay"},"value":[1,"512"]}]}}"#,
        ),
        ("/label/app/values", 200, r#"{"status":"success","data":["pay","shop"]}"#),
        ("/labels", 200, r#"{"status":"success","data":["app","pod"]}"#),
        ("/api/echo", 200, "echo"),
    ])
}

#[test]
fn lines_come_oldest_first_and_bounded() {
    let loki = loki();
    let bench = Bench::new().env("LOKI_URL", loki.url() + "/").env("LOKI_ORG_ID", "team-1");
    let query = "query={app=\"pay\"} |= \"a&b\"";
    let found = says(
        tool(&bench, "grafana_loki_query", &[query, "limit=3", "end=1700000100"]),
        &[
            "3 lines, the limit",
            "in all: {app=\"pay\"}",
            "2023-11-14T22:13:20.000Z {pod=\"pay-1\"} first \"x\"",
            "22:13:22.500Z",
        ],
    );
    assert!(found.find("first").unwrap() < found.find("second").unwrap(), "{found}");
    assert!(found.find("second").unwrap() < found.find("third").unwrap(), "{found}");
    loki.got(&[
        "GET /loki/api/v1/query_range?query={app=\"pay\"} |= \"a&b\"&start=1699996500000000000&end=1700000100000000000&limit=3&direction=backward ",
        "X-Scope-OrgID: team-1\r\n",
    ]);
    // A week is searched in growing pieces, from the newest.
    says(
        tool(&bench, "grafana_loki_query", &["query={app=\"none\"}", "start=7d", "end=1700000000"]),
        &["no log lines from 2023-11-07T22:13:20Z to 2023-11-14T22:13:20Z"],
    );
    loki.got(&["start=1699996400000000000&end=1700000000000000000&limit=200"]);
    loki.got(&["start=1699982000000000000&end=1699996400000000000&limit=200"]);
    loki.got(&["start=1699395200000000000&"]);
    says(
        tool(
            &bench,
            "grafana_loki_query",
            &["query={app=\"none\"}", "start=1h", "end=1700000000", "direction=forward"],
        ),
        &["no log lines"],
    );
    loki.got(&["direction=forward"]);
    says(
        tool(&bench, "grafana_loki_query", &["query=sum(rate({app=\"pay\"}[1m]))"]),
        &["1 series", "max=4@"],
    );
    says(tool(&bench, "grafana_loki_labels", &[]), &["2\napp\npod\n"]);
    says(tool(&bench, "grafana_loki_labels", &["label=app"]), &["2\npay\nshop\n"]);
    says(
        tool(&bench, "grafana_loki_stats", &["query={app=\"pay\"}", "by=app"]),
        &["2 streams, 40 lines, 512 bytes", "512 bytes {\"app\":\"pay\"}"],
    );
    let wrong = tool(&bench, "grafana_loki_query", &["query=broken"]).exits(1);
    assert!(wrong.stderr.contains("parse error at line 1"), "{}", wrong.stderr);
}

#[test]
fn a_datasource_of_grafana_and_grafana_cloud_are_asked() {
    let grafana = loki();
    let config = format!(
        "toolsets: {{grafana/loki: {{config: {{api_url: '{0}/', api_key: glsa_x, grafana_datasource_uid: P8E}}}}}}",
        grafana.url()
    );
    let bench = Bench::new().file("config.yaml", config);
    says(configured(&bench, "grafana_loki_labels", &[]), &["app"]);
    grafana
        .got(&["GET /api/datasources/proxy/uid/P8E/loki/api/v1/labels?", "Authorization: Bearer glsa_x\r\n"]);
    let config = format!(
        "toolsets: {{grafana/loki: {{config: {{url: '{0}', username: 42, api_key: key, headers: {{X-A: b}}}}}}}}",
        grafana.url()
    );
    let bench = Bench::new().file("config.yaml", config);
    says(configured(&bench, "grafana_loki_labels", &[]), &["app"]);
    grafana.got(&["GET /loki/api/v1/labels?", "Authorization: Basic NDI6a2V5\r\n", "X-A: b\r\n"]);
}

#[test]
fn a_real_server_of_the_api_answers() {
    let Some(url) = std::env::var("HOLMES_TEST_LOKI").ok().filter(|url| !url.is_empty()) else {
        println!("SKIPPED: HOLMES_TEST_LOKI names no server");
        return;
    };
    let bench = Bench::new().env("LOKI_URL", url);
    says(tool(&bench, "grafana_loki_labels", &[]), &["namespace"]);
    says(
        tool(&bench, "grafana_loki_query", &["query={namespace=~\".+\"}", "limit=5", "start=2d"]),
        &["5 lines, the limit"],
    );
    says(
        tool(&bench, "grafana_loki_query", &["query=sum(count_over_time({namespace=~\".+\"}[5m]))"]),
        &[" series, step "],
    );
    says(tool(&bench, "grafana_loki_query", &["query={namespace=\"no such\"}"]), &["no log lines"]);
}
