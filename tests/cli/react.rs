//! Models that call tools in plain text: asked to, or because their endpoint refuses tools.

use serde_json::{Value, json};

use crate::support::Bench;

const ANSWER: &str = "Thought: the disk explains it.\nFinal Answer:\n**Root cause:** The disk of db-1 is full\n\
    **Verdict:** problem_found\n**Confidence:** high\n**Evidence:**\n- nothing is left: \"disk 100% full\" [E1:1]\n\
    - writes fail: \"No space left on device\" [E2:1]\n**Fix:**\n- rm -r /var/tmp/big";

fn action(tool: &str, input: &str) -> Value {
    json!({"say": format!("Thought: look\nAction: {tool}\nAction Input: {input}")})
}

fn bench(replies: Value) -> Bench {
    Bench::new()
        .tools(&[("disk", "echo 'disk 100% full'"), ("logs", "echo '{{ pod }}: No space left on device'")])
        .model(replies)
}

fn messages(body: &Value) -> &Vec<Value> {
    body["messages"].as_array().unwrap()
}

fn roles_alternate(body: &Value) {
    let roles: Vec<&Value> = messages(body).iter().map(|message| &message["role"]).collect();
    assert!(roles.windows(2).all(|two| two[0] != two[1]), "{roles:?}");
}

#[test]
fn an_investigation_in_text_ends_with_a_checked_answer() {
    let bench = bench(json!([
        action("disk", "{}"),
        action("logs", "{'pod': 'db-1',}"),
        {"say": ANSWER},
    ]));
    let ran = bench.run(["ask", "why?", "-t", "tools.yaml", "--tool-calling", "text", "-o", "json"]).exits(0);
    let result = ran.json();
    assert_eq!(result["verdict"], "problem_found");
    assert_eq!(result["root_cause"], "The disk of db-1 is full");
    assert_eq!(result["confidence"], "high");
    assert_eq!(result["evidence"].as_array().unwrap().len(), 2, "{result:#}");
    assert!(result["evidence"].as_array().unwrap().iter().all(|one| one["verified"] == true), "{result:#}");
    assert_eq!(result["fix"], json!(["rm -r /var/tmp/big"]));
    assert_eq!(result["tool_calls"].as_array().unwrap().len(), 2);
    let requests = bench.scripted().requests();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert!(request.body.get("tools").is_none(), "{}", request.body);
        assert_eq!(request.body["stop"], json!(["\nObservation:", "Observation:"]));
        roles_alternate(&request.body);
        assert_eq!(messages(&request.body)[0], messages(&requests[0].body)[0], "providers cache what stays");
    }
    let system = messages(&requests[0].body)[0]["content"].as_str().unwrap();
    assert!(system.contains("- logs(pod) logs\n") && !system.contains("answer("), "{system}");
    let last = messages(&requests[2].body);
    assert_eq!(last[4]["content"], "Thought: look\nAction: logs\nAction Input: {\"pod\":\"db-1\"}");
    let observed = last[5]["content"].as_str().unwrap();
    assert!(observed.starts_with("Observation:\n<exhibit E2 "), "{observed}");
    assert!(
        observed.contains("db-1: No space left on device") && observed.contains("\n</exhibit "),
        "{observed}"
    );
}

#[test]
fn text_takes_over_when_the_endpoint_refuses_tools_and_stays() {
    let refusals = [
        (
            400,
            json!({"error": {"message": "registry.ollama.ai/library/gemma3:4b does not support tools", "type": "api_error", "param": null, "code": null}}),
        ),
        (400, json!({"error": "llama3 does not support tools"})),
        (
            400,
            json!({"object": "error", "message": "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set", "type": "BadRequestError", "code": 400}),
        ),
        (
            500,
            json!({"error": {"code": 500, "message": "tools param requires --jinja flag", "type": "server_error"}}),
        ),
        (
            404,
            json!({"error": {"message": "No endpoints found that support tool use. Try disabling \"disk\".", "code": 404}}),
        ),
        (
            400,
            json!({"error": {"message": "Function calling is not enabled for models/gemma-3-27b-it", "code": 400, "status": "INVALID_ARGUMENT"}}),
        ),
        (
            400,
            json!({"error": {"message": "Unsupported parameter: 'tools' is not supported with this model.", "param": "tools", "code": "unsupported_parameter"}}),
        ),
        (
            400,
            json!({"error": {"message": "`tool calling` is not supported with this model", "type": "invalid_request_error"}}),
        ),
        (422, json!({"error": {"message": "Tools are not supported by this model", "type": "validation"}})),
        (
            400,
            json!({"error": {"message": "deepseek-reasoner does not support Function Calling", "type": "invalid_request_error"}}),
        ),
    ];
    for (status, body) in refusals {
        let bench = bench(json!([
            {"status": status, "body": body},
            action("disk", "{}"),
            action("logs", "db-1"),
            {"say": ANSWER},
        ]));
        let ran = bench.run(["ask", "why?", "-t", "tools.yaml", "-o", "json"]).exits(0);
        assert_eq!(ran.json()["verdict"], "problem_found", "{body}");
        let told = ran.stderr.lines().filter(|line| line.contains("in text from now on")).count();
        assert_eq!(told, 1, "{}", ran.stderr);
        let requests = bench.scripted().requests();
        assert_eq!(requests.len(), 4, "remembered: {body}");
        assert!(requests[0].body.get("tools").is_some() && requests[0].body.get("stop").is_none());
        assert!(requests[1..].iter().all(|request| request.body.get("tools").is_none()));
    }
}

#[test]
fn native_tool_calling_never_falls_back_and_names_the_way_out() {
    for (status, message) in
        [(400, "gemma:2b does not support tools"), (500, "tools param requires --jinja flag")]
    {
        let bench = bench(json!([{"status": status, "body": {"error": message}, "repeat": true}]));
        let ran = bench.run(["ask", "why?", "-t", "tools.yaml", "--tool-calling", "native"]).exits(3);
        assert!(ran.stderr.contains(message), "{}", ran.stderr);
        assert!(ran.stderr.contains("`--tool-calling text`"), "{}", ran.stderr);
        assert_eq!(bench.scripted().requests().len(), 1, "nothing else is tried");
    }
}

#[test]
fn stop_sequences_are_dropped_where_they_are_refused() {
    let refused = json!({"error": {"message": "Unsupported parameter: 'stop' is not supported with this model.", "param": "stop", "code": "unsupported_parameter"}});
    let made_up =
        "Thought: look\nAction: disk\nAction Input: {}\nObservation: all is well\nFinal Answer: all is well";
    let bench = bench(
        json!([{"status": 400, "body": refused}, {"say": made_up}, action("logs", "a"), {"say": ANSWER}]),
    );
    let ran = bench.run(["ask", "why?", "-t", "tools.yaml", "--tool-calling", "text", "-o", "json"]).exits(0);
    assert_eq!(ran.json()["verdict"], "problem_found", "what the model makes up is no result");
    let requests = bench.scripted().requests();
    assert!(requests[0].body.get("stop").is_some());
    assert!(requests[1..].iter().all(|request| request.body.get("stop").is_none()));
}

#[test]
fn the_step_limit_asks_for_the_final_answer_in_the_same_words() {
    let bench = bench(
        json!([action("disk", "{}"), {"say": "Final Answer: **Root cause:** the disk [E1:1]. Observation: none."}]),
    );
    let ran = bench
        .run(["ask", "why?", "-t", "tools.yaml", "--tool-calling", "text", "--max-steps", "1", "-o", "json"])
        .exits(5);
    assert!(ran.json()["result"].as_str().unwrap().contains("Observation: none."));
    let requests = bench.scripted().requests();
    let (first, last) = (messages(&requests[0].body), messages(&requests[1].body));
    assert_eq!(first[0], last[0]);
    assert!(requests[1].body.get("stop").is_none(), "an answer may hold the word");
    roles_alternate(&requests[1].body);
    let asked = last.last().unwrap()["content"].as_str().unwrap();
    assert!(asked.starts_with("Observation:\n<exhibit E1 "), "{asked}");
    assert!(asked.ends_with("(Write Final Answer now. No more Action.)"), "{asked}");
}

#[test]
fn faults_of_a_reply_go_back_as_observations() {
    let bench = bench(json!([
        action("dsk", "{}"),
        action("logs", "{\"pod\": \"db"),
        {"say": "Thought: I should look at the disk first."},
        {"say": ""},
    ]));
    let ran = bench.run(["ask", "why?", "-t", "tools.yaml", "--tool-calling", "text", "-o", "json"]);
    let requests = bench.scripted().requests();
    let last = |at: usize| messages(&requests[at].body).last().unwrap()["content"].to_string();
    assert!(last(1).contains("Observation:\\nThere is no tool `dsk`; the nearest is `disk`"), "{}", last(1));
    assert!(last(2).contains("not a JSON object"), "{}", last(2));
    assert!(last(3).contains("The reply was empty"), "{}", last(3));
    assert!(last(3).contains("Go on with Thought, Action and Action Input"), "{}", last(3));
    assert_eq!(requests.len(), 4, "{}", ran.stderr);
}

#[test]
fn the_protocols_words_and_the_way_of_calling_can_be_configured() {
    let bench = bench(json!([{"say": "Final Answer: fine", "repeat": true}]));
    let base = bench.scripted().base_url();
    let bench = bench.file(".holmes/prompts/react.md.jinja", "MY WORDS\n{{ tools }}\n{# no more #}").file(
        ".holmes/model_list.yaml",
        format!("small: {{model: tiny, api_base: '{base}', tool_calling: text}}\n"),
    );
    bench.run(["ask", "why?", "-t", "tools.yaml", "--model", "small"]).exits(0);
    bench.run(["ask", "why?", "-t", "tools.yaml", "--model", "small", "--tool-calling", "native"]).exits(0);
    let requests = bench.scripted().requests();
    let system = messages(&requests[0].body)[0]["content"].as_str().unwrap();
    assert!(
        system.contains("\n\nMY WORDS\n- ") && system.contains("\n- disk() disk\n- logs(pod) logs\n"),
        "{system}"
    );
    assert!(requests[0].body.get("tool_calling").is_none());
    assert!(requests[1].body.get("tools").is_some(), "a flag wins over the list");
    let wrong = Bench::new()
        .file(
            ".holmes/model_list.yaml",
            "small: {model: tiny, api_base: 'http://127.0.0.1:9', tool_calling: smoke}\n",
        )
        .run(["ask", "why?", "--model", "small"])
        .exits(3);
    assert!(wrong.stderr.contains("auto, native or text"), "{}", wrong.stderr);
}
