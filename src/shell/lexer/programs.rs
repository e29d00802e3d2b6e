//! Where values flow: through variables and pipelines, into texts that another interpreter reads.

use super::super::operands::{self, Language, Word};
use super::{Program, Scan, Scanning, identifiers};

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
        let judged = operands::judge(&words);
        self.functions |= judged.sets_arguments;
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
                self.programs.push(Program {
                    language,
                    values: values.collect(),
                    variables: word.variables.clone(),
                });
            }
        }
        for (name, from) in judged.assigns {
            match from.and_then(|position| words.get(position)) {
                Some(word) => self.assign(name, word),
                // `read`: whatever flows in.
                None => self.assigned.entry(name).or_default().extend(self.seen.iter()),
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
        self.assigned.entry(name).or_default().extend(values);
    }

    /// After the scan, when all assignments, functions and here-documents are known.
    pub(super) fn judge_programs(&self) -> Scanning<()> {
        let flowing = self.pipelines.iter().filter_map(|pipeline| {
            let language = pipeline.reader?;
            Some(Program {
                language,
                values: pipeline.values.iter().map(|value| (*value, String::new())).collect(),
                variables: Vec::new(),
            })
        });
        let flowing: Vec<Program> = flowing.collect();
        for program in self.programs.iter().chain(&flowing) {
            let mut values = program.values.clone();
            for variable in &program.variables {
                let arguments = variable.starts_with(|c: char| c.is_ascii_digit() || "@*".contains(c));
                let held: &[usize] = if arguments && self.functions {
                    &self.seen
                } else {
                    self.assigned.get(variable).map(Vec::as_slice).unwrap_or_default()
                };
                values.extend(held.iter().map(|value| (*value, String::new())));
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
