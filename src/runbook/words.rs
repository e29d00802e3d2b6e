//! Words of texts, made comparable: identifiers split, endings cut where that is safe, words of no meaning left out.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Words that tell nothing of a problem.
const STOP: &str = "a about again all also am an and any are as at be been but by can cannot could did do does doing \
    done for from get gets getting give go goes got had has have having he help her here him his how i \
    if in into is it its just know let like look make many may me more most much must my no not now of \
    on one or other our out over please s say see she should show since so some t tell than that the \
    their them then there these they this those to too under until up us use very want was we were what \
    when where which while who why will with would you your today yesterday morning last minute minutes \
    hour hours day days re ve don doesn isn keep keeps suddenly wrong went happened happening find check \
    via after before found";

static STOPS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| STOP.split(' ').collect());

/// Words of every second alert: they add to what is found, and find nothing by themselves.
const EMPTY: &str = "kube kubernetes k8s pod node container cluster namespace deployment deploy service server app \
    application workload alert error problem issue fail failure high low usage use rate warning critical \
    down status state metric prometheus exporter instance host system resource request time long number \
    count total new old run start stop work value name near almost soon job statefulset daemonset \
    replica percent level large big small set change available unavailable miss production prod stage \
    team user page machine data file read write access connect message response back off cloud slow only \
    per open close ready stuck client full version target detect code call list mismatch grow";

/// Parts that have trouble of many kinds: one of them finds nothing, two do.
const PARTS: &str = "memory cpu disk network database db kafka rabbitmq redis postgres postgresql pg api aws connection \
    limit queue volume model";

/// A word of a query as it was written, and as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub written: String,
    pub stem: String,
    /// A whole identifier; its parts are words too.
    pub whole: bool,
    /// [`Tells::Much`] until [`judged`].
    pub tells: Tells,
}

/// How much a word tells of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tells {
    /// Nothing by itself.
    Little,
    /// Something together with another one.
    Some,
    Much,
}

/// Says of each word how much it tells. Only queries need it: texts have thousands of words.
pub(super) fn judged(mut words: Vec<Word>) -> Vec<Word> {
    for word in &mut words {
        word.tells = tells(&word.stem);
    }
    words
}

fn tells(stem: &str) -> Tells {
    let is = |words: &str| words.split(' ').any(|word| self::stem(word) == stem);
    match () {
        () if is(EMPTY) => Tells::Little,
        () if is(PARTS) => Tells::Some,
        () => Tells::Much,
    }
}

/// The words of a text in their order, repeated ones too; at most `most`.
///
/// `KubePodCrashLooping` gives kube, pod, crash, loop and itself: people write `crashloopbackoff`.
pub(super) fn words(text: &str, most: usize) -> Vec<Word> {
    let mut found = Vec::new();
    for run in text.split(|c: char| !c.is_alphanumeric()) {
        if found.len() >= most {
            break;
        }
        // Nobody's word, but perhaps a hash.
        if run.is_empty() || run.len() > 64 {
            continue;
        }
        let parts = split(run);
        if parts.len() > 1 {
            push(run, true, &mut found);
        }
        for part in parts {
            push(part, false, &mut found);
        }
    }
    found.truncate(most);
    found
}

fn push(part: &str, whole: bool, found: &mut Vec<Word>) {
    let lower = part.to_lowercase();
    let number = lower.chars().all(|c| c.is_ascii_digit());
    // Numbers say something as status codes alone.
    if STOPS.contains(lower.as_str()) || lower.chars().count() < 2 || (number && lower.len() != 3) {
        return;
    }
    let stem = stem(&lower);
    found.push(Word { written: lower, stem, whole, tells: Tells::Much });
}

/// At changes of case: `HTTPServer5xx` is HTTP, Server5xx; `OOMKilled` is OOM, Killed.
fn split(run: &str) -> Vec<&str> {
    // Most words of a text, and the index reads thousands.
    if !run.bytes().skip(1).any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
        return vec![run];
    }
    let chars: Vec<(usize, char)> = run.char_indices().collect();
    let mut parts = Vec::new();
    let mut start = 0;
    for window in 1..chars.len() {
        let ((_, before), (at, here)) = (chars[window - 1], chars[window]);
        let next = chars.get(window + 1).map(|(_, c)| *c);
        let rises = before.is_lowercase() && here.is_uppercase();
        let word_begins =
            before.is_uppercase() && here.is_uppercase() && next.is_some_and(char::is_lowercase);
        // `PVCs` and `APIs` are one word.
        let plural = next == Some('s') && chars.get(window + 2).is_none_or(|(_, c)| c.is_uppercase());
        if rises || (word_begins && !plural) {
            parts.extend(run.get(start..at));
            start = at;
        }
    }
    parts.extend(run.get(start..));
    parts
}

/// The plural's s, `ed`, `ing` and a last e, where enough of the word is left.
fn stem(word: &str) -> String {
    if !word.is_ascii() || word.len() < 4 || word.bytes().any(|b| b.is_ascii_digit()) {
        return word.to_owned();
    }
    let mut stem = word;
    let owned;
    if let Some(base) = stem.strip_suffix("ies").filter(|base| base.len() > 2) {
        owned = format!("{base}y");
        stem = &owned;
    } else if let Some(base) = stem.strip_suffix('s')
        && !["s", "u", "i"].iter().any(|end| base.ends_with(end))
    {
        stem = base
            .strip_suffix('e')
            .filter(|base| ["ch", "sh", "ss", "x"].iter().any(|end| base.ends_with(end)))
            .unwrap_or(base);
    }
    for ending in ["ing", "ed"] {
        if let Some(base) = stem
            .strip_suffix(ending)
            .filter(|base| base.len() >= 3 && base.contains(['a', 'e', 'i', 'o', 'u', 'y']))
        {
            stem = base;
            // `throttling` keeps its l, `dropped` loses one p.
            let mut ends = stem.chars().rev();
            if let (Some(last), Some(before)) = (ends.next(), ends.next())
                && last == before
                && !['l', 's', 'e', 'o'].contains(&last)
            {
                stem = &stem[..stem.len() - 1];
            }
            break;
        }
    }
    if stem.len() > 4 {
        stem = stem.strip_suffix('e').unwrap_or(stem);
    }
    stem.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stems(text: &str) -> String {
        words(text, 100).into_iter().map(|word| word.stem).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn identifiers_are_split() {
        for (text, wanted) in [
            ("KubePodCrashLooping", "kubepodcrashloop kube pod crash loop"),
            ("OOMKilled", "oomkill oom kill"),
            ("redis_memory-high", "redis memory high"),
            ("HTTPServerErrors", "httpservererror http server error"),
            ("PVCs are full", "pvc full"),
            ("code 503, 7 of 12345", "code 503"),
            ("", ""),
            ("🦀 ünïcode Straße", "ünïcod straße"),
        ] {
            let wanted = wanted.replace("ünïcod ", "ünïcode ");
            assert_eq!(stems(text), wanted, "{text}");
        }
    }

    #[test]
    fn endings_meet() {
        for same in [
            "crash crashes crashed crashing",
            "latency latencies",
            "expire expires expired expiring",
            "throttle throttled throttling",
            "evict evicted evicting evicts",
            "drop dropped dropping",
            "kill killed killing",
            "certificate certificates",
        ] {
            let stems = stems(same);
            let mut all: Vec<_> = stems.split(' ').collect();
            all.dedup();
            assert_eq!(all.len(), 1, "{same}: {stems}");
        }
        assert_eq!(stems("status dns redis class"), "status dns redis class");
    }

    #[test]
    fn a_novel_is_bounded() {
        assert_eq!(words(&"crash ".repeat(100_000), 200).len(), 200);
        assert!(words(&"x".repeat(1_000_000), 200).is_empty());
    }
}
