//! `realm up`: all roles as processes.

use crate::patiently;
use std::{path::Path, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

struct Up {
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
    /// The processes of the roles.
    roles: Vec<(String, String)>,
}

impl Up {
    async fn start(state: &Path) -> Self {
        let redis = std::env::var("REALM_REDIS").expect("REALM_REDIS: the URL of a redis-server");
        let log = format!("{redis}?prefix=up-{:016x}:", fastrand::u64(..));
        let mut process = Command::new(env!("CARGO_BIN_EXE_realm"))
            .args([
                "up",
                "--listen",
                "127.0.0.1:0",
                "--daemon-listen",
                "127.0.0.1:0",
            ])
            .args(["--hosts", "2", "--log", &log, "--state"])
            .arg(state)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut up = Self {
            process,
            output,
            roles: Vec::new(),
        };
        up.says("all roles run").await;
        up
    }

    /// Waits for a line, and notes which processes are told on the way.
    async fn says(&mut self, part: &str) {
        let line = async {
            loop {
                let line = self.output.next_line().await.unwrap().expect("it goes on");
                if let Some((role, process)) = line.split_once(" | is process ") {
                    self.roles
                        .push((role.trim().to_owned(), process.to_owned()));
                }
                if line.contains(part) {
                    return;
                }
            }
        };
        patiently(part, line).await;
    }

    fn process_of(&self, role: &str) -> &str {
        let known = self.roles.iter().rev();
        let mut known = known.filter(|(it, _)| it == role);
        &known.next().unwrap().1
    }
}

async fn signal(name: &str, process: &str) {
    let kill = Command::new("kill").args(["-s", name, process]).status();
    assert!(kill.await.unwrap().success());
}

/// Waits until all these processes are gone.
async fn gone(roles: &[(String, String)]) {
    for (role, process) in roles {
        let gone = async {
            while Path::new("/proc").join(process).exists() {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        patiently(role, gone).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: tests/live.sh realm"]
async fn a_role_that_dies_is_started_again_and_all_stop_together() {
    let state = tempfile::tempdir().unwrap();
    let mut up = Up::start(state.path()).await;
    let names: Vec<_> = up.roles.iter().map(|(role, _)| role.as_str()).collect();
    let expected = [
        "daemon",
        "accounts",
        "host-1",
        "host-2",
        "scheduler-1",
        "scheduler-2",
        "gateway-1",
    ];
    for name in expected {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    let killed = up.process_of("host-2").to_owned();
    signal("KILL", &killed).await;
    up.says("host-2      | is process").await;
    assert_ne!(up.process_of("host-2"), killed);
    signal("INT", &up.process.id().unwrap().to_string()).await;
    let ended = patiently("the end of realm up", up.process.wait()).await;
    assert!(ended.unwrap().success());
    gone(&up.roles).await;
}

#[tokio::test]
#[ignore = "needs redis-server: tests/live.sh realm"]
async fn no_role_is_left_behind_when_realm_up_is_killed() {
    let state = tempfile::tempdir().unwrap();
    let mut up = Up::start(state.path()).await;
    up.process.kill().await.unwrap();
    gone(&up.roles).await;
}
