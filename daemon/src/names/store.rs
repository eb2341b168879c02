//! The file of the high-water mark, in the state directory.

use anyhow::Context;
use metaserve::{
    names::{Block, DaemonId, Mark},
    time::wall_clock,
};
use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

/// Keeps the mark in `names/mark` of the state directory. A daemon without the folder has never
/// granted anything; a folder without the file has lost it.
pub(crate) struct Store {
    folder: PathBuf,
    daemon: DaemonId,
    /// Whether there was no folder.
    is_new: AtomicBool,
}

/// The name of the file.
const MARK: &str = "mark";

impl Store {
    /// The store in this state directory.
    pub(crate) fn new(state_dir: &Path, daemon: DaemonId) -> Self {
        let folder = state_dir.join("names");
        let is_new = folder
            .symlink_metadata()
            .is_err_and(|error| error.kind() == ErrorKind::NotFound);
        Self {
            folder,
            daemon,
            is_new: AtomicBool::new(is_new),
        }
    }

    /// Whether the daemon has never granted anything.
    pub(crate) fn is_new(&self) -> bool {
        self.is_new.load(Ordering::Relaxed)
    }

    /// Reserves a block that begins with `from` or higher. The file that says so is on the disk
    /// when this returns. Blocks the thread.
    ///
    /// # Errors
    /// When the file is not the mark of this daemon, or cannot be read or written.
    pub(super) fn reserve(&self, from: u64) -> anyhow::Result<Block> {
        let now = since_1970(wall_clock());
        let path = self.folder.join(MARK);
        let mark = match self.is_new() {
            true => Mark::first(self.daemon, now),
            false => self.read(now)?,
        };
        let (block, mark) = mark
            .reserve(from, now)
            .with_context(|| path.display().to_string())?;
        self.write(mark).with_context(|| {
            let folder = self.folder.display();
            format!(
                "cannot write {}: let the daemon's user write to {folder}",
                path.display()
            )
        })?;
        self.is_new.store(false, Ordering::Relaxed);
        Ok(block)
    }

    /// The mark, as it is on the disk.
    ///
    /// # Errors
    /// When the file is not the mark of this daemon, or cannot be read.
    fn read(&self, now: Duration) -> anyhow::Result<Mark> {
        let path = self.folder.join(MARK);
        let shown = || path.display().to_string();
        let mut bytes = Vec::new();
        match File::open(&path) {
            Ok(file) => {
                let most = Mark::MAX_BYTES as u64 + 1;
                file.take(most)
                    .read_to_end(&mut bytes)
                    .with_context(shown)?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(shown),
        }
        Mark::read(&bytes, self.daemon, now).with_context(shown)
    }

    fn write(&self, mark: Mark) -> io::Result<()> {
        if !self.is_new() {
            return write(&self.folder, mark);
        }
        // All at once: a folder without the file would look as if the file were lost.
        let unfinished = self.folder.with_extension("new");
        match fs::create_dir(&unfinished) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        write(&unfinished, mark)?;
        fs::rename(&unfinished, &self.folder)?;
        self.folder.parent().map_or(Ok(()), sync)
    }
}

/// Replaces the file in the folder. It is on the disk when this returns.
fn write(folder: &Path, mark: Mark) -> io::Result<()> {
    let unfinished = folder.join("mark.new");
    let mut file = File::create(&unfinished)?;
    file.write_all(mark.to_string().as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, folder.join(MARK))?;
    sync(folder)
}

/// Puts the names of a folder's files on the disk.
fn sync(folder: &Path) -> io::Result<()> {
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        // Folders cannot be opened there.
        false => Ok(()),
    }
}

/// Zero if the clock is earlier than that: the mark then comes from the future.
fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}
