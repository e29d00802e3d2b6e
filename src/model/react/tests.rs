use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::agent::Arguments;
use crate::model::Delta;

#[allow(clippy::needless_pass_by_value)] // `json!` gives values
fn spec(name: &str, properties: Value, required: Value) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: format!("Does {name}"),
        parameters: json!({"type": "object", "properties": properties, "required": required}),
    }
}

fn tools() -> Vec<ToolSpec> {
    let text = json!({"type": "string"});
    vec![
        spec("kubectl_get", json!({"kind": text, "namespace": text}), json!(["kind"])),
        spec(
            "logs",
            json!({"pod": text, "namespace": text, "tail": {"type": "integer"}}),
            json!(["pod", "namespace"]),
        ),
        spec("run", json!({"command": text}), json!(["command"])),
        spec("disk", json!({}), json!([])),
        spec("answer", json!({"root_cause": text}), json!(["root_cause"])),
    ]
}

/// A reading in one line: the calls, `= answer`, or `? thought`.
fn told(said: &Said) -> String {
    if !said.calls.is_empty() {
        let calls: Vec<String> = said
            .calls
            .iter()
            .map(|(name, arguments)| match arguments {
                Arguments::Object(map) => format!("{name} {}", Value::Object(map.clone())),
                Arguments::Unreadable(text) => format!("{name} !{text}"),
            })
            .collect();
        return calls.join(" + ");
    }
    if said.answer.is_empty() { format!("? {}", said.thought) } else { format!("= {}", said.answer) }
}

const PODS: &str = r#"kubectl_get {"kind":"pods"}"#;
const BOTH: &str = r#"kubectl_get {"kind":"pods","namespace":"default"}"#;

/// As models of all sizes write: the faults are those of threads about LangChain, LlamaIndex, CrewAI, smolagents.
const REPLIES: &[(&str, &str)] = &[
    // As it should be.
    ("Thought: look\nAction: kubectl_get\nAction Input: {\"kind\": \"pods\"}", PODS),
    ("Thought: look\nAction: kubectl_get\nAction Input: {\"kind\": \"pods\"}\n", PODS),
    ("Thought: I know\nFinal Answer: the disk is full", "= the disk is full"),
    (
        "Final Answer:\n**Root cause:** OOM\n\n**Fix:**\n- more memory",
        "= **Root cause:** OOM\n\n**Fix:**\n- more memory",
    ),
    // No label before the thought, or no thought.
    (" look at the pods\nAction: kubectl_get\nAction Input: {\"kind\": \"pods\"}", PODS),
    ("Action: kubectl_get\nAction Input: {\"kind\": \"pods\"}", PODS),
    (
        "To answer the question, I need the pods.\n\nAction: kubectl_get\nAction Input: {\"kind\": \"pods\"}",
        PODS,
    ),
    // Dressed.
    ("**Thought:** look\n**Action:** kubectl_get\n**Action Input:** {\"kind\": \"pods\"}", PODS),
    ("**Thought**: look\n**Action**: `kubectl_get`\n**Action Input**: `{\"kind\": \"pods\"}`", PODS),
    ("### Thought\nlook\n### Action\nkubectl_get\n### Action Input\n{\"kind\": \"pods\"}", PODS),
    ("1. Thought: look\n2. Action: kubectl_get\n3. Action Input: {\"kind\": \"pods\"}", PODS),
    ("- Thought: look\n- Action: kubectl_get\n- Action Input: {\"kind\": \"pods\"}", PODS),
    ("> Thought: look\n> Action: kubectl_get\n> Action Input: {\"kind\": \"pods\"}", PODS),
    ("thought: look\naction: kubectl_get\naction input: {\"kind\": \"pods\"}", PODS),
    ("THOUGHT: look\nACTION: kubectl_get\nACTION INPUT: {\"kind\": \"pods\"}", PODS),
    ("Thought: look\nAction: kubectl_get\nAction_Input: {\"kind\": \"pods\"}", PODS),
    ("Thought 1: look\nAction 1: kubectl_get\nAction Input 1: {\"kind\": \"pods\"}", PODS),
    ("Though: look\nAction : kubectl_get\nAction Input : {\"kind\": \"pods\"}", PODS),
    ("Thought: look\nTool: kubectl_get\nTool Input: {\"kind\": \"pods\"}", PODS),
    ("Thought: look\nAction: kubectl_get\nArguments: {\"kind\": \"pods\"}", PODS),
    ("```\nThought: look\nAction: kubectl_get\nAction Input: {\"kind\": \"pods\"}\n```", PODS),
    ("```plaintext\nThought: done\nFinal Answer: the disk is full\n```", "= the disk is full"),
    // On one line.
    ("Thought: look Action: kubectl_get Action Input: {\"kind\": \"pods\"}", PODS),
    ("Thought: Do I need to use a tool? Yes\nAction: kubectl_get Action Input: {\"kind\": \"pods\"}", PODS),
    ("Thought: I now know the final answer. Final Answer: the disk is full", "= the disk is full"),
    // The name.
    ("Thought: look\nAction: Use the kubectl_get tool\nAction Input: {\"kind\": \"pods\"}", PODS),
    ("Thought: look\nAction: [kubectl_get]\nAction Input: {\"kind\": \"pods\"}", PODS),
    ("Thought: look\nAction: \"kubectl_get\"\nAction Input: {\"kind\": \"pods\"}", PODS),
    ("Thought: look\nAction: functions.kubectl_get\nAction Input: {\"kind\": \"pods\"}", PODS),
    ("Thought: look\nAction: kubectl-get.\nAction Input: {\"kind\": \"pods\"}", PODS),
    ("Thought: look\nAction: Kubectl_Get\nAction Input: {\"kind\": \"pods\"}", PODS),
    (
        "Thought: look\nAction: kubectl_gets\nAction Input: {\"kind\": \"pods\"}",
        "kubectl_gets {\"kind\":\"pods\"}",
    ),
    ("Thought: look\nAction: I should list all pods\nAction Input: None", "I should list all pods {}"),
    // The call.
    ("Thought: look\nAction: kubectl_get(kind=\"pods\", namespace=\"default\")", BOTH),
    ("Thought: look\nAction: kubectl_get(\"pods\", \"default\")", BOTH),
    ("Thought: look\nAction: kubectl_get({\"kind\": \"pods\"})", PODS),
    ("Thought: look\nAction: kubectl_get[pods]", PODS),
    ("Thought: look\nAction: kubectl_get {\"kind\": \"pods\"}", PODS),
    ("Thought: look\nAction: kubectl_get: {\"kind\": \"pods\"}", PODS),
    ("Thought: look\nAction: kubectl_get with input {\"kind\": \"pods\"}", PODS),
    ("Thought: look\nAction: kubectl_get\n{\"kind\": \"pods\"}", PODS),
    ("Thought: look\nAction: disk", "disk {}"),
    ("Thought: look\nAction: disk()", "disk {}"),
    ("Thought: look\nAction: disk\nAction Input:", "disk {}"),
    ("Thought: look\nAction: disk\nAction Input: None", "disk {}"),
    ("Thought: look\nAction: disk\nAction Input: all of it", "disk {}"),
    // The input.
    (
        "Action: kubectl_get\nAction Input: {'kind': 'pods', 'namespace': None}",
        r#"kubectl_get {"kind":"pods","namespace":null}"#,
    ),
    ("Action: kubectl_get\nAction Input: {\"kind\": \"pods\",}", PODS),
    ("Action: kubectl_get\nAction Input: {kind: \"pods\"}", PODS),
    ("Action: kubectl_get\nAction Input: {kind: pods, namespace: default}", BOTH),
    ("Action: kubectl_get\nAction Input:\n```json\n{\"kind\": \"pods\"}\n```", PODS),
    ("Action: kubectl_get\nAction Input: ```{\"kind\": \"pods\"}```", PODS),
    ("Action: kubectl_get\nAction Input: kind=pods, namespace=default", BOTH),
    ("Action: kubectl_get\nAction Input: kind=\"pods\" namespace=\"default\"", BOTH),
    ("Action: kubectl_get\nAction Input:\nkind: pods\nnamespace: default", BOTH),
    ("Action: kubectl_get\nAction Input:\n- kind: pods\n- namespace: default", BOTH),
    ("Action: kubectl_get\nAction Input: pods", PODS),
    ("Action: kubectl_get\nAction Input: \"pods\"", PODS),
    ("Action: kubectl_get\nAction Input: {\"input\": {\"kind\": \"pods\"}}", PODS),
    (
        "Action: kubectl_get\nAction Input: {\"tool\": \"kubectl_get\", \"arguments\": {\"kind\": \"pods\"}}",
        PODS,
    ),
    ("Action: kubectl_get\nAction Input: \"{\\\"kind\\\": \\\"pods\\\"}\"", PODS),
    ("Action: kubectl_get\nAction Input: {\n  \"kind\": \"pods\" // all\n}", PODS),
    ("Action: kubectl_get\nAction Input: {\"kind\": \"pods\"}\n\nThis will list them.", PODS),
    (
        "Action: run\nAction Input: grep -c \"error: x\" /var/log/app=1.log | head",
        r#"run {"command":"grep -c \"error: x\" /var/log/app=1.log | head"}"#,
    ),
    (
        "Action: run\nAction Input: {\"command\": \"awk '{print $1}' /proc/meminfo\"}",
        r#"run {"command":"awk '{print $1}' /proc/meminfo"}"#,
    ),
    (
        "Action: run\nAction Input: {'command': 'grep -E \"a\\d+\" it's.log'}",
        r#"run {"command":"grep -E \"a\\d+\" it's.log"}"#,
    ),
    (
        "Action: logs\nAction Input: {\"pod\": \"a\", \"namespace\": \"b\", \"tail\": 5",
        r#"logs !{"pod": "a", "namespace": "b", "tail": 5"#,
    ),
    ("Action: logs\nAction Input: web-1 in shop", "logs !web-1 in shop"),
    (
        "Action: logs\nAction Input: pod: web-1, namespace: shop, tail: 20",
        r#"logs {"pod":"web-1","namespace":"shop","tail":20}"#,
    ),
    // A result that it made up, or began to.
    (
        "Action: kubectl_get\nAction Input: {\"kind\": \"pods\"}\nObservation: all fine\nThought: done\nFinal Answer: fine",
        PODS,
    ),
    ("Action: kubectl_get\nAction Input: pods\n**Observation:** all fine", PODS),
    ("Action: kubectl_get\nAction Input: pods Observation: web-1 Running", PODS),
    ("Action: kubectl_get\nAction Input: pods\nObserv", PODS),
    ("Action: kubectl_get\nAction Input: pods\n**", PODS),
    ("Action: kubectl_get\nAction Input: {\"kind\": \"pods\"}<|eot_id|>", PODS),
    ("Observation: web-1 crashed\nThought: look\nAction: kubectl_get\nAction Input: pods", PODS),
    ("Question: why?\nThought: look\nAction: kubectl_get\nAction Input: pods", PODS),
    // Several.
    (
        "Thought: look\nAction: kubectl_get\nAction Input: pods\nAction: disk\nAction Input: {}",
        r#"kubectl_get {"kind":"pods"} + disk {}"#,
    ),
    (
        "Thought: a\nAction: disk\nAction Input: {}\nThought: b\nAction: kubectl_get\nAction Input: pods\nFinal Answer: fine",
        r#"disk {} + kubectl_get {"kind":"pods"}"#,
    ),
    ("Final Answer: fine\n\nAction: disk\nAction Input: {}", "= fine\n\nAction: disk\nAction Input: {}"),
    ("Final Answer: fine\n\nQuestion: and why?\nThought: hm", "= fine"),
    // No action.
    ("Thought: enough\nAction: None\nFinal Answer: fine", "= fine"),
    ("Thought: enough\nAction: N/A\nAction Input: N/A\nFinal Answer: fine", "= fine"),
    ("Thought: enough\nAction: Final Answer\nAction Input: fine", "= fine"),
    ("Thought: enough\nAction: Finish[fine]", "= fine"),
    (
        "Thought: enough\nAction: answer\nAction Input: {\"root_cause\": \"x\"}",
        r#"answer {"root_cause":"x"}"#,
    ),
    ("Thought: enough\nAction: answer\nAction Input: the disk is full", "= the disk is full"),
    ("Thought: enough\nAnswer: fine", "= fine"),
    ("**Final Answer**\n\nfine", "= fine"),
    ("Final Answer: ```json\n{\"root_cause\": \"x\"}\n```", r#"answer {"root_cause":"x"}"#),
    ("Thought: I should look at the pods.", "? I should look at the pods."),
    ("Thought: **Root cause:** the disk is full", "= **Root cause:** the disk is full"),
    // JSON throughout.
    (r#"{"action": "kubectl_get", "action_input": {"kind": "pods"}}"#, PODS),
    (r#"{"thought": "look", "action": "kubectl_get", "action_input": "pods"}"#, PODS),
    (r#"{"thought": "look", "action": {"name": "kubectl_get", "args": {"kind": "pods"}}}"#, PODS),
    (
        "Thought: look\nAction:\n```json\n{\"action\": \"kubectl_get\", \"action_input\": {\"kind\": \"pods\"}}\n```",
        PODS,
    ),
    (
        "Thought: look\nAction:\n```\n{\n  \"name\": \"kubectl_get\",\n  \"arguments\": {\"kind\": \"pods\"}\n}\n```<end_action>",
        PODS,
    ),
    (
        "Look.\n```json\n{\"action\": \"kubectl_get\", \"action_input\": {\"kind\": \"pods\"}}\n```\nThen more.",
        PODS,
    ),
    (
        "Action:\n{'id': '1', 'type': 'function', 'function': {'name': 'kubectl_get', 'arguments': {'kind': 'pods'}}}",
        PODS,
    ),
    (r#"{"action": "Final Answer", "action_input": "the disk is full"}"#, "= the disk is full"),
    (
        r#"[{"action": "disk", "action_input": {}}, {"action": "kubectl_get", "action_input": {"kind": "pods"}}]"#,
        r#"disk {} + kubectl_get {"kind":"pods"}"#,
    ),
    // The ways of other protocols.
    ("Look.\n<tool_call>{\"name\": \"kubectl_get\", \"arguments\": {\"kind\": \"pods\"}}</tool_call>", PODS),
    ("[TOOL_CALLS] [{\"name\": \"kubectl_get\", \"arguments\": {\"kind\": \"pods\"}}]", PODS),
    // What an attack on the parser found.
    ("[Thought]: look\n[Action]: kubectl_get\n[Action Input]: {\"kind\": \"pods\"}", PODS),
    (
        "<thought>look</thought>\n<action>kubectl_get</action>\n<action_input>{\"kind\": \"pods\"}</action_input>",
        PODS,
    ),
    ("Thought: done\n<final_answer>fine</final_answer>", "= fine"),
    ("Thought: look\nAction = kubectl_get\nAction Input = {\"kind\": \"pods\"}", PODS),
    ("Thought: done\nFinal answer - fine", "= fine"),
    ("Thought: look\nAction: Run kubectl_get with {\"kind\": \"pods\"}", PODS),
    ("kubectl_get(kind=\"pods\")", PODS),
    ("Action: kubectl_get\nAction Input: --kind pods --namespace=default", BOTH),
    ("Action: kubectl_get\nAction Input: <kind>pods</kind>", PODS),
    ("Action: kubectl_get\nAction Input: {\"kind\": \"pods\" \"namespace\": \"default\"}", BOTH),
    ("Action: kubectl_get\nAction Input: {\"kind\": \"pods\"; \"namespace\": \"default\"}", BOTH),
    ("Action: logs\nAction Input: \"a\", \"b\"", r#"logs {"pod":"a","namespace":"b"}"#),
    ("Action: kubectl_get\nAction Input: kind=\"pods\", namespace=\"default\" (all)", BOTH),
    // Answers that only look like it.
    ("The disk is full. Action: none is needed.", "= The disk is full. Action: none is needed."),
    (
        "**Root cause:** OOM\n\n**Fix:**\n- Action: restart the pod",
        "= **Root cause:** OOM\n\n**Fix:**\n- Action: restart the pod",
    ),
    (
        "**Root cause:** OOM\n**Observations:**\n- web-1 was killed",
        "= **Root cause:** OOM\n**Observations:**\n- web-1 was killed",
    ),
    ("**Root cause:** OOM\n**Answer:** see above", "= **Root cause:** OOM\n**Answer:** see above"),
    (
        "{\"name\": \"web-1\", \"image\": \"x\"} is the pod.",
        "= {\"name\": \"web-1\", \"image\": \"x\"} is the pod.",
    ),
];

#[test]
fn replies_in_the_wild_are_understood() {
    let tools = tools();
    let mut wrong = Vec::new();
    for (reply, want) in REPLIES {
        let got = told(&read(reply, &tools, false));
        if got != *want {
            wrong.push(format!("{reply}\n  want {want}\n  got  {got}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), REPLIES.len(), wrong.join("\n\n"));
}

/// The pieces a listener hears: text and reasoning.
fn heard(pieces: &[&str], tools: &[ToolSpec]) -> (String, String, Said) {
    let (mut text, mut reasoning) = (String::new(), String::new());
    let mut listener = |delta: Delta<'_>| match delta {
        Delta::Text(piece) => text.push_str(piece),
        Delta::Reasoning(piece) => reasoning.push_str(piece),
        Delta::Retry { .. } => panic!("nothing is tried again here"),
    };
    let mut hearing = Hearing::default();
    for piece in pieces {
        hearing.take(Delta::Text(piece), &mut listener);
    }
    let said = read(&pieces.concat(), tools, false);
    hearing.finish(&said, &mut listener);
    (text, reasoning, said)
}

#[test]
fn listeners_hear_the_answer_as_it_comes_and_nothing_of_actions() {
    let tools = tools();
    let (text, reasoning, _) = heard(&["Thou", "ght: look\nAct", "ion: disk\nAction In", "put: {}"], &tools);
    assert_eq!((text.as_str(), reasoning.as_str()), ("", ""));
    let (text, reasoning, _) = heard(&["Thought: I know\nFinal An", "swer: the di", "sk is full\n"], &tools);
    assert_eq!((text.as_str(), reasoning.as_str()), ("the disk is full", "I know\n"));
    let (text, _, _) = heard(&["The disk is ", "full."], &tools);
    assert_eq!(text, "The disk is full.");
    let mut first = String::new();
    let mut hearing = Hearing::default();
    for piece in ["Final Answer: the disk", " is full"] {
        hearing.take(Delta::Text(piece), &mut |delta| {
            if let Delta::Text(text) = delta {
                first.push_str(text);
            }
        });
    }
    assert_eq!(first, "the disk is full", "before the reply is over");
}

#[test]
fn every_reply_is_heard_as_it_is_read_whatever_its_pieces() {
    let tools = tools();
    for (reply, _) in REPLIES.iter().filter(|(reply, _)| !reply.starts_with("```")) {
        for size in [1, 3, 7, 1000] {
            let letters: Vec<char> = reply.chars().collect();
            let pieces: Vec<String> = letters.chunks(size).map(String::from_iter).collect();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let (text, _, said) = heard(&pieces, &tools);
            // Arguments of the answer's tool are the one thing that is heard before it is known what it is.
            if !said.calls.iter().any(|(name, _)| name == "answer") {
                assert_eq!(text, said.answer, "{reply} in pieces of {size}");
            }
        }
    }
}

fn words() -> impl Strategy<Value = Vec<String>> {
    let word = prop_oneof![
        prop_oneof![
            Just("Thought:"),
            Just("\nThought: "),
            Just("\nAction:"),
            Just("\nAction Input:"),
            Just("\nFinal Answer:"),
            Just("\nObservation:"),
            Just("Question:"),
            Just("**Action:** "),
            Just("Action: kubectl_get "),
            Just("Answer"),
        ]
        .prop_map(str::to_owned),
        prop_oneof![
            Just("```"),
            Just("```json\n"),
            Just("{"),
            Just("}"),
            Just("["),
            Just("]"),
            Just("("),
            Just(")"),
            Just("\""),
            Just("'"),
            Just("="),
            Just(": "),
            Just(","),
            Just("\n"),
            Just("- "),
            Just("\\"),
            Just("“"),
            Just("é"),
            Just("<tool_call>"),
            Just("//"),
            Just("None"),
            Just("："),
            Just("\\u12"),
            Just("kind"),
            Just("disk"),
        ]
        .prop_map(str::to_owned),
        "\\PC{0,6}",
        (0..100u32).prop_map(|number| format!(" w{number} ")),
    ];
    proptest::collection::vec(word, 0..16)
}

proptest! {
    #[test]
    fn any_reply_is_read_and_heard_without_panic(words in words()) {
        let tools = tools();
        let text = words.concat();
        let _ = read(&text, &tools, true);
        let _ = read(&text, &[], false);
        let pieces: Vec<&str> = words.iter().map(String::as_str).collect();
        let _ = heard(&pieces, &tools);
    }

    /// Up to the first made-up result or question, every word is in what was read.
    #[test]
    fn no_word_is_lost(words in words()) {
        let text = words.concat();
        let said = read(&text, &tools(), true);
        if !said.calls.is_empty() || text.contains("Question") || text.starts_with(['{', '[', '`']) {
            return Ok(());
        }
        let kept = format!("{} {}", said.thought, said.answer);
        for word in text.split_whitespace().filter(|word| word.starts_with('w') && word.len() > 1) {
            let word: String = word.chars().take_while(char::is_ascii_alphanumeric).collect();
            prop_assert!(kept.contains(&word), "`{word}` of {text:?} is not in {kept:?}");
        }
    }

    #[test]
    fn an_object_without_its_end_is_never_completed(at in 1usize..44) {
        let whole = "{'command': 'rm -rf /tmp/x{1}', 'force': True}";
        let cut = whole.get(..at).unwrap();
        let tools = tools();
        let got = input::read(cut, tools.iter().find(|spec| spec.name == "run"));
        prop_assert_eq!(got, Arguments::Unreadable(cut.trim().to_owned()));
    }
}

#[test]
fn a_transcript_is_told_in_turns_with_its_fences_whole() {
    let call = |tool: &str| ToolCall {
        id: tool.to_owned(),
        tool: tool.to_owned(),
        arguments: Arguments::Object(Map::from_iter([("kind".to_owned(), json!("pods"))])),
        echo: Map::new(),
    };
    let result = |tool: &str| Message::Tool {
        call_id: tool.to_owned(),
        tool: tool.to_owned(),
        text: format!("<exhibit id=E1 k=m>\n1 {tool}\n</exhibit k=m>"),
    };
    let messages = [
        Message::System { text: "You investigate.".to_owned() },
        Message::User { text: "Why?".to_owned() },
        Message::Assistant(AssistantMessage {
            text: "look".to_owned(),
            reasoning: "secret thoughts".to_owned(),
            tool_calls: vec![call("a"), call("b")],
            ..AssistantMessage::default()
        }),
        result("a"),
        result("b"),
        Message::User { text: "The step limit is reached.".to_owned() },
    ];
    let explained = catalogue("Tools:\n{{ tools }}", &tools());
    let told = speak(&messages, &explained, true, false);
    let text = |at: usize| match told.get(at) {
        Some(Message::System { text } | Message::User { text }) => text.clone(),
        Some(Message::Assistant(said)) => said.text.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(told.len(), 4, "no two in a row of one voice: {told:?}");
    assert_eq!(text(0), format!("You investigate.\n\n{explained}"));
    assert_eq!(text(1), "Question: Why?");
    assert_eq!(
        text(2),
        "Thought: look\nAction: a\nAction Input: {\"kind\":\"pods\"}\nAction: b\nAction Input: {\"kind\":\"pods\"}"
    );
    assert!(
        text(3)
            .starts_with("Observation:\n<exhibit id=E1 k=m>\n1 a\n</exhibit k=m>\n\nObservation:\n<exhibit"),
        "{}",
        text(3)
    );
    assert!(
        text(3).ends_with("The step limit is reached.\n(Write Final Answer now. No more Action.)"),
        "{}",
        text(3)
    );
    assert!(
        matches!(speak(&messages, &explained, false, true).first(), Some(Message::User { text }) if text.ends_with("Question: Why?"))
    );
}

#[test]
fn tools_are_told_in_a_line_each_and_the_concluding_one_not_at_all() {
    let told = catalogue("{{ tools }}", &tools());
    assert!(told.contains("- logs(pod, namespace, tail?: integer) Does logs\n"), "{told}");
    assert!(told.contains("- disk() Does disk") && !told.contains("answer"), "{told}");
    assert!(catalogue("Mine.", &tools()).starts_with("Mine.\n\n- kubectl_get(kind, namespace?) "));
}

#[test]
fn a_thought_alone_is_asked_about_once_and_then_the_answer() {
    let ask = |messages: &[Message]| {
        let mut message =
            AssistantMessage { text: "Thought: all is well".to_owned(), ..AssistantMessage::default() };
        hear(&mut message, messages, &tools());
        message
    };
    let question = Message::User { text: "Why?".to_owned() };
    let first = ask(std::slice::from_ref(&question));
    assert_eq!((first.text.as_str(), first.reasoning.as_str()), ("", "all is well"));
    assert_eq!(ask(&[question.clone(), question]).text, "all is well");
}
