//! Notices when files of a folder change.

use super::library::{News, Shelf};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// A file is read when nothing has changed for so long: programs write files in several steps.
const SETTLED: Duration = Duration::from_millis(100);

/// After so many times it is read although something changes all the time.
const MOST_STEPS: u32 = 20;

/// How often files are read where the system cannot tell of changes.
const POLL: Duration = Duration::from_secs(2);

/// A thread that reads scripts again when they have changed. Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    wake: SyncSender<()>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Starts it. `None` if the system has no more threads; it is said in the log.
    pub(super) fn start(folder: &Path, shelf: &Arc<Shelf>) -> Option<Self> {
        Self::with(folder, shelf, |wake| {
            notify::recommended_watcher(move |event: notify::Result<Event>| {
                // Reading is no change. A full channel wakes the thread already.
                if event.map_or(true, |it| !it.kind.is_access()) {
                    let _ = wake.try_send(());
                }
            })
        })
    }

    pub(super) fn with(
        folder: &Path,
        shelf: &Arc<Shelf>,
        watcher: impl FnOnce(SyncSender<()>) -> notify::Result<RecommendedWatcher>,
    ) -> Option<Self> {
        let (wake, woken) = sync_channel(1);
        let is_over = Arc::new(AtomicBool::new(false));
        let mut follower = Follower {
            folder: folder.to_owned(),
            shelf: Arc::clone(shelf),
            woken,
            is_over: Arc::clone(&is_over),
            watcher: None,
            last_mistake: None,
        };
        match watcher(wake.clone()) {
            Ok(watcher) => follower.watcher = Some(watcher),
            Err(error) => follower.poll(&error),
        }
        let thread = thread::Builder::new().name("scripts".to_owned());
        let thread = thread
            .spawn(move || follower.run())
            .map_err(|error| tracing::error!("scripts are not read again: {error}"));
        Some(Self {
            wake,
            is_over,
            thread: Some(thread.ok()?),
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = self.wake.try_send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the thread has.
struct Follower {
    folder: PathBuf,
    shelf: Arc<Shelf>,
    woken: Receiver<()>,
    is_over: Arc<AtomicBool>,
    /// `None`: files are read every now and then.
    watcher: Option<RecommendedWatcher>,
    last_mistake: Option<String>,
}

impl Follower {
    fn run(mut self) {
        while !self.is_over.load(Ordering::Relaxed) {
            // Before reading, so that no change is missed; and each time, since the folder may be
            // another one by now.
            let watched = self
                .watcher
                .as_mut()
                .map(|it| it.watch(&self.folder, RecursiveMode::NonRecursive));
            if let Some(Err(error)) = watched {
                self.poll(&error);
            }
            self.read();
            self.wait();
        }
    }

    fn poll(&mut self, error: &notify::Error) {
        self.watcher = None;
        let seconds = POLL.as_secs();
        tracing::warn!("cannot watch scripts, and reads them every {seconds} s: {error}");
    }

    /// Waits until something has changed, and then changes no more.
    fn wait(&self) {
        if self.watcher.is_none() {
            let _ = self.woken.recv_timeout(POLL);
            return;
        }
        let _ = self.woken.recv();
        for _ in 0..MOST_STEPS {
            let is_over = self.is_over.load(Ordering::Relaxed);
            if is_over || self.woken.recv_timeout(SETTLED).is_err() {
                return;
            }
        }
    }

    /// Reads again, and says in the log what has changed.
    fn read(&mut self) {
        let mistake = match self.shelf.read_again() {
            Ok(news) => {
                for news in news {
                    match news {
                        News::Read(_) => tracing::info!("{news}"),
                        _ => tracing::warn!("{news}"),
                    }
                }
                None
            }
            Err(error) => Some(format!("{error:#}")),
        };
        if mistake != self.last_mistake
            && let Some(mistake) = &mistake
        {
            tracing::warn!("{mistake}");
        }
        self.last_mistake = mistake;
    }
}
