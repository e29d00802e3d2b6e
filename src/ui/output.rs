//! Writing to the two streams without dying of a reader that went away.

use std::io::{self, Write};

/// Writes all of it to stdout. A closed pipe (`| head`) is success: the reader has what it wanted.
///
/// # Errors
/// Any other failure, a full disk for one.
pub fn write_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    forgive(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

/// Copies all of `from` to stdout, as `write_stdout`.
///
/// # Errors
/// As `write_stdout`, and when `from` cannot be read.
pub fn copy_to_stdout(from: &mut dyn io::Read) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    forgive(io::copy(from, &mut stdout).and_then(|_| stdout.flush()))
}

fn forgive(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// The only way to stderr. When stderr is gone, what was to be said is dropped: a run must not end because
/// nobody listens to its progress.
pub struct ErrorOutput {
    sink: Box<dyn Write>,
    gone: bool,
}

impl ErrorOutput {
    #[must_use]
    pub fn stderr() -> Self {
        Self::to(Box::new(io::stderr()))
    }

    /// Into any writer, for tests and for sessions that keep their own log.
    #[must_use]
    pub fn to(sink: Box<dyn Write>) -> Self {
        Self { sink, gone: false }
    }

    pub fn write(&mut self, text: &str) {
        if !self.gone {
            self.gone = self.sink.write_all(text.as_bytes()).and_then(|()| self.sink.flush()).is_err();
        }
    }

    pub fn line(&mut self, text: &str) {
        // One write a line: lines of other processes cannot fall in between.
        self.write(&format!("{text}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;

    struct Closed(Rc<Cell<u32>>);

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            self.0.set(self.0.get() + 1);
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_stderr_is_left_alone() {
        let writes = Rc::new(Cell::new(0));
        let mut output = ErrorOutput::to(Box::new(Closed(Rc::clone(&writes))));
        output.line("one");
        output.line("two");
        assert_eq!(writes.get(), 1);
    }

    #[test]
    fn only_a_closed_pipe_is_forgiven() {
        assert!(forgive(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        assert!(forgive(Err(io::ErrorKind::StorageFull.into())).is_err());
    }
}
