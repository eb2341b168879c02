//! Both ends of every session, connected in memory.
//!
//! Game servers and relays talk to the daemon's end of their sessions, which lists them in the
//! real registry, and game clients follow its feeds. All of it runs in virtual time, from a seed,
//! over streams that deliver in order but late, and cut at any place. Connections are lost and
//! made again, clients stop reading, servers come and go. What must hold:
//!
//! * at the end each client's list is what servers and relays have last sent;
//! * no server changes more often than the daemon's interval allows;
//! * every hello is answered with a welcome, every notice arrives, and a server that says goodbye
//!   leaves the list.
#![forbid(unsafe_code)]

mod host;
mod peers;
mod wire;

use bytes::Bytes;
use fastrand::Rng;
use host::{Daemon, Host};
use metaserve::{
    Game, Role,
    protocol::session::{Change, Heartbeats, Listing, Listings, Subscriber, speaker::Event},
    time::{now, sleep_until},
};
use peers::{Following, Speaking};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

/// The number of worlds that are played, unless `METASERVE_SESSIONS` is set.
const WORLDS: u64 = 12;

/// How long random things happen; after that everything settles.
const WILD: Duration = Duration::from_secs(60);
const CALM: Duration = Duration::from_secs(30);

const TICK: Duration = Duration::from_millis(250);

/// The longest time between two checks.
const STEP: Duration = Duration::from_millis(50);
const GAMES: [&str; 2] = ["chess", "go"];
const MAX_SERVERS: usize = 8;

/// How often each thing that the test must cover has happened.
#[derive(Debug, Default)]
struct Seen {
    losses: usize,
    goodbyes: usize,
    reminders: usize,
    refusals: usize,
    resets: usize,
}

struct World {
    daemon: Daemon,
    random: Rng,
    servers: Vec<(Speaking<Heartbeats>, Said)>,
    relay: Speaking<Listings>,
    relayed: BTreeMap<u64, Listed>,
    clients: Vec<(Option<Game>, Following)>,
    /// The daemon's ends of lost connections, until the daemon notices.
    ghosts: Vec<(Instant, Host)>,
    last_port: u16,
    seen: Seen,
}

/// The last message of a game server.
struct Said {
    game: Game,
    port: u16,
    heartbeat: Option<Bytes>,
}

/// A server as a list shows it.
type Listed = (Game, SocketAddr, Bytes);

/// Prints the seed of a world that has failed.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self(seed) = self;
            eprintln!(
                "the world of seed {seed} failed: METASERVE_SESSIONS={seed}.. plays it again"
            );
        }
    }
}

#[test]
fn both_ends_agree_whatever_the_network_does() {
    let wanted = std::env::var("METASERVE_SESSIONS").unwrap_or_default();
    let first = wanted.strip_suffix("..").and_then(|it| it.parse().ok());
    let worlds = first.map_or(wanted.parse().unwrap_or(WORLDS), |_| 1);
    let first = first.unwrap_or(0);
    let mut all = Seen::default();
    for seed in first..first + worlds {
        let printed = Seed(seed);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        let seen = runtime.expect("a runtime").block_on(play(seed));
        drop(printed);
        all.losses += seen.losses;
        all.goodbyes += seen.goodbyes;
        all.reminders += seen.reminders;
        all.refusals += seen.refusals;
        all.resets += seen.resets;
    }
    println!("{all:?}");
    if worlds >= WORLDS {
        let Seen {
            losses,
            goodbyes,
            reminders,
            refusals,
            resets,
        } = all;
        for seen in [losses, goodbyes, reminders, refusals, resets] {
            assert!(seen > 0, "something never happened: {all:?}");
        }
    }
}

async fn play(seed: u64) -> Seen {
    let mut world = World::new(seed);
    let daemon = world.daemon.clone();
    tokio::select! {
        biased;
        () = world.play() => {}
        () = daemon.feeds.run(TICK) => {}
    }
    world.check();
    world.seen
}

impl World {
    fn new(seed: u64) -> Self {
        let now = now();
        let follow = |game: Option<Game>| {
            let session = Subscriber::new(game.clone(), 1 << 20);
            (game, Following::new(session, now))
        };
        let games = GAMES.map(|tag| Game::new(tag).ok());
        Self {
            daemon: Daemon::new(),
            random: Rng::with_seed(seed),
            servers: Vec::new(),
            relay: Speaking::new(Role::Relay, Listings::default(), now),
            relayed: BTreeMap::new(),
            clients: games.into_iter().chain([None, None]).map(follow).collect(),
            ghosts: Vec::new(),
            last_port: 1000,
            seen: Seen::default(),
        }
    }

    async fn play(&mut self) {
        let calm_at = now() + WILD;
        let mut whim_at = now();
        while now() < calm_at + CALM {
            if whim_at <= now() {
                self.whim();
                whim_at = now() + Duration::from_millis(self.random.u64(0..500));
                if whim_at >= calm_at {
                    whim_at += WILD + CALM;
                    self.settle();
                }
            }
            self.act();
            // The registry makes frames and wakes clients.
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            // A client that does not read is always due.
            let due = self.due().unwrap_or(now() + STEP).min(now() + STEP);
            sleep_until(Some(due.max(now() + STEP / 5))).await;
        }
    }

    /// Lets everything do what is due.
    fn act(&mut self) {
        let (now, random, daemon) = (now(), &mut self.random, &self.daemon);
        self.ghosts.retain(|(until, _)| *until > now);
        for (server, _) in &mut self.servers {
            server.act::<Bytes>(daemon, now, random);
        }
        self.relay.act(daemon, now, random);
        for (_, client) in &mut self.clients {
            client.act(daemon, now, random);
        }
        let before = self.servers.len();
        let stays = |server: &Speaking<Heartbeats>| match &server.line.link {
            Some(link) => !link.host.gone,
            None => !server.left,
        };
        self.servers.retain(|(server, _)| stays(server));
        self.seen.goodbyes += before - self.servers.len();
    }

    fn due(&self) -> Option<Instant> {
        let now = now();
        let servers = self
            .servers
            .iter()
            .map(|(it, _)| (&it.line, it.session.due(now)));
        let relay = [(&self.relay.line, self.relay.session.due(now))];
        let clients = self.clients.iter().map(|(_, it)| (&it.line, None));
        let all = servers.chain(relay).chain(clients);
        all.flat_map(|(line, due)| [line.due(now), due])
            .flatten()
            .min()
    }

    /// Makes something random happen.
    fn whim(&mut self) {
        let now = now();
        let number = self.random.usize(..);
        let server = number % self.servers.len().max(1);
        match self.random.u8(0..20) {
            0..=1 if self.servers.len() < MAX_SERVERS => self.open(),
            2..=8 => self.say(server),
            9 => {
                if let Some((server, _)) = self.servers.get_mut(server) {
                    server.say(Event::<Bytes>::Ended, now);
                    server.left |= server.line.link.is_none();
                }
            }
            10..=12 => self.list(),
            13 => {
                let key = self.random.u64(0..5);
                self.relayed.remove(&key);
                self.relay.say(Event::Say(Change::Unlist(key)), now);
            }
            14 => {
                let client = number % self.clients.len();
                let (_, client) = &mut self.clients[client];
                client.stuck_until = now + Duration::from_secs(self.random.u64(0..12));
            }
            15 => {
                let client = number % self.clients.len();
                let host = self.clients[client].1.line.lose(now, &mut self.random);
                self.forget(host);
            }
            16 => {
                let host = self.relay.line.lose(now, &mut self.random);
                self.relay.session.lost();
                self.forget(host);
            }
            17 => {
                if let Some((server, _)) = self.servers.get_mut(server) {
                    let host = server.line.lose(now, &mut self.random);
                    server.session.lost();
                    self.forget(host);
                }
            }
            _ => {}
        }
    }

    fn forget(&mut self, host: Option<Host>) {
        let Some(host) = host else { return };
        self.seen.losses += 1;
        self.seen.resets += host.resets;
        self.count(&host.told);
        let until = now() + Duration::from_millis(self.random.u64(0..3000));
        self.ghosts.push((until, host));
    }

    fn count(&mut self, told: &[String]) {
        let refusals = told
            .iter()
            .filter(|text| text.contains("was refused"))
            .count();
        self.seen.refusals += refusals;
        self.seen.reminders += told.len() - refusals;
    }

    fn open(&mut self) {
        self.last_port += 1;
        let game = Game::new(self.random.choice(GAMES).expect("some")).expect("a tag");
        let words = Heartbeats::new(game.clone(), Some(self.last_port));
        let said = Said {
            game,
            port: self.last_port,
            heartbeat: None,
        };
        let server = Speaking::new(Role::Heartbeat, words, now());
        self.servers.push((server, said));
    }

    /// A game server sends a heartbeat, which may be too long.
    fn say(&mut self, server: usize) {
        let length = self.random.usize(0..110);
        let heartbeat: Bytes = std::iter::repeat_with(|| self.random.u8(..))
            .take(length)
            .collect();
        let Some((server, said)) = self.servers.get_mut(server) else {
            return;
        };
        let welcomed = server.line.link.as_ref().is_some_and(|link| link.welcomed);
        // Before the server knows the limit, it would be closed for that.
        let fits = length <= 100;
        if fits || welcomed {
            server.say(Event::Say(heartbeat.clone()), now());
        }
        if fits {
            said.heartbeat = Some(heartbeat);
        }
    }

    /// The relay lists a server, sometimes at an address that nobody can join.
    fn list(&mut self) {
        let key = self.random.u64(0..5);
        let port = if self.random.u8(0..8) == 0 {
            0
        } else {
            key as u16 + 1
        };
        let listing = Listing {
            key,
            game: Game::new(GAMES[key as usize % 2]).expect("a tag"),
            address: (Ipv4Addr::new(192, 0, 2, self.random.u8(..)), port).into(),
            heartbeat: self.random.u32(..).to_string().into(),
        };
        let Listing {
            game,
            address,
            heartbeat,
            ..
        } = listing.clone();
        self.relayed.insert(key, (game, address, heartbeat));
        self.relay.say(Event::Say(Change::List(listing)), now());
    }

    /// Corrects the servers that nobody could join, before everything settles.
    fn settle(&mut self) {
        for (key, (game, address, heartbeat)) in &mut self.relayed {
            address.set_port(*key as u16 + 1);
            let listing = Listing {
                key: *key,
                game: game.clone(),
                address: *address,
                heartbeat: heartbeat.clone(),
            };
            self.relay.say(Event::Say(Change::List(listing)), now());
        }
    }

    fn check(&mut self) {
        let said = self.servers.iter().filter_map(|(_, said)| {
            let at = (Ipv4Addr::LOCALHOST, said.port).into();
            Some((said.game.clone(), at, said.heartbeat.clone()?))
        });
        let expected: BTreeSet<Listed> = said.chain(self.relayed.values().cloned()).collect();
        for (game, client) in &self.clients {
            let of_game = |(of, ..): &&Listed| game.as_ref().is_none_or(|game| game == of);
            let expected: BTreeSet<Listed> = expected.iter().filter(of_game).cloned().collect();
            let snapshot = client.list.snapshot();
            let shown = snapshot
                .servers()
                .map(|it| (it.game.clone(), it.address, it.heartbeat.clone()));
            assert_eq!(shown.collect::<BTreeSet<_>>(), expected, "{game:?}");
            assert_eq!(snapshot.len(), expected.len(), "a server is listed twice");
        }
        let speaking = self.servers.iter_mut().map(|(server, _)| &mut server.line);
        let clients = self.clients.iter_mut().map(|(_, client)| &mut client.line);
        let lines = speaking.chain([&mut self.relay.line]).chain(clients);
        let links: Vec<_> = lines
            .map(|line| line.link.take().expect("connected"))
            .collect();
        for link in links {
            assert!(link.welcomed);
            assert_eq!(link.host.told, link.heard, "notices");
            self.seen.resets += link.host.resets;
            self.count(&link.heard);
        }
    }
}
