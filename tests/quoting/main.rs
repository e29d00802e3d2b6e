//! Whatever a model sends arrives as data: templates are rendered and really run, with a program that records its
//! arguments in place of every program they call.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::format_push_string,
    reason = "tests may fail loudly and start programs"
)]

#[path = "../support/mod.rs"]
mod support;

mod attacks;
mod bed;
mod catalogue;
mod generated;
mod secrets;
mod shapes;
mod table;
mod values;
