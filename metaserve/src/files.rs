//! Files that are read again when they change.

use std::{
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

/// What changes when a file does; none while it is not there.
fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
