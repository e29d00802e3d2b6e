//! Calls written as Python: `[name(key="value", n=3), other()]`, as Llama 3.2 and 4 do. Not Python: literals only, and
//! nothing but calls of offered tools.

use serde_json::{Map, Value};

use crate::agent::{Arguments, ToolSpec};

/// Lists within dictionaries within lists.
const DEPTH: usize = 16;

/// The calls, where the text is one call or a list of calls and nothing else.
pub(super) fn calls(text: &str, tools: &[ToolSpec]) -> Vec<(String, Arguments)> {
    let mut reader = Reader { rest: text.trim() };
    reader.calls(tools).filter(|_| reader.rest.is_empty()).unwrap_or_default()
}

/// Reads from the front; None where something else stands there.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn calls(&mut self, tools: &[ToolSpec]) -> Option<Vec<(String, Arguments)>> {
        let list = self.take('[');
        let mut calls = Vec::new();
        loop {
            calls.push(self.call(tools)?);
            if !self.take(',') || list && self.rest.starts_with(']') {
                break;
            }
        }
        if list {
            self.must(']')?;
        }
        Some(calls)
    }

    fn call(&mut self, tools: &[ToolSpec]) -> Option<(String, Arguments)> {
        let name = self.word()?;
        let name = name.strip_suffix(".call").unwrap_or(name);
        let spec = tools.iter().find(|spec| spec.name == name)?;
        self.must('(')?;
        let mut arguments = Map::new();
        while !self.take(')') {
            let key = self.word()?;
            self.must('=')?;
            arguments.insert(key.to_owned(), self.literal(DEPTH)?);
            if !self.take(',') {
                self.must(')')?;
                break;
            }
        }
        Some((spec.name.clone(), Arguments::Object(arguments)))
    }

    fn literal(&mut self, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        if self.rest.starts_with(['"', '\'']) {
            return self.string().map(Value::from);
        }
        if self.take('[') {
            let mut list = Vec::new();
            while !self.take(']') {
                list.push(self.literal(depth)?);
                if !self.take(',') {
                    self.must(']')?;
                    break;
                }
            }
            return Some(list.into());
        }
        if self.take('{') {
            let mut map = Map::new();
            while !self.take('}') {
                let key = self.string()?;
                self.must(':')?;
                map.insert(key, self.literal(depth)?);
                if !self.take(',') {
                    self.must('}')?;
                    break;
                }
            }
            return Some(map.into());
        }
        match self.word()? {
            "True" | "true" => Some(true.into()),
            "False" | "false" => Some(false.into()),
            "None" | "null" => Some(Value::Null),
            number => serde_json::from_str(number).ok().filter(Value::is_number),
        }
    }

    fn string(&mut self) -> Option<String> {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let mut out = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => match characters.next()?.1 {
                    'n' => out.push('\n'),
                    't' => out.push('\t'),
                    'r' => out.push('\r'),
                    same @ ('\\' | '"' | '\'') => out.push(same),
                    other => out.extend(['\\', other]),
                },
                _ if character == quote => {
                    self.rest = self.rest.get(at + 1..)?.trim_start();
                    return Some(out);
                }
                _ => out.push(character),
            }
        }
        None
    }

    /// A name or a number.
    fn word(&mut self) -> Option<&'a str> {
        let stop = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '+'));
        let end = self.rest.find(stop).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        (!word.is_empty()).then_some(word)
    }

    fn take(&mut self, mark: char) -> bool {
        let rest = self.rest.strip_prefix(mark);
        if let Some(rest) = rest {
            self.rest = rest.trim_start();
        }
        rest.is_some()
    }

    fn must(&mut self, mark: char) -> Option<()> {
        self.take(mark).then_some(())
    }
}
