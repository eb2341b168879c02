//! Every line that the daemon, the agent and the bridge log for their operators is documented.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const PAGE: &str = include_str!("../../../docs/reference/log.md");

/// A level and a text, with `…` in place of values.
type Line = (String, String);

/// The lines in the tables under a heading of the page.
fn explained(heading: &str) -> BTreeSet<Line> {
    let (_, section) = PAGE.split_once(heading).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let (text, rest) = row.split_once("` | ").unwrap();
        let (level, _) = rest.split_once(" | ").unwrap();
        // A text that contains backticks is enclosed in double ones.
        let inner = text.strip_prefix("` ").and_then(|it| it.strip_suffix(" `"));
        let text = inner.unwrap_or(text);
        (level.to_owned(), text.to_owned())
    })
    .collect()
}

/// All source files in these folders, except tests.
fn sources(folders: impl IntoIterator<Item = PathBuf>) -> Vec<PathBuf> {
    fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // What `lasting` logs is a game's or a bridge's, not the daemon's.
                if !path.ends_with("tests") && !path.ends_with("lasting") {
                    walk(&path, files);
                }
            } else if path.extension().is_some_and(|kind| kind == "rs")
                && !path.ends_with("tests.rs")
            {
                files.push(path);
            }
        }
    }
    let mut files = Vec::new();
    for folder in folders {
        walk(&folder, &mut files);
    }
    files
}

/// The lines that source files log for operators, with macros whose names begin with `prefix`.
fn logged(sources: &[PathBuf], prefix: &str) -> BTreeSet<Line> {
    let mut lines = BTreeSet::new();
    for path in sources {
        let source = fs::read_to_string(path).unwrap();
        for level in ["info", "warn", "error"] {
            let call = format!("{prefix}{level}!(");
            let calls = source.split(&call).skip(1);
            let texts = calls.map(|call| text(call.split_once('"').unwrap().1));
            lines.extend(texts.map(|text| (level.to_owned(), text)));
        }
    }
    lines
}

/// The source folders of the libraries that log in the daemon.
fn libraries() -> Vec<PathBuf> {
    let cargo = |arguments: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
        let output = cargo.args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    // Packages of other platforms may be missing on this machine.
    let version = cargo(&["-vV"]);
    let platform = version.lines().find_map(|it| it.strip_prefix("host: "));
    let mut arguments = vec!["metadata", "--offline", "--locked", "--format-version", "1"];
    arguments.extend(["--filter-platform", platform.unwrap()]);
    let metadata: serde_json::Value = serde_json::from_str(&cargo(&arguments)).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let libraries = packages.iter().filter(|package| {
        let name = package["name"].as_str().unwrap();
        ["quinn", "quinn-proto", "quinn-udp"].contains(&name)
    });
    let manifests = libraries.map(|package| package["manifest_path"].as_str().unwrap());
    manifests
        .map(|manifest| Path::new(manifest).with_file_name("src"))
        .collect()
}

fn assert_same(exist: &BTreeSet<Line>, explained: &BTreeSet<Line>) {
    let missing: Vec<_> = exist.difference(explained).collect();
    assert!(missing.is_empty(), "not documented: {missing:#?}");
    let gone: Vec<_> = explained.difference(exist).collect();
    assert!(gone.is_empty(), "no longer logged: {gone:#?}");
}

/// The logged text up to its closing quote: continued lines joined, values as `…`.
fn text(source: &str) -> String {
    let mut text = String::new();
    let mut characters = source.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => return text,
            '\\' => {
                // A continued line, without its indentation.
                assert_eq!(characters.next(), Some('\n'), "{source}");
                characters = characters.as_str().trim_start().chars();
            }
            '{' | '}' if characters.as_str().starts_with(c) => {
                text.push(c);
                characters.next();
            }
            '{' => {
                text.push('…');
                characters.find(|c| *c == '}').unwrap();
            }
            c => text.push(c),
        }
    }
    panic!("the text has no end: {text}");
}

#[test]
fn the_page_documents_exactly_the_lines_of_the_log() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = ["daemon/src", "metaserve/src"].map(|part| root.join(part));
    let exist = logged(&sources(folders), "tracing::");
    assert!(exist.len() > 15, "{exist:?}");
    assert_same(&exist, &explained("## Lines of the daemon"));
}

#[test]
fn the_page_documents_exactly_the_lines_of_the_agent() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = ["daemon/agent/src", "daemon/query/src"].map(|part| root.join(part));
    let exist = logged(&sources(folders), "tracing::");
    assert!(exist.len() > 10, "{exist:?}");
    assert_same(&exist, &explained("## Lines of the agent"));
}

#[test]
fn the_page_documents_exactly_the_lines_of_the_bridge() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let exist = logged(&sources([root.join("lobby-bridge/src")]), "tracing::");
    assert!(exist.len() > 50, "{exist:?}");
    assert_same(&exist, &explained("## Lines of the bridge"));
}

#[test]
fn the_page_documents_exactly_the_lines_of_the_libraries() {
    let libraries = libraries();
    assert_eq!(libraries.len(), 3, "{libraries:?}");
    let mut exist = logged(&sources(libraries), "");
    // Lines that these libraries log only with features that the daemon does not use.
    exist.retain(|(_, text)| !NEVER.iter().any(|never| text.contains(never)));
    assert_same(&exist, &explained("## Lines of libraries"));
}

/// Parts of lines of unused features: logs of single connections, and tracing of locks.
const NEVER: [&str; 3] = ["qlog", "Locking the connection", "Utilizing the connection"];
