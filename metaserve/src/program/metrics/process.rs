//! The resources of the process, under the names that Prometheus' own client libraries use.

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};
use std::sync::atomic::AtomicU64;

/// Read from `/proc` on request; not shown on systems other than Linux.
#[derive(Debug, Default)]
pub struct Process {
    cpu: Counter<f64, AtomicU64>,
    resident_bytes: Gauge,
    open_fds: Gauge,
    max_fds: Gauge,
    start: Gauge<f64, AtomicU64>,
}

impl Process {
    /// Registers them in a registry, which has no prefix.
    pub fn register(&self, registry: &mut Registry) {
        if !cfg!(target_os = "linux") {
            return;
        }
        registry.register(
            "process_cpu_seconds",
            "CPU time of all threads in seconds",
            self.cpu.clone(),
        );
        registry.register(
            "process_resident_memory_bytes",
            "Resident memory in bytes",
            self.resident_bytes.clone(),
        );
        registry.register(
            "process_open_fds",
            "Open file descriptors",
            self.open_fds.clone(),
        );
        registry.register(
            "process_max_fds",
            "The limit of open file descriptors",
            self.max_fds.clone(),
        );
        registry.register(
            "process_start_time_seconds",
            "When the process started, in Unix time",
            self.start.clone(),
        );
    }

    /// Reads them. A value that cannot be read keeps its old value: `/proc` may be hidden.
    pub fn look(&self) {
        #[cfg(target_os = "linux")]
        let _ = self.look_in_proc();
    }

    #[cfg(target_os = "linux")]
    fn look_in_proc(&self) -> procfs::ProcResult<()> {
        use procfs::{WithCurrentSystemInfo, process::LimitValue, process::Process};
        use std::sync::atomic::Ordering;

        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let process = Process::myself()?;
        let stat = process.stat()?;
        let ticks = procfs::ticks_per_second() as f64;
        let cpu = (stat.utime + stat.stime) as f64 / ticks;
        self.cpu.inner().store(cpu.to_bits(), Ordering::Relaxed);
        self.resident_bytes.set(count(stat.rss_bytes().get()));
        self.open_fds.set(count(process.fd_count()? as u64));
        self.max_fds
            .set(match process.limits()?.max_open_files.soft_limit {
                LimitValue::Value(most) => count(most),
                LimitValue::Unlimited => i64::MAX,
            });
        let start = procfs::boot_time_secs()? as f64 + stat.starttime as f64 / ticks;
        self.start.set(start);
        Ok(())
    }
}
