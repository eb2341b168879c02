//! Scripts that are edited while the world runs.

use super::*;
use crate::scripts::{library::News, watch::Watch};
use std::{thread, time::Duration};

fn script(words: &str) -> String {
    format!("fn on_tick(me) {{ say(\"{words}\"); }}")
}

fn tick(hooks: &mut dyn Hooks) -> String {
    let answer = call(hooks, Hook::Tick, &hen()).unwrap().unwrap();
    says(&answer).join(" ")
}

pub(super) fn library(folder: &Folder) -> Arc<Library> {
    Arc::new(Library::open(Some(folder.0.path()), Arc::default()).unwrap())
}

/// A zone's scripts that nothing watches: the test says when files are read again.
pub(super) fn unwatched(library: &Arc<Library>) -> Scripts {
    let act = Arc::default();
    let engine = Helpers::new(&act, &library.maps).engine;
    let mut scripts = Scripts {
        library: Arc::clone(library),
        seen: 0,
        scripts: BTreeMap::new(),
        engine,
        act,
    };
    scripts.edited();
    scripts
}

#[test]
fn an_edited_script_is_taken_by_all_zones_between_ticks() {
    let folder = Folder::with(&[("it", &script("old")), ("other", &script("other"))]);
    let library = library(&folder);
    let (mut one, mut another) = (unwatched(&library), unwatched(&library));
    fs::write(folder.script("it"), script("new")).unwrap();
    assert_eq!(
        library.shelf().read_again().unwrap(),
        [News::Read(name("it"))]
    );
    assert_eq!(tick(&mut one), "old");
    for zone in [&mut one, &mut another] {
        assert_eq!(zone.edited(), [name("it")]);
        assert_eq!(tick(zone), "new");
        assert_eq!(zone.edited(), []);
    }
    assert_eq!(library.shelf().read_again().unwrap(), []);
}

#[test]
fn a_script_that_does_not_compile_leaves_the_old_one_running_and_is_told_once() {
    let folder = Folder::with(&[("it", &script("old"))]);
    let library = library(&folder);
    let mut zone = unwatched(&library);
    fs::write(folder.script("it"), "fn on_tick(me) {\n  say(\"new\";\n}").unwrap();
    let news = library.shelf().read_again().unwrap();
    assert_eq!(news.len(), 1);
    let told = news[0].to_string();
    assert!(told.starts_with("script it: line 2: "), "{told}");
    assert!(told.ends_with("; the one before goes on"), "{told}");
    assert_eq!(library.shelf().read_again().unwrap(), []);
    assert_eq!(zone.edited(), []);
    assert_eq!(tick(&mut zone), "old");
    // A zone that starts now has the one before as well.
    assert_eq!(tick(&mut unwatched(&library)), "old");
    fs::write(folder.script("it"), script("mended")).unwrap();
    library.shelf().read_again().unwrap();
    assert_eq!(zone.edited(), [name("it")]);
    assert_eq!(tick(&mut zone), "mended");
}

#[test]
fn a_script_that_never_compiled_fails_until_it_is_mended() {
    let folder = Folder::with(&[("it", "fn")]);
    let library = library(&folder);
    let mut zone = unwatched(&library);
    assert!(call(&mut zone, Hook::Tick, &hen()).is_err());
    fs::write(folder.script("it"), script("mended")).unwrap();
    library.shelf().read_again().unwrap();
    assert_eq!(zone.edited(), [name("it")]);
    assert_eq!(tick(&mut zone), "mended");
}

#[test]
fn a_deleted_script_goes_on_and_a_new_one_is_found() {
    let folder = Folder::with(&[("it", &script("old"))]);
    let library = library(&folder);
    let mut zone = unwatched(&library);
    fs::remove_file(folder.script("it")).unwrap();
    fs::write(folder.script("new"), script("new")).unwrap();
    fs::write(folder.script("Not A Name"), script("odd")).unwrap();
    let news = library.shelf().read_again().unwrap();
    let odd = News::Odd("Not A Name".to_owned());
    assert_eq!(news, [odd, News::Read(name("new")), News::Gone(name("it"))]);
    assert_eq!(library.shelf().read_again().unwrap(), []);
    assert_eq!(zone.edited(), [name("new")]);
    assert_eq!(tick(&mut zone), "old");
}

#[test]
fn a_folder_that_is_gone_leaves_all_scripts_running() {
    let folder = Folder::with(&[("it", &script("old"))]);
    let library = library(&folder);
    let mut zone = unwatched(&library);
    fs::remove_dir_all(folder.0.path().join("scripts")).unwrap();
    assert!(library.shelf().read_again().is_err());
    assert_eq!(zone.edited(), []);
    assert_eq!(tick(&mut zone), "old");
}

/// Waits until the zone has the script that says this.
fn wait_for(zone: &mut dyn Hooks, words: &str) {
    for _ in 0..6000 {
        zone.edited();
        if tick(zone) == words {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("the scripts were not read again");
}

#[test]
fn a_saved_file_is_noticed() {
    let folder = Folder::with(&[("it", &script("old"))]);
    let mut zone = folder.content().hooks().unwrap();
    assert_eq!(tick(&mut *zone), "old");
    fs::write(folder.script("it"), script("written")).unwrap();
    wait_for(&mut *zone, "written");
    // As editors do that write a new file first.
    fs::write(folder.script("it").with_extension("tmp"), script("renamed")).unwrap();
    fs::rename(
        folder.script("it").with_extension("tmp"),
        folder.script("it"),
    )
    .unwrap();
    wait_for(&mut *zone, "renamed");
    // A new folder in the place of the old one.
    fs::remove_dir_all(folder.0.path().join("scripts")).unwrap();
    fs::create_dir(folder.0.path().join("scripts")).unwrap();
    fs::write(folder.script("it"), script("again")).unwrap();
    wait_for(&mut *zone, "again");
    fs::write(folder.script("it"), script("once more")).unwrap();
    wait_for(&mut *zone, "once more");
}

#[test]
fn without_a_watcher_files_are_read_every_now_and_then() {
    let folder = Folder::with(&[("it", &script("old"))]);
    let library = library(&folder);
    let mut zone = unwatched(&library);
    let no_watcher = |_| Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch));
    let watch = Watch::with(
        &folder.0.path().join("scripts"),
        library.shelf(),
        no_watcher,
    );
    fs::write(folder.script("it"), script("new")).unwrap();
    wait_for(&mut zone, "new");
    drop(watch);
}
