//! The one task that owns all names, and carries out what their core decides.

use super::{Ends, Input, Inputs, Store};
use crate::shared::Shared;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use metaserve::{
    names::{Block, Effect, Event, Names, NamesLimits, PeerId, SETTLE, Said},
    time::{now, sleep_until},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

/// Drives the names until `closing` asks it to end.
pub(crate) async fn run(
    shared: Arc<Shared>,
    store: Arc<Store>,
    inputs: Inputs,
    closing: CancellationToken,
) {
    let driving = Driver::new(&shared, store).drive(inputs);
    closing.run_until_cancelled(driving).await;
}

struct Driver {
    store: Arc<Store>,
    names: Names,
    peers: HashMap<PeerId, Peer>,
    /// What will have happened.
    outcomes: FuturesUnordered<BoxFuture<'static, Outcome>>,
}

/// Something that was waited for.
enum Outcome {
    /// The connection of a peer has ended.
    Gone(PeerId),
    /// There is room again for answers to a peer.
    Room(PeerId),
    /// The file of the mark is written, or cannot be.
    Reserved(anyhow::Result<Block>),
}

struct Peer {
    ends: Ends,
    /// What it has said, and is not accepted yet.
    unheard: VecDeque<(Said, OwnedSemaphorePermit)>,
    /// Whether room for its answers is waited for.
    full: bool,
}

impl Driver {
    fn new(shared: &Shared, store: Arc<Store>) -> Self {
        // Nobody can be a former holder of a daemon that has never granted anything.
        let settle = match store.is_new() {
            true => Duration::ZERO,
            false => SETTLE,
        };
        let limits = NamesLimits::default();
        let proofs = shared.certificates.proofs();
        let names = Names::new(limits, proofs, Box::new(()), settle, now());
        Self {
            store,
            names,
            peers: HashMap::new(),
            outcomes: FuturesUnordered::new(),
        }
    }

    async fn drive(mut self, Inputs(mut inputs): Inputs) {
        self.handle(Event::Tick);
        // Whoever claims something before the first epochs are there would be refused.
        if let Some(outcome) = self.outcomes.next().await {
            self.happened(outcome);
        }
        loop {
            let due = self.names.next_timeout();
            tokio::select! {
                Some(outcome) = self.outcomes.next() => self.happened(outcome),
                Some(input) = inputs.recv() => self.hear(input),
                () = sleep_until(due) => self.handle(Event::Tick),
            }
        }
    }

    fn hear(&mut self, input: Input) {
        match input {
            Input::Joined(peer, address, ends) => {
                let answers = ends.answers.clone();
                let gone = async move {
                    answers.closed().await;
                    Outcome::Gone(peer)
                };
                self.outcomes.push(gone.boxed());
                let it = Peer {
                    ends,
                    unheard: VecDeque::new(),
                    full: false,
                };
                self.peers.insert(peer, it);
                self.handle(Event::Joined(peer, address));
            }
            Input::Said(peer, said, place) => {
                if let Some(it) = self.peers.get_mut(&peer) {
                    it.unheard.push_back((said, place));
                    self.listen(peer);
                }
            }
            Input::Moved(peer, address) => self.handle(Event::Moved(peer, address)),
        }
    }

    fn happened(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Gone(peer) => {
                self.peers.remove(&peer);
                self.handle(Event::Gone(peer));
            }
            Outcome::Room(peer) => {
                if let Some(it) = self.peers.get_mut(&peer) {
                    it.full = false;
                    self.answer(peer);
                    self.listen(peer);
                }
            }
            Outcome::Reserved(Ok(block)) => self.handle(Event::Reserved(block)),
            Outcome::Reserved(Err(error)) => {
                tracing::error!("cannot reserve epochs, so no new claims are granted: {error:#}");
                self.handle(Event::NotReserved);
            }
        }
    }

    /// Handles what a peer has said, as far as it is accepted.
    fn listen(&mut self, peer: PeerId) {
        while self.names.accepts(peer)
            && let Some(it) = self.peers.get_mut(&peer)
            && let Some((said, _place)) = it.unheard.pop_front()
        {
            self.handle(Event::Said(peer, said));
        }
    }

    fn handle(&mut self, event: Event) {
        for effect in self.names.handle(event, now()) {
            match effect {
                Effect::Ready(peer) => self.answer(peer),
                Effect::Close(peer, close) => {
                    if let Some(it) = self.peers.remove(&peer) {
                        // Fails if the connection has ended already.
                        let _ = it.ends.close.send(close);
                    }
                }
                Effect::Reserve { from } => {
                    let store = self.store.clone();
                    let reserve = tokio::task::spawn_blocking(move || store.reserve(from));
                    let reserved = async {
                        Outcome::Reserved(reserve.await.unwrap_or_else(|error| Err(error.into())))
                    };
                    self.outcomes.push(reserved.boxed());
                }
            }
        }
    }

    /// Passes on what a peer is to be told, as far as there is room.
    fn answer(&mut self, peer: PeerId) {
        let Some(it) = self.peers.get_mut(&peer) else {
            return;
        };
        while !it.full {
            match it.ends.answers.clone().try_reserve_owned() {
                Ok(room) => match self.names.take(peer) {
                    Some(answer) => drop(room.send(answer)),
                    None => return,
                },
                Err(_) => {
                    it.full = true;
                    let answers = it.ends.answers.clone();
                    let room = async move {
                        // Fails if the peer is gone, which is an outcome of its own.
                        let _ = answers.reserve().await;
                        Outcome::Room(peer)
                    };
                    self.outcomes.push(room.boxed());
                }
            }
        }
    }
}
