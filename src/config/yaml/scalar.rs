//! What PyYAML makes of a plain scalar.
//!
//! Two of its readings are left out on purpose: base-60 numbers (`10:30` stays text, nobody means
//! 630) and dates (they stay text, JSON has none).

use super::Scalar;

/// The type of a plain (unquoted, untagged) scalar.
pub(super) fn plain(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Scalar::Bool(true);
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Bool(false);
        }
        _ => {}
    }
    if let Some(number) = int(text) {
        return number;
    }
    float(text).map_or(Scalar::String, Scalar::Float)
}

/// Truth of any text, as pydantic reads a bool field.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" | "t" | "1" => Some(true),
        "false" | "no" | "off" | "n" | "f" | "0" => Some(false),
        _ => None,
    }
}

fn int(text: &str) -> Option<Scalar> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'b', ..] => (2, digits.get(2..)?),
        [b'0', b'x', ..] => (16, digits.get(2..)?),
        [b'0', _, ..] => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    // `_` may stand between digits; a decimal begins with one.
    let allowed = |b: u8| b == b'_' || (b as char).is_digit(radix);
    if digits.is_empty() || !digits.bytes().all(allowed) || (radix == 10 && digits.starts_with('_')) {
        return None;
    }
    let digits: String = digits.chars().filter(|c| *c != '_').collect();
    if digits.is_empty() {
        return None;
    }
    match i128::from_str_radix(&digits, radix) {
        Ok(number) => {
            let number = if negative { -number } else { number };
            // Python has no largest integer; beyond 64 bits the nearest float is kept.
            #[allow(clippy::cast_precision_loss)]
            Some(i64::try_from(number).map_or(Scalar::Float(number as f64), Scalar::Int))
        }
        Err(_) => digits.parse().ok().filter(|_| radix == 10).map(Scalar::Float),
    }
}

/// `1.5`, `.5`, `1.`, `1.5e+3`, `.inf`, `.nan`; not `1e3`, which PyYAML reads as text.
fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" => {
            return Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
        }
        ".nan" | ".NaN" | ".NAN" => return Some(f64::NAN),
        _ => {}
    }
    let (whole, rest) = unsigned.split_once('.')?;
    let (fraction, exponent) = match rest.split_once(['e', 'E']) {
        Some((fraction, exponent)) => (fraction, Some(exponent)),
        None => (rest, None),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let signed = exponent.is_none_or(|exponent| {
        exponent
            .strip_prefix(['-', '+'])
            .is_some_and(|e| !e.is_empty() && e.bytes().all(|b| b.is_ascii_digit()))
    });
    let begins = |part: &str| part.bytes().next().is_some_and(|b| b.is_ascii_digit());
    if !digits(whole)
        || !digits(fraction)
        || !signed
        || !(begins(whole) || (whole.is_empty() && begins(fraction)))
    {
        return None;
    }
    text.replace('_', "").parse().ok()
}
