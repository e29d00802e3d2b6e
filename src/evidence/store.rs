//! The exhibits of one run: numbers in call order, raw bytes in the run's folder, views on request.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::condense;
use super::exhibit::Exhibit;
use super::redact::Redactor;
use super::untrusted::visible;
use super::view;

/// Keeps a run's exhibits and shows them.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    marker: String,
    redactor: Rc<Redactor>,
    /// Tokens one view may take.
    allowance: u64,
    exhibits: Vec<Exhibit>,
    next: u32,
}

impl Store {
    /// `folder` must exist. `marker` is unguessable and new for each run: it fences untrusted text.
    #[must_use]
    pub fn new(folder: PathBuf, marker: String, redactor: Rc<Redactor>, allowance: u64) -> Self {
        Self { folder, marker, redactor, allowance, exhibits: Vec::new(), next: 1 }
    }

    /// The next exhibit's number and the file for its raw output.
    pub fn allot(&mut self) -> (u32, PathBuf) {
        let id = self.next;
        self.next += 1;
        (id, raw_path(&self.folder, id))
    }

    /// Takes a finished exhibit: everything that may be shown is redacted, and its view is made.
    ///
    /// # Errors
    /// When the raw output cannot be read; the exhibit is then not kept.
    pub fn keep(&mut self, mut exhibit: Exhibit) -> io::Result<Exhibit> {
        exhibit.invocation = self.shown(&exhibit.invocation);
        exhibit.description = self.shown(&exhibit.description);
        exhibit.error = exhibit.error.map(|error| self.shown(&error));
        let mut params = serde_json::Value::Object(exhibit.params);
        self.redactor.redact_json(&mut params);
        exhibit.params = match params {
            serde_json::Value::Object(params) => params,
            _ => serde_json::Map::new(),
        };
        let mut lines = Vec::new();
        if exhibit.bytes > 0 {
            let chosen = condense::condense(&exhibit.path, self.allowance)?;
            exhibit.condensed = chosen.left_out;
            lines = chosen.lines;
            // Terminal codes go first, since a colour in the middle of a secret hides it; cutting comes last.
            for (_, text) in &mut lines {
                *text = visible(text);
            }
            self.redactor.redact_lines(&mut lines);
            for (_, text) in &mut lines {
                *text = view::clip(text, chosen.longest);
            }
        }
        exhibit.view = view::render(&exhibit, &lines, &self.marker);
        self.exhibits.push(exhibit.clone());
        self.exhibits.sort_by_key(|kept| kept.id);
        Ok(exhibit)
    }

    /// Text about an exhibit as it may be shown: terminal codes and secrets removed, line by line.
    #[must_use]
    pub fn shown(&self, text: &str) -> String {
        let lines: Vec<String> = text.split('\n').map(visible).collect();
        self.redactor.redact(&lines.join("\n"))
    }

    #[must_use]
    pub fn exhibits(&self) -> &[Exhibit] {
        &self.exhibits
    }

    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// What fences this run's untrusted text.
    #[must_use]
    pub fn marker(&self) -> &str {
        &self.marker
    }
}

/// Where the raw output of exhibit `id` lies inside a run's folder of exhibits.
#[must_use]
pub fn raw_path(folder: &Path, id: u32) -> PathBuf {
    folder.join(format!("E{id}.out"))
}
