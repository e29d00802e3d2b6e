//! `chat.postMessage`: the answer as a message, what proves it as replies in its thread.

use secrecy::SecretString;
use serde_json::{Value, json};

use super::{Means, told, word};
use crate::http::{Auth, Call, Url, below};
use crate::sink::{Investigation, Redact, SlackMessage, to_slack};

/// A channel and who may post there.
#[derive(Debug, Clone)]
pub struct Slack {
    pub token: SecretString,
    /// Name or id.
    pub channel: String,
    /// `https://slack.com/api/`, or that of a server that speaks the same.
    pub api: Url,
}

/// Where a message stands.
struct Posted {
    /// By id: replies take no names.
    channel: String,
    at: String,
}

impl Slack {
    pub(super) async fn send(
        &self,
        run: &Investigation,
        redact: Redact<'_>,
        means: &Means,
    ) -> Result<String, String> {
        let thread = to_slack(run, redact);
        let first = self.post(&thread.first, None, means).await?;
        let count = thread.replies.len();
        for (number, reply) in thread.replies.iter().enumerate() {
            self.post(reply, Some(&first), means).await.map_err(|error| {
                format!("the answer is there, reply {} of {count} is not: {error}", number + 1)
            })?;
        }
        Ok(match count {
            0 => "one message".to_owned(),
            1 => "one message, one reply".to_owned(),
            more => format!("one message, {more} replies"),
        })
    }

    async fn post(
        &self,
        message: &SlackMessage,
        thread: Option<&Posted>,
        means: &Means,
    ) -> Result<Posted, String> {
        // Nothing in the text is looked up, linked or unfolded.
        let mut body = json!({
            "channel": thread.map_or(self.channel.as_str(), |first| &first.channel),
            "text": message.text,
            "blocks": message.blocks,
            "mrkdwn": false,
            "parse": "none",
            "link_names": false,
            "unfurl_links": false,
            "unfurl_media": false,
        });
        if let (Some(first), Some(fields)) = (thread, body.as_object_mut()) {
            fields.insert("thread_ts".to_owned(), first.at.clone().into());
        }
        let call =
            Call::post(below(&self.api, "chat.postMessage"), body).auth(Auth::Bearer(self.token.clone()));
        let reply = means.send(&call).await.map_err(|error| told(&error))?;
        let reply = reply.json().map_err(|error| told(&error))?;
        if reply.get("ok") != Some(&Value::Bool(true)) {
            return Err(self.refused(&reply));
        }
        let at = word(reply.get("ts"));
        if at.is_empty() {
            return Err("the reply names no `ts`: is this Slack's API?".to_owned());
        }
        let channel = word(reply.get("channel"));
        Ok(Posted { channel: if channel.is_empty() { self.channel.clone() } else { channel }, at })
    }

    /// What `ok: false` means and what to do about it.
    fn refused(&self, reply: &Value) -> String {
        let channel = self.channel.escape_debug();
        let error = word(reply.get("error"));
        match error.as_str() {
            "" => "the reply has neither `ok` nor `error`: is this Slack's API?".to_owned(),
            "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired" => {
                format!(
                    "the token is not accepted ({error}): set `--slack-token` or SLACK_TOKEN to a bot's token"
                )
            }
            "channel_not_found" => format!(
                "the app sees no channel `{channel}` ({error}): check `--slack-channel`; in a private one, /invite the app first"
            ),
            "not_in_channel" => {
                format!(
                    "the app is not in `{channel}` ({error}): /invite it there, or give it the scope chat:write.public"
                )
            }
            "is_archived" => {
                format!("`{channel}` is archived ({error}): name another with `--slack-channel`")
            }
            "missing_scope" => {
                let needed = word(reply.get("needed"));
                let needed = if needed.is_empty() { "chat:write".to_owned() } else { needed };
                format!("the token lacks the scope {needed} ({error}): add it and install the app again")
            }
            "ratelimited" | "rate_limited" => format!("too many messages ({error}): try again in a minute"),
            "fatal_error" | "internal_error" | "service_unavailable" | "request_timeout" => {
                format!("Slack failed ({error}); it may have arrived, and is not sent again")
            }
            _ => {
                let why = word(reply.pointer("/response_metadata/messages/0"));
                if why.is_empty() {
                    format!("Slack says {error}")
                } else {
                    format!("Slack says {error}: {why}")
                }
            }
        }
    }
}
