//! The tests that the documents name exist.

use std::{fs, path::Path};

const PAGES: [(&str, &str); 3] = [
    ("ARCHITECTURE.md", include_str!("../../../ARCHITECTURE.md")),
    (
        "docs/explanation/reliability.md",
        include_str!("../../../docs/explanation/reliability.md"),
    ),
    (
        "docs/explanation/track-record.md",
        include_str!("../../../docs/explanation/track-record.md"),
    ),
];

/// Whether this can only be the name of a test: a sentence of at least four words.
fn is_sentence(code: &str) -> bool {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    code.chars().all(letters) && code.matches('_').count() >= 3 && !code.starts_with("metaserve_")
}

/// Appends the text of all source files below a directory.
fn read_all(directory: &Path, text: &mut String) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            read_all(&path, text);
        } else if path
            .extension()
            .is_some_and(|kind| kind == "rs" || kind == "py")
        {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_test_that_a_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sources = String::new();
    for part in [
        "metaserve",
        "metaserve-heartbeat",
        "metaserve-client",
        "daemon",
        "lobby-bridge",
        "tests",
        "examples",
    ] {
        read_all(&root.join(part), &mut sources);
    }
    let mut named = 0;
    for (page, text) in PAGES {
        for name in text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|it| is_sentence(it))
        {
            named += 1;
            let exists = ["fn", "def"]
                .iter()
                .any(|word| sources.contains(&format!("{word} {name}(")));
            assert!(exists, "{page} names {name}, which is not a test");
        }
    }
    assert!(named > 70, "only {named} names were found");
}
