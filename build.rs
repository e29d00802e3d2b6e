//! Tells cargo that data beside the sources is part of the binary: without it a changed toolset stays out.

fn main() {
    for folder in ["prompts", "rules", "runbooks", "toolsets"] {
        println!("cargo:rerun-if-changed={folder}");
    }
}
