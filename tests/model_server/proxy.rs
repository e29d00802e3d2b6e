//! The environment's proxy. The environment is read when a client is made, so a copy of this test
//! binary runs with another one.

use std::process::Command;

use holmes_rs::model::openai::{OpenAiModel, Settings};
use serde_json::json;

use crate::bench::{question, quick, take};
use crate::support::scripted_model::ScriptedModel;

const BASE: &str = "HOLMES_TEST_API_BASE";

/// Alone it is nothing; under `proxied` it makes one turn against the base it is given.
#[test]
#[expect(clippy::disallowed_methods, reason = "the environment is what is tested")]
fn one_turn_in_this_environment() {
    let Ok(base) = std::env::var(BASE) else {
        return;
    };
    let model = OpenAiModel::new(quick(Settings::new("m", base))).unwrap();
    let turn = take(&model, None, &question(), true);
    assert_eq!(turn.reply().message.text, "through the proxy");
}

#[expect(clippy::disallowed_methods, reason = "a test starts itself")]
fn turn_in(environment: &[(&str, &str)]) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "proxy::one_turn_in_this_environment"]);
    for name in ["HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"] {
        command.env_remove(name);
    }
    command.envs(environment.iter().copied());
    command.output().unwrap().status.success()
}

#[test]
fn the_environments_proxy_is_used_except_for_this_machine() {
    let server = ScriptedModel::start(&json!([{"say": "through the proxy", "repeat": true}]));
    let proxy = format!("http://{}", server.address());
    // No resolver knows this host: only a proxy can.
    let far = "http://model.invalid/v1";
    assert!(turn_in(&[(BASE, far), ("http_proxy", &proxy)]));
    assert_eq!(server.requests()[0].path, "http://model.invalid/v1/chat/completions");
    // Nobody listens at this proxy, and a loopback endpoint does not need it.
    let base = server.base_url();
    assert!(turn_in(&[(BASE, &base), ("http_proxy", "http://127.0.0.1:9")]));
}
