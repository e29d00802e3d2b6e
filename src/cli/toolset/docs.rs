//! `toolset docs`: the reference of what the binary brings, made by the binary.

use std::path::{Path, PathBuf};

use clap::Args;

use super::super::Context;
use super::super::failure::{Exit, Failure};
use crate::config::yaml::nearest;
use crate::toolset::reference::{Page, pages};

#[derive(Debug, Args)]
pub(super) struct DocsArgs {
    /// A page, such as `kubernetes`, or a toolset of it [default: the index]
    #[arg(value_name = "NAME", conflicts_with = "write")]
    name: Option<String>,
    /// Write all pages into this folder; pages of toolsets that are gone are removed
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

pub(super) fn run(args: &DocsArgs, context: &Context) -> Result<(String, Exit), Failure> {
    let pages = pages();
    if let Some(folder) = &args.write {
        write(folder, &pages)
            .map_err(|error| Failure::new(Exit::RunTime, format!("`{}`: {error}", folder.display())))?;
        context.say(&format!("wrote {} pages to {}", pages.len(), folder.display()));
        return Ok((String::new(), Exit::Answered));
    }
    let Some(name) = &args.name else {
        return Ok((pages.into_iter().next().map(|page| page.text).unwrap_or_default(), Exit::Answered));
    };
    let found = pages.iter().skip(1).find(|page| page.name == *name || page.toolsets.contains(name));
    if let Some(page) = found {
        return Ok((page.text.clone(), Exit::Answered));
    }
    let names: Vec<&str> = pages
        .iter()
        .flat_map(|page| std::iter::once(&page.name).chain(&page.toolsets))
        .map(String::as_str)
        .collect();
    let error = format!("no page or built-in toolset `{}`", crate::ui::sanitize(name));
    let failure = Failure::new(Exit::Usage, error);
    Err(match nearest(name, &names) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint("`holmes-rs toolset docs` lists them"),
    })
}

/// How a page begins that this verb wrote.
const MADE_HERE: &str = "<!-- Made by `holmes-rs";

fn is_made_here(path: &Path) -> bool {
    path.is_file()
        && !path.is_symlink()
        && std::fs::read_to_string(path).is_ok_and(|text| text.starts_with(MADE_HERE))
}

fn write(folder: &Path, pages: &[Page]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    // Before anything is changed: a link leads elsewhere, and what somebody else wrote is his.
    for page in pages {
        let path = folder.join(format!("{}.md", page.name));
        if path.symlink_metadata().is_ok() && !is_made_here(&path) {
            let error = format!("`{}.md` is there and is none of these pages, take it away first", page.name);
            return Err(std::io::Error::other(error));
        }
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let ours = path.extension().is_some_and(|end| end == "md") && is_made_here(&path);
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        if ours && !pages.iter().any(|page| page.name == stem) {
            std::fs::remove_file(&path)?;
        }
    }
    pages.iter().try_for_each(|page| std::fs::write(folder.join(format!("{}.md", page.name)), &page.text))
}
