//! The words that a socket passes on: whispers, and what is said to everybody.

use super::{AT_ONCE, End, Socket};
use crate::play::{feed::Feed, session::Stage};
use axum::extract::ws::Utf8Bytes;
use tokio::sync::watch;

/// A place in a feed.
pub(super) struct Reader {
    pub(super) cursor: u64,
    pub(super) newest: watch::Receiver<u64>,
}

impl Socket {
    pub(super) async fn whispers(&mut self) -> Result<(), End> {
        let playing = self.player.as_mut().and_then(|it| it.playing.as_mut());
        let Some((playing, reader)) = playing else {
            return Ok(());
        };
        let frames = reader.read(&playing.mail.feed);
        self.texts(frames).await
    }

    pub(super) async fn chat(&mut self) -> Result<(), End> {
        let play = self.play.clone();
        let frames = self.chat.read(&play.mail.chat);
        match self.conversation.stage() {
            Stage::Watching | Stage::Playing => self.texts(frames).await,
            Stage::New | Stage::Ready => Ok(()),
        }
    }
}

impl Reader {
    /// What is new; what is not kept any more is left out.
    fn read(&mut self, feed: &Feed<Utf8Bytes>) -> Vec<Utf8Bytes> {
        let new = feed
            .after(self.cursor, AT_ONCE)
            .or_else(|| feed.after(feed.floor(), AT_ONCE));
        let new = new.unwrap_or_default();
        if let Some((number, _)) = new.last() {
            self.cursor = *number;
        }
        if new.len() == AT_ONCE {
            self.newest.mark_changed();
        }
        new.into_iter().map(|(_, it)| it).collect()
    }
}
