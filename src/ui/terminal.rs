//! What the terminal is, and what may reach it.
//!
//! Decisions only: the environment's words are passed in by `config::env`, so that every case is a test.
//! Text written by strangers (tool output, alerts, model text) goes through [`sanitize`] before a terminal
//! sees it: an escape sequence in a pod's log must not retitle a window, hide a line or fake a prompt.

use std::borrow::Cow;
use std::io::IsTerminal as _;

/// Columns when nobody says.
const DEFAULT_WIDTH: usize = 80;
/// Narrower than this, wrapping makes text unreadable rather than fitting.
const LEAST_WIDTH: usize = 20;

/// What the environment says about the terminal, as text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Environment<'a> {
    pub no_color: Option<&'a str>,
    pub clicolor_force: Option<&'a str>,
    pub term: Option<&'a str>,
    pub columns: Option<&'a str>,
    /// `LC_ALL`, else `LC_CTYPE`, else `LANG`: whether the terminal shows UTF-8.
    pub locale: Option<&'a str>,
    /// `HOLMES_PLAIN`: full lines only, for whoever has the screen read out.
    pub plain: Option<&'a str>,
}

/// One of the two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate fact about the stream")]
pub struct Terminal {
    /// Somebody looks at it: text is wrapped and rendered.
    pub tty: bool,
    pub colour: bool,
    /// The cursor can be moved: spinners are possible.
    pub live: bool,
    /// Anything beyond ASCII can be shown.
    pub unicode: bool,
    /// Columns.
    pub width: usize,
}

impl Terminal {
    #[must_use]
    pub fn stdout(environment: Environment<'_>) -> Self {
        let stdout = std::io::stdout();
        Self::decide(environment, stdout.is_terminal(), columns(&stdout))
    }

    #[must_use]
    pub fn stderr(environment: Environment<'_>) -> Self {
        let stderr = std::io::stderr();
        Self::decide(environment, stderr.is_terminal(), columns(&stderr))
    }

    /// Nobody looks: no colour, no wrapping.
    #[must_use]
    pub fn plain() -> Self {
        Self::decide(Environment::default(), false, None)
    }

    fn decide(environment: Environment<'_>, tty: bool, columns: Option<usize>) -> Self {
        let set = |value: Option<&str>| value.is_some_and(|v| !v.is_empty());
        let dumb = environment.term == Some("dumb");
        let forced = set(environment.clicolor_force) && environment.clicolor_force != Some("0");
        let colour = if set(environment.no_color) { false } else { forced || (tty && !dumb) };
        let width = environment
            .columns
            .and_then(|text| text.trim().parse().ok())
            .or(columns)
            .filter(|width| *width > 0)
            .unwrap_or(DEFAULT_WIDTH);
        // No locale set says nothing about the terminal; only one that names another character set does.
        let unicode = environment.locale.is_none_or(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.is_empty() || locale.contains("utf-8") || locale.contains("utf8")
        });
        let live = tty && !dumb && (!set(environment.plain) || environment.plain == Some("0"));
        Self { tty, colour, live, unicode: unicode && !dumb, width: width.max(LEAST_WIDTH) }
    }
}

fn columns(stream: &impl std::os::fd::AsFd) -> Option<usize> {
    rustix::termios::tcgetwinsize(stream).ok().map(|size| usize::from(size.ws_col))
}

/// Text without anything that controls a terminal or hides: escape sequences (CSI, OSC, DCS, …), control
/// characters, bidirectional overrides and zero-width characters. Line feeds and tabs stay; `\r\n` becomes
/// a line feed.
#[must_use]
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c != '\n' && c != '\t' && (c.is_control() || hides(c))) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            // The one-character forms of `ESC [` and of the string openers.
            '\u{9b}' => skip_csi(&mut rest),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => skip_string(&mut rest),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || hides(c) => {}
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Characters that show nothing, or turn what follows around.
fn hides(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn skip_escape(rest: &mut std::str::Chars<'_>) {
    let mut ahead = rest.clone();
    match ahead.next() {
        Some('[') => {
            *rest = ahead;
            skip_csi(rest);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            *rest = ahead;
            skip_string(rest);
        }
        // Intermediates, then one final character: `ESC ( B`.
        Some(' '..='/') => {
            *rest = ahead;
            let mut ahead = rest.clone();
            while let Some(c) = ahead.next() {
                if (' '..='/').contains(&c) {
                    *rest = ahead.clone();
                    continue;
                }
                if ('0'..='~').contains(&c) {
                    *rest = ahead;
                }
                break;
            }
        }
        Some('0'..='~') => *rest = ahead,
        _ => {}
    }
}

/// Parameters, intermediates and the final byte. A sequence that breaks off takes nothing more with it.
fn skip_csi(rest: &mut std::str::Chars<'_>) {
    loop {
        let mut ahead = rest.clone();
        match ahead.next() {
            Some(' '..='?') => *rest = ahead,
            Some('@'..='~') => {
                *rest = ahead;
                return;
            }
            _ => return,
        }
    }
}

/// A string up to its terminator. One that never ends is dropped to the end of its line, so that a stray
/// opener cannot swallow what follows.
fn skip_string(rest: &mut std::str::Chars<'_>) {
    loop {
        let mut ahead = rest.clone();
        match ahead.next() {
            Some('\u{7}' | '\u{9c}') => {
                *rest = ahead;
                return;
            }
            Some('\u{1b}') => {
                let mut after = ahead.clone();
                if after.next() == Some('\\') {
                    *rest = after;
                }
                return;
            }
            None | Some('\n') => return,
            Some(_) => *rest = ahead,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn colour_follows_the_conventions() {
        let on = |environment: Environment<'_>, tty: bool| Terminal::decide(environment, tty, None).colour;
        let none = Environment::default();
        assert!(on(none, true));
        assert!(!on(none, false));
        assert!(!on(Environment { no_color: Some("1"), ..none }, true));
        assert!(on(Environment { no_color: Some(""), ..none }, true));
        assert!(!on(Environment { term: Some("dumb"), ..none }, true));
        assert!(on(Environment { clicolor_force: Some("1"), ..none }, false));
        assert!(!on(Environment { clicolor_force: Some("0"), ..none }, false));
        assert!(!on(Environment { clicolor_force: Some("1"), no_color: Some("1"), ..none }, true));
    }

    #[test]
    fn width_is_the_word_of_columns_then_the_terminals() {
        let width = |columns, size| {
            Terminal::decide(Environment { columns, ..Environment::default() }, true, size).width
        };
        assert_eq!(width(Some("100"), Some(60)), 100);
        assert_eq!(width(Some("wide"), Some(60)), 60);
        assert_eq!(width(Some("0"), None), 80);
        assert_eq!(width(None, Some(0)), 80);
        assert_eq!(width(Some("3"), None), 20);
    }

    #[test]
    fn nothing_moves_where_somebody_listens_to_the_screen() {
        let live = |plain, term| {
            Terminal::decide(Environment { term, plain, ..Environment::default() }, true, None).live
        };
        assert!(live(None, Some("xterm")));
        assert!(!live(Some("1"), Some("xterm")));
        assert!(live(Some("0"), Some("xterm")));
        assert!(!live(None, Some("dumb")));
    }

    #[test]
    fn other_character_sets_get_ascii() {
        let unicode = |locale, term| {
            Terminal::decide(Environment { term, locale, ..Environment::default() }, true, None).unicode
        };
        assert!(unicode(Some("de_DE.UTF-8"), None));
        assert!(unicode(None, Some("xterm")));
        assert!(!unicode(Some("C"), None));
        assert!(!unicode(None, Some("dumb")));
    }

    #[test]
    fn strangers_text_is_only_text() {
        for (hostile, shown) in [
            ("plain\ttext\n", "plain\ttext\n"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}]0;never ends\nnext line", "\nnext line"),
            ("\u{9b}2Jgone", "gone"),
            ("\u{1b}(Bcharset", "charset"),
            ("\u{1b}cclear", "clear"),
            ("\u{1b}Pq#0\u{1b}\\sixel", "sixel"),
            ("a\u{1b}[31", "a"),
            ("bad\u{8}\u{8}\u{8}good", "badgood"),
            ("over\rwrite\r\n", "overwrite\n"),
            ("user\u{202e}txt.exe\u{200b}", "usertxt.exe"),
            ("ümlaut 日本 🔥", "ümlaut 日本 🔥"),
        ] {
            assert_eq!(sanitize(hostile), shown, "{hostile:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_controls_is_left(text in any::<String>()) {
            let shown = sanitize(&text);
            prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
            prop_assert_eq!(sanitize(&shown), shown.clone());
            prop_assert_eq!(text.matches('\n').count(), shown.matches('\n').count());
        }
    }
}
