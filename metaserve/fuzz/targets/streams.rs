//! The streams of two game servers, a relay and two clients beside each other, without sockets.
//! Input: a byte that names the peer, the length of a piece, the piece of its stream, and so on.
//!
//! After any input, each client's list is what the registry lists.

#![no_main]

#[path = "../../benches/stage/calm.rs"]
mod calm;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use futures::FutureExt;
use libfuzzer_sys::fuzz_target;
use metaserve::{
    Game,
    feed::{Feed, Feeds, Subscription},
    protocol::{
        client::{Compression, ListMessage, Subscribe},
        codec::decode,
        framing::{Deframer, PREFIX_BYTES},
        heartbeat::FromServer,
        relay::FromRelay,
        roles::MAX_FIRST_BYTES,
    },
    registry::{Registration, Registry},
};

const MAX_BYTES: usize = 1024;
const MAX_GAMES: usize = 3;

/// One stream, as far as it has come.
struct Peer {
    deframer: Deframer,
    role: Role,
    /// It broke the protocol.
    closed: bool,
}

enum Role {
    Server(Option<Registration>),
    Relay(BTreeMap<u64, (Game, Registration)>),
    Client(Option<Client>),
}

struct Client {
    feed: Arc<Feed>,
    subscription: Subscription,
    compression: Compression,
    /// None until the first message.
    revision: Option<u64>,
    heartbeats: BTreeMap<u64, (SocketAddr, Bytes)>,
}

fuzz_target!(|input: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = runtime.expect("a runtime");
    let _context = runtime.enter();
    let feeds = Feeds::new();
    let registry = Registry::new(MAX_GAMES, vec![feeds.clone()]);
    let roles = [
        Role::Server(None),
        Role::Server(None),
        Role::Relay(BTreeMap::new()),
        Role::Client(None),
        Role::Client(None),
    ];
    let mut peers = roles.map(|role| Peer {
        deframer: Deframer::default(),
        role,
        closed: false,
    });
    let mut rest = input;
    while let [peer, length, after @ ..] = rest {
        let (piece, after) = after.split_at(after.len().min((*length).into()));
        rest = after;
        let peer = &mut peers[usize::from(*peer) % 5];
        if !peer.closed && peer.hear(piece, &registry, &feeds).is_none() {
            peer.closed = true;
            // Its servers leave the list with it.
            match &mut peer.role {
                Role::Server(server) => drop(server.take()),
                Role::Relay(servers) => servers.clear(),
                Role::Client(client) => drop(client.take()),
            }
        }
        calm::tick(&runtime, &feeds);
        for peer in &mut peers {
            if let Role::Client(Some(client)) = &mut peer.role {
                client.follow();
            }
        }
    }
    drop(peers);
    assert!(registry.is_empty());
});

impl Peer {
    /// None when the protocol is broken.
    fn hear(&mut self, piece: &[u8], registry: &Arc<Registry>, feeds: &Feeds) -> Option<()> {
        self.deframer.push(piece);
        loop {
            let max = match &self.role {
                Role::Server(None) | Role::Client(_) => MAX_FIRST_BYTES,
                _ => MAX_BYTES,
            };
            let Some(message) = self.deframer.next(max).ok()? else {
                return Some(());
            };
            assert!(message.len() <= max);
            self.role.hear(&message, registry, feeds)?;
        }
    }
}

impl Role {
    fn hear(&mut self, message: &[u8], registry: &Arc<Registry>, feeds: &Feeds) -> Option<()> {
        match self {
            Self::Server(server) => match (decode(message).ok()?, &server) {
                (FromServer::Hello(hello), None) => {
                    let game = Game::new(hello.game).ok()?;
                    let address = ([192, 0, 2, 1], hello.port.unwrap_or(1)).into();
                    // Both have one identity, so that they take each other's place.
                    let identity = hello.port.map(|port| [port as u8; 32].into());
                    *server = Some(registry.register(&game, address, identity).ok()?);
                }
                (FromServer::Heartbeat(heartbeat), Some(server)) => {
                    server.heartbeat(Bytes::copy_from_slice(heartbeat));
                }
                _ => return None,
            },
            Self::Relay(servers) => match decode(message).ok()? {
                FromRelay::Upsert(upsert) => {
                    let game = Game::new(upsert.game).ok()?;
                    let same = servers
                        .get(&upsert.key)
                        .is_some_and(|(known, _)| *known == game);
                    if !same {
                        let server = registry.register(&game, upsert.address, None).ok()?;
                        servers.insert(upsert.key, (game, server));
                    }
                    let (_, server) = &servers[&upsert.key];
                    server.move_to(upsert.address);
                    server.heartbeat(Bytes::copy_from_slice(upsert.heartbeat));
                }
                FromRelay::Remove(key) => drop(servers.remove(&key)),
            },
            Self::Client(client) => {
                let subscribe: Subscribe<'_> = decode(message).ok()?;
                let game = subscribe.game.map(Game::new).transpose().ok()?;
                let feed = feeds.of(game.as_ref());
                // A list that it never had it cannot follow either.
                let known = subscribe.known.filter(|known| known.epoch != feed.epoch());
                *client = Some(Client {
                    subscription: feed.subscribe(known),
                    feed,
                    compression: subscribe.compression,
                    revision: None,
                    heartbeats: BTreeMap::new(),
                });
            }
        }
        Some(())
    }
}

impl Client {
    fn follow(&mut self) {
        if let Some(frame) = self.subscription.next().now_or_never() {
            let bytes = frame.bytes(self.compression);
            let list = ListMessage::decode(&bytes[PREFIX_BYTES..], 1 << 20).expect("our own bytes");
            match list.from {
                None => self.heartbeats.clear(),
                from => assert_eq!(from, self.revision),
            }
            self.revision = Some(list.to);
            for number in list.removed {
                self.heartbeats.remove(&number);
            }
            for it in list.placed {
                self.heartbeats
                    .insert(it.number, (it.address, it.heartbeat));
            }
            for it in list.updated {
                let known = self.heartbeats.get_mut(&it.number);
                known.expect("a known server").1 = it.heartbeat;
            }
        }
        let servers = self.feed.servers().into_iter();
        let truth = servers.map(|it| (it.number, (it.placement.address, it.heartbeat)));
        assert_eq!(self.heartbeats, truth.collect());
    }
}
