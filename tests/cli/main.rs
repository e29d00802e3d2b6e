//! The binary as people and scripts use it: real commands as tools, a scripted server as the model.
//!
//! One binary for all of it: linking is the slowest part of a small test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)] // tests may fail loudly

#[path = "../support/mod.rs"]
mod support;

mod ask;
mod limits;
mod model_errors;
mod rules;
