//! Whether the process may have the threads that it needs.

use std::{io, sync::mpsc, thread::Builder};

/// The process may not have as many threads as it needs.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot start {count} threads: {error}. Raise the limit on the processes of this user \
     (`ulimit -u`), or TasksMax= in the unit"
)]
pub struct TooFew {
    count: usize,
    error: io::Error,
}

/// Finds out whether so many threads can run at the same time, by starting them. A runtime panics,
/// or waits for ever, when it cannot start one.
///
/// # Errors
/// When there are not enough.
pub fn can_start(count: usize) -> Result<(), TooFew> {
    // Each waits until all are there.
    let mut held = Vec::with_capacity(count);
    let started = (0..count).try_for_each(|_| {
        let (go, wait) = mpsc::channel::<()>();
        let waits = move || {
            let _ = wait.recv();
        };
        held.push((Builder::new().spawn(waits)?, go));
        io::Result::Ok(())
    });
    for (thread, go) in held {
        drop(go);
        let _ = thread.join();
    }
    started.map_err(|error| TooFew { count, error })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tests/tests/faults/threads.rs` has too few of them.
    #[test]
    fn threads_that_can_be_started_are_enough() {
        can_start(3).unwrap();
        can_start(0).unwrap();
    }
}
