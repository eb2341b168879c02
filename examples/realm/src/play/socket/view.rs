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
    /// Up to where its revisions were told; none before the first snapshot.
    pub(super) cursor: Option<u64>,
    /// Up to where its objects were shown as a whole: until there, only words are news.
    shown: u64,
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
        self.turn_to(zone);
        self.snapshot().await
    }

    /// Shows the zone that the own character is in, if it has gone there unseen: what the zone before
    /// has told of it may be lost.
    pub(super) async fn go_along(&mut self, zone: &ZoneId) -> Result<(), End> {
        if self.shows(zone) {
            return Ok(());
        }
        self.show().await?;
        if self.shows(zone) {
            return Ok(());
        }
        self.down(&Down::Moved { zone: zone.clone() }).await?;
        self.look(zone).await
    }

    fn shows(&self, zone: &ZoneId) -> bool {
        let view = self.view.as_ref();
        view.is_some_and(|it| it.follow.zone == *zone)
    }

    fn turn_to(&mut self, zone: &ZoneId) {
        let follow = self.play.follows.look(zone);
        let mut trouble = follow.trouble.clone();
        trouble.mark_changed();
        self.view = Some(View {
            newest: follow.feed.subscribe(),
            trouble,
            cursor: None,
            shown: 0,
            generation: 0,
            seen: false,
            follow,
        });
    }

    /// Sends the whole zone, if there is one already. If the own character has gone elsewhere
    /// meanwhile, that zone is shown from now on.
    async fn snapshot(&mut self) -> Result<(), End> {
        while let Some(zone) = self.whole().await? {
            self.down(&Down::Moved { zone: zone.clone() }).await?;
            self.turn_to(&zone);
        }
        Ok(())
    }

    /// Sends the whole zone, or says where the own character is instead.
    async fn whole(&mut self) -> Result<Option<ZoneId>, End> {
        let me = self.me();
        let Some(view) = &mut self.view else {
            return Ok(None);
        };
        let zone = &view.follow.zone;
        let generation = view.follow.feed.generation();
        match self.play.shared.log.stored(zone).await {
            Ok(Some(stored)) => {
                let (frame, seen) = frames::snapshot(zone, &stored, me.as_ref());
                if !seen
                    && let Some(me) = &me
                    && let Ok(Some(at)) = self.play.shared.log.whereabouts(me).await
                    && at.present
                    && at.zone != *zone
                {
                    return Ok(Some(at.zone));
                }
                if view.generation != generation {
                    view.cursor = None;
                }
                view.cursor.get_or_insert(stored.rev);
                (view.shown, view.seen) = (stored.rev, seen);
                view.generation = generation;
                self.text(frame).await?;
                Ok(None)
            }
            Ok(None) => Ok(None),
            Err(error) => {
                tracing::debug!(%zone, "no snapshot: {error}");
                // It is tried again with the zone's next revision, and until then by this.
                view.cursor = None;
                view.newest.mark_changed();
                sleep(Duration::from_millis(250)).await;
                Ok(None)
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
            view.cursor = None;
            return self.snapshot().await;
        };
        if revisions.len() == AT_ONCE {
            view.newest.mark_changed();
        }
        for (rev, revision) in revisions {
            let Some(view) = &mut self.view else {
                return Ok(());
            };
            view.cursor = Some(rev);
            // The first one with the own character: it is shown with its sheet.
            let is_first = !view.seen && revision.shows(me.as_ref());
            let told = match is_first || rev <= view.shown {
                true => revision.words(me.as_ref(), view.shown),
                false => revision.told(me.as_ref()),
            };
            if self.told(told).await? {
                break;
            }
            if is_first {
                // What is told after it goes on behind this revision.
                if let Some(view) = &mut self.view {
                    view.newest.mark_changed();
                }
                return self.snapshot().await;
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
