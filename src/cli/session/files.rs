//! `/file` and `/runbook`: what goes with the next question.

use super::Session;
use super::words::{at_home, globbed, one_line, split};
use crate::cli::failure::{Exit, Failure};
use crate::cli::investigation::Commission;
use crate::evidence::view::size;
use crate::question::{Attachment, Source};
use crate::runbook::Query;
use crate::ui::{sanitize, wrapped};

/// Files that go with one question.
const MOST: usize = 50;

impl Session {
    pub(super) fn file(&mut self, arguments: &str) {
        match arguments {
            "" if self.attachments.is_empty() => {
                self.say("no file goes with the next question; `/file PATH`");
            }
            "" => {
                let names: Vec<String> = self.attachments.iter().map(described).collect();
                self.say(&format!("with the next question go\n{}\n`/file -` drops them", names.join("\n")));
            }
            "-" => {
                self.attachments.clear();
                self.say("no file goes with the next question");
            }
            words => {
                let home = self.context.environment.get("HOME").map(str::to_owned);
                for (word, literal) in split(words) {
                    let path = if literal { word.clone().into() } else { at_home(&word, home.as_deref()) };
                    let paths = if literal { vec![path] } else { globbed(&path) };
                    if paths.is_empty() {
                        self.say(&format!("`{}`: there is no such file", sanitize(&word)));
                    }
                    for path in paths {
                        self.attach(path);
                    }
                }
            }
        }
    }

    fn attach(&mut self, path: std::path::PathBuf) {
        let name = path.display().to_string();
        let shown = sanitize(&name).into_owned();
        let about = match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return self.say(&format!("`{shown}`: there is no such file"));
            }
            Err(error) => return self.say(&format!("`{shown}` cannot be read: {error}")),
            Ok(about) => about,
        };
        if about.is_dir() {
            return self.say(&format!("`{shown}` is a folder; its files: `/file {shown}/*`"));
        }
        // What cannot be opened is told now, not with the question. A pipe would wait for its writer.
        if about.is_file()
            && let Err(error) = std::fs::File::open(&path)
        {
            return self.say(&format!("`{shown}` cannot be read: {error}"));
        }
        if self.attachments.iter().any(|one| one.path == path) {
            return self.say(&format!("`{shown}` is attached already"));
        }
        if self.attachments.len() >= MOST {
            return self.say(&format!("`{shown}` is left out: {MOST} files are enough for one question"));
        }
        let attachment = Attachment { name, path, source: Source::File };
        let told = described(&attachment);
        self.attachments.push(attachment);
        self.say(&format!("with the next question goes\n{told}"));
    }

    pub(super) async fn runbook(&mut self, name: &str) -> Result<(), Failure> {
        match name {
            "" => return self.runbooks().await,
            "-" => {
                self.runbook = None;
                self.say("no runbook of your choice goes with the next question");
                return Ok(());
            }
            _ => {}
        }
        let books = self.desk.shelf();
        let Some(runbook) = books.get(name) else {
            let failure = Failure::new(Exit::Usage, format!("there is no runbook `{}`", sanitize(name)));
            return Err(match books.nearest(name) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure.hint("`/runbook` lists them"),
            });
        };
        let name = runbook.name.clone();
        self.say(&format!("runbook `{name}` goes with the next question"));
        self.runbook = Some(name);
        Ok(())
    }

    /// Those that fit the last question first.
    async fn runbooks(&mut self) -> Result<(), Failure> {
        let books = self.desk.shelf();
        let question = self.turns.last_asked().map(|asked| asked.text.clone()).unwrap_or_default();
        let found = books.find(&Query { text: question, ..Query::default() });
        let fitting: Vec<&str> = found.iter().map(|found| found.runbook.name.as_str()).collect();
        let width = self.context.stdout.width;
        let mut text = String::new();
        let mut line = |name: &str, about: &str, why: &str| {
            let start = if why.is_empty() { "  " } else { "* " };
            let line = format!("{name}: {}{why}", one_line(about, 160));
            text.push_str(&wrapped(&sanitize(&line), start, "    ", Some(width)));
        };
        for one in &found {
            let why = format!(" (fits by {})", one_line(&one.why, 60));
            line(&one.runbook.name, &one.runbook.description, &why);
        }
        for one in books.runbooks().iter().filter(|one| !fitting.contains(&one.name.as_str())) {
            line(&one.name, &one.description, "");
        }
        if text.is_empty() {
            self.say("there is no runbook; docs/runbooks.md tells how to write one");
            return Ok(());
        }
        if let Some(chosen) = &self.runbook {
            text.push_str(&wrapped(
                &format!("`{chosen}` goes with the next question; `/runbook -` drops it"),
                "",
                "",
                Some(width),
            ));
        }
        self.page(&text, 1).await
    }

    /// Puts the runbook that a person chose in the place of the one that matches.
    pub(super) fn give_runbook(&self, commission: &mut Commission) {
        let books = self.desk.shelf();
        if let Some(runbook) = self.runbook.as_deref().and_then(|name| books.get(name)) {
            commission.runbook =
                Some((runbook.name.clone(), "a person's choice".to_owned(), runbook.text.clone()));
        }
    }
}

fn described(attachment: &Attachment) -> String {
    let name = sanitize(&attachment.name);
    match std::fs::metadata(&attachment.path) {
        Ok(about) if about.is_file() => format!("  {name}, {}", size(about.len())),
        Ok(_) => format!("  {name}"),
        Err(_) => format!("  {name}, which is not there any more"),
    }
}
