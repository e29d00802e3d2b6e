//! What was allowed for longer than one call: for a session, or from now on.

use super::place::Settled;
use super::{Ask, Rule};

/// One thing that a person, or the program they named, has allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Short, unique in its file; what `approve revoke` is given.
    pub id: String,
    /// Tool and toolset it was given for: another tool of the same name has nothing of it.
    pub tool: String,
    pub toolset: String,
    pub rule: Rule,
    /// Address of the server of its context.
    pub server: Option<String>,
    /// When, as RFC 3339.
    pub granted: String,
    /// Who: the name of a user, or `approval_command`.
    pub by: String,
    /// The run it was given in.
    pub run: String,
}

impl Grant {
    /// Whether it allows this rule of a call of `ask`.
    #[must_use]
    pub fn covers(&self, ask: &Ask, asked: &Settled) -> bool {
        self.tool == ask.tool
            && self.toolset == ask.toolset
            && self.server == asked.server
            && self.rule.covers(&asked.rule)
    }
}

/// The ids of those that allow the call: each of its rules is covered by one. `None`: it has to be asked about.
#[must_use]
pub fn covering<'a>(grants: &'a [&Grant], ask: &Ask, asked: &[Settled]) -> Option<Vec<&'a str>> {
    if asked.is_empty() || asked.len() != ask.rules.len() {
        return None;
    }
    let mut ids = Vec::new();
    for one in asked {
        let grant = grants.iter().find(|grant| grant.covers(ask, one))?;
        if !ids.contains(&grant.id.as_str()) {
            ids.push(grant.id.as_str());
        }
    }
    Some(ids)
}

/// A new short name.
#[must_use]
pub fn new_id() -> String {
    // The last digits of a v7 are random.
    uuid::Uuid::now_v7().simple().to_string().split_off(26)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::Concern;

    fn rule(action: &str, context: Option<&str>) -> Rule {
        Rule {
            action: action.to_owned(),
            exactly: None,
            namespace: None,
            context: context.map(str::to_owned),
        }
    }

    fn grant(id: &str, rule: Rule, server: Option<&str>) -> Grant {
        Grant {
            id: id.to_owned(),
            tool: "bash".to_owned(),
            toolset: "bash/core".to_owned(),
            rule,
            server: server.map(str::to_owned),
            granted: String::new(),
            by: String::new(),
            run: String::new(),
        }
    }

    fn ask(rules: &[Rule]) -> Ask {
        Ask {
            tool: "bash".to_owned(),
            toolset: "bash/core".to_owned(),
            shown: String::new(),
            concern: Concern::Change,
            why: String::new(),
            rules: rules.to_vec(),
            tainted_by: None,
        }
    }

    fn settled(rules: &[Rule], server: Option<&str>) -> Vec<Settled> {
        let one = |rule: &Rule| Settled {
            rule: rule.clone(),
            server: rule.context.as_ref().and(server.map(str::to_owned)),
        };
        rules.iter().map(one).collect()
    }

    #[test]
    fn every_part_must_be_allowed() {
        let (restart, scale) = (rule("systemctl restart", None), rule("systemctl stop", None));
        let both = [restart.clone(), scale.clone()];
        let first = grant("1", restart.clone(), None);
        let second = grant("2", scale, None);
        let found = |grants: &[&Grant], rules: &[Rule]| {
            covering(grants, &ask(rules), &settled(rules, None))
                .map(|ids| ids.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        assert_eq!(found(&[&first], &both), None);
        assert_eq!(found(&[&first, &second], &both), Some(vec!["1".to_owned(), "2".to_owned()]));
        assert_eq!(found(&[&first], &[restart.clone(), restart]), Some(vec!["1".to_owned()]));
        assert_eq!(found(&[&first, &second], &[]), None);
    }

    #[test]
    fn another_server_tool_or_toolset_has_nothing_of_it() {
        let rules = [rule("kubectl delete", Some("default"))];
        let given = grant("1", rules[0].clone(), Some("https://a"));
        let covered =
            |ask: &Ask, server: &str| covering(&[&given], ask, &settled(&rules, Some(server))).is_some();
        assert!(covered(&ask(&rules), "https://a"));
        assert!(!covered(&ask(&rules), "https://b"));
        assert!(!covered(&Ask { tool: "other".to_owned(), ..ask(&rules) }, "https://a"));
        assert!(!covered(&Ask { toolset: "other".to_owned(), ..ask(&rules) }, "https://a"));
    }
}
