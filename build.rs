//! Tells cargo that data beside the sources is part of the binary: without it a changed toolset stays out. And reads the
//! YAML among it once, here, so that no start of the program does (`src/config/embedded.rs`).

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

#[allow(dead_code, unused_imports, unreachable_pub, reason = "the room is the library's; this is its parser")]
mod src {
    pub mod config {
        pub mod yaml;
    }
}

use src::config::yaml;

fn main() -> Result<(), Box<dyn Error>> {
    for folder in ["policy", "prompts", "rules", "runbooks", "toolsets"] {
        println!("cargo:rerun-if-changed={folder}");
    }
    for file in ["build.rs", "src/config/yaml.rs", "src/config/yaml"] {
        println!("cargo:rerun-if-changed={file}");
    }
    #[allow(clippy::disallowed_methods, reason = "cargo's word, not the user's")]
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let mut places = Vec::new();
    for folder in ["policy", "rules", "toolsets"] {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                places.push(path);
            }
        }
    }
    let mut table = String::from("&[\n");
    let mut files: Vec<String> = places.iter().map(|path| place(path)).collect();
    files.sort();
    for file in files {
        let documents = match yaml::parse_all(&fs::read_to_string(&file)?, &file) {
            Ok(documents) => documents,
            Err(error) => return Err(error.to_string().into()),
        };
        let packed = out.join(file.replace('/', "-"));
        fs::write(&packed, yaml::pack(&documents))?;
        writeln!(table, "({file:?}, include_bytes!({:?})),", packed.display().to_string())?;
    }
    table.push(']');
    fs::write(out.join("packed.rs"), table)?;
    Ok(())
}

/// As messages name a file of the binary, wherever it is built.
fn place(path: &Path) -> String {
    path.display().to_string().replace('\\', "/")
}
