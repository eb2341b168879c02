//! Turns settings into a bridge.

use std::{path::PathBuf, sync::Arc};

use metaserve::{PublishAt, Trust, program::Http, tls::FileError};

use super::{BridgeSettings, Daemon};
use crate::{protocol::Protocol, web};

/// The settings of a bridge, complete and valid.
#[derive(Clone, Debug)]
pub struct Bridge {
    /// The daemons to publish to, `HOST:PORT`; none to publish nothing.
    pub daemons: Vec<String>,
    /// At which of several daemons.
    pub publish_at: PublishAt,
    /// How to verify them.
    pub trust: Trust,
    /// The directory of the bridge's identity.
    pub state_dir: PathBuf,
    /// The file of banned addresses; `None` for no bans.
    pub ban_file: Option<PathBuf>,
    /// The enabled protocols.
    pub protocols: Vec<Arc<dyn Protocol>>,
    /// How lists are served over HTTP.
    pub web: web::Settings,
    /// Whether and where metrics are served.
    pub metrics: Http,
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
        let trust = match (settings.fingerprint.as_slice(), &settings.ca) {
            ([], Some(file)) => Trust::file(file)?,
            ([], None) => Trust::SystemRoots,
            (fingerprints, _) => Trust::Fingerprints(fingerprints.to_vec()),
        };
        let protocols = settings.protocols();
        let daemons = settings
            .daemon
            .into_iter()
            .filter_map(|daemon| match daemon {
                Daemon::At(name) => Some(name),
                Daemon::None => None,
            });
        Ok(Self {
            trust,
            protocols,
            web: settings.web.sites(),
            metrics: settings.metrics,
            state_dir: settings.state_dir,
            daemons: daemons.collect(),
            publish_at: settings.publish_at,
            ban_file: settings.ban_file,
        })
    }
}
