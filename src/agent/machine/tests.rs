use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::*;
use crate::agent::event::Event;
use crate::evidence::{Exhibit, ShownSummary, Status};

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
            started_seconds: 0.0,
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
    assert_eq!(state.step(&finished(1, "a", Status::Success)), [Effect::CallModel { tools: Offered::All }]);
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
            [Effect::CallModel { tools: Offered::All }] => {
                with_tools += 1;
                let id = format!("c{n}");
                state.step(&replied("", vec![call(&id, "host_disk", json!({"n": n}))]));
                effects = state.step(&finished(n, &id, Status::Success));
            }
            [Effect::CallModel { tools: Offered::None }] => {
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
        assert_eq!(effects.last(), Some(&Effect::CallModel { tools: Offered::All }));
        effects =
            state.step(&replied("", vec![call(&format!("r{n}"), "host_disk", json!({"y": 2, "x": 1}))]));
        let Some(Effect::Answered { repeats, reply, .. }) = effects.first() else { panic!("{effects:?}") };
        assert_eq!(*repeats, Some(1));
        assert!(reply.contains("E1"));
    }
    assert_eq!(effects.last(), Some(&Effect::CallModel { tools: Offered::None }));
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
    assert_eq!(state.step(&time), [Effect::CallModel { tools: Offered::None }]);
    let finish = Finish::Limit(Limit::Time);
    assert_eq!(state.step(&time), [Effect::Conclude { source: Source::Exhibits, finish }]);
}

#[test]
fn the_token_budget_leaves_room_for_the_last_call() {
    let mut state = state(100);
    state.limits.max_tokens = Some(800);
    state.start();
    state.step(&replied("", vec![call("a", "host_disk", json!({}))]));
    assert_eq!(state.step(&finished(1, "a", Status::Success)), [Effect::CallModel { tools: Offered::None }]);
}

#[test]
fn an_empty_reply_is_asked_about_once() {
    let mut state = state(100);
    state.start();
    assert_eq!(state.step(&replied(" ", vec![])), [Effect::CallModel { tools: Offered::All }]);
    let effects = state.step(&replied("", vec![]));
    assert_eq!(effects, [Effect::Conclude { source: Source::Exhibits, finish: Finish::Answered }]);
}

#[test]
fn a_refused_length_takes_old_results_out_and_ends() {
    let mut state = state(100);
    state.start();
    for n in 0..6 {
        let id = format!("c{n}");
        state.step(&replied("", vec![call(&id, "host_disk", json!({"n": n}))]));
        state.step(&long(n, &id, 400));
    }
    let before = state.request_tokens(Offered::All);
    let mut rounds = 0;
    while !state.step(&Event::RequestTooLong { limit: None }).is_empty() {
        rounds += 1;
        assert!(rounds < 40, "it never ends");
    }
    assert!(rounds > 0 && state.request_tokens(Offered::All) < before / 2);
    assert!(matches!(&state.transcript()[1], Message::User { text } if text.starts_with("why")));
    assert_answered(&state);
}

/// A result of so many lines.
fn long(id: u32, call_id: &str, lines: usize) -> Event {
    let Event::ToolFinished { mut exhibit } = finished(id, call_id, Status::Success) else { unreachable!() };
    let body = "1 | served GET /checkout in 12 ms\n".repeat(lines);
    exhibit.view = format!(
        "<exhibit E{id} k=m>\nE{id} host_disk · exit 0\n{body}7 | FATAL: no space left\n</exhibit E{id} k=m>"
    );
    Event::ToolFinished { exhibit }
}

fn in_window(window: u64, limits: Limits) -> State {
    let opening = vec![Message::System { text: "s".to_owned() }, Message::User { text: "why".to_owned() }];
    let usable = ["host_disk", "host_load"].map(|name| Usable {
        spec: spec(name),
        toolset: "host/core".to_owned(),
        first: true,
    });
    State::within(opening, usable.into(), vec![spec(ANSWER_TOOL)], "why", (window, OPENING_TOKENS), limits)
}

const NO_LIMITS: Limits = Limits { max_steps: 100, max_tokens: None, max_cost: None };

#[test]
fn no_request_is_ever_longer_than_the_window_and_what_matters_stays() {
    for window in [2_000, 6_000, 16_000, 128_000] {
        let mut state = in_window(window, NO_LIMITS);
        state.start();
        for n in 0..40 {
            let id = format!("c{n}");
            state.step(&replied("", vec![call(&id, "host_disk", json!({"n": n}))]));
            state.step(&long(n, &id, 60));
            let tokens = state.request_tokens(Offered::All);
            assert!(tokens + 400 <= window, "{window}: {tokens} in round {n}");
        }
        assert_answered(&state);
        let text_of = |message: &Message| match message {
            Message::Tool { text, .. } | Message::User { text } => text.clone(),
            _ => String::new(),
        };
        let texts: Vec<String> =
            state.transcript().iter().map(text_of).filter(|text| !text.is_empty()).collect();
        assert!(texts[0].starts_with("why"), "{}", texts[0]);
        // Every number stays in sight, and what is inside of a fence stays there.
        for n in 0..40 {
            let id = format!("E{n} host_disk · exit 0");
            assert_eq!(
                texts.iter().map(|text| text.matches(&id).count()).sum::<usize>(),
                1,
                "{window}: {id}"
            );
        }
        for text in &texts[1..] {
            assert_eq!(text.matches("<exhibit E").count(), text.matches("</exhibit E").count(), "{text}");
        }
        // Old results keep the line that tells most; the newest is whole where there is room.
        let newest = &texts[texts.len() - 1];
        assert!(texts[1].contains("FATAL: no space left"), "{}", texts[1]);
        assert!(window < 6_000 || newest.contains("7 | FATAL"), "{newest}");
    }
}

#[test]
fn the_endpoints_own_limit_is_learned() {
    let mut state = in_window(128_000, NO_LIMITS);
    state.start();
    for n in 0..12 {
        let id = format!("c{n}");
        state.step(&replied("", vec![call(&id, "host_disk", json!({"n": n}))]));
        state.step(&long(n, &id, 100));
    }
    assert!(state.request_tokens(Offered::All) > 8_192);
    let again = state.step(&Event::RequestTooLong { limit: Some(8_192) });
    assert_eq!(again, [Effect::CallModel { tools: Offered::All }]);
    assert!(state.request_tokens(Offered::All) < 8_192 && state.window() == Some(8_192));
    assert!(state.view_tokens(1).unwrap() <= 1_024);
}

#[test]
fn a_budget_of_tokens_is_never_passed() {
    for most in [50, 500, 3_000, 10_000] {
        let mut state = in_window(32_000, Limits { max_tokens: Some(most), ..NO_LIMITS });
        let mut queue: std::collections::VecDeque<Effect> = state.start().into();
        let mut spent = 0;
        let mut n = 0;
        while let Some(effect) = queue.pop_front() {
            match effect {
                Effect::CallModel { tools } => {
                    let prompt_tokens = state.request_tokens(tools);
                    // As talkative as it may be.
                    let completion_tokens = state.reply_tokens(tools).unwrap().min(900);
                    spent += prompt_tokens + completion_tokens;
                    n += 1;
                    let calls = vec![call(&format!("c{n}"), "host_disk", json!({"n": n}))];
                    let message = AssistantMessage { tool_calls: calls, ..AssistantMessage::default() };
                    queue.extend(state.step(&Event::ModelReplied {
                        step: n,
                        message,
                        usage: Usage { prompt_tokens, completion_tokens, cached_tokens: 0 },
                        finish_reason: String::new(),
                        cost: None,
                        seconds: 0.0,
                    }));
                }
                Effect::RunTool(call) => queue.extend(state.step(&long(n, &call.id, 30))),
                Effect::Answered { .. } => {}
                Effect::Conclude { finish, .. } => assert_eq!(finish, Finish::Limit(Limit::Tokens)),
            }
        }
        assert!(spent <= most, "{spent} of {most}");
        assert_eq!(state.calls() == 0, most <= 50, "{most}");
    }
}

#[test]
fn a_questioned_answer_is_corrected_once() {
    let answer = |id: &str| call(id, ANSWER_TOOL, json!({"root_cause": "x", "verdict": "problem_found"}));
    let mut state = state(5);
    state.start();
    let done = state.step(&replied("", vec![answer("a"), call("b", "host_disk", json!({}))]));
    assert!(matches!(&done[..], [Effect::Conclude { source: Source::Call(_), .. }]));
    assert!(state.may_correct());
    let asked = state.step(&Event::AnswerQuestioned { objections: "- E1: y".to_owned() });
    assert_eq!(asked, [Effect::CallModel { tools: Offered::Answer }]);
    assert_answered(&state);
    assert_eq!(state.tools(Offered::Answer), [spec(ANSWER_TOOL)]);
    // It may answer, in a call or in words; anything else leaves the first answer.
    let mut words = state.clone();
    let said = words.step(&replied("Root cause: z", vec![]));
    assert_eq!(
        said,
        [Effect::Conclude { source: Source::Text("Root cause: z".to_owned()), finish: Finish::Answered }]
    );
    for event in [
        replied("", vec![call("d", "host_disk", json!({}))]),
        Event::ModelFailed { message: String::new(), hint: None, exit_code: 4 },
        Event::LimitReached { limit: Limit::Time },
    ] {
        let mut other = state.clone();
        let kept = [Effect::Conclude { source: Source::Earlier, finish: Finish::Answered }];
        assert_eq!(other.step(&event), kept, "{event:?}");
    }
    let again = state.step(&replied("", vec![answer("c")]));
    assert!(matches!(&again[..], [Effect::Conclude { source: Source::Call(_), .. }]));
    assert!(!state.may_correct());
}

#[test]
fn a_tool_that_was_not_offered_is_found_or_called_by_name() {
    let mut usable = Vec::new();
    for n in 0..80 {
        let mut spec = spec(&format!("cloud_{n}"));
        spec.description = format!("Reads the state of the cloud's part {n}, and of what belongs to it");
        usable.push(Usable { spec, toolset: "cloud".to_owned(), first: false });
    }
    usable.push(Usable { spec: spec("redis_info"), toolset: "redis".to_owned(), first: false });
    let opening = vec![Message::System { text: "s".to_owned() }, Message::User { text: "why".to_owned() }];
    let mut state =
        State::within(opening, usable, vec![spec(ANSWER_TOOL)], "why", (6_000, OPENING_TOKENS), NO_LIMITS);
    state.start();
    let names = |state: &State| -> Vec<String> {
        state.tools(Offered::All).iter().map(|spec| spec.name.clone()).collect()
    };
    assert_eq!(names(&state), [FIND_TOOLS, ANSWER_TOOL]);
    let effects = state.step(&replied("", vec![call("a", FIND_TOOLS, json!({"words": "redis"}))]));
    assert!(
        matches!(&effects[..], [Effect::Answered { brings, .. }, Effect::CallModel { .. }] if brings == &["redis_info"])
    );
    assert!(names(&state).contains(&"redis_info".to_owned()));
    let effects = state.step(&replied("", vec![call("b", "cloud_7", json!({}))]));
    assert!(matches!(&effects[..], [Effect::RunTool(_)]), "{effects:?}");
    // Searching for nothing is a fruitless round.
    state.step(&finished(1, "b", Status::Success));
    for n in 0..2 {
        let id = format!("f{n}");
        let effects = state.step(&replied("", vec![call(&id, FIND_TOOLS, json!({"words": "xyzzy"}))]));
        assert!(matches!(effects[1], Effect::CallModel { tools: Offered::All }));
    }
    let effects = state.step(&replied("", vec![call("z", FIND_TOOLS, json!({"words": "xyzzy"}))]));
    assert_eq!(effects[1], Effect::CallModel { tools: Offered::None });
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
    state.limits.max_tokens = Some(3_000);
    state.start();
    state.step(&replied("", vec![call("a", "host_disk", json!({}))]));
    assert!(state.affords(500) && !state.affords(3_000));
    state.step(&Event::SummaryRequested { exhibit: 1, model: "small".to_owned(), tokens: 900, kept: None });
    state.step(&Event::SummaryReplied {
        text: None,
        exhibit: 1,
        model: "small".to_owned(),
        usage: Usage { prompt_tokens: 900, completion_tokens: 50, cached_tokens: 0 },
        cost: Some(0.5),
        seconds: 1.0,
        failure: None,
    });
    assert_eq!((state.calls(), state.summaries(), state.usage().total()), (1, 1, 1_060));
    assert!((state.cost().unwrap() - 0.51).abs() < 1e-9 && !state.affords(2_000));
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

#[test]
fn what_is_looked_up_beforehand_stands_with_the_question_and_is_not_run_again() {
    let calls = vec![call("lookup-1", "host_disk", json!({})), call("lookup-2", "host_load", json!({}))];
    let mut state = in_window(32_000, NO_LIMITS).after(calls.clone());
    let effects = state.start();
    assert_eq!(effects, calls.iter().cloned().map(Effect::RunTool).collect::<Vec<_>>());
    assert!(state.step(&finished(2, "lookup-2", Status::Success)).is_empty());
    let effects = state.step(&finished(1, "lookup-1", Status::Success));
    assert_eq!(effects, [Effect::CallModel { tools: Offered::All }]);
    // In call order, in the message of the question: no call the model did not make.
    let [Message::System { .. }, Message::User { text }] = state.transcript() else {
        panic!("{:?}", state.transcript());
    };
    let places = ["why", "<exhibit E1 ", "<exhibit E2 "].map(|part| text.find(part).unwrap());
    assert!(places.is_sorted(), "{text}");
    assert_eq!(state.calls(), 1);
    let again = state.step(&replied("", vec![call("c1", "host_disk", json!({}))]));
    assert!(matches!(&again[0], Effect::Answered { repeats: Some(1), .. }), "{again:?}");
}

#[test]
fn rules_see_what_was_looked_up_as_calls() {
    let mut state = state(5).after(vec![call("lookup-1", "host_disk", json!({"path": "/"}))]);
    assert_eq!(state.start().len(), 1);
    state.step(&finished(1, "lookup-1", Status::Success));
    let roles: Vec<bool> = state.transcript().iter().map(|m| matches!(m, Message::Assistant(_))).collect();
    assert_eq!(roles, [false, false, true, false]);
}

#[test]
fn an_interrupt_while_looking_up_still_concludes() {
    let mut state = in_window(32_000, NO_LIMITS).after(vec![call("lookup-1", "host_disk", json!({}))]);
    state.start();
    assert!(state.step(&Event::Interrupted).is_empty());
    let effects = state.step(&finished(1, "lookup-1", Status::Interrupted));
    assert!(matches!(effects[..], [Effect::Conclude { finish: Finish::Interrupted, .. }]), "{effects:?}");
    // Nor does a limit of no steps at all keep it from being looked up.
    let mut state = in_window(32_000, Limits { max_steps: 0, ..NO_LIMITS }).after(vec![call(
        "lookup-1",
        "host_disk",
        json!({}),
    )]);
    state.start();
    let effects = state.step(&finished(1, "lookup-1", Status::Success));
    assert_eq!(effects, [Effect::CallModel { tools: Offered::None }]);
}
