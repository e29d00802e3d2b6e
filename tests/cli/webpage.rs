//! `internet`: pages as text, and no way into a network.

use serde_json::{Value, json};

use crate::support::Bench;
use crate::support::scripted_server::{Reply, ScriptedServer};

fn bench(config: &Value) -> Bench {
    let file = json!({"toolsets": {"internet": {"enabled": true, "config": config}}});
    Bench::new().file(".holmes/config.yaml", file.to_string())
}

fn fetched(bench: &Bench, url: &str) -> (String, String, String) {
    let ran =
        bench.run(["toolset", "run", "fetch_webpage", "-o", "json", "--raw", "--", &format!("url={url}")]);
    let told = ran.json();
    let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    (text("status"), text("error"), text("data"))
}

#[test]
fn a_page_is_read_as_text() {
    let page = "<html><head><title>Runbook</title></head><body><nav>menu</nav><h1>Disk full</h1>\
                <p>Run <code>df -h</code>, see <a href='/more'>more</a>.</p><script>evil()</script></body></html>";
    let server = ScriptedServer::start([
        ("/runbook", Reply::ok("text/html; charset=utf-8", page)),
        ("/latin", Reply::ok("text/html; charset=iso-8859-1", b"<p>gr\xfc\xdfe</p>")),
        ("/moved", Reply::redirect("/runbook")),
        ("/raw", Reply::ok("text/plain", "a < b\n")),
        ("/meta", Reply::ok("text/html", b"<meta charset=windows-1252><p>\x93gr\xfc\xdfe\x94</p>")),
        ("/in", Reply::redirect("http://169.254.169.254/latest/meta-data/")),
        ("/echo", Reply::Echo),
    ]);
    let config = json!({"allowed_hosts": ["127.0.0.1"], "additional_headers": {"Authorization": "Bearer s3cret-wiki"}});
    let bench = bench(&config);
    let get = |path: &str| fetched(&bench, &server.url(path));
    let more = server.url("/more");
    let text = format!("# Runbook\n\n# Disk full\n\nRun df -h, see [more]({more}).\n");
    assert_eq!(get("/runbook"), ("success".to_owned(), String::new(), text.clone()));
    assert_eq!(get("/moved").2, text);
    assert_eq!(get("/latin").2, "grüße\n");
    assert_eq!(get("/meta").2, "“grüße”\n");
    assert_eq!(get("/raw").2, "a < b\n");
    assert!(get("/in").1.contains("not among `allowed_hosts`"), "{:?}", get("/in"));
    assert!(get("/nowhere").1.contains("404"));
    assert!(server.requests().iter().all(|asked| asked.contains("authorization: bearer s3cret-wiki")));
    assert!(!get("/echo").2.contains("s3cret-wiki"));
}

#[test]
fn what_is_not_the_public_internet_is_closed() {
    let server = ScriptedServer::start([("/", Reply::ok("text/plain", "in"))]);
    let local = server.url("/");
    let by_name = local.replace("127.0.0.1", "localhost");
    let open = bench(&json!({"denied_hosts": ["evil.example"]}));
    for url in [
        local.as_str(),
        by_name.as_str(),
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://[fd00::1]/",
        "http://0/",
        "http://2130706433/",
        "http://[::1]/",
        "http://100.100.100.200/",
        "http://a.evil.example/",
        "file:///etc/passwd",
    ] {
        let (status, error, data) = fetched(&open, url);
        assert!(status != "success" && data.is_empty() && !error.is_empty(), "{url}: {status} {error}");
    }
    assert!(server.requests().is_empty());
    let ran = Bench::new().run(["toolset", "list", "-o", "json"]).exits(0).json();
    let internet = ran.as_array().unwrap().iter().find(|one| one["name"] == "internet").unwrap();
    assert_eq!(internet["status"], "disabled");
    let wrong = bench(&json!({"allow_hosts": []})).run(["toolset", "check", "internet"]).exits(1);
    assert!(wrong.stdout.contains("did you mean `allowed_hosts`?"), "{}", wrong.stdout);
}

#[test]
fn headers_go_to_hosts_that_a_person_listed() {
    let server = ScriptedServer::start([("/", Reply::Echo)]);
    let headers = json!({"Authorization": "Bearer s3cret-wiki"});
    // A proxy stands for the internet here: it is shown what would go there.
    let proxied = |hosts: Value| {
        let config =
            json!({"allowed_hosts": hosts, "additional_headers": headers, "block_internal_ips": false});
        let bench = bench(&config).env("http_proxy", server.url("")).env("HTTP_PROXY", server.url(""));
        let _ = fetched(&bench, "http://wiki.invalid/");
        bench
    };
    let _ = proxied(json!(["wiki.invalid"]));
    let bench = proxied(json!([]));
    let asked = server.requests();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[0].contains("s3cret-wiki") && !asked[1].contains("s3cret-wiki"), "{asked:?}");
    let ran = bench.run(["toolset", "check", "internet"]);
    assert!(ran.stderr.contains("`additional_headers` go to `allowed_hosts` alone"), "{}", ran.stderr);
}
