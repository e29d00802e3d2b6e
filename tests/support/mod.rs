//! The bench that test files share. Each test binary uses a part of it, hence the allowance.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

pub mod scripted_model;
