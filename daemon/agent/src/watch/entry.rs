//! One game server: what is known of it, and its place on the daemons' lists.

use super::{
    ask::Answer,
    state::{Effect, Event, State},
};
use crate::{
    chain,
    publish::{Listing, OpenError, Publisher, Standing},
    settings::{MAX_HEARTBEAT_BYTES, Server},
};
use metaserve::{ServerInfo, printable};
use std::{sync::Arc, time::Instant};
use tokio_util::sync::DropGuard;

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) server: Arc<Server>,
    /// Whether it is in the settings.
    pub(super) is_set: bool,
    pub(super) state: State,
    pub(super) listing: Option<Listing>,
    /// Why it could not be published the last time.
    refused: Option<String>,
    /// The fields of which the operator knows that they are left out.
    left_out: Vec<String>,
    /// Whether the operator knows that it has no name.
    is_known_nameless: bool,
    /// Ends the task that asks the server.
    pub(super) asking: Option<DropGuard>,
}

impl Entry {
    pub(super) fn new(server: Arc<Server>) -> Self {
        Self {
            server,
            is_set: false,
            state: State::default(),
            listing: None,
            refused: None,
            left_out: Vec::new(),
            is_known_nameless: false,
            asking: None,
        }
    }

    /// Whether it is the same server, on the same list, after it has this setting. What an answer
    /// said holds only while there are further queries, and what was pushed only while there are
    /// none.
    pub(super) fn can_become(&self, server: &Server) -> bool {
        let before = &self.server;
        (&before.name, &before.game, before.port) == (&server.name, &server.game, server.port)
            && before.query.is_some() == server.query.is_some()
    }

    /// Gives it another setting.
    pub(super) fn set(&mut self, server: Arc<Server>) {
        self.is_set = true;
        self.server = server;
        self.left_out.clear();
        self.is_known_nameless = false;
    }

    pub(super) fn standing(&self) -> Option<Standing> {
        self.listing.as_ref().map(Listing::standing)
    }

    /// What follows from an answer.
    pub(super) fn answered(&mut self, answer: Answer) -> Event {
        self.tell_left_out(&answer.published.left_out);
        let is_nameless = answer.is_nameless && !self.state.is_described();
        if is_nameless && !self.is_known_nameless {
            let name = &*self.server.name;
            tracing::warn!(
                server = name,
                "the settings may need a correction: {}",
                self.server.nameless()
            );
            self.is_known_nameless = true;
        }
        Event::Answered(answer.published.heartbeat)
    }

    /// What follows from what a server tells to be shown instead of its answers.
    pub(super) fn described(&mut self, info: ServerInfo, until: Instant) -> Event {
        let published = self.server.overrides.publish(info);
        self.tell_left_out(&published.left_out);
        Event::Described {
            heartbeat: published.heartbeat,
            until,
        }
    }

    /// Tells the operator of fields that are left out, each once.
    pub(super) fn tell_left_out(&mut self, fields: &[String]) {
        let is_news = |field: &&String| !self.left_out.contains(field);
        let news: Vec<_> = fields.iter().filter(is_news).cloned().collect();
        // A game can have any number of fields of its own.
        if news.is_empty() || self.left_out.len() >= MOST_FIELDS {
            return;
        }
        tracing::info!(
            server = self.server.name,
            "left out or shortened, since no more than {MAX_HEARTBEAT_BYTES} bytes can be \
             published: {}",
            printable(&news.join(", "))
        );
        self.left_out.extend(news);
    }

    pub(super) fn handle(
        &mut self,
        publisher: &Publisher,
        event: Event,
        now: Instant,
    ) -> Result<(), OpenError> {
        let name = &*self.server.name;
        for effect in self.state.handle(event, now) {
            match effect {
                Effect::Show(heartbeat) => {
                    let listing = match &mut self.listing {
                        Some(listing) => listing,
                        none => {
                            let (game, port) = (self.server.game.clone(), self.server.port);
                            match publisher.open(name, game, port) {
                                Ok(listing) => none.insert(listing),
                                Err(error) => {
                                    self.state.not_shown();
                                    let reason = printable(&chain(&error));
                                    if self.refused.as_ref() != Some(&reason) {
                                        tracing::error!(server = name, "cannot publish: {reason}");
                                    }
                                    self.refused = Some(reason);
                                    return Err(error);
                                }
                            }
                        }
                    };
                    self.refused = None;
                    listing.heartbeat(heartbeat);
                }
                Effect::Hide => self.listing = None,
                Effect::Say(line) => line.log(name),
            }
        }
        Ok(())
    }
}

/// Of how many fields the operator hears that they are left out.
const MOST_FIELDS: usize = 32;
