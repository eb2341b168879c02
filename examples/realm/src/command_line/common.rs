//! What all roles have in common: the daemon, the log, the state directory.

use crate::{
    accounts::{client::HttpKeeper, keys::Pass},
    log::{self, Log, LogUrl},
    shared::Shared,
    tickets::Tickets,
};
use anyhow::Context;
use clap::Args;
use metaserve::DaemonArgs;
use metaserve_client::names::{Connector, Names};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

/// The state directory, unless another one is given.
pub(super) const STATE: &str = "realm-state";

/// The file of the state directory in which `realm daemon` says where it is: its address and its
/// fingerprint, a line each.
pub(crate) const DAEMON_AT: &str = "daemon.at";

/// The settings that every role has but the daemon.
#[derive(Clone, Debug, Args)]
pub(super) struct Common {
    /// Which daemon keeps the names. If none is named, it is the one that `realm daemon` runs with
    /// the same state directory.
    #[command(flatten)]
    daemon: DaemonArgs,

    /// Where commands and zones are: `redis://HOST:PORT`. All roles of a world have the same. Redis
    /// needs `appendonly yes`, or a crash of its machine sets the world back by what was not saved
    #[arg(
        long,
        env = "REALM_LOG",
        hide_env_values = true,
        value_name = "URL",
        default_value = "redis://127.0.0.1:6379",
        value_parser = redis
    )]
    pub(super) log: LogUrl,

    /// Keys and tickets are here. `realm accounts` makes them; copy `public.keys` and
    /// `service.ticket` to the other machines
    #[arg(long, value_name = "DIR", default_value = STATE)]
    pub(super) state: PathBuf,

    /// The name of this process for people: `realm zones` shows it for a host
    #[arg(long, default_value = "host-1")]
    pub(super) name: String,

    /// End when standard input ends.
    #[arg(long, hide = true)]
    pub(super) with_parent: bool,
}

/// The address of a Redis.
pub(crate) fn redis(text: &str) -> Result<LogUrl, String> {
    let is_redis = |it: &str| it.starts_with("redis://") || it.starts_with("redis+unix://");
    match text {
        "memory:" => Err(
            "a log in memory is for one process: only `realm dev` has one. Start \
                          Redis, and give its address: redis://127.0.0.1:6379"
                .to_owned(),
        ),
        text if is_redis(text) => Ok(text.to_owned().into()),
        _ => Err("the log is a Redis: redis://127.0.0.1:6379".to_owned()),
    }
}

/// The log at this address, if it answers. What could lose data there is logged as a warning.
pub(crate) async fn open_log(url: &LogUrl) -> anyhow::Result<Arc<dyn Log>> {
    let log = log::open(url.as_str())?;
    let warnings = log.check().await.context(
        "Redis does not answer: start one with `redis-server --appendonly yes`, or name another \
         one with --log",
    )?;
    for warning in warnings {
        tracing::warn!("the log: {warning}");
    }
    Ok(log)
}

impl Common {
    /// A connection for names. Call it inside a runtime.
    pub(super) fn names(&self) -> anyhow::Result<Names> {
        let args = &self.daemon;
        let nothing =
            args.daemon == ["localhost:4433"] && args.fingerprint.is_empty() && args.ca.is_none();
        if nothing && let Some(connector) = beside(&self.state)? {
            return Ok(Names::maintain(connector));
        }
        let connector: Connector = args.connector()?;
        Ok(Names::maintain(connector))
    }

    /// What the role shares with the world.
    pub(super) async fn shared(&self) -> anyhow::Result<Shared> {
        let pass = Pass::in_directory(&self.state)?;
        let log = open_log(&self.log).await?;
        Ok(shared(log, self.names()?, &pass))
    }

    /// Cancels `until` when the parent is gone, if there is one to look after.
    pub(super) fn end_with_parent(&self, until: &CancellationToken) {
        end_with_parent(self.with_parent, until);
    }
}

/// What a role shares with the world.
pub(crate) fn shared(log: Arc<dyn Log>, names: Names, pass: &Pass) -> Shared {
    Shared {
        log,
        tickets: Tickets::new(pass.public.clone()),
        keeper: Arc::new(HttpKeeper::new(names.clone(), pass.service.clone())),
        ticket: pass.service.clone(),
        names,
    }
}

/// The daemon that runs with this state directory, if one does.
fn beside(state: &Path) -> anyhow::Result<Option<Connector>> {
    let path = state.join(DAEMON_AT);
    let Ok(text) = fs::read_to_string(&path) else {
        return Ok(None);
    };
    let (address, fingerprint) = text.trim().split_once('\n').unwrap_or_default();
    let fingerprint = fingerprint.parse();
    let fingerprint: metaserve::Fingerprint = fingerprint.with_context(|| {
        let path = path.display();
        format!("{path} is damaged: remove it, and start `realm daemon` again")
    })?;
    Ok(Some(Connector::to(address).fingerprint(fingerprint)))
}

/// Cancels `until` when standard input ends: the parent holds its other end.
pub(super) fn end_with_parent(with_parent: bool, until: &CancellationToken) {
    if !with_parent {
        return;
    }
    let until = until.clone();
    tokio::spawn(async move {
        let mut stdin = tokio::io::stdin();
        let mut nothing = [0; 64];
        while let Ok(1..) = stdin.read(&mut nothing).await {}
        until.cancel();
    });
}
