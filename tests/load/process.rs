//! Figures of the operating system about a process and the machine. Linux only: other systems show
//! none.

use anyhow::Context;
use std::{fs, time::Duration};

/// The resources that limit a run.
pub(crate) struct Machine {
    /// How many files this process may have open.
    pub(crate) open_files: u64,
    /// The free memory, in bytes.
    pub(crate) free_memory: u64,
}

impl Machine {
    /// This machine. Unknown values count as enough.
    ///
    /// # Errors
    /// When the system's figures cannot be parsed.
    pub(crate) fn here() -> anyhow::Result<Self> {
        let open_files = number_after("/proc/self/limits", "Max open files")?;
        let free_memory = number_after("/proc/meminfo", "MemAvailable:")?;
        Ok(Self {
            open_files: open_files.unwrap_or(u64::MAX),
            free_memory: free_memory.map_or(u64::MAX, |kilobytes| kilobytes * 1024),
        })
    }
}

/// The number after a label in one of the system's files; `None` without the file, or if it is
/// `unlimited`.
fn number_after(file: &str, label: &str) -> anyhow::Result<Option<u64>> {
    let Ok(text) = fs::read_to_string(file) else {
        return Ok(None);
    };
    let line = text.lines().find_map(|line| line.strip_prefix(label));
    let word = line.and_then(|line| line.split_whitespace().next());
    match word.with_context(|| format!("{file} has no {label}"))? {
        "unlimited" => Ok(None),
        number => Ok(Some(number.parse().with_context(|| {
            format!("{file}: {label} is followed by no number")
        })?)),
    }
}

/// The processor time of a process, user and kernel, all threads; `None` where it is not known.
pub(crate) fn cpu(process: u32) -> Option<Duration> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let mut nanoseconds = 0;
    for thread in threads.flatten() {
        // A thread may end in the meantime.
        let Ok(text) = fs::read_to_string(thread.path().join("schedstat")) else {
            continue;
        };
        nanoseconds += text.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(nanoseconds))
}

/// The resident memory of a process, in bytes; `None` where it is not known.
pub(crate) fn resident(process: u32) -> Option<u64> {
    let kilobytes = number_after(&format!("/proc/{process}/status"), "VmRSS:").ok()??;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_cost_something() {
        if cfg!(target_os = "linux") {
            assert!(cpu(std::process::id()).unwrap() > Duration::ZERO);
            assert!(resident(std::process::id()).unwrap() > 100_000);
            assert!(Machine::here().unwrap().open_files > 10);
        }
    }
}
