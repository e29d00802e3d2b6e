//! Where values flow: through variables and pipelines, into texts that another interpreter reads.

use std::collections::{BTreeMap, BTreeSet};

use super::super::operands::{self, Language, Word};
use super::{Operand, Printed, Program, Scan, Scanning, identifiers};

impl Scan<'_> {
    /// What the words set; a subscript is an arithmetic program of its own.
    fn assignments(&mut self, words: &[Word]) {
        for word in words {
            let Some(name) = word.assigns() else { continue };
            self.assign(name.to_owned(), word);
            let target = word.text.split_once('=').map_or("", |(target, _)| target);
            if let Some((_, subscript)) = target.split_once('[') {
                let mut variables = word.variables.clone();
                variables.extend(identifiers(subscript));
                let language = Language::Arithmetic;
                self.programs.push(Program { language, values: Vec::new(), variables, output: false });
            }
        }
    }

    /// What a command prints, as far as that is known before it runs.
    fn note_output(&mut self, words: &[Word], pipeline: usize) {
        let silent = operands::prints_nothing(words);
        self.counts = operands::prints_a_number(words) || silent && self.counts;
        if let Some(pipeline) = self.pipelines.get_mut(pipeline) {
            pipeline.silent = silent && (pipeline.silent || pipeline.stages == 0);
        }
        self.passes.get_or_insert_with(|| operands::passes_text(words));
    }

    /// The end of a simple command: remembers what of it another interpreter reads.
    pub(super) fn finish(&mut self, words: &mut Vec<Word>, pipeline: usize) {
        let words = std::mem::take(words);
        self.note_command(&words, pipeline);
        self.assignments(&words);
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
        for (at, word) in words.iter().enumerate() {
            for (prefix, values) in operands::names_a_file(&words, at) {
                let variables =
                    if word.leading.is_empty() { word.leading_variables.clone() } else { Vec::new() };
                let operand = Operand { program: String::new(), values, variables, split: Vec::new() };
                self.files.push((prefix, operand));
            }
        }
        if !words.is_empty() {
            self.note_output(&words, pipeline);
        }
        let judged = operands::judge(&words);
        self.nest(&judged, &words, pipeline);
        if let Some(pipeline) = self.pipelines.get_mut(pipeline).filter(|_| !words.is_empty()) {
            pipeline.inherits |= judged.inherits && pipeline.stages == 0 && !pipeline.input;
            pipeline.words = judged.makes_words.or(pipeline.words);
            pipeline.stages += 1;
        }
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
                output: false,
            });
        }
        for (position, language) in judged.programs {
            if let Some(word) = words.get(position) {
                let values = word.values.iter().map(|held| {
                    let before = held.at.and_then(|at| word.text.get(..at));
                    (held.index, before.map(str::to_owned))
                });
                let values = values.collect();
                let mut variables = word.variables.clone();
                // `eval "$(env)"`: every value is in what `env` prints.
                if word.substituted && self.pipelines.iter().any(|pipeline| pipeline.dumps) {
                    variables.push("_".to_owned());
                }
                self.programs.push(Program { language, values, variables, output: word.substituted });
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
        // What it holds already is there already: `all="$all {{ x }}"`, line after line.
        for variable in word.variables.iter().filter(|variable| **variable != name) {
            values.extend(self.assigned.get(variable).into_iter().flatten());
        }
        let mut leading = word.leading.clone();
        for variable in word.leading_variables.iter().filter(|variable| **variable != name) {
            leading.extend(self.leading.get(variable).into_iter().flatten());
        }
        // Inherited: `b=$a` where `a` is read or an argument.
        if word.variables.iter().any(|variable| self.holds_anything(variable)) {
            self.read.insert(name.clone());
        }
        if !word.sets_one_value()
            && (!word.values.is_empty() || !word.variables.is_empty() || word.substituted)
        {
            self.partial.insert(name.clone());
        }
        self.assigned.entry(name.clone()).or_default().extend(values);
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
    fn passed(&self) -> BTreeSet<usize> {
        if self.sets_arguments {
            return self.seen.iter().copied().collect();
        }
        let mut passed = BTreeSet::new();
        if !self.functions {
            return passed;
        }
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

    pub(super) fn held<'a>(
        &'a self,
        variable: &str,
        known: &'a BTreeMap<String, BTreeSet<usize>>,
    ) -> Box<dyn Iterator<Item = &'a usize> + 'a> {
        if self.holds_anything(variable) {
            return Box::new(self.seen.iter());
        }
        Box::new(known.get(variable).into_iter().flatten())
    }

    /// A value that begins with `-` and that its program could take for an option.
    pub(super) fn judge_options(&self) -> Scanning<()> {
        if self.allow_options {
            return Ok(());
        }
        let passed = self.passed();
        for operand in self.operands.iter().filter(|operand| !self.named.contains(&operand.program)) {
            let held = |name: &String, known| -> Vec<&usize> {
                if is_argument(name) { passed.iter().collect() } else { self.held(name, known).collect() }
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
            let mut split = split;
            if let Some(index) = found.or_else(|| split.find(|index| holds(index))) {
                return Self::option(*index);
            }
        }
        for (prefix, operand) in &self.files {
            let held = operand.variables.iter().flat_map(|name| self.held(name, &self.leading));
            let names = |index: &&usize| self.value(**index).is_some_and(|value| prefix.begins(&value.text));
            if let Some(index) = operand.values.iter().chain(held).find(names) {
                return Self::refuse(
                    *index,
                    "where the program reads the file of that name instead",
                    "send the text itself (in the template: `curl --data-raw`, `--form-string` or `--data-urlencode \"q={{ x }}\"`, or set `allow_options: true`)",
                );
            }
        }
        // `echo {{ x }} | xargs ls`: pieces of the value become words.
        for pipeline in &self.pipelines {
            let Some(blanks) = pipeline.words else { continue };
            let option = |text: &str| {
                let text = text.trim_start_matches(['"', '\'', '\\']);
                text.starts_with('-') && text.len() > 1
            };
            let begins = |value: &Printed| {
                !value.number
                    && if blanks {
                        value.text.split_whitespace().any(option)
                    } else {
                        value.text.starts_with('-')
                    }
            };
            if let Some(index) = pipeline.values.iter().find(|index| self.value(**index).is_some_and(begins))
            {
                return Self::option(*index);
            }
        }
        Ok(())
    }

    fn option<T>(index: usize) -> Scanning<T> {
        Self::refuse(
            index,
            "as a word of its own, where a program takes it for an option",
            "send a value that does not begin with `-` (in the template: `--` before it, glue it to its option as in `--name={{ x }}`, or set `allow_options: true`)",
        )
    }

    /// Files that are written here and then run: all values may be in them.
    fn laundered(&self) -> Vec<Program> {
        let opaque = |word: &Word| word.substituted || !word.variables.is_empty();
        let same = |one: &Word, other: &Word| {
            let name = |word: &'_ Word| word.text.rsplit('/').next().unwrap_or_default().to_owned();
            opaque(one) && opaque(other) || !name(one).is_empty() && name(one) == name(other)
        };
        let all: Vec<(usize, Option<String>)> = self.seen.iter().map(|index| (*index, None)).collect();
        let run = self.run.iter().filter(|(word, _)| self.written.iter().any(|written| same(word, written)));
        run.map(|(_, language)| Program {
            language: *language,
            values: all.clone(),
            variables: Vec::new(),
            output: false,
        })
        .collect()
    }

    /// After the scan, when all assignments, functions and here-documents are known.
    pub(super) fn judge_programs(&self) -> Scanning<()> {
        // What was written to a file can be read from it again.
        let written = self.written.iter().any(is_file);
        let flowing = self.pipelines.iter().filter_map(|pipeline| {
            let language = pipeline.reader?;
            let any =
                pipeline.dumps || pipeline.inherits || written && (pipeline.input || pipeline.stages > 1);
            let values = if any { &self.seen } else { &pipeline.values };
            Some(Program {
                language,
                values: values.iter().map(|value| (*value, None)).collect(),
                variables: Vec::new(),
                output: false,
            })
        });
        let flowing: Vec<Program> = flowing.chain(self.laundered()).collect();
        for program in self.programs.iter().chain(&flowing) {
            let mut values = program.values.clone();
            for variable in &program.variables {
                values.extend(self.held(variable, &self.assigned).map(|value| (*value, None)));
            }
            if written && program.output {
                values.extend(self.seen.iter().map(|value| (*value, None)));
            }
            // `F={{ filter }}`, `jq "$F"`: one value is the program only if the variable holds nothing else.
            let mixed = |name: &String| self.partial.contains(name) || self.holds_anything(name);
            let language = match program.language {
                Language::WholeJq if program.variables.iter().any(mixed) => Language::Jq,
                language => language,
            };
            for (index, before) in values {
                let Some(value) = self.value(index) else { continue };
                if !language.admits(value, before.as_deref().unwrap_or_default()) {
                    return Self::refuse(index, language.place(), language.remedy());
                }
                let option = value.text.starts_with('-') && !value.number && !self.allow_options;
                if option
                    && program.language == Language::Shell
                    && before.is_none_or(|before| operands::ends_before_an_option(&before))
                {
                    return Self::option(index);
                }
            }
        }
        Ok(())
    }
}

/// Whether something stays where a redirection writes.
fn is_file(target: &Word) -> bool {
    let text = target.text.as_str();
    let known = matches!(text, "/dev/null" | "/dev/stdout" | "/dev/stderr" | "tee" | "-" | "");
    let opaque = target.substituted || !target.variables.is_empty();
    opaque || !known && !text.starts_with('-') && !text.bytes().all(|b| b.is_ascii_digit())
}

/// `$1`, `$@`, `$*`.
fn is_argument(variable: &str) -> bool {
    variable.starts_with(|c: char| c.is_ascii_digit() || "@*".contains(c))
}
