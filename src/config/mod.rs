//! What the words of a user mean: flags, environment and files become one configuration whose every value
//! knows where it comes from.
//!
//! Values are typed and `{{ env.X }}` is filled in only when a value is asked for, so that a Jira key nobody
//! needs now cannot stop an investigation. Other rooms take a group (`limits()`, `model()`) or one value,
//! never the whole.

pub mod embedded;
pub mod env;
pub mod yaml;

mod aliases;
mod choice;
mod error;
mod files;
mod flags;
mod folders;
mod layer;
mod model;
mod provider;
mod resolved;
pub mod settings;
mod value;

#[cfg(test)]
mod tests;

pub use choice::Listed;
pub use env::Environment;
pub use error::{ConfigError, Origin};
pub use files::{Surroundings, look_for};
pub use flags::Flags;
pub use folders::Folders;
pub use layer::{Consulted, FileState, Role};
pub use model::{Azure, DEFAULT_MODEL, ModelChoice, ModelSettings, Prices};
pub use resolved::{Block, CommandLine, Config, Limits, Shown, ToolsetSources};
pub use value::{mask, parse_duration};
