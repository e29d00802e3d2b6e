//! The answer in a file, in the form that its name says: all of it or nothing.

use std::path::Path;

use crate::sink::{Investigation, Redact, to_html, to_json, to_markdown_report, to_text, write_file};

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileForm {
    Json,
    Markdown,
    Html,
    Text,
}

impl FileForm {
    /// By the ending of its name; `None` for any other ending.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_lowercase().as_str() {
            "json" => Some(Self::Json),
            "md" | "markdown" => Some(Self::Markdown),
            "html" | "htm" => Some(Self::Html),
            "txt" => Some(Self::Text),
            _ => None,
        }
    }
}

/// A file and what it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    /// `{run_id}` in it becomes the run's, so that several answers do not replace one another.
    pub path: String,
    pub form: FileForm,
}

impl ReportFile {
    pub(super) fn write(&self, run: &Investigation, redact: Redact<'_>) -> Result<String, String> {
        let text = match self.form {
            FileForm::Json => format!("{:#}\n", to_json(run, redact)),
            FileForm::Markdown => to_markdown_report(run, redact),
            FileForm::Html => to_html(run, redact),
            FileForm::Text => format!("{}\n", redact(to_text(&run.answer).trim_end())),
        };
        write_file(Path::new(&self.of(&run.run_id)), text.as_bytes()).map_err(|error| error.to_string())?;
        Ok(format!("{} bytes", text.len()))
    }

    /// The path for this run.
    pub(super) fn of(&self, run_id: &str) -> String {
        self.path.replace("{run_id}", run_id)
    }
}
