//! Tools that a person must approve: what is asked before such a call. Run without asking, it is denied in words that let
//! the model go on without it.

use std::fmt::Write as _;
use std::path::Path;

use regex::Regex;
use serde_json::{Map, Value};

use super::{Outcome, Tool, ToolFuture};
use crate::agent::ToolSpec;
use crate::approval::{self, Ask, Concern, WHOLE_CLUSTER};
use crate::evidence::Status;
use crate::evidence::untrusted::visible;
use crate::shell::Stop;

/// What is known of a tool before its toolset's globs are asked.
#[derive(Debug, Clone, Default)]
pub struct Rule {
    /// Why it needs approval by itself.
    pub asks: Option<&'static str>,
    /// The names that globs may mean it by.
    pub names: Vec<String>,
}

/// `tool`, or one that denies every call. A glob of `required` always wins, however a name is capitalised;
/// `approved` outweighs what the tool says of itself, and means exactly what it says.
pub fn guarded(tool: Box<dyn Tool>, rule: &Rule, required: &[String], approved: &[String]) -> Box<dyn Tool> {
    let matches = |globs: &[String], any_case| {
        globs.iter().find(|glob| rule.names.iter().any(|name| is_match(glob, name, any_case))).cloned()
    };
    let why = match (matches(required, true), rule.asks) {
        (Some(glob), _) => format!("`{glob}` in `approval_required_tools` of its toolset"),
        (None, Some(why)) if matches(approved, false).is_none() => why.to_owned(),
        (None, Some(_)) => return Box::new(Approved(tool)),
        (None, _) => return tool,
    };
    Box::new(Guarded { tool, why })
}

/// What to say of a glob of `required` that means none of the tools `names`: nothing is held back by it.
pub fn idle<'a>(required: &'a [String], names: &'a [String]) -> impl Iterator<Item = String> + 'a {
    required
        .iter()
        .filter(|glob| !names.iter().any(|name| is_match(glob, name, true)))
        .map(|glob| format!("`{}` in `approval_required_tools` means none of its tools", visible(glob)))
}

/// A tool that may change something and was approved in advance.
struct Approved(Box<dyn Tool>);

impl Tool for Approved {
    fn spec(&self) -> &ToolSpec {
        self.0.spec()
    }

    fn toolset(&self) -> &str {
        self.0.toolset()
    }

    fn describe(&self, params: &Map<String, Value>) -> String {
        self.0.describe(params)
    }

    fn wrapped(&self) -> Option<&dyn Tool> {
        Some(self.0.as_ref())
    }

    fn changes(&self, _params: &Map<String, Value>) -> bool {
        true
    }

    fn run<'a>(&'a self, params: &'a Map<String, Value>, output: &'a Path, stop: Stop) -> ToolFuture<'a> {
        self.0.run(params, output, stop)
    }
}

/// A tool whose calls are denied.
struct Guarded {
    tool: Box<dyn Tool>,
    why: String,
}

impl Tool for Guarded {
    fn spec(&self) -> &ToolSpec {
        self.tool.spec()
    }

    fn toolset(&self) -> &str {
        self.tool.toolset()
    }

    fn describe(&self, params: &Map<String, Value>) -> String {
        self.tool.describe(params)
    }

    fn wrapped(&self) -> Option<&dyn Tool> {
        Some(self.tool.as_ref())
    }

    fn asks(&self, params: &Map<String, Value>) -> Option<Ask> {
        let concern = if self.tool.changes(params) { Concern::Change } else { Concern::Wanted };
        let rule = rule(self.tool.as_ref(), params);
        Some(Ask {
            tool: self.tool.spec().name.clone(),
            toolset: self.tool.toolset().to_owned(),
            shown: called(&self.tool.spec().name, params),
            concern,
            why: self.why.clone(),
            rules: vec![rule],
            tainted_by: None,
        })
    }

    fn run<'a>(&'a self, params: &'a Map<String, Value>, _output: &'a Path, _stop: Stop) -> ToolFuture<'a> {
        let error = format!(
            "`{}` needs a person's approval, and nobody can be asked here ({}); it was not run. Go on without \
             it, or put it into the answer as a step for a person",
            self.tool.spec().name,
            self.why
        );
        let invocation = self.tool.describe(params);
        Box::pin(std::future::ready(Outcome {
            status: Status::Denied,
            exit_code: None,
            error: Some(error),
            invocation,
            bytes: 0,
            lines: 0,
        }))
    }
}

/// A call with all of its arguments, each of which is seen to begin and end. What a toolset says of its calls
/// (`user_description`) is for the progress line: it may leave out what matters.
#[must_use]
pub fn called(name: &str, params: &Map<String, Value>) -> String {
    let plain =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_./:@%+,".contains(c));
    let mut line = name.to_owned();
    for (name, value) in params.iter().filter(|(_, value)| !value.is_null()) {
        _ = match value {
            Value::String(text) if plain(text) => write!(line, " {name}={text}"),
            other => write!(line, " {name}={other}"),
        };
    }
    line
}

/// As exactly as it was called: its arguments, in an order of their own. Where a tool of a cluster is told a namespace and
/// a context these stand apart, so that a person may widen the one and not the other.
fn rule(tool: &dyn Tool, params: &Map<String, Value>) -> approval::Rule {
    let mut given: Vec<(&String, &Value)> = params.iter().filter(|(_, value)| !value.is_null()).collect();
    given.sort_by_key(|(name, _)| *name);
    let cluster = tool.reaches_cluster();
    let mut apart = |name: &str| {
        let at = given.iter().position(|(key, value)| *key == name && value.is_string())?;
        let text = given.remove(at).1.as_str().unwrap_or_default();
        Some(text.to_owned()).filter(|text| !text.is_empty())
    };
    let namespace = cluster.then(|| apart("namespace").unwrap_or_else(|| WHOLE_CLUSTER.to_owned()));
    let context = cluster.then(|| apart("context").unwrap_or_default());
    let exactly = given.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    approval::Rule { action: tool.spec().name.clone(), exactly: Some(exactly), namespace, context }
}

/// `*`, `?` and `[abc]` as shells know them, over the whole name.
pub(super) fn is_match(glob: &str, name: &str, any_case: bool) -> bool {
    let mut pattern = String::from(if any_case { "(?is)^" } else { "(?s)^" });
    let mut rest = glob.chars();
    while let Some(c) = rest.next() {
        match c {
            '*' => pattern.push_str(".*"),
            '?' => pattern.push('.'),
            '[' => match rest.as_str().split_once(']') {
                Some((set, after)) if !set.is_empty() => {
                    let (not, set) = match set.strip_prefix('!') {
                        Some(set) => ("^", set),
                        None => ("", set),
                    };
                    let set: String = set
                        .chars()
                        .map(|c| if c == '-' { c.to_string() } else { regex::escape(&c.to_string()) })
                        .collect();
                    _ = write!(pattern, "[{not}{set}]");
                    rest = after.chars();
                }
                _ => pattern.push_str("\\["),
            },
            other => pattern.push_str(&regex::escape(&other.to_string())),
        }
    }
    pattern.push('$');
    // A glob that is none matches what is spelled the same.
    Regex::new(&pattern)
        .map_or(glob == name || (any_case && glob.eq_ignore_ascii_case(name)), |regex| regex.is_match(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_names() {
        for (glob, name, want) in [
            ("drop_*", "drop_table", true),
            ("drop_*", "x_drop_table", false),
            ("*", "anything", true),
            ("get_?", "get_a", true),
            ("get_?", "get_ab", false),
            ("[ab]_x", "a_x", true),
            ("[!ab]_x", "a_x", false),
            ("[a-c]x", "bx", true),
            ("a.b", "axb", false),
            ("a[", "a[", true),
            ("[z-a]", "[z-a]", true),
            ("", "a", false),
            ("**", "a", true),
            ("[", "[", true),
            ("[!]", "[!]", true),
            ("Drop_*", "drop_a", false),
        ] {
            assert_eq!(is_match(glob, name, false), want, "{glob} {name}");
        }
        assert!(is_match("Drop_[a-c]", "dROP_B", true));
    }

    /// A tool that says what it was called with.
    struct Plain(ToolSpec, bool);

    impl Tool for Plain {
        fn spec(&self) -> &ToolSpec {
            &self.0
        }

        fn toolset(&self) -> &'static str {
            "shop"
        }

        fn describe(&self, _params: &Map<String, Value>) -> String {
            "described".to_owned()
        }

        fn reaches_cluster(&self) -> bool {
            self.1
        }

        fn run<'a>(
            &'a self,
            params: &'a Map<String, Value>,
            _output: &'a Path,
            _stop: Stop,
        ) -> ToolFuture<'a> {
            let invocation = self.describe(params);
            let (status, exit_code) = (Status::NoData, None);
            Box::pin(std::future::ready(Outcome {
                status,
                exit_code,
                error: None,
                invocation,
                bytes: 0,
                lines: 0,
            }))
        }
    }

    #[test]
    fn a_rule_is_as_narrow_as_the_call_and_knows_its_cluster() {
        let spec =
            ToolSpec { name: "restart".to_owned(), description: String::new(), parameters: Value::Null };
        let asked = |cluster, params: Value| {
            let Value::Object(params) = params else { unreachable!() };
            rule(&Plain(spec.clone(), cluster), &params)
        };
        let given =
            serde_json::json!({"name": "api", "namespace": "shop", "grace": 3, "no": null, "context": "c"});
        let far = asked(true, given.clone());
        assert_eq!(far.exactly, Some(vec!["grace=3".to_owned(), "name=\"api\"".to_owned()]));
        assert_eq!((far.namespace.as_deref(), far.context.as_deref()), (Some("shop"), Some("c")));
        let near = asked(false, given);
        assert_eq!(near.exactly.map(|words| words.len()), Some(4));
        assert_eq!((near.namespace, near.context), (None, None));
        // What a tool does without a namespace nobody knows.
        let silent = asked(true, serde_json::json!({"namespace": ""}));
        assert_eq!((silent.namespace.as_deref(), silent.context.as_deref()), (Some("*"), Some("")));
        let odd = asked(true, serde_json::json!({"namespace": ["a"]}));
        assert_eq!((odd.namespace.as_deref(), odd.exactly.map(|words| words.len())), (Some("*"), Some(1)));
    }

    #[test]
    fn a_glob_that_means_nothing_is_told() {
        let globs = ["drop_*", "DROP_all", "delete\u{1b}[2J"].map(str::to_owned);
        let told: Vec<String> = idle(&globs, &["drop_all".to_owned()]).collect();
        assert_eq!(told, ["`delete` in `approval_required_tools` means none of its tools"]);
    }
}
