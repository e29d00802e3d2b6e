//! Tools of Elasticsearch and OpenSearch against a stand-in with documented answers: neither can be started here.

use crate::stand_in::{StandIn, configured, says, tool};
use crate::support::Bench;

fn cluster() -> StandIn {
    StandIn::start(&[
        (
            "/_ml/anomaly_detectors/_all/_stats",
            200,
            r#"{"count":1,"jobs":[{"job_id":"rate","state":"opened","data_counts":{"processed_record_count":500,"missing_field_count":0,"latest_record_timestamp":1700000000000},"model_size_stats":{"memory_status":"ok","model_bytes":1000}}]}"#,
        ),
        (
            "/_ml/datafeeds",
            200,
            r#"{"count":1,"datafeeds":[{"datafeed_id":"datafeed-rate","state":"started"}]}"#,
        ),
        (
            "/results/records",
            200,
            r#"{"count":1,"records":[{"job_id":"rate","record_score":91.27,"timestamp":1700000000000,"function":"mean","field_name":"latency","partition_field_name":"app","partition_field_value":"pay","actual":[900.5],"typical":[20],"influencers":[{"influencer_field_name":"host","influencer_field_values":["h1"]}]}]}"#,
        ),
        (
            "/results/buckets",
            200,
            r#"{"count":1,"buckets":[{"job_id":"rate","anomaly_score":80.11,"timestamp":1700000000000,"bucket_span":900,"event_count":50,"bucket_influencers":[{"influencer_field_name":"bucket_time","anomaly_score":80.1}]}]}"#,
        ),
        (
            "/results/overall_buckets",
            200,
            r#"{"count":1,"overall_buckets":[{"overall_score":70,"timestamp":1700000000000,"bucket_span":900,"jobs":[{"job_id":"rate","max_anomaly_score":70.04},{"job_id":"other","max_anomaly_score":0}]}]}"#,
        ),
        (
            "/missing/_search",
            404,
            r#"{"error":{"type":"index_not_found_exception","reason":"no such index [missing]","root_cause":[{"type":"x","reason":"y"}]},"status":404}"#,
        ),
        (
            "/_search",
            200,
            r#"{"took":4,"timed_out":false,"_shards":{"total":2,"successful":1,"failed":1,"failures":[{"reason":{"reason":"shard is gone"}}]},
          "hits":{"total":{"value":120,"relation":"eq"},"hits":[{"_index":"logs-1","_id":"a","_source":{"@timestamp":"2024-01-01T00:00:00Z","level":"error","message":"refused"}}]},
          "aggregations":{"by_app":{"sum_other_doc_count":3,"buckets":[{"key":"pay","doc_count":100,"slow":{"value":7.5}},{"key":"shop","doc_count":17,"slow":{"value":1}}]}}}"#,
        ),
        (
            "/_mapping",
            200,
            r#"{"logs-1":{"mappings":{"properties":{"message":{"type":"text","fields":{"keyword":{"type":"keyword"}}},"http":{"properties":{"status":{"type":"long"}}}}}},
          "logs-2":{"mappings":{"properties":{"message":{"type":"text","fields":{"keyword":{"type":"keyword"}}},"http":{"properties":{"status":{"type":"long"}}}}}}}"#,
        ),
        ("/_cat/indices", 200, "index  health status docs.count\nlogs-1 green  open   120\n"),
        ("/_cat/shards", 200, "index  shard prirep state\nlogs-1 0     p      UNASSIGNED\n"),
        (
            "/_cluster/health",
            200,
            r#"{"cluster_name":"c","status":"yellow","number_of_nodes":3,"unassigned_shards":1,"indices":{"logs-1":{"status":"yellow","active_shards":1,"unassigned_shards":1,"initializing_shards":0,"relocating_shards":0}}}"#,
        ),
        (
            "/_stats",
            200,
            r#"{"_all":{"primaries":{"docs":{"count":120,"deleted":1},"store":{"size_in_bytes":900}},"total":{"docs":{"count":240,"deleted":2}}},"indices":{"logs-1":{"total":{"docs":{"count":240,"deleted":2},"indexing":{"index_total":5,"index_time_in_millis":6,"index_failed":7,"throttle_time_in_millis":8}}}}}"#,
        ),
        (
            "/_nodes/_all/stats",
            200,
            r#"{"nodes":{"x":{"name":"n1","roles":["data"],"jvm":{"mem":{"heap_used_percent":93},"gc":{"collectors":{"old":{"collection_count":9,"collection_time_in_millis":800}}}},"os":{"cpu":{"percent":71,"load_average":{"1m":4.5}}},"fs":{"total":{"total_in_bytes":107374182400,"available_in_bytes":10737418240}},"thread_pool":{"write":{"active":8,"queue":200,"rejected":31},"get":{"active":0,"queue":0,"rejected":0}},"breakers":{"parent":{"tripped":2,"estimated_size":"1gb","limit_size":"1.1gb"}}}}}"#,
        ),
        ("/hot_threads", 200, "::: {n1}\n   100% cpu usage by thread 'search'\n"),
        (
            "/_cluster/allocation/explain",
            200,
            r#"{"index":"logs-1","shard":0,"primary":false,"current_state":"unassigned","unassigned_info":{"reason":"NODE_LEFT","at":"2024-01-01T00:00:00Z","details":"node_left [x]"},"can_allocate":"no","allocate_explanation":"cannot allocate","node_allocation_decisions":[{"node_name":"n1","node_decision":"no","deciders":[{"decider":"disk_threshold","decision":"NO","explanation":"above the low watermark"},{"decider":"same_shard","decision":"YES","explanation":"fine"}]}]}"#,
        ),
    ])
}

#[test]
fn documents_are_searched_and_fields_flattened() {
    let cluster = cluster();
    let bench =
        Bench::new().env("ELASTICSEARCH_URL", cluster.url() + "/").env("ELASTICSEARCH_API_KEY", "a2V5");
    let search = "elasticsearch_search";
    says(
        tool(
            &bench,
            search,
            &[
                "index=logs-*",
                "query=level:error AND app:\"pay\"",
                "size=500",
                "sort=@timestamp:desc",
                "source=[\"message\"]",
            ],
        ),
        &[
            "120 documents match, 1 shown, 4 ms, 1 of 2 shards FAILED: shard is gone",
            "logs-1 a {",
            "\"message\":\"refused\"",
            "by_app: (3 documents in other values)",
            "  pay n=100",
            "    slow 7.5",
        ],
    );
    cluster.got(&[
        "POST /logs-*/_search?ignore_unavailable=true ", "Authorization: ApiKey a2V5\r\n", "Content-Type: application/json\r\n",
        r#"{"query":{"query_string":{"query":"level:error AND app:\"pay\""}},"size":50,"track_total_hits":true,"sort":[{"@timestamp":"desc"}],"_source":["message"]}"#,
    ]);
    says(
        tool(
            &bench,
            search,
            &[
                "index=a b/../x",
                "query={\"match_all\":{}}",
                "aggregations={\"n\":{\"max\":{\"field\":\"x\"}}}",
            ],
        ),
        &["120 documents"],
    );
    cluster.got(&[
        "POST /a b/../x/_search",
        r#"{"query":{"match_all":{}},"size":20,"track_total_hits":true,"aggs":{"n":{"max":{"field":"x"}}}}"#,
    ]);
    let missing = tool(&bench, search, &["index=missing"]).exits(1);
    assert!(
        missing.stderr.contains("index_not_found_exception: no such index [missing]"),
        "{}",
        missing.stderr
    );
    says(
        tool(&bench, "elasticsearch_mappings", &["index=logs-*"]),
        &["== logs-1, logs-2\nhttp.status: long\nmessage.keyword: keyword\nmessage: text\n"],
    );
    says(
        tool(&bench, "elasticsearch_mappings", &["index=logs-*", "filter=STATUS"]),
        &["== logs-1, logs-2\nhttp.status: long\n"],
    );
    says(
        tool(
            &bench,
            "elasticsearch_list_indices",
            &["pattern=logs-*", "sort=store.size:desc", "health=green"],
        ),
        &["logs-1 green"],
    );
    cluster.got(&["GET /_cat/indices/logs-*?v=true&h=index,health", "s=store.size:desc&health=green "]);
}

#[test]
fn the_cluster_is_examined() {
    let cluster = cluster();
    let config = format!(
        "toolsets: {{elasticsearch/cluster: {{config: {{api_url: '{}', username: elastic, password: pw}}}}}}",
        cluster.url()
    );
    let bench = Bench::new().file("config.yaml", config);
    let tool = |name: &str, params: &[&str]| configured(&bench, name, params);
    says(
        tool("elasticsearch_cat", &["endpoint=shards", "index=logs-1", "columns=index,state"]),
        &["UNASSIGNED"],
    );
    cluster
        .got(&["GET /_cat/shards/logs-1?v=true&h=index,state ", "Authorization: Basic ZWxhc3RpYzpwdw==\r\n"]);
    says(
        tool("elasticsearch_cluster_health", &["level=indices"]),
        &["status=yellow", "unassigned_shards=1", "yellow logs-1 shards=1 unassigned=1"],
    );
    says(
        tool("elasticsearch_index_stats", &["index=_all"]),
        &[
            "all, primaries: docs=120 deleted=1 bytes=900",
            "logs-1: docs=240 deleted=2 indexed=5 index_ms=6 index_failed=7",
        ],
    );
    says(
        tool("elasticsearch_allocation_explain", &[]),
        &[
            "logs-1 shard 0 replica: unassigned",
            "NODE_LEFT node_left [x]",
            "can_allocate=no",
            "n1 no:\n    NO disk_threshold: above the low watermark",
        ],
    );
    says(
        tool("elasticsearch_allocation_explain", &["index=logs-1", "shard=0", "primary=false"]),
        &["logs-1"],
    );
    cluster.got(&[r#"{"index":"logs-1","shard":0,"primary":false}"#]);
    says(
        tool("elasticsearch_nodes_stats", &[]),
        &[
            "n1 data heap=93% old_gc=9 800ms cpu=71% load=4.5",
            "disk_free=10GiB of 100GiB",
            "pool write: active=8 queue=200 rejected=31",
            "breaker parent: tripped=2 1gb of 1.1gb",
        ],
    );
    says(tool("elasticsearch_hot_threads", &[]), &["100% cpu usage"]);
}

#[test]
fn anomalies_are_listed() {
    let cluster = cluster();
    let bench = Bench::new().env("ELASTICSEARCH_URL", cluster.url());
    says(
        tool(&bench, "elastic_ml_jobs", &[]),
        &["1 jobs", "rate opened records=500", "feed datafeed-rate=started"],
    );
    says(
        tool(
            &bench,
            "elastic_ml_records",
            &["job_id=rate", "start=1699999000", "end=1700001000", "min_score=75"],
        ),
        &[
            "1 anomalies",
            "91.3 2023-11-14T22:13:20Z mean(latency) app=pay actual=900.5 typical=20 influencer host=h1",
        ],
    );
    cluster.got(&["GET /_ml/anomaly_detectors/rate/results/records?start=1699999000000&end=1700001000000&record_score=75&sort=record_score&desc=true&size=50 "]);
    says(
        tool(&bench, "elastic_ml_buckets", &["job_id=rate"]),
        &["80.1 2023-11-14T22:13:20Z for 900s events=50 bucket_time=80.1"],
    );
    says(tool(&bench, "elastic_ml_buckets", &[]), &["70 2023-11-14T22:13:20Z for 900s rate=70"]);
    cluster.got(&["GET /_ml/anomaly_detectors/_all/results/overall_buckets?", "overall_score=50 "]);
}
