use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::agent::{Arguments, AssistantMessage, Limit, Limits, Message, ToolCall, Usage};
use crate::answer::Answer;
use crate::evidence::Status;
use crate::question::Question;
use crate::record::{Recorded, Summary};

fn opening() -> Opening {
    let spec = |name: &str| ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        parameters: json!({"type": "object"}),
    };
    Opening {
        format: crate::record::OPENING_FORMAT,
        messages: vec![
            Message::System { text: "s".to_owned() },
            Message::User { text: "first question".to_owned() },
        ],
        tools: vec![spec("look"), spec("peek"), spec("answer")],
        limits: Limits { max_steps: 6, max_tokens: None, max_cost: None },
        window: Some(4_000),
        ..Opening::default()
    }
}

fn begun(opening: &Opening) -> State {
    State::restored(
        opening.messages.clone(),
        opening.tools.clone(),
        Vec::new(),
        opening.window,
        opening.limits,
    )
}

fn call(id: usize, tool: &str) -> ToolCall {
    let arguments = Arguments::Object([("n".to_owned(), json!(id % 7))].into_iter().collect());
    ToolCall { id: format!("c{id}"), tool: tool.to_owned(), arguments, echo: Map::new() }
}

fn replied(text: &str, tool_calls: Vec<ToolCall>) -> Event {
    Event::ModelReplied {
        step: 1,
        message: AssistantMessage { text: text.to_owned(), tool_calls, ..AssistantMessage::default() },
        usage: Usage::default(),
        finish_reason: String::new(),
        cost: None,
        seconds: 0.0,
    }
}

fn finished(id: u32, call: &ToolCall) -> Event {
    let view = format!(
        "<exhibit E{id} k=m>\nE{id} look · {}\n1 | {}\n</exhibit E{id} k=m>",
        call.id,
        "word ".repeat(60)
    );
    let exhibit = Exhibit {
        call_id: call.id.clone(),
        tool: call.tool.clone(),
        toolset: "t".to_owned(),
        status: Status::Success,
        view,
        ..Exhibit::attachment(id, "", "", PathBuf::new())
    };
    Event::ToolFinished { exhibit }
}

/// A run as the driver would make it, decisions taken from `bytes`: its events, and after each what was still to be done.
struct Played {
    events: Vec<Event>,
    waiting: Vec<Vec<Effect>>,
    states: Vec<State>,
}

fn play(opening: &Opening, bytes: &[u8]) -> Played {
    let state = begun(opening);
    let mut thread = Thread::new(state.clone());
    let mut first = state;
    let mut queue: VecDeque<Effect> = first.start().into();
    thread.set(first);
    let mut played = Played { events: Vec::new(), waiting: Vec::new(), states: Vec::new() };
    let (mut exhibit, mut called, mut turn) = (0, 0, 1);
    let mut happens = |event: Event, queue: &mut VecDeque<Effect>, thread: &mut Thread| {
        let next = thread.hear(&event);
        queue.extend(next.into_iter().filter(|effect| !matches!(effect, Effect::Answered { .. })));
        played.events.push(event);
        played.waiting.push(queue.iter().cloned().collect());
        played.states.push(thread.state().clone());
    };
    for byte in bytes {
        let choice = byte % 16;
        match queue.front().cloned() {
            Some(Effect::CallModel { .. }) if choice == 0 => {
                queue.clear();
                happens(Event::Interrupted, &mut queue, &mut thread);
            }
            Some(Effect::CallModel { .. }) if choice == 1 => {
                queue.clear();
                happens(Event::LimitReached { limit: Limit::Time }, &mut queue, &mut thread);
            }
            Some(Effect::CallModel { .. }) if choice == 2 => {
                queue.clear();
                let event = Event::ModelFailed { message: String::new(), hint: None, exit_code: 4 };
                happens(event, &mut queue, &mut thread);
            }
            Some(Effect::CallModel { .. }) => {
                queue.clear();
                let event = match choice {
                    3 | 4 => replied("the answer", vec![]),
                    5 => {
                        called += 1;
                        let arguments =
                            Arguments::Object([("root_cause".to_owned(), json!("x"))].into_iter().collect());
                        replied("", vec![ToolCall { arguments, ..call(called, "answer") }])
                    }
                    6 => replied("", vec![]),
                    more => {
                        let calls = (0..=usize::from(more % 4)).map(|n| {
                            called += 1;
                            call(called, ["look", "peek", "none"][n % 3])
                        });
                        replied("let me see", calls.collect())
                    }
                };
                happens(event, &mut queue, &mut thread);
            }
            Some(Effect::RunTool(_)) if choice == 0 => {
                // The tools are stopped; each still ends with an exhibit.
                happens(Event::Interrupted, &mut queue, &mut thread);
            }
            Some(Effect::RunTool(_)) => {
                // They end in any order.
                let tools = queue.iter().filter(|effect| matches!(effect, Effect::RunTool(_))).count();
                let Some(Effect::RunTool(call)) = queue.remove(usize::from(choice) % tools) else {
                    unreachable!()
                };
                exhibit += 1;
                happens(finished(exhibit, &call), &mut queue, &mut thread);
            }
            // As the driver: only what the model itself said is sent back to it.
            Some(Effect::Conclude { source: Source::Call(_) | Source::Text(_), .. })
                if choice < 4 && thread.state().may_correct() =>
            {
                queue.clear();
                happens(Event::AnswerQuestioned { objections: "- no".to_owned() }, &mut queue, &mut thread);
            }
            Some(Effect::Conclude { finish, .. }) => {
                queue.clear();
                happens(Event::Concluded { answer: Answer::default(), finish }, &mut queue, &mut thread);
            }
            Some(Effect::Answered { .. }) | None => {
                let edit = match choice {
                    0 => Some(Edit::Undone),
                    1 => Some(Edit::Cleared),
                    2 => Some(Edit::Compacted),
                    3 => Some(Edit::Model { name: "other".to_owned(), window: Some(3_000) }),
                    _ => None,
                };
                if let Some(edit) = edit {
                    happens(Event::Edited { edit }, &mut queue, &mut thread);
                    continue;
                }
                turn += 1;
                let event = Event::TurnStarted {
                    turn,
                    question: Question::default(),
                    text: format!("question {turn}"),
                    started_at: String::new(),
                };
                happens(event, &mut queue, &mut thread);
            }
        }
    }
    played
}

fn recording(opening: &Opening, events: &[Event]) -> Recording {
    let begins = Event::Opened { opening: Box::new(opening.clone()) };
    let run = Recorded {
        summary: Summary { run_id: "r".to_owned(), ..Summary::default() },
        events: std::iter::once(begins)
            .chain(events.iter().cloned())
            .map(|event| (String::new(), event))
            .collect(),
        unreadable: 0,
    };
    Recording::new(run, Path::new("none"), &BTreeSet::new()).unwrap()
}

/// What endpoints refuse: unanswered calls, answers to nothing, two people speaking in a row.
fn is_in_order(state: &State) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    let mut spoke = false;
    for message in state.transcript() {
        let asks = matches!(message, Message::User { .. });
        match message {
            Message::Tool { call_id, .. } => {
                if open.first() != Some(&call_id.as_str()) {
                    return Err(format!("{call_id} is answered out of order: {open:?}"));
                }
                open.remove(0);
            }
            _ if !open.is_empty() => return Err(format!("not answered: {open:?}")),
            Message::Assistant(said) => open = said.tool_calls.iter().map(|call| call.id.as_str()).collect(),
            Message::User { .. } if spoke => return Err("two questions in a row".to_owned()),
            Message::User { .. } | Message::System { .. } => {}
        }
        spoke = asks;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_record_cut_anywhere_becomes_the_run_it_was(bytes in prop::collection::vec(any::<u8>(), 1..80)) {
        let opening = opening();
        let played = play(&opening, &bytes);
        for cut in 0..played.events.len() {
            let resumed = resume(&recording(&opening, &played.events[..=cut]));
            prop_assert_eq!(resumed.thread.state().transcript(), played.states[cut].transcript());
            prop_assert_eq!(&resumed.outstanding, &played.waiting[cut], "after {:?}", played.events[cut]);
        }
    }

    #[test]
    fn every_request_is_one_that_endpoints_take(bytes in prop::collection::vec(any::<u8>(), 1..120)) {
        let opening = opening();
        let played = play(&opening, &bytes);
        for ((event, state), waiting) in played.events.iter().zip(&played.states).zip(&played.waiting) {
            if waiting.iter().any(|effect| matches!(effect, Effect::CallModel { .. })) {
                prop_assert_eq!(is_in_order(state), Ok(()), "after {:?}", event);
            }
            if let Event::TurnStarted { text, .. } = event {
                let newest = state.transcript().iter().rev().find_map(|message| match message {
                    Message::User { text } => Some(text),
                    _ => None,
                });
                prop_assert!(newest.is_some_and(|newest| newest.starts_with(text.as_str())), "{text} went: {newest:?}");
            }
        }
    }
}

#[test]
fn a_question_taken_back_is_not_in_the_transcript() {
    let opening = opening();
    let mut thread = Thread::new(begun(&opening));
    let asked = |turn, text: &str| Event::TurnStarted {
        turn,
        question: Question::default(),
        text: text.to_owned(),
        started_at: String::new(),
    };
    thread.hear(&replied("an answer", vec![]));
    let before = thread.state().transcript().to_vec();
    assert!(!thread.can_undo());
    thread.hear(&asked(2, "second"));
    assert!(thread.can_undo());
    thread.hear(&Event::Edited { edit: Edit::Undone });
    assert_eq!(thread.state().transcript(), before);
    assert!(!thread.can_undo());
    thread.hear(&Event::Edited { edit: Edit::Cleared });
    assert!(thread.state().is_blank());
    let effects = thread.hear(&asked(2, "third"));
    assert_eq!(effects.len(), 1);
    assert_eq!(thread.state().transcript().len(), 2);
}

#[test]
fn an_output_whose_summary_was_waited_for_had_arrived() {
    let opening = opening();
    let calls = vec![call(1, "look"), call(2, "peek")];
    let Event::ToolFinished { exhibit } = finished(1, &calls[0]) else { return };
    let asked = Event::SummaryRequested {
        exhibit: 1,
        model: "small".to_owned(),
        tokens: 9,
        kept: Some(Box::new(exhibit.clone())),
    };
    let events = [replied("", calls.clone()), asked];
    let resumed = resume(&recording(&opening, &events));
    assert_eq!(resumed.outstanding, vec![Effect::RunTool(calls[1].clone())]);
    assert_eq!(resumed.arrived, vec![exhibit.clone()]);
    // Handed over for good: it is not handed over twice.
    let events = [events.as_slice(), &[Event::ToolFinished { exhibit }]].concat();
    let resumed = resume(&recording(&opening, &events));
    assert_eq!(resumed.outstanding, vec![Effect::RunTool(calls[1].clone())]);
    assert_eq!(resumed.arrived, vec![]);
}

#[test]
fn what_had_arrived_when_a_turn_was_cut_off_stays() {
    let opening = opening();
    let mut thread = Thread::new(begun(&opening));
    let calls = vec![call(1, "look"), call(2, "peek")];
    thread.hear(&replied("", calls.clone()));
    thread.hear(&finished(1, &calls[0]));
    thread.hear(&Event::TurnStarted {
        turn: 2,
        question: Question::default(),
        text: "never mind, why?".to_owned(),
        started_at: String::new(),
    });
    assert_eq!(is_in_order(thread.state()), Ok(()));
    let results: Vec<&str> = thread
        .state()
        .transcript()
        .iter()
        .filter_map(|message| match message {
            Message::Tool { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert!(results[0].contains("E1 look"), "{results:?}");
    assert_eq!(results[1], "Not run.");
}
