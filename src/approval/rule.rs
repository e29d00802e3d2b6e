//! When one rule allows what another asks for, how a person may widen it, and how it is shown: exactly.

use std::fmt;

use super::Rule;

/// The namespace of what concerns a whole cluster: nodes, namespaces, `--all-namespaces`, a manifest that names its own.
/// No namespace of Kubernetes has this name.
pub const WHOLE_CLUSTER: &str = "*";

impl Rule {
    /// Whether whoever allowed this has allowed `other`: never what is wider in any field, never another context.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.action == other.action
            && (self.exactly.is_none() || self.exactly == other.exactly)
            && (self.namespace.is_none() || self.namespace == other.namespace)
            && self.context == other.context
    }

    /// This rule, then each wider one: any arguments, then any namespace. The context stays: what is allowed in one cluster
    /// is asked again in another.
    #[must_use]
    pub fn widenings(&self) -> Vec<Self> {
        let mut all = vec![self.clone()];
        let mut last = self.clone();
        if last.exactly.as_ref().is_some_and(|words| !words.is_empty()) {
            last.exactly = None;
            all.push(last.clone());
        }
        if last.namespace.is_some() {
            last.namespace = None;
            all.push(last);
        }
        all
    }
}

/// `kubectl rollout restart deploy/api` in namespace `shop` of context `staging`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.exactly {
            None => write!(f, "`{}` with any arguments", self.action)?,
            Some(words) => {
                let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
                // Of a command line the words are all of it, the action's among them.
                let program = self.action.split(' ').next();
                if program.is_some() && words.first().map(String::as_str) == program {
                    write!(f, "`{}`", words.join(" "))?;
                } else {
                    write!(f, "`{}", self.action)?;
                    words.iter().try_for_each(|word| write!(f, " {word}"))?;
                    f.write_str("`")?;
                }
            }
        }
        match (self.namespace.as_deref(), self.context.as_deref()) {
            (None, None) => Ok(()),
            (None, Some(context)) => write!(f, " in any namespace of context `{context}`"),
            (Some(WHOLE_CLUSTER), Some(context)) => write!(f, " in the whole cluster of context `{context}`"),
            (Some(namespace), Some(context)) => {
                write!(f, " in namespace `{namespace}` of context `{context}`")
            }
            (Some(namespace), None) => write!(f, " in namespace `{namespace}`"),
        }
    }
}

/// A word as a shell would need it, so that two words never look like one.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,{}[]\"".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::option::of;
    use proptest::prelude::*;

    fn rule() -> impl Strategy<Value = Rule> {
        let word = || "[ab*]{1,2}";
        (word(), of(prop::collection::vec(word(), 0..3)), of(word()), of(word()))
            .prop_map(|(action, exactly, namespace, context)| Rule { action, exactly, namespace, context })
    }

    proptest! {
        /// The very thing: in no field may what is asked be wider than, or other than, what was allowed.
        #[test]
        fn what_is_wider_is_never_covered(given in rule(), asked in rule()) {
            let narrower = |given: &Option<String>, asked: &Option<String>| given.is_none() || given == asked;
            let fits = given.action == asked.action
                && (given.exactly.is_none() || given.exactly == asked.exactly)
                && narrower(&given.namespace, &asked.namespace)
                && given.context == asked.context;
            prop_assert_eq!(given.covers(&asked), fits);
            if given.covers(&asked) && asked.covers(&given) {
                prop_assert_eq!(given, asked);
            }
        }

        #[test]
        fn covering_goes_on(a in rule(), b in rule(), c in rule()) {
            if a.covers(&b) && b.covers(&c) {
                prop_assert!(a.covers(&c));
            }
        }

        #[test]
        fn each_widening_covers_those_before_and_stays_in_its_context(rule in rule()) {
            let all = rule.widenings();
            prop_assert_eq!(&all[0], &rule);
            for (n, wide) in all.iter().enumerate() {
                prop_assert_eq!(&wide.context, &rule.context);
                prop_assert_eq!(&wide.action, &rule.action);
                for narrow in &all[..n] {
                    prop_assert!(wide.covers(narrow));
                    prop_assert!(!narrow.covers(wide));
                }
            }
        }

        /// Who reads the rule knows what is allowed: two rules never read the same.
        #[test]
        fn two_rules_never_read_the_same(a in rule(), b in rule()) {
            // A namespace without a context is never stored: the words would say `of context` otherwise.
            prop_assume!(a != b);
            prop_assert_ne!(a.to_string(), b.to_string());
        }
    }

    #[test]
    fn it_is_shown_as_it_would_be_typed() {
        let rule = Rule {
            action: "kubectl rollout restart".to_owned(),
            exactly: Some(vec!["deploy/a b".to_owned(), "it's".to_owned()]),
            namespace: Some("shop".to_owned()),
            context: Some("staging".to_owned()),
        };
        let shown: Vec<String> = rule.widenings().iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                r"`kubectl rollout restart 'deploy/a b' 'it'\''s'` in namespace `shop` of context `staging`",
                "`kubectl rollout restart` with any arguments in namespace `shop` of context `staging`",
                "`kubectl rollout restart` with any arguments in any namespace of context `staging`",
            ]
        );
        let words = ["kubectl", "-n", "shop", "rollout", "restart", "deploy/a"];
        let line = Rule { exactly: Some(words.map(str::to_owned).to_vec()), ..rule };
        assert_eq!(
            line.to_string(),
            "`kubectl -n shop rollout restart deploy/a` in namespace `shop` of context `staging`"
        );
    }
}
