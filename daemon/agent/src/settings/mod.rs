//! The settings of an agent. Each is declared once: see [`metaserve::program::settings`].

mod overrides;
mod server;
#[cfg(test)]
mod tests;

pub use overrides::Overrides;
pub(crate) use overrides::{MAX_HEARTBEAT_BYTES, Published};
pub use server::{GivenServer, Server};

use clap::Args;
use metaserve::{
    DaemonArgs, Fingerprint, Game, PublishArgs, PublishAt,
    program::{
        log::{self, LogFormat},
        settings::{Problem, Settings, Values, within},
    },
};
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// All settings of an agent. `None` or an empty list means that nothing is set.
#[derive(Args, Clone, Debug)]
pub struct AgentSettings {
    /// The daemon to publish to, or several
    ///
    /// `--publish-at` says what several daemons are for.
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "localhost:4433",
        value_delimiter = ','
    )]
    pub daemon: Vec<String>,

    /// At which of several daemons the servers are listed: at `one` of them, or at `every` one
    ///
    /// `one` is for daemons that show the same list, such as the members of a cluster: when one is
    /// lost, the servers move to another one. `every` is for daemons with lists of their own.
    #[arg(long, value_name = "one|every", default_value = "one")]
    pub publish_at: PublishAt,

    /// The SHA-256 fingerprint of the daemon's certificate, 64 hexadecimal digits
    ///
    /// The daemon prints it when it starts. For several daemons, give the fingerprint of each, in
    /// any order. Without it, and without `--ca`, the daemon's certificate must be one that this
    /// system trusts.
    #[arg(long, value_name = "HEX", value_delimiter = ',')]
    pub fingerprint: Vec<Fingerprint>,

    /// A file with certificate authorities for the daemon, PEM or DER
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// The directory of the servers' identities, by which each keeps its place in the list
    #[arg(long, value_name = "DIR", default_value = "agent-state")]
    pub state_dir: PathBuf,

    /// Where games tell their state over HTTP, a loopback address [default: nowhere]
    #[arg(long, value_name = "ADDR:PORT")]
    pub push: Option<SocketAddr>,

    /// The most servers that are listed because of what games tell, and that no `--server` names
    #[arg(long, value_name = "COUNT", default_value = "64", value_parser = within(1..=10_000_usize))]
    pub max_pushed: usize,

    /// The format of log lines: for people, for programs, or for the journal
    ///
    /// `auto` is the format of the journal if systemd has set that up, otherwise `text`.
    #[arg(long, value_name = "auto|text|json", default_value = "auto")]
    pub log_format: LogFormat,

    /// The settings that may change while the agent runs.
    #[command(flatten)]
    pub live: Live,
}

/// Settings that may change while the agent runs.
#[derive(Args, Clone, Debug)]
pub struct Live {
    /// A game server to ask, such as `quake3://127.0.0.1:27960`; repeat it for each one
    ///
    /// In a file, each server is a table `[[server]]`: see the guide "The agent".
    #[arg(long, value_name = "PROTOCOL://HOST:PORT")]
    pub server: Vec<GivenServer>,

    /// The game to be listed in, for servers that name none of their own
    #[arg(long, value_name = "TAG", value_parser = Game::new)]
    pub game: Option<Game>,

    /// How often servers that name no interval of their own are asked
    #[arg(
        long,
        value_name = "TIME",
        default_value = "5s",
        value_parser = within(server::INTERVALS)
    )]
    pub interval: Duration,

    /// What is logged: error, warn, info, debug, trace, off, or a filter
    ///
    /// A filter sets levels by part: `info,metaserve_agent=debug`. Parts that it does not name are
    /// at `info`.
    #[arg(long, value_name = "FILTER", default_value = "info", value_parser = log::filter)]
    pub log: String,
}

impl AgentSettings {
    /// The daemons to publish at, in the words of all our programs.
    #[must_use]
    pub fn daemons(&self) -> PublishArgs {
        PublishArgs {
            daemons: DaemonArgs {
                daemon: self.daemon.clone(),
                fingerprint: self.fingerprint.clone(),
                ca: self.ca.clone(),
            },
            publish_at: self.publish_at,
        }
    }

    /// The game servers, each complete. Those that are not are left out: [`complete`] names them.
    ///
    /// [`complete`]: Settings::complete
    #[must_use]
    pub fn servers(&self) -> Vec<Server> {
        self.resolved().filter_map(Result::ok).collect()
    }

    fn resolved(&self) -> impl Iterator<Item = Result<Server, String>> {
        let Live {
            server,
            game,
            interval,
            ..
        } = &self.live;
        server.iter().map(|it| it.resolve(game.as_ref(), *interval))
    }
}

impl Settings for AgentSettings {
    type Live = Live;

    const VARIABLES: &str = "METASERVE_AGENT_";
    const TOGETHER: &[&[&str]] = &[&["fingerprint", "ca"]];

    fn log(&self) -> (&str, LogFormat) {
        (&self.live.log, self.log_format)
    }

    fn complete(&mut self, values: &Values) -> Vec<Problem> {
        let mut problems = Vec::new();
        if values.is_given("fingerprint") && values.is_given("ca") {
            problems.push(Problem::new(
                "ca",
                "--fingerprint and --ca are two ways to verify the daemon: give only one of them",
            ));
        }
        if let Some(push) = self.push.filter(|it| !it.ip().to_canonical().is_loopback()) {
            problems.push(Problem::new(
                "push",
                format!(
                    "{push} can be reached from other machines, and what is pushed there needs no \
                     secret: choose a loopback address for --push, such as 127.0.0.1:{}",
                    push.port()
                ),
            ));
        }
        if !values.is_given("server") && self.push.is_none() {
            problems.push(Problem::new(
                "server",
                "there is nothing to publish: name a game server, such as `--server \
                 quake3://127.0.0.1:27960`, or let games tell their state with `--push \
                 127.0.0.1:8081`",
            ));
        }
        let mut servers: Vec<Server> = Vec::new();
        for resolved in self.resolved() {
            let resolved = resolved.and_then(|server| {
                let conflict = servers.iter().find_map(|other| server.conflict(other));
                conflict.map_or(Ok(server), Err)
            });
            match resolved {
                Ok(server) if server.query.is_none() && self.push.is_none() => {
                    problems.push(Problem::new(
                        "server",
                        format!(
                            "the server {} has no `query`, and games cannot tell their state: add \
                             `query`, or `--push`",
                            server.name
                        ),
                    ));
                }
                Ok(server) => servers.push(server),
                Err(problem) => problems.push(Problem::new("server", problem)),
            }
        }
        problems
    }
}
