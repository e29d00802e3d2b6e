//! `/focus` and `/rule-out`: where a person wants the model to look, and where not. Said with every question, so that it
//! outlives what is compacted or taken back.

use super::Session;
use super::words::one_line;
use crate::ui::sanitize;

/// Wishes at a time: more are no focus.
const MOST: usize = 10;
const LONGEST: usize = 500;

/// What is in force.
#[derive(Debug, Clone, Default)]
pub(super) struct Steering {
    focus: Vec<String>,
    ruled_out: Vec<String>,
}

impl Steering {
    /// As the model is told.
    pub(super) fn notes(&self) -> Vec<String> {
        let focus = self.focus.iter().map(|one| format!("look here first: {one}"));
        let ruled_out = self.ruled_out.iter().map(|one| format!("ruled out, do not look there again: {one}"));
        focus.chain(ruled_out).collect()
    }
}

impl Session {
    pub(super) fn focus(&mut self, arguments: &str) {
        let mut list = std::mem::take(&mut self.steering.focus);
        self.steer(&mut list, arguments, "focus");
        // What is looked at first is not ruled out.
        self.steering.ruled_out.retain(|one| !list.contains(one));
        self.steering.focus = list;
    }

    pub(super) fn rule_out(&mut self, arguments: &str) {
        let mut list = std::mem::take(&mut self.steering.ruled_out);
        self.steer(&mut list, arguments, "rule-out");
        self.steering.focus.retain(|one| !list.contains(one));
        self.steering.ruled_out = list;
    }

    fn steer(&mut self, list: &mut Vec<String>, arguments: &str, name: &str) {
        let of = |list: &[String]| {
            list.iter().map(|one| format!("  {}", sanitize(one))).collect::<Vec<_>>().join("\n")
        };
        match arguments {
            "" if list.is_empty() => {
                let known: Vec<String> =
                    self.hypotheses().iter().map(|(id, words)| format!("  {id} {words}")).collect();
                let mut text = format!("nothing is in force; `/{name} WORDS`");
                if !known.is_empty() {
                    text = format!("{text}, or one of the hypotheses:\n{}", known.join("\n"));
                }
                self.say(&sanitize(&text));
            }
            "" => {
                let text = format!("said with every question; `/{name} -` drops it:\n{}", of(list));
                self.say(&text);
            }
            "-" => {
                list.clear();
                self.say("dropped");
            }
            words => {
                let words = one_line(words, LONGEST);
                let Some(words) = self.meant(&words) else { return };
                if !list.contains(&words) {
                    list.push(words);
                }
                if list.len() > MOST {
                    list.remove(0);
                }
                let text = format!("said with every question from now on:\n{}", of(list));
                self.say(&text);
            }
        }
        if self.run.window().is_none() && !list.is_empty() {
            self.say("the built-in rules do not read it; a model does");
        }
    }

    fn hypotheses(&self) -> Vec<(String, String)> {
        let list = self.run.thread.as_ref().map(|thread| thread.state().hypotheses()).unwrap_or_default();
        list.iter().map(|one| (one.id.clone(), one_line(&one.statement, LONGEST))).collect()
    }

    /// `H2` as the hypothesis it names.
    fn meant(&mut self, words: &str) -> Option<String> {
        let is_name = words.len() < 5
            && words.strip_prefix(['H', 'h']).is_some_and(|digits| digits.parse::<u32>().is_ok());
        if !is_name {
            return Some(words.to_owned());
        }
        let known = self.hypotheses();
        if let Some((id, statement)) = known.iter().find(|(id, _)| id.eq_ignore_ascii_case(words)) {
            return Some(format!("{id}: {statement}"));
        }
        let ids: Vec<&str> = known.iter().map(|(id, _)| id.as_str()).collect();
        let there = if ids.is_empty() { "there are none yet".to_owned() } else { ids.join(", ") };
        self.say(&sanitize(&format!("there is no hypothesis `{words}`: {there}")));
        None
    }
}
