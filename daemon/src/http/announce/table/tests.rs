use super::*;
use metaserve::{feed::Feeds, list::By, time::now, tls::secret::Secret};

const SECOND: Duration = Duration::from_secs(1);

/// A table with the registry and the feed that it changes, and the time.
struct World {
    table: Table,
    feeds: Arc<Feeds>,
    secret: Arc<Secret>,
    limits: Limits,
    now: Instant,
}

impl World {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let feeds = Feeds::new();
        let registry = Registry::new(limits.max_games, vec![feeds.clone()]);
        registry.set_rows(
            limits.max_listed_per_prefix,
            metaserve::bounds::Trusted::none(),
        );
        let directory = tempfile::tempdir().unwrap();
        Self {
            table: Table::new(registry),
            feeds,
            secret: Secret::load_or_create(directory.path()).unwrap(),
            limits,
            now: now(),
        }
    }

    /// An announcement with this secret, at this address.
    fn put_of(&self, secret: &str, address: &str, words: &str) -> Put {
        let (game, address) = (Game::default(), address.parse::<SocketAddr>().unwrap());
        Put {
            announcer: self.secret.announcer(secret.as_bytes()),
            identity: self
                .secret
                .announced(secret.as_bytes(), &game, address.port()),
            game,
            address,
            ttl: SECOND * 60,
            heartbeat: Bytes::from(words.to_owned()),
        }
    }

    fn put(&mut self, secret: &str, address: &str, words: &str) -> Result<Outcome, Refusal> {
        let put = self.put_of(secret, address, words);
        self.state(&put)
    }

    fn state(&mut self, put: &Put) -> Result<Outcome, Refusal> {
        let stated = self.table.put(put, &self.limits, self.now);
        stated.map(|(outcome, _)| outcome)
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.table.sweep(self.now);
    }

    /// The addresses and heartbeats in the list, in order.
    fn shown(&self) -> Vec<String> {
        let feed = self.feeds.of(None);
        assert!(self.feeds.settle());
        let servers = feed.servers_in_order(None, usize::MAX);
        let show = servers.iter().map(|(_, server)| {
            let placement = &server.placement;
            assert_eq!(placement.by, By::Http);
            let second = placement.second_address;
            let second = second.map(|it| format!("+{it}")).unwrap_or_default();
            let words = String::from_utf8_lossy(&server.heartbeat);
            format!("{}{second} {words}", placement.address)
        });
        let mut shown: Vec<_> = show.collect();
        shown.sort();
        shown
    }
}

const V4: &str = "192.0.2.1:7777";
const V6: &str = "[2001:db8::1]:7777";

#[test]
fn a_server_is_listed_and_kept_until_its_ttl_is_over_to_the_second() {
    let mut world = World::new();
    assert_eq!(world.put("a", V4, "hi"), Ok(Outcome::Listed));
    world.pass(SECOND * 59);
    assert_eq!(world.shown(), ["192.0.2.1:7777 hi"]);
    assert_eq!(world.put("a", V4, "hi"), Ok(Outcome::Kept));
    world.pass(SECOND * 59);
    assert_eq!(world.shown(), ["192.0.2.1:7777 hi"]);
    world.pass(SECOND);
    assert!(world.shown().is_empty());
    assert_eq!((world.table.len(), world.table.places.len()), (0, 0));
    assert_eq!(world.put("a", V4, "hi"), Ok(Outcome::Listed));
}

#[test]
fn each_announcement_says_how_long_it_is_good_for() {
    let mut world = World::new();
    let mut put = world.put_of("a", V4, "hi");
    put.ttl = SECOND * 300;
    world.state(&put).unwrap();
    world.pass(SECOND * 299);
    assert_eq!(world.table.len(), 1);
    put.ttl = SECOND * 15;
    world.state(&put).unwrap();
    world.pass(SECOND * 15);
    assert_eq!(world.table.len(), 0);
}

#[test]
fn both_families_are_one_entry_and_each_has_its_own_ttl() {
    let mut world = World::new();
    assert_eq!(world.put("a", V4, "hi"), Ok(Outcome::Listed));
    world.pass(SECOND * 30);
    assert_eq!(world.put("a", V6, "hi"), Ok(Outcome::Kept));
    assert_eq!(world.table.len(), 1);
    assert_eq!(world.shown(), ["192.0.2.1:7777+[2001:db8::1]:7777 hi"]);
    world.pass(SECOND * 30);
    assert_eq!(world.shown(), ["[2001:db8::1]:7777 hi"]);
    world.pass(SECOND * 30);
    assert!(world.shown().is_empty());
}

#[test]
fn another_secret_cannot_have_the_address_before_the_ttl_is_over() {
    let mut world = World::new();
    world.put("a", V4, "mine").unwrap();
    world.pass(SECOND * 20);
    let refusal = world.put("b", V4, "yours").unwrap_err();
    assert_eq!(refusal.outcome, Outcome::Taken);
    assert_eq!(refusal.problem.retry_after, Some(SECOND * 40));
    // Not with another game either: there is one game at a port.
    let mut other = world.put_of("b", V4, "yours");
    other.game = Game::new("chess").unwrap();
    assert_eq!(world.state(&other).unwrap_err().outcome, Outcome::Taken);
    assert_eq!(world.shown(), ["192.0.2.1:7777 mine"]);
    world.pass(SECOND * 40);
    assert_eq!(world.put("b", V4, "yours"), Ok(Outcome::Listed));
    assert_eq!(world.shown(), ["192.0.2.1:7777 yours"]);
}

#[test]
fn only_its_own_secret_takes_a_server_off() {
    let mut world = World::new();
    world.put("a", V4, "hi").unwrap();
    world.put("a", V6, "hi").unwrap();
    let identity = |secret| world.put_of(secret, V4, "").identity;
    let [ours, theirs] = ["a", "b"].map(identity);
    assert!(!world.table.remove(theirs));
    assert_eq!(world.shown().len(), 1);
    assert!(world.table.remove(ours));
    assert!(!world.table.remove(ours));
    assert!(world.shown().is_empty());
    assert!(world.table.places.is_empty());
    assert_eq!(world.put("b", V4, "hi"), Ok(Outcome::Listed));
}

#[test]
fn two_ports_with_one_secret_are_two_entries() {
    let mut world = World::new();
    world.put("a", "192.0.2.1:1", "one").unwrap();
    assert_eq!(world.put("a", "192.0.2.1:2", "two"), Ok(Outcome::Listed));
    assert_eq!(world.shown(), ["192.0.2.1:1 one", "192.0.2.1:2 two"]);
}

#[test]
fn a_server_whose_address_changes_moves_and_frees_the_old_one() {
    let mut world = World::new();
    world.put("a", V4, "hi").unwrap();
    assert_eq!(world.put("a", "192.0.2.9:7777", "hi"), Ok(Outcome::Kept));
    assert_eq!(world.shown(), ["192.0.2.9:7777 hi"]);
    assert_eq!(world.put("b", V4, "ho"), Ok(Outcome::Listed));
}

#[test]
fn a_change_that_comes_too_soon_is_shown_later_and_keeps_the_server_listed() {
    let mut world = World::new();
    world.put("a", V4, "1").unwrap();
    world.pass(SECOND * 59);
    assert_eq!(world.put("a", V4, "2"), Ok(Outcome::Kept));
    for words in ["3", "4"] {
        let refusal = world.put("a", V4, words).unwrap_err();
        assert_eq!(refusal.outcome, Outcome::TooSoon);
        assert_eq!(refusal.problem.retry_after, Some(SECOND * 3 / 4));
    }
    assert_eq!(world.shown(), ["192.0.2.1:7777 2"]);
    world.pass(SECOND);
    assert_eq!(world.shown(), ["192.0.2.1:7777 4"], "the newest counts");
    // Its TTL was renewed.
    world.pass(SECOND * 58);
    assert_eq!(world.shown().len(), 1);
    world.pass(SECOND);
    assert!(world.shown().is_empty());
}

#[test]
fn equal_bytes_change_nothing_however_often_they_come() {
    let mut world = World::new();
    world.put("a", V4, "hi").unwrap();
    world.shown();
    let revision = world.feeds.of(None).revision();
    for _ in 0..10 {
        assert_eq!(world.put("a", V4, "hi"), Ok(Outcome::Kept));
    }
    world.pass(SECOND);
    world.shown();
    assert_eq!(world.feeds.of(None).revision(), revision);
}

#[test]
fn a_server_beyond_the_rows_of_its_prefix_holds_nothing() {
    let mut limits = Limits::default();
    limits.max_listed_per_prefix = 2;
    let mut world = World::with(limits);
    world.put("a", "192.0.2.1:1", "").unwrap();
    world.put("a", "192.0.2.1:2", "").unwrap();
    let refusal = world.put("a", "192.0.2.1:3", "").unwrap_err();
    assert_eq!(refusal.outcome, Outcome::Rows);
    assert!(refusal.problem.reason.contains("192.0.2.1"), "{refusal}");
    assert!(refusal.problem.retry_after.is_some());
    assert_eq!((world.table.len(), world.table.places.len()), (2, 2));
    assert_eq!(world.table.registry.len(), 2, "no registration is held");
    assert_eq!(world.table.registry.waiting(), 0);
    let first = world.put_of("a", "192.0.2.1:1", "").identity;
    world.table.remove(first);
    assert_eq!(world.put("a", "192.0.2.1:3", ""), Ok(Outcome::Listed));
}

#[test]
fn there_are_not_more_servers_or_games_than_allowed() {
    let mut limits = Limits::default();
    (limits.max_announced, limits.max_games) = (2, 1);
    let mut world = World::with(limits);
    world.put("a", "192.0.2.1:1", "").unwrap();
    let mut other = world.put_of("a", "192.0.2.1:2", "");
    other.game = Game::new("chess").unwrap();
    let refusal = world.state(&other).unwrap_err();
    assert_eq!(refusal.outcome, Outcome::Games);
    assert_eq!((world.table.len(), world.table.places.len()), (1, 1));
    world.put("a", "192.0.2.1:2", "").unwrap();
    let refusal = world.put("a", "192.0.2.1:3", "").unwrap_err();
    assert_eq!(refusal.outcome, Outcome::Full);
    assert_eq!(world.put("a", "192.0.2.1:2", ""), Ok(Outcome::Kept));
}

#[test]
fn servers_at_an_address_are_taken_off_together() {
    let mut world = World::new();
    world.put("a", V4, "hi").unwrap();
    world.put("a", V6, "hi").unwrap();
    world.put("b", "192.0.2.2:7777", "ho").unwrap();
    let ours = V4.parse::<SocketAddr>().unwrap();
    assert_eq!(world.table.take_off(|it| it == ours.ip()), [ours]);
    assert_eq!(
        world.shown(),
        ["192.0.2.2:7777 ho", "[2001:db8::1]:7777 hi"]
    );
}

/// A world where each address may list one server, and the address in `V4` lists another one.
fn crowded() -> World {
    let mut limits = Limits::default();
    limits.max_listed_per_prefix = 1;
    let mut world = World::with(limits);
    world.put("a", V6, "hi").unwrap();
    world.put("b", "192.0.2.1:1", "ho").unwrap();
    world
}

/// The server left the list, because its other family had no row.
#[test]
fn an_address_without_a_row_takes_nothing_from_the_other_family() {
    let mut world = crowded();
    let before = world.shown();
    let revision = world.feeds.of(None).revision();
    // A third server waits for the row of the second address, and does not get it.
    let game = Game::default();
    let at = "[2001:db8::1]:1".parse().unwrap();
    let waiting = world.table.registry.register(&game, at, None).unwrap();
    waiting.heartbeat("wait".into());
    for words in ["hi", "changed", "changed again"] {
        let refusal = world.put("a", V4, words).unwrap_err();
        assert_eq!(refusal.outcome, Outcome::Rows, "{words}");
    }
    assert_eq!(world.shown(), before);
    assert_eq!(
        world.feeds.of(None).revision(),
        revision,
        "nothing was sent"
    );
    assert_eq!(world.put("a", V6, "hi"), Ok(Outcome::Kept));
    world.pass(SECOND * 59);
    assert_eq!(world.put("a", V6, "changed"), Ok(Outcome::Kept));
    drop(waiting);
}

#[test]
fn a_server_that_moves_to_an_address_without_a_row_stays_where_it_is() {
    let mut world = crowded();
    world.put("a", "192.0.2.9:7777", "hi").unwrap();
    let before = world.shown();
    assert_eq!(world.put("a", V4, "hi").unwrap_err().outcome, Outcome::Rows);
    assert_eq!(world.shown(), before);
    let ours = world.put_of("a", V4, "").identity;
    assert!(world.table.remove(ours));
    assert_eq!(world.shown(), ["192.0.2.1:1 ho"]);
    assert_eq!((world.table.len(), world.table.places.len()), (1, 1));
}

/// Any announcements of a few secrets, from a few addresses, among servers that wait for rows.
#[test]
fn no_refused_announcement_changes_what_is_listed() {
    for seed in 0..50 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut limits = Limits::default();
        limits.max_listed_per_prefix = random.usize(1..3);
        limits.max_announced = 5;
        let mut world = World::with(limits);
        let mut others = Vec::new();
        let mut refused = 0;
        for step in 0..100 {
            let host = random.u8(1..4);
            let address = match random.bool() {
                true => format!("192.0.2.{host}:{}", random.u16(1..4)),
                false => format!("[2001:db8:0:{host}::1]:{}", random.u16(1..4)),
            };
            if random.u8(..10) == 0 {
                let (game, address) = (Game::default(), address.parse().unwrap());
                let other = world.table.registry.register(&game, address, None).unwrap();
                others.push(other);
            }
            let mut put = world.put_of(random.choice(["a", "b"]).unwrap(), &address, "");
            put.ttl = SECOND * random.u32(15..60);
            put.heartbeat = random.u8(..4).to_string().into();
            let before = world.shown();
            match world.state(&put) {
                Ok(_) => assert!(
                    world.shown().iter().any(|it| it.contains(&address)),
                    "{seed} {step}: {address} was accepted"
                ),
                Err(refusal) => {
                    refused += 1;
                    // A second family may have come with a change that is shown later.
                    if refusal.outcome != Outcome::TooSoon {
                        assert_eq!(world.shown(), before, "{seed} {step}: {refusal}");
                    }
                }
            }
            world.pass(SECOND * random.u32(..3));
        }
        assert!(refused > 0, "{seed}");
    }
}
