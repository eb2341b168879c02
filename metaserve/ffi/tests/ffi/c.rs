//! Programs in C, in processes of their own. Needs a C compiler, as building the crates does.

use crate::{daemon::Daemon, support::*};
use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;

/// Runs a program of `tests/c` with a daemon.
fn run(name: &str) {
    let daemon = Daemon::start();
    let (mut program, _directory) = compiled(name, &daemon);
    ends_well(name, program.output().unwrap());
}

/// It prints nothing, and ends with 0.
fn ends_well(name: &str, ran: Output) {
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(
        ran.status.success() && said.is_empty(),
        "{name}: {}\n{said}",
        ran.status
    );
}

/// A program of `tests/c` that is to use this daemon, and the directory where it is.
fn compiled(name: &str, daemon: &Daemon) -> (Command, TempDir) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directory = tempfile::tempdir().unwrap();
    let (at, program) = (directory.path(), directory.path().join(name));
    // Cargo names libraries after crates.
    let built = std::env::current_exe()
        .unwrap()
        .with_file_name("libmetaserve_ffi.so");
    assert!(built.exists(), "{}", built.display());
    for name in ["libmetaserve.so", "libmetaserve.so.1"] {
        symlink(&built, at.join(name)).unwrap();
    }
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let source: PathBuf = here.join("tests/c").join(name).with_extension("c");
    let mut compile = Command::new(compiler);
    compile.args([
        "-std=c99",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-pedantic",
        "-pthread",
        "-I",
    ]);
    compile
        .arg(here.join("include"))
        .arg(source)
        .arg("-o")
        .arg(&program);
    compile.arg("-L").arg(at).arg("-lmetaserve");
    assert!(compile.status().expect("a C compiler").success(), "{name}");
    let mut ran = Command::new(&program);
    ran.env("LD_LIBRARY_PATH", at)
        .args([&daemon.address, &daemon.fingerprint]);
    (ran, directory)
}

#[test]
fn a_thousand_opens_and_closes_leave_no_thread_and_no_descriptor() {
    run("opens");
}

#[test]
fn a_forked_child_is_refused_and_its_parent_goes_on() {
    run("fork");
}

#[test]
fn threads_that_use_one_handle_are_refused_or_served_and_never_crash() {
    run("threads");
}

#[test]
fn a_signal_that_a_game_waits_for_is_not_taken_by_a_thread_of_the_library() {
    run("signals");
}

#[test]
fn all_calls_for_names_do_what_the_header_says() {
    run("names");
}

/// Far sooner than the 15 s after which a silent server is removed.
#[test]
fn the_last_server_of_a_program_says_goodbye_when_nothing_is_waited_for() {
    let daemon = Daemon::start();
    let options = Options::of(&daemon);
    let list = List::open(&options.it);
    let (mut program, _directory) = compiled("goodbye", &daemon);
    let program = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let program = program.spawn().unwrap();
    until("the server", || list.changes().pop());
    // This is the end of its input.
    ends_well("goodbye", program.wait_with_output().unwrap());
    let begin = metaserve::time::now();
    until("its end", || {
        list.changes().pop().filter(|it| it.0 == REMOVED)
    });
    assert!(begin.elapsed().as_secs() < 14);
}
