//! What the documents say of each other and of the code is true.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod book;
mod citations;
mod guides;
mod links;
mod markdown;
mod ten_lines;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of a file of the repository.
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Where the repository is on the Web, as the packages say.
fn repository() -> String {
    let manifest = read("Cargo.toml");
    let values = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("repository = \""));
    let value = values.filter_map(|value| value.strip_suffix('"')).next();
    value
        .expect("the workspace names its repository")
        .to_owned()
}

/// All files below a folder of the repository with this extension, by their paths in it, without
/// what is built, what is fuzzed, and links to files elsewhere.
fn files(folder: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            let skipped = ["book", "corpus", "node_modules", "target"];
            if !skipped.iter().any(|name| entry.file_name() == *name) {
                found.extend(files(&path, extension));
            }
        } else if kind.is_file() && path.ends_with(&format!(".{extension}")) {
            found.push(path);
        }
    }
    found.sort();
    found
}
