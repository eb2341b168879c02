//! How a program's command line names daemons, and whom to take for them.

use crate::{
    ConnectError, Fingerprint, Trust,
    connect::{ConnectorFor, HasRole, role::Heartbeat},
    sentence::debug_as_sentence,
    tls::FileError,
};
use std::path::PathBuf;

/// The daemon to connect to, or one of several, and how to know that it is the right one: arguments
/// of a program, with the words that all our programs use.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Daemon")]
pub struct DaemonArgs {
    /// The daemon, such as `list.example.org:4433`. Give several, with commas or by repeating
    /// this, if they show the same list, such as the members of a cluster: the program connects to
    /// one of them, in random order, and moves to another one when it is lost
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "localhost:4433",
        value_delimiter = ','
    )]
    pub daemon: Vec<String>,

    /// Trust the daemon whose certificate has this SHA-256 fingerprint: the daemon prints it
    /// when it starts. For several daemons, give the fingerprint of each, in any order [default:
    /// trust whom the operating system trusts]
    #[arg(long, value_name = "HEX", conflicts_with = "ca", value_delimiter = ',')]
    pub fingerprint: Vec<Fingerprint>,

    /// Trust the certificates, or those signed by them, in this file (PEM or DER)
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

/// The daemons to publish a game server at: [`DaemonArgs`], and at which of them.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Daemon")]
pub struct PublishArgs {
    /// The daemons.
    #[command(flatten)]
    pub daemons: DaemonArgs,

    /// At which of several daemons to be listed: at `one` of them, if they show the same list, or
    /// at `every` one, if each has a list of its own
    #[arg(long, value_name = "one|every", default_value = "one")]
    pub publish_at: PublishAt,
}

/// At which of several daemons a server is listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum PublishAt {
    /// At one of them, and at another one when it is lost.
    #[default]
    One,
    /// At every one of them.
    Every,
}

/// The [`DaemonArgs`] cannot be used.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentError {
    /// The file with authorities cannot be used.
    #[error("--ca names no usable certificates")]
    Authorities(#[from] FileError),
    /// The name or the trust cannot be used, or no socket can be opened.
    #[error("--daemon {daemons} cannot be used")]
    Daemon {
        /// The values of `--daemon`.
        daemons: String,
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
        match (self.fingerprint.as_slice(), &self.ca) {
            ([], Some(file)) => Ok(Trust::file(file)?),
            ([], None) => Ok(Trust::SystemRoots),
            (fingerprints, _) => Ok(Trust::Fingerprints(fingerprints.to_vec())),
        }
    }

    /// The names of the daemons, for people.
    #[must_use]
    pub fn names(&self) -> String {
        self.daemon.join(",")
    }

    /// A connector to one of the daemons in a role, such as `metaserve_client::Connector`. Call it
    /// inside a tokio runtime.
    ///
    /// # Errors
    /// When a name or the trust cannot be used, or no socket can be opened.
    pub fn connector<R: HasRole>(&self) -> Result<ConnectorFor<R>, ArgumentError> {
        self.ready(ConnectorFor::to_one_of(&self.daemon))
    }

    fn ready<R: HasRole>(
        &self,
        connector: ConnectorFor<R>,
    ) -> Result<ConnectorFor<R>, ArgumentError> {
        let connector = connector.trust(self.trust()?);
        match connector.ready() {
            Ok(_) => Ok(connector),
            Err(source) => Err(ArgumentError::Daemon {
                daemons: self.names(),
                source,
            }),
        }
    }
}

impl PublishArgs {
    /// A connector for a game server. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// As [`DaemonArgs::connector`].
    pub fn connector(&self) -> Result<ConnectorFor<Heartbeat>, ArgumentError> {
        let daemons = &self.daemons;
        match self.publish_at {
            PublishAt::One => daemons.connector(),
            PublishAt::Every => daemons.ready(ConnectorFor::to_every(&daemons.daemon)),
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
        let Trust::Fingerprints(pinned) = pinned else {
            panic!("{pinned:?}");
        };
        assert_eq!(pinned, [fingerprint.parse().unwrap()]);
    }

    #[test]
    fn several_daemons_are_named_with_commas_or_by_repeating() {
        assert_eq!(daemon(&[]).unwrap().daemon, ["localhost:4433"]);
        let [one, two] = ["0f", "0e"].map(|digits| digits.repeat(32));
        let both = format!("{one},{two}");
        for arguments in [
            ["--daemon", "a:1,b:2", "--fingerprint", &both].as_slice(),
            &[
                "--daemon",
                "a:1",
                "--fingerprint",
                &one,
                "--daemon",
                "b:2",
                "--fingerprint",
                &two,
            ],
        ] {
            let daemons = daemon(arguments).unwrap();
            assert_eq!(daemons.daemon, ["a:1", "b:2"]);
            let Ok(Trust::Fingerprints(trusted)) = daemons.trust() else {
                panic!("{daemons:?}");
            };
            assert_eq!(trusted, [&one, &two].map(|it| it.parse().unwrap()));
        }
    }

    #[tokio::test]
    async fn a_server_is_published_at_one_or_at_every_daemon() {
        use crate::Connect;

        #[derive(Parser)]
        struct Cli {
            #[command(flatten)]
            publish: PublishArgs,
        }
        let ways = |at| {
            let arguments = ["program", "--daemon", "a:1,b:2", "--publish-at", at];
            let cli = Cli::try_parse_from(arguments).unwrap();
            let connector = cli.publish.connector().unwrap();
            let ways = connector.ways();
            ways.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(ways("one"), [""]);
        assert_eq!(ways("every"), ["at a:1", "at b:2"]);
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
