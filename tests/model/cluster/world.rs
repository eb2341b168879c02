//! The real registries of a cluster, and what each must show.

mod client;
mod member;
mod message;

use super::{
    Verdict,
    shown::Row,
    steps::{Fate, MEMBERS, Place, Step},
};
use client::Client;
use member::{Heard, Member};
use message::Message;
use metaserve::{Fingerprint, Game};
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::runtime::{Builder, Runtime};

pub(super) struct World {
    runtime: Runtime,
    members: Vec<Member>,
    /// What is on its way, by sender and receiver.
    messages: Vec<Vec<Vec<Message>>>,
    runs: u64,
    clients: Vec<Client>,
    /// How many clients have gone on at another member, and how many of them by a delta.
    pub(super) moved: usize,
    pub(super) resumed: usize,
}

impl Place {
    fn address(self) -> SocketAddr {
        let Self { six, host, port } = self;
        let ip = if six {
            Ipv6Addr::new(0x2001, 0xdb8, 0, host.into(), 0, 0, 0, 1).into()
        } else {
            Ipv4Addr::new(192, 0, 2, host).into()
        };
        SocketAddr::new(ip, port)
    }
}

/// The host of an address.
fn host(address: SocketAddr) -> u8 {
    match address {
        SocketAddr::V4(address) => address.ip().octets()[3],
        SocketAddr::V6(address) => address.ip().octets()[7],
    }
}

fn game(number: u8) -> Game {
    Game::new(&format!("game {number}")).expect("a tag")
}

impl World {
    pub(super) fn new() -> Self {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        Self {
            runtime: runtime.expect("a runtime"),
            members: (0..MEMBERS).map(|at| Member::new(at as u64)).collect(),
            messages: (0..MEMBERS)
                .map(|_| (0..MEMBERS).map(|_| Vec::new()).collect())
                .collect(),
            runs: MEMBERS as u64,
            clients: Vec::new(),
            moved: 0,
            resumed: 0,
        }
    }

    /// Plays a script. At the end all know what the others state, and nothing that is gone.
    pub(super) fn play(&mut self, steps: &[Step]) -> Verdict {
        self.step(&Step::Round)?;
        for step in steps {
            self.step(step)?;
        }
        // Twice: what lists show may have to be told again under another number.
        for _ in 0..2 {
            for at in 0..MEMBERS {
                self.tick(at)?;
            }
            for (from, to) in pairs() {
                self.sync(from, to, true);
                self.forget(from, to, true);
            }
        }
        for at in 0..MEMBERS {
            self.members[at].hide(None);
            self.tick(at)?;
        }
        let same = |row: Row| Row { origin: 0, ..row };
        let list = |member: &Member| {
            let rows = member.shown().into_iter();
            rows.map(|(number, row)| (number, same(row)))
                .collect::<Vec<_>>()
        };
        for member in &self.members {
            prop_assert_eq!(list(member), list(&self.members[0]), "two lists differ");
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Verdict {
        match *step {
            Step::Register {
                member,
                game: number,
                identity,
                place,
                speaks,
            } => {
                let identity = identity.map(|it| Fingerprint::from([it; 32]));
                self.members[member].register(&game(number), place.address(), identity, speaks);
            }
            Step::Heartbeat { speaker, text } => {
                if let Some((member, speaker)) = self.speaker(speaker) {
                    self.members[member].heartbeat(speaker, text)?;
                }
            }
            Step::Move { speaker, place } => {
                if let Some((member, speaker)) = self.speaker(speaker) {
                    self.members[member].move_to(speaker, place.address());
                }
            }
            Step::Leave { speaker } => {
                if let Some((member, speaker)) = self.speaker(speaker) {
                    self.members[member].leave(speaker);
                }
            }
            Step::Tick { member } => self.tick(member)?,
            Step::Flush { member, own } => self.members[member].flush(own),
            Step::Beat { member } => self.beat(member),
            Step::Message {
                from,
                to,
                nth,
                fate,
            } => self.deliver(from, to, nth, fate),
            Step::Sync { from, to, all } if from != to => self.sync(from, to, all),
            Step::Forget { from, to } => self.forget(from, to, false),
            Step::Restart { member } => {
                self.runs += 1;
                self.members[member] = Member::new(self.runs);
            }
            Step::Hide { member, host } => self.members[member].hide(host),
            Step::Settle { member, heard } => self.members[member].settle(heard)?,
            Step::Calm => self.calm(),
            Step::Round => {
                for at in 0..MEMBERS {
                    self.tick(at)?;
                    self.beat(at);
                }
                self.calm();
            }
            Step::Sync { .. } => {}
            Step::Follow { member, game: tag } => {
                let _context = self.runtime.enter();
                let game = tag.map(game);
                self.clients.push(Client::new(&self.members[member], game));
            }
            Step::Read { client } => {
                if let Some(client) = client.checked_rem(self.clients.len()) {
                    let by_delta = self.runtime.block_on(self.clients[client].read())?;
                    self.moved += usize::from(by_delta.is_some());
                    self.resumed += usize::from(by_delta == Some(true));
                }
            }
            Step::Resume { client, member } => {
                if let Some(client) = client.checked_rem(self.clients.len()) {
                    let _context = self.runtime.enter();
                    self.clients[client].go_on(&self.members[member]);
                }
            }
        }
        Ok(())
    }

    /// A member and its speaker.
    fn speaker(&self, number: usize) -> Option<(usize, usize)> {
        let member = number % MEMBERS;
        let speaker = (number / MEMBERS).checked_rem(self.members[member].speakers())?;
        Some((member, speaker))
    }

    fn tick(&mut self, at: usize) -> Verdict {
        let member = &mut self.members[at];
        member.flush(true);
        member.flush(false);
        member.check()?;
        let message = member.publish();
        self.send(at, message);
        Ok(())
    }

    fn calm(&mut self) {
        for (from, to) in pairs() {
            while !self.messages[from][to].is_empty() {
                self.deliver(from, to, 0, Fate::Arrives);
            }
        }
    }

    fn beat(&mut self, at: usize) {
        let member = &mut self.members[at];
        let (changes, beat) = member.beat();
        self.send(at, changes);
        self.send(at, Some(beat));
    }

    fn send(&mut self, at: usize, message: Option<Message>) {
        for to in (0..MEMBERS).filter(|to| *to != at) {
            self.messages[at][to].extend(message.clone());
        }
    }

    fn deliver(&mut self, from: usize, to: usize, nth: usize, fate: Fate) {
        let on_their_way = &mut self.messages[from][to];
        let Some(nth) = nth.checked_rem(on_their_way.len()) else {
            return;
        };
        let message = match fate {
            Fate::ArrivesAndStays => on_their_way[nth].clone(),
            Fate::Arrives | Fate::IsLost => on_their_way.remove(nth),
        };
        if !matches!(fate, Fate::IsLost) {
            self.members[to].hear(from, message);
        }
    }

    fn sync(&mut self, from: usize, to: usize, all: bool) {
        let run = self.members[from].run();
        let known = self.members[to].knows(run).filter(|_| !all);
        let answer = self.members[from].since(known);
        self.members[to].hear(from, answer);
    }

    fn forget(&mut self, from: usize, to: usize, keeps_current: bool) {
        let current = self.members[from].run();
        let current = keeps_current.then_some(current);
        let forgotten = |heard: &Heard| heard.from == from && Some(heard.run()) != current;
        self.members[to].forget(forgotten);
    }
}

fn pairs() -> impl Iterator<Item = (usize, usize)> {
    let all = (0..MEMBERS).flat_map(|from| (0..MEMBERS).map(move |to| (from, to)));
    all.filter(|(from, to)| from != to)
}
