//! The line editor on a terminal that can be drawn on. rustyline blocks, so it has a thread of its own.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError, mpsc};

use anstyle::Style;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::{History as _, MemHistory};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{
    Behavior, Cmd, ColorMode, CompletionType, ConditionalEventHandler, Config, Context, Event, EventContext,
    EventHandler, KeyCode, KeyEvent, Modifiers, RepeatCount,
};

use super::{Complete, Entry, entry, history};
use crate::ui::mailbox::{Mailbox, Sender, mailbox};
use crate::ui::terminal::{Terminal, sanitize};
use crate::ui::tty::Editing;

/// More candidates than anybody reads through.
const CANDIDATES: usize = 200;
/// A key's sequence follows its Escape faster than this. Milliseconds.
const AFTER_ESCAPE: u16 = 50;

enum Command {
    Read { prompt: String, initial: String },
    Remember(String),
}

pub(super) struct Drawn {
    tell: mpsc::Sender<Command>,
    told: Mailbox<Entry>,
    /// A line was begun whose end nobody waited for.
    left: RefCell<Option<Editing>>,
}

/// A line that is being read. When nobody waits for it any more the terminal is put back, and the line is left.
struct Reading<'a> {
    editing: Editing,
    left: &'a RefCell<Option<Editing>>,
}

impl<'a> Reading<'a> {
    /// Goes on with the line that was left, or begins one.
    fn of(left: &'a RefCell<Option<Editing>>, begin: impl FnOnce()) -> Self {
        let editing = if let Some(editing) = left.take() {
            editing.resume()
        } else {
            let editing = Editing::begin();
            begin();
            editing
        };
        Self { editing, left }
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if !self.editing.is_over() {
            self.editing.leave();
            self.left.replace(Some(std::mem::take(&mut self.editing)));
        }
    }
}

impl Drawn {
    pub(super) fn open(
        terminal: Terminal,
        past: Vec<String>,
        completer: Box<dyn Complete + Send>,
    ) -> io::Result<Self> {
        let (tell, asked) = mpsc::channel();
        let (answer, told) = mailbox();
        std::thread::Builder::new()
            .name("editor".to_owned())
            .spawn(move || serve(terminal, past, completer, &asked, &answer))?;
        Ok(Self { tell, told, left: RefCell::default() })
    }

    pub(super) async fn read(&self, prompt: &str, initial: &str) -> Entry {
        // In raw mode no key ends this program. Something else may: then the terminal is put back.
        let mut reading = Reading::of(&self.left, || {
            let command = Command::Read { prompt: prompt.to_owned(), initial: initial.to_owned() };
            let _ = self.tell.send(command);
        });
        let entry = self.told.next().await;
        reading.editing.end();
        entry.unwrap_or_else(|| Entry::Broken(io::Error::other("the line editor stopped")))
    }

    pub(super) fn remember(&self, entry: &str) {
        let _ = self.tell.send(Command::Remember(entry.to_owned()));
    }
}

fn serve(
    terminal: Terminal,
    past: Vec<String>,
    completer: Box<dyn Complete + Send>,
    asked: &mpsc::Receiver<Command>,
    answer: &Sender<Entry>,
) {
    let mut editor = match open(terminal, past, completer) {
        Ok(editor) => editor,
        Err(error) => return answer.send(Entry::Broken(broken(error))),
    };
    // Where there is a printer the editor waits for signals too, and so sees at once that the window changed.
    let _awake = editor.create_external_printer().ok();
    while let Ok(command) = asked.recv() {
        match command {
            Command::Remember(entry) => {
                let _ = editor.add_history_entry(entry);
            }
            Command::Read { prompt, initial } => {
                let read = catch_unwind(AssertUnwindSafe(|| read(&mut editor, terminal, &prompt, initial)));
                answer
                    .send(read.unwrap_or_else(|_| Entry::Broken(io::Error::other("the line editor failed"))));
            }
        }
    }
}

type Rustyline = rustyline::Editor<Helper, MemHistory>;

fn open(
    terminal: Terminal,
    past: Vec<String>,
    completer: Box<dyn Complete + Send>,
) -> rustyline::Result<Rustyline> {
    use std::io::IsTerminal as _;

    // What is typed belongs on the terminal, also where the answers go elsewhere.
    let behavior = if io::stdout().is_terminal() { Behavior::Stdio } else { Behavior::PreferTerm };
    let config = Config::builder()
        .max_history_size(history::KEPT)?
        .history_ignore_dups(true)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .completion_show_all_if_ambiguous(true)
        .keyseq_timeout(Some(AFTER_ESCAPE))
        .color_mode(if terminal.colour { ColorMode::Enabled } else { ColorMode::Disabled })
        .bell_style(rustyline::config::BellStyle::None)
        .behavior(behavior)
        .build();
    let mut history = MemHistory::with_config(&config);
    for entry in past {
        history.add_owned(entry)?;
    }
    let mut editor = Rustyline::with_history(config, history)?;
    editor.set_helper(Some(Helper { completer, colour: terminal.colour, line: Mutex::default() }));
    editor.bind_sequence(KeyEvent::ctrl('J'), EventHandler::Simple(Cmd::Newline));
    editor.bind_sequence(KeyEvent(KeyCode::Enter, Modifiers::ALT), EventHandler::Simple(Cmd::Newline));
    editor.bind_sequence(KeyEvent::ctrl('Z'), EventHandler::Conditional(Box::new(Suspend)));
    Ok(editor)
}

fn read(editor: &mut Rustyline, terminal: Terminal, prompt: &str, initial: String) -> Entry {
    let raw = sanitize(prompt).into_owned();
    let bold = Style::new().bold();
    let styled = if terminal.colour { format!("{bold}{raw}{bold:#}") } else { raw.clone() };
    let prompt = (raw, styled);
    let mut initial = initial;
    loop {
        if let Some(helper) = editor.helper() {
            helper.keep(&initial);
        }
        let read = editor.readline_with_initial(&prompt, (&initial, ""));
        let line = editor.helper().map(Helper::kept).unwrap_or_default();
        initial.clear();
        match read {
            Ok(line) => return Entry::Line(line),
            // The first Ctrl-C is for the line.
            Err(ReadlineError::Interrupted) if !line.is_empty() => {}
            Err(ReadlineError::Interrupted) => return Entry::Interrupted,
            Err(ReadlineError::Eof) => return Entry::End,
            // Bytes that are no text: what was there before is kept, what came with them is not.
            Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                crate::ui::tty::discard();
                initial = line;
            }
            Err(error) => return Entry::Broken(broken(error)),
        }
    }
}

fn broken(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        other => io::Error::other(other.to_string()),
    }
}

/// Ctrl-Z. rustyline's own takes the terminal back before this program has stopped, when it is not the main thread
/// that reads: the shell would get it raw, and this program cooked.
struct Suspend;

impl ConditionalEventHandler for Suspend {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        crate::ui::tty::suspend_editing();
        Some(Cmd::Repaint)
    }
}

struct Helper {
    completer: Box<dyn Complete + Send>,
    colour: bool,
    /// The line as it is being edited.
    line: Mutex<String>,
}

impl Helper {
    fn keep(&self, line: &str) {
        let mut kept = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clear();
        kept.push_str(line);
    }

    fn kept(&self) -> String {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl rustyline::Helper for Helper {}

impl Completer for Helper {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        cursor: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let (start, found) = self.completer.complete(line, cursor);
        if start > cursor || !line.is_char_boundary(start) {
            return Ok((cursor, Vec::new()));
        }
        let shown = found.iter().take(CANDIDATES).map(|candidate| sanitize(candidate).into_owned());
        Ok((start, shown.collect()))
    }
}

impl Hinter for Helper {
    type Hint = String;

    fn hint(&self, line: &str, cursor: usize, _: &Context<'_>) -> Option<String> {
        self.keep(line);
        if line.is_empty() || cursor < line.len() {
            return None;
        }
        let hint = self.completer.hint(line)?;
        Some(sanitize(&hint).lines().next()?.to_owned()).filter(|hint| !hint.is_empty())
    }
}

impl Highlighter for Helper {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        let dim = Style::new().dimmed();
        if self.colour { Cow::Owned(format!("{dim}{hint}{dim:#}")) } else { Cow::Borrowed(hint) }
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        false
    }
}

impl Validator for Helper {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let open = entry::is_open(context.input());
        Ok(if open { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}
