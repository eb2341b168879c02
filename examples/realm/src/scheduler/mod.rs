//! The scheduler: starts zones that sleep when something is due there. One is active, and every
//! further one is its spare.

mod agenda;

use crate::{
    clock::Clock,
    ids::ZoneId,
    roles::{self, Owner},
    shared::Shared,
};
use agenda::Agenda;
use clap::Args;
use futures::{StreamExt, stream::FuturesUnordered};
use metaserve_client::names::{Found, StartError};
use std::{convert::Infallible, time::Duration};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often it looks for zones that are due.
const LOOK: Duration = Duration::from_secs(1);

/// So many zones that are due are looked at, those that have waited longest, beside those that
/// could not be started and rest.
const MOST: usize = 1_000;

/// How long a host has to start a zone.
const START: Duration = Duration::from_secs(10);

/// The settings of a scheduler.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Scheduler")]
pub struct Settings {
    /// The name that others see of the active one. The program sets it.
    #[arg(skip = String::from("host"))]
    pub name: String,

    /// Start so many zones at the same time at most
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 8,
        value_parser = clap::value_parser!(u16).range(1..=256)
    )]
    pub starts: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "host".into(),
            starts: 8,
        }
    }
}

/// Starts zones when something is due, until `until`. Waits as the spare while another one does.
///
/// # Errors
/// The daemon does not permit it, or is none that keeps names.
pub async fn run(
    shared: Shared,
    settings: Settings,
    until: CancellationToken,
) -> anyhow::Result<()> {
    let (names, ticket) = (&shared.names, &shared.ticket);
    let host = settings.name.clone();
    let clock = Clock::system();
    let owner = Owner {
        host,
        ..Owner::default()
    };
    while let Some(claim) = roles::hold(names, ticket, "scheduler", &owner, &until).await? {
        tokio::select! {
            () = until.cancelled() => break,
            lost = claim.lost() => tracing::warn!("another process may be the scheduler: {lost}"),
            never = wake(&shared, settings.starts.into(), &clock) => match never {},
        }
    }
    Ok(())
}

/// Has zones started when they are due.
async fn wake(shared: &Shared, starts: usize, clock: &Clock) -> Infallible {
    let mut agenda = Agenda::default();
    let mut starting = FuturesUnordered::new();
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_away = false;
    loop {
        tokio::select! {
            _ = look.tick() => {
                let now = clock.now();
                match shared.log.due(now, MOST + agenda.resting(now)).await {
                    Ok(due) => {
                        is_away = false;
                        let most = starts.saturating_sub(starting.len());
                        let zones = agenda.look(due, now, most);
                        starting.extend(zones.into_iter().map(|it| start(shared, it)));
                    }
                    Err(error) => {
                        if !is_away {
                            tracing::warn!("it is not known which zones are due: {error}");
                        }
                        is_away = true;
                    }
                }
            }
            Some((zone, started)) = starting.next() => match started {
                Ok(found) => {
                    let woken = agenda.found(&zone, found.epoch, clock.now());
                    if let Some(at) = woken {
                        // If it is not taken off, it will be after another while.
                        let _ = shared.log.woken(&zone, at).await;
                    }
                }
                Err(why) => {
                    if agenda.failed(&zone, clock.now(), fastrand::f64()) {
                        tracing::warn!(%zone, "the zone is due, and is not started: {why}");
                    }
                }
            },
        }
    }
}

async fn start(shared: &Shared, zone: ZoneId) -> (ZoneId, Result<Found, StartError>) {
    let start = shared.names.resolve(zone.key()).or_start("");
    let start = start.ticket(shared.ticket.clone()).within(START);
    let started = start.await;
    (zone, started)
}
