//! Files of services: read again when they change, and owned by the user that needs them.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// How often files are checked. A check is one `stat` call for each file, and also finds files
/// that were replaced behind a symbolic link, as ACME clients and orchestrators do.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The state of files when they were last checked.
///
/// Create it before you read the files: later changes are noticed, however late
/// [watching](Self::watch) begins.
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use metaserve::files::Look;
///
/// let look = Look::new(vec!["bans.txt".into()]);
/// // Read the file here: what changes from now on is noticed.
/// look.watch(async || println!("it has changed: read it again")).await;
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    paths: Vec<PathBuf>,
    seen: Vec<Option<Stamp>>,
}

impl Look {
    /// Checks the files now. They need not exist.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let seen = paths.iter().map(|path| stamp(path)).collect();
        Self { paths, seen }
    }

    /// Whether one of the files has changed since the last check. Checks again.
    fn has_changed(&mut self) -> bool {
        let now = Self::new(std::mem::take(&mut self.paths));
        std::mem::replace(self, now).seen != self.seen
    }

    /// Calls `changed` whenever one of the files has changed: within 2 s, and once for changes
    /// that come together. Never returns; without files it only waits.
    ///
    /// Cancel-safe: later changes are not noticed.
    pub async fn watch(mut self, mut changed: impl AsyncFnMut()) {
        let mut looks = looks();
        loop {
            looks.tick().await;
            if self.has_changed() {
                changed().await;
            }
        }
    }
}

/// The interval at which files are checked.
pub(crate) fn looks() -> tokio::time::Interval {
    crate::time::every(LOOK_EVERY)
}

/// Gives a new file to the owner of its directory, if it was created by root: a service that runs
/// as another user could not read it otherwise. Create the file in a way that follows no symbolic
/// link of that user (`create_new`).
///
/// # Errors
/// When the owner cannot be read, or cannot be changed.
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
/// needs it as well. `None` for other users, and for files that have another owner.
#[must_use]
pub fn readable_by_root_only(path: &Path) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let metadata = path.metadata().ok()?;
        let path = path.display();
        (metadata.uid() == 0 && metadata.mode() & 0o077 == 0).then(|| {
            format!(
                "note: only root can read {path}, but a service that runs as another user needs it \
                 as well: chown USER {path}"
            )
        })
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// The values that change with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    length: u64,
    /// The identity of the file, and when its metadata last changed. Programs that copy a file may
    /// give the copy the time of the original, and certificates often have equal length.
    #[cfg(unix)]
    inode: (u64, u64, i64, i64),
}

/// `None` while the file does not exist.
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

    /// A renewed certificate that had the time of the old one went unnoticed.
    #[test]
    fn a_replaced_file_with_equal_time_and_length_counts_as_changed() {
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

    /// On a busy machine, a certificate that was renewed right after the start went unnoticed.
    #[tokio::test(start_paused = true)]
    async fn a_change_before_watching_begins_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bans.txt");
        fs::write(&path, "old").unwrap();
        let look = Look::new(vec![path.clone()]);
        fs::write(&path, "newer").unwrap();
        let (told, mut hear) = tokio::sync::mpsc::unbounded_channel();
        tokio::select! {
            () = look.watch(async || told.send(()).unwrap()) => panic!("it never returns"),
            heard = hear.recv() => assert_eq!(heard, Some(())),
        }
        let look = Look::new(vec![path]);
        let watching = look.watch(async || panic!("nothing has changed"));
        let watched = tokio::time::timeout(LOOK_EVERY * 3, watching).await;
        watched.unwrap_err();
    }

    /// A service could not read the certificate that root had created for it.
    #[test]
    fn a_file_created_by_root_belongs_to_the_owner_of_the_directory() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let make = || {
            let _ = fs::remove_file(&path);
            let file = File::create(&path).unwrap();
            give_to_owner_of_directory(&file, &path).unwrap();
            file.set_permissions(PermissionsExt::from_mode(0o600))
                .unwrap();
            file.metadata().unwrap().uid()
        };
        let ours = make();
        assert_eq!(ours, directory.path().metadata().unwrap().uid());
        let remark = readable_by_root_only(&path);
        assert_eq!(remark.is_some(), ours == 0);
        if chown(directory.path(), Some(12_345), None).is_err() {
            return; // Only root can.
        }
        assert!(remark.unwrap().contains(&path.display().to_string()));
        fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        assert_eq!(readable_by_root_only(&path), None);
        assert_eq!(make(), 12_345);
        assert_eq!(readable_by_root_only(&path), None);
    }
}
