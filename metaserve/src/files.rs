//! Files of programs that run as services: read again when they change, and given to whom they are
//! for.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// How often files are looked at. Looking is a `stat` call for each, and finds also what was
/// exchanged behind a link, as ACME clients and orchestrators do.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Calls `changed` whenever one of these files has changed, until it is dropped: within 2 s, and
/// once for changes that come together. Never returns; with no paths it only waits.
///
/// Cancel-safe: what changes afterwards is not noticed.
pub async fn watch(paths: Vec<PathBuf>, mut changed: impl AsyncFnMut()) {
    let mut look = Look::new(paths);
    loop {
        look.until_changed(|| false).await;
        changed().await;
    }
}

/// Looks at files again and again.
pub(crate) struct Look {
    paths: Vec<PathBuf>,
    seen: Vec<Option<Stamp>>,
    every: tokio::time::Interval,
}

impl Look {
    pub(crate) fn new(paths: Vec<PathBuf>) -> Self {
        Self {
            seen: stamps(&paths),
            paths,
            every: tokio::time::interval(LOOK_EVERY),
        }
    }

    /// Ends when one of the files has changed, or `is_due` says so. Cancel-safe.
    pub(crate) async fn until_changed(&mut self, is_due: impl Fn() -> bool) {
        loop {
            self.every.tick().await;
            let now = stamps(&self.paths);
            if now != self.seen || is_due() {
                self.seen = now;
                return;
            }
        }
    }
}

/// Gives a file that was just made to the owner of its directory, if root has made it: a service
/// that runs as another user could not read it otherwise. Make the file so that no link of that
/// user's can be followed (`create_new`).
///
/// # Errors
/// When the system does not say whose they are, or cannot give the file away.
pub fn give_to_owner_of_directory(file: &File, path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let directory = path.parent().filter(|it| !it.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new(".")).metadata()?;
        let ours = file.metadata()?.uid();
        if ours == 0 && directory.uid() != 0 {
            fchown(file, Some(directory.uid()), Some(directory.gid()))?;
        }
    }
    #[cfg(not(unix))]
    let _ = (file, path);
    Ok(())
}

/// A remark for root about a file that only root can read: a service that runs as another user
/// needs it, too. None for other users, and for files that were given away.
#[must_use]
pub fn readable_by_root_only(path: &Path) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let metadata = path.metadata().ok()?;
        let path = path.display();
        (metadata.uid() == 0 && metadata.mode() & 0o077 == 0).then(|| {
            format!(
                "note: only root can read {path}: a service that runs as another user needs it, \
                 too: chown USER {path}"
            )
        })
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// What changes when a file does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: SystemTime,
    length: u64,
    /// Which file it is, and when anything of it was changed: programs that copy a file may give
    /// the copy the time of the original, and certificates are all equally long.
    #[cfg(unix)]
    inode: (u64, u64, i64, i64),
}

fn stamps(paths: &[PathBuf]) -> Vec<Option<Stamp>> {
    paths.iter().map(|path| stamp(path)).collect()
}

/// None while the file is not there.
fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    use std::os::unix::fs::MetadataExt;
    Some(Stamp {
        modified: metadata.modified().ok()?,
        length: metadata.len(),
        #[cfg(unix)]
        inode: (
            metadata.dev(),
            metadata.ino(),
            metadata.ctime(),
            metadata.ctime_nsec(),
        ),
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs;

    /// A renewed certificate that was put in place with the old one's time went unnoticed.
    #[test]
    fn a_file_that_is_exchanged_with_equal_time_and_length_has_changed() {
        let directory = tempfile::tempdir().unwrap();
        let [path, other] = ["cert", "other"].map(|name| directory.path().join(name));
        fs::write(&path, "old").unwrap();
        fs::write(&other, "new").unwrap();
        let before = stamp(&path).unwrap();
        let file = File::options().write(true).open(&other).unwrap();
        file.set_modified(before.modified).unwrap();
        fs::rename(&other, &path).unwrap();
        let after = stamp(&path).unwrap();
        let known = |stamp: &Stamp| (stamp.modified, stamp.length);
        assert_eq!(known(&before), known(&after));
        assert_ne!(before, after);
        assert_eq!(stamp(&path), Some(after));
    }
}
