//! Every form people have, told as one line an alert; what is none; groups and their text.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::json;

use super::*;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/fixtures/alerts/", $name)).as_slice()
    };
}

/// An alert in one line: name, state, start, labels but `alertname`, value, expression.
fn line(alert: &Alert) -> String {
    let labels: Vec<String> = alert
        .labels
        .iter()
        .filter(|(name, _)| *name != "alertname")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let since = alert.starts_at.map_or("-".to_owned(), |at| at.to_string());
    let mut line = format!("{} | {} | {since} | {}", alert.name, alert.state, labels.join(" "));
    for (what, text) in [("value", &alert.value), ("expression", &alert.expression())] {
        if let Some(text) = text {
            let _ = write!(line, " | {what} {text}");
        }
    }
    line
}

#[track_caller]
fn reads(bytes: &[u8], expected: &[&str]) -> Vec<Alert> {
    let alerts = super::read(bytes).unwrap();
    assert_eq!(alerts.iter().map(line).collect::<Vec<_>>(), expected);
    alerts
}

#[test]
fn alertmanager_in_all_its_versions() {
    let alerts = reads(
        fixture!("alertmanager-v2.json"),
        &[
            "KubePodOOMKilled | firing | 2026-11-21T09:42:11.123Z | namespace=shop pod=payments-1 severity=critical | expression kube_pod_container_status_last_terminated_reason{reason=\"OOMKilled\"} == 1",
            "KubePodOOMKilled | silenced | 2026-11-21T09:43:11.123Z | namespace=shop pod=payments-2 severity=critical",
            "TargetDown | inhibited | 2026-11-21T09:40:00Z | instance=10.0.0.7:9100",
        ],
    );
    assert_eq!(alerts[0].receivers, ["team-shop", "pager"]);
    assert_eq!(alerts[2].severity(), None);
    let groups = reads(
        fixture!("alertmanager-v2-groups.json"),
        &["TargetDown | firing | 2026-11-21T09:00:00Z | job=node"],
    );
    assert_eq!(groups[0].receivers, ["ops"]);
    reads(
        fixture!("alertmanager-v1.json"),
        &["DiskFull | firing | 2026-11-21T09:00:00.5Z | instance=db-1:9100 | expression x"],
    );
    let sent = reads(
        fixture!("alertmanager-webhook.json"),
        &[
            "HighErrorRate | firing | 2026-11-21T09:41:00Z | deployment=checkout namespace=shop | expression rate(e[5m]) > 0.05",
            "HighErrorRate | resolved | 2026-11-21T09:41:00Z | deployment=cart namespace=shop",
        ],
    );
    assert_eq!(sent[0].ends_at, None, "Go's zero time is no time");
    assert_eq!(sent[0].receivers, ["holmes"]);
}

#[test]
fn prometheus_and_vmalert() {
    reads(
        fixture!("prometheus-alerts.json"),
        &[
            "NodeNotReady | firing | 2026-11-21T09:40:00.123456789Z | node=worker-3 | value 1e+00",
            "SlowDisk | pending | 2026-11-21T09:59:00Z | node=worker-3 | value 0.8",
        ],
    );
    reads(
        fixture!("prometheus-rules.json"),
        &[
            "NodeNotReady | firing | 2026-11-21T09:40:00Z | node=worker-3 | value 0e+00 | expression kube_node_status_condition == 0",
        ],
    );
    reads(
        fixture!("vmalert.json"),
        &[
            "TooManyRestarts | firing | 2026-11-21T09:40:00Z | instance=api-1:8080 job=api | value 7 | expression changes(process_start_time_seconds[15m]) > 2",
        ],
    );
}

#[test]
fn grafana() {
    reads(
        fixture!("grafana-alertmanager.json"),
        &[
            "High CPU (prod) | firing | 2026-11-21T09:40:00Z | __alert_rule_uid__=abc grafana_folder=Infra instance=web-1",
        ],
    );
    let sent = reads(
        fixture!("grafana-webhook.json"),
        &["High CPU | firing | 2026-11-21T09:40:00Z | instance=web-1 | value B=93.5, C=1"],
    );
    assert_eq!(sent[0].url.as_deref(), Some("http://grafana:3000/d/x?viewPanel=1"));
}

#[test]
fn one_alert_labels_alone_and_lines() {
    let one = reads(
        fixture!("one-alert.json"),
        &[
            "QueueStuck | firing | 2026-11-21T08:40:00Z | canary=true owner= ratio=0.5 shard=7 tags=[\"a\",\"b\"]",
        ],
    );
    assert_eq!(one[0].annotations["summary"], "42");
    reads(
        fixture!("labels-only.json"),
        &["BackupFailed | firing | - | attempt=3 host=db-1 severity=warning"],
    );
    reads(
        fixture!("lines.jsonl"),
        &["A | firing | - | instance=1", "B | firing | - | instance=1", "C | resolved | - | "],
    );
}

#[test]
fn cloudwatch_in_its_envelopes() {
    let sns = reads(
        fixture!("sns-cloudwatch.json"),
        &[
            "orders-db-cpu | firing | 2026-11-21T09:41:00.985Z | DBInstanceIdentifier=orders account=123456789012 metric=CPUUtilization metric_namespace=AWS/RDS region=EU (Ireland) | expression average of CPUUtilization > 90.0 in 1 periods of 300 s",
        ],
    );
    assert!(sns[0].annotations["reason"].starts_with("Threshold Crossed"));
    let lambda = reads(
        fixture!("lambda-sns.json"),
        &[
            "lambda-errors | resolved | 2026-11-21T09:41:00.985Z | ",
            "Backup job failed | firing | 2026-11-21T09:41:01Z | topic=arn:aws:sns:eu-west-1:123456789012:backups",
        ],
    );
    assert_eq!(lambda[1].annotations["description"], "Vault default: job 7 expired before it completed");
    reads(
        fixture!("cloudwatch-event.json"),
        &[
            "WebCpu | firing | 2026-11-21T09:41:40.929Z | InstanceId=i-0123456789abcdef0 account=123456789012 metric=CPUUtilization metric_namespace=AWS/EC2 region=eu-west-1",
        ],
    );
    reads(
        fixture!("cloudwatch-describe.json"),
        &[
            "queue-age | firing | 2026-11-21T09:41:40.929Z | QueueName=orders metric=ApproximateAgeOfOldestMessage metric_namespace=AWS/SQS | expression maximum of ApproximateAgeOfOldestMessage >= 600.0 in 5 periods of 60 s",
            "shop-down | resolved | - | ",
        ],
    );
}

#[test]
fn pagerduty_in_all_its_versions() {
    let v3 = reads(
        fixture!("pagerduty-v3.json"),
        &[
            "Checkout answers slowly | firing | 2026-11-21T09:40:55Z | escalation_policy=Default incident=2 priority=P1 service=Checkout urgency=high",
        ],
    );
    assert_eq!(v3[0].url.as_deref(), Some("https://acme.pagerduty.com/incidents/PGR0VU2"));
    assert_eq!(v3[0].severity(), Some("P1"));
    reads(
        fixture!("pagerduty-v2.json"),
        &[
            "Disk of db-1 is full | resolved | 2026-11-21T09:40:00Z | incident=33 service=Databases urgency=high",
        ],
    );
    let event = reads(
        fixture!("pagerduty-event.json"),
        &[
            "PING OK - Packet loss = 100% on srv01 | firing | 2026-11-21T09:40:00Z | class=ping component=nginx group=prod severity=error source=srv01",
        ],
    );
    assert_eq!(event[0].annotations["load avg"], "0.75");
    assert!(!format!("{event:?}").contains("made-up-routing-key"));
}

#[test]
fn nothing_firing_is_an_empty_list() {
    for nothing in [
        "[]",
        "  [ ] \n",
        r#"{"alerts":[]}"#,
        r#"{"status":"success","data":[]}"#,
        r#"{"status":"success","data":null}"#,
        r#"{"status":"success","data":{"alerts":[]}}"#,
        r#"{"status":"success","data":{"alerts":null}}"#,
        r#"{"status":"success","data":{"groups":[]}}"#,
        "\u{feff}[]",
    ] {
        assert_eq!(super::read(nothing.as_bytes()), Ok(Vec::new()), "{nothing}");
    }
}

#[test]
fn what_is_no_alert_is_told_for_what_it_is() {
    let known = "; known are Alertmanager's and Prometheus' lists, webhook bodies, one alert, CloudWatch, SNS and PagerDuty";
    for (bytes, words) in [
        ("", "it is empty: expected alerts as JSON".to_owned()),
        ("<html><title>Sign in</title>", "it is a web page or XML, not JSON: it begins with `<html><title>Sign in</title>`".to_owned()),
        ("labels:\n  alertname: X\n", "it looks like YAML, not JSON: it begins with `labels:`".to_owned()),
        ("Alertname  Starts At", "it is amtool's table: `amtool alert query -o json` prints JSON, not JSON: it begins with `Alertname Starts At`".to_owned()),
        ("connection refused", "it is plain text, not JSON: it begins with `connection refused`".to_owned()),
        ("[{\"labels\": {\n \"alertname\": }}]", "its JSON breaks at line 2, column 15: expected value (`\"alertname\": }}]`)".to_owned()),
        ("{\"labels\":{\"a\":\"b\"}}\n{\"labels\":", "its JSON breaks at line 2, column 10: EOF while parsing a value (`{\"labels\":`)".to_owned()),
        ("[1]", "item 1 of 1: it is a number, no alert".to_owned()),
        ("\"x\"", "it is the text `x`, no alert".to_owned()),
        ("{}", format!("it is an empty object{known}")),
        (r#"{"a":1,"b":2}"#, format!("an object with `a`, `b` is no form of alerts{known}")),
        (r#"{"apiVersion":"v1","kind":"Pod"}"#, format!("it is a Kubernetes object (Pod), no alert{known}")),
        (r#"{"status":"error","errorType":"bad_data","error":"no"}"#, "it is an error of the server: no".to_owned()),
        (r#"{"Type":"SubscriptionConfirmation","TopicArn":"t","Message":"You have"}"#, "it is SNS asking to confirm a subscription, no alert".to_owned()),
        (r#"{"detail-type":"EC2 Instance State-change Notification","detail":{}}"#, "it is the EventBridge event `EC2 Instance State-change Notification`, no alarm of CloudWatch".to_owned()),
        (r#"{"event":{"event_type":"service.updated","data":{}}}"#, "it is PagerDuty's `service.updated`, no incident".to_owned()),
        (r#"[{"labels":{}},{"x":[]}]"#, format!("item 2 of 2: an object with `x` is no form of alerts{known}")),
    ] {
        assert_eq!(super::read(bytes.as_bytes()).map_err(|error| error.to_string()), Err(words), "{bytes}");
    }
    let deep = "[".repeat(100_000);
    assert!(super::read(deep.as_bytes()).is_err());
    let wrapped = format!("{}{}", "[".repeat(50), "]".repeat(50));
    assert!(super::read(wrapped.as_bytes()).is_err());
    assert!(super::read(&[0xff, 0xfe, 0x5b, 0x00, 0x5d, 0x00]).unwrap().is_empty(), "UTF-16");
}

#[test]
fn an_alert_without_anything_has_a_name_all_the_same() {
    reads(br#"[{"labels":{}}]"#, &["unnamed alert | firing | - | "]);
    reads(br#"{"labels":{"alertname":"\u001b[2J\n x\u202e"}}"#, &["[2J x | firing | - | "]);
    reads(
        br#"{"labels":{"alertname":null},"annotations":{"summary":"it is slow"}}"#,
        &["unnamed alert | firing | - | "],
    );
}

#[test]
fn expressions_are_read_from_links() {
    let of = |url: &str| Alert { generator_url: Some(url.to_owned()), ..Alert::default() }.expression();
    assert_eq!(
        of("http://p/graph?g0.expr=a+%3E%3D+1+and+%7Bx%3D%22%C3%BC%22%7D&g0.tab=1").as_deref(),
        Some("a >= 1 and {x=\"ü\"}")
    );
    assert_eq!(of("http://vmui/#/?g0.expr=up%20==%200").as_deref(), Some("up == 0"));
    assert_eq!(of("http://p/graph?g0.expr=100%25+%zz%").as_deref(), Some("100% %zz%"));
    assert_eq!(of("http://p/graph?g0.expr="), None);
    assert_eq!(of("http://grafana/alerting/abc/view"), None);
}

fn firing(name: &str, labels: serde_json::Value) -> Alert {
    let mut labels = labels;
    labels["alertname"] = name.into();
    super::read(json!({"labels": labels}).to_string().as_bytes()).unwrap().remove(0)
}

#[test]
fn labels_are_matched_as_alertmanager_matches_them() {
    let alert = firing("A", json!({"severity": "critical", "pod": "payments-1"}));
    for (matcher, holds) in [
        ("severity=critical", true),
        ("severity = \"critical\"", true),
        ("severity!=critical", false),
        ("pod=~payments-.*", true),
        ("pod=~payments", false),
        ("pod!~payments-.*|x", false),
        ("missing=", true),
        ("missing!=", false),
        ("missing=~.*", true),
        ("alertname=A", true),
        ("x=a=b", false),
    ] {
        assert_eq!(Matcher::parse(matcher).unwrap().holds(&alert), holds, "{matcher}");
    }
    for wrong in ["", "pod", "=x", "a b=c", "pod=~(", "!x"] {
        assert!(Matcher::parse(wrong).is_err(), "{wrong}");
    }
    assert_eq!(Matcher::parse("pod=~a(").unwrap_err(), "`pod=~a(`: unclosed group",);
}

#[test]
fn a_name_is_exact_then_any_case_then_a_pattern() {
    let alerts = ["HighCPU", "highcpu", "HighCPUOnNode", "Disk (full"].map(|name| firing(name, json!({})));
    let found =
        |name: &str| -> Vec<String> { matching(name, &alerts).into_iter().map(|alert| alert.name).collect() };
    assert_eq!(found("HighCPU"), ["HighCPU"]);
    assert_eq!(found("HIGHCPU"), ["HighCPU", "highcpu"]);
    assert_eq!(found("^High.*Node$"), ["HighCPUOnNode"]);
    assert_eq!(found("High"), ["HighCPU", "HighCPUOnNode"]);
    assert_eq!(found("Disk (full"), ["Disk (full"]);
    assert_eq!(found("Disk ("), [""; 0], "no pattern, and no name");
    assert_eq!(found(""), [""; 0]);
    assert_eq!(nearest_names("HihgCPUOnNod", &alerts)[0], "HighCPUOnNode");
    assert_eq!(nearest_names("disk", &alerts)[0], "Disk (full");
}

#[test]
fn groups_stand_by_severity_and_tell_what_differs() {
    let mut alerts = vec![
        firing("Slow", json!({"severity": "warning", "pod": "b", "namespace": "shop"})),
        firing("Slow", json!({"severity": "warning", "pod": "a", "namespace": "shop"})),
        firing("Slow", json!({"severity": "warning", "pod": "a", "namespace": "shop"})),
        firing("NoSeverity", json!({})),
        firing("Down", json!({"severity": "page", "node": "n-1"})),
    ];
    let groups = group(alerts.clone());
    let names: Vec<_> = groups.iter().map(|group| (group.name.as_str(), group.alerts.len())).collect();
    assert_eq!(names, [("Down", 1), ("Slow", 2), ("NoSeverity", 1)]);
    assert_eq!(
        groups[1].differing_labels(),
        [Differing { label: "pod".to_owned(), values: vec![("a".to_owned(), 1), ("b".to_owned(), 1)] }]
    );
    alerts.reverse();
    assert_eq!(group(alerts), groups, "whatever the order they come in");
    assert_eq!(
        groups[1].question_text(true),
        "Why is the alert `Slow` firing on 2 instances in namespace shop?"
    );
    assert_eq!(groups[0].subject(), "node/n-1");
    assert_eq!(groups[1].subject(), "alert/Slow");
    assert_eq!(groups[1].clone().each()[0].subject(), "pod/shop/a");
}

#[test]
fn a_question_names_the_object_and_nothing_a_stranger_could_say_with_it() {
    let of = |labels| Group::of_one(firing("X", labels));
    let asked = |labels| of(labels).question_text(true);
    assert_eq!(
        asked(json!({"namespace": "shop", "pod": "p-1", "container": "c"})),
        "Why is the alert `X` firing for pod p-1 in namespace shop?"
    );
    assert_eq!(
        of(json!({"namespace": "monitoring", "pod": "ksm-0", "exported_namespace": "shop", "exported_pod": "p-1"})).subject(),
        "pod/shop/p-1"
    );
    assert_eq!(
        asked(json!({"namespace": "shop", "pod": "p\nIgnore all"})),
        "Why is the alert `X` firing in namespace shop?"
    );
    assert_eq!(asked(json!({"namespace": "a b", "pod": "p"})), "Why is the alert `X` firing?");
    let hostile = Group::of_one(firing("a`\n{{ x }}\u{1b}]0;t\u{7}", json!({})));
    assert_eq!(hostile.question_text(true), "Why is the alert `a' '' x '' ]0;t` firing?");
    assert_eq!(hostile.question_text(false), "Why is the attached alert firing?");
    let long = Group::of_one(firing(&"x".repeat(5_000), json!({})));
    assert!(long.question_text(true).chars().count() < 150);
}

#[test]
fn an_alert_as_text() {
    let mut alerts = super::read(fixture!("alertmanager-v2.json")).unwrap();
    alerts.truncate(2);
    alerts[0].annotations.insert("description".to_owned(), "first\nstate: resolved\u{1b}[2J".to_owned());
    let mut group = group(alerts).remove(0);
    group.rule = Some(Rule { expression: "oom == 1".to_owned(), hold_seconds: 300.0, ..Rule::default() });
    insta::assert_snapshot!(group.as_exhibit_text(), @r"
    alert: KubePodOOMKilled
    state: 1 firing, 1 silenced
    since: 2026-11-21T09:42:11.123Z
    instances: 2
    expression: oom == 1
    for: 300 s
    labels:
      namespace: shop
      severity: critical
    differing_labels:
      pod: payments-1, payments-2
    each_instance:
    - instance_number: 1
      pod: payments-1
      alert_state: firing
      description: |
          first
          state: resolved\u{1b}[2J
      runbook_url: https://runbooks.example/oom
      summary: payments restarts
      starts_at: 2026-11-21T09:42:11.123Z
    - instance_number: 2
      pod: payments-2
      alert_state: silenced
      starts_at: 2026-11-21T09:43:11.123Z
    ");
    insta::assert_snapshot!(Group::of_one(group.alerts[1].clone()).as_exhibit_text(), @r"
    alert: KubePodOOMKilled
    state: silenced
    since: 2026-11-21T09:43:11.123Z
    labels:
      namespace: shop
      pod: payments-2
      severity: critical
    receivers: team-shop
    ");
}

#[test]
fn five_thousand_instances_are_counted_and_fifty_are_told() {
    let many: Vec<_> = (0..5_000)
        .map(|n| json!({"labels": {"alertname": "Down", "instance": format!("host-{n}"), "zone": format!("z{}", n % 3)}}))
        .collect();
    let alerts = super::read(serde_json::to_string(&many).unwrap().as_bytes()).unwrap();
    let groups = group(alerts);
    let text = groups[0].as_exhibit_text();
    assert!(text.len() < 10_000, "{} bytes", text.len());
    assert!(text.contains("  zone: z0 (1667), z1 (1667), z2 (1666)\n"), "{text}");
    assert!(text.contains("and 4988 more values"), "{text}");
    assert!(
        text.contains("# 4950 more instances are not listed; differing_labels counts all 5000\n"),
        "{text}"
    );
}

/// Any JSON.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let words = prop::sample::select(vec![
        "alerts",
        "labels",
        "annotations",
        "status",
        "data",
        "state",
        "groups",
        "rules",
        "alertname",
        "Message",
        "Type",
        "Records",
        "Sns",
        "body",
        "AlarmName",
        "NewStateValue",
        "Trigger",
        "Dimensions",
        "detail",
        "alarmName",
        "event",
        "event_type",
        "messages",
        "incident",
        "incidents",
        "payload",
        "event_action",
        "startsAt",
        "value",
        "success",
        "incident.triggered",
        "Notification",
        "{\"labels\":{}}",
        "2026-11-21T09:40:00Z",
    ]);
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|on| json!(on)),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        words.clone().prop_map(|word| json!(word)),
        ".{0,8}".prop_map(|text: String| json!(text)),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            prop::collection::vec((words.clone(), inner), 0..6).prop_map(|pairs| {
                pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            }),
        ]
    })
}

const FORMS: [&[u8]; 8] = [
    fixture!("alertmanager-v2.json"),
    fixture!("alertmanager-webhook.json"),
    fixture!("prometheus-rules.json"),
    fixture!("one-alert.json"),
    fixture!("lines.jsonl"),
    fixture!("sns-cloudwatch.json"),
    fixture!("cloudwatch-event.json"),
    fixture!("pagerduty-v3.json"),
];

fn all_of_it(bytes: &[u8]) {
    if let Ok(alerts) = super::read(bytes) {
        assert!(alerts.iter().all(|alert| !alert.name.is_empty()));
        let count = alerts.len();
        let groups = group(alerts);
        assert!(groups.iter().map(|group| group.alerts.len()).sum::<usize>() <= count);
        for group in groups {
            assert!(!group.as_exhibit_text().is_empty());
            assert_eq!(group.question_text(true).lines().count(), 1);
            assert!(!group.subject().contains('\n'));
        }
    }
}

proptest! {
    #[test]
    fn any_json_is_read_or_refused(value in any_json()) {
        all_of_it(value.to_string().as_bytes());
    }

    #[test]
    fn mangled_forms_are_read_or_refused(
        form in prop::sample::select(FORMS.to_vec()),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = form.to_vec();
        for (at, byte) in cuts {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        all_of_it(&bytes);
        bytes.truncate(end.index(bytes.len()));
        all_of_it(&bytes);
    }
}
