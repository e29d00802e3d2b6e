//! Tools of Alertmanager against Debian's own.

use std::process::Command;

use crate::stand_in::{says, tool};
use crate::support::Bench;
use crate::support::peer::{Peer, program, request, status};

fn alertmanager() -> Option<Peer> {
    let program = program("prometheus-alertmanager")?;
    let start = |folder: &std::path::Path, port: u16| {
        let config = folder.join("alertmanager.yml");
        std::fs::write(
            &config,
            "route: {receiver: everyone, routes: [{receiver: pager, matchers: ['severity=\"critical\"']}]}\n\
             receivers: [{name: everyone}, {name: pager, webhook_configs: [{url: 'http://127.0.0.1:1/'}]}]\n\
             inhibit_rules: [{source_matchers: ['alertname=\"NodeDown\"'], target_matchers: ['alertname=\"PodDown\"']}]\n",
        )
        .unwrap();
        let mut command = Command::new(&program);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--cluster.listen-address=");
        command
    };
    Some(Peer::start(start, |port| status(port, "/-/ready") == 200))
}

fn post(port: u16, path: &str, body: &str) {
    let text = format!(
        "POST {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let reply = request(port, &text).unwrap();
    assert!(reply.starts_with("HTTP/1.0 200") || reply.starts_with("HTTP/1.1 200"), "{reply}");
}

#[test]
fn alerts_silences_and_routes_are_told() {
    let Some(alertmanager) = alertmanager() else { return };
    let bench = Bench::new().env("ALERTMANAGER_URL", alertmanager.url());
    says(tool(&bench, "alertmanager_alerts", &[]), &["no alerts"]);
    post(
        alertmanager.port,
        "/api/v2/silences",
        r#"{"matchers":[{"name":"alertname","value":"DiskFull","isRegex":false,"isEqual":true}],"startsAt":"2020-01-01T00:00:00Z","endsAt":"2099-01-01T00:00:00Z","createdBy":"ada","comment":"the disk is on its way"}"#,
    );
    post(
        alertmanager.port,
        "/api/v2/alerts",
        r#"[{"labels":{"alertname":"NodeDown","severity":"critical","node":"n1"},"annotations":{"summary":"n1 is gone"}},
            {"labels":{"alertname":"PodDown","severity":"critical","pod":"pay-1"}},
            {"labels":{"alertname":"DiskFull","severity":"warning","path":"/a \"b\",c"}}]"#,
    );
    // Silencing and inhibiting happen as Alertmanager flushes: after group_wait of the first group at the latest.
    let all = |params: &[&str]| tool(&bench, "alertmanager_alerts", params);
    let began = std::time::Instant::now();
    while !all(&[]).stdout.contains("inhibited by") {
        assert!(began.elapsed().as_secs() < 60, "{}", all(&[]).stdout);
    }
    says(
        all(&[]),
        &[
            "3 alerts: 1 active, 1 inhibited, 1 silenced",
            "NodeDown node=\"n1\" severity=\"critical\" -> pager",
            "n1 is gone",
            "-> everyone silence=",
        ],
    );
    says(all(&["state=silenced"]), &["1 alerts", "DiskFull"]);
    says(all(&["filter=severity=\"critical\",pod=~\"pay.*\""]), &["1 alerts", "PodDown"]);
    says(all(&["filter={path=\"/a \\\"b\\\",c\"}"]), &["1 alerts", "DiskFull"]);
    says(all(&["filter=team=none"]), &["no alerts with team=none"]);
    let wrong = all(&["filter=DiskFull"]).exits(1);
    assert!(wrong.stderr.contains("filter takes matchers"), "{}", wrong.stderr);
    says(
        tool(&bench, "alertmanager_silences", &[]),
        &["1 silences", "active ", "{alertname=\"DiskFull\"} by ada: the disk is on its way"],
    );
    says(
        tool(&bench, "alertmanager_status", &[]),
        &["version ", "receivers: everyone, pager (webhook)", "receiver: pager", "inhibit_rules:"],
    );
}
