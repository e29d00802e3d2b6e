//! Tools against the real programs they speak to, each started here and ended by its pid.
//!
//! A program that is not on this machine skips its tests, loudly. A cluster cannot be started here: its tests
//! use the one that `HOLMES_TEST_KUBECONFIG` names, and skip without it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::format_push_string,
    clippy::disallowed_methods,
    clippy::needless_pass_by_value,
    reason = "tests may fail loudly, start programs, and read better with values"
)]

#[path = "../support/mod.rs"]
mod support;

mod alertmanager;
mod aws;
mod clouds;
mod containers;
mod containment;
mod databases;
mod detectors;
mod elasticsearch;
mod git;
mod holmesgpt;
mod investigate;
mod knowledge;
mod kubernetes;
mod loki;
mod mcp;
mod mcp_strange;
mod net;
mod openai;
mod prometheus;
mod services;
mod stand_in;
mod tempo;
mod victoria;
