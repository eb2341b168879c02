//! Reads the files of a content folder.

use anyhow::{Context, anyhow, bail};
use std::{fs, io::Read, path::Path};

/// The largest file that is read.
const MAX_BYTES: u64 = 256 * 1024;

/// The most files of one folder that are read.
const MAX_FILES: usize = 256;

/// All files of the folder with this ending: their names without it, and their texts, in the order
/// of the names.
pub(crate) fn texts(folder: &Path, ending: &str) -> anyhow::Result<Vec<(String, String)>> {
    names(folder, ending)?
        .into_iter()
        .map(|name| {
            let text = text(folder, &name, ending)?;
            Ok((name, text))
        })
        .collect()
}

/// The names, without the ending, of all files of the folder that have it, in order.
pub(crate) fn names(folder: &Path, ending: &str) -> anyhow::Result<Vec<String>> {
    let unreadable = || format!("cannot read the folder {}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        if path.extension().is_none_or(|it| it != ending) {
            continue;
        }
        let name = path.file_stem().and_then(|it| it.to_str());
        let name = name.ok_or_else(|| anyhow!("{} has no readable name", path.display()))?;
        if name.starts_with('.') {
            continue; // an editor's
        }
        if names.len() == MAX_FILES {
            bail!(
                "{} has more than {MAX_FILES} files *.{ending}",
                folder.display()
            );
        }
        names.push(name.to_owned());
    }
    names.sort_unstable();
    Ok(names)
}

/// The text of one file. A link must not lead out of the folder.
pub(crate) fn text(folder: &Path, name: &str, ending: &str) -> anyhow::Result<String> {
    let path = folder.join(format!("{name}.{ending}"));
    let shown = path.display();
    let unreadable = || format!("cannot read {shown}");
    let real = path.canonicalize().with_context(unreadable)?;
    if !real.starts_with(folder.canonicalize().with_context(unreadable)?) {
        bail!("{shown} is a link that leads out of its folder");
    }
    let about = fs::metadata(&real).with_context(unreadable)?;
    if !about.is_file() {
        bail!("{shown} is no file");
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(&real).with_context(unreadable)?;
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        bail!("{shown} has more than {} KiB", MAX_BYTES / 1024);
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|&&it| it == b'\n')
            .count();
        anyhow!("{shown}, line {line}: is not text in UTF-8")
    })
}
