//! The file of the high-water mark, in the state directory.

use anyhow::Context;
use metaserve::{
    names::{Block, DaemonId, Mark},
    time::wall_clock,
};
use std::{
    fs::{self, File, TryLockError},
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

/// Keeps the mark in `names/mark` of the state directory. A daemon without the folder has never
/// reserved anything, or has lost it; a folder without the file has lost the file.
///
/// One daemon at a time reserves epochs there: the one that holds the lock on `names.lock`.
pub(crate) struct Store {
    folder: PathBuf,
    daemon: DaemonId,
    /// Whether there was no folder.
    is_new: AtomicBool,
    /// The locked file, as soon as it is.
    lock: OnceLock<File>,
}

/// The name of the file.
const MARK: &str = "mark";

/// The extension of the file that is locked, beside the folder.
const LOCK: &str = "lock";

const IN_USE: &str = "another daemon reserves epochs in this state directory: give each its own";

impl Store {
    /// The store in this state directory.
    pub(crate) fn new(state_dir: &Path, daemon: DaemonId) -> Self {
        let folder = state_dir.join("names");
        let is_new = is_absent(&folder);
        Self {
            folder,
            daemon,
            is_new: AtomicBool::new(is_new),
            lock: OnceLock::new(),
        }
    }

    /// Whether there is no folder yet.
    pub(crate) fn is_new(&self) -> bool {
        self.is_new.load(Ordering::Relaxed)
    }

    /// Reserves a block that begins with `from` or higher. The file that says so is on the disk
    /// when this returns. Blocks the thread.
    ///
    /// # Errors
    /// When the file is not the mark of this daemon, or cannot be read or written, or another
    /// daemon has the lock.
    pub(super) fn reserve(&self, from: u64) -> anyhow::Result<Block> {
        let lock = self.lock.get().is_none().then(|| self.lock()).transpose()?;
        let now = since_1970(wall_clock());
        // An earlier attempt may have failed after it had made the folder.
        self.is_new
            .fetch_and(is_absent(&self.folder), Ordering::Relaxed);
        let mark = match self.is_new() {
            true => Mark::first(self.daemon, now),
            false => self.read(now)?,
        };
        let (block, mark) = mark
            .reserve(from, now)
            .with_context(|| self.path().display().to_string())?;
        self.write(mark).with_context(|| self.cannot_write())?;
        self.is_new.store(false, Ordering::Relaxed);
        if let Some(lock) = lock {
            // Fails if it is set, which it is once: blocks are reserved one after the other.
            let _ = self.lock.set(lock);
        }
        Ok(block)
    }

    /// What the file says, in words. Leaves it as it is.
    ///
    /// # Errors
    /// When no epochs could be reserved.
    pub(crate) fn check(&self) -> anyhow::Result<String> {
        let path = self.path();
        let shown = path.display();
        if self.is_new() {
            return Ok(format!("{shown}, which will be created"));
        }
        let mark = self.read(since_1970(wall_clock()))?;
        let trial = self.folder.join("check");
        let tried = File::create(&trial).and_then(|_| fs::remove_file(&trial));
        tried.with_context(|| self.cannot_write())?;
        let used = match self.is_locked() {
            true => "; a running daemon uses it",
            false => "",
        };
        Ok(format!("{shown}, the next is {}{used}", mark.below))
    }

    /// The file, locked until it is dropped.
    fn lock(&self) -> anyhow::Result<File> {
        let path = self.folder.with_extension(LOCK);
        let file = File::create(&path).with_context(|| self.cannot_write())?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => anyhow::bail!("{}: {IN_USE}", path.display()),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }

    /// Whether a daemon has the lock now. Makes no file.
    fn is_locked(&self) -> bool {
        let file = File::open(self.folder.with_extension(LOCK));
        file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }

    fn path(&self) -> PathBuf {
        self.folder.join(MARK)
    }

    fn cannot_write(&self) -> String {
        let (path, folder) = (self.path(), self.folder.display());
        format!(
            "cannot write {}: let the daemon's user write to {folder}",
            path.display()
        )
    }

    /// The mark, as it is on the disk.
    ///
    /// # Errors
    /// When the file is not the mark of this daemon, or cannot be read.
    fn read(&self, now: Duration) -> anyhow::Result<Mark> {
        let path = self.path();
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

fn is_absent(path: &Path) -> bool {
    let found = path.symlink_metadata();
    found.is_err_and(|error| error.kind() == ErrorKind::NotFound)
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

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const OWN: DaemonId = DaemonId([7; 8]);

    /// A state directory whose daemon has granted claims, with the first epoch that is free.
    fn used() -> (TempDir, u64) {
        let state = tempfile::tempdir().unwrap();
        let store = Store::new(state.path(), OWN);
        assert!(store.is_new());
        assert!(store.check().unwrap().ends_with("which will be created"));
        let block = store.reserve(1).unwrap();
        assert!(!store.is_new());
        (state, block.below)
    }

    fn file(state: &TempDir) -> PathBuf {
        state.path().join("names/mark")
    }

    /// Why the store can neither reserve nor be checked, also after a restart.
    fn refused(store: &Store, state: &TempDir) -> String {
        let again = Store::new(state.path(), store.daemon);
        assert!(
            !again.is_new(),
            "a daemon that has lost its file is not new"
        );
        let said = [store, &again].map(|it| {
            let reserved = format!("{:#}", it.reserve(1).unwrap_err());
            let checked = format!("{:#}", it.check().unwrap_err());
            assert_eq!(reserved, checked);
            reserved
        });
        assert_eq!(said[0], said[1]);
        assert!(
            said[0].contains(&file(state).display().to_string()),
            "{}",
            said[0]
        );
        said[0].clone()
    }

    #[test]
    fn each_block_is_beyond_all_that_were_reserved_by_earlier_runs() {
        let (state, first) = used();
        // What a run that was killed while it wrote has left behind.
        fs::write(state.path().join("names/mark.new"), "metaserve na").unwrap();
        let mut below = first;
        for _ in 0..3 {
            let store = Store::new(state.path(), OWN);
            let told = format!("the next is {below}");
            assert!(store.check().unwrap().ends_with(&told));
            for _ in 0..2 {
                let block = store.reserve(1).unwrap();
                assert!(block.from >= below);
                below = block.below;
            }
        }
    }

    /// The daemon need not be restarted.
    #[test]
    fn a_lost_or_damaged_file_is_a_refusal_until_it_is_restored() {
        let (state, below) = used();
        let store = Store::new(state.path(), OWN);
        let copy = fs::read(file(&state)).unwrap();
        let by_other = |mark: Mark| Some(mark.to_string().into_bytes());
        let now = since_1970(wall_clock());
        let (_, other) = Mark::first(DaemonId([8; 8]), now).reserve(1, now).unwrap();
        let future = now + Duration::from_secs(3 * 24 * 60 * 60);
        let (_, future) = Mark::first(OWN, future).reserve(1, future).unwrap();
        for (content, why) in [
            (None, "is missing: restore the file"),
            (Some(Vec::new()), "is missing: restore the file"),
            (
                Some(copy[..copy.len() - 1].to_vec()),
                "cut short or damaged",
            ),
            (
                Some([&copy[..], &[b'\n'; 1_000]].concat()),
                "cut short or damaged",
            ),
            (by_other(other), "belongs to another daemon"),
            (by_other(future), "3 days in the future"),
        ] {
            match content {
                None => fs::remove_file(file(&state)).unwrap(),
                Some(bytes) => fs::write(file(&state), bytes).unwrap(),
            }
            let said = refused(&store, &state);
            assert!(said.contains(why), "{said}");
            fs::write(file(&state), &copy).unwrap();
        }
        assert!(store.reserve(1).unwrap().from >= below);
    }

    /// Nothing can be written to a folder whose files cannot be created: here because a folder has
    /// the name of the new file, which also stops root.
    #[test]
    fn a_file_that_cannot_be_written_is_a_refusal_and_stays_as_it_is() {
        let (state, below) = used();
        let store = Store::new(state.path(), OWN);
        let in_the_way = state.path().join("names/mark.new");
        fs::create_dir(&in_the_way).unwrap();
        let said = format!("{:#}", store.reserve(1).unwrap_err());
        assert!(
            said.contains("cannot write") && said.contains("names/mark"),
            "{said}"
        );
        fs::remove_dir(&in_the_way).unwrap();
        assert!(
            store
                .check()
                .unwrap()
                .ends_with(&format!("the next is {below}"))
        );
        assert!(store.reserve(1).unwrap().from >= below);
    }

    #[test]
    fn of_two_daemons_in_a_state_directory_one_reserves_epochs_until_it_ends() {
        let state = tempfile::tempdir().unwrap();
        let [one, other] = [(); 2].map(|()| Store::new(state.path(), OWN));
        let first = one.reserve(1).unwrap();
        let said = format!("{:#}", other.reserve(1).unwrap_err());
        let lock = state.path().join("names.lock").display().to_string();
        assert!(said.contains(IN_USE) && said.contains(&lock), "{said}");
        let checked = Store::new(state.path(), OWN).check().unwrap();
        assert!(checked.ends_with("; a running daemon uses it"), "{checked}");
        assert!(one.reserve(1).unwrap().from >= first.below);
        drop(one);
        assert!(other.reserve(1).unwrap().from >= first.below);
    }

    #[test]
    fn a_first_file_that_cannot_be_written_is_a_refusal_until_it_can() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::new(state.path(), OWN);
        let in_the_way = state.path().join("names.new");
        fs::write(&in_the_way, "").unwrap();
        let said = format!("{:#}", store.reserve(1).unwrap_err());
        assert!(said.contains("cannot write"), "{said}");
        fs::remove_file(&in_the_way).unwrap();
        store.reserve(1).unwrap();
        assert!(file(&state).exists() && !in_the_way.exists());
    }
}
