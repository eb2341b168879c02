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
    let look = || paths.iter().map(|path| stamp(path)).collect::<Vec<_>>();
    let mut seen = look();
    let mut every = tokio::time::interval(LOOK_EVERY);
    loop {
        every.tick().await;
        let now = look();
        if now != seen {
            seen = now;
            changed().await;
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

/// What changes when a file does; none while it is not there.
fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
