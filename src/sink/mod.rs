//! Where answers go: text, JSON, JSON lines, Markdown, HTML, files.
//!
//! A sink turns a finished run into bytes. It decides nothing about the answer and prints nothing itself.
//! What may hold secrets passes through the caller's redaction: exhibits are raw on disk.

mod cited;
mod comment;
mod file;
mod html;
mod inert;
mod json;
mod jsonl;
mod markdown;
mod report;
mod sections;
mod slack;
mod text;

#[cfg(test)]
mod slack_tests;
#[cfg(test)]
mod tests;

pub use comment::{marker as comment_marker, to_adf, to_markdown_comment, to_plain, to_wiki};
pub use file::{WriteError, write_file};
pub use html::to_html;
pub use json::to_json;
pub use jsonl::to_json_line;
pub use markdown::to_markdown_report;
pub use report::{Budget, Investigation};
pub use sections::{SECTIONS, Section, fill as fill_sections, named as named_sections};
pub use slack::{SlackMessage, SlackThread, to_slack};
pub use text::to_text;

/// Replaces secrets in a text; the same secret always becomes the same mark.
pub type Redact<'a> = &'a dyn Fn(&str) -> String;
