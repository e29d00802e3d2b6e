//! Every shape with every value: the program gets exactly the author's words with the value's bytes in them, and
//! nothing else runs; or the call is refused before anything runs, where the table says that it may be.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value};

use super::bed::{Happened, batch, programs, rendered};
use super::shapes::{Refuses, SHAPES, Shape};
use super::values::{hostile, impossible};

fn with(value: &str) -> Map<String, Value> {
    Map::from_iter([("x".to_owned(), Value::from(value))])
}

/// The template engine's own spelling of JSON: what HTML could take for markup is escaped.
fn json(value: &str) -> String {
    let text = serde_json::to_string(value).unwrap();
    let escape = |c: char| match c {
        '<' | '>' | '&' | '\'' => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

fn expected(words: &[&str], value: &str) -> Vec<Vec<u8>> {
    let fill = |word: &&str| {
        let mut out = String::new();
        for c in word.chars() {
            match c {
                '@' => out.push_str(value),
                '¬' => out.push_str(value.trim_end_matches('\n')),
                '†' => out.push_str(value.trim()),
                '§' => out.push_str(&json(value)),
                c => out.push(c),
            }
        }
        out.into_bytes()
    };
    words.iter().map(fill).collect()
}

/// Where the shell or a program between changes the value by its own rules.
fn compares(refuses: Refuses, words: &[&str], value: &str) -> bool {
    match refuses {
        Refuses::Assigned => {
            !value.contains(char::is_whitespace) && !value.contains(['*', '?', '[', '~', '\\', '\'', '"'])
        }
        Refuses::Percent => value.len() < 10_000 && !value.contains('%'),
        // An argument may become empty, and then there is none.
        Refuses::Trimmed => !value.trim().is_empty(),
        _ => !(words.contains(&"¬") && value.trim_end_matches('\n').is_empty()) || value.is_empty(),
    }
}

fn judged(shape: &Shape, value: &str, happened: &Happened) -> Option<String> {
    let (template, words, refuses) = shape;
    let told = |what: &str| {
        let short: String = value.chars().take(60).collect();
        Some(format!("{template:?} with {short:?}: {what}: {happened:?}").chars().take(900).collect())
    };
    if !happened.files.is_empty() {
        return told("a file was made");
    }
    if happened.calls.iter().any(|call| call.name != "prog") {
        return told("another program ran");
    }
    let words = (*words)?;
    if compares(*refuses, words, value) {
        let [call] = happened.calls.as_slice() else { return told("not one call") };
        if call.args != expected(words, value) {
            return told("other arguments");
        }
    }
    None
}

#[test]
fn every_shape_with_every_value() {
    let Some(programs) = programs(["prog", "evil", "id", "reboot"]) else { return };
    let values = hostile();
    assert!(SHAPES.len() >= 150 && values.len() >= 100);
    let problems = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let ran = AtomicUsize::new(0);
    let declined = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from).min(4) {
            scope.spawn(|| {
                loop {
                    let row = next.fetch_add(1, Ordering::Relaxed);
                    let Some(shape) = SHAPES.get(row) else { return };
                    let (template, _, refuses) = shape;
                    let mut cases = Vec::new();
                    let mut sent = Vec::new();
                    for (number, value) in values.iter().enumerate() {
                        match rendered(template, &with(value), &Map::new()) {
                            Ok(_) if refuses.refuses(value) => {
                                problems.lock().unwrap().push(format!("{template:?} took {value:?}"));
                            }
                            Err(error) if !refuses.refuses(value) => {
                                problems.lock().unwrap().push(format!("{template:?} refused: {error}"));
                            }
                            // Every value stands in every shape; every other one is run in each.
                            Ok(case) if number % 2 == row % 2 || number < 10 => {
                                cases.push(case);
                                sent.push(value);
                            }
                            Ok(_) => {}
                            Err(_) => drop(declined.fetch_add(1, Ordering::Relaxed)),
                        }
                    }
                    for value in impossible() {
                        // Escaped as JSON a NUL is text.
                        let taken = rendered(template, &with(&value), &Map::new()).is_ok();
                        assert!(
                            !taken || template.contains("tojson") && value.contains('\0'),
                            "{template:?}"
                        );
                    }
                    let happened = batch(programs.path(), &cases);
                    ran.fetch_add(happened.len(), Ordering::Relaxed);
                    let wrong = happened
                        .iter()
                        .zip(sent)
                        .filter_map(|(happened, value)| judged(shape, value, happened));
                    problems.lock().unwrap().extend(wrong);
                }
            });
        }
    });
    println!("{} shapes, {} values: {ran:?} ran, {declined:?} refused", SHAPES.len(), values.len());
    let problems = problems.into_inner().unwrap();
    assert!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        problems.iter().take(40).cloned().collect::<Vec<_>>().join("\n")
    );
}
