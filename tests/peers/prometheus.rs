//! Tools of the Prometheus family against Debian's own.

use std::process::Command;

use crate::support::peer::{Peer, program, status};

/// Prometheus that scrapes itself.
fn prometheus() -> Option<Peer> {
    let program = program("prometheus")?;
    let start = |folder: &std::path::Path, port: u16| {
        let config = folder.join("prometheus.yml");
        let scrape = "{job_name: self, static_configs: [{targets: ['127.0.0.1:PORT']}]}";
        let text = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs: [{}]\n",
            scrape.replace("PORT", &port.to_string())
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(&program);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command
    };
    Some(Peer::start(start, |port| status(port, "/-/ready") == 200))
}

#[test]
fn a_real_prometheus_starts_and_ends() {
    let Some(prometheus) = prometheus() else { return };
    assert_eq!(status(prometheus.port, "/api/v1/status/buildinfo"), 200);
}
