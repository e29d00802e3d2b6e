//! jq's language inside the binary, so that a tool can pick fields of JSON where no `jq` is installed.
//!
//! It reads its input and its variables and nothing else: no files, no environment. It bounds neither time nor
//! memory: it runs in a process of its own (`holmes-rs jq`), which can be ended. Reading a program is bounded,
//! whoever wrote it, since that is done in the process of a whole run too.

use std::io::{self, Write};

use jaq_core::data::JustLut;
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Ctx, Vars};
use jaq_json::Val;
use jaq_json::write::Pp;

/// Bytes of a program. A model writes some of them, and reading one takes a stack as deep as it is long.
const LONGEST_PROGRAM: usize = 16 << 10;
/// Stack a byte of a program may take: twice what the worst, a row of `-`, was measured to in a debug build.
const STACK_PER_BYTE: usize = 32 << 10;
/// Stack for everything else: values as deep as `DEEPEST` are read, written and dropped in it. Untouched pages
/// of it cost nothing.
const STACK: usize = 64 << 20;
/// Levels of arrays and objects in JSON that is read, as in jq.
const DEEPEST: usize = 10_000;

/// Why a program gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum JqError {
    /// The program is wrong; nothing ran.
    #[error("jq program: {0}")]
    Program(String),
    /// The input, or a variable's value, is no JSON, or too deep.
    #[error("{what} is not JSON: {reason}")]
    Json { what: String, reason: String },
    /// It ran and failed on a value.
    #[error("jq: {0}")]
    Run(String),
    #[error("output: {0}")]
    Write(#[from] io::Error),
}

/// How results are written, one after the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Form {
    /// Strings as they are, without quotes: `jq -r`.
    pub raw: bool,
    /// One line a value: `jq -c`.
    pub compact: bool,
}

/// Runs `program` over every JSON value of `input`. Variables are (name without `$`, JSON text).
///
/// # Errors
/// On the first thing that is wrong; results before it are written.
pub fn run(
    program: &str,
    variables: &[(String, String)],
    input: &[u8],
    form: Form,
    output: &mut (dyn Write + Send),
) -> Result<(), JqError> {
    if program.len() > LONGEST_PROGRAM {
        let (length, most) = (program.len(), LONGEST_PROGRAM);
        return Err(JqError::Program(format!("it has {length} bytes, {most} at most")));
    }
    deep_enough("the input", input)?;
    let stack = STACK + program.len() * STACK_PER_BYTE;
    let ended = std::thread::scope(|scope| {
        let worker = std::thread::Builder::new()
            .stack_size(stack)
            .spawn_scoped(scope, || interpret(program, variables, input, form, output));
        worker.map(std::thread::ScopedJoinHandle::join)
    });
    match ended {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(JqError::Run("the engine gave up on this program".to_owned())),
        Err(error) => Err(JqError::Run(format!("no memory to run it: {error}"))),
    }
}

/// Fails where `text` nests deeper than can be read.
fn deep_enough(what: &str, text: &[u8]) -> Result<(), JqError> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                if depth > DEEPEST {
                    let reason = format!("it nests deeper than {DEEPEST} levels");
                    return Err(JqError::Json { what: what.to_owned(), reason });
                }
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

fn interpret(
    program: &str,
    variables: &[(String, String)],
    input: &[u8],
    form: Form,
    output: &mut dyn Write,
) -> Result<(), JqError> {
    let names: Vec<String> = variables.iter().map(|(name, _)| format!("${name}")).collect();
    let mut values = Vec::new();
    for (name, text) in variables {
        values.push(value(text.as_bytes(), &format!("variable `{name}`"))?);
    }
    let arena = Arena::default();
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    // What a program may know is its input: the environment holds keys.
    let functions = jaq_core::funs().chain(jaq_std::funs().filter(|function| function.0 != "env"));
    let modules = Loader::new(defs)
        .load(&arena, File { code: program, path: () })
        .map_err(|errors| JqError::Program(unreadable(&errors)))?;
    let filter = jaq_core::Compiler::default()
        .with_funs(functions.chain(jaq_json::funs()))
        .with_global_vars(names.iter().map(String::as_str))
        .compile(modules)
        .map_err(|errors| JqError::Program(undefined(&errors)))?;
    let pretty =
        Pp { indent: (!form.compact).then(|| "  ".to_owned()), sep_space: !form.compact, ..Pp::default() };
    for read in jaq_json::read::parse_many(input) {
        let read =
            read.map_err(|error| JqError::Json { what: "the input".to_owned(), reason: error.to_string() })?;
        let context = Ctx::<JustLut<Val>>::new(&filter.lut, Vars::new(values.iter().cloned()));
        for result in filter.id.run((context, read)) {
            match result {
                Ok(Val::TStr(text)) if form.raw => output.write_all(&text)?,
                Ok(value) => jaq_json::write::write(output, &pretty, 0, &value)?,
                Err(exception) => match exception.get_err() {
                    Ok(error) => return Err(JqError::Run(error.to_string())),
                    // `halt`: its author has what he wanted.
                    Err(_) => return Ok(()),
                },
            }
            output.write_all(b"\n")?;
        }
    }
    Ok(())
}

/// Whether `program` can be compiled with these variables.
///
/// # Errors
/// As `run`.
pub fn check(program: &str, variables: &[&str]) -> Result<(), JqError> {
    let variables: Vec<_> = variables.iter().map(|name| ((*name).to_owned(), "null".to_owned())).collect();
    run(program, &variables, b"", Form::default(), &mut io::sink())
}

fn value(text: &[u8], what: &str) -> Result<Val, JqError> {
    deep_enough(what, text)?;
    jaq_json::read::parse_single(text)
        .map_err(|error| JqError::Json { what: what.to_owned(), reason: error.to_string() })
}

fn unreadable(errors: &load::Errors<&str, ()>) -> String {
    let first = errors.iter().find_map(|(file, error)| match error {
        load::Error::Io(errors) => {
            errors.first().map(|(_, error)| format!("modules cannot be read: {error}"))
        }
        load::Error::Lex(errors) => errors
            .first()
            .map(|(expected, found)| at(file.code, found, &format!("needs {}", expected.as_str()))),
        load::Error::Parse(errors) => errors
            .first()
            .map(|(expected, found)| at(file.code, found, &format!("needs {}", expected.as_str()))),
    });
    first.unwrap_or_else(|| "cannot be read".to_owned())
}

fn undefined(errors: &jaq_core::compile::Errors<&str, ()>) -> String {
    let first = errors.iter().find_map(|(_, errors)| errors.first());
    first.map_or_else(
        || "cannot be compiled".to_owned(),
        |(name, what)| format!("there is no {} `{name}`", what.as_str()),
    )
}

/// Where in the program: `found` is a part of `code`.
fn at(code: &str, found: &str, needs: &str) -> String {
    let before =
        found.as_ptr().addr().checked_sub(code.as_ptr().addr()).and_then(|offset| code.get(..offset));
    let column =
        before.map_or(1, |before| before.rsplit('\n').next().unwrap_or_default().chars().count() + 1);
    let line = before.map_or(1, |before| before.matches('\n').count() + 1);
    let near: String = found.chars().take(20).collect();
    if near.is_empty() {
        format!("line {line}, column {column}: {needs}, got its end")
    } else {
        format!("line {line}, column {column}: {needs}, got `{near}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jq(program: &str, variables: &[(&str, &str)], input: &str) -> Result<String, String> {
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut output = Vec::new();
        run(program, &variables, input.as_bytes(), Form { raw: true, compact: true }, &mut output)
            .map_err(|error| error.to_string())?;
        Ok(String::from_utf8(output).unwrap())
    }

    #[test]
    fn programs_run_as_in_jq() {
        let pods = r#"{"items":[{"n":"a","r":3},{"n":"b","r":0}]}"#;
        assert_eq!(jq(".items[] | select(.r > 0) | .n", &[], pods).unwrap(), "a\n");
        assert_eq!(jq(".items | map(.r) | add", &[], pods).unwrap(), "3\n");
        assert_eq!(jq(".items[0]", &[], pods).unwrap(), "{\"n\":\"a\",\"r\":3}\n");
        assert_eq!(jq("[.[] | tostring] | join(\"-\")", &[], "[1,2]").unwrap(), "1-2\n");
        assert_eq!(jq(". as [$a] | $a + $b", &[("b", "2")], "[1]").unwrap(), "3\n");
        assert_eq!(
            jq("group_by(.k) | map({k: .[0].k, n: length})", &[], "[{\"k\":1},{\"k\":1}]").unwrap(),
            "[{\"k\":1,\"n\":2}]\n"
        );
        assert_eq!(jq(".", &[], "1 2").unwrap(), "1\n2\n");
    }

    #[test]
    fn what_is_wrong_is_said_in_a_line() {
        assert_eq!(jq(".a | nosuch", &[], "{}").unwrap_err(), "jq program: there is no filter `nosuch`");
        assert!(jq("$x", &[], "{}").unwrap_err().contains("variable `$x`"));
        assert!(jq(".items[", &[], "{}").unwrap_err().starts_with("jq program: line 1, column "));
        assert!(jq(".[0]", &[], "<html>").unwrap_err().starts_with("the input is not JSON"));
        assert!(jq(".a.b", &[], "{\"a\":1}").unwrap_err().starts_with("jq: "));
    }

    #[test]
    fn neither_environment_nor_files_are_in_reach() {
        for program in ["env", "$ENV", "env.HOME", "include \"/etc/passwd\"; .", "import \"a\" as a; ."] {
            assert!(jq(program, &[], "{}").is_err(), "{program}");
        }
    }

    #[test]
    fn no_program_is_too_twisted_to_be_read() {
        for (part, end) in [
            ("(", ""),
            ("[", ""),
            ("-", "1"),
            (".|", "."),
            ("1+", "1"),
            (".a", ""),
            (".[0]", ""),
            ("if ", ""),
            ("{a:", ""),
            ("\"\\(", ""),
            ("try ", "."),
            ("def f:", ""),
            ("reduce ", ""),
            ("label $a|", "."),
        ] {
            let program = part.repeat((LONGEST_PROGRAM - end.len()) / part.len()) + end;
            // Whether it is right or wrong: it comes back.
            let _ = check(&program, &[]);
        }
        let error = check(&"(".repeat(60_000), &[]).unwrap_err().to_string();
        assert_eq!(error, "jq program: it has 60000 bytes, 16384 at most");
    }

    #[test]
    fn what_nests_too_deep_is_refused_and_everything_else_is_read() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert_eq!(jq(".", &[], &nested(DEEPEST)).unwrap().trim_end(), nested(DEEPEST));
        for text in [nested(DEEPEST + 1), "[".repeat(1_000_000), "{\"a\":".repeat(1_000_000)] {
            assert!(jq(".", &[], &text).unwrap_err().ends_with("nests deeper than 10000 levels"));
        }
        let error = jq(".", &[("a", &nested(1_000_000))], "1").unwrap_err();
        assert!(error.starts_with("variable `a` is not JSON"), "{error}");
        let brackets = format!("\"{}\\\"[\"", "[".repeat(20_000));
        assert_eq!(jq("length", &[], &brackets).unwrap(), "20002\n");
        assert_eq!(jq("length", &[], &"[]".repeat(20_000)).unwrap().len(), 40_000);
    }

    #[test]
    fn halt_ends_the_output_and_nothing_else() {
        assert_eq!(jq("1, halt, 2", &[], "{}").unwrap(), "1\n");
    }
}
