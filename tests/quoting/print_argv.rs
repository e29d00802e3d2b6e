//! Adds one line to a log: its own name and its arguments, each in hexadecimal. With `PRINT_ARGV_STDIN` its input
//! as well. It answers with an empty JSON object.
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;

fn hex(bytes: &[u8], line: &mut String) {
    line.push(' ');
    line.push('x');
    for byte in bytes {
        line.push_str(&format!("{byte:02x}"));
    }
}

fn main() {
    let mut line = String::new();
    let input = std::env::var_os("PRINT_ARGV_STDIN").is_some();
    let mut bytes = Vec::new();
    if input {
        let _ = std::io::stdin().take(1 << 20).read_to_end(&mut bytes);
    }
    hex(&bytes, &mut line);
    for argument in std::env::args_os() {
        hex(argument.as_bytes(), &mut line);
    }
    line.push('\n');
    let to = std::env::var_os("PRINT_ARGV_TO").unwrap_or_else(|| "argv.log".into());
    // One write, so that lines of two programs never mix.
    let _ = std::fs::OpenOptions::new().append(true).create(true).open(to).and_then(|mut file| file.write_all(line.as_bytes()));
    if input {
        println!("{{}}");
    }
}
