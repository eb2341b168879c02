use super::*;
use crate::object::Point;
use std::fs;

const SMALL: &str = r#"title = "A yard"
width = 10
height = 8
start = { x = 1, y = 2 }

[[object]]
id = "hen-1"
kind = "hen"
name = "Berta"
x = 3
y = 4
"#;

fn read(text: &str) -> anyhow::Result<Map> {
    Map::read("yard".parse().unwrap(), text)
}

fn mistake(text: &str) -> String {
    format!("{:#}", read(text).unwrap_err())
}

fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for it in ["maps", "scripts"] {
        fs::create_dir(folder.path().join(it)).unwrap();
    }
    for (file, text) in files {
        fs::write(folder.path().join(file), text).unwrap();
    }
    folder
}

#[test]
fn the_copies_in_the_program_are_all_files_of_the_source_tree() {
    for (part, ending, carried) in [
        ("maps", "toml", embedded::MAPS),
        ("scripts", "rhai", embedded::SCRIPTS),
    ] {
        let written = Path::new(env!("CARGO_MANIFEST_DIR")).join(part);
        let carried: Vec<_> = carried
            .iter()
            .map(|&(name, text)| (name.to_owned(), text.to_owned()))
            .collect();
        assert_eq!(carried, folder::texts(&written, ending).unwrap());
    }
}

#[test]
fn without_a_folder_the_maps_are_the_same() {
    let carried = Content::embedded().unwrap();
    let read = Content::load(None).unwrap();
    assert_eq!(carried.maps, read.maps);
    assert_eq!(carried.folder(), None);
    assert!(read.folder().is_some());
    let names: Vec<_> = carried.maps().map(MapName::as_str).collect();
    assert_eq!(names, ["cellar", "garden", "meadow"]);
}

#[test]
fn a_map_is_read_with_its_defaults() {
    let map = read(SMALL).unwrap();
    assert_eq!(map.start, Point { x: 1.0, y: 2.0 });
    assert_eq!(map.objects.len(), 1);
    assert_eq!(map.objects[0].at, Point { x: 3.0, y: 4.0 });
    assert_eq!(map.objects[0].radius, 0.5);
}

#[test]
fn a_mistake_in_a_map_is_told_with_its_line() {
    for (old, new, expected) in [
        ("width = 10", "width = ", "line 2: "),
        (
            "width = 10",
            "width = -1",
            "line 2: -1 is not from 1 to 1000 metres",
        ),
        ("width = 10", "width = nan", "line 2: NaN is not"),
        ("height = 8", "depth = 8", "line 3: unknown field `depth`"),
        ("title = \"A yard\"\n", "", "line 1: missing field `title`"),
        ("A yard", "", "line 1: the title has not 1 to 60 bytes"),
        ("y = 2 }", "y = 9 }", "line 4: 1, 9 is not on the map"),
        ("x = 3", "x = 11", "line 6: 11, 4 is not on the map"),
        ("x = 3", "x = nan", "line 6: NaN, 4 is not on the map"),
        ("x = 3", "x = \"3\"", "line 10: invalid type: string"),
        (
            "y = 4",
            "y = 4\nradius = 0",
            "line 6: radius is not from 0.05 to 10",
        ),
        (
            "y = 4",
            "y = 4\nhealth = 0",
            "line 6: health is not 1 or more",
        ),
        (
            "y = 4",
            "y = 4\ncolour = 0",
            "line 12: unknown field `colour`",
        ),
        (
            "y = 4",
            "y = 4\nscript = \"../x\"",
            "line 12: a map has a name of",
        ),
        (
            "y = 4",
            "y = 4\nbody = \"solid\"",
            "line 12: unknown variant `solid`",
        ),
        ("Berta", "Ber\\nta", "line 6: the name has not"),
        ("hen-1", "@berta", "line 6: the id @berta has a sign"),
        ("hen-1", "hen 1", "line 7: an object has an id"),
    ] {
        let text = SMALL.replace(old, new);
        assert_ne!(text, SMALL, "{old}");
        let mistake = mistake(&text);
        assert!(mistake.starts_with(expected), "{new}: {mistake}");
    }
    let twice = SMALL.to_owned() + &SMALL[SMALL.find("\n[[").unwrap()..];
    assert_eq!(mistake(&twice), "line 13: there are two objects hen-1");
}

#[test]
fn a_mistake_in_a_file_is_told_with_its_name() {
    let gate = |to: &str| format!("{SMALL}gate = {{ {to} }}\n");
    for (file, text, expected) in [
        (
            "maps/yard.toml",
            "title = 1",
            "maps/yard.toml: line 1: invalid type",
        ),
        (
            "maps/The Yard.toml",
            SMALL,
            "maps/The Yard.toml: a map has a name of",
        ),
        (
            "maps/yard.toml",
            &gate("map = \"attic\", x = 1, y = 1"),
            "maps/yard.toml: hen-1 leads to attic, no map",
        ),
        (
            "maps/yard.toml",
            &gate("map = \"yard\", x = 1, y = 99"),
            "maps/yard.toml: hen-1 leads out of yard: 1, 99 is not on the map",
        ),
    ] {
        let folder = folder_with(&[(file, text)]);
        let mistake = format!("{:#}", Content::load(Some(folder.path())).unwrap_err());
        assert!(mistake.starts_with(expected), "{mistake}");
    }
}

#[test]
fn a_folder_without_maps_is_refused() {
    let folder = folder_with(&[]);
    let mistake = format!("{:#}", Content::load(Some(folder.path())).unwrap_err());
    assert_eq!(mistake, "there is no map: expected maps/NAME.toml");
    fs::remove_dir(folder.path().join("maps")).unwrap();
    let mistake = format!("{:#}", Content::load(Some(folder.path())).unwrap_err());
    assert!(mistake.starts_with("cannot read the folder /"), "{mistake}");
}

#[test]
fn no_name_of_a_map_reaches_a_path() {
    for name in [
        "../x",
        "..",
        "a/b",
        "/etc/passwd",
        "meadow.toml",
        "a\\b",
        "",
        "Meadow",
        "a\0",
    ] {
        assert!(name.parse::<MapName>().is_err(), "{name}");
    }
}

#[test]
fn files_that_are_no_short_text_inside_the_folder_are_refused() {
    let folder = folder_with(&[("maps/big.toml", &"#".repeat(300_000))]);
    let load = || format!("{:#}", Content::load(Some(folder.path())).unwrap_err());
    assert!(
        load().ends_with("big.toml has more than 256 KiB"),
        "{}",
        load()
    );
    fs::remove_file(folder.path().join("maps/big.toml")).unwrap();

    fs::write(folder.path().join("maps/yard.toml"), b"title = 1\n\xff").unwrap();
    assert!(
        load().ends_with("yard.toml, line 2: is not text in UTF-8"),
        "{}",
        load()
    );
    fs::remove_file(folder.path().join("maps/yard.toml")).unwrap();

    fs::create_dir(folder.path().join("maps/yard.toml")).unwrap();
    assert!(load().ends_with("yard.toml is no file"), "{}", load());
    fs::remove_dir(folder.path().join("maps/yard.toml")).unwrap();

    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), SMALL).unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("maps/yard.toml")).unwrap();
    assert!(
        load().ends_with("yard.toml is a link that leads out of its folder"),
        "{}",
        load()
    );
}
