//! How an owner comes to the state of its zone: from the log, else from the database, else from the
//! map.

use super::{patience::patiently, running::Zone};
use crate::{
    ids::ZoneId,
    keeper::{Keeper, KeeperError},
    log::{Log, LogError, Stored},
    world::{Unreadable, World},
};
use thiserror::Error;

/// Why a zone is not served.
#[derive(Debug, Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("the scripts cannot be read: {0:#}")]
    Scripts(anyhow::Error),
    /// Its task has panicked.
    #[error("there is a defect in this program: see its log")]
    Defect,
}

impl Failure {
    /// Whether the zone is another owner's now: it has not failed.
    pub(super) fn is_fenced(&self) -> bool {
        matches!(self, Self::Log(LogError::Fenced(_)))
    }
}

/// Whether the state of the zone can be loaded now: asked before the zone is claimed, so that
/// whoever wants it started hears why it is not.
pub(super) async fn can_load(
    zone: &ZoneId,
    log: &dyn Log,
    keeper: &dyn Keeper,
) -> Result<(), Failure> {
    let known = match log.stored(zone).await?.filter(has_begun) {
        Some(stored) => Some(stored),
        None => keeper.zone(zone).await?,
    };
    Ok(known.map_or(Ok(()), |it| World::can_continue(zone, &it))?)
}

/// Takes the zone in the log, and loads it.
pub(super) async fn load(zone: &Zone) -> Result<World, Failure> {
    let hooks = (zone.scripts)().map_err(Failure::Scripts)?;
    let take = || zone.log.take(&zone.id, zone.epoch);
    let known = patiently(&zone.id, take).await?.filter(has_begun);
    let is_lost = known.is_none();
    let stored = match known {
        Some(stored) => Some(stored),
        // Never made anew while it may have been saved.
        None => zone.keeper.zone(&zone.id).await?,
    };
    let is_restored = is_lost && stored.is_some();
    let (id, now) = (zone.id.clone(), zone.clock.now());
    let world = World::new(id, &zone.map, stored, zone.epoch, hooks, zone.physics, now)?;
    if is_restored {
        tracing::warn!(zone = %zone.id, "the log has lost the zone: it goes on as it was saved");
        return Ok(world.restored());
    }
    Ok(world)
}

/// Whether there was a commit. Before it an owner has only taken the zone.
fn has_begun(stored: &Stored) -> bool {
    stored.rev > 0
}
