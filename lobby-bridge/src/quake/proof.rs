//! How servers prove that they are there, and what they say of themselves: a part of the [`Master`].

use std::{net::SocketAddr, time::Instant};

use super::{
    games::Tag,
    goldsrc::{self, More},
    info::Description,
    lobby::{Effect, Errand, Master, Rules},
    servers::{Became, Listed},
};
use crate::{
    metrics::{Datagram, Outcome, Question},
    peers::Way,
};

impl Master {
    /// Lists a server that has repeated its challenge and says all that is needed. Anything else
    /// changes nothing.
    pub(super) fn info(&mut self, way: Way, datagram: &[u8], now: Instant) -> Vec<Effect> {
        let server = way.peer();
        let Rules {
            dialect,
            games,
            addresses,
            limits,
        } = &self.rules;
        let speech = dialect.speech();
        let Some(told) = speech.told(datagram) else {
            self.tally.datagram(Datagram::Malformed);
            return Vec::new();
        };
        let right = |challenge: &str| speech.repeats(&told, challenge);
        let Some(tag) = self.pending.proved(server, right, limits, now) else {
            self.tally.datagram(Datagram::Unasked);
            return Vec::new();
        };
        self.tally.datagram(Datagram::Accepted);
        self.tally.question(Question::Answered);
        let tag = tag.to_owned();
        self.pending.answered(server);
        let Some(Tag::Alive(expected)) = games.tag(&tag) else {
            return self.refused(Outcome::Game);
        };
        let Some(mut description) = speech.description(&told, expected, datagram) else {
            tracing::debug!(%server, "not listed: its answer is incomplete");
            return self.refused(Outcome::Malformed);
        };
        if !games.accepts(&description.info.gamename) {
            return self.refused(Outcome::Game);
        }
        let Some((address, game)) = addresses.shown(server).zip(games.game(&description)) else {
            return self.refused(Outcome::Address);
        };
        // What an answer to the second question has added stays until there is another one.
        if let Some(before) = self.servers.get(server)
            && before.game == game
        {
            let added = goldsrc::added(&before.description.info);
            goldsrc::add(&mut description.info, added);
        }
        let listed = Listed {
            address,
            game,
            description,
        };
        let became = self
            .servers
            .answered((way, &tag), listed.clone(), limits, now);
        self.pending.listed(server);
        self.tally.registration(match became {
            Became::New(_) | Became::Replaced(..) => Outcome::Listed,
            Became::Same | Became::Changed(_) => Outcome::Kept,
        });
        let mut effects = match became {
            Became::Same => Vec::new(),
            Became::New(id) => {
                self.is_unsaved = true;
                tracing::debug!(%server, game = %listed.game, "listed");
                vec![Effect::List(id, listed)]
            }
            Became::Changed(id) => vec![Effect::List(id, listed)],
            Became::Replaced(old, id) => {
                self.is_unsaved = true;
                vec![Effect::Unlist(old), Effect::List(id, listed)]
            }
        };
        effects.extend(self.ask_more(server, now));
        effects
    }

    /// Asks a listed server the second question, in dialects that have one.
    pub(super) fn ask_more(&mut self, server: SocketAddr, now: Instant) -> Option<Effect> {
        let question = self.rules.dialect.speech().second_question(None)?;
        let way = self.servers.second_asked(server, now)?;
        Some(Effect::Errand(Errand::Ask(way, question)))
    }

    /// Takes in the answer to the second question. It proves no address, so that it lists nobody,
    /// and nobody for longer.
    pub(super) fn more(&mut self, way: Way, datagram: &[u8], now: Instant) -> Vec<Effect> {
        let (server, limits) = (way.peer(), &self.rules.limits);
        match goldsrc::more(datagram) {
            None => {
                self.tally.datagram(Datagram::Malformed);
                Vec::new()
            }
            Some(More::Again(challenge)) => {
                if !self.servers.second_repeats(server, limits, now) {
                    self.tally.datagram(Datagram::Unasked);
                    return Vec::new();
                }
                self.count_more();
                let question = self.rules.dialect.speech().second_question(Some(challenge));
                let ask = |question| Effect::Errand(Errand::Ask(way, question));
                question.into_iter().map(ask).collect()
            }
            Some(More::Facts(facts)) => {
                let add = |it: &mut Description| goldsrc::add(&mut it.info, facts);
                if !self.servers.second_is_open(server, limits, now) {
                    self.tally.datagram(Datagram::Unasked);
                    return Vec::new();
                }
                let changed = self.servers.second_answered(server, add, limits);
                self.count_more();
                let list = |(id, listed)| Effect::List(id, listed);
                changed.into_iter().map(list).collect()
            }
        }
    }

    fn count_more(&self) {
        self.tally.datagram(Datagram::Accepted);
        self.tally.question(Question::Answered);
    }
}
