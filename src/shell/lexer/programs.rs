//! Where values flow: through variables and pipelines, into texts that another interpreter reads.

use std::collections::BTreeMap;

use super::super::operands::{self, Language, Word};
use super::{Operand, Program, Scan, Scanning, identifiers};

impl Scan<'_> {
    /// The end of a simple command: remembers what of it another interpreter reads.
    pub(super) fn finish(&mut self, words: &mut Vec<Word>, pipeline: usize) {
        let words = std::mem::take(words);
        self.note_command(&words, pipeline);
        for word in &words {
            if let Some(name) = word.assigns() {
                self.assign(name.to_owned(), word);
                let subscript = word.text.split_once('=').map_or("", |(target, _)| target);
                if let Some((_, subscript)) = subscript.split_once('[') {
                    let mut variables = word.variables.clone();
                    variables.extend(identifiers(subscript));
                    self.programs.push(Program {
                        language: Language::Arithmetic,
                        values: Vec::new(),
                        variables,
                    });
                }
            }
        }
        let opens = |word: &Word| {
            !word.leading.is_empty() || !word.leading_variables.is_empty() || !word.split.is_empty()
        };
        if words.iter().any(opens) {
            self.calls.push(words.clone());
        }
        for (at, word) in words.iter().enumerate() {
            if opens(word) && word.assigns().is_none() && operands::may_be_option(&words, at) {
                self.operands.push(Operand {
                    program: words.first().map(|word| word.text.clone()).unwrap_or_default(),
                    values: word.leading.clone(),
                    variables: word.leading_variables.clone(),
                    split: word.split.clone(),
                });
            }
        }
        if let [keyword, name, ..] = words.as_slice()
            && keyword.text == "function"
        {
            self.named.insert(name.text.clone());
        }
        let judged = operands::judge(&words);
        for (at, language) in &judged.files {
            self.run.extend(words.get(*at).map(|word| (word.clone(), *language)));
        }
        if words.iter().any(|word| word.text == "tee") {
            self.written.extend(words.iter().cloned());
        }
        if judged.dumps
            && let Some(pipeline) = self.pipelines.get_mut(pipeline)
        {
            pipeline.dumps = true;
        }
        self.functions |= judged.sets_arguments;
        self.sets_arguments |= judged.sets_arguments;
        for word in judged.evaluated.iter().filter_map(|at| words.get(*at)) {
            self.programs.push(Program {
                language: Language::Arithmetic,
                values: Vec::new(),
                variables: identifiers(&word.text).collect(),
            });
        }
        for (position, language) in judged.programs {
            if let Some(word) = words.get(position) {
                let values = word.values.iter().map(|held| {
                    let before = held.at.and_then(|at| word.text.get(..at));
                    (held.index, before.unwrap_or_default().to_owned())
                });
                let values = values.collect();
                let mut variables = word.variables.clone();
                // `eval "$(env)"`: every value is in what `env` prints.
                if word.substituted && self.pipelines.iter().any(|pipeline| pipeline.dumps) {
                    variables.push("_".to_owned());
                }
                self.programs.push(Program { language, values, variables });
            }
        }
        for (name, from) in judged.assigns {
            match from.and_then(|position| words.get(position)) {
                Some(word) => self.assign(name, word),
                // `read`: whatever flows in.
                None => {
                    self.read.insert(name);
                }
            }
        }
        if let Some(language) = judged.reads_program {
            if let Some(pipeline) = self.pipelines.get_mut(pipeline) {
                pipeline.reader = Some(language);
            }
        } else {
            for word in &words {
                let mut values: Vec<usize> = word.values.iter().map(|held| held.index).collect();
                for name in &word.variables {
                    values.extend(self.assigned.get(name).into_iter().flatten());
                }
                self.flow(pipeline, &values);
            }
        }
    }

    pub(super) fn assign(&mut self, name: String, word: &Word) {
        let mut values: Vec<usize> = word.values.iter().map(|held| held.index).collect();
        for variable in &word.variables {
            values.extend(self.assigned.get(variable).into_iter().flatten());
        }
        self.assigned.entry(name.clone()).or_default().extend(values);
        let mut leading = word.leading.clone();
        for variable in &word.leading_variables {
            leading.extend(self.leading.get(variable).into_iter().flatten());
        }
        // Inherited: `b=$a` where `a` is read or an argument.
        if word.variables.iter().any(|variable| self.holds_anything(variable)) {
            self.read.insert(name.clone());
        }
        self.leading.entry(name).or_default().extend(leading);
    }

    /// What is read, the arguments of a function, and what the shell itself sets may be any value.
    fn holds_anything(&self, variable: &str) -> bool {
        is_argument(variable) && self.functions
            || variable == "_"
            || variable.starts_with("HOLMES_ARG_")
            || self.read.contains(variable)
    }

    /// Values that an argument of a function may begin with: those its callers pass on as words of their own.
    fn passed(&self) -> Vec<usize> {
        if self.sets_arguments {
            return self.seen.clone();
        }
        if !self.functions {
            return Vec::new();
        }
        let mut passed = Vec::new();
        for words in &self.calls {
            let opaque = words.first().is_some_and(|word| {
                word.substituted || !word.values.is_empty() || !word.variables.is_empty()
            });
            // Also behind `time` and assignments.
            let called = words.iter().position(|word| self.named.contains(&word.text));
            let Some(at) = opaque.then_some(0).or(called) else { continue };
            // `query=VALUE` begins with its name.
            for word in words.iter().skip(at + 1).filter(|word| word.assigns().is_none()) {
                passed.extend(&word.leading);
                for name in word.leading_variables.iter().filter(|name| !is_argument(name)) {
                    passed.extend(self.held(name, &self.leading));
                }
                for name in word.split.iter().filter(|name| !is_argument(name)) {
                    passed.extend(self.held(name, &self.assigned));
                }
            }
        }
        passed
    }

    fn held<'a>(&'a self, variable: &str, known: &'a BTreeMap<String, Vec<usize>>) -> &'a [usize] {
        if self.holds_anything(variable) {
            return &self.seen;
        }
        known.get(variable).map(Vec::as_slice).unwrap_or_default()
    }

    /// A value that begins with `-` and that its program could take for an option.
    pub(super) fn judge_options(&self) -> Scanning<()> {
        if self.allow_options {
            return Ok(());
        }
        let passed = self.passed();
        for operand in self.operands.iter().filter(|operand| !self.named.contains(&operand.program)) {
            let held = |name, known| {
                if is_argument(name) { passed.as_slice() } else { self.held(name, known) }
            };
            let whole = operand.variables.iter().flat_map(|name| held(name, &self.leading));
            let split = operand.split.iter().flat_map(|name| held(name, &self.assigned));
            let begins = |index: &usize| {
                self.value(*index).is_some_and(|value| !value.number && value.text.starts_with('-'))
            };
            let holds = |index: &usize| {
                self.value(*index).is_some_and(|value| {
                    !value.number && value.text.split_whitespace().any(|word| word.starts_with('-'))
                })
            };
            let found = operand.values.iter().chain(whole).find(|index| begins(index));
            if let Some(index) = found.or_else(|| split.into_iter().find(|index| holds(index))) {
                return Self::refuse(
                    *index,
                    "as a word of its own, where a program takes it for an option",
                    "send a value that does not begin with `-` (in the template: `--` before it, glue it to its option as in `--name={{ x }}`, or set `allow_options: true`)",
                );
            }
        }
        Ok(())
    }

    /// Files that are written here and then run: all values may be in them.
    fn laundered(&self) -> Vec<Program> {
        let opaque = |word: &Word| word.substituted || !word.variables.is_empty();
        let same = |one: &Word, other: &Word| {
            opaque(one) && opaque(other) || !one.text.is_empty() && one.text == other.text
        };
        let all: Vec<(usize, String)> = self.seen.iter().map(|index| (*index, String::new())).collect();
        let run = self.run.iter().filter(|(word, _)| self.written.iter().any(|written| same(word, written)));
        run.map(|(_, language)| Program { language: *language, values: all.clone(), variables: Vec::new() })
            .collect()
    }

    /// After the scan, when all assignments, functions and here-documents are known.
    pub(super) fn judge_programs(&self) -> Scanning<()> {
        let flowing = self.pipelines.iter().filter_map(|pipeline| {
            let language = pipeline.reader?;
            let values = if pipeline.dumps { &self.seen } else { &pipeline.values };
            Some(Program {
                language,
                values: values.iter().map(|value| (*value, String::new())).collect(),
                variables: Vec::new(),
            })
        });
        let flowing: Vec<Program> = flowing.chain(self.laundered()).collect();
        for program in self.programs.iter().chain(&flowing) {
            let mut values = program.values.clone();
            for variable in &program.variables {
                values
                    .extend(self.held(variable, &self.assigned).iter().map(|value| (*value, String::new())));
            }
            for (index, before) in values {
                if let Some(value) = self.value(index)
                    && !program.language.admits(value, &before)
                {
                    return Self::refuse(index, program.language.place(), program.language.remedy());
                }
            }
        }
        Ok(())
    }
}

/// `$1`, `$@`, `$*`.
fn is_argument(variable: &str) -> bool {
    variable.starts_with(|c: char| c.is_ascii_digit() || "@*".contains(c))
}
