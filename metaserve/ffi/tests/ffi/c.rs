//! Programs in C, in processes of their own. Needs a C compiler, as building the crates does.

use crate::daemon::Daemon;
use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

/// Compiles a program of `tests/c` and runs it with a daemon. It prints nothing, and ends with 0.
fn run(name: &str) {
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
    let daemon = Daemon::start();
    let mut ran = Command::new(&program);
    let ran = ran
        .env("LD_LIBRARY_PATH", at)
        .args([&daemon.address, &daemon.fingerprint]);
    let ran = ran.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(
        ran.status.success() && said.is_empty(),
        "{name}: {}\n{said}",
        ran.status
    );
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
