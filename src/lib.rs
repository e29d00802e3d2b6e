//! The investigation engine of holmes-rs.
//!
//! Data runs one way: question → context → agent → tools → evidence → answer → sinks.
//! `docs/architecture.md` draws it; `tests/architecture.rs` holds the edges between the rooms.

pub mod agent;
pub mod answer;
pub mod approval;
pub mod briefing;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod context;
pub mod delivery;
pub mod detectors;
pub mod evidence;
pub mod http;
pub mod jq;
pub mod model;
pub mod policy;
pub mod question;
pub mod record;
pub mod replay;
pub mod rules;
pub mod runbook;
pub mod session;
pub mod shell;
pub mod sink;
pub mod source;
pub mod tls;
pub mod tools;
pub mod toolset;
pub mod ui;
