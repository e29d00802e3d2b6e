//! The OpenAI-compatible model against a real socket: what it sends, what it understands, how it fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    unreachable_pub,
    reason = "a test that fails may panic, and a table of cases is long"
)]

mod support;

#[path = "model_server/bench.rs"]
mod bench;
#[path = "model_server/errors.rs"]
mod errors;
#[path = "model_server/happy.rs"]
mod happy;
#[path = "model_server/oddities.rs"]
mod oddities;
#[path = "model_server/proxy.rs"]
mod proxy;
#[path = "model_server/quirks.rs"]
mod quirks;
#[path = "model_server/streams.rs"]
mod streams;
#[path = "model_server/window.rs"]
mod window;
