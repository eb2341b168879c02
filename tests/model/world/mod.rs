//! The real registry and the model of it, side by side.

mod episodes;

use super::{
    Verdict,
    client::Client,
    oracle::{Oracle, TICK, WHO_BYTES, game},
    steps::{Claim, GAMES, House, Newcomer, Place, Step, TEXTS},
    truth::{Link, Who},
};
use bytes::Bytes;
use futures::FutureExt;
use metaserve::{
    Fingerprint,
    bounds::Trusted,
    feed::Feeds,
    registry::{Registration, Registry, Waits},
};
use proptest::prelude::*;
use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::runtime::{Builder, Runtime};

pub(super) struct World {
    runtime: Runtime,
    registry: Arc<Registry>,
    feeds: Arc<Feeds>,
    oracle: Oracle,
    speakers: Vec<Speaker>,
    clients: Vec<Client>,
    /// The number of rows of each address.
    rows: usize,
}

/// A publisher of a server.
struct Speaker {
    registration: Registration,
    link: Link,
    who: Who,
    newcomer: Newcomer,
    /// Present while its server waits for a row.
    waits: Option<Waits>,
}

const MAX_GAMES: usize = GAMES as usize - 1;
const MAX_SPEAKERS: usize = 40;
const MAX_CLIENTS: usize = 100;

/// The number of clients besides those of crowds.
const FEW_CLIENTS: usize = 40;

/// The length of the longest text, in bytes.
const LONG: usize = 3000;

impl Place {
    /// Most hosts are in one network, a /24 or a /48.
    fn address(self) -> SocketAddr {
        let Self { six, host, port } = self;
        let net = u8::from(host > 5);
        let ip = if six {
            Ipv6Addr::new(0x2001, 0xdb8, net.into(), host.into(), 0, 0, 0, 1).into()
        } else {
            Ipv4Addr::new(192, 0, net, host).into()
        };
        SocketAddr::new(ip, port)
    }
}

fn heartbeat(who: Who, text: u8) -> Bytes {
    let length = if text == TEXTS - 1 {
        LONG
    } else {
        usize::from(text)
    };
    let mut bytes = vec![text; WHO_BYTES + length];
    bytes[..WHO_BYTES].copy_from_slice(&who.to_le_bytes());
    bytes.into()
}

/// One of them, if there are any.
fn one<T>(all: &mut [T], number: usize) -> Option<&mut T> {
    let number = number.checked_rem(all.len())?;
    all.get_mut(number)
}

impl World {
    pub(super) fn new(house: House) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        let feeds = Feeds::new();
        let mut world = Self {
            runtime: runtime.expect("a runtime"),
            oracle: Oracle::new(&feeds, Duration::ZERO),
            registry: Registry::new(MAX_GAMES, vec![feeds.clone()]),
            feeds,
            speakers: Vec::new(),
            clients: Vec::new(),
            rows: usize::MAX,
        };
        if house == House::Crowded {
            world.set_rows(Some(1));
        }
        world
    }

    /// Plays a script. At the end everybody leaves, and nothing may remain.
    pub(super) fn play(mut self, steps: &[Step]) -> Verdict {
        for step in steps {
            self.step(step)?;
            self.check_waits()?;
        }
        self.settle()?;
        while !self.speakers.is_empty() {
            self.leave(0);
        }
        self.settle()?;
        prop_assert!(
            self.registry.is_empty(),
            "a server remains without a publisher"
        );
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Verdict {
        match *step {
            Step::Register(ref newcomer) => self.register(newcomer.clone())?,
            Step::Heartbeat { speaker, text } => self.heartbeat(speaker, text)?,
            Step::Move { speaker, place } => self.move_to(speaker, place),
            Step::Rows { each } => self.set_rows(each),
            Step::Leave { speaker } => {
                if let Some(speaker) = speaker.checked_rem(self.speakers.len()) {
                    self.leave(speaker);
                }
            }
            Step::LoseRelay { relay } => {
                let lost = |speaker: &Speaker| speaker.newcomer.relay == Some(relay);
                while let Some(speaker) = self.speakers.iter().position(lost) {
                    self.leave(speaker);
                }
            }
            Step::Pass { quarters } => self.pass(quarters)?,
            Step::Follow {
                game: number,
                compressed,
                eager,
            } => {
                if self.clients.len() < FEW_CLIENTS {
                    self.follow(Client::new(number.map(game), compressed, eager))?;
                }
            }
            Step::Crowd { clients } => {
                while self.clients.len() < clients.min(MAX_CLIENTS) {
                    self.follow(Client::new(None, true, false))?;
                }
            }
            Step::Stagger { clients } => self.stagger(clients)?,
            Step::Lag { client, begun } => {
                if let Some(client) = one(&mut self.clients, client) {
                    client.lag(begun);
                }
            }
            Step::CatchUp { client } => {
                let clients = self.clients.len();
                if let Some(client) = one(&mut self.clients, client) {
                    client.catch_up(&mut self.oracle, clients)?;
                }
            }
            Step::CatchUpAll => {
                self.heartbeat(0, 2)?;
                self.run(4)?;
                self.catch_up_all()?;
            }
            Step::Oversleep {
                client,
                events,
                gone,
            } => self.oversleep(client, events, gone)?,
            Step::Reset { client } => {
                if let Some(client) = one(&mut self.clients, client) {
                    client.reset();
                    self.serve()?;
                }
            }
            Step::Look { client } => {
                if let Some(client) = one(&mut self.clients, client) {
                    client.look()?;
                }
            }
            Step::Disconnect { client } => {
                if let Some(client) = one(&mut self.clients, client) {
                    client.disconnect();
                }
            }
            Step::Reconnect { client, ref claim } => {
                if let Some(client) = one(&mut self.clients, client) {
                    client.connect(claim, &self.feeds, &mut self.oracle)?;
                    self.serve()?;
                }
            }
            Step::Switch {
                client,
                game: number,
            } => {
                if let Some(client) = one(&mut self.clients, client) {
                    client.switch(number.map(game));
                    client.connect(&Claim::Own, &self.feeds, &mut self.oracle)?;
                    self.serve()?;
                }
            }
            Step::Storm { ticks } => self.storm(ticks)?,
            Step::Churn { ticks } => self.churn(ticks)?,
            Step::Restart { back, first } => self.restart(back, first)?,
            Step::Settle => self.settle()?,
        }
        Ok(())
    }

    fn register(&mut self, newcomer: Newcomer) -> Verdict {
        if self.speakers.len() >= MAX_SPEAKERS {
            return Ok(());
        }
        let (game, address) = (game(newcomer.game), newcomer.place.address());
        let identity = newcomer.identity.map(|it| Fingerprint::from([it; 32]));
        let truth = self
            .oracle
            .change()
            .register(MAX_GAMES, &game, address, identity);
        let registration = self.registry.register(&game, address, identity);
        prop_assert_eq!(
            registration.is_ok(),
            truth.is_some(),
            "whether another game fits"
        );
        if let (Ok(registration), Some((link, who))) = (registration, truth) {
            self.speakers.push(Speaker {
                registration,
                link,
                who,
                newcomer,
                waits: None,
            });
        }
        self.check_replaced()
    }

    /// Asserts that exactly the replaced registrations learn that they were replaced.
    fn check_replaced(&mut self) -> Verdict {
        for speaker in &self.speakers {
            let told = speaker.registration.replaced().now_or_never().is_some();
            prop_assert_eq!(
                told,
                self.oracle.truth.replaced(speaker.link),
                "whether the registration was replaced"
            );
        }
        prop_assert_eq!(self.registry.len(), self.oracle.truth.len());
        Ok(())
    }

    fn heartbeat(&mut self, speaker: usize, text: u8) -> Verdict {
        if let Some(speaker) = one(&mut self.speakers, speaker) {
            let heartbeat = heartbeat(speaker.who, text);
            let expected = self
                .oracle
                .change()
                .heartbeat(speaker.link, heartbeat.clone());
            prop_assert_eq!(speaker.registration.heartbeat(heartbeat), expected);
        }
        Ok(())
    }

    fn move_to(&mut self, speaker: usize, place: Place) {
        if let Some(speaker) = one(&mut self.speakers, speaker) {
            speaker.newcomer.place = place;
            let address = place.address();
            self.oracle.change().move_to(speaker.link, address);
            speaker.registration.move_to(address);
        }
    }

    fn set_rows(&mut self, each: Option<usize>) {
        self.rows = each.unwrap_or(usize::MAX);
        self.oracle.change().set_rows(self.rows);
        self.registry.set_rows(self.rows, Trusted::none());
    }

    /// Asserts that a waiting server knows that it waits, and learns when it is listed.
    fn check_waits(&mut self) -> Verdict {
        for speaker in &mut self.speakers {
            if self.oracle.truth.replaced(speaker.link) {
                continue;
            }
            let waits = speaker.registration.waits();
            let expected = self.oracle.truth.waits(speaker.link);
            prop_assert_eq!(
                waits.is_some(),
                expected,
                "whether the server waits for a row"
            );
            let before = std::mem::replace(&mut speaker.waits, waits);
            if let Some(before) = before.filter(|_| self.oracle.truth.is_listed(speaker.link)) {
                let told = before.listed().now_or_never().is_some();
                prop_assert!(told, "a server got a row without a notification");
            }
        }
        prop_assert_eq!(self.registry.waiting(), self.oracle.truth.waiting());
        Ok(())
    }

    fn leave(&mut self, speaker: usize) {
        let speaker = self.speakers.swap_remove(speaker);
        self.oracle.change().leave(speaker.link);
    }

    /// Lets time pass before clients are served.
    fn run(&mut self, quarters: u32) -> Verdict {
        let time = TICK / 4 * quarters;
        self.oracle.look();
        self.runtime.block_on(async {
            let _ = tokio::time::timeout(time, self.feeds.run(TICK)).await;
        });
        self.oracle.passed(time, &self.feeds)
    }

    fn pass(&mut self, quarters: u32) -> Verdict {
        self.run(quarters)?;
        self.serve()
    }

    /// Gives every reading client what there is.
    fn serve(&mut self) -> Verdict {
        let clients = self.clients.len();
        let mut all = self.clients.iter_mut();
        all.try_for_each(|client| client.serve(&mut self.oracle, clients))
    }

    fn follow(&mut self, mut client: Client) -> Verdict {
        client.connect(&Claim::Own, &self.feeds, &mut self.oracle)?;
        self.clients.push(client);
        self.serve()
    }

    fn catch_up_all(&mut self) -> Verdict {
        let clients = self.clients.len();
        let mut all = self.clients.iter_mut().rev();
        all.try_for_each(|client| client.catch_up(&mut self.oracle, clients))
    }

    fn settle(&mut self) -> Verdict {
        for client in &mut self.clients {
            if !client.is_connected() {
                client.connect(&Claim::Own, &self.feeds, &mut self.oracle)?;
            }
        }
        self.catch_up_all()?;
        self.pass(8)?;
        for client in &mut self.clients {
            client.check_settled(&mut self.oracle)?;
            client.look()?;
        }
        Ok(())
    }
}
