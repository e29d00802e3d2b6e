//! Tools of Tempo and of Grafana's dashboards against a stand-in with documented answers: neither can be started here.

use crate::stand_in::{StandIn, says, tool};
use crate::support::Bench;

const TRACES: &str = r#"{"traces":[
 {"traceID":"2f3e0cee77ae5dc9c17ade3689eb2e54","rootServiceName":"shop","rootTraceName":"GET /checkout","startTimeUnixNano":"1700000000000000000","durationMs":557,
  "spanSets":[{"spans":[{"spanID":"563d","startTimeUnixNano":"1700000000100000000","durationNanos":"350545031","attributes":[{"key":"status","value":{"stringValue":"error"}}]}],"matched":1}]},
 {"traceID":"aa","rootServiceName":"shop","rootTraceName":"GET /","startTimeUnixNano":"1700000001000000000","durationMs":3}]}"#;
const TRACE: &str = r#"{"trace":{"resourceSpans":[
 {"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"spans":[
   {"traceId":"L1","spanId":"r","name":"GET /checkout","startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000557000000","attributes":[{"key":"http.status_code","value":{"intValue":"500"}}],"status":{}}]}]},
 {"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"pay"}}]},"scopeSpans":[{"spans":[
   {"traceId":"L1","spanId":"c","parentSpanId":"r","name":"charge","startTimeUnixNano":"1700000000100000000","endTimeUnixNano":"1700000000450000000","attributes":[],"status":{"code":"STATUS_CODE_ERROR","message":"card refused"},
    "events":[{"name":"exception","attributes":[{"key":"exception.type","value":{"stringValue":"Refused"}},{"key":"exception.message","value":{"stringValue":"no funds"}}]}]}]}]}]}}"#;

#[test]
fn traces_are_found_and_shown_as_a_tree() {
    let tempo = StandIn::start(&[
        ("/api/echo", 200, "echo"),
        ("/api/search?", 200, TRACES),
        ("/api/v2/traces/2f3e", 200, TRACE),
        // A server without the second version of this call.
        ("/api/traces/aa", 200, r#"{"batches":[]}"#),
        (
            "/api/v2/search/tags",
            200,
            r#"{"scopes":[{"name":"resource","tags":["service.name","k8s.pod.name"]}]}"#,
        ),
        (
            "/api/v2/search/tag/resource.service.name/values",
            200,
            r#"{"tagValues":[{"type":"string","value":"pay"},{"type":"string","value":"shop"}]}"#,
        ),
        (
            "/api/metrics/query_range",
            200,
            r#"{"series":[{"labels":[{"key":"service","value":{"stringValue":"pay"}}],"samples":[{"timestampMs":"1700000000000","value":1.5},{"timestampMs":"1700000060000","value":3}]}]}"#,
        ),
        ("/api/metrics/query", 200, r#"{"series":[{"promLabels":"{service=\"pay\"}","value":2.5}]}"#),
    ]);
    let bench = Bench::new().env("TEMPO_URL", tempo.url());
    says(
        tool(
            &bench,
            "tempo_search_traces_by_query",
            &["q={resource.service.name=\"shop\" && status=error}", "limit=5", "end=1700003600"],
        ),
        &[
            "2 traces, slowest first",
            "2f3e0cee77ae5dc9c17ade3689eb2e54 2023-11-14T22:13:20Z 557ms shop GET /checkout matched=1",
            "351ms status=error",
        ],
    );
    tempo.got(&["GET /api/search?q={resource.service.name=\"shop\" && status=error}&start=1700000000&end=1700003600&limit=5"]);
    says(
        tool(&bench, "tempo_search_traces_by_tags", &["tags=service.name=shop", "min_duration=100ms"]),
        &["2 traces"],
    );
    tempo.got(&["tags=service.name=shop&minDuration=100ms&"]);
    says(
        tool(&bench, "tempo_query_trace_by_id", &["trace_id=2f3e"]),
        &[
            "2 spans, 1 with errors, 557ms",
            "services: pay, shop",
            "\nshop GET /checkout 557ms +0ms http.status_code=500",
            "\n  pay charge 350ms +100ms ERROR card refused exception: Refused no funds",
        ],
    );
    says(tool(&bench, "tempo_query_trace_by_id", &["trace_id=aa"]), &["no such trace"]);
    tool(&bench, "tempo_query_trace_by_id", &["trace_id=../x"]).exits(1);
    says(
        tool(&bench, "tempo_search_tag_names", &["scope=resource"]),
        &["resource: service.name, k8s.pod.name"],
    );
    says(tool(&bench, "tempo_search_tag_values", &["tag=resource.service.name"]), &["2\npay\nshop\n"]);
    says(tool(&bench, "tempo_query_metrics_instant", &["q={} | rate()"]), &["{service=\"pay\"} 2.5"]);
    says(
        tool(
            &bench,
            "tempo_query_metrics_range",
            &["q={} | rate()", "start=1700000000", "end=1700000060", "step=60s"],
        ),
        &["{service=\"pay\"} n=2 first=1.5 last=3"],
    );
    says(
        tool(
            &bench,
            "tempo_fetch_traces_comparative_sample",
            &["labels={\"resource.service.name\":\"=shop\",\"name\":\"check\"}"],
        ),
        &["2 traces: min=3ms", "max=557ms", "== slowest\n557ms 2f3e"],
    );
    tempo.got(&["q={name=~\".*check.*\" && resource.service.name=\"shop\"}&"]);
    // The names of HolmesGPT.
    says(
        tool(&bench, "tempo_fetch_traces_comparative_sample", &["service_name=shop", "node_name=n1"]),
        &["2 traces"],
    );
    tempo.got(&["resource.k8s.node.name=\"n1\"", " && ", "resource.service.name=\"shop\""]);
    says(tool(&bench, "tempo_search_tag_names", &["max_stale_values=3"]), &["service.name"]);
    tempo.got(&["/api/v2/search/tags?", "maxStaleValues=3"]);
    let wrong = tool(&bench, "tempo_fetch_traces_comparative_sample", &[]).exits(1);
    assert!(wrong.stderr.contains("base_query, labels or one of the names is needed"), "{}", wrong.stderr);
}

#[test]
fn dashboards_are_found_and_shown_by_their_queries() {
    let grafana = StandIn::start(&[
        ("/api/dashboards/tags", 200, r#"[{"term":"shop","count":2}]"#),
        (
            "/api/search",
            200,
            r#"[{"uid":"abc","title":"Checkout","type":"dash-db","folderTitle":"Shop","tags":["shop"]}]"#,
        ),
        ("/api/dashboards/home", 200, r#"{"dashboard":{"title":"Home","panels":[]}}"#),
        (
            "/api/dashboards/uid/abc",
            200,
            r#"{"dashboard":{"uid":"abc","title":"Checkout","tags":["shop"],"templating":{"list":[{"name":"pod","query":"label_values(pod)","current":{"value":"all"}}]},
          "panels":[{"id":1,"type":"row","title":"r","panels":[{"id":2,"type":"timeseries","title":"Errors","targets":[{"expr":"sum(rate(http_requests_total{code=~\"5..\"}[5m]))"}]}]}]}}"#,
        ),
    ]);
    let bench = Bench::new().env("GRAFANA_URL", grafana.url()).env("GRAFANA_API_KEY", "glsa_1");
    says(
        tool(&bench, "grafana_search_dashboards", &["query=check out"]),
        &["1 found", "abc dash-db Shop/Checkout shop"],
    );
    grafana.got(&["GET /api/search?query=check out&limit=1000", "Authorization: Bearer glsa_1\r\n"]);
    says(
        tool(&bench, "grafana_get_dashboard_by_uid", &["uid=abc"]),
        &[
            "Checkout uid=abc tags=shop",
            "variable $pod=all label_values(pod)",
            "[2] timeseries Errors",
            "sum(rate(http_requests_total",
        ],
    );
    says(
        tool(&bench, "grafana_search_dashboards", &["dashboardUIDs=abc, def", "starred=true", "page=2"]),
        &["1 found"],
    );
    grafana.got(&["starred=true&page=2&dashboardUIDs=abc&dashboardUIDs=def&limit=1000"]);
    says(tool(&bench, "grafana_get_dashboard_by_uid", &["uid=abc", "jq=.dashboard.tags"]), &["[\"shop\"]"]);
    says(
        tool(&bench, "grafana_get_dashboard_by_uid", &["uid=abc", "max_depth=1"]),
        &["{\"dashboard\":\"…\"}"],
    );
    says(tool(&bench, "grafana_get_home_dashboard", &[]), &["Home"]);
    says(tool(&bench, "grafana_get_dashboard_tags", &[]), &["2 shop"]);
}
