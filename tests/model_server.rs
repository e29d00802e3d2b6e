//! The OpenAI-compatible model against a real socket: what it sends, what it understands, how it fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails may panic"
)]

mod support;

#[path = "model_server/bench.rs"]
mod bench;
#[path = "model_server/happy.rs"]
mod happy;
