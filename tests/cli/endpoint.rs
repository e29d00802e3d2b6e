//! From a name in the model list to the bytes on the wire: aliases, Azure, headers, certificates, proxies.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::Bench;

fn done() -> Value {
    json!([{"say": "done", "repeat": true}])
}

#[test]
fn an_alias_brings_its_endpoint_key_window_headers_and_fields() {
    let bench = Bench::new()
        .model(done())
        .env("TEAM_KEY", "sk-team-0123456789")
        .env("OPENAI_API_BASE", "http://127.0.0.1:9/v1");
    let base = bench.scripted().base_url();
    let list = format!(
        "other: {{model: o, api_base: 'http://127.0.0.1:9/v1'}}\n\
         fast:\n  model: openai/qwen3\n  api_base: {base}\n  api_key: '{{{{ env.TEAM_KEY }}}}'\n  temperature: 0.25\n  \
         provider: {{order: [near, far]}}\n  extra_headers: {{X-Team: sre, X-Number: 7}}\n  \
         custom_args: {{max_context_size: 9000}}\n  num_retries: 4\n  aws_region_name: eu\n"
    );
    for variable in ["MODEL_LIST_FILE_LOCATION", "HOLMES_MODEL_LIST_FILE"] {
        let bench = Bench::new()
            .file("list.yaml", &list)
            .env(variable, "list.yaml")
            .env("TEAM_KEY", "sk-team-0123456789")
            .env("OPENAI_API_KEY", "sk-of-another-place")
            .env("MODEL", "fast");
        let ran = bench.run(["ask", "why", "-o", "json"]).exits(0);
        assert_eq!(ran.json()["budget"]["context_window"], 9000);
        assert_eq!(ran.json()["model"], "fast");
        assert!(!ran.stdout.contains("sk-team") && !ran.stderr.contains("sk-team"));
    }
    let requests = bench.scripted().requests();
    let request = &requests[0];
    assert_eq!(request.path, "/v1/chat/completions");
    assert_eq!(request.header("authorization"), Some("Bearer sk-team-0123456789"));
    assert_eq!((request.header("x-team"), request.header("x-number")), (Some("sre"), Some("7")));
    let body = &request.body;
    assert_eq!((&body["model"], &body["temperature"]), (&json!("qwen3"), &json!(0.25)));
    assert_eq!(body["provider"], json!({"order": ["near", "far"]}));
    for field in ["custom_args", "num_retries", "aws_region_name", "api_base", "api_key", "extra_headers"] {
        assert!(body.get(field).is_none(), "{field}: {body}");
    }
}

#[test]
fn a_list_stands_in_the_config_file_too_and_can_be_looked_at() {
    let bench = Bench::new().model(done());
    let base = bench.scripted().base_url();
    let bench = bench
        .file(
            ".holmes/config.yaml",
            format!("model: fast\nextra_headers: {{X-All: a}}\nmodels:\n  fast: {{model: q, api_base: '{base}', api_key: sk-0123456789-0123456789}}\n  broken: {{model: b, api_key: '{{{{ env.NOT_SET }}}}'}}\n"),
        )
        .env("MODEL", "")
        .env("OPENAI_API_BASE", "");
    let ran = bench.run(["model", "list", "-o", "json"]).exits(0).json();
    assert_eq!(
        (&ran[0]["name"], &ran[0]["chosen"], &ran[0]["api_key"]),
        (&json!("fast"), &json!(true), &json!("sk-…6789"))
    );
    assert!(ran[1]["error"].as_str().unwrap().contains("`NOT_SET`"), "{ran}");
    let _ = bench.run(["ask", "why"]).exits(0);
    assert_eq!(bench.scripted().requests()[0].header("x-all"), Some("a"));
    let ran = bench.run(["ask", "why", "--model", "broken"]).exits(3);
    assert!(ran.stderr.contains("config.yaml:5") && ran.stderr.contains("NOT_SET"), "{}", ran.stderr);
}

#[test]
fn azure_has_its_own_path_version_and_header() {
    let bench = Bench::new().model(done());
    let base = bench.scripted().base_url().replace("/v1", "");
    let bench = bench
        .env("OPENAI_API_BASE", "")
        .env("OPENAI_API_KEY", "")
        .env("AZURE_API_BASE", base)
        .env("AZURE_API_KEY", "azure-key-0123456789")
        .env("AZURE_API_VERSION", "2025-01-01-preview")
        .env("MODEL", "azure/my-deployment");
    let _ = bench.run(["ask", "why"]).exits(0);
    let request = &bench.scripted().requests()[0];
    assert_eq!(
        request.path,
        "/openai/deployments/my-deployment/chat/completions?api-version=2025-01-01-preview"
    );
    assert_eq!(request.header("api-key"), Some("azure-key-0123456789"));
    assert_eq!(request.header("authorization"), None);
}

#[test]
fn proxies_of_the_environment_are_used_unless_told_otherwise() {
    let bench = Bench::new().model(done());
    let proxy = format!("http://{}", bench.scripted().address());
    let bench = bench.env("OPENAI_API_BASE", "http://model.invalid/v1").env("HTTP_PROXY", &proxy);
    let _ = bench.run(["ask", "why"]).exits(0);
    assert_eq!(bench.scripted().requests()[0].path, "http://model.invalid/v1/chat/completions");
    let ran = bench.env("NO_PROXY", "model.invalid").run(["ask", "why", "--timeout", "20s"]).exits(4);
    assert!(ran.stderr.contains("model.invalid"), "{}", ran.stderr);
}

#[test]
fn an_https_proxy_is_asked_for_a_tunnel() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = proxy.local_addr().unwrap();
    let (tell, asked) = std::sync::mpsc::channel();
    // The window is asked for first, then the answer. The thread ends with the tests.
    std::thread::spawn(move || {
        for mut stream in proxy.incoming().map_while(Result::ok) {
            let mut line = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
            let _ =
                stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
            let _ = tell.send(line);
        }
    });
    let ran = Bench::new()
        .env("OPENAI_API_BASE", "https://model.invalid/v1")
        .env("OPENAI_API_KEY", "sk-test-0123456789abcdef")
        .env("MODEL", "m")
        .env("HTTPS_PROXY", format!("http://{address}"))
        .run(["ask", "why", "--timeout", "10s"]);
    assert!(asked.try_iter().all(|line| line == "CONNECT model.invalid:443 HTTP/1.1\r\n"));
    assert!(matches!(ran.code, Some(3 | 4)), "{}", ran.stderr);
    assert!(ran.stderr.to_lowercase().contains("proxy"), "{}", ran.stderr);
}

/// A chat endpoint behind a certificate nobody signed.
struct Https {
    child: Child,
    base: String,
}

const SERVER: &str = r#"
import http.server, json, ssl
class Chat(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers['content-length']))
        text = json.dumps({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "over TLS"}}]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Chat)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert.pem", "key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
"#;

impl Https {
    /// `None` where `openssl` or `python3` is missing.
    fn start(bench: &Bench) -> Option<Self> {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem"])
            .args(["-days", "2", "-subj", "/CN=holmes-rs test", "-addext", "subjectAltName=IP:127.0.0.1"])
            .current_dir(bench.path(""))
            .output();
        if !made.is_ok_and(|made| made.status.success()) {
            return None;
        }
        let mut child = Command::new("python3")
            .args(["-c", SERVER])
            .current_dir(bench.path(""))
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut port = String::new();
        BufReader::new(child.stdout.take()?).read_line(&mut port).ok()?;
        Some(Self { child, base: format!("https://127.0.0.1:{}/v1", port.trim()) })
    }
}

impl Drop for Https {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_certificate_authority_of_ones_own_is_trusted_when_named() {
    let bench = Bench::new().env("MODEL", "m").env("OPENAI_API_KEY", "sk-test-0123456789abcdef");
    let Some(server) = Https::start(&bench) else {
        eprintln!("not tested: `openssl` or `python3` is missing");
        return;
    };
    let bench = bench.env("OPENAI_API_BASE", &server.base);
    let ran = bench.run(["ask", "why", "--no-echo"]).exits(4);
    assert!(ran.stderr.lines().count() == 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("certificate") && ran.stderr.contains("SSL_CERT_FILE"), "{}", ran.stderr);
    let pem = bench.read("cert.pem");
    let mut base64 = Command::new("base64").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    base64.stdin.take().unwrap().write_all(pem.as_bytes()).unwrap();
    let mut coded = String::new();
    base64.stdout.take().unwrap().read_to_string(&mut coded).unwrap();
    base64.wait().unwrap();
    for (name, value) in [
        ("SSL_CERT_FILE", "cert.pem"),
        ("HOLMES_CA_FILE", "cert.pem"),
        ("CERTIFICATE", pem.as_str()),
        ("CERTIFICATE", coded.as_str()),
    ] {
        let ran = Bench::new()
            .file("cert.pem", &pem)
            .env("MODEL", "m")
            .env("OPENAI_API_KEY", "k")
            .env("OPENAI_API_BASE", &server.base)
            .env(name, value)
            .run(["ask", "why", "--timeout", "20s"])
            .exits(0);
        assert!(ran.stdout.starts_with("over TLS"), "{name}: {}", ran.stdout);
    }
    let ran = bench.file(".holmes/config.yaml", "ca_file: ../cert.pem\n").run(["ask", "why"]).exits(0);
    assert!(ran.stdout.starts_with("over TLS"), "{}", ran.stdout);
    let broken = Bench::new()
        .env("MODEL", "m")
        .env("OPENAI_API_KEY", "k")
        .env("OPENAI_API_BASE", &server.base)
        .env("SSL_CERT_FILE", "nowhere.pem")
        .run(["ask", "why"])
        .exits(3);
    assert!(broken.stderr.contains("`nowhere.pem`"), "{}", broken.stderr);
}
