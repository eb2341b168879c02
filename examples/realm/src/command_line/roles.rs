//! The roles, each until it is asked to stop.

use super::{Common, DAEMON_AT, common::STATE, common::end_with_parent};
use crate::{
    accounts::{
        self, Accounts,
        keys::{Keys, PUBLIC_KEYS},
    },
    command_line::common::open_log,
    content::Content,
    gateway::{self, Gateway},
    scheduler,
    tickets::AUDIENCE,
    zone::{self, Host},
};
use anyhow::Context;
use clap::Args;
use metaserve::program::announce;
use metaserve_daemon::{Daemon, settings::Http};
use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};
use tokio_util::sync::CancellationToken;

pub(super) async fn accounts(
    common: Common,
    mut settings: accounts::Settings,
    until: CancellationToken,
) -> anyhow::Result<()> {
    settings.state.clone_from(&common.state);
    settings.host.clone_from(&common.name);
    let log = open_log(&common.log).await?;
    let names = common.names()?;
    let accounts = Accounts::start(settings, log, names.clone()).await?;
    announce(format!("accounts at {}\n", accounts.url()));
    common.end_with_parent(&until);
    let done = accounts.run(until).await;
    names.close().await;
    done
}

pub(super) async fn zone(
    common: Common,
    mut settings: zone::Settings,
    content: Option<&Path>,
    until: CancellationToken,
) -> anyhow::Result<()> {
    settings.name.clone_from(&common.name);
    let content = Content::load(content)?;
    let shared = common.shared().await?;
    let names = shared.names.clone();
    let host = Host::start(settings, shared, content).await?;
    announce(format!("zones at {}\n", host.url()));
    common.end_with_parent(&until);
    let done = host.run(until).await;
    names.close().await;
    done
}

pub(super) async fn gateway(
    common: Common,
    settings: gateway::Settings,
    until: CancellationToken,
) -> anyhow::Result<()> {
    let shared = common.shared().await?;
    let names = shared.names.clone();
    let gateway = Gateway::start(settings, shared).await?;
    announce(format!("the page is at {}/\n", gateway.url()));
    common.end_with_parent(&until);
    let done = gateway.run(until).await;
    names.close().await;
    done
}

pub(super) async fn scheduler(
    common: Common,
    mut settings: scheduler::Settings,
    until: CancellationToken,
) -> anyhow::Result<()> {
    settings.name.clone_from(&common.name);
    let shared = common.shared().await?;
    let names = shared.names.clone();
    announce("a scheduler, or its spare\n");
    common.end_with_parent(&until);
    let done = scheduler::run(shared, settings, until).await;
    names.close().await;
    done
}

/// The settings of the daemon.
#[derive(Clone, Debug, Args)]
pub(super) struct DaemonSettings {
    /// Listen on this address (UDP). For roles on other machines: 0.0.0.0:4433
    #[arg(
        id = "daemon-listen",
        long = "listen",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:4433"
    )]
    listen: SocketAddr,

    /// Keep the certificate and the keys here. Other roles with the same directory find the daemon
    /// by themselves; those on other machines need --daemon and --fingerprint
    #[arg(long, value_name = "DIR", default_value = STATE)]
    state: PathBuf,

    /// End when standard input ends.
    #[arg(long, hide = true)]
    with_parent: bool,
}

/// The settings of a world's daemon: names on, and nothing without a ticket of this world.
pub(crate) fn daemon_settings(state: &Path, listen: SocketAddr) -> metaserve_daemon::Settings {
    let mut settings = metaserve_daemon::Settings::new(state.join("daemon"));
    settings.listen = listen;
    settings.http = Http::Off;
    settings.names.is_on = true;
    settings.names.live.need_ticket = vec![state.join(PUBLIC_KEYS)];
    settings.names.live.audience = AUDIENCE.to_owned();
    settings
}

pub(super) async fn daemon(
    settings: DaemonSettings,
    until: CancellationToken,
) -> anyhow::Result<()> {
    let DaemonSettings {
        listen,
        state,
        with_parent,
    } = settings;
    if !state.join(PUBLIC_KEYS).exists() {
        Keys::in_directory(&state)?;
    }
    let daemon = Daemon::start(daemon_settings(&state, listen))?;
    let mut address = daemon.local_address()?;
    let fingerprint = daemon.fingerprint();
    let port = address.port();
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let path = state.join(DAEMON_AT);
    fs::write(&path, format!("{address}\n{fingerprint}\n"))
        .with_context(|| format!("cannot write {}", path.display()))?;
    announce(format!(
        "the daemon is at {address}; roles on other machines need --daemon HOST:{port} \
         --fingerprint {fingerprint}\n"
    ));
    end_with_parent(with_parent, &until);
    daemon.run(until.cancelled()).await?;
    Ok(())
}
