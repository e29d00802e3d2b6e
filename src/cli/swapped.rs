//! HolmesGPT's flags whose feature is not here, or not here yet: accepted with their meaning where that is
//! harmless, refused plainly where leaving it out would mislead. None is taken in silence.

use clap::Args;

use super::failure::{Exit, Failure};
use super::options::RunbookArgs;
use crate::config::Flags;

/// Options that scripts written for HolmesGPT pass.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "As HolmesGPT has them")]
pub(super) struct SwappedArgs {
    /// Deny every command of the bash tool that would need asking
    #[arg(long, conflicts_with = "bash_always_allow")]
    bash_always_deny: bool,
    /// Run every command of the bash tool without asking; only what `deny` lists is denied. For sandboxes
    #[arg(long)]
    bash_always_allow: bool,
    /// A conversation: ask, look, ask on [default: on a terminal, without a question]
    #[arg(short, long, overrides_with = "no_interactive")]
    interactive: bool,
    /// Never ask back: what needs a person is denied
    #[arg(short, long, overrides_with = "interactive")]
    no_interactive: bool,
    /// HolmesGPT's own prompts (`builtin://…`) are what ours stand for; others are refused
    #[arg(long, value_name = "PROMPT", hide = true)]
    system_prompt: Option<String>,
    /// Refused: addresses of documents are not fetched
    #[arg(long, value_name = "JSON", hide = true)]
    documents: Option<String>,
    /// Refused: every run is recorded
    #[arg(long, value_name = "PROVIDER", hide = true)]
    trace: Option<String>,
    #[command(flatten)]
    runbooks: RunbookArgs,
}

impl SwappedArgs {
    /// Adds what was typed to the topmost layer.
    ///
    /// # Errors
    /// A flag that would mislead if it were left out: what does the same here.
    pub(super) fn flags(&self, flags: Flags) -> Result<Flags, Failure> {
        let refused = |flag: &str, hint: &str| {
            Err(Failure::new(Exit::Usage, format!("`{flag}` of HolmesGPT is not taken here")).hint(hint))
        };
        if self.system_prompt.as_ref().is_some_and(|prompt| !prompt.starts_with("builtin://")) {
            return refused(
                "--system-prompt",
                "`--system-prompt-additions TEXT` adds to the prompt; files of ~/.holmes/prompts/ replace it",
            );
        }
        if self.documents.is_some() {
            return refused("--documents", "save what should be read as Markdown and name it with `-r FILE`");
        }
        if self.trace.is_some() {
            return refused("--trace", "every run is recorded: `holmes-rs run show last` tells all of it");
        }
        Ok(Flags {
            bash_always_deny: self.bash_always_deny,
            bash_always_allow: self.bash_always_allow,
            custom_runbooks: self.runbooks.custom_runbooks.clone(),
            interactive: self.interactive,
            no_interactive: self.no_interactive,
            ..flags
        })
    }
}
