//! A process that may not have as many threads as it needs.

use crate::DAEMON;
use metaserve_tests::run;
use std::fs;

/// The daemon panicked, or stood still without a word, where a container or a unit allows few
/// processes.
#[tokio::test]
async fn a_daemon_that_may_have_few_threads_says_so() {
    // A user without any other process: the kernel counts all of them, but not those of root.
    let [user, group] = ["--reuid=61234", "--regid=61234"];
    let directory = tempfile::tempdir().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(directory.path(), open).unwrap();
    let daemon = directory.path().join("daemon");
    fs::copy(DAEMON, &daemon).unwrap();
    let state = directory.path().join("state");
    for most in 1..=6 {
        let limit = format!("--nproc={most}");
        let limited = [user, group, "--clear-groups", "/usr/bin/prlimit", &limit];
        let paths = [
            daemon.to_str().unwrap(),
            "--state-dir",
            state.to_str().unwrap(),
        ];
        let settings = ["--listen", "127.0.0.1:0", "--http", "off", "--threads", "3"];
        let ended = run(
            "/usr/bin/setpriv",
            &[&limited[..], &paths, &settings].concat(),
        )
        .await;
        assert!(matches!(ended.code, Some(1 | 2)), "{most}: {ended:?}");
        let said = [ended.complaint.as_str(), &ended.output].concat();
        assert!(said.contains("cannot start"), "{most}: {ended:?}");
        assert!(!said.contains("panicked"), "{most}: {ended:?}");
    }
}
