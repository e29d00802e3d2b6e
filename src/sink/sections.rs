//! The answer under HolmesGPT's titles, for those whose pages and scripts expect them.
//!
//! Code puts there what the answer holds; nothing is written for a title's sake. What no part of an answer says, such as
//! whether a fault is the application's or the infrastructure's, stays empty.

use super::{Investigation, Redact, cited};
use crate::answer::{
    Answer, HypothesisStatus, finding_line, fix_line, hypothesis_line, opening_line, to_markdown, trust_line,
};
use crate::evidence::Exhibit;

/// The titles that HolmesGPT gives an investigation by default, in its order.
pub const SECTIONS: [&str; 7] = [
    "Alert Explanation",
    "Key Findings",
    "Conclusions and Possible Root causes",
    "Next Steps",
    "Related logs",
    "App or Infra?",
    "External links",
];

/// Characters of the words that explain what was asked about.
const EXPLANATION: usize = 400;
/// Places of logs that are shown, and links.
const PLACES: usize = 10;
/// Characters of one line of a log.
const LINE: usize = 500;

/// One title and what stands under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub title: &'static str,
    /// Markdown; `None` where the answer says nothing about it.
    pub text: Option<String>,
}

/// The titles that were asked for, in HolmesGPT's order; `all` means all of them.
///
/// # Errors
/// The first name that is no title.
pub fn named(asked: &[String]) -> Result<Vec<&'static str>, String> {
    let same = |title: &str, name: &str| {
        let letters = |text: &str| text.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "");
        letters(title) == letters(name)
    };
    let unknown = |name: &&String| !same("all", name) && !SECTIONS.iter().any(|title| same(title, name));
    if let Some(name) = asked.iter().find(unknown) {
        return Err(name.clone());
    }
    let wanted = |title: &&str| asked.iter().any(|name| same("all", name) || same(title, name));
    Ok(SECTIONS.into_iter().filter(wanted).collect())
}

/// Puts the answer under `titles`; its text becomes theirs, as HolmesGPT has it.
pub fn fill(run: &mut Investigation, titles: &[&'static str], redact: Redact<'_>) {
    if titles.is_empty() {
        return;
    }
    run.sections = titles.iter().map(|title| Section { title, text: section(run, title, redact) }).collect();
    let parts = run.sections.iter().filter_map(|one| {
        let text = one.text.as_ref()?;
        Some(format!("# {}\n\n{text}", one.title))
    });
    let text = parts.collect::<Vec<_>>().join("\n\n");
    // Titles none of which has anything to say take nothing away.
    if !text.is_empty() {
        run.answer.text = text;
    }
}

fn section(run: &Investigation, title: &str, redact: Redact<'_>) -> Option<String> {
    let text = match title {
        "Alert Explanation" => explanation(run),
        "Key Findings" => run.answer.findings.iter().map(finding_line).collect::<Vec<_>>().join("\n"),
        "Conclusions and Possible Root causes" => conclusions(&run.answer),
        "Next Steps" => next_steps(&run.answer),
        "Related logs" => logs(run, redact),
        "External links" => links(&run.answer),
        _ => String::new(),
    };
    let text = below(redact(&text).trim());
    (!text.is_empty()).then_some(text)
}

/// What was asked about: only where it is a thing, for a plain question explains itself.
fn explanation(run: &Investigation) -> String {
    let Some(subject) = &run.question.subject else { return String::new() };
    let first = run.question.text.split("\n\n").next().unwrap_or_default();
    let words = first.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown: String = words.chars().take(EXPLANATION).collect();
    if shown.len() < words.len() {
        shown.push('…');
    }
    format!("`{}`: {shown}", subject.replace('`', "'"))
}

/// A model's own words in full, else root cause and doubts.
fn conclusions(answer: &Answer) -> String {
    let by_fields = answer.text.trim().is_empty() || answer.text == to_markdown(answer);
    let mut parts = vec![if by_fields { opening_line(answer) } else { answer.text.trim().to_owned() }];
    parts.extend(trust_line(answer));
    let open = |status| status != HypothesisStatus::RuledOut;
    let possible = answer.hypotheses.iter().filter(|one| open(one.status)).map(hypothesis_line);
    let listed = |title: &str, lines: Vec<String>| {
        (!lines.is_empty()).then(|| format!("**{title}**\n\n- {}", lines.join("\n- ")))
    };
    parts.extend(listed("Possible", possible.collect()));
    parts.extend(listed("Not sure", answer.not_sure.clone()));
    parts.join("\n\n")
}

fn next_steps(answer: &Answer) -> String {
    let steps = answer.fix.iter().enumerate();
    steps.map(|(number, step)| format!("{}. {}", number + 1, fix_line(step))).collect::<Vec<_>>().join("\n")
}

/// The cited lines of logs, with those around them.
fn logs(run: &Investigation, redact: Redact<'_>) -> String {
    let mut out = Vec::new();
    for finding in run.answer.findings.iter().filter(|finding| finding.verified) {
        let Some((exhibit, place)) =
            run.exhibit(finding.exhibit).filter(|one| is_log(one)).zip(finding.lines)
        else {
            continue;
        };
        let lines = cited::lines(exhibit, place, redact);
        if lines.is_empty() || out.len() == PLACES {
            continue;
        }
        let lines: Vec<String> = lines.iter().map(|line| line.text.chars().take(LINE).collect()).collect();
        let lines = lines.join("\n");
        let longest = lines.split(|c| c != '`').map(str::len).max().unwrap_or_default();
        let marks = "`".repeat(3.max(longest + 1));
        let what = exhibit.description.split_whitespace().collect::<Vec<_>>().join(" ");
        out.push(format!("E{} {what}, from line {}:\n\n{marks}\n{lines}\n{marks}", exhibit.id, place.0));
    }
    out.dedup();
    out.join("\n\n")
}

/// By what it is called: a tool that reads logs, or an attached log.
fn is_log(exhibit: &Exhibit) -> bool {
    let name = if exhibit.is_attachment() { &exhibit.invocation } else { &exhibit.tool };
    let name = name.to_lowercase();
    let parts = name.split(|c: char| !c.is_alphanumeric());
    parts
        .into_iter()
        .any(|part| matches!(part, "log" | "logs" | "journal" | "journalctl" | "dmesg" | "syslog" | "loki"))
}

/// Addresses that stand in the answer's own words.
fn links(answer: &Answer) -> String {
    let texts = answer.fix.iter().chain(&answer.not_sure).chain([&answer.text, &answer.root_cause]);
    let mut found: Vec<String> = Vec::new();
    for text in texts {
        for at in text.match_indices("https://").map(|(at, _)| at) {
            let rest = text.get(at..).unwrap_or_default();
            let end = rest.find(|c: char| {
                c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '`' | ')' | ']' | '\'')
            });
            let link = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            let link = link.trim_end_matches(['.', ',', ';', ':', '*']);
            if link.len() > "https://".len() && found.len() < PLACES && !found.iter().any(|one| one == link) {
                found.push(link.to_owned());
            }
        }
    }
    found.iter().map(|link| format!("- <{link}>")).collect::<Vec<_>>().join("\n")
}

/// Headings one level down: a section's title stands above them.
fn below(text: &str) -> String {
    let mut code = false;
    let lines = text.lines().map(|line| {
        code ^= line.trim_start().starts_with("```");
        if !code && line.starts_with("# ") { format!("#{line}") } else { line.to_owned() }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_found_as_people_type_them() {
        let named = |names: &[&str]| named(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(named(&["all"]).unwrap(), SECTIONS);
        assert_eq!(named(&["next steps", "Key-Findings"]).unwrap(), ["Key Findings", "Next Steps"]);
        assert_eq!(named(&["app or infra"]).unwrap(), ["App or Infra?"]);
        assert_eq!(named(&["Summary"]), Err("Summary".to_owned()));
        assert!(named(&[]).unwrap().is_empty());
    }

    #[test]
    fn links_are_those_that_stand_there() {
        let answer = Answer {
            fix: vec![
                "see https://docs.example/a?b=1.".to_owned(),
                "(https://docs.example/a?b=1)".to_owned(),
            ],
            text: "<https://x.example> https:// end".to_owned(),
            ..Answer::default()
        };
        assert_eq!(links(&answer), "- <https://docs.example/a?b=1>\n- <https://x.example>");
    }
}
