//! Shells that are given a program and arguments for it: `sh -c 'ls -- "$1"' _ {{ x }}`.

use super::super::operands::{Judged, Word};
use super::{DEEPEST, End, Item, Scan, Scanning, scan};

/// A program of the author's, whose arguments, variables and input may be values.
pub(super) struct Nested {
    items: Vec<Item>,
    arguments: Vec<usize>,
    variables: Vec<String>,
    pipeline: usize,
}

/// Shells inside shells that are looked into.
const SHELLS: usize = 6;

impl Scan<'_> {
    /// Remembers the programs among `words`, where their text is known.
    pub(super) fn nest(&mut self, judged: &Judged, words: &[Word], pipeline: usize) {
        for at in &judged.nested {
            let Some(program) = words.get(*at) else { continue };
            let behind = words.get(at + 1..).unwrap_or_default();
            self.nested.push(Nested {
                items: program.text.chars().map(Item::Char).collect(),
                arguments: behind.iter().flat_map(|word| &word.values).map(|held| held.index).collect(),
                variables: behind.iter().flat_map(|word| word.variables.iter().cloned()).collect(),
                pipeline,
            });
        }
    }

    /// Judges all that was met, and what the programs met do in their turn.
    pub(super) fn judge(&self, shells: usize) -> Scanning<()> {
        self.judge_options()?;
        self.judge_programs()?;
        let nested = self.nested.iter().filter(|_| shells < SHELLS);
        nested.into_iter().try_for_each(|nested| self.judge_nested(nested, shells))
    }

    fn judge_nested(&self, nested: &Nested, shells: usize) -> Scanning<()> {
        let mut inner = scan(&nested.items, self.values, self.environment, self.allow_options);
        inner.seen.extend(&nested.arguments);
        for variable in &nested.variables {
            inner.seen.extend(self.held(variable, &self.assigned));
        }
        let outer = self.pipelines.get(nested.pipeline);
        if let Some(outer) = outer {
            inner.seen.extend(if outer.inherits { &self.seen } else { &outer.values });
        }
        // Exported, or given by `env`.
        inner.assigned.clone_from(&self.assigned);
        inner.partial.clone_from(&self.partial);
        inner.leading.clone_from(&self.leading);
        inner.functions = true;
        inner.sets_arguments = true;
        inner.depth = self.depth.min(DEEPEST);
        inner.list(End::Text)?;
        inner.judge(shells + 1)
    }
}
