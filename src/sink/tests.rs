use std::path::{Path, PathBuf};

use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::{Map, Value, json};

use super::*;
use crate::agent::{Arguments, AssistantMessage, Event, Finish, Limit, Message, ToolCall, Usage};
use crate::answer::{Answer, Confidence, Finding, NotChecked, Verdict};
use crate::evidence::{Exhibit, ShownSummary, Status};
use crate::question::Question;

fn redact(text: &str) -> String {
    text.replace("hunter2", "<secret:1>")
}

fn params() -> Map<String, Value> {
    let mut params = Map::new();
    params.insert("name".to_owned(), "payments".into());
    params.insert("token".to_owned(), "hunter2".into());
    params.insert("id".to_owned(), json!({"type": "hunter2"}));
    params
}

fn exhibit(id: u32, status: Status, path: PathBuf, bytes: u64) -> Exhibit {
    Exhibit {
        id,
        call_id: format!("call_{id}"),
        tool: "kubectl_describe".to_owned(),
        toolset: "kubernetes/core".to_owned(),
        description: "kubectl describe pod payments".to_owned(),
        params: params(),
        invocation: "kubectl describe pod payments --token hunter2 | cat".to_owned(),
        status,
        exit_code: Some(i32::from(status == Status::Error)),
        error: (status == Status::Error).then(|| "pods \"payments\" not found".to_owned()),
        seconds: 1.23,
        bytes,
        lines: 5,
        path,
        view: "1 | Name: <payments>".to_owned(),
        condensed: false,
        summary: None,
        flagged: None,
    }
}

fn investigation(folder: &Path) -> Investigation {
    let raw = folder.join("E1.out");
    std::fs::write(&raw, "Name: <payments>\nPassword: hunter2\nReason: OOMKilled\nExit Code: 137\nlast\n")
        .unwrap();
    let call = ToolCall {
        id: "call_1".to_owned(),
        tool: "kubectl_describe".to_owned(),
        arguments: Arguments::Object(params()),
        echo: Map::new(),
    };
    Investigation {
        run_id: "0190-run".to_owned(),
        question: Question {
            text: "why does <payments> crash?".to_owned(),
            subject: Some("pod/shop/payments".to_owned()),
            attachments: vec![],
        },
        model: "gpt-5".to_owned(),
        answer: Answer {
            text: String::new(),
            verdict: Verdict::ProblemFound,
            root_cause: "The memory limit is too small".to_owned(),
            findings: vec![
                Finding {
                    claim: "It was killed".to_owned(),
                    exhibit: 1,
                    quote: "Reason: OOMKilled".to_owned(),
                    lines: Some((3, 3)),
                    verified: true,
                },
                Finding {
                    claim: "It leaks".to_owned(),
                    exhibit: 9,
                    quote: "<b>leak</b>".to_owned(),
                    lines: None,
                    verified: false,
                },
            ],
            fix: vec!["kubectl set resources deploy/payments --limits=memory=256Mi".to_owned()],
            not_sure: vec![],
            confidence: Confidence::Medium,
            not_checked: vec![NotChecked {
                what: "metrics".to_owned(),
                why: "PROMETHEUS_URL not set".to_owned(),
            }],
        },
        exhibits: vec![
            exhibit(1, Status::Success, raw, 78),
            exhibit(2, Status::Error, folder.join("gone"), 12),
        ],
        messages: vec![
            Message::System { text: "rules".to_owned() },
            Message::User { text: "why?".to_owned() },
            Message::Assistant(AssistantMessage { tool_calls: vec![call], ..AssistantMessage::default() }),
            Message::Tool {
                call_id: "call_1".to_owned(),
                tool: "kubectl_describe".to_owned(),
                text: "hunter2".to_owned(),
            },
        ],
        usage: Usage { prompt_tokens: 100, completion_tokens: 20, cached_tokens: 0 },
        calls: 2,
        summaries: 0,
        cost: None,
        finish: Finish::Answered,
        started_at: "2026-01-02T03:04:05Z".to_owned(),
        duration_seconds: 3.5,
        budget: Budget { max_steps: Some(100), ..Budget::default() },
        metadata: Map::new(),
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "the whole result in one view")]
fn json_result() {
    let folder = tempfile::tempdir().unwrap();
    let mut result = to_json(&investigation(folder.path()), &redact);
    result["metadata"]["version"] = "[version]".into();
    assert_json_snapshot!(result, @r#"
{
  "schema_version": "1",
  "run_id": "0190-run",
  "question": "why does <payments> crash?",
  "subject": "pod/shop/payments",
  "result": "**Root cause:** The memory limit is too small\n\n**Evidence**\n\n- It was killed: `Reason: OOMKilled` [E1:3]\n- It leaks: `<b>leak</b>` [E9] (unverified)\n\n1 of 2 quotes verified; confidence: medium\n\n**Fix**\n\n1. `kubectl set resources deploy/payments --limits=memory=256Mi`\n\nNot checked: metrics (PROMETHEUS_URL not set)",
  "verdict": "problem_found",
  "root_cause": "The memory limit is too small",
  "confidence": "medium",
  "evidence": [
    {
      "id": "E1",
      "tool_call_id": "call_1",
      "claim": "It was killed",
      "quote": "Reason: OOMKilled",
      "lines": [
        3,
        3
      ],
      "verified": true
    },
    {
      "id": "E9",
      "tool_call_id": null,
      "claim": "It leaks",
      "quote": "<b>leak</b>",
      "lines": null,
      "verified": false
    }
  ],
  "fix": [
    "kubectl set resources deploy/payments --limits=memory=256Mi"
  ],
  "not_sure": [],
  "not_checked": [
    {
      "what": "metrics",
      "why": "PROMETHEUS_URL not set"
    }
  ],
  "model": "gpt-5",
  "finish_reason": "stop",
  "started_at": "2026-01-02T03:04:05Z",
  "duration_seconds": 3.5,
  "num_llm_calls": 2,
  "prompt_tokens": 100,
  "completion_tokens": 20,
  "total_tokens": 120,
  "total_cost": 0.0,
  "budget": {
    "max_steps": 100,
    "timeout_seconds": null,
    "max_tokens_total": null,
    "max_cost": null,
    "context_window": null
  },
  "attachments": [],
  "tool_calls": [
    {
      "id": "E1",
      "tool_call_id": "call_1",
      "tool_name": "kubectl_describe",
      "toolset_name": "kubernetes/core",
      "description": "kubectl describe pod payments",
      "result": {
        "status": "success",
        "error": null,
        "return_code": 0,
        "data": "Name: <payments>\nPassword: <secret:1>\nReason: OOMKilled\nExit Code: 137\nlast\n",
        "invocation": "kubectl describe pod payments --token <secret:1> | cat",
        "params": {
          "name": "payments",
          "token": "<secret:1>",
          "id": {
            "type": "<secret:1>"
          }
        },
        "elapsed_seconds": 1.23
      },
      "size": 78,
      "summary": null
    },
    {
      "id": "E2",
      "tool_call_id": "call_2",
      "tool_name": "kubectl_describe",
      "toolset_name": "kubernetes/core",
      "description": "kubectl describe pod payments",
      "result": {
        "status": "error",
        "error": "pods \"payments\" not found",
        "return_code": 1,
        "data": "1 | Name: <payments>",
        "invocation": "kubectl describe pod payments --token <secret:1> | cat",
        "params": {
          "name": "payments",
          "token": "<secret:1>",
          "id": {
            "type": "<secret:1>"
          }
        },
        "elapsed_seconds": 1.23
      },
      "size": 12,
      "summary": null
    }
  ],
  "messages": [
    {
      "role": "system",
      "content": "rules"
    },
    {
      "role": "user",
      "content": "why?"
    },
    {
      "role": "assistant",
      "content": null,
      "tool_calls": [
        {
          "id": "call_1",
          "type": "function",
          "function": {
            "name": "kubectl_describe",
            "arguments": "{\"name\":\"payments\",\"token\":\"<secret:1>\",\"id\":{\"type\":\"<secret:1>\"}}"
          }
        }
      ]
    },
    {
      "role": "tool",
      "tool_call_id": "call_1",
      "name": "kubectl_describe",
      "content": "<secret:1>"
    }
  ],
  "metadata": {
    "version": "[version]",
    "finish": "answered",
    "cost_known": false,
    "summaries": 0,
    "cached_tokens": 0
  }
}
"#);
}

/// The parts of JSON Schema that `docs/answer.schema.json` uses; anything else fails the test.
fn check(schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "type" => {
                let names: Vec<&str> = match rule {
                    Value::String(name) => vec![name],
                    other => other.as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect(),
                };
                let fits = names.iter().any(|name| match *name {
                    "null" => value.is_null(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_u64() || value.is_i64(),
                    "number" => value.is_number(),
                    "array" => value.is_array(),
                    "object" => value.is_object(),
                    other => panic!("unknown type {other}"),
                });
                if !fits {
                    wrong.push(format!("{at}: {value} is not {names:?}"));
                }
            }
            "const" if rule != value => wrong.push(format!("{at}: {value} is not {rule}")),
            "enum" if !rule.as_array().unwrap().contains(value) => {
                wrong.push(format!("{at}: {value} not in {rule}"));
            }
            "$schema" | "title" | "description" | "const" | "enum" => {}
            "required" => {
                for name in rule.as_array().unwrap() {
                    if value.is_object() && value.get(name.as_str().unwrap()).is_none() {
                        wrong.push(format!("{at}: {name} is missing"));
                    }
                }
            }
            "properties" => {
                for (name, field) in value.as_object().into_iter().flatten() {
                    match rule.get(name) {
                        Some(inner) => check(inner, field, &format!("{at}.{name}"), wrong),
                        None if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
                            wrong.push(format!("{at}: {name} is not described"));
                        }
                        None => {}
                    }
                }
            }
            "additionalProperties" => assert_eq!(rule, &Value::Bool(false)),
            "items" => {
                for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(rule, item, &format!("{at}[{number}]"), wrong);
                }
            }
            other => panic!("the test does not know the keyword {other}"),
        }
    }
}

#[test]
fn the_schema_describes_what_is_written() {
    let schema: Value = serde_json::from_str(include_str!("../../docs/answer.schema.json")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let full = investigation(folder.path());
    let mut summed_up = full.clone();
    summed_up.exhibits[0].summary =
        Some(ShownSummary { model: "small".to_owned(), text: "all is hunter2".to_owned() });
    let mut results = vec![to_json(&full, &redact), to_json(&summed_up, &redact)];
    assert_eq!(
        results[1]["tool_calls"][0]["summary"],
        json!({"model": "small", "text": "all is <secret:1>"})
    );
    for finish in [
        Finish::Limit(Limit::Steps),
        Finish::Limit(Limit::Time),
        Finish::Limit(Limit::Tokens),
        Finish::Limit(Limit::Cost),
        Finish::Limit(Limit::Fruitless),
        Finish::Interrupted,
        Finish::ModelFailed { exit_code: 4 },
    ] {
        let bare = Investigation {
            finish,
            answer: Answer::default(),
            exhibits: vec![exhibit(1, Status::Denied, PathBuf::new(), u64::MAX)],
            cost: Some(f64::NAN),
            duration_seconds: f64::INFINITY,
            ..full.clone()
        };
        results.push(to_json(&bare, &redact));
    }
    for result in &results {
        let mut wrong = Vec::new();
        check(&schema, result, "result", &mut wrong);
        assert_eq!(wrong, Vec::<String>::new());
    }
    // The check itself can fail.
    let mut wrong = Vec::new();
    check(&schema, &json!({"verdict": "maybe", "surprise": 1}), "result", &mut wrong);
    assert!(wrong.len() > 20, "{wrong:?}");
}

#[test]
fn no_sink_tells_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let run = investigation(folder.path());
    let event = Event::ToolFinished { exhibit: run.exhibits[0].clone() };
    let unreadable = Event::ToolAnswered {
        call: ToolCall {
            id: "call_3".to_owned(),
            tool: "kubectl_get".to_owned(),
            arguments: Arguments::Unreadable("{\"token\": \"hunter2".to_owned()),
            echo: Map::new(),
        },
        reply: "arguments are no JSON".to_owned(),
        repeats: None,
    };
    let all = [
        to_json(&run, &redact).to_string(),
        to_markdown_report(&run, &redact),
        to_html(&run, &redact),
        to_json_line(&event, &redact),
        to_json_line(&unreadable, &redact),
    ];
    for text in all {
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("secret:1"), "{text}");
    }
}

#[test]
fn large_outputs_are_represented_by_their_view() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = investigation(folder.path());
    run.exhibits[0].bytes = 64 * 1024 + 1;
    assert_eq!(to_json(&run, &redact)["tool_calls"][0]["result"]["data"], "1 | Name: <payments>");
}

#[test]
fn markdown_report() {
    let folder = tempfile::tempdir().unwrap();
    assert_snapshot!(to_markdown_report(&investigation(folder.path()), &redact), @r#"
# why does <payments> crash?

**Root cause:** The memory limit is too small

**Evidence**

- It was killed: `Reason: OOMKilled` [E1:3]
- It leaks: `<b>leak</b>` [E9] (unverified)

1 of 2 quotes verified; confidence: medium

**Fix**

1. `kubectl set resources deploy/payments --limits=memory=256Mi`

Not checked: metrics (PROMETHEUS_URL not set)

## What was run

| | | result | took | bytes |
|---|---|---|---:|---:|
| E1 | `kubectl describe pod payments --token <secret:1> \| cat` | ok | 1.2 s | 78 |
| E2 | `kubectl describe pod payments --token <secret:1> \| cat` | exit 1 | 1.2 s | 12 |

2026-01-02T03:04:05Z · gpt-5 · 2 model calls · run 0190-run
"#);
}

#[test]
fn html_page() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = investigation(folder.path());
    run.answer.text =
        "<script>alert(1)</script>\n\n[x](javascript:alert(1)) ![i](http://evil/) **bold** <img src=x>"
            .to_owned();
    let page = to_html(&run, &redact);
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("javascript:"), "{page}");
    let body = page.split_once("<body>").map_or("", |(_, body)| body);
    assert_snapshot!(body, @r##"
<h1>why does &lt;payments&gt; crash?</h1>
<p class="dim">problem found · 2026-01-02T03:04:05Z · 3.5 s · gpt-5 · 2 model calls · run 0190-run</p>
<section>
&lt;script&gt;alert(1)&lt;/script&gt;
<p><a rel="noreferrer" href="">x</a> i <strong>bold</strong> &lt;img src=x&gt;</p>
<p>1 of 2 quotes verified; confidence: medium</p>
<ul><li>It leaks: <code>&lt;b&gt;leak&lt;/b&gt;</code> [E9] (unverified)</li>
</ul>
<p>Not checked: metrics (PROMETHEUS_URL not set)</p>
</section>
<h2>Evidence</h2>
<p>It was killed <span class="good">verified</span><span class="dim"> · <a href="#E1">E1</a> kubectl describe pod payments</span></p>
<pre>     1  Name: &lt;payments&gt;
     2  Password: &lt;secret:1&gt;
<mark>     3  Reason: OOMKilled</mark>
     4  Exit Code: 137
     5  last
</pre>
<p>It leaks <span class="bad">unverified</span><span class="dim"></span></p>
<pre>&lt;b&gt;leak&lt;/b&gt;</pre>
<h2>What was run</h2>
<table>
<tr><th></th><th></th><th>result</th><th>took</th><th>bytes</th></tr>
<tr id="E1"><td>E1</td><td><details><summary><code>kubectl describe pod payments --token &lt;secret:1&gt; | cat</code></summary><pre>1 | Name: &lt;payments&gt;</pre></details></td><td class="good">ok</td><td>1.2 s</td><td>78</td></tr>
<tr id="E2"><td>E2</td><td><details><summary><code>kubectl describe pod payments --token &lt;secret:1&gt; | cat</code></summary><pre>1 | Name: &lt;payments&gt;</pre></details></td><td class="bad">exit 1</td><td>1.2 s</td><td>12</td></tr>
</table>
<h2>Not checked</h2>
<ul>
<li>metrics <span class="dim">PROMETHEUS_URL not set</span></li>
</ul>
</body>
</html>
"##);
}

#[test]
fn text_keeps_the_models_words_and_says_how_far_to_trust_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut answer = investigation(folder.path()).answer;
    answer.text = "It is the memory.".to_owned();
    let text = to_text(&answer);
    assert_snapshot!(text, @"
It is the memory.

1 of 2 quotes verified; confidence: medium

- It leaks: `<b>leak</b>` [E9] (unverified)

Not checked: metrics (PROMETHEUS_URL not set)
");
    // Said once, however often it passes here.
    answer.text.clone_from(&text);
    assert_eq!(to_text(&answer), text);
    answer.text = crate::answer::to_markdown(&answer);
    assert_eq!(to_text(&answer), answer.text);
}

#[test]
fn json_lines_are_one_line_and_start_with_the_run() {
    let event = Event::RunStarted {
        run_id: "r1".to_owned(),
        question: Question { text: "a\nb".to_owned(), ..Question::default() },
        model: "rules".to_owned(),
        started_at: "2026-01-02T03:04:05Z".to_owned(),
    };
    assert_snapshot!(to_json_line(&event, &redact), @r#"{"event":"run_started","run_id":"r1","question":{"text":"a\nb"},"model":"rules","started_at":"2026-01-02T03:04:05Z"}"#);
}

#[test]
fn files_are_replaced_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result.json");
    write_file(&path, b"one").unwrap();
    write_file(&path, b"two").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"two");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let link = folder.path().join("link.json");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    write_file(&link, b"three").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"three");
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());

    let missing = folder.path().join("no/such/result.json");
    let said =
        write_file(&missing, b"").unwrap_err().to_string().replace(&*folder.path().to_string_lossy(), "DIR");
    assert_eq!(said, "cannot write `DIR/no/such/result.json`: the folder `DIR/no/such` does not exist");
    assert!(write_file(folder.path(), b"").unwrap_err().to_string().ends_with("it is a folder"));
    write_file(Path::new("/dev/null"), b"x").unwrap();
}
