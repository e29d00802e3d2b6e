//! Runs one command safely: own process group, closed stdin, time and size limits, output to disk.
//!
//! The only room that starts processes. It knows nothing of toolsets, models or reports.

mod containment;
mod environment;
mod filters;
mod foreground;
mod go_spelling;
mod lasting;
mod lexer;
mod methods;
mod operands;
#[cfg(target_os = "linux")]
mod orphans;
pub mod plan;
mod process;
mod quoting;
mod run;
mod shebang;
pub mod survey;
mod syntax;
mod tail;
mod teed;
pub mod template;

#[cfg(test)]
mod jinja_tests;
#[cfg(test)]
mod template_tests;
#[cfg(test)]
mod tests;

pub use containment::{Containment, State};
pub use environment::{OF_CLUSTERS, cluster_environment, environment, is_model_key};
pub use foreground::{Left, foreground, program_named};
pub use lasting::{Departed, Lasting, Pipes, Program};
pub use run::{Captured, Ending, Finished, Limits, Script, Stop, capture, private_file, run};
pub use shebang::with_options;
pub use syntax::Variable;
pub use teed::{Teed, teed};
