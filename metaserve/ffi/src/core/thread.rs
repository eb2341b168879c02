//! The one thread of the process, from the first open to the last close.

use super::{Error, signals};
use std::{
    process,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread::JoinHandle,
};
use tokio::{
    runtime::{Builder, EnterGuard, Handle},
    sync::oneshot,
};

/// The process that the thread belongs to; 0 while there is none. A child has a copy of it, but not
/// the thread.
static PROCESS: AtomicU32 = AtomicU32::new(0);

static THREAD: Mutex<Option<Thread>> = Mutex::new(None);

struct Thread {
    runtime: Handle,
    leases: usize,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// How often the tasks run once more after the last close: each of them needs a few turns to say
/// goodbye, and none of them waits for an answer.
const LAST_TURNS: usize = 64;

/// Whether this is a child of a process with open handles. Nothing else may be touched in one: another
/// thread of the parent may have held any lock at that moment.
pub(crate) fn is_forked() -> bool {
    let process = PROCESS.load(Ordering::Relaxed);
    process != 0 && process != process::id()
}

/// Keeps the thread. What is dropped last waits until the thread has ended.
#[derive(Debug)]
pub(crate) struct Lease {
    runtime: Handle,
}

impl Lease {
    /// # Errors
    /// When there is no thread yet, and none can be started.
    pub(crate) fn new() -> Result<Self, Error> {
        let mut thread = lock();
        let thread = match &mut *thread {
            Some(thread) if thread.thread.is_finished() => {
                return Err(Error::system(
                    "the thread of libmetaserve has ended by a fault, which standard error has \
                     described: close all handles, and open again",
                ));
            }
            Some(thread) => thread,
            none => none.insert(start()?),
        };
        thread.leases += 1;
        let runtime = thread.runtime.clone();
        Ok(Self { runtime })
    }

    /// What is polled or spawned while this is kept belongs to the thread.
    pub(crate) fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// Runs `task` on the thread.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut thread = lock();
        if let Some(last) = thread.take_if(|thread| {
            thread.leases -= 1;
            thread.leases == 0
        }) {
            drop(last.stop);
            // A panic there has been reported on standard error.
            let _ = last.thread.join();
            PROCESS.store(0, Ordering::Relaxed);
        }
    }
}

fn lock() -> MutexGuard<'static, Option<Thread>> {
    THREAD.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start() -> Result<Thread, Error> {
    let no_thread =
        |error| Error::system(format!("the thread of libmetaserve cannot start: {error}"));
    let mut runtime = Builder::new_current_thread();
    // Names of daemons are looked up on threads of their own, which end when they are idle.
    let runtime = runtime.enable_all().thread_name("metaserve-dns");
    let runtime = runtime.max_blocking_threads(4).build().map_err(no_thread)?;
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let run = move || {
        runtime.block_on(async {
            let _ = stopped.await;
            for _ in 0..LAST_TURNS {
                tokio::task::yield_now().await;
            }
        });
        // A lookup that goes on is not waited for.
        runtime.shutdown_background();
    };
    let thread = std::thread::Builder::new().name("metaserve".into());
    // First, since a fork can happen at any time.
    PROCESS.store(process::id(), Ordering::Relaxed);
    let thread = signals::without(|| thread.spawn(run)).map_err(|error| {
        PROCESS.store(0, Ordering::Relaxed);
        no_thread(error)
    })?;
    Ok(Thread {
        runtime: handle,
        leases: 0,
        stop,
        thread,
    })
}
