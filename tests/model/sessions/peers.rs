//! Game servers, relays and game clients, each at its end of a connection.

use super::{
    host::{Daemon, Host, LIMITS, Moment},
    wire::Wire,
};
use fastrand::Rng;
use metaserve::{
    Backoff, Retry, Role,
    protocol::{
        codec::decode,
        relay::FromRelay,
        session::{
            Piece, Say, Speaker, Subscriber,
            speaker::{Effect, Event},
            subscriber,
        },
    },
};
use metaserve_client::List;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// A connection, with the daemon at its other end.
pub(super) struct Link {
    pub(super) up: Wire,
    pub(super) down: Wire,
    pub(super) host: Host,
    /// The texts of all notices that have arrived.
    pub(super) heard: Vec<String>,
    pub(super) welcomed: bool,
    greeted: bool,
    /// When something was sent about each server.
    said: HashMap<u64, Vec<Instant>>,
}

/// A line that keeps a connection, and restores it.
pub(super) struct Line {
    role: Role,
    pub(super) link: Option<Link>,
    pub(super) connect_at: Option<Instant>,
    backoff: Backoff,
}

impl Line {
    pub(super) fn new(role: Role, now: Instant) -> Self {
        Self {
            role,
            link: None,
            connect_at: Some(now),
            backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(1)),
        }
    }

    /// Connects if it is time to. Returns whether it has.
    fn connects(&mut self, daemon: &Daemon, now: Instant, random: &mut Rng) -> bool {
        if self.connect_at.is_none_or(|at| at > now) {
            return false;
        }
        self.connect_at = None;
        let mut down = Wire::default();
        let moment = Moment {
            down: &mut down,
            now,
            random,
        };
        self.link = Some(Link {
            host: Host::new(self.role, daemon, moment),
            up: Wire::default(),
            down,
            heard: Vec::new(),
            welcomed: false,
            greeted: false,
            said: HashMap::new(),
        });
        true
    }

    /// Loses the connection, if there is one. The daemon notices later.
    pub(super) fn lose(&mut self, now: Instant, random: &mut Rng) -> Option<Host> {
        let link = self.link.take()?;
        let delay = self.backoff.delay(Retry::Soon, random.f64());
        self.connect_at = Some(now + delay);
        Some(link.host)
    }

    /// Lets the daemon receive and act.
    fn serve(&mut self, now: Instant, random: &mut Rng) {
        let Some(Link { up, down, host, .. }) = &mut self.link else {
            return;
        };
        let mut moment = Moment { down, now, random };
        host.act(&mut moment);
        while let Some(piece) = up.arrived(now) {
            host.hear(piece);
            host.act(&mut moment);
        }
    }

    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let link = self.link.iter();
        let wires = link.flat_map(|it| [it.up.due(), it.down.due(), it.host.due(now)]);
        wires.flatten().chain(self.connect_at).min()
    }
}

/// A game server or a relay.
pub(super) struct Speaking<W> {
    pub(super) session: Speaker<W>,
    pub(super) line: Line,
    /// Whether it has said goodbye.
    pub(super) left: bool,
}

impl<W> Speaking<W> {
    pub(super) fn new(role: Role, words: W, now: Instant) -> Self
    where
        W: metaserve::protocol::session::Words,
    {
        Self {
            session: Speaker::new(words),
            line: Line::new(role, now),
            left: false,
        }
    }

    pub(super) fn say<T>(&mut self, event: Event<T>, now: Instant)
    where
        W: Say<T>,
    {
        self.session
            .handle(event, now)
            .expect("its own messages are valid");
    }

    pub(super) fn act<T>(&mut self, daemon: &Daemon, now: Instant, random: &mut Rng)
    where
        W: Say<T>,
    {
        if !self.left && self.line.connects(daemon, now, random) {
            self.say(Event::<T>::Connected, now);
        }
        self.speak(now, random);
        while let Some(link) = &mut self.line.link
            && let Some(piece) = link.down.arrived(now)
        {
            self.say(Event::<T>::Piece(piece), now);
            self.speak(now, random);
        }
        self.line.serve(now, random);
    }

    fn speak(&mut self, now: Instant, random: &mut Rng)
    where
        W: metaserve::protocol::session::Words,
    {
        while let Some(effect) = self.session.next(now).expect("a daemon of ours") {
            let Some(link) = &mut self.line.link else {
                assert!(matches!(effect, Effect::Hear(_)), "{effect:?} to nobody");
                continue;
            };
            match effect {
                Effect::Send(frame) => {
                    link.keeps_to_the_interval(self.line.role, &frame[4..], now);
                    link.up.send(frame, now, random);
                }
                Effect::Finish => {
                    link.up.push(Piece::Finished, now, random);
                    self.left = true;
                }
                Effect::Welcomed => link.welcomed = true,
                // Notices about skipped heartbeats come from the session itself, not from the
                // daemon.
                Effect::Hear(notice) if notice.text.contains("was left out") => {}
                Effect::Hear(notice) => link.heard.push(notice.text),
                Effect::NotUnderstood(variant) => panic!("variant {variant}"),
            }
        }
    }
}

impl Link {
    fn keeps_to_the_interval(&mut self, role: Role, message: &[u8], now: Instant) {
        let key = match (role, decode(message)) {
            (Role::Relay, Ok(FromRelay::Upsert(upsert))) => upsert.key,
            (Role::Relay, Ok(FromRelay::Remove(key))) => {
                self.said.remove(&key);
                return;
            }
            // A server begins with its hello.
            _ if !std::mem::replace(&mut self.greeted, true) => return,
            _ => 0,
        };
        let said = self.said.entry(key).or_default();
        let interval = LIMITS.min_interval;
        if let [first, .., last] | [first @ last] = said[..] {
            assert!(now - last >= interval * 3 / 4, "{:?}", now - last);
            let intervals = (now - first).as_secs_f64() / interval.as_secs_f64();
            assert!(said.len() as f64 <= intervals + 0.3, "{said:?} {now:?}");
        }
        said.push(now);
    }
}

/// A game client.
pub(super) struct Following {
    session: Subscriber,
    pub(super) list: List,
    pub(super) line: Line,
    /// It does not read before this time.
    pub(super) stuck_until: Instant,
}

impl Following {
    pub(super) fn new(session: Subscriber, now: Instant) -> Self {
        Self {
            session,
            list: List::default(),
            line: Line::new(Role::Client, now),
            stuck_until: now,
        }
    }

    pub(super) fn act(&mut self, daemon: &Daemon, now: Instant, random: &mut Rng) {
        const FINE: &str = "a daemon of ours";
        if self.line.connects(daemon, now, random) {
            let known = self.list.known(self.session.game());
            self.session
                .handle(subscriber::Event::Connected(known))
                .expect(FINE);
        }
        if let Some(link) = &mut self.line.link {
            loop {
                while let Some(effect) = self.session.next_effect().expect(FINE) {
                    match effect {
                        subscriber::Effect::Subscribe(frame) => {
                            link.up.send(frame, now, random);
                            link.up.push(Piece::Finished, now, random);
                        }
                        subscriber::Effect::Apply(message) => {
                            self.list.apply(message).expect("deltas in order");
                            link.welcomed = true;
                        }
                    }
                }
                if now < self.stuck_until {
                    break;
                }
                let Some(piece) = link.down.arrived(now) else {
                    break;
                };
                self.session
                    .handle(subscriber::Event::Piece(piece))
                    .expect(FINE);
            }
        }
        self.line.serve(now, random);
    }
}
