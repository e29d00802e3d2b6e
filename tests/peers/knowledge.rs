//! knowledge/base against a server of ours that holds requests against Open WebUI's documented form.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::peer::program;
use crate::support::{Bench, Ran};

const KEY: &str = "sk-0123456789abcdef0123456789abcdef";
const RUNBOOKS: &str = "7f0c8a52-3b1e-4a57-9f43-0d6b8f5a1c11";
const INCIDENTS: &str = "1b2c3d4e-5f60-4718-8293-a4b5c6d7e8f9";

/// Method and target of a request, and its body.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// Starts the server; it ends with the test's process. `old`: lists come whole, as they did before pages.
fn server(old: bool) -> (String, Seen) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(&stream.unwrap(), old, &kept);
        }
    });
    (url, seen)
}

fn answer(mut stream: &TcpStream, old: bool, seen: &Seen) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let request = line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let (mut length, mut allowed, mut json_body) = (0, false, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let header = header.trim_end();
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(": ").unwrap();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => allowed = value == format!("Bearer {KEY}"),
            "content-type" => json_body = value == "application/json",
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    let (status, reply) = if allowed {
        reply(&request, &body, json_body, old)
    } else {
        (401, json!({"detail": "401 Unauthorized"}))
    };
    seen.lock().unwrap().push((request, body));
    let reply = reply.to_string();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{reply}",
        reply.len()
    )
    .unwrap();
}

fn reply(request: &str, body: &str, json_body: bool, old: bool) -> (u16, Value) {
    let bases = json!([{"id": RUNBOOKS, "name": "Runbooks"}, {"id": INCIDENTS, "name": "incidents"}]);
    let wrong = || (422, json!({"detail": "not of the documented form"}));
    match request {
        "GET /api/v1/knowledge/" | "GET /api/v1/knowledge/?page=1" => {
            (200, if old { bases } else { json!({"items": bases, "total": 2}) })
        }
        _ if request.starts_with("GET /api/v1/knowledge/?page=") => (200, json!({"items": [], "total": 2})),
        "POST /api/v1/retrieval/query/collection" => {
            let Ok(form) = serde_json::from_str::<Value>(body) else { return wrong() };
            let names = form["collection_names"].as_array().is_some_and(|names| !names.is_empty());
            if !json_body || !names || !form["query"].is_string() || !form["k"].is_u64() {
                return wrong();
            }
            let found = json!({
                "documents": [["Restart the pool, then page the owner."]],
                "metadatas": [[{"name": "payments.md"}]],
                "distances": [[0.83]],
            });
            (200, found)
        }
        "POST /api/v1/files/?process=true&process_in_background=false" => {
            let part = body.contains("name=\"file\"") && body.contains("Content-Type: text/markdown");
            if part { (200, json!({"id": "file-1", "status": true})) } else { wrong() }
        }
        _ if *request == format!("POST /api/v1/knowledge/{INCIDENTS}/file/add") => {
            let form = serde_json::from_str::<Value>(body).ok();
            let right = json_body && form == Some(json!({"file_id": "file-1"}));
            if right { (200, json!({"id": INCIDENTS})) } else { wrong() }
        }
        _ => (404, json!({"detail": "Not Found"})),
    }
}

fn bench(url: &str) -> Option<Bench> {
    program("curl")?;
    Some(Bench::new().env("OPENWEBUI_URL", url).env("OPENWEBUI_API_KEY", KEY))
}

fn tool(bench: &Bench, name: &str, params: &[&str]) -> Ran {
    bench.run([&["toolset", "run", name, "--raw", "--"], params].concat())
}

#[test]
fn a_question_travels_as_json_whatever_it_holds() {
    for old in [false, true] {
        let (url, seen) = server(old);
        let Some(bench) = bench(&url) else { return };
        let question = "it's \"down\" $(id) \\ `x`\nsecond line";
        let said = tool(&bench, "search_runbooks", &[&format!("query={question}"), "limit=3"]).exits(0);
        assert!(said.stdout.contains("payments.md (score 0.83)"), "{}", said.stdout);
        assert!(said.stdout.contains("Restart the pool"), "{}", said.stdout);
        let seen = seen.lock().unwrap();
        let (_, body) = seen.iter().find(|(request, _)| request.contains("query/collection")).unwrap();
        let form: Value = serde_json::from_str(body).unwrap();
        assert_eq!(form, json!({"collection_names": [RUNBOOKS], "query": question, "k": 3}));
    }
}

#[test]
fn names_come_from_the_config_and_an_unknown_one_lists_what_there_is() {
    let (url, seen) = server(false);
    let Some(bench) = bench(&url) else { return };
    let said = tool(&bench, "search_knowledge", &["query=owner"]).exits(1).stdout;
    assert!(said.contains("no knowledge base is called knowledge") && said.contains("Runbooks"), "{said}");
    let text =
        format!("toolsets:\n  knowledge/base:\n    config: {{knowledge: \"{INCIDENTS}, runbooks\"}}\n");
    let bench = bench.file("more.yaml", text);
    bench
        .run(["toolset", "run", "search_knowledge", "-t", "more.yaml", "--raw", "--", "query=owner"])
        .exits(0);
    let seen = seen.lock().unwrap();
    let form: Value = serde_json::from_str(&seen.last().unwrap().1).unwrap();
    assert_eq!(form["collection_names"], json!([INCIDENTS, RUNBOOKS]));
}

#[test]
fn a_note_becomes_a_file_of_the_knowledge_base() {
    let (url, seen) = server(false);
    let Some(bench) = bench(&url) else { return };
    let params = ["title=../Pool \"exhausted\"; x", "text=Cause: pool=3\n'quoted' $(id)"];
    let ran = tool(&bench, "add_note", &params);
    assert!(ran.stdout.contains("file-1"), "{} {}", ran.stdout, ran.stderr);
    let seen = seen.lock().unwrap();
    let (_, upload) = seen.iter().find(|(request, _)| request.starts_with("POST /api/v1/files/")).unwrap();
    assert!(upload.contains("Cause: pool=3\n'quoted' $(id)"), "{upload}");
    assert!(upload.contains("filename=\"Pool-exhausted-x-"), "{upload}");
}

#[test]
fn a_wrong_key_switches_the_toolset_off_and_says_why() {
    let (url, _) = server(false);
    let Some(bench) = bench(&url) else { return };
    let ran = bench.env("OPENWEBUI_API_KEY", "sk-wrong").run(["toolset", "check", "knowledge/base"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.stdout.contains("401") && !ran.stdout.contains("sk-wrong"), "{}", ran.stdout);
}
