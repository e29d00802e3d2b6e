//! Which tools a model is offered: those the question is likely to need, within some tokens; the rest behind one call.
//!
//! Schemas are paid for with every request, so a workstation with forty usable toolsets must not send them all. What is chosen
//! depends on the question's words, on whose toolset it is and on the order of the box: the same for the same inputs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::agent::message::{Arguments, ToolCall, ToolSpec};
use crate::evidence::{telling_words, tokens};

/// The tool that brings others.
pub const FIND_TOOLS: &str = "find_tools";
/// Tools that one call of it brings at most …
const MOST_FOUND: usize = 6;
/// … and tokens of them.
const FOUND_TOKENS: u64 = 700;
/// Names of toolsets that its description lists, in tokens.
const LISTED_TOKENS: u64 = 60;

/// A tool that can be used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Usable {
    pub spec: ToolSpec,
    pub toolset: String,
    /// Given by the user, or on for everybody: before others of the same relevance.
    pub first: bool,
}

/// The tools of a run, offered and not.
#[derive(Debug, Clone, Default)]
pub(super) struct Offer {
    offered: Vec<ToolSpec>,
    /// Estimated, of all that is offered: it does not change from step to step.
    tokens: u64,
    hidden: Vec<Usable>,
}

/// Estimated tokens of a tool in a request.
pub(in crate::agent) fn spec_tokens(spec: &ToolSpec) -> u64 {
    12 + tokens::estimate(&spec.description) + tokens::estimate(&spec.parameters.to_string())
}

impl Offer {
    pub(super) fn all(offered: Vec<ToolSpec>) -> Self {
        Self::new(offered, Vec::new())
    }

    pub(super) fn new(offered: Vec<ToolSpec>, hidden: Vec<Usable>) -> Self {
        Self { tokens: offered.iter().map(spec_tokens).sum(), offered, hidden }
    }

    /// Chooses of `usable` by the words of `question` what takes at most `budget` tokens together with `always`, which is offered
    /// whatever it takes.
    pub(super) fn choose(usable: Vec<Usable>, always: Vec<ToolSpec>, question: &str, budget: u64) -> Self {
        let cost = |specs: &[ToolSpec]| specs.iter().map(spec_tokens).sum::<u64>();
        let all: u64 = usable.iter().map(|tool| spec_tokens(&tool.spec)).sum();
        if all + cost(&always) <= budget {
            let mut offered: Vec<ToolSpec> = usable.into_iter().map(|tool| tool.spec).collect();
            offered.extend(always);
            return Self::all(offered);
        }
        let names = usable.iter().map(|tool| tool.toolset.as_str());
        let mut left = budget.saturating_sub(cost(&always) + spec_tokens(&find_tools(names)));
        let relevance = Relevance::of(&usable, question);
        let mut order: Vec<usize> = (0..usable.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse(relevance.score(*at)));
        let is_first = |at: usize| usable.get(at).is_some_and(|tool| tool.first);
        let mut chosen = BTreeSet::new();
        let mut choose = |wanted: &dyn Fn(usize) -> bool, mut most: u64, left: &mut u64| {
            for at in order.iter().copied().filter(|at| wanted(*at)) {
                let tokens = usable.get(at).map_or(u64::MAX, |tool| spec_tokens(&tool.spec));
                if tokens <= most.min(*left) && chosen.insert(at) {
                    most -= tokens;
                    *left -= tokens;
                }
            }
        };
        // A part for what the question names, the rest for what every investigation needs.
        let part = left * 2 / 5;
        choose(&|at| !is_first(at) && relevance.score(at) > 0, part, &mut left);
        choose(&|at| is_first(at), u64::MAX, &mut left);
        choose(&|at| relevance.score(at) > 0, u64::MAX, &mut left);
        let (mut offered, mut hidden) = (Vec::new(), Vec::new());
        for (at, tool) in usable.into_iter().enumerate() {
            if chosen.contains(&at) {
                offered.push(tool.spec);
            } else {
                hidden.push(tool);
            }
        }
        offered.push(find_tools(hidden.iter().map(|tool| tool.toolset.as_str())));
        offered.extend(always);
        Self::new(offered, hidden)
    }

    pub(super) fn specs(&self) -> &[ToolSpec] {
        &self.offered
    }

    pub(super) fn hidden(&self) -> &[Usable] {
        &self.hidden
    }

    pub(super) fn get(&self, name: &str) -> Option<&ToolSpec> {
        self.offered.iter().find(|spec| spec.name == name)
    }

    /// Estimated tokens of all that is offered.
    pub(super) fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Names of all tools, offered or not.
    pub(super) fn names(&self) -> Vec<&str> {
        let hidden = self.hidden.iter().map(|tool| tool.spec.name.as_str());
        self.offered.iter().map(|spec| spec.name.as_str()).chain(hidden).collect()
    }

    /// Offers a hidden tool that is called by its name all the same.
    pub(super) fn bring(&mut self, name: &str) -> bool {
        let Some(at) = self.hidden.iter().position(|tool| tool.spec.name == name) else { return false };
        let tool = self.hidden.remove(at);
        self.tokens += spec_tokens(&tool.spec);
        self.offered.push(tool.spec);
        true
    }

    /// Answers a call of `find_tools`: the tools that its words fit best are offered from now on. The second value is
    /// their names.
    pub(super) fn find(&mut self, call: &ToolCall) -> (String, Vec<String>) {
        let words = match &call.arguments {
            Arguments::Object(map) => {
                let said: Vec<String> = map.values().map(Value::to_string).collect();
                said.join(" ")
            }
            Arguments::Unreadable(text) => text.clone(),
        };
        let mut relevance = Relevance::of(&self.hidden, &words);
        // Named outright.
        for (score, tool) in relevance.0.iter_mut().zip(&self.hidden) {
            if words.contains(&tool.spec.name) {
                *score += NAMED;
            }
        }
        let mut order: Vec<usize> = (0..self.hidden.len()).filter(|at| relevance.score(*at) > 0).collect();
        order.sort_by_key(|at| std::cmp::Reverse(relevance.score(*at)));
        let (mut found, mut spent) = (BTreeSet::new(), 0);
        for at in order.into_iter().take(MOST_FOUND) {
            let tokens = self.hidden.get(at).map_or(0, |tool| spec_tokens(&tool.spec));
            if found.is_empty() || spent + tokens <= FOUND_TOKENS {
                spent += tokens;
                found.insert(at);
            }
        }
        if found.is_empty() {
            let toolsets = listed(self.hidden.iter().map(|tool| tool.toolset.as_str()), 4 * LISTED_TOKENS);
            let reply = format!("No further tool fits these words. Toolsets with further tools: {toolsets}.");
            return (reply, Vec::new());
        }
        let mut reply = "You can call these now:".to_owned();
        let (mut at, mut names) = (0, Vec::new());
        let offered = &mut self.offered;
        self.hidden.retain(|tool| {
            let is_found = found.contains(&at);
            at += 1;
            if is_found {
                let _ = write!(reply, "\n- {}: {}", tool.spec.name, tool.spec.description);
                offered.push(tool.spec.clone());
                self.tokens += spec_tokens(&tool.spec);
                names.push(tool.spec.name.clone());
            }
            !is_found
        });
        (reply, names)
    }
}

/// A tool whose name stands among the words goes before all others.
const NAMED: u64 = 10_000;
fn find_tools<'a>(toolsets: impl Iterator<Item = &'a str>) -> ToolSpec {
    ToolSpec {
        name: FIND_TOOLS.to_owned(),
        description: format!("More tools: {}", listed(toolsets, LISTED_TOKENS)),
        parameters: json!({
            "type": "object",
            "properties": {"words": {"type": "string", "description": "what for"}},
            "required": ["words"],
        }),
    }
}

/// Names without repeats, as many as the tokens allow.
fn listed<'a>(names: impl Iterator<Item = &'a str>, most: u64) -> String {
    let (mut seen, mut list, mut spent) = (BTreeSet::new(), Vec::new(), 0);
    for name in names {
        if seen.insert(name) {
            spent += 1 + tokens::estimate(name);
            if spent > most {
                list.push("…");
                break;
            }
            list.push(name);
        }
    }
    list.join(", ")
}

/// How well each tool fits some words. Rare words tell more than frequent ones, names more than descriptions.
struct Relevance(Vec<u64>);

impl Relevance {
    fn of(tools: &[Usable], words: &str) -> Self {
        let wanted: BTreeSet<String> = telling_words(words).into_iter().collect();
        let texts: Vec<(BTreeSet<String>, BTreeSet<String>)> = tools
            .iter()
            .map(|tool| {
                let names = format!("{} {}", tool.toolset, tool.spec.name).replace(['_', '/', '-'], " ");
                (set(&names), set(&format!("{} {}", tool.spec.description, parameters(&tool.spec))))
            })
            .collect();
        let mut scores = vec![0; tools.len()];
        for word in &wanted {
            let hits: Vec<u64> = texts
                .iter()
                .map(|(names, said)| match (holds(names, word), holds(said, word)) {
                    (true, _) => 3,
                    (false, true) => 1,
                    (false, false) => 0,
                })
                .collect();
            let count = hits.iter().filter(|hit| **hit > 0).count();
            // A word that half of all tools know says nothing.
            if count == 0 || tools.len() > 8 && count * 2 > tools.len() {
                continue;
            }
            let rarity = 10 + 40 / u64::try_from(count).unwrap_or(u64::MAX);
            for (score, hit) in scores.iter_mut().zip(hits) {
                *score += hit * rarity;
            }
        }
        Self(scores)
    }

    fn score(&self, at: usize) -> u64 {
        self.0.get(at).copied().unwrap_or_default()
    }
}

fn set(text: &str) -> BTreeSet<String> {
    telling_words(text).into_iter().collect()
}

/// Whether a word stands there, or one that begins with it: `postgres` and `postgresql`.
fn holds(words: &BTreeSet<String>, wanted: &str) -> bool {
    if words.contains(wanted) {
        return true;
    }
    let begins = |one: &str, other: &str| other.len() >= 4 && one.starts_with(other);
    words.iter().any(|word| begins(word, wanted) || begins(wanted, word))
}

fn parameters(spec: &ToolSpec) -> String {
    let properties = spec.parameters.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    fn usable(toolset: &str, name: &str, description: &str, first: bool) -> Usable {
        let parameters = json!({"type": "object", "properties": {"name": {"type": "string"}}});
        let spec = ToolSpec { name: name.to_owned(), description: description.to_owned(), parameters };
        Usable { spec, toolset: toolset.to_owned(), first }
    }

    fn workstation() -> Vec<Usable> {
        let mut tools = vec![
            usable("kubernetes/core", "kubectl_describe", "Describe a resource with its events", true),
            usable("kubernetes/logs", "kubectl_logs", "Logs of a pod", true),
            usable("host/core", "host_disk", "Free space and inodes", true),
            usable(
                "postgres",
                "postgres_activity",
                "Sessions of a PostgreSQL database, and who blocks whom",
                false,
            ),
            usable("postgres", "postgres_locks", "Locks that are held and waited for", false),
            usable("redis", "redis_info", "Memory, clients and replication of a Redis server", false),
        ];
        for n in 0..60 {
            tools.push(usable(
                &format!("cloud/{n}"),
                &format!("cloud_tool_{n}"),
                "Something of a cloud",
                false,
            ));
        }
        tools
    }

    fn offer(question: &str, budget: u64) -> Offer {
        Offer::choose(workstation(), vec![usable("", "answer", "Conclude", true).spec], question, budget)
    }

    fn find(words: &str) -> ToolCall {
        let arguments = Arguments::Object(Map::from_iter([("words".to_owned(), Value::from(words))]));
        ToolCall { id: "1".to_owned(), tool: FIND_TOOLS.to_owned(), arguments, echo: Map::new() }
    }

    #[test]
    fn what_fits_is_offered_whole_and_without_a_search() {
        let all = offer("why", 100_000);
        assert_eq!(all.specs().len(), 67);
        assert!(all.get(FIND_TOOLS).is_none());
    }

    #[test]
    fn the_question_decides_what_is_offered_within_the_budget() {
        let chosen = offer("why is the postgres database slow?", 400);
        assert!(chosen.tokens() <= 400, "{}", chosen.tokens());
        let names: Vec<&str> = chosen.specs().iter().map(|spec| spec.name.as_str()).collect();
        assert!(names.contains(&"postgres_activity") && names.contains(&"answer"), "{names:?}");
        assert!(names.contains(&"kubectl_logs") && names.contains(&FIND_TOOLS), "{names:?}");
        assert!(!names.contains(&"redis_info") && !names.contains(&"cloud_tool_3"), "{names:?}");
        // The order is that of the box.
        assert!(
            names.iter().position(|n| *n == "kubectl_logs")
                < names.iter().position(|n| *n == "postgres_activity")
        );
    }

    #[test]
    fn a_search_brings_what_fits_and_says_so_where_nothing_does() {
        let mut offer = offer("why does checkout crash?", 300);
        assert!(offer.get("redis_info").is_none());
        let (reply, any) = offer.find(&find("redis memory"));
        assert!(any == ["redis_info"] && reply.contains("redis_info: Memory"), "{reply}");
        assert!(offer.get("redis_info").is_some());
        let (reply, any) = offer.find(&find("mainframe tapes"));
        assert!(any.is_empty() && reply.contains("postgres"), "{reply}");
        assert!(offer.bring("postgres_locks") && !offer.bring("postgres_locks") && !offer.bring("nonsense"));
    }
}
