//! Every line that the daemon logs for its operator is explained to him.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const PAGE: &str = include_str!("../../../docs/operating.md");

/// A level and a text, with `…` for what differs from case to case.
type Line = (String, String);

/// The lines of the daemon's table: the first one of the page.
fn explained() -> BTreeSet<Line> {
    let (_, section) = PAGE.split_once("## What the log says").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let (text, rest) = row.split_once("` | ").unwrap();
        let (level, _) = rest.split_once(" | ").unwrap();
        (level.to_owned(), text.to_owned())
    })
    .collect()
}

/// All source files of the programs, without their tests.
fn sources() -> Vec<PathBuf> {
    fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|kind| kind == "rs")
                && !path.ends_with("tests.rs")
            {
                files.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for part in ["daemon/src", "metaserve/src"] {
        walk(&root.join(part), &mut files);
    }
    files
}

/// The lines that a source file logs at `level`.
fn logged(source: &str, level: &str) -> Vec<Line> {
    let call = format!("tracing::{level}!(");
    let calls = source.split(&call).skip(1);
    let texts = calls.map(|call| text(call.split_once('"').unwrap().1));
    texts.map(|text| (level.to_owned(), text)).collect()
}

/// A text as it is logged, up to its closing quote: lines joined, values as `…`.
fn text(source: &str) -> String {
    let mut text = String::new();
    let mut characters = source.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => return text,
            '\\' => {
                // A line that goes on, after its indentation.
                assert_eq!(characters.next(), Some('\n'), "{source}");
                characters = characters.as_str().trim_start().chars();
            }
            '{' => {
                text.push('…');
                characters.find(|c| *c == '}').unwrap();
            }
            c => text.push(c),
        }
    }
    panic!("the text does not end: {text}");
}

#[test]
fn every_line_of_the_log_is_explained_and_no_other() {
    let mut exist = BTreeSet::new();
    for path in sources() {
        let source = fs::read_to_string(&path).unwrap();
        for level in ["info", "warn", "error"] {
            exist.extend(logged(&source, level));
        }
    }
    assert!(exist.len() > 15, "{exist:?}");
    let explained = explained();
    let missing: Vec<_> = exist.difference(&explained).collect();
    assert!(missing.is_empty(), "not explained: {missing:#?}");
    let gone: Vec<_> = explained.difference(&exist).collect();
    assert!(gone.is_empty(), "not logged any more: {gone:#?}");
}
