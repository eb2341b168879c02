//! The log of a whole process: this test is its own child.
#![forbid(unsafe_code)]
#![cfg(feature = "program")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use metaserve::program::{
    complain,
    log::{self, LogFormat},
};
use std::{env, process::Command, thread};

const CHILD: &str = "METASERVE_TEST_CHILD";

/// What the child does.
fn child() {
    let log = log::init("info", LogFormat::Json).unwrap();
    tracing::info!(answer = 42, "first");
    // As one of its tasks may.
    assert!(thread::spawn(|| panic!("by mistake")).join().is_err());
    log.set_filter("warn").unwrap();
    tracing::info!("not asked for");
    log.set_filter("wran").unwrap_err();
    drop(log);
    complain("error: the last word\n");
    std::process::exit(0);
}

/// What the child has said on standard error.
fn said(backtrace: &str) -> String {
    let ended = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "a_panic_is_a_line_of_the_log"])
        .env(CHILD, "1")
        .env("RUST_BACKTRACE", backtrace)
        .output();
    String::from_utf8(ended.unwrap().stderr).unwrap()
}

#[test]
fn a_panic_is_a_line_of_the_log() {
    if env::var_os(CHILD).is_some() {
        child();
    }
    let said = said("0");
    let lines: Vec<_> = said.lines().collect();
    let [first, panic, last] = &*lines else {
        panic!("{lines:#?}");
    };
    assert!(
        first.contains(r#""message":"first","answer":42"#),
        "{first}"
    );
    assert!(panic.contains(r#""level":"ERROR""#), "{panic}");
    assert!(panic.contains("panicked at "), "{panic}");
    assert!(panic.contains("tests/log.rs:"), "{panic}");
    assert!(panic.contains(": by mistake\""), "{panic}");
    assert_eq!(*last, "error: the last word");
}

#[test]
fn a_backtrace_is_part_of_the_line_for_whoever_asks_for_it() {
    assert!(said("1").contains(r#""backtrace":"#));
}
