//! What a program says about a server, a list or a connection for names.

use super::Error;
use metaserve::{Game, connect::ConnectorFor};

/// The fields of `ms_options`.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) port: u16,
    pub(crate) daemon: Option<String>,
    pub(crate) game: Option<String>,
    pub(crate) fingerprint: Option<String>,
    pub(crate) ca_file: Option<String>,
    pub(crate) identity_dir: Option<String>,
}

impl Options {
    /// Which daemon, and whom to trust.
    ///
    /// # Errors
    /// When no daemon is named.
    pub(crate) fn connector<R>(&self) -> Result<ConnectorFor<R>, Error> {
        let Some(daemons) = &self.daemon else {
            return Err(Error::argument(
                "daemon is NULL: name one as HOST:PORT, such as \"list.example.org:4433\"",
            ));
        };
        let connector = ConnectorFor::to_one_of(each(daemons));
        Ok(match (&self.fingerprint, &self.ca_file) {
            (Some(_), Some(_)) => {
                return Err(Error::argument(
                    "fingerprint and ca_file are both set: set the one to trust by",
                ));
            }
            (Some(digits), None) => connector.fingerprints(each(digits)),
            (None, Some(file)) => connector.ca_file(file),
            (None, None) => connector,
        })
    }

    /// The game, if there is one.
    ///
    /// # Errors
    /// When the text is not a tag.
    pub(crate) fn game(&self) -> Result<Option<Game>, Error> {
        let game = self.game.as_deref().map(str::parse);
        game.transpose().map_err(Error::argument)
    }
}

/// The parts between commas.
fn each(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}
