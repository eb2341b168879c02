//! Turns settings into a bridge.

use std::{path::PathBuf, sync::Arc};

use metaserve::{Trust, tls::FileError};

use super::{BridgeSettings, Daemon};
use crate::protocol::Protocol;

/// The settings of a bridge, complete and valid.
#[derive(Clone, Debug)]
pub struct Bridge {
    /// The daemon to publish to.
    pub daemon: Daemon,
    /// How to verify the daemon.
    pub trust: Trust,
    /// The directory of the bridge's identity.
    pub state_dir: PathBuf,
    /// The file of banned addresses; `None` for no bans.
    pub ban_file: Option<PathBuf>,
    /// The enabled protocols.
    pub protocols: Vec<Arc<dyn Protocol>>,
}

/// The file with certificate authorities for the daemon cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use `ca`")]
pub struct AuthoritiesError(#[from] FileError);

impl Bridge {
    /// Makes the bridge that these settings describe.
    ///
    /// # Errors
    /// The file with authorities cannot be used.
    pub fn of(settings: BridgeSettings) -> Result<Self, AuthoritiesError> {
        let trust = match (settings.fingerprint, &settings.ca) {
            (Some(fingerprint), _) => Trust::Fingerprint(fingerprint),
            (None, Some(file)) => Trust::file(file)?,
            (None, None) => Trust::SystemRoots,
        };
        Ok(Self {
            trust,
            protocols: settings.protocols(),
            state_dir: settings.state_dir,
            daemon: settings.daemon,
            ban_file: settings.ban_file,
        })
    }
}
