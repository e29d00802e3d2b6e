//! The scripted model of the tests as a program: `cargo run --example scripted-model -- scenario.json [--port N]`.
//!
//! Prints its base URL, then serves until it is killed. `GET /__requests` shows what came and what of
//! it was against the protocol, `POST /__script` replaces the scenario. The format is described in
//! `tests/support/scripted_model.rs`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a program for developers"
)]

use std::process::ExitCode;

#[path = "../tests/support/scripted_model.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use the rest")]
mod scripted_model;

fn main() -> ExitCode {
    let (mut file, mut port) = (None, 0);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--port" {
            match words.next().and_then(|word| word.parse().ok()) {
                Some(number) => port = number,
                None => return fail("`--port` needs a number"),
            }
        } else {
            file = Some(word);
        }
    }
    let Some(file) = file else {
        return fail("usage: scripted-model SCENARIO.json [--port N]");
    };
    let scenario = match std::fs::read_to_string(&file).map(|text| serde_json::from_str(&text)) {
        Ok(Ok(scenario)) => scenario,
        Ok(Err(error)) => return fail(&format!("`{file}` is no JSON: {error}")),
        Err(error) => return fail(&format!("`{file}` cannot be read: {error}")),
    };
    match scripted_model::ScriptedModel::start_on(&scenario, port) {
        Ok(server) => {
            println!("{}", server.base_url());
            server.wait();
            ExitCode::SUCCESS
        }
        Err(error) => fail(&format!("cannot listen on port {port}: {error}")),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::FAILURE
}
