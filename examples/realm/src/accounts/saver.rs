//! The keeper: saves to SQL what has changed in the log. What is not saved keeps its mark in the log
//! and is tried again, so that a database that is away, or a full disk, loses nothing.

use super::{DatabaseError, role::Role, saves::Saved};
use crate::{
    ids::ZoneId,
    log::{Dirty, LogError, Rev},
};
use std::{collections::HashSet, time::Duration};
use thiserror::Error;

/// The most marks that are worked on in one round.
const MOST: usize = 1_000;

/// No revision: what is said to be saved at it goes to the end of the list.
const NEVER: Rev = Rev::MAX;

/// How long the last round may take, when the process ends.
const LAST: Duration = Duration::from_secs(30);

/// Why a round was not finished.
#[derive(Debug, Error)]
enum NotSaved {
    #[error("{0}")]
    Log(#[from] LogError),
    #[error("{}", .0.with_cause())]
    Database(#[from] DatabaseError),
    #[error("{zone} has revision {rev} in the log, and {known} in the database")]
    Older { zone: ZoneId, rev: Rev, known: Rev },
}

impl NotSaved {
    /// Whether the others would wait as long for nothing.
    fn is_everybodys(&self) -> bool {
        match self {
            Self::Log(error) => matches!(error, LogError::Away(_) | LogError::Refuses(_)),
            Self::Database(error) => matches!(error, DatabaseError::TooSlow(_)),
            Self::Older { .. } => false,
        }
    }
}

/// Saves every so often. Never returns. Cancel-safe: what is not saved keeps its mark.
pub(super) async fn run(role: &Role, every: Duration) {
    let mut works = true;
    let mut older = HashSet::new();
    let mut rounds = metaserve::time::every(every.max(Duration::from_millis(1)));
    loop {
        rounds.tick().await;
        if !role.standing.borrow().is_ready {
            continue;
        }
        match round(role).await {
            Ok(_) if !works => {
                works = true;
                tracing::info!("the world is saved again");
            }
            Ok(_) => {}
            Err(why @ NotSaved::Older { .. }) => warn_once(&mut older, &why),
            Err(why) if works => {
                works = false;
                tracing::warn!(
                    "the world is not saved: {why}; play goes on, and what has changed is saved \
                     once it can be"
                );
            }
            Err(why) => tracing::debug!("the world is not saved: {why}"),
        }
    }
}

/// Says once of each zone that the log has gone back to an earlier state of it.
fn warn_once(older: &mut HashSet<ZoneId>, why: &NotSaved) {
    if older.len() >= MOST {
        older.clear();
    }
    if let NotSaved::Older { zone, .. } = why
        && older.insert(zone.clone())
    {
        tracing::warn!(
            "the zone is not saved: {why}: the log has lost its last commits; play goes on, and \
             the zone is saved once it is past that revision"
        );
    }
}

/// Saves what is left, for 30 s at most.
pub(super) async fn finish(role: &Role) {
    let rest = async {
        // Another round for as long as one was full.
        while round(role).await? == MOST {}
        Ok::<_, NotSaved>(())
    };
    match tokio::time::timeout(LAST, rest).await {
        Ok(Ok(())) => tracing::info!("the world is saved"),
        Ok(Err(why)) => tracing::error!("the last changes are not saved, only in the log: {why}"),
        Err(_) => tracing::error!("the last changes are not saved, only in the log: no time"),
    }
}

/// Saves everything that has a mark, and says how many there were. One that cannot be saved does not
/// hold up the others: it goes to the end of the list. The first error is returned.
async fn round(role: &Role) -> Result<usize, NotSaved> {
    let dirty = role.log.dirty(MOST).await?;
    let mut first = Ok(dirty.len());
    for what in dirty {
        match save(role, &what).await {
            Ok(()) => {}
            Err(why) if why.is_everybodys() => return Err(why),
            Err(why) => {
                role.log.saved(&what, NEVER).await?;
                first = first.and(Err(why));
            }
        }
    }
    first
}

async fn save(role: &Role, what: &Dirty) -> Result<(), NotSaved> {
    let rev = match what {
        Dirty::Zone(zone) => {
            let stored = role.log.stored(zone).await?;
            if let Some(stored) = &stored
                && let Saved::Newer(known) = role.saves.save_zone(zone, stored).await?
            {
                let (zone, rev) = (zone.clone(), stored.rev);
                return Err(NotSaved::Older { zone, rev, known });
            }
            // If nothing is known of it any more, that takes it off the list.
            stored.map_or(NEVER, |it| it.rev)
        }
        Dirty::Character(character) => {
            // In a zone, it is saved with the zone.
            let Some(absent) = role.log.absent(character).await? else {
                return Ok(());
            };
            role.saves.save_absent(&absent).await?;
            absent.sheet.rev
        }
    };
    Ok(role.log.saved(what, rev).await?)
}
