//! What is known, and how well: exhibits, what of them is shown, what was proven, what was not looked at.
//!
//! Nothing here runs commands or talks to models.

mod exhibit;
pub mod untrusted;
pub mod view;

pub use exhibit::{Exhibit, Status};
