//! `type: http`: requests, the allow-list on every hop, bounds, credentials, against a server that misbehaves.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::scripted_server::{Reply, ScriptedServer};
use crate::support::{Bench, Ran};

const TOKEN: &str = "tok3n-very-secret";

/// A bench with toolset `my/shop-api` over `config`, given as `t.yaml`.
fn bench(config: &Value) -> Bench {
    let file =
        json!({"toolsets": {"my/shop-api": {"type": "http", "description": "The shop", "config": config}}});
    Bench::new().file("t.yaml", file.to_string())
}

fn config(server: &ScriptedServer) -> Value {
    json!({"endpoints": [{
        "hosts": [format!("127.0.0.1:{}", server.port())], "paths": ["/api/*"],
        "auth": {"type": "bearer", "token": TOKEN},
    }]})
}

fn ask(bench: &Bench, params: &Value) -> Ran {
    bench.run([
        "toolset",
        "run",
        "my_shop_api_request",
        "-t",
        "t.yaml",
        "-o",
        "json",
        "--raw",
        "--",
        &params.to_string(),
    ])
}

/// Status, error and output of one call.
fn told(bench: &Bench, params: &Value) -> (String, String, String) {
    let ran = ask(bench, params);
    assert!(!ran.stdout.contains(TOKEN) && !ran.stderr.contains(TOKEN), "{}{}", ran.stdout, ran.stderr);
    let told = ran.json();
    let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    (text("status"), text("error"), text("data"))
}

#[test]
fn a_model_calls_it_and_its_jq_selects() {
    let server = ScriptedServer::start([(
        "/api/orders",
        Reply::ok("application/json", r#"{"items":[{"id":7,"state":"stuck"}]}"#),
    )]);
    let url = server.url("/api/orders");
    let arguments = json!({"url": url, "params": {"q": "a b&c=ü"}, "jq": ".items[] | .state"});
    let bench = bench(&config(&server)).model(json!([
        {"call": [{"tool": "my_shop_api_request", "arguments": arguments}]}, {"say": "Order 7 is stuck [E1]."},
    ]));
    let ran = bench.run(["ask", "why is order 7 late", "-t", "t.yaml"]).exits(0);
    assert!(ran.stdout.contains("stuck") && !ran.stdout.contains(TOKEN), "{}", ran.stdout);
    let requests = bench.scripted().requests();
    let seen = requests.last().unwrap().body.to_string();
    assert!(seen.contains("1 | stuck"), "{seen}");
    let tools = requests[0].body["tools"].to_string();
    assert!(tools.contains("my_shop_api_request") && tools.contains("/api/*"), "{tools}");
    let asked = server.requests();
    assert!(asked[0].starts_with("get /api/orders?q=a+b%26c%3d%c3%bc http/1.1"), "{asked:?}");
    assert!(asked[0].contains(&format!("authorization: bearer {TOKEN}")));
}

#[test]
fn what_is_not_listed_is_not_asked() {
    let server = ScriptedServer::start([]);
    let bench = bench(&config(&server));
    for (params, why) in [
        (json!({"url": server.url("/admin")}), "not in the allow-list"),
        (json!({"url": server.url("/api/..%2fadmin")}), "not in the allow-list"),
        (json!({"url": server.url("/api/../admin")}), "not in the allow-list"),
        (json!({"url": format!("http://localhost:{}/api/x", server.port())}), "not in the allow-list"),
        (json!({"url": "http://169.254.169.254/api/x"}), "not in the allow-list"),
        (
            json!({"url": server.url("/api/x"), "method": "DELETE"}),
            "method `DELETE` is not allowed here; allowed: GET",
        ),
        (json!({"url": server.url("/api/x"), "headers": "{\"Authorization\": \"x\"}"}), "not yours to set"),
        (
            json!({"url": server.url("/api/x"), "headers": "{\"X-HTTP-Method-Override\": \"DELETE\"}"}),
            "not yours",
        ),
        (
            json!({"url": server.url("/api/x"), "headers": "{\"a\": \"b\\r\\nHost: c\"}"}),
            "no header can carry",
        ),
        (json!({"url": server.url("/api/x"), "headers": "{\"X_Original_URL\": \"/admin\"}"}), "not yours"),
        (json!({"url": server.url("/api/x"), "headers": "{\"x-webauth-user\": \"admin\"}"}), "not yours"),
        (json!({"url": server.url("/api/%u002e%u002e/admin")}), "not in the allow-list"),
        (json!({"url": server.url("/api/．．／admin")}), "not in the allow-list"),
        (json!({"url": server.url("/api/x"), "jq": "(".repeat(60_000)}), "16384 at most"),
        (json!({"url": server.url("/api/x"), "jq": "(".repeat(16_000)}), "jq"),
        (json!({"url": server.url("/api/x"), "jq": "-".repeat(16_000)}), "jq"),
        (json!({"url": server.url("/api/x"), "headers": "[1]"}), "JSON object"),
        (json!({"url": server.url("/api/x"), "jq": ".["}), "jq"),
        (json!({"url": "/api/x"}), "whole"),
        (json!({}), "`url` is missing"),
    ] {
        let (status, error, _) = told(&bench, &params);
        assert!(
            ["denied", "error"].contains(&status.as_str()) && error.contains(why),
            "{params}: {status} {error}"
        );
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    assert!(server.requests().is_empty(), "{:?}", server.requests());
}

#[test]
fn redirects_are_held_to_the_list_and_lose_the_credentials() {
    let other = ScriptedServer::start([("/api/landed", Reply::Echo)]);
    let to_other: &'static str = Box::leak(other.url("/api/landed").into_boxed_str());
    let server = ScriptedServer::start([
        ("/api/near", Reply::redirect("landed")),
        ("/api/landed", Reply::Echo),
        ("/api/far", Reply::redirect(to_other)),
        ("/api/out", Reply::redirect("/admin")),
        ("/api/cloud", Reply::redirect("http://169.254.169.254/api/latest")),
        ("/api/name", Reply::redirect("http://metadata.google.internal/api/")),
        ("/api/file", Reply::redirect("file:///etc/passwd")),
        ("/api/user", Reply::redirect("http://a:b@{here}/api/landed")),
        ("/api/loop", Reply::redirect("/api/loop")),
    ]);
    let mut config = config(&server);
    let auth = config["endpoints"][0]["auth"].clone();
    let hosts = [format!("127.0.0.1:{}", other.port())];
    let more = json!({"hosts": hosts, "auth": auth});
    config["endpoints"].as_array_mut().unwrap().push(more);
    config["default_headers"] = json!({"X-Api-Key": "k3y-very-secret"});
    let bench = bench(&config);
    let (status, _, data) = told(&bench, &json!({"url": server.url("/api/near")}));
    assert!(status == "success" && data.contains("authorization: Bearer <secret>"), "{status} {data}");
    assert!(!data.contains("k3y-very-secret"), "{data}");
    let (status, _, data) = told(&bench, &json!({"url": server.url("/api/far")}));
    assert_eq!(status, "success");
    assert!(
        !data.to_lowercase().contains("authorization") && !data.to_lowercase().contains("x-api-key"),
        "{data}"
    );
    for (path, why) in [
        ("/api/out", "redirects elsewhere"),
        ("/api/cloud", "redirects elsewhere"),
        ("/api/name", "redirects elsewhere"),
        ("/api/file", "only http and https"),
        ("/api/user", "no user and password"),
        ("/api/loop", "more than 5 redirects"),
    ] {
        let (status, error, _) = told(&bench, &json!({"url": server.url(path)}));
        assert!(status == "error" && error.contains(why), "{path}: {status} {error}");
    }
    assert_eq!(server.requests().iter().filter(|asked| asked.contains("/admin")).count(), 0);
}

#[test]
fn a_name_that_leads_to_this_machine_is_closed_unless_listed() {
    let server = ScriptedServer::start([("/api/x", Reply::Echo)]);
    let with = |hosts: Value| {
        let bench = bench(&json!({"endpoints": [{"hosts": hosts}]}));
        told(&bench, &json!({"url": format!("http://api.localhost:{}/api/x", server.port())}))
    };
    // RFC 6761: resolvers answer `*.localhost` with the loopback address; those that do not say so.
    let (status, error, _) = with(json!(["*.localhost"]));
    assert!(status == "error" && (error.contains("loopback") || error.contains("resolve")), "{error}");
    let bench = bench(&json!({"endpoints": [{"hosts": ["localhost"]}]}));
    let (status, error, _) =
        told(&bench, &json!({"url": format!("http://localhost:{}/api/x", server.port())}));
    assert_eq!((status.as_str(), error.as_str()), ("success", ""));
}

#[test]
fn answers_that_are_no_success_say_what_to_do_and_keep_the_body() {
    let server = ScriptedServer::start([
        ("/api/401", Reply::status("401 Unauthorized", "", format!("token {TOKEN} is old\n"))),
        ("/api/429", Reply::status("429 Too Many Requests", "Retry-After: 30\r\n", "slow down\n")),
        (
            "/api/500",
            Reply::status("500 Internal Server Error", "Content-Type: application/json\r\n", "{\"a\":1}"),
        ),
        ("/api/empty", Reply::status("204 No Content", "", "")),
        ("/api/none", Reply::Bytes(b"nonsense\r\n\r\n".to_vec())),
        ("/api/closed", Reply::Bytes(Vec::new())),
        ("/api/half", Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf a body".to_vec())),
        ("/api/br", Reply::status("200 OK", "Content-Encoding: br\r\n", "x")),
    ]);
    let bench = bench(&config(&server));
    for (path, status, error, data) in [
        ("/api/401", "error", "HTTP 401 Unauthorized: the credentials", "token <secret> is old\n"),
        ("/api/429", "error", "HTTP 429 Too Many Requests, retry after 30 s", "slow down\n"),
        ("/api/500", "error", "HTTP 500 Internal Server Error", "{\"a\":1}"),
        ("/api/missing", "error", "HTTP 404 Not Found", "nothing here\n"),
        ("/api/empty", "no_data", "", ""),
        ("/api/none", "error", "no whole answer", ""),
        ("/api/closed", "error", "no whole answer", ""),
        ("/api/half", "error", "no whole answer", "half a body"),
        ("/api/br", "error", "packed as `br`", ""),
    ] {
        let got = told(&bench, &json!({"url": server.url(path)}));
        assert!(got.0 == status && got.1.starts_with(error) || got.1.contains(error), "{path}: {got:?}");
        assert_eq!(got.2, data, "{path}");
    }
}

#[test]
fn bodies_are_bounded_in_size_and_time() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &vec![b'x'; 30 << 20]).unwrap();
    let gzip = |bytes: &[u8]| {
        Reply::status("200 OK", "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", bytes)
    };
    let mut small = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut small, b"{\"a\": 5}").unwrap();
    let server = ScriptedServer::start([
        (
            "/api/endless",
            Reply::Endless {
                head: "HTTP/1.1 200 OK\r\n\r\n".into(),
                piece: vec![b'y'; 64 << 10],
                times: 100_000,
            },
        ),
        ("/api/bomb", gzip(&packed.finish().unwrap())),
        ("/api/packed", gzip(&small.finish().unwrap())),
        ("/api/torn", gzip(b"this is no gzip")),
        ("/api/silent", Reply::Hang(Vec::new())),
        ("/api/slow", Reply::Hang(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nthe beginning\n".to_vec())),
        ("/api/image", Reply::ok("image/png", [0x89, b'P', b'N', b'G', 0, 0])),
        ("/api/blob", Reply::ok("application/octet-stream", [1, 2, 0, 4])),
        ("/api/json", Reply::ok("application/json", "{\"a\":{\"b\":{\"c\":1}}}")),
        ("/api/text", Reply::ok("text/plain", "no json\n")),
    ]);
    let mut config = config(&server);
    config["timeout_seconds"] = json!(1);
    let bench = bench(&config);
    let call = |path: &str, more: Value| {
        let mut params = json!({"url": server.url(path)});
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        told(&bench, &params)
    };
    for path in ["/api/endless", "/api/bomb"] {
        let (status, error, data) = call(path, json!({}));
        // A slow machine may need more than the second for 10 MiB.
        assert!(
            status == "timed_out" || error.contains("output cut at 10485760 bytes"),
            "{path}: {status} {error}"
        );
        assert!(data.len() <= 10 << 20);
    }
    assert_eq!(call("/api/packed", json!({"jq": ".a"})).2, "5\n");
    assert!(call("/api/torn", json!({})).1.contains("cannot be unpacked"));
    let (status, error, _) = call("/api/silent", json!({}));
    assert!(status == "timed_out" && error.contains("timed out after 1 s"), "{error}");
    let (status, error, data) = call("/api/slow", json!({}));
    assert!(
        status == "timed_out" && error.contains("14 bytes had arrived") && data == "the beginning\n",
        "{error}"
    );
    assert!(call("/api/image", json!({})).1.contains("binary data (image/png, 6 bytes)"));
    assert!(call("/api/blob", json!({})).1.contains("binary data (application/octet-stream)"));
    assert_eq!(call("/api/json", json!({"max_depth": 1})).2, "{\"a\":\"...truncated at depth 1\"}\n");
    assert_eq!(call("/api/json", json!({"jq": ".body.a.b.c # HolmesGPT's envelope"})).2, "1\n");
    assert_eq!(call("/api/text", json!({"max_depth": 1})).2, "no json\n");
    let (status, error, data) = call("/api/text", json!({"jq": ".a"}));
    assert!(
        status == "error" && error.contains("`jq` failed, output is whole") && data == "no json\n",
        "{error}"
    );
}

#[test]
fn post_where_it_is_listed_and_credentials_of_every_kind() {
    let server = ScriptedServer::start([("/api/_search", Reply::Echo), ("/x", Reply::Echo)]);
    let host = format!("127.0.0.1:{}", server.port());
    for (auth, sent) in [
        (
            json!({"type": "basic", "username": "me", "password": "pa:ss-word"}),
            "authorization: basic bwu6cge6c3mtd29yza==",
        ),
        (json!({"type": "header", "name": "X-Key", "value": "valuable"}), "x-key: valuable"),
        (json!({"type": "query", "name": "key", "value": "valuable"}), "post /api/_search?key=valuable "),
        (json!({}), "content-type: application/json"),
    ] {
        let bench = bench(&json!({"endpoints": [
            {"hosts": [host]}, {"hosts": [host], "paths": ["/*/_search"], "methods": ["post", "put"], "auth": auth},
        ]}));
        let call = |method: &str, path: &str, body: &str| {
            told(&bench, &json!({"url": server.url(path), "method": method, "body": body}))
        };
        let (status, error, data) = call("POST", "/api/_search", "{\"size\":1}");
        assert!(status == "success" && data.ends_with("{\"size\":1}"), "{status} {error} {data}");
        assert!(server.requests().last().unwrap().contains(sent), "{:?}", server.requests().last());
        assert!(!data.contains("valuable") && !data.contains("bWU6cGE"), "{data}");
        assert!(call("POST", "/x", "{}").1.contains("allowed: GET"));
        assert!(call("PUT", "/api/_search", "{}").1.contains("only reads"));
        assert!(call("GET", "/x", "{\"a\":1}").1.contains("takes no `body`"));
        assert_eq!(call("GET", "/x", "{}").0, "success");
    }
    let head = bench(&json!({"endpoints": [{"hosts": [host], "methods": ["HEAD"]}]}));
    let (status, _, data) = told(&head, &json!({"url": server.url("/x"), "method": "HEAD"}));
    assert!(status == "success" && data.starts_with("HTTP 200 OK\ncontent-type: text/plain\n"), "{data}");
}

#[test]
fn a_digest_is_given_when_asked_for_and_the_password_never() {
    const PASSWORD: &str = "pa:ss-w0rd";
    let server = ScriptedServer::answering(|asked| {
        let proof = asked.header("authorization").unwrap_or_default();
        let right =
            ["Digest username=\"me\"", "realm=\"shop\"", "uri=\"/api/x?a=1\"", "qop=auth", "opaque=\"o\""];
        if right.iter().all(|part| proof.contains(part)) && proof.contains("algorithm=SHA-256") {
            return Reply::ok("application/json", "{\"a\":1}");
        }
        let rest = "realm=\"shop\", qop=\"auth\", nonce=\"n\", opaque=\"o\"";
        let headers = format!(
            "WWW-Authenticate: Basic realm=\"shop\"\r\nWWW-Authenticate: Digest algorithm=MD5, {rest}\r\n\
             WWW-Authenticate: Digest algorithm=SHA-256, {rest}\r\n"
        );
        Reply::status("401 Unauthorized", &headers, "")
    });
    let mut config = config(&server);
    config["endpoints"][0]["auth"] = json!({"type": "digest", "username": "me", "password": PASSWORD});
    let bench = bench(&config);
    let (status, error, data) = told(&bench, &json!({"url": server.url("/api/x?a=1")}));
    assert_eq!((status.as_str(), data.as_str()), ("success", "{\"a\":1}"), "{error}");
    // Another address is another proof, which this server does not take: once, and no third time.
    let (status, error, _) = told(&bench, &json!({"url": server.url("/api/y")}));
    assert!(status == "error" && error.contains("HTTP 401"), "{error}");
    let asked = server.requests();
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert!(asked.iter().all(|one| !one.contains("basic") && !one.contains("w0rd")), "{asked:?}");
}

#[test]
fn text_of_other_encodings_is_read_and_still_holds_no_secret() {
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let server = ScriptedServer::start([
        ("/api/latin", Reply::ok("application/json; charset=ISO-8859-1", b"{\"a\":\"gr\xfc\xdfe\"}")),
        ("/api/mark", Reply::ok("application/json", b"\xef\xbb\xbf{\"a\":\"x\"}")),
        (
            "/api/wide",
            Reply::ok(
                "application/json; charset=utf-16",
                wide(&format!("\u{feff}{{\"a\":\"grüße {TOKEN}\"}}")),
            ),
        ),
    ]);
    let bench = bench(&config(&server));
    for (path, text) in [("/api/latin", "grüße"), ("/api/mark", "x"), ("/api/wide", "grüße <secret>")] {
        let (_, error, data) = told(&bench, &json!({"url": server.url(path), "jq": ".a"}));
        assert_eq!((data.as_str(), error.as_str()), (format!("{text}\n").as_str(), ""), "{path}");
    }
}

#[test]
fn a_post_stands_for_no_other_method() {
    let server = ScriptedServer::start([("/api/x", Reply::Echo)]);
    let mut config = config(&server);
    config["endpoints"][0]["methods"] = json!(["POST"]);
    let bench = bench(&config);
    let post = |query: &str, body: &str| {
        let url = server.url("/api/x") + query;
        told(&bench, &json!({"url": url, "method": "POST", "body": body}))
    };
    for (query, body) in [
        ("?_method=DELETE", ""),
        ("?a=1&%5fmethod=put", "{}"),
        ("?X-HTTP-Method-Override=PUT", "{}"),
        ("", "{\"_method\":\"DELETE\"}"),
        ("", "a=1&_Method=DELETE"),
        ("", "--x\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nDELETE\r\n--x--"),
    ] {
        let (status, error, _) = post(query, body);
        assert!(status == "denied" && error.contains("leave it out"), "{query} {body}: {status} {error}");
    }
    assert!(server.requests().is_empty());
    for (query, body) in [("?method=a", "{\"query\": {\"_method\": 1}}"), ("", "[\"_method\"]")] {
        assert_eq!(post(query, body).0, "success", "{query} {body}");
    }
}

#[test]
fn checks_tell_what_is_wrong_before_a_run() {
    let server = ScriptedServer::start([
        ("/up", Reply::ok("text/plain", "up")),
        ("/moved", Reply::redirect("/login")),
        ("/401", Reply::status("401 Unauthorized", "", "")),
        ("/silent", Reply::Hang(Vec::new())),
    ]);
    let checked = |path: &str| {
        let mut config = config(&server);
        config["endpoints"][0]["health_check_url"] = json!(path);
        let ran = bench(&config).run(["toolset", "check", "my/shop-api", "-t", "t.yaml", "-o", "json"]);
        let one = ran.json()[0].clone();
        (one["status"].as_str().unwrap().to_owned(), one["reason"].as_str().unwrap().to_owned())
    };
    for (url, status, reason) in [
        (server.url("/up"), "enabled", ""),
        (server.url("/moved"), "enabled", ""),
        (server.url("/401"), "failed", "check `auth`"),
        (server.url("/silent"), "failed", "no answer within 5 s"),
        (server.url("/up").replace("http:", "https:"), "failed", "TLS"),
        ("http://127.0.0.1:1/up".to_owned(), "failed", "cannot connect to 127.0.0.1:1"),
        ("http://no-such-host.invalid/up".to_owned(), "failed", "does not resolve"),
    ] {
        let got = checked(&url);
        assert!(got.0 == status && got.1.contains(reason), "{url}: {got:?}");
    }
    let bench = bench(&json!({"endpoints": [{"hosts": ["a.example"], "path": ["/x"]}]}));
    let ran = bench.run(["toolset", "check", "my/shop-api", "-t", "t.yaml", "-o", "json"]).exits(1);
    let reason = ran.json()[0]["reason"].to_string();
    let ran = ask(&bench, &json!({"url": "http://a.example/"})).exits(1);
    assert!(ran.stderr.contains("toolset `my/shop-api`: t.yaml: config.endpoints[0].path"), "{}", ran.stderr);
    assert_eq!(reason, "\"t.yaml: config.endpoints[0].path is not known, did you mean `paths`?\"");
}

#[test]
fn show_lists_the_tool_that_config_makes() {
    let server = ScriptedServer::start([]);
    let bench = bench(&config(&server));
    let ran = bench.run(["toolset", "show", "my/shop-api", "-t", "t.yaml"]).exits(0);
    assert!(ran.stdout.contains("my_shop_api_request  The shop (allowed: GET 127.0.0.1:"), "{}", ran.stdout);
    assert!(ran.stdout.contains("url (string)") && !ran.stdout.contains(TOKEN), "{}", ran.stdout);
    assert!(server.requests().is_empty(), "no health check, no request");
}

#[test]
fn an_interrupt_ends_a_call_at_once() {
    let server = ScriptedServer::start([(
        "/api/slow",
        Reply::Hang(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nthe beginning\n".to_vec()),
    )]);
    let bench = bench(&config(&server));
    let params = json!({"url": server.url("/api/slow")}).to_string();
    let child = bench.spawn([
        "toolset",
        "run",
        "my_shop_api_request",
        "-t",
        "t.yaml",
        "-o",
        "json",
        "--raw",
        "--",
        &params,
    ]);
    let began = Instant::now();
    while server.requests().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(20));
        std::thread::yield_now();
    }
    let signalled = Instant::now();
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap()).exits(130);
    assert!(signalled.elapsed() < Duration::from_secs(5));
    assert_eq!(ran.json()["status"], "interrupted");
}

#[test]
fn the_example_of_the_documentation_loads() {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/http-toolsets.md")).unwrap();
    let blocks: Vec<&str> =
        page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 2);
    for block in blocks {
        let bench = Bench::new()
            .file("t.yaml", block)
            .env("CONFLUENCE_USER", "me")
            .env("CONFLUENCE_TOKEN", TOKEN)
            .env("ES_API_KEY", TOKEN);
        let ran = bench.run(["toolset", "list", "-t", "t.yaml", "-o", "json"]).exits(0);
        let list = ran.json();
        let list = list.as_array().unwrap().iter();
        let mine: Vec<_> = list.filter(|one| one["origin"] == "t.yaml").collect();
        assert!(!mine.is_empty() && mine.iter().all(|one| one["status"] == "enabled"), "{mine:#?}");
    }
}
