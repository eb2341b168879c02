//! Signals are for the program's own threads.

/// Starts a thread that gets none of the process's signals, and neither do the threads that it starts.
/// A fault of its own, such as access to memory that is not there, stays one.
#[cfg(unix)]
pub(super) fn without<T>(start: impl FnOnce() -> T) -> T {
    use nix::sys::signal::{SigSet, SigmaskHow, Signal};
    let mut signals = SigSet::all();
    for fault in [
        Signal::SIGSEGV,
        Signal::SIGBUS,
        Signal::SIGFPE,
        Signal::SIGILL,
        Signal::SIGSYS,
        Signal::SIGTRAP,
        Signal::SIGABRT,
    ] {
        signals.remove(fault);
    }
    // A new thread has the mask of the one that starts it.
    let before = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK);
    let started = start();
    if let Ok(before) = before {
        // It fails for masks that are none; this one was set.
        let _ = before.thread_set_mask();
    }
    started
}

/// There are no signals.
#[cfg(not(unix))]
pub(super) fn without<T>(start: impl FnOnce() -> T) -> T {
    start()
}
