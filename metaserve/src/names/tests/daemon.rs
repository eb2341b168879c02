//! A daemon in virtual time, for stories.

use super::super::*;
use crate::{CloseCode, Limit};
use bytes::Bytes;
use std::time::{Duration, Instant};

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) struct Daemon {
    pub(super) names: Names,
    pub(super) now: Instant,
    pub(super) mark: Mark,
    pub(super) permits: fn(Option<&[u8]>, &str) -> bool,
    pub(super) closed: Vec<(PeerId, CloseCode)>,
    pub(super) reached: Vec<Limit>,
    pub(super) ended: Vec<OrderEnd>,
}

pub(super) fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

impl Daemon {
    pub(super) fn new(limits: NamesLimits) -> Self {
        Self::started(limits, Duration::ZERO)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the test can start at any instant"
    )]
    pub(super) fn started(limits: NamesLimits, settle: Duration) -> Self {
        let (now, proofs) = (Instant::now(), Proofs::new(&[1; 32]));
        let mark = Mark::first(proofs.daemon(), Duration::ZERO);
        let names = Names::new(limits, proofs, settle, now);
        let mut daemon = Self {
            names,
            now,
            mark,
            permits: |_, _| true,
            closed: Vec::new(),
            reached: Vec::new(),
            ended: Vec::new(),
        };
        daemon.event(Event::Tick);
        for peer in 1..=3 {
            let address = ([192, 0, 2, 1], peer).into();
            daemon.event(Event::Joined(PeerId(peer.into()), address));
        }
        daemon
    }

    pub(super) fn event(&mut self, event: Event) {
        for effect in self.names.handle(event, self.now) {
            match effect {
                Effect::Ready(_) => {}
                Effect::Reached(limit) => self.reached.push(limit),
                Effect::Ended(end) => self.ended.push(end),
                Effect::Close(peer, close) => self.closed.push((peer, close.code)),
                Effect::Reserve { from } => {
                    let (block, mark) = self.mark.reserve(from, Duration::ZERO).unwrap();
                    self.mark = mark;
                    self.event(Event::Reserved(block));
                }
            }
        }
    }

    pub(super) fn say(&mut self, peer: u64, said: Said) {
        let peer = PeerId(peer);
        let refused = said
            .right()
            .filter(|(right, ticket)| !(self.permits)(*ticket, right));
        let refused = refused.map(|(right, _)| format!("no ticket for {right}"));
        self.event(match refused {
            None => Event::Said(peer, said),
            Some(why) => Event::Unpermitted(peer, said, why),
        });
    }

    pub(super) fn pass(&mut self, duration: Duration) {
        self.now += duration;
        self.event(Event::Tick);
    }

    pub(super) fn claim(&mut self, peer: u64, id: u64, text: &str) {
        self.claim_again(peer, id, text, None);
    }

    pub(super) fn claim_again(&mut self, peer: u64, id: u64, text: &str, held: Option<Held>) {
        let (key, value, ticket) = (key(text), Bytes::new(), None);
        self.say(
            peer,
            Said::Claim {
                id,
                key,
                value,
                ticket,
                held,
            },
        );
    }

    pub(super) fn start(&mut self, peer: u64, id: u64, text: &str, within: Duration) {
        let (payload, ticket) = (Bytes::new(), None);
        let start = Some(Start {
            payload,
            within,
            ticket,
        });
        self.say(
            peer,
            Said::Resolve {
                id,
                key: key(text),
                start,
            },
        );
    }

    pub(super) fn offer(&mut self, peer: u64, id: u64, prefix: &str, slots: u32) {
        let (prefix, ticket) = (Prefix::new(prefix).unwrap(), None);
        self.say(
            peer,
            Said::Offer {
                id,
                prefix,
                slots,
                ticket,
            },
        );
    }

    pub(super) fn all(&mut self, peer: u64) -> Vec<Answer> {
        std::iter::from_fn(|| self.names.take(PeerId(peer))).collect()
    }

    pub(super) fn one(&mut self, peer: u64) -> Answer {
        let mut all = self.all(peer);
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }
}

pub(super) fn open() -> Daemon {
    Daemon::new(NamesLimits::default())
}

/// The grant that a peer was told, and nothing else.
pub(super) fn grant(daemon: &mut Daemon, peer: u64) -> Held {
    match daemon.one(peer) {
        Answer::Granted { epoch, proof, .. } => Held { epoch, proof },
        other => panic!("{other:?}"),
    }
}

/// How long a peer is to wait, which was refused because the daemon settles.
pub(super) fn settling(daemon: &mut Daemon, peer: u64) -> Duration {
    match daemon.one(peer) {
        Answer::Refused {
            refusal: Refusal::Settling,
            again: Some(again),
            ..
        } => again,
        other => panic!("{other:?}"),
    }
}
