//! Curves in the HTML page from what our own range tools print.

use serde_json::{Value, json};

use crate::support::Bench;
use crate::support::scripted_server::{Reply, ScriptedServer};

/// A page of an investigation that asked `tool` for `arguments`, of a server with two pods' memory over an hour.
fn page(variable: &str, tool: &str, arguments: Value) -> String {
    let series = |pod: &str, high: u32, missing: std::ops::Range<u32>| {
        let values: Vec<Value> = (0..240u32)
            .filter(|at| !missing.contains(at))
            .map(|at| {
                json!([1_736_928_000 + 15 * at, (if at == 101 { high } else { 50 + at / 2 }).to_string()])
            })
            .collect();
        json!({"metric": {"__name__": "memory_bytes", "pod": pod, "job": "shop"}, "values": values})
    };
    let result = json!([series("payments-<1>", 290, 0..0), series("checkout", 100, 60..120)]);
    let ranged = json!({"status": "success", "data": {"resultType": "matrix", "result": result}}).to_string();
    let one = json!({"status": "success", "data": {"resultType": "vector", "result": []}}).to_string();
    let server = ScriptedServer::start([
        ("/api/v1/query", Reply::ok("application/json", one)),
        ("/api/v1/query_range", Reply::ok("application/json", ranged)),
        ("/health", Reply::ok("text/plain", "OK")),
    ]);
    let bench = Bench::new().env(variable, server.url("")).model(json!([
        {"call": [{"tool": tool, "arguments": arguments}]}, {"say": "Memory peaked [E1]."},
    ]));
    let ran = bench.run(["ask", "which pod needs memory", "-o", "html"]).exits(0);
    let sent = bench.scripted().requests().last().unwrap().body.to_string();
    assert!(sent.contains("with gaps: 08:00:00"), "{sent}");
    ran.stdout
}

#[test]
fn curves_of_our_own_range_tools_are_drawn() {
    for (variable, tool) in [
        ("PROMETHEUS_URL", "execute_prometheus_range_query"),
        ("VICTORIAMETRICS_URL", "victoriametrics_query_range"),
    ] {
        let page = page(
            variable,
            tool,
            json!({"query": "max by (pod) (memory_bytes)", "start": "1736928000", "end": "1736931600", "step": "15"}),
        );
        let (_, metrics) = page.split_once("<h2>Metrics</h2>").unwrap_or_else(|| panic!("{tool}: {page}"));
        let (metrics, _) = metrics.split_once("<h2>What was run</h2>").unwrap();
        for part in [
            "<svg",
            "<code>max by (pod) (memory_bytes)</code>",
            "pod=payments-&lt;1&gt;",
            "pod=checkout",
            "2025-01-15 UTC",
            ">08:10<",
            ">200 B<",
        ] {
            assert!(metrics.contains(part), "{tool} {part}: {metrics}");
        }
        // One curve, and one with a gap.
        let curves = |class: &str| metrics.matches(&format!("<polyline class=\"{class}\"")).count();
        assert_eq!((curves("s0"), curves("s1")), (1, 2), "{tool}: {metrics}");
    }
}
