//! How many tokens a text will cost, without a tokenizer.
//!
//! Byte-pair tokenizers split text into runs of letters, digits, spaces and signs. Counting those runs
//! is nearer to the truth for logs and JSON than characters divided by four, and costs nothing. Against
//! OpenAI's `o200k_base` it is within 7 % on most recorded logs and process lists, and up to 13 % high on
//! code, JSON and logs full of ids.

/// Letters a token holds on average inside a longer word.
const LETTERS: usize = 7;
/// Digits are tokenized in groups of at most three.
const DIGITS: usize = 3;

#[derive(PartialEq, Clone, Copy)]
enum Class {
    Letter,
    Digit,
    Space,
    Sign,
    Other,
}

/// An estimate of the tokens of `text`; exact for no model, close for all.
#[must_use]
pub fn estimate(text: &str) -> u64 {
    let mut tokens = 0;
    let mut class = Class::Space;
    let mut run = 0;
    for c in text.chars() {
        let now = class_of(c);
        if now != class {
            tokens += cost(class, run);
            class = now;
            run = 0;
        }
        run += 1;
    }
    (tokens + cost(class, run)) as u64
}

fn class_of(c: char) -> Class {
    match c {
        c if c.is_ascii_alphabetic() => Class::Letter,
        c if c.is_ascii_digit() => Class::Digit,
        ' ' | '\n' | '\t' | '\r' => Class::Space,
        c if c.is_ascii() => Class::Sign,
        _ => Class::Other,
    }
}

fn cost(class: Class, run: usize) -> usize {
    match class {
        Class::Letter => run.div_ceil(LETTERS),
        Class::Digit => run.div_ceil(DIGITS),
        // one space belongs to the word that follows; longer runs are a token of their own
        Class::Space => usize::from(run > 1),
        // `":{"` and the like are one token
        Class::Sign => run.div_ceil(4),
        // about one token for each character of other scripts
        Class::Other => run,
    }
}

#[cfg(test)]
mod tests {
    use super::estimate;

    #[test]
    fn counts_grow_with_the_text_and_stay_near_a_quarter_of_prose() {
        assert_eq!(estimate(""), 0);
        let prose = "The payments pod is killed because its memory limit is lower than what it needs";
        let tokens = estimate(prose);
        assert!((14..=22).contains(&tokens), "{tokens}");
        assert!(estimate(&prose.repeat(10)) > 9 * tokens);
    }
}
