//! What Luanti servers have announced, kept through restarts of the agent. A server announces itself
//! when it starts and then every 300 s, and cannot be asked to: without this, its name would be gone
//! for so long after a restart of the agent.

use metaserve::ServerInfo;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{
    fs, io,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// How long an announcement holds: one that is lost costs nothing.
pub(super) const HOLDS: Duration = Duration::from_secs(2 * 300 + 50);

/// The directory of what was announced, with a file of a few KB for each server.
#[derive(Debug)]
pub(super) struct Kept(pub(super) PathBuf);

#[derive(Serialize, Deserialize)]
struct Announced {
    /// Until when it holds, in seconds since 1970.
    until: u64,
    info: Map<String, Value>,
}

impl Kept {
    /// Keeps what the server with this name announces now.
    pub(super) fn keep(&self, name: &str, info: &ServerInfo, now: SystemTime) -> io::Result<()> {
        let until = now.checked_add(HOLDS).unwrap_or(now);
        let since_1970 = until.duration_since(UNIX_EPOCH).unwrap_or_default();
        let announced = Announced {
            until: since_1970.as_secs(),
            info: serde_json::from_slice(&info.to_json())?,
        };
        fs::create_dir_all(&self.0)?;
        let unfinished = self.0.join(format!("{name}.new"));
        fs::write(&unfinished, serde_json::to_vec(&announced)?)?;
        fs::rename(unfinished, self.file(name))
    }

    /// What it has announced, and for how long that still holds.
    pub(super) fn find(&self, name: &str, now: SystemTime) -> Option<(ServerInfo, Duration)> {
        let content = fs::read(self.file(name)).ok()?;
        let Announced { until, info } = serde_json::from_slice(&content).ok()?;
        let until = UNIX_EPOCH.checked_add(Duration::from_secs(until))?;
        let left = until.duration_since(now).ok()?;
        // The clock may have been turned back.
        Some((info.into(), left.min(HOLDS)))
    }

    /// Forgets it, if there is something.
    pub(super) fn forget(&self, name: &str) {
        let _ = fs::remove_file(self.file(name));
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_announced_is_found_for_as_long_as_it_holds() {
        const SECOND: Duration = Duration::from_secs(1);
        let directory = tempfile::tempdir().unwrap();
        let kept = Kept(directory.path().join("announced"));
        let now = UNIX_EPOCH + 1_000 * SECOND;
        assert_eq!(kept.find("lua", now), None);
        let info = ServerInfo::new("Lua Länd");
        kept.keep("lua", &ServerInfo::new("old"), now).unwrap();
        kept.keep("lua", &info, now).unwrap();
        let later = now + 300 * SECOND;
        assert_eq!(kept.find("lua", later), Some((info.clone(), 350 * SECOND)));
        assert_eq!(kept.find("other", later), None);
        assert_eq!(kept.find("lua", now + HOLDS + SECOND), None);
        assert_eq!(kept.find("lua", UNIX_EPOCH), Some((info, HOLDS)));
        kept.forget("lua");
        assert_eq!(kept.find("lua", now), None);
        fs::write(kept.file("lua"), "{").unwrap();
        assert_eq!(kept.find("lua", now), None);
    }
}
