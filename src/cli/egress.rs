//! `--show-egress`: what leaves this machine for a model or with an answer, as it leaves it.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::failure::{Exit, Failure};
use crate::config::Config;
use crate::delivery::Watch;
use crate::model::openai::Sent;
use crate::ui;

/// Where the requests are shown; `None` when nobody asked.
///
/// # Errors
/// When the file that is to hold them cannot be written.
pub(super) fn listener(config: &Config) -> Result<Option<Sent>, Failure> {
    let Some(show) = watch(config)? else { return Ok(None) };
    Ok(Some(Arc::new(move |address: &str, headers: &[String], body: &[u8]| {
        show("POST", address, headers, body);
    })))
}

/// The same for deliveries.
///
/// # Errors
/// As [`listener`].
pub(super) fn watch(config: &Config) -> Result<Option<Watch>, Failure> {
    let Some(to) = config.text("show_egress")? else { return Ok(None) };
    let file = if to == "-" { None } else { Some(Mutex::new(open(Path::new(&to))?)) };
    Ok(Some(Arc::new(move |method: &str, address: &str, headers: &[String], body: &[u8]| {
        let text = shown(method, address, headers, body);
        match &file {
            // A full disk must not end a run; the record says what was asked all the same.
            Some(file) => {
                let written = file.lock().map(|mut file| file.write_all(text.as_bytes()));
                if let Ok(Err(error)) = written {
                    let told = format!("warning: `--show-egress={to}` cannot be written: {error}\n");
                    ui::ErrorOutput::stderr().write(&ui::sanitize(&told));
                }
            }
            None => ui::ErrorOutput::stderr().write(&ui::sanitize(&text)),
        }
    })))
}

fn open(path: &Path) -> Result<File, Failure> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(|error| {
        Failure::new(
            Exit::Configuration,
            format!("`--show-egress={}` cannot be written: {error}", path.display()),
        )
        .hint("name a file in a folder that you may write to, or give `--show-egress` alone for stderr")
    })
}

/// The body with line feeds between its fields; nothing else of it is changed.
fn shown(method: &str, address: &str, headers: &[String], body: &[u8]) -> String {
    let pretty = serde_json::from_slice::<serde_json::Value>(body).map(|value| format!("{value:#}"));
    let text = pretty.unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned());
    format!("> {method} {address}, {} bytes; headers: {}\n{text}\n", body.len(), headers.join(", "))
}
