//! Turns settings into a bridge.

use std::path::PathBuf;

use metaserve::{Trust, tls::FileError};

use super::{BridgeSettings, Daemon};
use crate::{aleph_one::Metaserver, vcmi};

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
    /// The VCMI lobby, if it is enabled.
    pub vcmi: Option<vcmi::Settings>,
    /// The metaserver of Aleph One, if it is enabled.
    pub aleph_one: Option<Metaserver>,
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
            state_dir: settings.state_dir,
            vcmi: settings.vcmi.lobby(&settings.public_address),
            aleph_one: settings.aleph_one.metaserver(&settings.accounts),
            daemon: settings.daemon,
            ban_file: settings.ban_file,
        })
    }
}
