//! A bar of parts, for what fills a window.

use std::fmt::Write as _;

use textwrap::core::display_width;

use super::terminal::{Terminal, sanitize};

/// Fills of the parts, in turn: told apart without colour.
const BLOCKS: &[char] = &['█', '▓', '▒', '░', '▚'];
const ASCII: &[char] = &['#', '=', '+', '-', 'o'];

/// A bar `width` columns wide of `parts` (name and amount) out of `whole`, and below it a line a part. A part that is
/// there has at least one column, as far as there are columns; what is left of `whole` is blank.
#[must_use]
pub fn bar(parts: &[(&str, u64)], whole: u64, width: usize, terminal: &Terminal) -> String {
    let fills = if terminal.unicode { BLOCKS } else { ASCII };
    let total = parts.iter().fold(0_u64, |sum, (_, amount)| sum.saturating_add(*amount)).max(whole).max(1);
    let mut line = String::new();
    let mut left = width;
    for (number, (_, amount)) in parts.iter().enumerate() {
        let share = u128::from(*amount) * width as u128 / u128::from(total);
        let columns = usize::try_from(share).unwrap_or(width).max(usize::from(*amount > 0)).min(left);
        left -= columns;
        line.extend(std::iter::repeat_n(fills[number % fills.len()], columns));
    }
    line.push_str(&" ".repeat(left));
    let mut out = format!("[{line}]\n");
    let names: Vec<String> =
        parts.iter().map(|(name, _)| sanitize(name).replace(['\n', '\t'], " ")).collect();
    let widest = names.iter().map(|name| display_width(name)).max().unwrap_or(0);
    for (number, ((_, amount), name)) in parts.iter().zip(&names).enumerate() {
        let percent = u128::from(*amount) * 100 / u128::from(total);
        let gap = " ".repeat(widest - display_width(name));
        let _ = writeln!(out, "{} {name}{gap}  {amount:>9}  {percent:>3} %", fills[number % fills.len()]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart_without_colour() {
        let parts = [("system", 1200), ("evidence", 6000), ("answers", 1), ("nothing", 0)];
        for fills in [BLOCKS, ASCII] {
            // As many as `/context` has parts.
            assert_eq!(fills.iter().collect::<std::collections::BTreeSet<_>>().len(), 5);
        }
        let unicode = Terminal { unicode: true, ..Terminal::plain() };
        let shown = bar(&parts, 10_000, 20, &unicode);
        assert!(shown.starts_with("[██▓▓▓▓▓▓▓▓▓▓▓▓▒     ]\n█ system         1200   12 %\n"), "{shown}");
        assert_eq!(shown.lines().count(), 5, "{shown}");
        let ascii = Terminal { unicode: false, ..Terminal::plain() };
        assert!(bar(&parts[..2], 0, 10, &ascii).starts_with("[#======== ]"));
        assert_eq!(bar(&[], 0, 3, &ascii), "[   ]\n");
        assert!(bar(&[("all", u64::MAX), ("more", u64::MAX)], 5, 4, &ascii).starts_with("[##"));
    }
}
