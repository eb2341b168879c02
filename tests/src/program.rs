//! A program that is run to its end.

use crate::patiently;
use std::process::Stdio;
use tokio::process::Command;

/// The result of a program that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code, if it was not ended by a signal.
    pub code: Option<i32>,
    /// Its standard output.
    pub output: String,
    /// Its standard error.
    pub complaint: String,
}

/// Runs `binary` to its end, in an empty environment.
///
/// # Panics
/// When it does not start or end, or prints something other than text.
pub async fn run(binary: &str, arguments: &[&str]) -> Ended {
    let output = Command::new(binary)
        .env_clear()
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = patiently("the program's end", output)
        .await
        .expect("the binary must start");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ended {
        code: output.status.code(),
        output: text(output.stdout),
        complaint: text(output.stderr),
    }
}

/// The number of datagrams that this machine has dropped because a socket's buffer was full.
///
/// # Panics
/// When the kernel does not report it as Linux does.
#[must_use]
pub fn dropped() -> u64 {
    let counters = std::fs::read_to_string("/proc/net/snmp").expect("Linux");
    let mut lines = counters.lines().filter(|line| line.starts_with("Udp:"));
    let [names, values] = [(); 2].map(|()| lines.next().expect("names, then values"));
    let mut both = names.split(' ').zip(values.split(' '));
    let (_, value) = both
        .find(|(name, _)| *name == "RcvbufErrors")
        .expect("the counter exists");
    value.parse().expect("a number")
}
