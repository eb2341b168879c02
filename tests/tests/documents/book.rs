//! The book has every page, and `llms.txt` says what is on each.

use crate::{files, markdown, read, repository, root};
use std::{collections::BTreeSet, fs};

/// A line of the summary that is a page: its title and its path in `docs`.
fn page(line: &str) -> Option<(&str, &str)> {
    let line = line.trim().trim_start_matches("- ");
    let (title, rest) = line.strip_prefix('[')?.split_once("](")?;
    Some((title, rest.strip_suffix(')')?))
}

#[test]
fn every_page_is_in_the_book_under_its_title() {
    let summary = read("docs/SUMMARY.md");
    let pages: Vec<_> = summary.lines().filter_map(page).collect();
    for (title, path) in &pages {
        let whole = markdown::title(&read(&format!("docs/{path}")));
        assert_eq!(Some(*title), whole.split(':').next(), "{path}");
    }
    let listed: BTreeSet<_> = pages
        .iter()
        .map(|(_, path)| format!("docs/{path}"))
        .collect();
    assert_eq!(listed.len(), pages.len(), "a page is listed twice");
    let mut exist: BTreeSet<_> = files("docs", "md").into_iter().collect();
    exist.remove("docs/SUMMARY.md");
    assert_eq!(listed, exist);
}

/// The book for programs that read text, in the form of llmstxt.org.
fn llms() -> String {
    let summary = read("docs/SUMMARY.md");
    let pages = repository() + "/raw/main/docs";
    let about = markdown::first_sentence(&read("README.md"));
    let mut text = format!("# metaserve\n\n> {about}\n\n## Overview\n\n");
    for line in summary.lines().skip(1) {
        if let Some(heading) = line.strip_prefix("# ") {
            text += &format!("\n## {heading}\n\n");
        } else if let Some((title, path)) = page(line) {
            let about = markdown::first_sentence(&read(&format!("docs/{path}")));
            text += &format!("- [{title}]({pages}/{path}): {about}\n");
        }
    }
    text
}

#[test]
fn llms_txt_has_every_page_with_its_first_sentence() {
    let text = llms();
    let file = root().join("docs/llms.txt");
    if std::env::var_os("WRITE_PAGES").is_some() {
        fs::write(&file, &text).unwrap();
    }
    assert!(
        fs::read_to_string(&file).unwrap_or_default() == text,
        "docs/llms.txt is not what the book has; to write it again:\n  \
         WRITE_PAGES=1 cargo test --workspace --test documents llms"
    );
}
