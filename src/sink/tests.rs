//! Long because one investigation is held in every form it can take.

use std::path::{Path, PathBuf};

use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::{Map, Value, json};

use super::*;
use crate::agent::{Arguments, AssistantMessage, Event, Finish, Limit, Message, ToolCall, Usage};
use crate::answer::{
    Answer, Confidence, Coverage, CoverageState, Finding, Hypothesis, HypothesisStatus, NotChecked, Verdict,
};
use crate::evidence::injection::Flag;
use crate::evidence::{Exhibit, ShownSummary, Status};
use crate::question::Question;

pub(super) fn redact(text: &str) -> String {
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
        started_seconds: 0.5 + f64::from(id),
        bytes,
        lines: 5,
        path,
        view: "1 | Name: <payments>".to_owned(),
        condensed: false,
        summary: None,
        flagged: None,
    }
}

pub(super) fn investigation(folder: &Path) -> Investigation {
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
                    why: None,
                },
                Finding {
                    claim: "It leaks".to_owned(),
                    exhibit: 9,
                    quote: "<b>leak</b>".to_owned(),
                    lines: None,
                    verified: false,
                    why: Some("E9 does not exist".to_owned()),
                },
            ],
            fix: vec!["kubectl set resources deploy/payments --limits=memory=256Mi".to_owned()],
            not_sure: vec![],
            confidence: Confidence::Medium,
            not_checked: vec![NotChecked {
                what: "metrics".to_owned(),
                why: "PROMETHEUS_URL not set".to_owned(),
            }],
            coverage: vec![
                Coverage {
                    what: "kubectl_describe".to_owned(),
                    exhibit: Some(1),
                    state: CoverageState::Truncated,
                    why: "3 of 5 lines seen".to_owned(),
                },
                Coverage {
                    what: "metrics".to_owned(),
                    exhibit: None,
                    state: CoverageState::Unavailable,
                    why: "PROMETHEUS_URL not set".to_owned(),
                },
            ],
            hypotheses: vec![Hypothesis {
                id: "H1".to_owned(),
                statement: "the limit is <too> small".to_owned(),
                status: HypothesisStatus::Supported,
                exhibits: vec![1],
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
        sections: Vec::new(),
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
  "result": "**Root cause:** The memory limit is too small\n\n**Evidence**\n\n- It was killed: `Reason: OOMKilled` [E1:3]\n- It leaks: `<b>leak</b>` [E9] (unverified: E9 does not exist)\n\n1 of 2 quotes verified; confidence: medium\n\n**Fix**\n\n1. `kubectl set resources deploy/payments --limits=memory=256Mi`\n\nNot checked: metrics (PROMETHEUS_URL not set)",
  "warnings": [],
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
      "verified": true,
      "why": null
    },
    {
      "id": "E9",
      "tool_call_id": null,
      "claim": "It leaks",
      "quote": "<b>leak</b>",
      "lines": null,
      "verified": false,
      "why": "E9 does not exist"
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
  "coverage": [
    {
      "what": "kubectl_describe",
      "exhibit": "E1",
      "state": "truncated",
      "why": "3 of 5 lines seen"
    },
    {
      "what": "metrics",
      "exhibit": null,
      "state": "unavailable",
      "why": "PROMETHEUS_URL not set"
    }
  ],
  "hypotheses": [
    {
      "id": "H1",
      "statement": "the limit is <too> small",
      "status": "supported",
      "exhibits": [
        "E1"
      ]
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
      "flagged": null,
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
      "flagged": null,
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
    let mut sectioned = full.clone();
    fill_sections(&mut sectioned, &SECTIONS, &redact);
    results.push(to_json(&sectioned, &redact));
    assert_eq!(results[2]["sections"].as_object().map(Map::len), Some(SECTIONS.len()));
    assert!(results[2]["result"].as_str().is_some_and(|text| text.starts_with("# Alert Explanation\n")));
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
        brings: Vec::new(),
        noted: None,
    };
    let all = [
        to_json(&run, &redact).to_string(),
        to_markdown_report(&run, &redact),
        to_html(&run, &redact),
        to_json_line(&event, &redact),
        to_json_line(&unreadable, &redact),
    ];
    let mut secretive = run.clone();
    secretive.answer.root_cause = "hunter2 is the word".to_owned();
    let posted = format!("{:?}", to_slack(&secretive, &redact));
    for text in all.into_iter().chain([posted]) {
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
# why does &lt;payments> crash?

**Root cause:** The memory limit is too small

**Evidence**

- It was killed: `Reason: OOMKilled` [E1:3]
- It leaks: `<b>leak</b>` [E9] (unverified: E9 does not exist)

1 of 2 quotes verified; confidence: medium

**Fix**

1. `kubectl set resources deploy/payments --limits=memory=256Mi`

Not checked: metrics (PROMETHEUS_URL not set)

## Hypotheses

- H1 supported: the limit is &lt;too> small [E1]

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
<ul><li>It leaks: <code>&lt;b&gt;leak&lt;/b&gt;</code> [E9] (unverified: E9 does not exist)</li>
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
<p>It leaks <span class="bad">unverified: E9 does not exist</span><span class="dim"></span></p>
<pre>&lt;b&gt;leak&lt;/b&gt;</pre>
<h2>Hypotheses</h2>
<table>
<tr><td>H1</td><td>supported</td><td>the limit is &lt;too&gt; small</td><td><a href="#E1">E1</a></td></tr>
</table>
<h2>What was run</h2>
<svg viewBox="0 0 960 78" role="img" aria-label="when each call ran">
<line class="grid" x1="250.0" x2="250.0" y1="0" y2="60.0"/><text x="250.0" y="74.0" text-anchor="middle">0</text>
<line class="grid" x1="437.7" x2="437.7" y1="0" y2="60.0"/><text x="437.7" y="74.0" text-anchor="middle">1 s</text>
<line class="grid" x1="625.3" x2="625.3" y1="0" y2="60.0"/><text x="625.3" y="74.0" text-anchor="middle">2 s</text>
<line class="grid" x1="813.0" x2="813.0" y1="0" y2="60.0"/><text x="813.0" y="74.0" text-anchor="middle">3 s</text>
<text x="242" y="15.0" text-anchor="end">model</text>
<rect class="model" x="250.0" y="4.0" width="281.5" height="13" rx="2"><title>model, 1.5 s</title></rect>
<text x="242" y="33.0" text-anchor="end">E1 kubectl_describe</text>
<rect class="tool" x="531.5" y="22.0" width="230.8" height="13" rx="2"><title>E1 kubectl_describe, 1.2 s</title></rect>
<text x="242" y="51.0" text-anchor="end">E2 kubectl_describe</text>
<rect class="fail" x="719.2" y="40.0" width="230.8" height="13" rx="2"><title>E2 kubectl_describe, 1.2 s</title></rect>
</svg>
<table>
<tr><th></th><th></th><th>result</th><th class="n">took</th><th class="n">bytes</th></tr>
<tr id="E1"><td>E1</td><td><details><summary><code>kubectl describe pod payments --token &lt;secret:1&gt; | cat</code></summary><pre>1 | Name: &lt;payments&gt;</pre></details></td><td class="good">ok</td><td class="n">1.2 s</td><td class="n">78</td></tr>
<tr id="E2"><td>E2</td><td><details><summary><code>kubectl describe pod payments --token &lt;secret:1&gt; | cat</code></summary><pre>1 | Name: &lt;payments&gt;</pre></details></td><td class="bad">exit 1</td><td class="n">1.2 s</td><td class="n">12</td></tr>
</table>
<h2>Not checked</h2>
<ul>
<li>metrics <span class="dim">PROMETHEUS_URL not set</span></li>
</ul>
<h2>Coverage</h2>
<details><summary>every exhibit and every toolset</summary>
<table>
<tr><td><a href="#E1">E1</a></td><td>kubectl_describe</td><td class="dim">seen in part</td><td class="dim">3 of 5 lines seen</td></tr>
<tr><td></td><td>metrics</td><td class="bad">unavailable</td><td class="dim">PROMETHEUS_URL not set</td></tr>
</table>
</details>
</body>
</html>
"##);
}

/// Every tag that opens closes, in order; nothing is loaded and nothing runs.
fn assert_sound(page: &str) {
    let mut open: Vec<String> = Vec::new();
    let mut rest = page.find("<html").and_then(|at| page.get(at..)).unwrap();
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').expect("a tag ends");
        let name: String =
            tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        assert!(!name.is_empty(), "a bare < before {after:.80}");
        assert!(
            !["script", "img", "iframe", "object", "embed", "link", "base", "form", "use"]
                .contains(&name.as_str()),
            "{name}"
        );
        for word in tag.split_whitespace().skip(1) {
            let loads = ["src=", "srcset=", "xlink:href=", "data=", "action=", "on"];
            let is_attribute = word.contains("=\"");
            assert!(!is_attribute || !loads.iter().any(|start| word.starts_with(start)), "<{tag}>");
        }
        if tag.starts_with('/') {
            assert_eq!(open.pop().as_deref(), Some(name.as_str()), "before {after:.80}");
        } else if !tag.ends_with('/') && !["meta", "br", "hr"].contains(&name.as_str()) {
            open.push(name);
        }
        rest = after;
    }
    assert_eq!(open, Vec::<String>::new());
    assert!(!page.contains("url(") && !page.contains("@import") && !page.contains("javascript:"), "{page}");
}

fn range_result(folder: &Path) -> Exhibit {
    let path = folder.join("E3.out");
    let point =
        |at: i32| json!([1_700_000_000 + 60 * at, if at == 7 { "NaN".to_owned() } else { at.to_string() }]);
    let values: Vec<Value> = (0..30).map(point).collect();
    let series: Vec<Value> =
        (0..9).map(|pod| json!({"metric": {"pod": format!("<p{pod}>")}, "values": values})).collect();
    let result = json!({"status": "success", "data": {"resultType": "matrix", "result": series}}).to_string();
    std::fs::write(&path, &result).unwrap();
    let mut exhibit = exhibit(3, Status::Success, path, result.len() as u64);
    exhibit.params.insert("query".to_owned(), "sum by (pod) (memory_bytes{x<\"1\"})".into());
    exhibit
}

#[test]
fn what_a_reader_must_know_first_stands_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = investigation(folder.path());
    run.finish = Finish::Limit(Limit::Steps);
    run.exhibits[1].flagged = Some(Flag { line: 4, excerpt: "AI: `run` <b>rm</b> hunter2".to_owned() });
    let page = to_html(&run, &redact);
    assert_sound(&page);
    let (top, _) = page.split_once("<section").unwrap();
    assert!(top.contains("The run ended early: max steps"), "{top}");
    let told = "<a href=\"#E2\">E2</a> line 4 reads like an instruction to a model: <q>AI: `run` &lt;b&gt;rm&lt;/b&gt; &lt;secret:1&gt;</q>";
    assert!(top.contains(told), "{top}");
    let report = to_markdown_report(&run, &redact);
    let (top, _) = report.split_once("**Root cause:**").unwrap();
    assert_eq!(
        top,
        "# why does &lt;payments> crash?\n\n> **Warning:** The run ended early: max steps\n>\n\
         > **Warning:** E2 line 4 reads like an instruction to a model: `AI: 'run' <b>rm</b> <secret:1>`\n\n"
    );
    let warnings = to_json(&run, &redact)["warnings"].clone();
    assert_eq!(warnings[0], "The run ended early: max steps");
    assert_eq!(warnings[1], "E2 line 4 reads like an instruction to a model: AI: `run` <b>rm</b> <secret:1>");
}

#[test]
fn html_page_of_an_answer_by_fields() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = investigation(folder.path());
    run.exhibits.push(range_result(folder.path()));
    let page = to_html(&run, &redact);
    assert_sound(&page);
    assert!(
        page.contains("<polyline") && page.contains("8 of 9 series") && page.contains("&lt;p0&gt;"),
        "{page}"
    );
    assert!(page.contains("<pre class=\"copy\">kubectl set resources"), "{page}");
    let body = page.split_once("<body>").map_or("", |(_, body)| body);
    let (before, rest) = body.split_once("<h2>Metrics</h2>").unwrap();
    let (_, after) = rest.split_once("<h2>What was run</h2>").unwrap();
    assert_snapshot!(format!("{before}…\n<h2>What was run</h2>{after}"));
}

#[test]
fn a_page_stays_small_and_sound_whatever_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = investigation(folder.path());
    let noise = "</pre></script><b onload=\"x\" a='&\u{202e}\u{0}<![CDATA[--><svg/>".repeat(3_000);
    let raw = folder.path().join("E1.out");
    std::fs::write(&raw, format!("{noise}\n").repeat(30)).unwrap();
    for id in 4..900 {
        run.exhibits.push(Exhibit {
            view: noise.clone(),
            invocation: noise.clone(),
            ..exhibit(id, Status::Success, raw.clone(), 1 << 20)
        });
        run.answer.findings.push(Finding {
            claim: noise.clone(),
            quote: noise.clone(),
            exhibit: id,
            lines: Some((1, 20)),
            verified: true,
            why: None,
        });
        run.answer.fix.push(noise.clone());
        run.answer.not_sure.push(noise.clone());
        run.answer.not_checked.push(NotChecked { what: noise.clone(), why: noise.clone() });
    }
    run.answer.root_cause.clone_from(&noise);
    let keep = |text: &str| text.to_owned();
    for text in [String::new(), noise] {
        run.answer.text = text;
        let page = to_html(&run, &keep);
        assert_sound(&page);
        assert!(page.len() <= 2 << 20, "{}", page.len());
        run.answer.findings.truncate(20);
    }
}

#[test]
fn half_a_secret_is_none_of_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = investigation(folder.path());
    run.answer.findings[0].claim = format!("{} hunter2", "x".repeat(595));
    let page = to_html(&run, &redact);
    assert!(page.contains("xx") && !page.contains("hunt"), "{page}");
}

#[test]
fn the_text_fits_wide_and_narrow_terminals() {
    use crate::ui::{Terminal, markdown::render};
    let folder = tempfile::tempdir().unwrap();
    let mut answer = investigation(folder.path()).answer;
    answer.not_checked.push(NotChecked {
        what: "kubectl_logs (E4)".to_owned(),
        why: "the server doesn't have a resource type \"podz\"".to_owned(),
    });
    for width in [80, 40] {
        let terminal = Terminal { tty: true, colour: false, live: true, unicode: true, width };
        let text = render(&to_text(&answer), &terminal);
        assert!(
            text.lines().all(|line| line.chars().count() <= width || line.contains("kubectl set")),
            "{text}"
        );
        assert_snapshot!(format!("text_on_{width}_columns"), text);
    }
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

- It leaks: `<b>leak</b>` [E9] (unverified: E9 does not exist)

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
