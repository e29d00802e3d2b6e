//! Answers brought to Slack, webhooks and files: whole, within limits, without secrets, once.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Bench, Ran};

const CHANNEL: &str = "#incidents";

fn token() -> String {
    ["xoxb", "1234567890", "abcdefABCDEF0123"].join("-")
}

/// A request as it came; names of headers in lower case.
#[derive(Debug, Clone)]
struct Received {
    start: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Received {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// Answers each request with the next of its replies, the last again and again. An empty reply hangs up, `…` says
/// nothing until the server ends.
struct Receiver {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Received>>>,
    stopped: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Receiver {
    fn start(replies: &[String]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, stopped) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (into, stop, replies) = (Arc::clone(&seen), Arc::clone(&stopped), replies.to_vec());
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(mut stream) = stream else { continue };
                let Some(received) = receive(&stream) else { continue };
                let number = {
                    let mut seen = into.lock().unwrap_or_else(PoisonError::into_inner);
                    seen.push(received);
                    seen.len() - 1
                };
                let reply = replies.get(number).or(replies.last()).unwrap();
                if reply == "…" {
                    // Until the other side gives up.
                    let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
                    let _ = stream.read(&mut [0; 64]);
                } else {
                    let _ = stream.write_all(reply.as_bytes());
                }
            }
        });
        Self { address, seen, stopped, accepting: Some(accepting) }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn seen(&self) -> Vec<Received> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn receive(stream: &TcpStream) -> Option<Received> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let headers: Vec<(String, String)> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, n)| n.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received { start: lines[0].clone(), headers, body: String::from_utf8(body).unwrap() })
}

fn reply(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn ok(body: &Value) -> String {
    reply("200 OK", "Content-Type: application/json\r\n", &body.to_string())
}

fn posted() -> String {
    ok(&json!({"ok": true, "channel": "C0123", "ts": "1700000000.000100"}))
}

fn answer() -> Value {
    json!({
        "root_cause": "web-1 runs out of memory", "verdict": "problem_found", "confidence": "high",
        "findings": [{"claim": "killed by the kernel", "exhibit": "E1", "quote": "Reason: OOMKilled"}],
        "fix": ["kubectl set resources deploy/web --limits=memory=512Mi", "Look at the heap"],
    })
}

fn bench(answer: Value, output: &str) -> Bench {
    Bench::new().tools(&[("pods", output)]).model(json!([
        {"call": [{"tool": "pods", "arguments": {}}]},
        {"call": [{"tool": "answer", "arguments": answer}], "repeat": true},
    ]))
}

fn usual() -> Bench {
    bench(answer(), "printf 'web-1\\nReason: OOMKilled\\n'")
}

fn ask(bench: &Bench, more: &[&str]) -> Ran {
    bench.run(["ask", "why does web-1 crash?", "-t", "tools.yaml", "--no-echo"].iter().chain(more))
}

fn slack(bench: Bench, server: &Receiver) -> Bench {
    bench.env("SLACK_API_URL", server.url("/api/")).env("SLACK_TOKEN", token()).env("SLACK_CHANNEL", CHANNEL)
}

/// What Slack documents of `chat.postMessage`: token, fields, blocks and their limits; a thread's replies in it.
fn hold(requests: &[Received]) {
    let units = |value: &Value| value.as_str().unwrap().encode_utf16().count();
    for (number, request) in requests.iter().enumerate() {
        assert_eq!(request.start, "POST /api/chat.postMessage HTTP/1.1");
        assert_eq!(request.header("authorization"), Some(format!("Bearer {}", token()).as_str()));
        assert!(request.header("content-type").unwrap().starts_with("application/json"));
        let body = request.json();
        if number == 0 {
            assert_eq!((&body["channel"], body.get("thread_ts")), (&json!(CHANNEL), None));
        } else {
            assert_eq!(
                (&body["channel"], &body["thread_ts"]),
                (&json!("C0123"), &json!("1700000000.000100"))
            );
        }
        assert!((1..=4_000).contains(&units(&body["text"])));
        assert_eq!((&body["unfurl_links"], &body["link_names"]), (&json!(false), &json!(false)));
        let blocks = body["blocks"].as_array().unwrap();
        assert!((1..=50).contains(&blocks.len()));
        for block in blocks {
            match block["type"].as_str().unwrap() {
                "header" => assert!(units(&block["text"]["text"]) <= 150),
                "section" => assert!((1..=3_000).contains(&units(&block["text"]["text"]))),
                "context" => assert!(block["elements"].as_array().unwrap().len() <= 10),
                other => panic!("{other}"),
            }
        }
    }
}

#[test]
fn slack_gets_the_answer_and_its_thread_the_evidence() {
    let server = Receiver::start(&[posted()]);
    let ran = ask(&slack(usual(), &server), &["--destination", "slack"]).exits(0);
    let seen = server.seen();
    hold(&seen);
    assert_eq!(seen.len(), 2, "{seen:?}");
    let first = &seen[0].body;
    assert!(first.contains("web-1 runs out of memory") && first.contains("confidence: *high*"), "{first}");
    let thread = &seen[1].body;
    for part in ["Reason: OOMKilled", "[E1:2]", "Look at the heap", "holmes-rs run show "] {
        assert!(thread.contains(part), "{part}: {thread}");
    }
    assert_eq!(ran.stdout, "");
    assert!(
        ran.stderr.contains("delivered to Slack channel #incidents: one message, one reply"),
        "{}",
        ran.stderr
    );
    // With `cli` it is on stdout too, whether named twice or in one list.
    for words in [&["--destination", "cli,slack"][..], &["--destination", "slack", "--destination", "cli"]] {
        let ran = ask(&slack(usual(), &server), words).exits(0);
        assert!(ran.stdout.contains("web-1 runs out of memory"), "{}", ran.stdout);
    }
}

#[test]
fn a_hostile_answer_reaches_slack_within_its_limits_and_calls_nobody() {
    let server = Receiver::start(&[posted()]);
    let poison = "<!channel> ``` <@U01> \u{202e}https://evil.example 🧑‍🚒 & é\n".repeat(900);
    let findings: Vec<Value> =
        (0..200).map(|_| json!({"claim": "<!here> `x", "exhibit": "E1", "quote": poison})).collect();
    let answer = json!({
        "root_cause": poison, "verdict": "problem_found", "confidence": "high",
        "findings": findings, "fix": [poison],
    });
    let ran =
        ask(&slack(bench(answer, "echo '<!channel> `'"), &server), &["--destination", "slack"]).exits(0);
    let seen = server.seen();
    hold(&seen);
    assert!((2..=9).contains(&seen.len()), "{}", ran.stderr);
    for request in &seen {
        assert!(!request.body.contains(['<', '>', '\u{202e}']), "{}", request.body);
    }
}

#[test]
fn what_slack_refuses_is_explained_and_the_answer_is_on_stdout() {
    let refusal = |error: &str| ok(&json!({"ok": false, "error": error, "needed": "chat:write"}));
    let rows = [
        (
            refusal("invalid_auth"),
            "the token is not accepted (invalid_auth): set `--slack-token` or SLACK_TOKEN",
        ),
        (refusal("not_in_channel"), "the app is not in `#incidents` (not_in_channel): /invite it"),
        (refusal("channel_not_found"), "check `--slack-channel`"),
        (refusal("missing_scope"), "lacks the scope chat:write"),
        (refusal("something_new"), "Slack says something_new"),
        (refusal("internal_error"), "it may have arrived, and is not sent again"),
        (reply("500 Internal Server Error", "", "oops"), "it may have arrived, and is not sent again"),
        (
            reply("302 Found", "Location: http://elsewhere.example/\r\n", ""),
            "go to http://elsewhere.example/",
        ),
        (reply("200 OK", "", "<html>"), "not JSON"),
        (ok(&json!({"ok": true})), "names no `ts`"),
        (ok(&json!([])), "is this Slack's API?"),
        (String::new(), "not delivered to Slack channel #incidents: "),
        (reply("429 Too Many Requests", "Retry-After: 3600\r\n", ""), "come back in 3600 s"),
    ];
    for (reply, told) in rows {
        let server = Receiver::start(std::slice::from_ref(&reply));
        let ran = ask(&slack(usual(), &server), &["--destination", "slack"]).exits(1);
        assert!(ran.stderr.contains("error: not delivered to Slack channel #incidents: "), "{}", ran.stderr);
        assert!(ran.stderr.contains(told), "{told}: {}", ran.stderr);
        assert!(ran.stdout.contains("web-1 runs out of memory"), "{told}: {}", ran.stdout);
        assert!(!ran.stderr.contains(&token()), "{}", ran.stderr);
        assert_eq!(server.seen().len(), 1, "{told}");
    }
}

#[test]
fn slack_is_waited_for_when_it_asks_and_given_up_when_it_is_silent() {
    let later = reply("429 Too Many Requests", "Retry-After: 1\r\n", "");
    let server = Receiver::start(&[later, posted()]);
    ask(&slack(usual(), &server), &["--destination", "slack"]).exits(0);
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    hold(&seen[1..]);
    let server = Receiver::start(&["…".to_owned()]);
    let bench = slack(usual(), &server).env("HOLMES_DELIVERY_TIMEOUT", "1s");
    let ran = ask(&bench, &["--destination", "slack"]).exits(1);
    assert!(ran.stderr.contains("it may have arrived, and is not sent again"), "{}", ran.stderr);
    assert!(ran.stdout.contains("web-1 runs out of memory"), "{}", ran.stdout);
    assert_eq!(server.seen().len(), 1);
    // The answer is there, its evidence is not.
    let server = Receiver::start(&[posted(), ok(&json!({"ok": false, "error": "is_archived"}))]);
    let ran = ask(&slack(usual(), &server), &["--destination", "slack"]).exits(1);
    assert!(ran.stderr.contains("the answer is there, reply 1 of 1 is not: "), "{}", ran.stderr);
}

#[test]
fn what_is_missing_is_said_before_the_model_is_asked() {
    let rows: &[(&[&str], i32, &str)] = &[
        (&["--destination", "slack"], 3, "SLACK_TOKEN"),
        (&["--destination", "slack", "--slack-token", "t"], 3, "--slack-channel"),
        (&["--destination", "webhook"], 3, "--webhook-url"),
        (&["--destination", "webhook", "--webhook-url", "nonsense:"], 2, "no http or https address"),
        (&["--destination", "file"], 2, "file:report.html"),
        (&["--destination", "file:no/such/x.json"], 3, "mkdir -p 'no/such'"),
        (
            &["--destination", "webhook", "--webhook-url", "http://h", "--webhook-body", "{{ rslt }}"],
            2,
            "`rslt` is no field",
        ),
        (
            &["--destination", "webhook", "--webhook-url", "http://h", "--webhook-body", "file://nowhere"],
            2,
            "`nowhere`",
        ),
        (
            &["--destination", "webhook", "--webhook-url", "http://h", "--webhook-header", "a b: c"],
            2,
            "`a b`",
        ),
    ];
    for (words, code, told) in rows {
        let bench = usual();
        let ran = ask(&bench, words).exits(*code);
        assert!(ran.stderr.contains(told), "{words:?}: {}", ran.stderr);
        assert!(bench.scripted().requests().is_empty(), "{words:?}");
    }
}

#[test]
fn a_webhook_gets_the_result_or_what_a_template_makes_of_it() {
    let server = Receiver::start(&[reply("204 No Content", "", "")]);
    let key = ["sec", "ret", "0123456789"].concat();
    let header = format!("X-Key: {key}");
    let send = |bench: &Bench, more: &[&str]| {
        let url = server.url("/hook/T0000/secretpath?sig=abc");
        let words = [&["--destination", "webhook", "--webhook-url", &url, "--webhook-header", &header], more]
            .concat();
        let ran = ask(bench, &words).exits(0);
        assert!(!ran.stderr.contains("secretpath") && !ran.stderr.contains(&key), "{}", ran.stderr);
        server.seen().pop().unwrap()
    };
    let whole = send(&usual(), &["--sections"]);
    assert_eq!(whole.start, "POST /hook/T0000/secretpath?sig=abc HTTP/1.1");
    assert_eq!(whole.header("x-key"), Some(key.as_str()));
    assert_eq!(whole.header("content-type"), Some("application/json"));
    let result = whole.json();
    assert_eq!(result["root_cause"], "web-1 runs out of memory");
    assert!(result["sections"]["Next Steps"].as_str().unwrap().contains("512Mi"));
    assert_eq!(result["sections"]["App or Infra?"], Value::Null);
    let rows: &[(&[&str], &str, &str, &str)] = &[
        (
            &["--webhook-body", r#"{"text": {{ root_cause | tojson }}, "n": {{ evidence | length }}}"#],
            "POST",
            "application/json",
            r#"{"text": "web-1 runs out of memory", "n": 1}"#,
        ),
        (
            &["--webhook-body", "{{ verdict }}: {{ fix[1] }}"],
            "POST",
            "text/plain; charset=utf-8",
            "problem_found: Look at the heap",
        ),
        (
            &[
                "--webhook-body",
                "file://body.txt",
                "--webhook-method",
                "put",
                "--webhook-header",
                "Content-Type: text/x-mine",
            ],
            "PUT",
            "text/x-mine",
            "E1 killed by the kernel",
        ),
    ];
    for (words, method, kind, body) in rows {
        let bench =
            usual().file("body.txt", "{% for one in evidence %}{{ one.id }} {{ one.claim }}{% endfor %}");
        let seen = send(&bench, words);
        assert!(seen.start.starts_with(&format!("{method} /hook")), "{}", seen.start);
        assert_eq!((seen.header("content-type"), seen.body.as_str()), (Some(*kind), *body));
        assert_eq!(seen.headers.iter().filter(|(name, _)| name == "content-type").count(), 1);
    }
    let slack = send(&usual(), &["--webhook-body", "{{ slack | tojson }}"]).json();
    assert_eq!(slack["blocks"][0]["type"], "header");
    let server = Receiver::start(&[reply("403 Forbidden", "", "bad signature")]);
    let url = server.url("/hook/secretpath");
    let ran = ask(&usual(), &["--destination", "webhook,cli", "--webhook-url", &url]).exits(1);
    assert!(ran.stderr.contains("may not do this (403): bad signature"), "{}", ran.stderr);
    assert_eq!(ran.stdout.matches("web-1 runs out of memory").count(), 1, "{}", ran.stdout);
}

#[test]
fn a_file_gets_the_form_its_name_says_all_of_it_or_nothing() {
    let bench = usual().file("old.html", "kept").file("sub/x", "");
    let ran = ask(
        &bench,
        &["--destination", "file:a.json,file:a.md,file:old.html", "--destination", "file:sub/{run_id}.txt"],
    )
    .exits(0);
    assert_eq!(ran.stdout, "");
    let result: Value = serde_json::from_str(&bench.read("a.json")).unwrap();
    assert_eq!(result["root_cause"], "web-1 runs out of memory");
    assert!(bench.read("a.md").starts_with("# why does web-1 crash?"));
    assert!(bench.read("old.html").starts_with("<!doctype html>"));
    let path = format!("sub/{}.txt", result["run_id"].as_str().unwrap());
    assert!(ran.stderr.contains(&format!("delivered to file `{path}`")), "{}", ran.stderr);
    let text = bench.read(path);
    assert!(text.contains("web-1 runs out of memory"), "{text}");
    let left: Vec<_> = std::fs::read_dir(bench.path("."))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".holmes-rs-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn one_that_fails_keeps_none_of_the_others_and_a_run_that_failed_says_so_first() {
    let server = Receiver::start(&[reply("500 Internal Server Error", "", "")]);
    let bench = slack(usual(), &server);
    let ran = ask(&bench, &["--destination", "slack,file:a.md"]).exits(1);
    assert!(ran.stderr.contains("delivered to file `a.md`"), "{}", ran.stderr);
    assert!(bench.read("a.md").contains("web-1 runs out of memory"));
    let ran = ask(&slack(usual(), &server), &["--destination", "slack", "--max-steps", "1"]).exits(5);
    assert!(ran.stderr.contains("not delivered to Slack"), "{}", ran.stderr);
    // No answer, nothing to deliver.
    let down = slack(Bench::new().model(json!([{"status": 401, "body": "no", "repeat": true}])), &server);
    let before = server.seen().len();
    down.run(["ask", "why", "--toolset", "host/core", "--destination", "slack"]).exits(3);
    assert_eq!(server.seen().len(), before);
}

#[test]
fn secrets_of_evidence_and_of_deliveries_go_nowhere() {
    let server = Receiver::start(&[posted()]);
    let hook = Receiver::start(&[reply("200 OK", "", "")]);
    let planted = ["Zq8out", "x7K2x7K2x7K2"].concat();
    let key = ["hook", "key", "9876543210"].concat();
    let told = json!({
        "root_cause": format!("It reads the line password={planted} and the token {}", token()),
        "verdict": "problem_found", "confidence": "high",
        "findings": [{"claim": "it says so", "exhibit": "E1", "quote": format!("password={planted}")}],
        "fix": [format!("export KEY={key}")],
    });
    let output = format!("echo 'password={planted}'; echo 'seen {key} and {}'", token());
    let bench = slack(bench(told, &output), &server)
        .env("HOLMES_WEBHOOK_URL", hook.url("/in/abcdefghijklmnopqrst"))
        .env("HOLMES_WEBHOOK_HEADER", json!({"X-Key": key}).to_string());
    let ran = ask(
        &bench,
        &[
            "--destination",
            "slack,webhook,cli,file:a.html,file:a.json",
            "--show-egress=sent.txt",
            "--sections",
        ],
    )
    .exits(0);
    let bodies: String = server.seen().iter().chain(&hook.seen()).map(|one| one.body.clone()).collect();
    let egress = bench.read("sent.txt");
    for text in [&bodies, &ran.stdout, &ran.stderr, &egress, &bench.read("a.html"), &bench.read("a.json")] {
        for secret in [&planted, &token(), &key] {
            assert!(!text.contains(secret.as_str()), "{secret}: {text}");
        }
    }
    assert!(
        egress.contains("/api/chat.postMessage, ") && egress.contains("headers: authorization"),
        "{egress}"
    );
    let shown = bench.run(["config", "show"]).exits(0).stdout;
    assert!(!shown.contains(&token()) && !shown.contains(&key) && !shown.contains("/in/"), "{shown}");
}

#[test]
fn a_clone_sends_nobodys_credentials_and_replaces_no_file() {
    let rows = [
        (
            "destination: slack\nslack_api_url: http://evil.example/api\nslack_channel: c\n",
            "confirm the address",
        ),
        ("destination: webhook\nwebhook_url: http://evil.example/\n", "confirm the address"),
        ("destination: 'file:a.txt'\n", "a project file may not say"),
    ];
    for (file, told) in rows {
        let bench = usual()
            .env("SLACK_TOKEN", token())
            .env("HOLMES_WEBHOOK_HEADER", "{\"X-Key\": \"0123456789\"}")
            .file("checkout/.git/HEAD", "")
            .file("checkout/.holmes/config.yaml", file)
            .folder("checkout");
        let ran = bench.run(["ask", "why"]).exits(3);
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
    }
}

#[test]
fn sections_are_holmesgpts_titles_in_its_order() {
    let ran = ask(&usual(), &["--sections"]).exits(0);
    let titles: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with("# ")).collect();
    assert_eq!(titles, ["# Key Findings", "# Conclusions and Possible Root causes", "# Next Steps"]);
    assert!(ran.stdout.contains("1 of 1 quote verified"), "{}", ran.stdout);
    let ran = ask(&usual(), &["--sections=next steps,App or Infra?", "-o", "json"]).exits(0);
    let sections = ran.json()["sections"].as_object().unwrap().clone();
    assert_eq!(sections.keys().collect::<Vec<_>>(), ["Next Steps", "App or Infra?"]);
    assert!(ran.json()["result"].as_str().unwrap().starts_with("# Next Steps"));
    assert!(ask(&usual(), &["-o", "json"]).exits(0).json().get("sections").is_none());
    // A model's own words stay whole.
    let words = Bench::new().model(json!([{"say": "# Why\n\nIt is the cable, and that is a long story."}]));
    let ran = words.run(["ask", "why", "--toolset", "host/core", "--sections"]).exits(0);
    assert!(ran.stdout.contains("## Why\n\nIt is the cable, and that is a long story."), "{}", ran.stdout);
}

#[test]
fn a_file_of_settings_names_them_all() {
    let hook = Receiver::start(&[reply("200 OK", "", "")]);
    let config = format!(
        "destination: [cli, webhook]\nwebhook_url: {}\nwebhook_headers:\n  X-Key: '{{{{ env.HOOK_KEY }}}}'\nwebhook_body: '{{{{ verdict }}}}'\n",
        hook.url("/x")
    );
    let bench = usual().file(".holmes/config.yaml", config).env("HOOK_KEY", "k-0123456789");
    ask(&bench, &[]).exits(0);
    let seen = hook.seen().pop().unwrap();
    assert_eq!((seen.header("x-key"), seen.body.as_str()), (Some("k-0123456789"), "problem_found"));
    // A replay delivers nothing.
    let before = hook.seen().len();
    bench.run(["run", "replay", "last"]).exits(0);
    assert_eq!(hook.seen().len(), before);
}
