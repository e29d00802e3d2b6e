//! net/checks against servers of this machine.

use std::process::Command;

use crate::support::peer::{Peer, free_port, listens, program, ran};
use crate::support::{Bench, Ran};

/// net/checks is off unless switched on.
fn bench() -> Bench {
    Bench::new().file("on.yaml", "toolsets:\n  net/checks: {enabled: true}\n")
}

fn tool(name: &str, params: &[&str]) -> Ran {
    bench().run([&["toolset", "run", name, "-t", "on.yaml", "--raw", "--"], params].concat())
}

/// A TLS server with a certificate of its own for pay.test.
fn tls() -> Option<Peer> {
    let openssl = program("openssl")?;
    let start = |folder: &std::path::Path, port: u16| {
        let file = |name: &str| folder.join(name).display().to_string();
        let (key, certificate) = (file("key.pem"), file("certificate.pem"));
        ran(
            &openssl,
            [
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "30",
                "-subj",
                "/CN=pay.test",
                "-addext",
                "subjectAltName=DNS:pay.test",
                "-keyout",
                &key,
                "-out",
                &certificate,
            ],
        );
        let mut command = Command::new(&openssl);
        let port = port.to_string();
        command.args(["s_server", "-www", "-accept", &port, "-cert", &certificate, "-key", &key]);
        command
    };
    Some(Peer::start(start, listens))
}

#[test]
fn a_certificate_tells_its_names_its_days_and_its_faults() {
    let Some(server) = tls() else { return };
    let target = format!("target=127.0.0.1:{}", server.port);
    let said = tool("net_tls", &[&target, "servername=pay.test"]).exits(0).stdout;
    assert!(said.contains("DNS:pay.test") && said.contains("expires in 29 days"), "{said}");
    assert!(said.to_lowercase().contains("self-signed") || said.contains("self signed"), "{said}");
    let said = tool("net_tls", &[&target]).exits(0).stdout;
    assert!(said.contains("mismatch"), "{said}");
    if program("curl").is_some() {
        let url = format!("url=https://127.0.0.1:{}/", server.port);
        let said = tool("net_http", &[&url]).exits(0).stdout;
        assert!(said.contains("TLS failed"), "{said}");
    }
}

#[test]
fn ports_are_open_or_refuse() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let open = listener.local_addr().unwrap().port();
    let shut = free_port();
    let targets = format!("targets=127.0.0.1:{open}, 127.0.0.1:{shut} nothing 127.0.0.1:$(id)");
    let said = tool("net_tcp", &[&targets]).exits(0).stdout;
    assert!(said.contains(&format!("127.0.0.1:{open}: open")), "{said}");
    assert!(said.contains(&format!("127.0.0.1:{shut}: Connection refused")), "{said}");
    assert!(said.contains("nothing: needs host:port") && said.contains("not a port"), "{said}");
    if program("curl").is_some() {
        let said = tool("net_http", &[&format!("url=http://127.0.0.1:{shut}/")]).exits(0).stdout;
        assert!(said.contains("nobody answers"), "{said}");
        tool("net_http", &["url=file:///etc/passwd"]).exits(1);
    }
}

#[test]
fn a_name_is_no_option() {
    let refused = tool("net_dns", &["name=-x"]);
    assert!(
        refused.code != Some(0) && refused.stderr.contains("does not begin with `-`"),
        "{}",
        refused.stderr
    );
    tool("net_dns", &["name=localhost"]).exits(0);
}

/// Minimal hosts have curl at most.
#[test]
fn without_openssl_curl_tells_of_the_certificate() {
    let Some(server) = tls() else { return };
    let path = std::env::var("PATH").unwrap_or_default();
    let bench = bench();
    std::fs::create_dir(bench.path("few")).unwrap();
    for name in ["bash", "sh", "curl", "timeout", "grep", "sed", "head", "cat", "mktemp", "rm", "env"] {
        let found = path.split(':').map(|folder| std::path::Path::new(folder).join(name));
        let Some(found) = found.into_iter().find(|file| file.exists()) else {
            println!("SKIPPED: no {name}");
            return;
        };
        std::os::unix::fs::symlink(found, bench.path("few").join(name)).unwrap();
    }
    let few = bench.path("few").display().to_string();
    let bench = bench.env("PATH", few);
    let target = format!("target=127.0.0.1:{}", server.port);
    let run = |params: &[&str]| {
        let start = ["toolset", "run", "net_tls", "-t", "on.yaml", "--raw", "--"];
        bench.run([&start, params].concat())
    };
    let said = run(&[&target, "servername=pay.test"]).exits(0).stdout;
    assert!(said.contains("subject: CN=pay.test") && said.contains("expire date: "), "{said}");
    assert!(said.contains("self-signed") || said.contains("self signed"), "{said}");
    let closed = format!("target=127.0.0.1:{}", free_port());
    let said = run(&[&closed]).exits(0).stdout;
    assert!(said.contains("gave no certificate") && said.contains("curl: (7)"), "{said}");
    let refused = run(&[&target, "starttls=postgres"]).exits(1);
    assert!(refused.stdout.contains("STARTTLS of this protocol needs openssl"), "{}", refused.stdout);
}
