//! The runbooks that are part of the binary.

use include_dir::{Dir, include_dir};

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/runbooks");

/// Place and bytes of each embedded file, by name. The README tells the format and is none.
pub(super) fn files() -> Vec<(String, &'static [u8])> {
    let mut files: Vec<_> = EMBEDDED
        .files()
        .filter(|file| file.path().extension().is_some_and(|extension| extension == "md"))
        .map(|file| (format!("runbooks/{}", file.path().display()), file.contents()))
        .filter(|(place, _)| !place.eq_ignore_ascii_case("runbooks/README.md"))
        .collect();
    files.sort();
    files
}
