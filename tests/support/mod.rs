//! The bench that test files share. Each test binary uses a part of it, hence the allowance.
#![allow(dead_code, unreachable_pub, unused_imports, reason = "each test binary uses a part")]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::needless_pass_by_value,
    clippy::format_push_string,
    reason = "tests start the binary, and read better with values"
)]

mod bench;
pub mod peer;
pub mod scripted_model;
pub mod scripted_server;
pub mod terminal;

pub use bench::{Bench, Ran};
pub use scripted_server::{Asked, Reply, ScriptedServer};
pub use terminal::TerminalBench;
