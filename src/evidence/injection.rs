//! Text written by strangers that reads like an instruction to a model.
//!
//! It flags, it does not stop: the line stays evidence, a person is told of it, and nothing that changes anything runs
//! afterwards. It looks for whom a line speaks to and what it wants, and errs towards silence on ordinary logs.

use std::sync::LazyLock;

use regex::Regex;
use regex::bytes::{RegexSet, RegexSetBuilder};
use serde::{Deserialize, Serialize};

use super::view;

/// Characters of the line that are repeated to the person.
const LONGEST_EXCERPT: usize = 120;

/// Where an exhibit reads like an instruction to a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    /// 1-based, in the raw exhibit.
    pub line: u64,
    /// The line, cut; terminal codes and secrets removed.
    pub excerpt: String,
}

impl Flag {
    /// What a person is told of it.
    #[must_use]
    pub fn told(&self, exhibit: u32) -> String {
        format!("E{exhibit} line {} reads like an instruction to a model: {}", self.line, self.excerpt)
    }
}

/// The first of `lines` that reads like an instruction, alone or with the line after it.
#[must_use]
pub fn find(lines: &[view::Line]) -> Option<Flag> {
    let mut after = lines.iter().skip(1);
    for (number, text) in lines {
        let next = after.next();
        let alone = reads_as_instruction(text);
        // Long lines are paragraphs already.
        let joined = || {
            next.filter(|(_, next)| text.len() + next.len() < 400 && !text.is_empty()).is_some_and(
                |(_, next)| {
                    !reads_as_instruction(next)
                        && reads_as_instruction(&format!("{} {}", text.trim_end(), next.trim_start()))
                },
            )
        };
        if alone || joined() {
            return Some(Flag { line: *number, excerpt: view::clip(text.trim(), LONGEST_EXCERPT) });
        }
    }
    None
}

/// Whether `line` speaks to a model.
#[must_use]
pub fn reads_as_instruction(line: &str) -> bool {
    if !HINT.as_ref().is_none_or(|hint| hint.is_match(line)) && line.is_ascii() {
        return false;
    }
    let plain = folded(line);
    PATTERNS.as_ref().is_some_and(|patterns| patterns.is_match(plain.as_bytes()))
}

/// Lower case, full-width and look-alike letters as plain ones, any run of blanks and marks as one blank.
fn folded(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars().flat_map(char::to_lowercase) {
        let c = match c {
            '\u{ff01}'..='\u{ff5e}' => {
                char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c).to_ascii_lowercase()
            }
            'а' => 'a',
            'е' => 'e',
            'о' => 'o',
            'р' => 'p',
            'с' => 'c',
            'у' => 'y',
            'х' => 'x',
            'і' => 'i',
            'ѕ' => 's',
            'ј' => 'j',
            '’' | '‘' => '\'',
            '_' | '*' | '"' | '“' | '”' | '\t' | '\u{a0}' | '`' => ' ',
            c => c,
        };
        if c != ' ' || !out.ends_with(' ') {
            out.push(c);
        }
    }
    out
}

/// A cheap question first: nearly no line of a log has these words.
static HINT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i-u)ignor|disregard|forget|you are|you're|your|overrid|system|instruction|prompt|assistant|tool|tell|user|reveal|do not|don't|execute|kubectl|ai\b|llm|model|answer|<\||\[inst|vergiss|oublie|instru|dimentica|pretend|attention|claude|gemini|gpt|respond|conclude|send |upload|exfiltrate|above|<<|sys>|\]\(http|post |mode\b|stop |end of|</?function|<invoke|\[/?available[ _-]tools|\[/?tool[ _-]results|action input|final answer|exhibit|please |untrusted|without |approv|confirm|\bfix\b|remed|solution|resolution|always |never |must |begin |translate|esque|negeer|vergeet|zignoruj|zapomnij|talimat").ok()
});

static PATTERNS: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    RegexSetBuilder::new([
        // Set aside what was said before, in several languages
        r"\b(?:ignore|disregard|forget|override|bypass|skip|neglect|drop|cancel|discard)\b.{0,30}\b(?:previous|prior|above|earlier|preceding|former|foregoing|existing|original|initial|all|any|your|my|system|these|those|safety)\b.{0,30}\b(?:instructions?|prompts?|directions?|directives?|rules?|guidelines?|commands?|context|training|programming|constraints?|restrictions?|guardrails?|messages?|told|orders|policies|policy)\b",
        r"\b(?:forget|ignore|disregard) (?:everything|all|anything|what)\b.{0,30}\b(?:above|before|told|said|previously|know|learned|instructed|so far)\b",
        r"\b(?:ignorier\w*|vergiss|vergesst|missachte)\b.{0,40}\b(?:anweisung\w*|instruktion\w*|befehl\w*|regeln|vorherige\w*|bisherige\w*)",
        r"\b(?:ignore[zr]?|oublie[zr]?|ne tiens pas compte)\b.{0,40}\b(?:instructions?|consignes?|r(?:e|è)gles|pr(?:e|é)c(?:e|é)dent\w*)",
        r"\b(?:ignora|ignore|olvida|ignorar|esquece|esque(?:c|ç)a|dimentica)\b.{0,40}\b(?:instrucciones|instru(?:c|ç)(?:o|õ)es|istruzioni|reglas|anteriores|precedenti)",
        r"(?:игнорируй|забудь|игнорируйте|не обращай)|(?:忽略|无视|無視|忘记|忘記).{0,36}(?:指令|指示|说明|提示|規則|规则)|(?:以前|前|上記|これまで|先)の(?:指示|命令|指令).{0,30}(?:無視|忘れ)|(?:이전|위의).{0,24}(?:지시|명령).{0,24}무시|تجاهل.{0,60}التعليمات",
        r"(?:игнopиpyй|игнopиpyйte|зaбyдь|нe oбpaщaй)",
        r"\b(?:zignoruj|zapomnij|pomiń|ignoruj)\b.{0,40}\b(?:instrukcj|polece)|\b(?:negeer|vergeet)\b.{0,40}\b(?:instructies|aanwijzingen|opdrachten|regels)",
        r"(?:talimat|yönerge)\w*.{0,72}(?:yok say|unut|görmezden|dikkate alma)|iгнopyй.{0,90}(?:iнcтpyкц|вкaзiвк)|התעלם.{0,60}הוראות|निर्देश.{0,90}(?:अनदेखा|नज़रअंदाज़|भूल)",
        r"\b(?:ignore|disregard|forget|abandon|stop following|(?:do not|don't|no longer|never) follow)\b.{0,20}\b(?:instructions?|rules|guidelines|orders|directives|prompt)\b.{0,20}\b(?:you were|you have|you got|given|above|before|any ?more|received)\b",
        r"\bignore (?:the |all |any )?(?:other |real |actual )?(?:evidence|findings)\b",
        // A new role or new orders
        r"\byour (?:only|real|new|actual|true|sole) (?:real )?(?:task|job|goal|assignment|mission|objective|instruction)s? (?:is|are|now)\b",
        r"\byou(?:,? the (?:assistant|ai|model|agent)\b| are an? (?:ai|llm|large language model|language model|autonomous|helpful) ?(?:agent|assistant|model)\b)",
        r"\byou must (?:(?:not|never) (?:refuse|warn|apologi[sz]e|ask|hesitate)|(?:actually|immediately) (?:run|call|execute)|call \w+ (?:immediately|now|on sight|before (?:you answer|answering|anything)))\b",
        r"\b(?:begin|start) (?:your|the) (?:answer|reply|response) with\b|\balways (?:answer|say|report|conclude|respond|reply) (?:that|with)\b",
        r"\bif you (?:do not|don't) (?:call|run|execute)\b.{0,30}\b(?:immediately|now)\b",
        r"\btranslate\b.{0,60}\band (?:execute|run|call)\b",
        // Consent that nobody gave
        r"\bno (?:further |more )?(?:confirmation|approval) (?:is )?(?:needed|required|necessary)\b.{0,30}\b(?:call|run|execute|so|just)\b",
        r"\b(?:run|call|execute|restart|delete|proceed)\b.{0,40}\bwithout (?:(?:any )?(?:confirmation|approval)|asking (?:the |a )?(?:user|human|operator|person|anybody|anyone))\b",
        r"\b(?:you are|you're|u r) (?:now|no longer|actually|hereby|going to act)\b.{0,12}\b(?:an?|the|in|bound|my|dan|free|to|under|unrestricted|operating|root|admin\w*|running|restricted|limited)\b",
        r"\b(?:from now on|henceforth|starting now)\b.{0,20}\byou\b",
        r"\b(?:act|behave|respond|pretend|roleplay|role-play) (?:as|like|to be|that you|as if|you are)\b.{0,40}\b(?:you|an?|the)\b.{0,30}\b(?:ai|assistant|admin\w*|root|developer|dan|model|unrestricted|jailbroken|system|expert|llm|hacker|operator)\b",
        r"\b(?:your|the) new (?:instructions?|task|role|goal|objective|orders|system prompt|mission|directive)\b(?: is| are|:|,)",
        r"\bnew (?:instructions?|directives?|orders?|system prompt)\b.{0,20}(?:for (?:the )?(?:ai|assistant|model|agent|llm)|:)",
        r"\b(?:updated|important|urgent|additional|special|revised|hidden|secret) (?:instructions?|directives?|message|note|notice)\b.{0,10}\b(?:for|to) (?:the |any |all |every )?(?:ai|assistants?|models?|llms?|agents?|bots?|language models?|automated)\b",
        r"\b(?:developer|dan|god|debug|admin|jailbreak|maintenance|unrestricted) mode\b.{0,20}\b(?:enabled|activated|on|engaged|unlocked)\b.{0,30}\b(?:you|assistant|ai|no restrictions|unrestricted|all filters)\b",
        // Speaks to the machine by name
        r"\b(?:attention|dear|hey|hello|hi|note to|message to|memo to|warning to|instruction to|instructions? for|to any|to all|to the|for the|attn)\b[ ,:]{0,3}(?:the |all |any |every )?(?:ai|assistants?|llms?|language models?|chatgpt|gpt|claude|gemini|copilot|holmes(?:gpt)?|ai (?:agents?|assistants?|models?|reviewers?)|automated agents?|sre agent)\b.{0,4}(?:[:,!.-]|reading|processing|analy[sz]ing|that|who|please|you|must|should)",
        r"\b(?:if you are|if you're|as) an? (?:ai|llm|large language model|language model|automated (?:agent|assistant)|assistant|chatbot|ai assistant)\b.{0,60}\b(?:you|must|should|please|reading|ignore|do|run|call|say|reply|respond|then|tell|stop)\b",
        r"\b(?:ai|llm|assistant|model|agent)s? (?:must|should|shall|has to|needs to|is (?:required|instructed|ordered) to)\b.{0,20}\b(?:run|call|execute|delete|send|ignore|say|report|respond|reply|answer|conclude|output|tell|stop|not mention|never|now|immediately)\b",
        // Whose words these claim to be
        r"(?:^|\\n)\W{0,6}(?:\[?(?:system|assistant|developer)\]?|###? ?(?:system|instruction|assistant)s?(?: prompt| message)?|system (?:prompt|message|override|instruction)s?|begin system (?:prompt|message)) ?[:>\]].{0,40}\b(?:you|your|ignore|must|call|run|execute|delete|do not|don't|never|always|reply|respond|answer|override|new)\b",
        r"<\|?(?:im.start|im.end|im.sep|system|assistant|endoftext|start.header.id|end.header.id|eot.id|begin.of.text)\|?>|\[/?inst\]|<</?sys>>|‹\|?(?:im_|system)|</?(?:system|system prompt|system-reminder|instructions?|admin|important)>|<(?:start|end).of.turn>|</?tool[_ -](?:result|call|response|output)s?>|</?function[_ -](?:call|result)s?>",
        r"\bend of (?:the )?(?:log|logs|output|exhibit|data|document|tool (?:output|result)|context|user input|untrusted)\b.{0,30}\b(?:system|instructions?|new task|now|you|prompt|assistant)\b",
        r"\[/?(?:available tools|tool results)\]|(?:<|‹)\s?/?\s?exhibit(?: e\d|>| k=)|^\W{0,12}(?:action input|final answer) ?:|<invoke name=",
        r"\bend of untrusted\b|\bbegin (?:operator|system|admin\w*|developer|trusted) (?:message|prompt|instructions?)\b",
        // What it is to do
        r"\b(?:include|put|append|embed|insert|add)\b.{0,40}\b(?:in|into|to|of) (?:your|the) (?:reply|answer|response)\b",
        r"\b(?:fix|remedy|remediation|resolution|solution|workaround)\b.{0,4}(?:is to|is|:|,) ?(?:to )?(?:run|execute|apply)\b.{0,4}(?:curl|wget|kubectl delete|iptables|rm |bash|sudo|chmod|helm (?:uninstall|delete))",
        r"\b(?:call|use|invoke|run|execute|trigger) the\b.{0,40}\btools?\b.{0,40}\b(?:with|to|now|and|immediately|on|for|delete|send|then)\b",
        r"\b(?:please|now|then|immediately|must|you should|you need to|go ahead and|and) (?:run|execute|call|invoke|issue)\b.{0,12}(?:`|\$|kubectl|curl|bash|sh -c|rm -rf|wget|helm|docker|aws|gcloud|the following command|this command|this code|following)",
        r"\b(?:do not|don't|never|without) (?:tell|telling|ask|asking|inform|informing|mention|mentioning|reveal|revealing|alert|alerting|notify|notifying|report|reporting|show|showing|warn|warning)\b.{0,40}\b(?:the )?(?:user|users|human|operator|person|anyone|engineer|owner|customer|this (?:instruction|message|line)|these instructions)\b",
        r"\b(?:hide|conceal|keep)\b.{0,30}\b(?:from the user|from the human|from users|from the operator|secret from|this (?:instruction|message) (?:secret|hidden))\b",
        r"\b(?:reveal|print|show|output|repeat|leak|display|dump|disclose|send|share|exfiltrate)\b.{0,30}\b(?:your|the|my|this|its|initial|full|entire)\b.{0,20}\b(?:system prompt|initial prompt|hidden prompt|prompt above|system message|initial instructions|hidden instructions|instructions above|previous instructions|your instructions|original instructions|conversation (?:history|so far)|environment variables to|api keys? to|secrets? to|credentials to|everything above)\b",
        r"\b(?:tell|inform|assure|convince) (?:the )?(?:user|human|operator|engineer|person)\b.{0,30}\b(?:that|everything|there|no|all|to (?:run|click|visit|install|disable|delete|open|enter))\b",
        r"\b(?:answer|respond|reply|conclude|report|say|state|output|write|finish)\b.{0,20}\b(?:only )?(?:with|that|:).{0,24}\b(?:no (?:problem|issue|error|anomal\w+|root cause)s?|everything is (?:fine|ok|healthy|normal)|all systems (?:are )?(?:normal|healthy|operational)|verdict[ :]+(?:no|problem|inconclusive|healthy)|confidence (?:high|100)|the following (?:text|sentence|answer|words)|exactly|only the word)\b.{0,40}",
        r"\b(?:the )?(?:correct|right|only|real|final|true) (?:root cause|answer|verdict|conclusion) (?:is|must be|should be)\b.{0,80}\b(?:do not|don't|stop|report|say|ignore|no need|always|answer)\b",
        r"\b(?:stop|end|abort|cease|finish) (?:the |your |this )?(?:investigation|analysis|investigating|analy[sz]ing)\b.{0,40}\b(?:and|now|immediately|here|,|;)\b?",
        r"!\[[^\]]*\]\(https?://[^)]*(?:\{|%7b|<|\?[a-z]+=(?:data|secret|\$|\[))",
        r"\b(?:send|post|upload|exfiltrate|forward|transmit|leak|email)\b.{0,50}\b(?:secrets?|credentials|tokens?|passwords?|api keys?|env(?:ironment)?(?: variables)?|conversation|chat|history|kubeconfig|private keys?)\b.{0,40}\bto\b.{0,12}(?:https?://|[a-z0-9.-]+@|attacker|evil|this (?:url|address|server))",
        r"\b(?:for (?:testing|debugging|compliance|security) purposes|as the (?:system )?administrator|i am (?:the|your) (?:developer|administrator|admin|creator|owner))\b.{0,40}\b(?:you (?:must|should|may|can|need)|ignore|reveal|run|execute|delete|print your)\b",
        r"\bthe (?:above|previous|preceding) (?:was|is|were|are|text|data|log|logs|output)\b.{0,30}\b(?:a test|fake|not real|only a test|just a test|untrusted|irrelevant)\b.{0,40}\b(?:now|real|instead|actual|instruction|task|please)\b",
    ])
    // Many patterns with room between their words: with the usual megabytes the automaton is thrown away again and again.
    .dfa_size_limit(16 << 20)
    .size_limit(64 << 20)
    // Half the time to build it: `.` is a byte, and the lists of words are ASCII but for whole words of other languages.
    .unicode(false)
    .build()
    .ok()
});

#[cfg(test)]
mod tests {
    #[test]
    fn every_pattern_compiles() {
        assert!(super::HINT.is_some(), "HINT");
        assert!(super::PATTERNS.is_some(), "PATTERNS");
    }
}
