//! The zone that a socket shows.

use super::{AT_ONCE, End, Socket};
use crate::{
    ids::ZoneId,
    messages::Down,
    play::{
        follow::Follow,
        frames::{self, Told},
        sessions,
    },
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::sleep};

/// The zone that is shown.
pub(super) struct View {
    pub(super) follow: Arc<Follow>,
    /// Up to where it was shown; none before the first snapshot.
    pub(super) cursor: Option<u64>,
    /// Of the feed that the place is in.
    generation: u64,
    pub(super) newest: watch::Receiver<u64>,
    pub(super) trouble: watch::Receiver<Option<Arc<str>>>,
    /// The own character was seen in it.
    seen: bool,
}

impl Socket {
    /// Shows a zone from now on.
    pub(super) async fn look(&mut self, zone: &ZoneId) -> Result<(), End> {
        let follow = self.play.follows.look(zone);
        let mut trouble = follow.trouble.clone();
        trouble.mark_changed();
        self.view = Some(View {
            newest: follow.feed.subscribe(),
            trouble,
            cursor: None,
            generation: 0,
            seen: false,
            follow,
        });
        self.snapshot().await
    }

    /// Sends the whole zone, if there is one already.
    async fn snapshot(&mut self) -> Result<(), End> {
        let me = self.me();
        let Some(view) = &mut self.view else {
            return Ok(());
        };
        let zone = &view.follow.zone;
        let generation = view.follow.feed.generation();
        match self.play.shared.log.stored(zone).await {
            Ok(Some(stored)) => {
                let (frame, seen) = frames::snapshot(zone, &stored, me.as_ref());
                (view.cursor, view.seen) = (Some(stored.rev), seen);
                view.generation = generation;
                self.text(frame).await
            }
            Ok(None) => Ok(()),
            Err(error) => {
                tracing::debug!(%zone, "no snapshot: {error}");
                // It is tried again with the zone's next revision, and until then by this.
                view.newest.mark_changed();
                sleep(Duration::from_millis(250)).await;
                Ok(())
            }
        }
    }

    /// Sends what the zone has told since, or all of it.
    pub(super) async fn show(&mut self) -> Result<(), End> {
        let me = self.me();
        let Some(view) = &mut self.view else {
            return Ok(());
        };
        let cursor = view
            .cursor
            .filter(|_| view.generation == view.follow.feed.generation());
        let revisions = cursor.and_then(|it| view.follow.feed.after(it, AT_ONCE));
        let Some(revisions) = revisions else {
            return self.snapshot().await;
        };
        if revisions.len() == AT_ONCE {
            view.newest.mark_changed();
        }
        for (rev, revision) in revisions {
            let told = revision.told(me.as_ref());
            let Some(view) = &mut self.view else {
                return Ok(());
            };
            view.cursor = Some(rev);
            if told.seen && !view.seen {
                // The first one with the own character and its sheet.
                return self.snapshot().await;
            }
            if self.told(told).await? {
                break;
            }
        }
        Ok(())
    }

    /// Sends what a revision tells; true if another zone is shown now.
    async fn told(&mut self, told: Told) -> Result<bool, End> {
        for frame in told.frames {
            self.text(frame).await?;
        }
        if let Some(zone) = told.moved {
            self.down(&Down::Moved { zone: zone.clone() }).await?;
            self.look(&zone).await?;
            return Ok(true);
        }
        if told.left {
            self.left().await?;
        }
        Ok(false)
    }

    /// The own character has left the world, and this socket has not said so.
    async fn left(&mut self) -> Result<(), End> {
        let Some(me) = self.me() else { return Ok(()) };
        match self.play.shared.log.whereabouts(&me).await {
            Ok(Some(at)) if !at.present => {
                if let Some(player) = &self.player {
                    sessions::forget(&self.play, &player.seat);
                }
                Err(End::Over(format!("{me} has left the world")))
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn trouble(&mut self) -> Result<(), End> {
        let Some(view) = &mut self.view else {
            return Ok(());
        };
        let trouble = view.trouble.borrow_and_update().clone();
        match trouble {
            Some(trouble) => self.tell(trouble.to_string()).await,
            None => Ok(()),
        }
    }
}
