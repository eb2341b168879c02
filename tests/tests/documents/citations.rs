//! Comments that cite a specification name its file and a section that is in it.

use crate::{files, read};
use std::collections::{BTreeMap, BTreeSet};

const FOLDER: &str = "docs/specifications/";

/// The numbers of a page's sections, from its headings: `5` of `## 5. Games`.
fn sections(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter_map(|line| {
        let heading = line.strip_prefix("##")?.trim_start_matches('#');
        let number = heading.split_whitespace().next()?.trim_end_matches('.');
        number
            .starts_with(|c: char| c.is_ascii_digit())
            .then_some(number)
    });
    headings.map(str::to_owned).collect()
}

/// The comments of a source file. Lines that follow each other are one, empty ones between too.
fn comments(source: &str) -> Vec<String> {
    let mut comments = vec![String::new()];
    for line in source.lines() {
        let comment = line.trim_start().strip_prefix("//");
        let text = comment.map(|it| it.trim_start_matches(['/', '!']).trim());
        match text {
            Some(text) => {
                let last = comments.last_mut().unwrap();
                *last += " ";
                *last += text;
            }
            None => comments.push(String::new()),
        }
    }
    comments.retain(|comment| !comment.is_empty());
    comments
}

/// The numbers after a word such as `sections`: `8.1` and `9` of ` 8.1 and 9), which`.
fn numbers(after: &str) -> Vec<&str> {
    let words = after.split([' ', ',']).filter(|word| !word.is_empty());
    let numbers = words.take_while(|word| {
        word.starts_with(|c: char| c.is_ascii_digit()) || ["and", "to"].contains(word)
    });
    let trimmed = numbers.map(|word| word.trim_end_matches(|c: char| !c.is_ascii_digit()));
    trimmed.filter(|number| !number.is_empty()).collect()
}

/// What a comment cites: a specification's file, if one is named before, and a section.
fn cited(comment: &str) -> Vec<(Option<&str>, &str)> {
    let mut cited = Vec::new();
    for word in ["section ", "sections ", "Section ", "Sections "] {
        for (at, _) in comment.match_indices(word) {
            let (before, after) = (&comment[..at], &comment[at + word.len()..]);
            let file = before.rsplit_once(FOLDER).map(|(_, rest)| {
                let end = rest.find(|c: char| "` ,;)".contains(c));
                &rest[..end.unwrap_or(rest.len())]
            });
            let rfc = before.trim_end().ends_with(',') && before.contains("RFC");
            let numbers = numbers(after).into_iter();
            cited.extend(numbers.filter(|_| !rfc).map(|number| (file, number)));
        }
    }
    cited
}

#[test]
fn every_cited_section_is_in_the_specification_that_the_comment_names() {
    let pages: BTreeMap<String, BTreeSet<String>> = files("docs/specifications", "md")
        .into_iter()
        .map(|path| (path[FOLDER.len()..].to_owned(), sections(&read(&path))))
        .collect();
    let mut found = 0;
    let sources = [
        "lobby-bridge/src",
        "lobby-bridge/tests",
        "lobby-bridge/benches",
    ];
    for path in sources.iter().flat_map(|folder| files(folder, "rs")) {
        for comment in comments(&read(&path)) {
            for (file, number) in cited(&comment) {
                let file = file.unwrap_or_else(|| panic!("{path} names no file:{comment}"));
                let page = pages.get(file);
                let page = page.unwrap_or_else(|| panic!("{path}: no specification {file}"));
                assert!(
                    page.contains(number),
                    "{path}: {file} has no section {number}"
                );
                found += 1;
            }
        }
    }
    assert!(found > 100, "only {found} citations were found");
}

#[test]
fn citations_are_found_as_they_are_written() {
    let comment = "As `docs/specifications/a.md`, sections 8.1, 9 and 10 to 12, say (section 2).";
    let a = Some("a.md");
    assert_eq!(
        cited(comment),
        [(a, "2"), (a, "8.1"), (a, "9"), (a, "10"), (a, "12")]
    );
    assert_eq!(cited("As section 3 says."), [(None, "3")]);
    assert_eq!(cited("(RFC 8305, section 5)"), []);
    let page = "# 1\n## 1. One\n### 1.2 Two\n## Three\n";
    assert_eq!(sections(page), ["1".to_owned(), "1.2".to_owned()].into());
}
