//! What settings make of a bridge.

use std::path::PathBuf;

use metaserve::{Trust, tls::FileError};

use super::{BridgeSettings, Daemon};
use crate::{aleph_one::Metaserver, vcmi};

/// What a bridge does, complete and possible.
#[derive(Clone, Debug)]
pub struct Bridge {
    /// Where to publish.
    pub daemon: Daemon,
    /// How to know the daemon.
    pub trust: Trust,
    /// Where the bridge keeps its identity.
    pub state_dir: PathBuf,
    /// The addresses that are banned; none for no bans.
    pub ban_file: Option<PathBuf>,
    /// The VCMI lobby, if it is to run.
    pub vcmi: Option<vcmi::Settings>,
    /// The metaserver of Aleph One, if it is to run.
    pub aleph_one: Option<Metaserver>,
}

/// The file with the authorities that may vouch for the daemon cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`ca` cannot be used")]
pub struct AuthoritiesError(#[from] FileError);

impl Bridge {
    /// What these settings ask for.
    ///
    /// # Errors
    /// When the file with authorities cannot be used.
    pub fn of(settings: BridgeSettings) -> Result<Self, AuthoritiesError> {
        let trust = match (settings.fingerprint, &settings.ca) {
            (Some(fingerprint), _) => Trust::Fingerprint(fingerprint),
            (None, Some(file)) => Trust::file(file)?,
            (None, None) => Trust::SystemRoots,
        };
        Ok(Self {
            trust,
            state_dir: settings.state_dir().to_owned(),
            vcmi: settings.vcmi.lobby(&settings.public_address),
            aleph_one: settings.aleph_one.metaserver(&settings.accounts),
            daemon: settings.daemon.unwrap_or_default(),
            ban_file: settings.ban_file,
        })
    }
}
