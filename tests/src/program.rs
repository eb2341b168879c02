//! A program that is run to its end.

use crate::patiently;
use std::process::Stdio;
use tokio::process::Command;

/// What a program that has ended has said.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code, if no signal ended it.
    pub code: Option<i32>,
    /// What it has printed.
    pub output: String,
    /// What it has complained about.
    pub complaint: String,
}

/// Runs `binary` to its end, in an empty environment.
///
/// # Panics
/// When it does not run or does not end, or prints what is no text.
pub async fn run(binary: &str, arguments: &[&str]) -> Ended {
    let output = Command::new(binary)
        .env_clear()
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = patiently("the program's end", output)
        .await
        .expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ended {
        code: output.status.code(),
        output: text(output.stdout),
        complaint: text(output.stderr),
    }
}

/// Datagrams that this machine has dropped since a socket's buffer was full.
///
/// # Panics
/// When the kernel does not say it as Linux does.
#[must_use]
pub fn dropped() -> u64 {
    let counters = std::fs::read_to_string("/proc/net/snmp").expect("Linux");
    let mut lines = counters.lines().filter(|line| line.starts_with("Udp:"));
    let [names, values] = [(); 2].map(|()| lines.next().expect("names, then values"));
    let mut both = names.split(' ').zip(values.split(' '));
    let (_, value) = both
        .find(|(name, _)| *name == "RcvbufErrors")
        .expect("it is counted");
    value.parse().expect("a number")
}
