//! What processes hold and the machine drops, from the kernel's own files.

use std::fs;

/// What a process holds.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    pub(crate) megabytes: f64,
    pub(crate) files: usize,
}

pub(crate) fn held(process: u32) -> Held {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"));
    let kilobytes = line.unwrap().split_whitespace().next().unwrap();
    Held {
        megabytes: kilobytes.parse::<f64>().unwrap() / 1024.0,
        files: fs::read_dir(format!("/proc/{process}/fd")).unwrap().count(),
    }
}

/// Datagrams that this machine has dropped since a socket's buffer was full.
pub(crate) fn dropped() -> u64 {
    let counters = fs::read_to_string("/proc/net/snmp").unwrap();
    let mut lines = counters.lines().filter(|line| line.starts_with("Udp:"));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let mut both = names.split(' ').zip(values.split(' '));
    let (_, value) = both.find(|(name, _)| *name == "RcvbufErrors").unwrap();
    value.parse().unwrap()
}
