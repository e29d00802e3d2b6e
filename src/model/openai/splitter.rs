//! Divides streamed text into what is said, what is thought (`<think>…</think>`) and what is a tool
//! call written as text (`<tool_call>…</tool_call>`), whatever the chunks' borders.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Text,
    Thought,
    /// Raw markup of a tool call, tags included: kept for parsing, not shown.
    Call,
    /// Everything so far was a thought: its opening tag stood in the prompt's template.
    AllThought,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Thought,
    Call,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Splitter {
    state: State,
    /// The end of what came, while it may be the start of a tag.
    held: String,
    /// Something other than blanks stands before on this line.
    mid_line: bool,
    thought_seen: bool,
    /// Which of `THOUGHTS` is open.
    open: usize,
}

const END_THINK: &str = "</think>";
/// Qwen and DeepSeek; Claude's habit; Gemini's layer; Mistral's Magistral.
const THOUGHTS: &[(&str, &str)] = &[
    ("<think>", END_THINK),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("[THINK]", "[/THINK]"),
];
const CALL: &str = "<tool_call>";
const END_CALL: &str = "</tool_call>";

impl Splitter {
    pub(super) fn feed(&mut self, piece: &str, out: &mut impl FnMut(Part, &str)) {
        let text = std::mem::take(&mut self.held) + piece;
        let mut rest = text.as_str();
        while let Some(at) = rest.find(['<', '[']) {
            let (before, from_tag) = rest.split_at(at);
            self.emit(before, out);
            if let Some(tag) = self.tag(from_tag) {
                rest = from_tag.strip_prefix(tag).unwrap_or_default();
                self.enter(tag, out);
            } else if self.may_become_tag(from_tag) {
                from_tag.clone_into(&mut self.held);
                return;
            } else {
                let (bracket, after) = from_tag.split_at(1);
                self.emit(bracket, out);
                rest = after;
            }
        }
        self.emit(rest, out);
    }

    /// The text is over: what was held back was no tag.
    pub(super) fn finish(&mut self, out: &mut impl FnMut(Part, &str)) {
        let held = std::mem::take(&mut self.held);
        self.emit(&held, out);
    }

    /// The model was still thinking when its text ended.
    pub(super) fn is_thinking(&self) -> bool {
        self.state == State::Thought
    }

    fn tags(&self) -> impl Iterator<Item = &'static str> {
        let (text, thought) = (self.state == State::Text, self.state == State::Thought);
        let openings = THOUGHTS.iter().map(|(tag, _)| *tag).filter(move |_| text);
        let ending = THOUGHTS.get(self.open).map(|(_, end)| *end).filter(|_| thought);
        let rest: &[&'static str] = match self.state {
            State::Text => &[END_THINK, CALL],
            State::Thought => &[],
            State::Call => &[END_CALL],
        };
        openings.chain(ending).chain(rest.iter().copied())
    }

    fn tag(&self, text: &str) -> Option<&'static str> {
        let found = self.tags().find(|tag| text.starts_with(*tag))?;
        // In the middle of a line it is being spoken about.
        let spoken_of = self.mid_line && THOUGHTS.iter().any(|(tag, _)| *tag == found);
        let stray = self.state == State::Text && found == END_THINK && self.thought_seen;
        (!spoken_of && !stray).then_some(found)
    }

    fn may_become_tag(&self, text: &str) -> bool {
        self.tags().any(|tag| tag.len() > text.len() && tag.starts_with(text))
    }

    fn enter(&mut self, tag: &str, out: &mut impl FnMut(Part, &str)) {
        if let Some(open) = THOUGHTS.iter().position(|(opening, _)| *opening == tag) {
            self.open = open;
            self.state = State::Thought;
            self.thought_seen = true;
            return;
        }
        match tag {
            end if THOUGHTS.iter().any(|(_, ending)| *ending == end) => {
                if self.state == State::Text {
                    out(Part::AllThought, "");
                    self.thought_seen = true;
                }
                self.state = State::Text;
                self.mid_line = false;
            }
            CALL => {
                self.state = State::Call;
                out(Part::Call, tag);
            }
            _ => {
                out(Part::Call, tag);
                self.state = State::Text;
            }
        }
    }

    fn emit(&mut self, text: &str, out: &mut impl FnMut(Part, &str)) {
        if text.is_empty() {
            return;
        }
        match self.state {
            State::Text => {
                let line = text.rsplit('\n').next().unwrap_or(text);
                let begins_line = text.contains('\n') || !self.mid_line;
                self.mid_line = !(begins_line && line.trim().is_empty());
                out(Part::Text, text);
            }
            State::Thought => out(Part::Thought, text),
            State::Call => out(Part::Call, text),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(pieces: &[&str]) -> (String, String, String) {
        let (mut text, mut thought, mut call) = (String::new(), String::new(), String::new());
        let mut splitter = Splitter::default();
        let mut out = |part: Part, piece: &str| match part {
            Part::Text => text.push_str(piece),
            Part::Thought => thought.push_str(piece),
            Part::Call => call.push_str(piece),
            Part::AllThought => thought.push_str(&std::mem::take(&mut text)),
        };
        for piece in pieces {
            splitter.feed(piece, &mut out);
        }
        splitter.finish(&mut out);
        (text, thought, call)
    }

    fn parts(text: &str) -> (String, String, String) {
        split(&[text])
    }

    #[test]
    fn thoughts_and_calls_are_taken_out_of_the_text() {
        let s = String::from;
        assert_eq!(parts("<think>hm</think>yes"), (s("yes"), s("hm"), s("")));
        assert_eq!(parts("hm</think>yes"), (s("yes"), s("hm"), s("")));
        assert_eq!(parts("<think>hm"), (s(""), s("hm"), s("")));
        assert_eq!(parts("<thought>hm</think>\n</thought>yes"), (s("yes"), s("hm</think>\n"), s("")));
        assert_eq!(parts("[THINK]hm[/THINK]see [E1:2]"), (s("see [E1:2]"), s("hm"), s("")));
        assert_eq!(parts("a < b <thin"), (s("a < b <thin"), s(""), s("")));
        assert_eq!(parts("the tag <think> is"), (s("the tag <think> is"), s(""), s("")));
        assert_eq!(
            parts("look\n<tool_call>{}</tool_call>"),
            (s("look\n"), s(""), s("<tool_call>{}</tool_call>"))
        );
    }

    proptest! {
        #[test]
        fn borders_of_chunks_do_not_matter(
            words in proptest::collection::vec(
                prop_oneof![Just("<think>"), Just("</think>"), Just("[THINK]"), Just("[/THINK]"),
                    Just("<thought>"), Just("["), Just("<tool_call>"), Just("</tool_call>"),
                    Just("<"), Just("é"), Just("\n"), Just("word "), Just("</")], 0..12),
            cuts in proptest::collection::vec(0usize..80, 0..8),
        ) {
            let whole = words.concat();
            let mut cuts: Vec<usize> = cuts.into_iter()
                .filter(|at| whole.is_char_boundary(*at) && *at <= whole.len()).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for at in cuts {
                pieces.push(whole.get(from..at).unwrap());
                from = at;
            }
            pieces.push(whole.get(from..).unwrap());
            prop_assert_eq!(split(&pieces), parts(&whole));
        }
    }
}
