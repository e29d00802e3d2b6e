//! Any bytes as a toolset file: reading never panics, and what was read can be made into tools.

#![no_main]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use holmes_rs::tools::CommandTool;
use holmes_rs::toolset::{Sources, load};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

/// Empty files in place of the catalogue, which would be read again each time.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("catalogue")).unwrap();
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../toolsets")).unwrap() {
        std::fs::write(folder.path().join("catalogue").join(file.unwrap().file_name()), "").unwrap();
    }
    folder
});

fuzz_target!(|data: &[u8]| {
    let path: PathBuf = FOLDER.path().join("toolset.yaml");
    std::fs::write(&path, data).unwrap();
    let sources =
        Sources { catalogue: Some(FOLDER.path().join("catalogue")), extra: vec![path], ..Sources::default() };
    let environment = BTreeMap::from([("TOKEN".to_owned(), "value".to_owned())]);
    let Ok(loaded) = load(&sources, &environment) else { return };
    for toolset in loaded.toolsets.values() {
        for definition in &toolset.tools {
            let _ = CommandTool::new(toolset, definition, &[]);
        }
    }
    for warning in &loaded.warnings {
        let _ = warning.to_string();
    }
});
