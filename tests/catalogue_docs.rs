//! docs/toolsets tells of the catalogue as it is.

#![allow(clippy::unwrap_used)] // a test's helpers fail the test

use std::collections::BTreeMap;
use std::path::Path;

use holmes_rs::toolset::reference::pages;

#[test]
fn the_reference_is_what_the_binary_would_write() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/toolsets");
    let mut written = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        written.insert(name, std::fs::read_to_string(&path).unwrap());
    }
    let made: BTreeMap<String, String> = pages().into_iter().map(|page| (page.name, page.text)).collect();
    let stale: Vec<&String> =
        made.keys().chain(written.keys()).filter(|name| made.get(*name) != written.get(*name)).collect();
    assert!(
        stale.is_empty(),
        "{stale:?} differ from toolsets/*.yaml; update them: cargo run -- toolset docs --write docs/toolsets"
    );
}

/// Pages of the same binary are the same bytes.
#[test]
fn the_reference_is_deterministic() {
    assert_eq!(pages(), pages());
}
