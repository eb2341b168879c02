//! The resources of processes, from the kernel's own files.

use std::{fs, iter::Sum};

/// The resources of a process, or of several together.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    pub(crate) megabytes: f64,
    pub(crate) files: usize,
}

impl Sum for Held {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        let none = Self {
            megabytes: 0.0,
            files: 0,
        };
        all.fold(none, |sum, it| Self {
            megabytes: sum.megabytes + it.megabytes,
            files: sum.files + it.files,
        })
    }
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
