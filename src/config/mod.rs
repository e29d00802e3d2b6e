//! (in work)

pub mod yaml;
