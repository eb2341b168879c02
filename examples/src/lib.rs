//! What the example programs share: how one names the daemon and trusts it, when to stop, and
//! how text of strangers is shown.
#![forbid(unsafe_code)]

mod printable;

pub use printable::printable;

use anyhow::Context;
use clap::Args;
use metaserve::{Connector, Fingerprint, Identity, Role, Trust};
use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
};

/// The daemon to connect to, and how to know that it is the right one.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Daemon")]
pub struct DaemonArgs {
    /// The daemon, such as `list.example.org:4433`
    #[arg(long, value_name = "HOST:PORT", default_value = "localhost:4433")]
    daemon: String,

    /// Trust the daemon whose certificate has this SHA-256 fingerprint: the daemon prints it
    /// when it starts [default: trust whom the operating system trusts]
    #[arg(long, value_name = "HEX", conflicts_with = "ca")]
    fingerprint: Option<Fingerprint>,

    /// Trust the certificates, or those signed by them, in this file (PEM or DER)
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl DaemonArgs {
    /// The daemon as it was named, `HOST:PORT`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.daemon
    }

    /// Whom to trust.
    ///
    /// # Errors
    /// When the file with certificates cannot be used.
    pub fn trust(&self) -> anyhow::Result<Trust> {
        match (self.fingerprint, &self.ca) {
            (Some(fingerprint), _) => Ok(Trust::Fingerprint(fingerprint)),
            (None, Some(file)) => Trust::file(file).context("--ca names no usable certificates"),
            (None, None) => Ok(Trust::SystemRoots),
        }
    }

    /// What connects to the daemon in the given role. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// When the name or the trust cannot be used, or no socket can be opened.
    pub fn connector(&self, role: Role, identity: Option<&Identity>) -> anyhow::Result<Connector> {
        let connector = Connector::new(role, &self.daemon, &self.trust()?, identity);
        connector.with_context(|| format!("--daemon {} cannot be used", self.daemon))
    }
}

/// The game server's own certificate, kept in `directory`; none without a directory.
///
/// # Errors
/// When it cannot be read or made.
pub fn identity(directory: Option<&Path>) -> anyhow::Result<Option<Identity>> {
    let load = |directory: &Path| {
        Identity::load_or_create(directory, &[])
            .with_context(|| format!("--identity {} cannot be used", directory.display()))
    };
    directory.map(load).transpose()
}

/// Prints what the libraries log, such as lost connections and the daemon's notices.
pub fn log() {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}

/// Ends when the program is asked to: Ctrl-C, or SIGTERM.
pub async fn stopped() {
    #[cfg(unix)]
    let terminated = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        daemon: DaemonArgs,
    }

    fn trust(arguments: &[&str]) -> anyhow::Result<Trust> {
        let program = [&["program"], arguments].concat();
        Cli::try_parse_from(program)?.daemon.trust()
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
        assert!(format!("{error:#}").contains("missing.pem"), "{error:#}");
    }

    #[test]
    fn one_kind_of_trust_at_a_time() {
        let fingerprint = "0f".repeat(32);
        assert!(trust(&["--fingerprint", &fingerprint, "--ca", "ca.pem"]).is_err());
    }
}
