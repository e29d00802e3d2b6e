//! RabbitMQ, Kafka, nginx and Podman: every tool against the real program.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::peer::{Peer, free_port, program, request, status};
use crate::support::{Bench, Ran};

fn tool(bench: &Bench, name: &str, params: &[&str]) -> Ran {
    bench.run([&["toolset", "run", name, "--raw", "--"], params].concat())
}

fn assert_prints(bench: &Bench, cases: &[(&str, &[&str], &[&str])]) {
    for (name, params, expected) in cases {
        let ran = tool(bench, name, params).exits(0);
        for part in *expected {
            assert!(
                ran.stdout.contains(part),
                "{name} {params:?} without `{part}`:\n{}{}",
                ran.stdout,
                ran.stderr
            );
        }
    }
}

/// librdkafka's own mock cluster, as a consumer of it brings it up: the real protocol, messages in memory.
#[test]
fn kafka_tools() {
    let Some(kcat) = program("kcat") else { return };
    let cluster = Peer::start(
        |_, _| {
            let mut command = Command::new(&kcat);
            command.args([
                "-C",
                "-t",
                "warm",
                "-b",
                "ignored",
                "-X",
                "test.mock.num.brokers=2",
                "-d",
                "mock",
            ]);
            command
        },
        |_| true,
    );
    let began = std::time::Instant::now();
    let brokers = loop {
        let log = cluster.log();
        if let Some((_, rest)) = log.split_once("bootstrap.servers=")
            && let Some((brokers, _)) = rest.split_once('\n')
        {
            break brokers.to_owned();
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(20), "{log}");
    };
    let mut producer = Command::new(&kcat)
        .args(["-P", "-b", &brokers, "-t", "orders"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    producer.stdin.take().unwrap().write_all(b"one\n").unwrap();
    assert!(producer.wait().unwrap().success());
    let bench = Bench::new().env("KAFKA_BROKERS", brokers.clone());
    assert_prints(
        &bench,
        &[
            ("list_topics", &[], &["\"topic\":\"orders\"", "\"unhealthy\":[]", "127.0.0.1"]),
            ("describe_topic", &["topic_name=orders"], &["topic \"orders\" with", "leader", "isrs"]),
            ("list_kafka_clusters", &[], &["default\t127.0.0.1"]),
            ("cluster_overview", &[], &["\"brokers\":2", "\"without_leader\":0", "\"brokers_gone\":[]"]),
            ("list_brokers", &[], &["\"id\":1", "\"address\":\"127.0.0.1"]),
            ("consume_messages", &["topics=orders, nope"], &["\tone", "no topic \"nope\""]),
        ],
    );
    // By the names a file of HolmesGPT has.
    let clusters = format!(
        "toolsets:\n  kafka/admin:\n    enabled: true\n    config:\n      clusters:\n        - {{name: b, broker: '{brokers}'}}\n"
    );
    let bench = Bench::new().file("t.yaml", clusters);
    let listed =
        bench.run(["toolset", "run", "-t", "t.yaml", "list_topics", "--raw", "--", "kafka_cluster_name=b"]);
    assert!(listed.exits(0).stdout.contains("orders"));
}

#[test]
fn nginx_tools() {
    let Some(nginx) = program("nginx") else { return };
    let down = free_port();
    let server = Peer::start(
        |folder, port| {
            let at = folder.display();
            let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|name| format!("{name}_temp_path {at}/{name}; "))
                .concat();
            let text = format!(
                "daemon off; pid {at}/nginx.pid; error_log {at}/error.log;\nevents {{}}\nhttp {{ access_log {at}/access.log; {temporary}\n\
                 server {{\n listen 127.0.0.1:{port};\n server_name shop.example;\n location /status {{ stub_status; }}\n location /pay {{\n proxy_pass http://127.0.0.1:{down};\n proxy_set_header Authorization \"Basic hidden\";\n }}\n}} }}\n"
            );
            std::fs::write(folder.join("nginx.conf"), text).unwrap();
            let mut command = Command::new(&nginx);
            command.arg("-e").arg(folder.join("error.log")).arg("-c").arg(folder.join("nginx.conf"));
            command
        },
        |port| status(port, "/status") == 200,
    );
    for _ in 0..3 {
        assert_eq!(status(server.port, "/pay/17"), 502);
    }
    let config = format!(
        "toolsets: {{nginx: {{config: {{configuration_file: '{}/nginx.conf'}}}}}}\n",
        server.folder().display()
    );
    let bench = Bench::new()
        .file(".holmes/config.yaml", config)
        .env("NGINX_STATUS_URL", format!("{}/status", server.url()));
    assert_prints(
        &bench,
        &[
            (
                "nginx_status",
                &[],
                &["syntax is ok", "server_name shop.example", "proxy_pass", "Active connections"],
            ),
            ("nginx_errors", &[], &["Connection refused", "3 "]),
            ("nginx_access", &[], &["status 502 3", "failing 502 GET /pay/<n> 3"]),
        ],
    );
    assert!(!tool(&bench, "nginx_status", &[]).stdout.contains("hidden"));
    let other = tool(&bench, "nginx_errors", &["path=/etc/passwd"]).exits(1);
    assert!(other.stderr.contains("no log that nginx's configuration names"), "{}", other.stderr);
}

#[test]
fn rabbitmq_tools() {
    let Some(server) = program("rabbitmq-server") else { return };
    let (amqp, dist, epmd) = (free_port(), free_port(), free_port());
    let root = rustix::process::geteuid().is_root();
    let broker = Peer::start(
        |folder, port| {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
            let at = |name: &str| folder.join(name).display().to_string();
            std::fs::write(at("plugins"), "[rabbitmq_management].").unwrap();
            let settings = format!(
                "listeners.tcp.1 = 127.0.0.1:{amqp}\nmanagement.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {port}\nlog.console = true\nlog.file = false\n"
            );
            std::fs::write(at("rabbit.conf"), settings).unwrap();
            let real = std::path::Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server");
            let server = if real.is_file() { real } else { server.as_path() };
            let mut command = if root {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=rabbitmq", "--regid=rabbitmq", "--init-groups", "--"]).arg(server);
                command
            } else {
                Command::new(server)
            };
            command.current_dir(folder).envs([
                ("HOME", at("home")),
                ("RABBITMQ_NODENAME", format!("t{dist}@localhost")),
                ("RABBITMQ_MNESIA_BASE", at("mnesia")),
                ("RABBITMQ_CONFIG_FILE", at("rabbit")),
                ("RABBITMQ_ENABLED_PLUGINS_FILE", at("plugins")),
                ("RABBITMQ_LOG_BASE", at("log")),
                ("RABBITMQ_PID_FILE", at("pid")),
                ("RABBITMQ_DIST_PORT", dist.to_string()),
                ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
                ("ERL_EPMD_PORT", epmd.to_string()),
            ]);
            std::fs::create_dir(at("home")).unwrap();
            std::fs::set_permissions(at("home"), std::fs::Permissions::from_mode(0o777)).unwrap();
            command
        },
        |port| request(port, &call("GET", "nodes", "")).is_some_and(|reply| reply.contains("mem_alarm")),
    );
    let declared = request(broker.port, &call("PUT", "queues/%2F/pay.retry", "{\"durable\":true}")).unwrap();
    assert!(declared.starts_with("HTTP/1.1 201"), "{declared}");
    let message = r#"{"properties":{},"routing_key":"pay.retry","payload":"x","payload_encoding":"string"}"#;
    let sent = request(broker.port, &call("POST", "exchanges/%2F/amq.default/publish", message)).unwrap();
    assert!(sent.contains("\"routed\":true"), "{sent}");
    let bench = Bench::new().env("RABBITMQ_MANAGEMENT_URL", broker.url());
    assert_prints(
        &bench,
        &[
            ("get_rabbitmq_cluster_status", &[], &["\"running\":true", "\"memory_alarm\":false"]),
            ("list_configured_clusters", &[], &["default"]),
            ("rabbitmq_queues", &[], &["pay.retry"]),
            ("rabbitmq_queue", &["queue=pay.retry"], &["\"durable\":true"]),
            ("rabbitmq_connections", &[], &["0"]),
        ],
    );
    let none = tool(&bench, "rabbitmq_queue", &["queue=no such/queue"]).exits(1);
    assert!(none.stderr.contains("Not Found"), "{}", none.stderr);
    // The daemon that Erlang leaves behind was started by this test.
    let _ = Command::new("epmd").args(["-port", &epmd.to_string(), "-kill"]).output();
}

fn call(method: &str, path: &str, body: &str) -> String {
    // guest:guest
    format!(
        "{method} /api/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn podman_tools() {
    if program("podman").is_none() {
        return;
    }
    let works = Command::new("podman").args(["ps", "-q"]).output().is_ok_and(|out| out.status.success());
    if !works {
        println!("SKIPPED: podman does not run for this user");
        return;
    }
    let bench = Bench::new();
    assert_prints(&bench, &[("podman_ps", &[], &["CONTAINER ID", "== use of resources", "== storage"])]);
    for (name, parameter) in [("podman_inspect", "container_or_image_id"), ("podman_logs", "container_id")] {
        let ran = tool(&bench, name, &[&format!("{parameter}=no-such-container")]).exits(1);
        assert!(ran.stderr.contains("no such"), "{name}: {}", ran.stderr);
    }
}
