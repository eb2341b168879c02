//! The daemon's end of one connection, on the real registry.

use super::wire::Wire;
use fastrand::Rng;
use futures::FutureExt;
use metaserve::{
    CloseCode, Game, Limits, Role,
    feed::{Feeds, Subscription},
    protocol::{
        client::Compression,
        codec::frame,
        heartbeat::{FromDaemon, Notice, NoticeKind, Welcome},
        session::{
            Change, Piece,
            daemon::{
                Effect, First, Publication, Quiet, Statement, Statements, Writing, hello,
                subscription,
            },
        },
    },
    registry::{Registration, Registry},
};
use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

pub(super) static LIMITS: LazyLock<Limits> = LazyLock::new(|| {
    let mut limits = Limits::default();
    limits.min_interval = Duration::from_millis(500);
    limits.max_heartbeat_bytes = 100;
    limits.stall_timeout = Duration::from_secs(5);
    limits
});

/// The state that all connections share.
#[derive(Clone)]
pub(super) struct Daemon {
    pub(super) registry: Arc<Registry>,
    pub(super) feeds: Arc<Feeds>,
}

impl Daemon {
    pub(super) fn new() -> Self {
        let feeds = Feeds::new();
        let registry = Registry::new(10, vec![feeds.clone()]);
        Self { registry, feeds }
    }
}

pub(super) struct Host {
    daemon: Daemon,
    talk: Talk,
    /// The texts of all notices that were sent.
    pub(super) told: Vec<String>,
    /// How often the stream was reset because the client was too slow.
    pub(super) resets: usize,
    pub(super) gone: bool,
}

enum Talk {
    First(Role, First),
    Server(Publication<'static>, Registration),
    Relay(Statements<'static>, HashMap<u64, (Game, Registration)>),
    Client(Quiet, Compression, Subscription, Option<Writing>),
}

/// The daemon's view of one connection at one moment.
pub(super) struct Moment<'a> {
    pub(super) down: &'a mut Wire,
    pub(super) now: Instant,
    pub(super) random: &'a mut Rng,
}

impl Moment<'_> {
    fn say(&mut self, message: FromDaemon<'_>) {
        self.down.send(frame(message), self.now, self.random);
    }
}

fn at(port: Option<u16>) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port.unwrap_or(1)).into()
}

impl Host {
    pub(super) fn new(role: Role, daemon: &Daemon, mut moment: Moment<'_>) -> Self {
        let talk = match role {
            Role::Relay => {
                moment.say(FromDaemon::Welcome(Welcome::from(&*LIMITS)));
                Talk::Relay(Statements::new(&LIMITS), HashMap::new())
            }
            _ => Talk::First(role, First::new(role, &LIMITS, moment.now)),
        };
        Self {
            daemon: daemon.clone(),
            talk,
            told: Vec::new(),
            resets: 0,
            gone: false,
        }
    }

    pub(super) fn hear(&mut self, piece: Piece) {
        let heard = match &mut self.talk {
            Talk::First(_, first) => first.handle(piece),
            Talk::Server(publication, _) => publication.handle(piece),
            Talk::Relay(statements, _) => statements.handle(piece),
            Talk::Client(quiet, ..) => quiet.handle(&piece).map(drop),
        };
        heard.expect("a peer that follows the protocol");
    }

    /// Does everything that is due.
    pub(super) fn act(&mut self, moment: &mut Moment<'_>) {
        while !self.gone && self.step(moment) {}
    }

    /// Does one thing that is due. Returns whether there may be more.
    fn step(&mut self, moment: &mut Moment<'_>) -> bool {
        const FINE: &str = "a peer that follows the protocol and its limits";
        let now = moment.now;
        match &mut self.talk {
            Talk::First(role, first) => match first.next(now).expect(FINE) {
                Some(message) => {
                    let role = *role;
                    self.begin(role, &message, moment);
                }
                None => return false,
            },
            Talk::Server(publication, registration) => match publication.next(now).expect(FINE) {
                Some(Effect::List(heartbeat)) => drop(registration.heartbeat(heartbeat)),
                Some(Effect::Notice(kind, text)) => self.notice(kind, text, moment),
                Some(Effect::Heard(..)) => {}
                Some(Effect::Gone) => self.gone = true,
                None => return false,
            },
            Talk::Relay(statements, servers) => match statements.next_statement().expect(FINE) {
                Some(Statement::Change(Change::Unlist(key))) => drop(servers.remove(&key)),
                Some(Statement::Change(Change::List(listing))) => {
                    let registry = &self.daemon.registry;
                    let register = || registry.register(&listing.game, listing.address, None);
                    let (game, registration) = servers
                        .entry(listing.key)
                        .or_insert_with(|| (listing.game.clone(), register().expect("room")));
                    assert_eq!(*game, listing.game);
                    registration.move_to(listing.address);
                    registration.heartbeat(listing.heartbeat);
                }
                Some(Statement::Refused { key, why, .. }) => {
                    let text = format!("server {key} was refused: {why}");
                    self.notice(NoticeKind::Refused, text, moment);
                }
                Some(Statement::Gone) => self.gone = true,
                None => return false,
            },
            Talk::Client(_, compression, subscription, writing) => match writing {
                None => match subscription.next().now_or_never() {
                    Some(next) => {
                        let bytes = next.bytes(*compression);
                        *writing = Some(Writing::new(bytes, LIMITS.stall_timeout, now));
                    }
                    None => return false,
                },
                Some(written) => {
                    let room = moment.down.room();
                    let [rest] = written.rest();
                    let taken = rest.split_to(room.min(rest.len()));
                    if taken.is_empty() {
                        if written.due() <= now {
                            self.resets += 1;
                            let code = CloseCode::TooSlow.into();
                            moment.down.reset(code, now, moment.random);
                            subscription.restart();
                            *writing = None;
                        }
                        return false;
                    }
                    moment.down.send(taken, now, moment.random);
                    if written.taken(now).is_some() {
                        *writing = None;
                    }
                }
            },
        }
        true
    }

    fn begin(&mut self, role: Role, message: &[u8], moment: &mut Moment<'_>) {
        const FINE: &str = "a first message";
        let first = std::mem::replace(
            &mut self.talk,
            Talk::Relay(Statements::new(&LIMITS), HashMap::new()),
        );
        let Talk::First(_, first) = first else {
            panic!("only once");
        };
        self.talk = if role == Role::Heartbeat {
            let (game, port) = hello(message).expect(FINE);
            let registered = self.daemon.registry.register(&game, at(port), None);
            moment.say(FromDaemon::Welcome(Welcome::from(&*LIMITS)));
            let publication = Publication::new(&LIMITS, first.rest(), moment.now);
            Talk::Server(publication, registered.expect("room"))
        } else {
            let asked = subscription(message).expect(FINE);
            let feed = self.daemon.feeds.of(asked.game.as_ref());
            let quiet = Quiet::new(&first.rest()).expect(FINE);
            Talk::Client(quiet, asked.compression, feed.subscribe(asked.known), None)
        };
    }

    fn notice(&mut self, kind: NoticeKind, text: String, moment: &mut Moment<'_>) {
        moment.say(FromDaemon::Notice(Notice { kind, text: &text }));
        self.told.push(text);
    }

    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        match &self.talk {
            Talk::First(_, first) => first.due(),
            Talk::Server(publication, _) => publication.due(now),
            Talk::Client(.., Some(writing)) => Some(writing.due()),
            Talk::Relay(..) | Talk::Client(..) => None,
        }
    }
}
