//! Links between the documents lead somewhere. Links to other sites are not followed.

use crate::{markdown, read, root};
use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

/// The folders with documents, beside the repository's own top level.
const FOLDERS: [&str; 9] = [
    "deploy",
    "docs",
    "examples",
    "lobby-bridge",
    "metaserve",
    "metaserve-client",
    "metaserve-heartbeat",
    "daemon",
    "tests",
];

/// How pages of the book name other files of the repository: the book does not hold these.
fn outside() -> String {
    crate::repository() + "/blob/main/"
}

fn documents() -> Vec<String> {
    let top = std::fs::read_dir(root()).unwrap();
    let names = top.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut all: Vec<_> = names.filter(|name| name.ends_with(".md")).collect();
    all.extend(FOLDERS.iter().flat_map(|folder| crate::files(folder, "md")));
    all
}

/// `docs/a.md` for `../a.md` in `docs/guide`.
fn joined(folder: &Path, link: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for part in folder.join(link).components() {
        match part {
            Component::ParentDir => assert!(path.pop(), "{link} leaves the repository"),
            Component::Normal(part) => path.push(part),
            _ => {}
        }
    }
    path
}

/// What is wrong with a link of a document.
fn mistake(document: &str, link: &str, outside: &str) -> Option<String> {
    let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
    let folder = Path::new(document).parent().unwrap();
    let path = match target.strip_prefix(outside) {
        Some(path) => PathBuf::from(path),
        None if target.contains("://") || target.starts_with("mailto:") => return None,
        None if target.is_empty() => PathBuf::from(document),
        None => joined(folder, target),
    };
    let in_book = |path: &Path| path.starts_with("docs");
    let full = root().join(&path);
    if !full.exists() {
        Some("there is no such file".to_owned())
    } else if in_book(Path::new(document)) && !in_book(&path) && !target.starts_with(outside) {
        Some(format!("the book does not hold it: link to {outside}..."))
    } else if anchor.is_empty() || path.extension().is_none_or(|it| it != "md") {
        None
    } else {
        let anchors = markdown::anchors(&read(path.to_str().unwrap()));
        let exists = anchors.iter().any(|it| it == anchor);
        (!exists).then(|| format!("no such heading among {anchors:?}"))
    }
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let outside = outside();
    let mut found = 0;
    let mut mistakes = BTreeMap::new();
    for document in documents() {
        for link in markdown::links(&read(&document)) {
            found += 1;
            if let Some(mistake) = mistake(&document, &link, &outside) {
                mistakes.insert(format!("{document}: {link}"), mistake);
            }
        }
    }
    assert!(mistakes.is_empty(), "{mistakes:#?}");
    assert!(found > 100, "only {found} links were found");
}

#[test]
fn a_link_that_leads_nowhere_is_a_mistake() {
    let outside = &outside();
    let wrong = |link: &str| mistake("docs/index.md", link, outside).is_some();
    let anchor = format!("#{}", markdown::anchors(&read("docs/index.md"))[0]);
    let elsewhere = format!("{outside}SECURITY.md#reporting");
    for link in [
        &anchor,
        &elsewhere,
        "guide/self-hosting.md",
        "https://example.org/x",
    ] {
        assert!(!wrong(link), "{link}");
    }
    let missing = format!("{outside}SECURITY.md#no-such-heading");
    for link in [
        "#no-such-heading",
        "no-such-file.md",
        "../SECURITY.md",
        &missing,
    ] {
        assert!(wrong(link), "{link}");
    }
}
