//! YAML that is part of the binary, as `build.rs` has read it: nothing of it is parsed at a start.
//!
//! The files themselves are their rooms' (`toolset::builtin`, `rules::book`, `policy::book`); here is only what they
//! say as trees.

use super::yaml::{self, Document, YamlError};

/// Place (`toolsets/aws.yaml`) and packed documents of each file, by place.
static PACKED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/packed.rs"));

/// The documents of a file of the binary; of any other file, what its text says.
///
/// # Errors
/// As [`yaml::parse_all`], for other files.
pub fn documents(place: &str, text: &str) -> Result<Vec<Document>, YamlError> {
    match packed(place, text) {
        Some(documents) => Ok(documents),
        None => yaml::parse_all(text, place),
    }
}

/// The first document of a file of the binary, as [`yaml::parse`].
///
/// # Errors
/// As there, for other files.
pub fn document(place: &str, text: &str) -> Result<Document, YamlError> {
    match packed(place, text).and_then(|documents| documents.into_iter().next()) {
        Some(document) => Ok(document),
        None => yaml::parse(text, place),
    }
}

fn packed(place: &str, text: &str) -> Option<Vec<Document>> {
    let at = PACKED.binary_search_by(|(known, _)| (*known).cmp(place)).ok()?;
    PACKED.get(at).and_then(|(_, bytes)| yaml::unpack(bytes, place, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The trees of the build are those of the texts, places included.
    #[test]
    fn what_was_packed_is_what_the_files_say() {
        for (place, _) in PACKED {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(place);
            let text = std::fs::read_to_string(path).unwrap();
            let (packed, parsed) = (packed(place, &text).unwrap(), yaml::parse_all(&text, place).unwrap());
            assert_eq!(format!("{packed:?}"), format!("{parsed:?}"), "{place}");
        }
        assert!(PACKED.len() > 50, "{}", PACKED.len());
    }

    #[test]
    fn bytes_of_another_origin_are_refused() {
        let text = "a: [1, 2.5, yes, ~, x]\nb: {c: 'd'}\n---\n- !odd z\n";
        let documents = yaml::parse_all(text, "x.yaml").unwrap();
        let bytes = yaml::pack(&documents);
        let back = yaml::unpack(&bytes, "x.yaml", text).unwrap();
        assert_eq!(format!("{back:?}"), format!("{documents:?}"));
        for end in 0..bytes.len() {
            assert!(yaml::unpack(&bytes[..end], "x.yaml", text).is_none(), "{end}");
        }
        for at in 0..bytes.len() {
            let mut odd = bytes.clone();
            odd[at] ^= 0xff;
            // Whatever it says, it ends and takes no memory.
            drop(yaml::unpack(&odd, "x.yaml", text));
        }
    }
}
