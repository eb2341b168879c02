//! Unsafe code is in this crate alone, and there in the modules that say so.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// All files of this name below a directory, but for what is built and fetched.
fn files(of: &Path, name: &dyn Fn(&str) -> bool, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(of).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap_or_default();
        match path.is_dir() {
            true if file == "target" || file == "node_modules" || file.starts_with('.') => {}
            true => files(&path, name, found),
            false if name(file) => found.push(path),
            false => {}
        }
    }
}

fn manifests() -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&root(), &|name| name == "Cargo.toml", &mut found);
    found
}

#[test]
fn every_other_crate_forbids_unsafe_code() {
    let root = root();
    let workspace = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    assert!(workspace.contains("unsafe_code = \"forbid\""));
    let mut without = Vec::new();
    for manifest in manifests() {
        let text = fs::read_to_string(&manifest).unwrap();
        // Fuzz targets are compiled into what the fuzzer's macro writes.
        let is_fuzz = text.contains("cargo-fuzz = true");
        let forbids =
            text.contains("[lints]\nworkspace = true") || text.contains("unsafe_code = \"forbid\"");
        if text.contains("[package]") && !forbids && !is_fuzz {
            without.push(manifest.strip_prefix(&root).unwrap().to_owned());
        }
    }
    assert_eq!(without, [Path::new("metaserve/ffi/Cargo.toml")]);
    for library in manifests().iter().map(|it| it.with_file_name("src/lib.rs")) {
        if library.exists() && library != root.join("metaserve/ffi/src/lib.rs") {
            let text = fs::read_to_string(&library).unwrap();
            assert!(
                text.contains("#![forbid(unsafe_code)]"),
                "{}",
                library.display()
            );
        }
    }
}

#[test]
fn the_lints_of_this_crate_are_those_of_the_workspace_but_for_unsafe_code() {
    let lints = |of: &str, prefix: &str| -> Vec<String> {
        let text = fs::read_to_string(root().join(of)).unwrap();
        let begin = text.find(&format!("[{prefix}lints.rust]")).unwrap();
        let lines = text[begin..]
            .lines()
            .take_while(|line| !line.starts_with("[profile") && !line.starts_with("[["));
        lines
            .filter(|line| line.contains(" = \""))
            .map(|line| line.replace("\"forbid\"", "\"deny\""))
            .collect()
    };
    let ours = lints("metaserve/ffi/Cargo.toml", "");
    assert!(ours.len() > 4);
    assert_eq!(ours, lints("Cargo.toml", "workspace."));
}

#[test]
fn unsafe_code_is_in_the_two_modules_that_say_so() {
    let source = root().join("metaserve/ffi/src");
    let mut found = Vec::new();
    files(&source, &|name| name.ends_with(".rs"), &mut found);
    let mut dereferencing = 0;
    for file in found {
        let text = fs::read_to_string(&file).unwrap();
        let is_allowed = file.starts_with(source.join("ffi")) || file == source.join("raw.rs");
        assert!(
            is_allowed || !text.contains("unsafe {"),
            "{}",
            file.display()
        );
        let follows = [
            "read_unaligned",
            "from_raw_parts",
            "CStr::from_ptr",
            "copy_nonoverlapping",
        ];
        dereferencing += usize::from(follows.iter().any(|it| text.contains(it)));
    }
    assert_eq!(
        dereferencing, 1,
        "raw.rs follows pointers, and no other file"
    );
}
