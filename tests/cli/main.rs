//! The binary as people and scripts use it: real commands as tools, a scripted server as the model.
//!
//! One binary for all of it: linking is the slowest part of a small test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::needless_pass_by_value,
    clippy::format_collect,
    clippy::print_stdout,
    reason = "tests may fail loudly, start the binary, say what they skip, and read better with values"
)]

#[path = "../support/mod.rs"]
mod support;

mod alerts;
mod answers;
mod approval;
mod approvals;
mod ask;
mod attacks;
mod charts;
mod config;
mod containment;
mod deliveries;
mod doctor;
mod endpoint;
mod execution;
mod hostile;
mod http_toolset;
mod investigate_attacks;
mod limits;
mod lint;
mod logs;
mod model_check;
mod model_errors;
mod output;
mod policy;
mod react;
mod record;
mod replay;
mod resume;
mod rules;
mod runbooks;
mod servers;
mod session;
mod several;
mod summaries;
mod terminal;
mod tickets;
mod toolsets;
mod untrusted;
mod webpage;
mod windows;
mod workloads;
