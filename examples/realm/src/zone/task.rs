//! The task of one zone: from an order to the end of the claim.

use super::{
    host::Crew,
    loading::{Failure, can_load},
    running::{End, Zone},
    slots::Slot,
};
use crate::{content::Map, ids::ZoneId};
use futures::FutureExt;
use metaserve::time::now;
use metaserve_client::names::{Claim, ClaimError, Lost, Order};
use std::{convert::Infallible, panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// The value of a claim changes at most once in this time.
const TELL: Duration = Duration::from_secs(1);

/// How long another host has to go on with a zone that ends here.
const HAND_ON: Duration = Duration::from_secs(5);

/// What a host needs to start a zone.
struct Startable {
    id: ZoneId,
    map: Map,
    slot: Slot,
}

/// Why a zone has ended here.
enum Ended {
    Lost(Lost),
    By(Result<End, Failure>),
}

/// Starts a zone, or refuses in words, and runs it until it ends.
pub(super) async fn carry_out(order: Order, crew: Arc<Crew>, stop: CancellationToken) {
    let key = order.key().as_str().to_owned();
    if let Some(why) = crew.quarantine.refuses(&key, now()) {
        return order.refuse(why);
    }
    let startable = stop.run_until_cancelled(startable(&order, &crew)).await;
    let startable = startable.unwrap_or_else(|| Err("this host stops".into()));
    let zone = match startable {
        Ok(zone) => zone,
        Err(why) => {
            tracing::info!(key, "the zone is not started: {why}");
            return order.refuse(why);
        }
    };
    let claim = order.claim().value(crew.owner(0).value());
    match claim.ticket(crew.shared.ticket.clone()).await {
        Ok(claim) => own(zone, claim, &crew, &stop).await,
        Err(ClaimError::Held { .. }) => tracing::debug!(key, "another host has the zone"),
        Err(error) => tracing::warn!(key, "the zone is not claimed: {error}"),
    }
}

async fn startable(order: &Order, crew: &Crew) -> Result<Startable, String> {
    let id = ZoneId::of_key(order.key().as_str()).map_err(|why| format!("not a zone: {why}"))?;
    let map = crew.content.map(id.map());
    let map = map.ok_or_else(|| format!("unknown map {}", id.map()))?;
    let slot = crew.slots.take(&id);
    let slot = slot.ok_or("full: all slots of this host are taken")?;
    let load = can_load(&id, &*crew.shared.log, &*crew.shared.keeper);
    match timeout_at(order.deadline().into(), load).await {
        Ok(can) => can.map_err(|why| why.to_string())?,
        Err(_) => return Err("its state could not be loaded in time".into()),
    }
    Ok(Startable { id, map, slot })
}

/// Runs a zone for as long as it is claimed.
async fn own(zone: Startable, claim: Claim, crew: &Crew, stop: &CancellationToken) {
    let Startable { id, map, slot } = zone;
    let epoch = claim.epoch();
    tracing::info!(zone = %id, epoch, "serving the zone");
    let began = now();
    let (players, mut counted) = watch::channel(0);
    let ended = {
        let _served = crew.served.enter(id.clone(), epoch);
        let zone = Zone {
            id: id.clone(),
            map,
            epoch,
            log: crew.shared.log.clone(),
            keeper: crew.shared.keeper.clone(),
            scripts: crew.scripts.clone(),
            physics: crew.physics,
            idle: crew.settings.idle,
            clock: crew.clock.clone(),
            sessions: crew.sessions.clone(),
            players,
        };
        // What it has not committed has not happened: nothing half done is left behind.
        let run = AssertUnwindSafe(zone.run(stop)).catch_unwind();
        tokio::select! {
            lost = claim.lost() => Ended::Lost(lost),
            ended = run => Ended::By(ended.unwrap_or(Err(Failure::Defect))),
            never = tell(&claim, crew, counted.clone()) => match never {},
        }
    };
    // Before the claim is released: an order may come at once.
    let is_news = match &ended {
        Ended::By(Err(error)) if !error.is_fenced() => {
            let (now, random) = (now(), fastrand::f64());
            let ran = now.duration_since(began);
            crew.quarantine.failed(id.key(), ran, now, random)
        }
        _ => true,
    };
    drop(slot);
    claim.release();
    let players = *counted.borrow_and_update();
    match ended {
        Ended::By(Ok(End::Idle)) => tracing::info!(zone = %id, epoch, "the zone sleeps"),
        Ended::By(Ok(End::Stopped)) => {
            tracing::info!(zone = %id, epoch, players, "the zone ends here");
            if players > 0 {
                start_elsewhere(&id, crew).await;
            }
        }
        Ended::By(Err(error)) if is_news => {
            tracing::error!(zone = %id, epoch, "the zone ends: {error}");
        }
        Ended::By(Err(error)) => tracing::debug!(zone = %id, epoch, "the zone ends: {error}"),
        Ended::Lost(lost) => {
            tracing::warn!(zone = %id, epoch, "the zone is no longer this host's: {lost}");
        }
    }
}

/// Tells everybody how many players there are.
async fn tell(claim: &Claim, crew: &Crew, mut counted: watch::Receiver<usize>) -> Infallible {
    while counted.changed().await.is_ok() {
        let players = *counted.borrow_and_update();
        // It is as short as before.
        let _ = claim.update(crew.owner(players).value());
        sleep(TELL).await;
    }
    std::future::pending().await
}

/// Has the next host go on at once, without waiting for somebody who asks for the zone.
async fn start_elsewhere(zone: &ZoneId, crew: &Crew) {
    let start = crew.shared.names.resolve(zone.key()).or_start("");
    let start = start.ticket(crew.shared.ticket.clone()).within(HAND_ON);
    if let Err(error) = start.await {
        tracing::info!(%zone, "no host goes on with the zone yet: {error}");
    }
}
