use std::path::PathBuf;

use serde_json::{Map, json};

use super::*;
use crate::agent::event::Event;
use crate::evidence::ShownSummary;

fn spec(name: &str) -> ToolSpec {
    ToolSpec { name: name.to_owned(), description: String::new(), parameters: json!({"type": "object"}) }
}

fn state(max_steps: u32) -> State {
    let opening = vec![Message::System { text: "s".to_owned() }, Message::User { text: "why".to_owned() }];
    let tools = vec![spec("host_disk"), spec("host_load"), spec(ANSWER_TOOL)];
    State::new(opening, tools, Limits { max_steps, max_tokens: None, max_cost: None })
}

fn call(id: &str, tool: &str, arguments: Value) -> ToolCall {
    let arguments = match arguments {
        Value::Object(map) => Arguments::Object(map),
        other => Arguments::Unreadable(other.to_string()),
    };
    ToolCall { id: id.to_owned(), tool: tool.to_owned(), arguments, echo: Map::new() }
}

fn replied(text: &str, calls: Vec<ToolCall>) -> Event {
    Event::ModelReplied {
        step: 1,
        message: AssistantMessage { text: text.to_owned(), tool_calls: calls, ..AssistantMessage::default() },
        usage: Usage { prompt_tokens: 100, completion_tokens: 10, cached_tokens: 0 },
        finish_reason: "stop".to_owned(),
        cost: Some(0.01),
        seconds: 0.1,
    }
}

fn finished(id: u32, call_id: &str, status: Status) -> Event {
    Event::ToolFinished {
        exhibit: Exhibit {
            id,
            call_id: call_id.to_owned(),
            tool: "host_disk".to_owned(),
            toolset: "host/core".to_owned(),
            description: String::new(),
            params: Map::new(),
            invocation: String::new(),
            status,
            exit_code: Some(0),
            error: None,
            seconds: 0.0,
            bytes: 2,
            lines: 1,
            path: PathBuf::new(),
            view: format!("<exhibit E{id} k=m>\nE{id} host_disk\n1 | x\n</exhibit E{id} k=m>"),
            condensed: false,
            summary: None,
            flagged: None,
        },
    }
}

/// Every tool call of the transcript is answered exactly once, in order, right after its turn.
fn assert_answered(state: &State) {
    let mut open: Vec<String> = Vec::new();
    for message in state.transcript() {
        match message {
            Message::Tool { call_id, .. } => {
                assert_eq!(open.first(), Some(call_id), "answered out of order");
                open.remove(0);
            }
            Message::Assistant(message) => {
                assert!(open.is_empty(), "unanswered calls: {open:?}");
                open = message.tool_calls.iter().map(|call| call.id.clone()).collect();
            }
            Message::System { .. } | Message::User { .. } => assert!(open.is_empty(), "unanswered: {open:?}"),
        }
    }
    assert!(open.is_empty(), "unanswered calls: {open:?}");
}

#[test]
fn results_enter_in_call_order_however_they_finish() {
    let mut state = state(10);
    state.start();
    let calls = vec![call("a", "host_disk", json!({})), call("b", "host_load", json!({}))];
    let effects = state.step(&replied("", calls.clone()));
    assert_eq!(effects, [Effect::RunTool(calls[0].clone()), Effect::RunTool(calls[1].clone())]);
    assert_eq!(state.step(&finished(2, "b", Status::Success)), []);
    assert_eq!(state.step(&finished(1, "a", Status::Success)), [Effect::CallModel { tools: true }]);
    let ids: Vec<_> = state
        .transcript()
        .iter()
        .filter_map(|m| match m {
            Message::Tool { call_id, .. } => Some(call_id.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(ids, ["a", "b"]);
    assert_answered(&state);
}

#[test]
fn text_without_calls_is_the_answer() {
    let mut state = state(10);
    state.start();
    let effects = state.step(&replied("the disk is full", vec![]));
    let source = Source::Text("the disk is full".to_owned());
    assert_eq!(effects, [Effect::Conclude { source, finish: Finish::Answered }]);
}

#[test]
fn a_model_that_never_stops_is_made_to_answer() {
    let mut state = state(3);
    let mut effects = state.start();
    let mut with_tools = 0;
    for n in 0..50 {
        match effects.as_slice() {
            [Effect::CallModel { tools: true }] => {
                with_tools += 1;
                let id = format!("c{n}");
                state.step(&replied("", vec![call(&id, "host_disk", json!({"n": n}))]));
                effects = state.step(&finished(n, &id, Status::Success));
            }
            [Effect::CallModel { tools: false }] => {
                effects = state.step(&replied("", vec![call("x", "host_disk", json!({}))]));
            }
            [Effect::Conclude { source, finish }] => {
                assert_eq!(*source, Source::Exhibits);
                assert_eq!(*finish, Finish::Limit(Limit::Steps));
                assert_eq!(with_tools, 3);
                assert_answered(&state);
                return;
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("it never ended");
}

#[test]
fn the_same_call_again_gets_the_earlier_exhibit_and_three_such_rounds_end_the_run() {
    let mut state = state(100);
    state.start();
    state.step(&replied("", vec![call("a", "host_disk", json!({"x": 1, "y": 2}))]));
    let mut effects = state.step(&finished(1, "a", Status::Success));
    for n in 0..3 {
        assert_eq!(effects.last(), Some(&Effect::CallModel { tools: true }));
        effects =
            state.step(&replied("", vec![call(&format!("r{n}"), "host_disk", json!({"y": 2, "x": 1}))]));
        let Some(Effect::Answered { repeats, reply, .. }) = effects.first() else { panic!("{effects:?}") };
        assert_eq!(*repeats, Some(1));
        assert!(reply.contains("E1"));
    }
    assert_eq!(effects.last(), Some(&Effect::CallModel { tools: false }));
    assert_answered(&state);
}

#[test]
fn a_failed_call_may_be_tried_once_more() {
    let mut state = state(100);
    state.start();
    for (n, id) in [(1, "a"), (2, "b")] {
        let effects = state.step(&replied("", vec![call(id, "host_disk", json!({}))]));
        assert!(matches!(effects.as_slice(), [Effect::RunTool(_)]), "{effects:?}");
        state.step(&finished(n, id, Status::Error));
    }
    let effects = state.step(&replied("", vec![call("c", "host_disk", json!({}))]));
    assert!(matches!(effects.first(), Some(Effect::Answered { .. })), "{effects:?}");
}

#[test]
fn unknown_tools_and_unreadable_arguments_are_answered_with_what_is_needed() {
    let mut state = state(100);
    state.start();
    let calls = vec![call("a", "host_disc", json!({})), call("b", "host_disk", json!("{cut"))];
    let effects = state.step(&replied("", calls));
    let replies: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Answered { reply, .. } => Some(reply.as_str()),
            _ => None,
        })
        .collect();
    assert!(replies[0].contains("`host_disk`"), "{replies:?}");
    assert!(replies[1].contains("not a JSON object"), "{replies:?}");
    assert_answered(&state);
}

#[test]
fn an_interrupt_while_tools_run_keeps_their_results() {
    let mut state = state(100);
    state.start();
    state.step(&replied("", vec![call("a", "host_disk", json!({}))]));
    assert_eq!(state.step(&Event::Interrupted), []);
    let effects = state.step(&finished(1, "a", Status::Interrupted));
    assert_eq!(effects, [Effect::Conclude { source: Source::Exhibits, finish: Finish::Interrupted }]);
    assert_answered(&state);
}

#[test]
fn a_time_limit_asks_once_more_and_then_concludes_from_the_exhibits() {
    let mut state = state(100);
    state.start();
    let time = Event::LimitReached { limit: Limit::Time };
    assert_eq!(state.step(&time), [Effect::CallModel { tools: false }]);
    let finish = Finish::Limit(Limit::Time);
    assert_eq!(state.step(&time), [Effect::Conclude { source: Source::Exhibits, finish }]);
}

#[test]
fn the_token_budget_leaves_room_for_the_last_call() {
    let mut state = state(100);
    state.limits.max_tokens = Some(150);
    state.start();
    state.step(&replied("", vec![call("a", "host_disk", json!({}))]));
    assert_eq!(state.step(&finished(1, "a", Status::Success)), [Effect::CallModel { tools: false }]);
}

#[test]
fn an_empty_reply_is_asked_about_once() {
    let mut state = state(100);
    state.start();
    assert_eq!(state.step(&replied(" ", vec![])), [Effect::CallModel { tools: true }]);
    let effects = state.step(&replied("", vec![]));
    assert_eq!(effects, [Effect::Conclude { source: Source::Exhibits, finish: Finish::Answered }]);
}

#[test]
fn compaction_frees_old_results_and_ends() {
    let mut state = state(100);
    state.start();
    for n in 0..6 {
        let id = format!("c{n}");
        state.step(&replied("", vec![call(&id, "host_disk", json!({"n": n}))]));
        let Event::ToolFinished { mut exhibit } = finished(n, &id, Status::Success) else { unreachable!() };
        exhibit.view =
            format!("<exhibit E{n} k=m>\nE{n} host_disk\n{}</exhibit E{n} k=m>", "1 | x\n".repeat(40));
        state.step(&Event::ToolFinished { exhibit });
    }
    let before = state.request_tokens();
    let mut rounds = 0;
    while state.compact() {
        rounds += 1;
        assert!(rounds < 40, "it never ends");
    }
    assert!(state.request_tokens() < before / 2);
    assert_answered(&state);
}

proptest::proptest! {
    /// Whatever a model does, the run ends within its steps and no call stays unanswered.
    #[test]
    fn any_model_ends(script in proptest::collection::vec((0u8..6, 0u8..4), 0..60), max_steps in 1u32..8) {
        let mut state = state(max_steps);
        let mut queue: std::collections::VecDeque<Effect> = state.start().into();
        let mut script = script.into_iter().cycle();
        let mut ids = 0;
        let mut model_calls = 0;
        while let Some(effect) = queue.pop_front() {
            match effect {
                Effect::CallModel { .. } => {
                    model_calls += 1;
                    let (kind, n) = script.next().unwrap_or((0, 0));
                    let calls = (0..=n % 3).map(|_| {
                        ids += 1;
                        let id = format!("c{ids}");
                        match kind {
                            0 => call(&id, "host_disk", json!({})),
                            1 => call(&id, "host_disk", json!({"n": ids})),
                            2 => call(&id, "nothing", json!({})),
                            3 => call(&id, "host_load", json!(7)),
                            _ => call(&id, ANSWER_TOOL, json!({})),
                        }
                    }).collect();
                    let calls = if kind == 5 { Vec::new() } else { calls };
                    queue.extend(state.step(&replied("", calls)));
                }
                Effect::RunTool(call) => queue.extend(state.step(&finished(ids, &call.id, Status::Success))),
                Effect::Answered { .. } => {}
                Effect::Conclude { .. } => break,
            }
        }
        proptest::prop_assert!(model_calls <= max_steps + 1);
        assert_answered(&state);
    }
}

#[test]
fn summaries_are_paid_for_and_take_no_step() {
    let mut state = state(10);
    state.limits.max_tokens = Some(2_000);
    state.start();
    state.step(&replied("", vec![call("a", "host_disk", json!({}))]));
    assert!(state.affords(500) && !state.affords(2_000));
    state.step(&Event::SummaryRequested { exhibit: 1, model: "small".to_owned(), tokens: 900 });
    state.step(&Event::SummaryReplied {
        exhibit: 1,
        model: "small".to_owned(),
        usage: Usage { prompt_tokens: 900, completion_tokens: 50, cached_tokens: 0 },
        cost: Some(0.5),
        seconds: 1.0,
        failure: None,
    });
    assert_eq!((state.calls(), state.summaries(), state.usage().total()), (1, 1, 1_060));
    assert!((state.cost().unwrap() - 0.51).abs() < 1e-9 && !state.affords(1_000));
    let Event::ToolFinished { mut exhibit } = finished(1, "a", Status::Success) else { unreachable!() };
    exhibit.summary = Some(ShownSummary { model: "small".to_owned(), text: "all is well".to_owned() });
    state.step(&Event::ToolFinished { exhibit });
    assert!(
        matches!(state.transcript().last(), Some(Message::Tool { text, .. }) if text.starts_with("all is well"))
    );
    // The model asks again and is told the same.
    state.step(&replied("", vec![call("b", "host_disk", json!({}))]));
    assert!(
        matches!(state.transcript().last(), Some(Message::Tool { text, .. }) if text.contains("\nall is well")),
        "{:?}",
        state.transcript().last()
    );
    assert_answered(&state);
}
