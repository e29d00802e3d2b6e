//! Digest access authentication (RFC 7616), HolmesGPT's `type: digest`: the password is proved and never sent.
//!
//! MD5 is here since many servers that ask for a digest know nothing else. It is for nothing but this.

use std::fmt::Write as _;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use sha2::{Digest as _, Sha256};

/// Who answers a challenge.
#[derive(Clone, Copy)]
pub(super) struct User<'a> {
    pub name: &'a str,
    pub password: &'a str,
}

/// The value of `Authorization` that answers the server's challenge for one request. None where it makes none that
/// can be answered: then its refusal stands.
pub(super) fn answer(
    refused: &HeaderMap,
    user: User<'_>,
    method: &str,
    url: &Url,
    cnonce: &str,
) -> Option<HeaderValue> {
    let texts = refused.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let challenges: Vec<Challenge> = texts.flat_map(challenges).collect();
    // The better algorithm where a server takes both.
    let of = |algorithm| challenges.iter().find(|one| one.algorithm == algorithm);
    let challenge = of(Algorithm::Sha256).or_else(|| of(Algorithm::Md5))?;
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let mut value = HeaderValue::from_str(&challenge.answer(user, method, &target, cnonce)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Md5,
    Sha256,
}

impl Algorithm {
    fn hash(self, text: &str) -> String {
        let bytes = match self {
            Self::Md5 => md5(text.as_bytes()).to_vec(),
            Self::Sha256 => Sha256::digest(text.as_bytes()).to_vec(),
        };
        bytes.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// What a server wants to have proved, and how.
#[derive(Debug, PartialEq, Eq)]
struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    /// As the server spells it; empty where it names none.
    spelt: String,
    session: bool,
    /// It knows `qop=auth`; those of RFC 2069 do not.
    qop: bool,
}

impl Challenge {
    fn answer(&self, user: User<'_>, method: &str, target: &str, cnonce: &str) -> String {
        let hash = |text: String| self.algorithm.hash(&text);
        let mut first = hash(format!("{}:{}:{}", user.name, self.realm, user.password));
        if self.session {
            first = hash(format!("{first}:{}:{cnonce}", self.nonce));
        }
        let second = hash(format!("{method}:{target}"));
        // One answer for each challenge: the count stays one.
        let between =
            if self.qop { format!("{}:00000001:{cnonce}:auth", self.nonce) } else { self.nonce.clone() };
        let response = hash(format!("{first}:{between}:{second}"));
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut text = format!(
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{target}\", response=\"{response}\"",
            quoted(user.name),
            quoted(&self.realm),
            quoted(&self.nonce)
        );
        if !self.spelt.is_empty() {
            let _ = write!(text, ", algorithm={}", self.spelt);
        }
        if self.qop {
            let _ = write!(text, ", qop=auth, nc=00000001, cnonce=\"{cnonce}\"");
        } else if self.session {
            let _ = write!(text, ", cnonce=\"{cnonce}\"");
        }
        if let Some(opaque) = &self.opaque {
            let _ = write!(text, ", opaque=\"{}\"", quoted(opaque));
        }
        text
    }
}

/// The digest challenges of one header, which may hold those of other schemes too.
fn challenges(header: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    let mut rest = header;
    let mut digest = false;
    let mut given: Vec<(String, String)> = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ', '\t']);
        let end = rest.find([',', ' ', '\t', '=']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        match after.trim_start().strip_prefix('=') {
            Some(after) if !word.is_empty() => {
                let (value, after) = value(after.trim_start());
                given.push((word.to_ascii_lowercase(), value));
                rest = after;
            }
            // A word alone is the next scheme, and the end the last.
            _ => {
                found.extend(digest.then(|| challenge(&given)).flatten());
                given.clear();
                digest = word.eq_ignore_ascii_case("digest");
                if word.is_empty() {
                    return found;
                }
                rest = after;
            }
        }
    }
}

/// A value, in quotes or not, and what follows it.
fn value(text: &str) -> (String, &str) {
    let Some(inner) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return (value, inner.get(at + 1..).unwrap_or_default()),
            _ => {
                escaped = false;
                value.push(c);
            }
        }
    }
    (value, "")
}

fn challenge(given: &[(String, String)]) -> Option<Challenge> {
    let get = |name: &str| given.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let spelt = get("algorithm").unwrap_or_default();
    let folded = spelt.to_ascii_lowercase();
    let (plain, session) = match folded.strip_suffix("-sess") {
        Some(plain) => (plain, true),
        None => (folded.as_str(), false),
    };
    let algorithm = match plain {
        "" | "md5" => Algorithm::Md5,
        "sha-256" => Algorithm::Sha256,
        _ => return None,
    };
    let qop = get("qop");
    let auth =
        qop.as_deref().is_some_and(|all| all.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth")));
    if qop.is_some() && !auth {
        return None;
    }
    Some(Challenge {
        realm: get("realm").unwrap_or_default(),
        nonce: get("nonce")?,
        opaque: get("opaque"),
        algorithm,
        spelt,
        session,
        qop: auth,
    })
}

/// RFC 1321, table of sines.
const SINES: [u32; 64] = [
    0xd76a_a478,
    0xe8c7_b756,
    0x2420_70db,
    0xc1bd_ceee,
    0xf57c_0faf,
    0x4787_c62a,
    0xa830_4613,
    0xfd46_9501,
    0x6980_98d8,
    0x8b44_f7af,
    0xffff_5bb1,
    0x895c_d7be,
    0x6b90_1122,
    0xfd98_7193,
    0xa679_438e,
    0x49b4_0821,
    0xf61e_2562,
    0xc040_b340,
    0x265e_5a51,
    0xe9b6_c7aa,
    0xd62f_105d,
    0x0244_1453,
    0xd8a1_e681,
    0xe7d3_fbc8,
    0x21e1_cde6,
    0xc337_07d6,
    0xf4d5_0d87,
    0x455a_14ed,
    0xa9e3_e905,
    0xfcef_a3f8,
    0x676f_02d9,
    0x8d2a_4c8a,
    0xfffa_3942,
    0x8771_f681,
    0x6d9d_6122,
    0xfde5_380c,
    0xa4be_ea44,
    0x4bde_cfa9,
    0xf6bb_4b60,
    0xbebf_bc70,
    0x289b_7ec6,
    0xeaa1_27fa,
    0xd4ef_3085,
    0x0488_1d05,
    0xd9d4_d039,
    0xe6db_99e5,
    0x1fa2_7cf8,
    0xc4ac_5665,
    0xf429_2244,
    0x432a_ff97,
    0xab94_23a7,
    0xfc93_a039,
    0x655b_59c3,
    0x8f0c_cc92,
    0xffef_f47d,
    0x8584_5dd1,
    0x6fa8_7e4f,
    0xfe2c_e6e0,
    0xa301_4314,
    0x4e08_11a1,
    0xf753_7e82,
    0xbd3a_f235,
    0x2ad7_d2bb,
    0xeb86_d391,
];
/// RFC 1321, rotations of the four rounds.
const TURNS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

fn md5(text: &[u8]) -> [u8; 16] {
    let mut padded = text.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend_from_slice(&(text.len() as u64).wrapping_mul(8).to_le_bytes());
    let mut state = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in padded.chunks_exact(64) {
        let mut words = [0_u32; 16];
        for (word, four) in words.iter_mut().zip(block.chunks_exact(4)) {
            *word = four.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        }
        let [mut a, mut b, mut c, mut d] = state;
        for (step, sine) in SINES.iter().enumerate() {
            let (mixed, word) = match step / 16 {
                0 => (b & c | !b & d, step),
                1 => (d & b | !d & c, 5 * step + 1),
                2 => (b ^ c ^ d, 3 * step + 5),
                _ => (c ^ (b | !d), 7 * step),
            };
            let sum = a.wrapping_add(mixed).wrapping_add(*sine).wrapping_add(words[word % 16]);
            (a, d, c) = (d, c, b);
            b = b.wrapping_add(sum.rotate_left(TURNS[step / 16][step % 4]));
        }
        for (kept, new) in state.iter_mut().zip([a, b, c, d]) {
            *kept = kept.wrapping_add(new);
        }
    }
    let mut sum = [0; 16];
    for (four, word) in sum.chunks_exact_mut(4).zip(state) {
        four.copy_from_slice(&word.to_le_bytes());
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn md5_is_that_of_the_rfc() {
        let sum = |text: &str| Algorithm::Md5.hash(text);
        assert_eq!(sum(""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(sum("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
        assert_eq!(sum(&"1234567890".repeat(8)), "57edf4a22be3c955ac49da2e2107b67a");
    }

    /// RFC 7616, 3.9.1.
    #[test]
    fn a_challenge_is_answered_as_in_the_rfc() {
        let rest = "realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=ALGORITHM, \
                    nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                    opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
        let of = |algorithm: &str| format!("Digest {}", rest.replace("ALGORITHM", algorithm));
        let user = User { name: "Mufasa", password: "Circle of Life" };
        let url = Url::parse("http://www.example.org/dir/index.html").unwrap();
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let ask = |headers: &[String]| {
            let mut map = HeaderMap::new();
            for header in headers {
                map.append(WWW_AUTHENTICATE, HeaderValue::from_str(header).unwrap());
            }
            answer(&map, user, "GET", &url, cnonce).map(|value| value.to_str().unwrap().to_owned())
        };
        let (md5, sha) = (
            "8ca523f5e9506fed4657c9700eebdbec",
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        );
        for (headers, response) in [
            (vec![of("MD5")], md5),
            (vec![of("SHA-256")], sha),
            (vec![of("MD5"), of("SHA-256")], sha),
            (vec![format!("Basic realm=\"x, Digest\", {}, Bearer", of("md5"))], md5),
        ] {
            let said = ask(&headers).unwrap();
            assert!(said.contains(&format!("response=\"{response}\"")), "{said}");
            assert!(said.contains("qop=auth, nc=00000001") && said.contains("opaque=\"FQhe"), "{said}");
        }
        for none in [
            "",
            "Basic realm=\"x\"",
            "Digest",
            "Digest realm=\"x\"",
            "Digest nonce=\"x\", algorithm=SHA-512-256",
            "Digest nonce=\"x\", qop=\"auth-int\"",
            "Digest nonce=\"x",
            "=",
            ",,,= ,=",
        ] {
            // An unclosed quote is read to its end, and is a nonce.
            assert_eq!(ask(&[none.to_owned()]).is_some(), none.ends_with("=\"x"), "{none}");
        }
        let old = ask(&["Digest realm=\"a \\\"b\", nonce=n".to_owned()]).unwrap();
        assert!(
            old.contains("realm=\"a \\\"b\"") && !old.contains("qop") && !old.contains("cnonce"),
            "{old}"
        );
    }
}
