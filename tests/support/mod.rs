//! The bench that test files share. Each test binary uses a part of it, hence the allowance.
#![allow(dead_code, unreachable_pub, unused_imports, reason = "each test binary uses a part")]

mod bench;
pub mod scripted_model;

pub use bench::{Bench, Ran};
