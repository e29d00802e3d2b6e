//! What a redactor must know to replay a recorded run: which secret had which number.
//!
//! A record does not hold its secrets. Where raw output still does, the recorded view of the same line says
//! which part of it was replaced, and by what: a replay on a machine without the key shows no more than the run.

use super::Redactor;

/// Shorter values stand in too many places to be replaced wherever they turn up.
const SHORTEST: usize = 4;

impl Redactor {
    /// Distinct secrets replaced so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.reserved.get()
    }

    /// Numbers new secrets after `count`.
    pub fn reserve(&self, count: usize) {
        self.reserved.set(self.reserved.get().max(count));
    }

    /// Takes from a raw line, and the same line as a recorded run showed it, what was replaced by which
    /// number. Lines that do not fit together are passed over.
    pub fn remember(&self, raw: &str, shown: &str) {
        for (number, secret) in replaced(raw, shown) {
            self.reserve(number);
            self.seen.borrow_mut().entry(secret.to_owned()).or_insert(number);
            if secret.len() >= SHORTEST {
                self.known.add([secret.to_owned()]);
            }
        }
    }
}

/// The parts of `raw` that stand where `shown` has `<secret:N>`.
fn replaced<'a>(raw: &'a str, shown: &str) -> Vec<(usize, &'a str)> {
    let mut parts = shown.split("<secret:");
    let Some(mut rest) = parts.next().and_then(|first| raw.strip_prefix(first)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let Some((number, literal)) = part.split_once('>') else { return Vec::new() };
        let Ok(number) = number.parse() else { return Vec::new() };
        let end = match parts.peek() {
            None if literal.is_empty() => Some(rest.len()),
            None => rest.ends_with(literal).then(|| rest.len() - literal.len()),
            // Two in a row cannot be told apart.
            Some(_) if literal.is_empty() => None,
            Some(_) => rest.find(literal),
        };
        let Some((secret, after)) = end.filter(|end| *end > 0).and_then(|end| rest.split_at_checked(end))
        else {
            return Vec::new();
        };
        found.push((number, secret));
        rest = after.get(literal.len()..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_line_tells_what_of_the_raw_one_is_secret() {
        let redactor = Redactor::new([], &[]);
        redactor.remember("user a with correct-horse at host-7.", "user a with <secret:3> at <secret:1>.");
        assert_eq!(redactor.redact("correct-horse"), "<secret:3>");
        assert_eq!(redactor.redact("on host-7 now"), "on <secret:1> now");
        assert_eq!(redactor.count(), 3);
        for (raw, shown) in [
            ("a", "b"),
            ("x", "<secret:"),
            ("x", "<secret:9"),
            ("x", "<secret:a>"),
            ("xy", "<secret:1><secret:2>"),
            ("", "<secret:1>"),
        ] {
            assert!(replaced(raw, shown).is_empty(), "{raw} {shown}");
        }
    }
}
