//! The header, the library and the header for LuaJIT say the same.

use std::{collections::BTreeSet, fs, path::Path};

fn at(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn header() -> String {
    fs::read_to_string(at("include/metaserve.h")).unwrap()
}

/// C without comments and lines of the preprocessor.
fn bare(header: &str) -> String {
    let mut text = String::new();
    let mut rest = header;
    while let Some((before, after)) = rest.split_once("/*") {
        text += before;
        rest = after.split_once("*/").expect("comments end").1;
    }
    text += rest;
    let mut is_cpp = false;
    let kept = text.lines().filter(|line| {
        is_cpp |= line.starts_with("#ifdef __cplusplus");
        let keep = !is_cpp && !line.starts_with('#') && !line.trim().is_empty();
        is_cpp &= !line.starts_with("#endif");
        keep
    });
    let kept: Vec<_> = kept.map(str::trim_end).collect();
    kept.join("\n") + "\n"
}

/// Its declarations, each on one line in one spelling.
fn declarations(header: &str) -> BTreeSet<String> {
    let (mut all, mut depth, mut one) = (BTreeSet::new(), 0, String::new());
    for letter in bare(header).chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ';' if depth == 0 => {
                let words: Vec<_> = one.split_whitespace().collect();
                let spelled = words.join(" ").replace("* ", "*").replace("( ", "(");
                all.insert(spelled.replace("struct ms_", "ms_").replace("extern ", ""));
                one.clear();
                continue;
            }
            _ => {}
        }
        one.push(letter);
    }
    all
}

#[test]
fn the_header_declares_what_the_library_exports() {
    let mut config = cbindgen::Config {
        language: cbindgen::Language::C,
        documentation: false,
        no_includes: true,
        style: cbindgen::Style::Both,
        usize_is_size_t: true,
        ..cbindgen::Config::default()
    };
    config.export.include = [
        "ms_options",
        "ms_entry",
        "ms_request",
        "ms_holder",
        "ms_order",
    ]
    .map(str::to_owned)
    .into();
    let mut sources = cbindgen::Builder::new().with_config(config);
    for file in fs::read_dir(at("src/ffi")).unwrap() {
        sources = sources.with_src(file.unwrap().path());
    }
    let mut written = Vec::new();
    sources.generate().unwrap().write(&mut written);
    let ours = declarations(&header());
    let theirs = declarations(&String::from_utf8(written).unwrap());
    let is_interface = |it: &&String| it.contains('(') || it.contains('{') && !it.contains("enum");
    let interface = |of: &BTreeSet<String>| -> BTreeSet<String> {
        of.iter().filter(is_interface).cloned().collect()
    };
    let (ours, theirs) = (interface(&ours), interface(&theirs));
    assert!(ours.len() > 40, "{ours:?}");
    assert_eq!(ours, theirs);
}

/// `WRITE_PAGES=1` writes it again.
#[test]
fn the_header_for_luajit_is_the_header_without_the_preprocessor() {
    let header = header();
    let version = header.split("#define MS_ABI_VERSION ").nth(1).unwrap();
    let version = version.lines().next().unwrap();
    let wanted = format!("enum {{ MS_ABI_VERSION = {version} }};\n{}", bare(&header));
    assert!(
        !wanted.contains('#') && !wanted.contains("extern"),
        "{wanted}"
    );
    let path = at("include/metaserve.ffi.h");
    if std::env::var_os("WRITE_PAGES").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    assert!(
        fs::read_to_string(&path).is_ok_and(|it| it == wanted),
        "write it again with WRITE_PAGES=1"
    );
}
