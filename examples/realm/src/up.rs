//! A process for each role, over Redis: started, watched, and stopped together.
//!
//! The standard input of each process is a pipe from this one. A role ends when it is closed, so
//! none is left behind if this process is killed.

mod role;

use crate::{
    accounts::{DatabaseUrl, keys::Keys},
    command_line::{DAEMON_AT, open_log, redis},
    log::LogUrl,
};
use anyhow::{Context, bail};
use clap::Args;
use metaserve::program::announce;
use role::{Role, Supervised};
use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The settings of `realm up`.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// The Redis that all roles share
    #[arg(
        long,
        env = "REALM_LOG",
        hide_env_values = true,
        value_name = "URL",
        default_value = "redis://127.0.0.1:6379",
        value_parser = redis
    )]
    pub log: LogUrl,

    /// How many zone hosts
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 2,
        value_parser = clap::value_parser!(u16).range(1..=64)
    )]
    pub hosts: u16,

    /// How many gateways
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..=64)
    )]
    pub gateways: u16,

    /// Serve the page on this address (TCP), and the pages of further gateways on the next ports;
    /// ports that are taken are left out. Port 0: any that are free
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Let the daemon listen on this address (UDP). Port 0: any that is free
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:4433")]
    pub daemon_listen: SocketAddr,

    /// Keep keys and the database in this directory
    #[arg(long, value_name = "DIR", default_value = "realm-state")]
    pub state: PathBuf,

    /// The database [default: an SQLite file in the state directory]
    #[arg(
        long,
        value_name = "URL",
        env = "REALM_DATABASE",
        hide_env_values = true
    )]
    pub database: Option<DatabaseUrl>,

    /// Take maps and scripts from this folder [default: those of the source tree, or else those in
    /// the program]
    #[arg(long, value_name = "DIR")]
    pub content: Option<PathBuf>,
}

/// Runs all roles until `until` is cancelled.
///
/// # Errors
/// Redis does not answer, or a role cannot be started.
pub async fn run(settings: Settings, until: CancellationToken) -> anyhow::Result<()> {
    drop(open_log(&settings.log).await?);
    Keys::in_directory(&settings.state)?;
    let program = std::env::current_exe().context("cannot find this program")?;
    let (failed, mut failures) = mpsc::channel(1);
    let start = |role: Role| role.start(program.clone(), failed.clone());

    // In the order in which they are stopped, which is the order of starting turned round.
    let mut running: Vec<Supervised> = Vec::new();
    let started = async {
        let mut daemon = start(settings.daemon());
        let ready = daemon.ready().await;
        running.push(daemon);
        if !ready {
            bail!("the daemon has not started");
        }
        for role in settings.roles()? {
            running.push(start(role));
        }
        for role in &mut running {
            if !role.ready().await {
                bail!("{} has not started", role.name());
            }
        }
        announce("all roles run: Ctrl-C stops them\n");
        Ok(())
    };
    let started = until.run_until_cancelled(started).await.unwrap_or(Ok(()));
    let done = match started {
        Ok(()) => tokio::select! {
            () = until.cancelled() => Ok(()),
            Some(why) = failures.recv() => Err(why),
        },
        Err(error) => Err(error),
    };
    announce("stopping all roles\n");
    while let Some(role) = running.pop() {
        role.stop().await;
    }
    done
}

impl Settings {
    fn daemon(&self) -> Role {
        // The port that it was given is known once it has started.
        let (state, listen) = (self.state.clone(), self.daemon_listen);
        Role::new("daemon", ["daemon", "--state"])
            .with([state.clone()])
            .and_then(move || {
                let at = fs::read_to_string(state.join(DAEMON_AT)).unwrap_or_default();
                let port = at
                    .lines()
                    .next()
                    .and_then(|it| it.parse::<SocketAddr>().ok());
                let port = port.filter(|_| listen.port() == 0).map(|it| it.port());
                let listen = SocketAddr::new(listen.ip(), port.unwrap_or(listen.port()));
                vec!["--listen".into(), listen.to_string().into()]
            })
    }

    /// All further roles, those that others need first.
    fn roles(&self) -> anyhow::Result<Vec<Role>> {
        let role = |kind: &str, name: &str| {
            // What may hold a password is not on the command line, which everybody on the machine
            // can read.
            Role::new(name, [kind, "--name", name, "--state"])
                .with([&self.state])
                .environment("REALM_LOG", self.log.as_str())
        };
        let mut accounts = role("accounts", "accounts").with(["--listen", "127.0.0.1:0"]);
        if let Some(database) = &self.database {
            accounts = accounts.environment("REALM_DATABASE", database.as_str());
        }
        let mut roles = vec![accounts];
        for number in 1..=self.hosts {
            let mut host = role("zone", &format!("host-{number}"));
            if let Some(content) = &self.content {
                host = host.with(["--content"]).with([content]);
            }
            roles.push(host);
        }
        for number in 1..=2 {
            roles.push(role("scheduler", &format!("scheduler-{number}")));
        }
        for (number, listen) in (1..).zip(self.pages()?) {
            let gateway = role("gateway", &format!("gateway-{number}"));
            roles.push(gateway.with(["--gateway-listen", &listen.to_string()]));
        }
        Ok(roles)
    }

    /// Addresses for the gateways. Another program may take one before the gateway does, which then
    /// says so.
    fn pages(&self) -> anyhow::Result<Vec<SocketAddr>> {
        let first = self.listen.port();
        let mut held = Vec::new();
        let mut port = first;
        while held.len() < usize::from(self.gateways) {
            match TcpListener::bind(SocketAddr::new(self.listen.ip(), port)) {
                Ok(listener) => held.push(listener),
                Err(error) if first == 0 || port >= first.saturating_add(100) => {
                    return Err(error).with_context(|| {
                        format!(
                            "cannot serve pages on {}: give another --listen",
                            self.listen
                        )
                    });
                }
                Err(_) => {}
            }
            if first != 0 {
                port = port.saturating_add(1);
            }
        }
        let addresses = held.iter().map(TcpListener::local_addr);
        Ok(addresses.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct CommandLine {
        #[command(flatten)]
        settings: Settings,
    }

    #[test]
    fn no_password_is_on_the_command_line_of_a_role_or_in_a_debug_output() {
        let line = [
            "up",
            "--listen=127.0.0.1:0",
            "--log=redis://:hush@localhost",
            "--database=postgres://realm:hush@localhost/realm",
        ];
        let CommandLine { settings } = CommandLine::parse_from(line);
        assert!(!format!("{settings:?}").contains("hush"), "{settings:?}");
        let roles = settings.roles().unwrap();
        assert_eq!(roles.len(), 6);
        for role in roles {
            let (arguments, environment) = role.started_with();
            assert!(!format!("{arguments:?}").contains("hush"), "{arguments:?}");
            let log = ("REALM_LOG", "redis://:hush@localhost".to_owned());
            assert!(environment.contains(&log));
        }
    }
}
