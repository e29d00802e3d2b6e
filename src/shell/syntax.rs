//! What a template's syntax tree tells: which variables it needs, and which of the printed text is its author's.

use std::collections::BTreeSet;
use std::ops::Range;

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Filter, Stmt, UnaryOpKind};
use minijinja::machinery::parse;

/// A name the template takes from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    /// Whether the command makes no sense without it: it is neither only tested nor given a default.
    pub required: bool,
}

/// Given by the engine, not by the model.
const GIVEN: &[&str] = &["env", "config", "request_context", "loop", "caller", "self"];
/// Of these, what HolmesGPT's users also call a parameter: `--env {{ env }}` prints no map.
const ALSO_PARAMETERS: &[&str] = &["env", "config"];

/// What one look at a template tells.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Undeclared variables in order of first appearance.
    pub variables: Vec<Variable>,
    /// Names that it reads as `env.NAME`, `env['NAME']`, `env.get('NAME')` or asks for by `'NAME' in env`.
    pub environment: BTreeSet<String>,
    /// Global functions that it calls.
    pub called: BTreeSet<String>,
    /// `a-b` without spaces: most likely meant as one name. Where it stands, and the two names.
    pub hyphenated: Option<(usize, String, String)>,
    literals: Vec<(Option<String>, Range<usize>, String)>,
    captured: Vec<(String, Range<usize>, String)>,
    computed: BTreeSet<String>,
}

/// Looks at a template.
pub(super) fn look(source: &str) -> Result<Look, minijinja::Error> {
    let tree = parse(source, "command", minijinja::syntax::SyntaxConfig::default())?;
    let mut walk = Walk { source, ..Walk::default() };
    walk.statement(&tree);
    let Walk { found: variables, literals, captured, computed, environment, called, hyphenated, .. } = walk;
    Ok(Look { variables, environment, called, hyphenated, literals, captured, computed })
}

/// String literals that the template prints as they are, with their place in `source`.
pub(super) fn printed_literals(source: &str, look: &Look) -> Vec<(Range<usize>, String)> {
    let mut literals = Vec::new();
    for (name, range, text) in &look.literals {
        // One that a set-variable carries may also be compared or counted: then it must stay what it is.
        let carried = name.as_ref().is_none_or(|name| !look.computed.contains(name));
        let slice = source.get(range.clone()).unwrap_or_default();
        let whole = slice.len() >= 2
            && slice.starts_with(['"', '\''])
            && slice.ends_with(['"', '\''])
            && matches!(
                minijinja::machinery::parse_expr(slice),
                Ok(Expr::Const(constant)) if constant.value.as_str() == Some(text.as_str())
            );
        if carried && whole {
            literals.push((range.clone(), text.clone()));
        }
    }
    literals.sort_by_key(|(range, _)| range.start);
    literals.dedup_by_key(|(range, _)| range.start);
    literals
}

/// Text of the author's inside blocks and macros that the template prints as they are, with its place in `source`.
pub(super) fn printed_blocks(source: &str, look: &Look) -> Vec<(Range<usize>, String)> {
    let unchanged = look.captured.iter().filter(|(name, ..)| !look.computed.contains(name));
    // What whitespace control took away stands in the source still.
    let whole = unchanged.filter(|(_, range, text)| source.get(range.clone()) == Some(text.as_str()));
    whole.map(|(_, range, text)| (range.clone(), text.clone())).collect()
}

#[derive(Default)]
struct Walk<'s> {
    source: &'s str,
    environment: BTreeSet<String>,
    called: BTreeSet<String>,
    hyphenated: Option<(usize, String, String)>,
    found: Vec<Variable>,
    /// Names bound by the template, innermost last.
    bound: Vec<BTreeSet<String>>,
    /// Names known to be given where the walk is.
    sure: Vec<String>,
    /// Literals in printed places, with the set-variable that carries them.
    literals: Vec<(Option<String>, Range<usize>, String)>,
    /// Text in blocks and macros, with the name that prints it.
    captured: Vec<(String, Range<usize>, String)>,
    /// The block or macro that the walk is in.
    within: Option<String>,
    /// Variables used otherwise than by being printed.
    computed: BTreeSet<String>,
}

/// How an expression is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Needed,
    /// May be missing: tested, or there is a default.
    Tested,
}

impl Walk<'_> {
    fn bind(&mut self, target: &Expr<'_>) {
        match target {
            Expr::Var(variable) => {
                if self.bound.is_empty() {
                    self.bound.push(BTreeSet::new());
                }
                if let Some(scope) = self.bound.last_mut() {
                    scope.insert(variable.id.to_owned());
                }
            }
            Expr::List(list) => list.items.iter().for_each(|item| self.bind(item)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.bind(item)),
            _ => {}
        }
    }

    fn name(&mut self, name: &str, usage: Use) {
        self.outside(name, usage, &[]);
    }

    /// A name from outside; one of `free` is the model's to give, whatever the engine has under it.
    fn outside(&mut self, name: &str, usage: Use, free: &[&str]) {
        let given = GIVEN.contains(&name) && !free.contains(&name);
        if given || self.bound.iter().any(|scope| scope.contains(name)) {
            return;
        }
        let required = usage == Use::Needed && !self.sure.iter().any(|sure| sure == name);
        match self.found.iter_mut().find(|found| found.name == name) {
            Some(found) => found.required |= required,
            None => self.found.push(Variable { name: name.to_owned(), required }),
        }
    }

    fn statements(&mut self, body: &[Stmt<'_>]) {
        for statement in body {
            self.statement(statement);
        }
    }

    fn scoped(&mut self, body: &[Stmt<'_>], bind: impl FnOnce(&mut Self)) {
        self.bound.push(BTreeSet::new());
        bind(self);
        self.statements(body);
        self.bound.pop();
    }

    fn statement(&mut self, statement: &Stmt<'_>) {
        match statement {
            Stmt::Template(template) => self.scoped(&template.children, |_| {}),
            Stmt::EmitExpr(emit) => self.printed(&emit.expr, None),
            Stmt::ForLoop(block) => {
                self.expression(&block.iter, Use::Needed);
                self.scoped(&block.body, |walk| {
                    walk.bind(&block.target);
                    if let Some(filter) = &block.filter_expr {
                        walk.expression(filter, Use::Needed);
                    }
                });
                self.statements(&block.else_body);
            }
            Stmt::IfCond(block) => {
                self.expression(&block.expr, Use::Tested);
                let known = self.sure.len();
                given(&block.expr, true, &mut self.sure);
                self.statements(&block.true_body);
                self.sure.truncate(known);
                given(&block.expr, false, &mut self.sure);
                self.statements(&block.false_body);
                self.sure.truncate(known);
            }
            Stmt::WithBlock(block) => {
                for (_, value) in &block.assignments {
                    self.expression(value, Use::Needed);
                }
                self.scoped(&block.body, |walk| {
                    for (target, _) in &block.assignments {
                        walk.bind(target);
                    }
                });
            }
            Stmt::Set(set) => {
                if let Expr::Var(target) = &set.target {
                    self.printed(&set.expr, Some(target.id));
                } else {
                    self.expression(&set.expr, Use::Needed);
                }
                self.bind(&set.target);
            }
            Stmt::SetBlock(block) => {
                if let Some(filter) = &block.filter {
                    self.expression(filter, Use::Needed);
                }
                let name = match (&block.target, &block.filter) {
                    (Expr::Var(target), None) => Some(target.id.to_owned()),
                    _ => None,
                };
                self.inside(name, |walk| walk.statements(&block.body));
                self.bind(&block.target);
            }
            Stmt::AutoEscape(block) => self.statements(&block.body),
            Stmt::FilterBlock(block) => {
                self.expression(&block.filter, Use::Needed);
                self.inside(None, |walk| walk.statements(&block.body));
            }
            Stmt::Block(block) => self.statements(&block.body),
            Stmt::EmitRaw(raw) => {
                if let Some(name) = &self.within {
                    let span = raw.span();
                    let range = span.start_offset as usize..span.end_offset as usize;
                    self.captured.push((name.clone(), range, raw.raw.to_owned()));
                }
            }
            // None of the others: there is no loader.
            Stmt::Import(_) | Stmt::FromImport(_) | Stmt::Extends(_) | Stmt::Include(_) => {}
            Stmt::Macro(declared) => {
                for default in &declared.defaults {
                    self.expression(default, Use::Needed);
                }
                self.inside(Some(declared.name.to_owned()), |walk| {
                    walk.scoped(&declared.body, |walk| {
                        for argument in &declared.args {
                            walk.bind(argument);
                        }
                    });
                });
                if let Some(scope) = self.bound.last_mut() {
                    scope.insert(declared.name.to_owned());
                }
            }
            Stmt::CallBlock(block) => {
                for argument in &block.call.args {
                    self.argument(argument, Use::Needed);
                }
                if let Expr::Var(called) = &block.call.expr {
                    self.computed.insert(called.id.to_owned());
                }
                self.inside(None, |walk| walk.scoped(&block.macro_decl.body, |_| {}));
            }
            Stmt::Do(call) => {
                for argument in &call.call.args {
                    self.argument(argument, Use::Needed);
                }
            }
        }
    }

    fn inside(&mut self, name: Option<String>, walk: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.within, name);
        walk(self);
        self.within = outer;
    }

    /// What the author puts between words: `x | replace(',', ' ')`, `xs | join(' -l ')`. In `replace` where the
    /// text it takes the place of is one that a shell needs no quotes for.
    fn separator(&mut self, filter: &Filter<'_>, carrier: Option<&str>) {
        let text = |at: usize| match filter.args.get(at) {
            Some(CallArg::Pos(Expr::Const(constant))) => {
                constant.value.as_str().map(|text| (constant.span(), text))
            }
            _ => None,
        };
        let plain =
            |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b));
        let found = match filter.name {
            "join" => text(0),
            "replace" if text(0).is_some_and(|(_, from)| !from.is_empty() && plain(from)) => text(1),
            _ => None,
        };
        if let Some((span, text)) = found
            && text.contains([' ', '\n', '\t'])
            && text.split([' ', '\n', '\t']).all(plain)
        {
            let range = span.start_offset as usize..span.end_offset as usize;
            self.literals.push((carrier.map(str::to_owned), range, text.to_owned()));
        }
    }

    /// An expression whose value is printed, or carried by the set-variable `carrier` to where it is.
    fn printed(&mut self, expression: &Expr<'_>, carrier: Option<&str>) {
        match expression {
            Expr::Const(constant) => {
                if let Some(text) = constant.value.as_str() {
                    let span = constant.span();
                    let range = span.start_offset as usize..span.end_offset as usize;
                    self.literals.push((carrier.map(str::to_owned), range, text.to_owned()));
                }
            }
            Expr::Var(variable) => {
                if carrier.is_some() {
                    self.computed.insert(variable.id.to_owned());
                }
                self.outside(variable.id, Use::Needed, ALSO_PARAMETERS);
            }
            Expr::IfExpr(choice) => {
                self.expression(&choice.test_expr, Use::Tested);
                let known = self.sure.len();
                given(&choice.test_expr, true, &mut self.sure);
                self.printed(&choice.true_expr, carrier);
                self.sure.truncate(known);
                given(&choice.test_expr, false, &mut self.sure);
                if let Some(other) = &choice.false_expr {
                    self.printed(other, carrier);
                }
                self.sure.truncate(known);
            }
            Expr::BinOp(operation) if matches!(operation.op, BinOpKind::Add | BinOpKind::Concat) => {
                self.printed(&operation.left, carrier);
                self.printed(&operation.right, carrier);
            }
            Expr::Filter(filter) if is_default(filter.name) => {
                if let Some(value) = &filter.expr {
                    self.expression(value, Use::Tested);
                }
                for (position, argument) in filter.args.iter().enumerate() {
                    match argument {
                        CallArg::Pos(value) if position == 0 => self.printed(value, carrier),
                        argument => self.argument(argument, Use::Needed),
                    }
                }
            }
            Expr::Filter(filter) => {
                self.separator(filter, carrier);
                self.expression(expression, Use::Needed);
            }
            Expr::Call(call) if carrier.is_none() => self.call(&call.expr, &call.args, Use::Needed),
            other => self.expression(other, Use::Needed),
        }
    }

    /// `map[name]`, `map.get(name)`, `name in map`.
    fn asked(&mut self, map: &Expr<'_>, name: &Expr<'_>) {
        if let (true, Expr::Const(constant)) = (is_environment(map), name)
            && let Some(name) = constant.value.as_str()
        {
            self.environment.insert(name.to_owned());
        }
    }

    fn subtraction(&mut self, left: &Expr<'_>, right: &Expr<'_>) {
        let (Expr::Var(one), Expr::Var(other)) = (left, right) else { return };
        let (start, end) = (one.span().start_offset as usize, other.span().end_offset as usize);
        let whole = format!("{}-{}", one.id, other.id);
        if self.source.get(start..end) == Some(whole.as_str()) {
            self.hyphenated.get_or_insert((start, one.id.to_owned(), other.id.to_owned()));
        }
    }

    /// `x.strip()` needs x; `range(3)` names a function.
    fn call(&mut self, called: &Expr<'_>, args: &[CallArg<'_>], usage: Use) {
        match called {
            Expr::GetAttr(method) => {
                if let Some(CallArg::Pos(name)) = args.first() {
                    self.asked(&method.expr, name);
                }
                self.expression(&method.expr, usage);
            }
            Expr::Var(function) => _ = self.called.insert(function.id.to_owned()),
            _ => {}
        }
        for argument in args {
            self.argument(argument, Use::Needed);
        }
    }

    fn argument(&mut self, argument: &CallArg<'_>, usage: Use) {
        match argument {
            CallArg::Pos(value)
            | CallArg::Kwarg(_, value)
            | CallArg::PosSplat(value)
            | CallArg::KwargSplat(value) => self.expression(value, usage),
        }
    }

    fn expression(&mut self, expression: &Expr<'_>, usage: Use) {
        match expression {
            Expr::Var(variable) => {
                self.computed.insert(variable.id.to_owned());
                self.name(variable.id, usage);
            }
            Expr::Const(_) => {}
            Expr::Slice(slice) => {
                self.expression(&slice.expr, usage);
                for part in [&slice.start, &slice.stop, &slice.step].into_iter().flatten() {
                    self.expression(part, Use::Needed);
                }
            }
            Expr::UnaryOp(operation) => self.expression(&operation.expr, usage),
            Expr::BinOp(operation) => {
                if matches!(operation.op, BinOpKind::Sub) {
                    self.subtraction(&operation.left, &operation.right);
                }
                if matches!(operation.op, BinOpKind::In) {
                    self.asked(&operation.right, &operation.left);
                }
                // `x or y`: the first may be missing. `x and y`: the second is looked at when the first is there.
                let known = self.sure.len();
                let left = if matches!(operation.op, BinOpKind::ScOr | BinOpKind::ScAnd) {
                    Use::Tested
                } else {
                    usage
                };
                self.expression(&operation.left, left);
                match operation.op {
                    BinOpKind::ScAnd => given(&operation.left, true, &mut self.sure),
                    BinOpKind::ScOr => given(&operation.left, false, &mut self.sure),
                    _ => {}
                }
                self.expression(&operation.right, usage);
                self.sure.truncate(known);
            }
            Expr::Compare(comparison) => {
                self.expression(&comparison.expr, usage);
                for operation in &comparison.ops {
                    self.asked(&operation.expr, &comparison.expr);
                    self.expression(&operation.expr, usage);
                }
            }
            Expr::IfExpr(choice) => {
                self.expression(&choice.test_expr, Use::Tested);
                let known = self.sure.len();
                given(&choice.test_expr, true, &mut self.sure);
                self.expression(&choice.true_expr, usage);
                self.sure.truncate(known);
                given(&choice.test_expr, false, &mut self.sure);
                if let Some(other) = &choice.false_expr {
                    self.expression(other, usage);
                }
                self.sure.truncate(known);
            }
            Expr::Filter(filter) => {
                let usage = if is_default(filter.name) { Use::Tested } else { usage };
                if let Some(value) = &filter.expr {
                    self.expression(value, usage);
                }
                for argument in &filter.args {
                    self.argument(argument, Use::Needed);
                }
            }
            Expr::Test(test) => {
                self.expression(&test.expr, Use::Tested);
                for argument in &test.args {
                    self.argument(argument, Use::Needed);
                }
            }
            Expr::GetAttr(attribute) => {
                if is_environment(&attribute.expr) {
                    self.environment.insert(attribute.name.to_owned());
                }
                self.expression(&attribute.expr, usage);
            }
            Expr::GetItem(item) => {
                self.asked(&item.expr, &item.subscript_expr);
                self.expression(&item.expr, usage);
                self.expression(&item.subscript_expr, Use::Needed);
            }
            Expr::Call(call) => {
                if let Expr::Var(called) = &call.expr {
                    self.computed.insert(called.id.to_owned());
                }
                self.call(&call.expr, &call.args, usage);
            }
            Expr::List(list) => list.items.iter().for_each(|item| self.expression(item, usage)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.expression(item, usage)),
            Expr::Map(map) => {
                for item in map.keys.iter().chain(&map.values) {
                    self.expression(item, usage);
                }
            }
        }
    }
}

fn is_environment(expression: &Expr<'_>) -> bool {
    matches!(expression, Expr::Var(variable) if variable.id == "env")
}

fn is_default(filter: &str) -> bool {
    matches!(filter, "default" | "d")
}

/// Names that are known to be given where `test` came out as `outcome`.
fn given(test: &Expr<'_>, outcome: bool, names: &mut Vec<String>) {
    match test {
        Expr::Var(variable) if outcome => names.push(variable.id.to_owned()),
        Expr::UnaryOp(operation) if matches!(operation.op, UnaryOpKind::Not) => {
            given(&operation.expr, !outcome, names);
        }
        Expr::BinOp(operation) => match (&operation.op, outcome) {
            (BinOpKind::ScAnd, true) | (BinOpKind::ScOr, false) => {
                given(&operation.left, outcome, names);
                given(&operation.right, outcome, names);
            }
            (BinOpKind::Eq | BinOpKind::Gt | BinOpKind::Gte | BinOpKind::In, true) => {
                given(&operation.left, true, names);
            }
            _ => {}
        },
        Expr::Compare(comparison) if outcome => given(&comparison.expr, true, names),
        Expr::Test(test) => {
            let positive = match test.name {
                "defined" | "string" | "number" | "integer" | "sequence" | "mapping" | "true" => true,
                "undefined" | "none" => false,
                _ => return,
            };
            if positive == outcome {
                given(&test.expr, true, names);
            }
        }
        Expr::Filter(filter) if outcome && matches!(filter.name, "length" | "trim" | "lower" | "count") => {
            if let Some(value) = &filter.expr {
                given(value, true, names);
            }
        }
        _ => {}
    }
}
