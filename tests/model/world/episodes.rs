//! Long sequences of steps that chance alone would hardly ever produce, and that lead to the edge
//! cases of feeds and lists.

use super::{FEW_CLIENTS, MAX_GAMES, World};
use crate::{
    Verdict,
    client::Client,
    oracle::Oracle,
    steps::{Newcomer, Place, Step, TEXTS},
};
use metaserve::{feed::Feeds, registry::Registry};

impl World {
    pub(super) fn stagger(&mut self, clients: usize) -> Verdict {
        for text in 0..clients {
            if self.clients.len() >= FEW_CLIENTS {
                return Ok(());
            }
            self.follow(Client::new(None, false, true))?;
            self.heartbeat(0, (text % 2) as u8)?;
            self.pass(4)?;
            self.clients
                .last_mut()
                .expect("one has just connected")
                .lag(false);
        }
        Ok(())
    }

    pub(super) fn oversleep(&mut self, client: usize, events: u16, gone: bool) -> Verdict {
        self.settle()?;
        if self.clients.is_empty() || self.speakers.len() < 3 {
            return Ok(());
        }
        // A long list, so that the size of the delta is not the reason for a snapshot.
        self.heartbeat(1, TEXTS - 1)?;
        self.heartbeat(2, TEXTS - 1)?;
        self.pass(4)?;
        let client = client % self.clients.len();
        self.clients[client].lag(false);
        if gone {
            self.leave(2);
        } else {
            self.heartbeat(2, 0)?;
        }
        for event in 0..events {
            self.pass(4)?;
            self.heartbeat(0, (event % 2) as u8)?;
        }
        self.pass(4)?;
        self.step(&Step::CatchUp { client })
    }

    pub(super) fn storm(&mut self, ticks: u8) -> Verdict {
        for tick in 0..ticks {
            for speaker in (0..self.speakers.len()).step_by(2) {
                self.heartbeat(speaker, tick % 2)?;
            }
            self.pass(4)?;
        }
        Ok(())
    }

    pub(super) fn churn(&mut self, ticks: u16) -> Verdict {
        for tick in 0..ticks {
            let newcomer = Newcomer {
                game: 0,
                identity: None,
                place: Place {
                    six: false,
                    host: 0,
                    port: tick + 1,
                },
                relay: None,
            };
            let before = self.speakers.len();
            self.register(newcomer)?;
            if self.speakers.len() > before {
                self.heartbeat(before, 0)?;
                self.pass(4)?;
                self.leave(before);
                self.pass(4)?;
            }
        }
        Ok(())
    }

    pub(super) fn restart(&mut self, back: u64, first: usize) -> Verdict {
        self.clients.iter_mut().for_each(Client::disconnect);
        let now = self.oracle.now();
        let mut old = std::mem::take(&mut self.speakers);
        self.feeds = Feeds::new();
        self.registry = Registry::new(MAX_GAMES, vec![self.feeds.clone()]);
        self.oracle = Oracle::new(&self.feeds, now);
        self.set_rows(Some(self.rows));
        if !old.is_empty() {
            let first = first % old.len();
            old.rotate_left(first);
        }
        for (at, speaker) in old.into_iter().enumerate() {
            if back >> at & 1 == 1 {
                self.register(speaker.newcomer)?;
                let last = self.speakers.len().saturating_sub(1);
                self.heartbeat(last, (back >> at) as u8 % TEXTS)?;
            }
        }
        Ok(())
    }
}
