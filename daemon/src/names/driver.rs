//! The one task that owns all names, and carries out what their core decides.

use super::{Ends, Input, Inputs, Store, Tickets};
use crate::{rules::Rules, shared::Shared};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use metaserve::{
    names::{Block, Effect, Event, Names, NamesLimits, PeerId, SETTLE},
    time::{now, sleep_until},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

/// How often the driver does something, if only to see that it does not stand still.
const BEAT: Duration = Duration::from_secs(1);

/// After how long without a beat the driver has stood still: the peers' connections may be over.
const STANDSTILL: Duration = Duration::from_secs(3);

/// Drives the names until `closing` asks it to end.
pub(crate) async fn run(
    shared: Arc<Shared>,
    store: Arc<Store>,
    inputs: Inputs,
    closing: CancellationToken,
) {
    let driving = Driver::new(shared, store).drive(inputs);
    closing.run_until_cancelled(driving).await;
}

struct Driver {
    shared: Arc<Shared>,
    store: Arc<Store>,
    names: Names,
    /// The tickets that are asked for, as the log says.
    tickets: Option<Arc<Tickets>>,
    peers: HashMap<PeerId, Peer>,
    /// What will have happened.
    outcomes: FuturesUnordered<BoxFuture<'static, Outcome>>,
    /// Why no epochs can be reserved, as the log says already.
    problem: Option<String>,
    /// Whether there can be no former holders.
    is_new: bool,
    /// When something was last done.
    done: Instant,
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
    unheard: VecDeque<(Event, OwnedSemaphorePermit)>,
    /// Whether room for its answers is waited for.
    full: bool,
}

impl Driver {
    fn new(shared: Arc<Shared>, store: Arc<Store>) -> Self {
        // Nobody can show a proof that was made under a secret of this very start. Without the
        // folder alone it may be lost.
        let is_new = store.is_new() && shared.certificates.has_new_secret();
        let settle = match is_new {
            true => Duration::ZERO,
            false => SETTLE,
        };
        if !settle.is_zero() {
            tracing::info!("names are kept for their former holders for {settle:?}");
        }
        if shared.cluster.is_some() {
            tracing::warn!(
                "names are at this member only: switch them on at no other one, and let all peers of \
                 names connect to this one"
            );
        }
        let rules = shared.rules();
        let tickets = rules.tickets.as_deref();
        warn_if_open(tickets);
        let limits = NamesLimits::from(&rules.limits);
        let proofs = shared.certificates.proofs();
        let names = Names::new(limits, proofs, settle, now());
        Self {
            shared,
            store,
            names,
            tickets: rules.tickets.clone(),
            peers: HashMap::new(),
            outcomes: FuturesUnordered::new(),
            problem: None,
            is_new,
            done: now(),
        }
    }

    async fn drive(mut self, Inputs(mut inputs): Inputs) {
        self.handle(Event::Tick);
        // A claim before the first epochs are reserved would be refused. Former holders need no new
        // epochs, and a slow disk must not keep them waiting.
        if self.is_new
            && let Some(outcome) = self.outcomes.next().await
        {
            self.happened(outcome);
        }
        let mut rules = self.shared.rules.subscribe();
        loop {
            self.shared.metrics.claims().see(&self.names);
            let beat = self.done + BEAT;
            let due = self.names.next_timeout().map_or(beat, |due| due.min(beat));
            tokio::select! {
                Some(outcome) = self.outcomes.next() => self.happened(outcome),
                Some(input) = inputs.recv() => self.hear(input),
                () = sleep_until(Some(due)) => self.handle(Event::Tick),
                // The sender is in what we share.
                Ok(()) = rules.changed() => self.adopt(&rules.borrow_and_update()),
            }
        }
    }

    /// Uses these rules for what comes.
    fn adopt(&mut self, rules: &Rules) {
        let tickets = rules.tickets.as_deref();
        if self.tickets.as_deref() != tickets {
            match tickets {
                Some(tickets) => tracing::info!(
                    "the keys for tickets were reloaded: {} keys",
                    tickets.count()
                ),
                None => warn_if_open(None),
            }
            self.tickets.clone_from(&rules.tickets);
        }
        self.names.set_limits(NamesLimits::from(&rules.limits));
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
            Outcome::Reserved(reserved) => self.reserved(reserved),
        }
    }

    fn reserved(&mut self, reserved: anyhow::Result<Block>) {
        self.shared
            .metrics
            .claims()
            .reserved(reserved.as_ref().ok());
        match reserved {
            Ok(block) => {
                if self.problem.take().is_some() {
                    tracing::info!("epochs can be reserved again");
                }
                self.handle(Event::Reserved(block));
            }
            Err(error) => {
                let problem = format!("{error:#}");
                if self.problem.as_ref() != Some(&problem) {
                    tracing::error!(
                        "cannot reserve epochs, so new claims will be refused: {problem}"
                    );
                    self.problem = Some(problem);
                }
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
            self.handle(said);
        }
    }

    fn handle(&mut self, event: Event) {
        let gap = now().saturating_duration_since(self.done);
        self.done = now();
        if gap > STANDSTILL {
            tracing::warn!(
                "stood still for {gap:?}: names that are held are kept for their holders for {SETTLE:?}"
            );
            self.carry_out(Event::StoodStill);
        }
        self.carry_out(event);
    }

    fn carry_out(&mut self, event: Event) {
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
                Effect::Reached(limit) => self.shared.metrics.reached(limit),
                Effect::Ended(end) => self.shared.metrics.claims().order_ended(end),
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
                    Some(answer) => {
                        self.shared.metrics.claims().answered(&answer);
                        room.send(answer);
                    }
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

/// Says that the operator asks for no tickets.
fn warn_if_open(tickets: Option<&Tickets>) {
    if tickets.is_none() {
        tracing::warn!(
            "anybody can claim any name: to ask for tickets, name files of public keys with \
             --names-need-ticket"
        );
    }
}
