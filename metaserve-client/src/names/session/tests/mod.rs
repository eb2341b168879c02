//! Programs against a daemon, in memory and in virtual time.

mod claims;
mod links;
mod orders;
mod reconnects;
mod watches;

use super::{Asked, ClaimState, Keys, Seen, Session};
use bytes::Bytes;
use metaserve::{
    Close, CloseCode, Ended,
    names::{self, BLOCK, Block, Effect, Event, Key, NamesLimits, PeerId, Prefix, Proofs},
    protocol::{
        codec,
        names::{FromDaemon, read},
        session::Piece,
    },
};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

const SECOND: Duration = Duration::from_secs(1);
const SETTLE: Duration = names::SETTLE;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// A daemon, and programs that are connected to it or not.
struct World {
    daemon: names::Names,
    limits: NamesLimits,
    now: Instant,
    programs: Vec<Program>,
    peers: u64,
    /// All epochs below are used.
    used: u64,
}

#[derive(Default)]
struct Program {
    session: Session,
    peer: Option<PeerId>,
    /// Whether it runs; a frozen program notices nothing.
    frozen: bool,
}

fn daemon(limits: NamesLimits, settle: Duration, now: Instant) -> names::Names {
    let mut daemon = names::Names::new(limits, Proofs::new(&[7; 32]), settle, now);
    assert_eq!(daemon.handle(Event::Tick, now).len(), 1);
    daemon
}

impl World {
    #[expect(
        clippy::disallowed_methods,
        reason = "any instant will do to begin with"
    )]
    fn with(limits: NamesLimits, programs: usize) -> Self {
        let now = Instant::now();
        let mut world = Self {
            daemon: daemon(limits.clone(), Duration::ZERO, now),
            limits,
            now,
            programs: (0..programs).map(|_| Program::default()).collect(),
            peers: 0,
            used: 1,
        };
        world.reserve();
        for at in 0..programs {
            world.connect(at);
        }
        world
    }

    fn new(programs: usize) -> Self {
        Self::with(NamesLimits::default(), programs)
    }

    fn reserve(&mut self) {
        let (from, below) = (self.used, self.used + BLOCK);
        self.used = below;
        self.tell(Event::Reserved(Block { from, below }));
    }

    fn tell(&mut self, event: Event) {
        for effect in self.daemon.handle(event, self.now) {
            match effect {
                Effect::Ready(_) | Effect::Reached(_) | Effect::Ended(_) => {}
                Effect::Close(peer, close) => self.closed(peer, close),
                Effect::Reserve { .. } => self.reserve(),
            }
        }
    }

    /// The daemon has closed a connection, and the program hears why.
    fn closed(&mut self, peer: PeerId, close: Close) {
        let mut programs = self.programs.iter_mut();
        if let Some(program) = programs.find(|it| it.peer == Some(peer)) {
            program.peer = None;
            program.session.ended(&Ended::Refused(close), self.now);
        }
    }

    fn connect(&mut self, at: usize) {
        self.peers += 1;
        let peer = PeerId(self.peers);
        let port = u16::try_from(self.peers).unwrap();
        self.tell(Event::Joined(peer, ([192, 0, 2, 1], port).into()));
        let program = &mut self.programs[at];
        (program.peer, program.frozen) = (Some(peer), false);
        program.session.connected();
        self.settle();
    }

    /// The daemon no longer hears a program, which does not know it yet.
    fn freeze(&mut self, at: usize) {
        let program = &mut self.programs[at];
        program.frozen = true;
        if let Some(peer) = program.peer.take() {
            self.tell(Event::Gone(peer));
        }
        self.settle();
    }

    fn lose(&mut self, at: usize) {
        self.freeze(at);
        let program = &mut self.programs[at];
        program.frozen = false;
        program.session.disconnected("gone".into(), self.now);
    }

    /// The daemon is started anew, and nobody is connected.
    fn restart(&mut self) {
        self.daemon = daemon(self.limits.clone(), SETTLE, self.now);
        self.reserve();
        for program in &mut self.programs {
            program.peer = None;
            program.session.disconnected("restart".into(), self.now);
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.tell(Event::Tick);
        for program in &mut self.programs {
            if !program.frozen {
                program.session.tick(self.now);
            }
        }
        self.settle();
    }

    /// Carries messages until there are no more.
    fn settle(&mut self) {
        let mut moved = true;
        while std::mem::take(&mut moved) {
            for at in 0..self.programs.len() {
                let Some(peer) = self.programs[at].peer else {
                    continue;
                };
                while self.daemon.accepts(peer)
                    && let Some(frame) = self.programs[at].session.next_message(self.now)
                {
                    self.tell(Event::Said(peer, read(&frame[4..]).unwrap()));
                    moved = true;
                }
                while let Some(answer) = self.daemon.take(peer) {
                    let piece = Piece::Bytes(codec::frame(FromDaemon::from(&answer)));
                    self.programs[at].session.piece(piece, self.now).unwrap();
                    moved = true;
                }
            }
        }
    }

    fn act<T>(&mut self, at: usize, act: impl FnOnce(&mut Session, Instant) -> T) -> T {
        let done = act(&mut self.programs[at].session, self.now);
        self.settle();
        done
    }

    fn claim(&mut self, at: usize, text: &str, value: &'static str) -> Claimed {
        let asked = Asked {
            key: key(text),
            value: Bytes::from_static(value.as_bytes()),
            ticket: None,
        };
        let (id, state) = self.act(at, |it, now| it.claim(asked, now + 30 * SECOND));
        Claimed { at, id, state }
    }

    fn watch(&mut self, at: usize, prefix: &str) -> watch::Receiver<Seen> {
        let prefix = Prefix::new(prefix).unwrap();
        self.act(at, |it, now| it.watch(prefix, 100_000, now)).1
    }
}

/// A claim of a program.
struct Claimed {
    at: usize,
    id: u64,
    state: watch::Receiver<ClaimState>,
}

impl Claimed {
    fn state(&self) -> String {
        format!("{:?}", *self.state.borrow())
    }

    /// Its epoch, and whether there is a connection.
    fn held(&self) -> Option<(u64, bool)> {
        match *self.state.borrow() {
            ClaimState::Held { epoch, certain } => Some((epoch, certain)),
            _ => None,
        }
    }

    fn release(self, world: &mut World) {
        world.act(self.at, |it, _| it.end(self.id));
    }
}

/// The keys that a watch sees, with their values.
fn shown(seen: &Seen) -> Vec<String> {
    let show = |keys: &Keys| {
        let entries = keys.iter();
        let text =
            entries.map(|(key, entry)| format!("{key}={}", String::from_utf8_lossy(&entry.value)));
        text.collect()
    };
    seen.keys.as_ref().map(show).unwrap_or_default()
}
