//! Which commands read what the line itself says, by a pipe or a text: some take that for commands.

use super::{Parser, Redirect};

impl Redirect {
    /// Whether it gives a command something to read.
    pub(super) fn feeds(&self) -> bool {
        self.operator.starts_with('<') && !(self.operator == "<" && self.target.text == "/dev/null")
    }
}

impl Parser {
    /// The commands from `from` on get what others say.
    pub(super) fn feed(&mut self, from: usize) {
        for simple in self.out.commands.iter_mut().skip(from) {
            simple.fed = true;
        }
    }

    /// Whether the commands from `from` to `to` are an `echo` that says nothing, or only that it ends.
    pub(super) fn says_nothing(&self, from: usize, to: usize) -> bool {
        let Some([simple]) = self.out.commands.get(from..to) else { return false };
        let Some((first, rest)) = simple.words.split_first() else { return false };
        first.text == "echo"
            && rest.iter().all(|word| {
                word.doubts.is_empty()
                    && matches!(word.text.as_str(), "" | "-n" | "-e" | "Q" | "QUIT" | "quit")
            })
    }
}
