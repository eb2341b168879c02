//! How a program's command line names the daemon, and whom to take for it.

use crate::{
    ConnectError, Fingerprint, Trust,
    connect::{ConnectorFor, HasRole},
    sentence::debug_as_sentence,
    tls::FileError,
};
use std::path::PathBuf;

/// The daemon to connect to, and how to know that it is the right one: arguments of a program,
/// with the words that all our programs use.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Daemon")]
pub struct DaemonArgs {
    /// The daemon, such as `list.example.org:4433`
    #[arg(long, value_name = "HOST:PORT", default_value = "localhost:4433")]
    pub daemon: String,

    /// Trust the daemon whose certificate has this SHA-256 fingerprint: the daemon prints it
    /// when it starts [default: trust whom the operating system trusts]
    #[arg(long, value_name = "HEX", conflicts_with = "ca")]
    pub fingerprint: Option<Fingerprint>,

    /// Trust the certificates, or those signed by them, in this file (PEM or DER)
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

/// The [`DaemonArgs`] cannot be used.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentError {
    /// The file with authorities cannot be used.
    #[error("--ca names no usable certificates")]
    Authorities(#[from] FileError),
    /// The name or the trust cannot be used, or no socket can be opened.
    #[error("--daemon {daemon} cannot be used")]
    Daemon {
        /// The value of `--daemon`.
        daemon: String,
        /// The reason.
        source: ConnectError,
    },
}

debug_as_sentence!(ArgumentError);

impl DaemonArgs {
    /// The trust that the arguments ask for.
    ///
    /// # Errors
    /// When the file with certificates cannot be used.
    pub fn trust(&self) -> Result<Trust, ArgumentError> {
        match (self.fingerprint, &self.ca) {
            (Some(fingerprint), _) => Ok(Trust::Fingerprint(fingerprint)),
            (None, Some(file)) => Ok(Trust::file(file)?),
            (None, None) => Ok(Trust::SystemRoots),
        }
    }

    /// A connector to the daemon in a role, such as `metaserve_client::Connector`. Call it inside a
    /// tokio runtime.
    ///
    /// # Errors
    /// When the name or the trust cannot be used, or no socket can be opened.
    pub fn connector<R: HasRole>(&self) -> Result<ConnectorFor<R>, ArgumentError> {
        let connector = ConnectorFor::to(&self.daemon).trust(self.trust()?);
        match connector.ready() {
            Ok(_) => Ok(connector),
            Err(source) => Err(ArgumentError::Daemon {
                daemon: self.daemon.clone(),
                source,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::error::Error;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        daemon: DaemonArgs,
    }

    fn daemon(arguments: &[&str]) -> Result<DaemonArgs, clap::Error> {
        let program = [&["program"], arguments].concat();
        Ok(Cli::try_parse_from(program)?.daemon)
    }

    fn trust(arguments: &[&str]) -> Result<Trust, ArgumentError> {
        daemon(arguments).unwrap().trust()
    }

    #[test]
    fn the_system_decides_unless_told_otherwise() {
        assert!(matches!(trust(&[]), Ok(Trust::SystemRoots)));
    }

    #[test]
    fn a_fingerprint_is_taken_as_printed() {
        let fingerprint = "0f".repeat(32);
        let pinned = trust(&["--fingerprint", &fingerprint]).unwrap();
        let Trust::Fingerprint(pinned) = pinned else {
            panic!("{pinned:?}");
        };
        assert_eq!(pinned.to_string(), fingerprint);
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = trust(&["--ca", "missing.pem"]).unwrap_err();
        let cause = error.source().unwrap().to_string();
        assert!(cause.contains("missing.pem"), "{cause}");
    }

    #[test]
    fn one_kind_of_trust_at_a_time() {
        let fingerprint = "0f".repeat(32);
        assert!(daemon(&["--fingerprint", &fingerprint, "--ca", "ca.pem"]).is_err());
    }
}
