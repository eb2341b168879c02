//! The page of shortest programs counts their lines right.

use crate::read;

/// A page's code blocks below the heading of a language.
fn programs(page: &str, language: &str) -> Vec<String> {
    let heading = format!("## {}", language.to_lowercase());
    let (mut below, mut inside, mut blocks) = (false, false, Vec::new());
    for line in page.lines() {
        match line {
            "```" => inside = false,
            _ if inside => {
                let block: &mut String = blocks.last_mut().expect("a block has begun");
                *block += line;
                *block += "\n";
            }
            _ if line.starts_with("## ") => below = line.to_lowercase() == heading,
            _ if below && line.starts_with("```") => {
                inside = true;
                blocks.push(String::new());
            }
            _ => {}
        }
    }
    blocks
}

#[test]
fn the_lines_of_the_shortest_programs_are_counted_right() {
    let page = read("docs/guide/ten-lines.md");
    let mut languages = 0;
    for row in page.lines().filter(|line| line.starts_with("| [")) {
        let mut cells = row.trim_matches('|').split(" | ").map(str::trim);
        let name = cells.next().unwrap_or_default();
        let name = name[1..].split(']').next().unwrap_or_default();
        let said: Vec<usize> = cells.take(2).filter_map(|cell| cell.parse().ok()).collect();
        let programs = programs(&page, name);
        let counted: Vec<_> = programs
            .iter()
            .map(|program| program.lines().filter(|line| !line.is_empty()).count())
            .collect();
        assert_eq!(said, counted, "{name}: the server's and the client's lines");
        let long = programs.iter().flat_map(|program| program.lines());
        assert_eq!(long.into_iter().find(|line| line.len() > 120), None);
        languages += 1;
    }
    assert_eq!(languages, page.matches("\n## ").count());
}

#[test]
fn the_shortest_programs_in_python_are_the_examples() {
    let programs = programs(&read("docs/guide/ten-lines.md"), "Python");
    let examples = ["server", "client"].map(|name| read(&format!("examples/python/{name}.py")));
    assert_eq!(programs, examples);
}

#[test]
fn the_python_package_has_the_version_of_the_crates() {
    let version = |manifest: &str| {
        let text = read(manifest);
        let mut lines = text.lines();
        lines
            .find(|line| line.starts_with("version = "))
            .map(str::to_owned)
    };
    let python = version("metaserve/ffi/python/pyproject.toml");
    assert!(python.is_some());
    assert_eq!(python, version("Cargo.toml"));
}
