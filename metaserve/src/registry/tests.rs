use super::*;
use crate::{
    bounds::Trusted,
    feed::Feeds,
    list::{Change, Server, Sink},
};
use futures::FutureExt;
use std::{ops::Deref, time::Duration};

fn v4(port: u16) -> SocketAddr {
    ([192, 0, 2, 1], port).into()
}

fn v6(port: u16) -> SocketAddr {
    (std::net::Ipv6Addr::LOCALHOST, port).into()
}

fn game(tag: &str) -> Game {
    Game::new(tag).unwrap()
}

const ONE: Option<Fingerprint> = Some(Fingerprint::from_bytes([1; 32]));
const TICK: Duration = Duration::from_millis(20);

/// Fails when the event does not happen, in virtual time.
async fn promptly(event: impl Future<Output = ()>) {
    tokio::time::timeout(TICK, event)
        .await
        .expect("the event must happen at once");
}

/// A registry with its feeds.
struct Told {
    registry: Arc<Registry>,
    feeds: Arc<Feeds>,
}

impl Told {
    fn new(max_games: usize) -> Self {
        let feeds = Feeds::new();
        let registry = Registry::new(max_games, vec![feeds.clone()]);
        Self { registry, feeds }
    }
}

impl Deref for Told {
    type Target = Arc<Registry>;

    fn deref(&self) -> &Arc<Registry> {
        &self.registry
    }
}

/// Records the changes that it is told.
#[derive(Default)]
struct Notes(Mutex<Vec<(String, u64, Option<Bytes>)>>);

struct NotesOfGame(Arc<Notes>, Game);

impl Sinks for Notes {
    fn sink(self: Arc<Self>, game: &Game) -> Arc<dyn Sink> {
        Arc::new(NotesOfGame(self, game.clone()))
    }
}

impl Sink for NotesOfGame {
    fn change(&self, number: u64, change: Change) {
        let heartbeat = match change {
            Change::Listed(server) => Some(server.heartbeat),
            Change::Gone => None,
        };
        self.0
            .0
            .lock()
            .push((self.1.to_string(), number, heartbeat));
    }
}

#[test]
fn all_sinks_are_told_of_every_change_in_order_and_with_its_game() {
    let all = [(); 2].map(|()| Arc::new(Notes::default()));
    let sinks = all.iter().map(|notes| notes.clone() as Arc<dyn Sinks>);
    let registry = Registry::new(10, sinks.collect());
    let [one, two] = ["a", "b"].map(|tag| registry.register(&game(tag), v4(1), None).unwrap());
    one.heartbeat("one".into());
    two.heartbeat("two".into());
    one.heartbeat("again".into());
    one.heartbeat("again".into());
    drop(one);
    let [of_one, of_two] = [1, 2];
    let expected = [
        ("a", of_one, Some("one")),
        ("b", of_two, Some("two")),
        ("a", of_one, Some("again")),
        ("a", of_one, None),
    ];
    let expected =
        expected.map(|(game, number, text)| (game.to_owned(), number, text.map(Bytes::from)));
    for notes in all {
        assert_eq!(*notes.0.lock(), expected);
    }
}

/// The list of a game, including everything that has happened until now.
async fn list(told: &Told, of: Option<&Game>) -> Vec<Server> {
    let _ = tokio::time::timeout(4 * TICK, told.feeds.run(TICK)).await;
    let mut servers = told.feeds.of(of).servers();
    servers.sort_by_key(|server| server.number);
    servers
}

#[tokio::test(start_paused = true)]
async fn a_server_is_listed_from_its_first_heartbeat_until_it_is_dropped() {
    let registry = Told::new(10);
    let server = registry.register(&game("a"), v4(1), None).unwrap();
    assert_eq!(list(&registry, None).await, []);
    assert_eq!(server.heartbeat("hello".into()), Applied::Changed);
    assert_eq!(server.heartbeat("hello".into()), Applied::Unchanged);
    assert_eq!(list(&registry, None).await[0].heartbeat, "hello");
    drop(server);
    assert_eq!(list(&registry, None).await, []);
    assert!(registry.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_server_without_a_row_waits_and_is_listed_when_one_is_free() {
    let registry = Told::new(10);
    registry.set_rows(1, Trusted::none());
    let servers = [1, 2].map(|port| registry.register(&game("a"), v4(port), None).unwrap());
    assert_eq!(servers[0].heartbeat("one".into()), Applied::Changed);
    assert_eq!(servers[1].heartbeat("two".into()), Applied::Waits);
    let waits = servers[1].waits().expect("the server must wait");
    assert_eq!((waits.why.listed, waits.why.position), (1, 1));
    assert_eq!(servers[1].heartbeat("three".into()), Applied::Waits);
    assert_eq!(
        (list(&registry, None).await.len(), registry.waiting()),
        (1, 1)
    );
    let [one, two] = servers;
    assert!(one.waits().is_none());
    assert!(waits.listed().now_or_never().is_none());
    drop(one);
    promptly(waits.listed()).await;
    let servers = list(&registry, None).await;
    assert_eq!(servers.len(), 1);
    assert_eq!(servers[0].heartbeat, "three");
    assert!(two.waits().is_none());
    assert_eq!(two.heartbeat("four".into()), Applied::Changed);
}

#[tokio::test(start_paused = true)]
async fn a_row_moves_with_its_server_and_is_free_for_others() {
    let registry = Told::new(10);
    registry.set_rows(1, Trusted::none());
    let elsewhere: SocketAddr = ([198, 51, 100, 1], 1).into();
    let servers = [v4(1), v4(2), elsewhere]
        .map(|address| registry.register(&game("a"), address, None).unwrap());
    for (server, words) in servers.iter().zip(["one", "two", "three"]) {
        server.heartbeat(words.into());
    }
    let words = async || {
        let mut words: Vec<_> = list(&registry, None).await;
        words.sort_by_key(|server| server.number);
        words.into_iter().map(|it| it.heartbeat).collect::<Vec<_>>()
    };
    assert_eq!(words().await, ["one", "three"]);
    servers[0].move_to(elsewhere);
    assert!(servers[0].waits().is_some());
    assert_eq!(words().await, ["two", "three"]);
    // Back at its old address, it waits only behind the server that has the row.
    servers[0].move_to(v4(1));
    drop(servers.into_iter().nth(1));
    assert_eq!(registry.waiting(), 0);
    assert!(registry.is_empty());
}

#[tokio::test(start_paused = true)]
async fn games_do_not_see_each_other() {
    let registry = Told::new(10);
    let servers = ["a", "b"].map(|tag| registry.register(&game(tag), v4(1), None).unwrap());
    for server in &servers {
        server.heartbeat("hello".into());
    }
    assert_eq!(list(&registry, Some(&game("a"))).await.len(), 1);
    assert_eq!(
        list(&registry, Some(&game("b"))).await[0].placement.game,
        game("b")
    );
    assert_eq!(list(&registry, None).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_quick_restart_replaces_the_ghost() {
    let registry = Told::new(10);
    let ghost = registry.register(&game("a"), v4(1), ONE).unwrap();
    ghost.heartbeat("old".into());
    let number = list(&registry, None).await[0].number;
    let server = registry.register(&game("a"), v4(2), ONE).unwrap();
    promptly(ghost.replaced()).await;
    assert_eq!(ghost.heartbeat("from the grave".into()), Applied::Replaced);
    server.heartbeat("new".into());
    drop(ghost);
    let servers = list(&registry, None).await;
    assert_eq!(servers.len(), 1);
    assert_eq!(
        (servers[0].number, servers[0].placement.address),
        (number, v4(2))
    );
    assert_eq!(servers[0].heartbeat, "new");
}

#[tokio::test(start_paused = true)]
async fn both_address_families_of_one_identity_are_one_server() {
    let registry = Told::new(10);
    let six = registry.register(&game("a"), v6(6), ONE).unwrap();
    six.heartbeat("one".into());
    let four = registry.register(&game("a"), v4(4), ONE).unwrap();
    four.heartbeat("two".into());
    for link in [&six, &four] {
        assert_eq!(
            link.replaced().now_or_never(),
            None,
            "both registrations speak for the server"
        );
    }
    let servers = list(&registry, None).await;
    assert_eq!(servers.len(), 1);
    let placement = &servers[0].placement;
    assert_eq!(
        (placement.address, placement.second_address),
        (v4(4), Some(v6(6)))
    );
    assert_eq!(servers[0].heartbeat, "two");
    drop(four);
    let placement = list(&registry, None).await[0].placement.clone();
    assert_eq!((placement.address, placement.second_address), (v6(6), None));
    drop(six);
    assert_eq!(list(&registry, None).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_moves_to_the_other_address_family_takes_its_place_there() {
    let registry = Told::new(10);
    let four = registry.register(&game("a"), v4(4), ONE).unwrap();
    four.heartbeat("one".into());
    let six = registry.register(&game("a"), v6(6), ONE).unwrap();
    four.move_to(v6(4));
    promptly(six.replaced()).await;
    let placement = list(&registry, None).await[0].placement.clone();
    assert_eq!((placement.address, placement.second_address), (v6(4), None));
    let _again = registry.register(&game("a"), v4(7), ONE).unwrap();
    let placement = list(&registry, None).await[0].placement.clone();
    assert_eq!(
        (placement.address, placement.second_address),
        (v4(7), Some(v6(4)))
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_moves_within_its_address_family_replaces_no_other() {
    let registry = Told::new(10);
    let four = registry.register(&game("a"), v4(4), ONE).unwrap();
    four.heartbeat("one".into());
    let six = registry.register(&game("a"), v6(6), ONE).unwrap();
    six.move_to(v6(9));
    // Moving to its current address changes nothing.
    four.move_to(v4(4));
    let placement = list(&registry, None).await[0].placement.clone();
    assert_eq!(
        (placement.address, placement.second_address),
        (v4(4), Some(v6(9)))
    );
    for link in [&six, &four] {
        assert_eq!(
            link.replaced().now_or_never(),
            None,
            "both registrations speak for the server"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_changes_its_game_leaves_the_old_one() {
    let registry = Told::new(10);
    let old = registry.register(&game("a"), v4(1), ONE).unwrap();
    old.heartbeat("old".into());
    let new = registry.register(&game("b"), v6(1), ONE).unwrap();
    new.heartbeat("new".into());
    promptly(old.replaced()).await;
    drop(old);
    assert_eq!(list(&registry, Some(&game("a"))).await, []);
    assert_eq!(list(&registry, Some(&game("b"))).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn servers_without_identity_stay_separate() {
    let registry = Told::new(10);
    let [one, two] = [1, 1].map(|port| registry.register(&game("a"), v4(port), None).unwrap());
    one.heartbeat("one".into());
    two.heartbeat("two".into());
    assert_eq!(list(&registry, None).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_games_with_servers_count_towards_the_limit() {
    let registry = Told::new(2);
    let _followed = ["x", "y", "z"].map(|tag| registry.feeds.of(Some(&game(tag))));
    let one = registry.register(&game("a"), v4(1), None).unwrap();
    let two = registry.register(&game("b"), v4(1), None).unwrap();
    assert!(registry.register(&game("c"), v4(1), None).is_err());
    drop((one, two));
    list(&registry, None).await;
    assert!(registry.register(&game("c"), v4(1), None).is_ok());
}

#[test]
fn the_limit_on_games_can_be_raised_and_lowered() {
    let registry = Told::new(1);
    let join = |tag| registry.register(&game(tag), v4(1), None);
    let _one = join("a").unwrap();
    assert_eq!(join("b").err(), Some(TooManyGames(1)));
    registry.set_max_games(2);
    let _two = join("b").unwrap();
    registry.set_max_games(1);
    let _again = join("b").unwrap();
    assert_eq!(join("c").err(), Some(TooManyGames(1)));
}

#[test]
fn a_game_counts_until_its_last_server_leaves() {
    let registry = Told::new(1);
    let join = |tag, port| registry.register(&game(tag), v4(port), None);
    let one = join("a", 1).unwrap();
    let two = join("a", 2).unwrap();
    drop(one);
    assert_eq!(join("b", 1).err(), Some(TooManyGames(1)));
    drop(two);
    assert!(join("b", 1).is_ok());
}

#[test]
fn connected_servers_are_counted_whether_listed_or_not() {
    let registry = Told::new(10);
    assert_eq!((registry.len(), registry.is_empty()), (0, true));
    let one = registry.register(&game("a"), v4(1), None).unwrap();
    let _two = registry.register(&game("a"), v4(2), None).unwrap();
    one.heartbeat("listed".into());
    assert_eq!((registry.len(), registry.is_empty()), (2, false));
}

#[tokio::test(start_paused = true)]
async fn revisions_of_a_game_that_comes_back_are_never_repeated() {
    let registry = Told::new(2);
    let server = registry.register(&game("a"), v4(1), None).unwrap();
    server.heartbeat("one".into());
    list(&registry, Some(&game("a"))).await;
    let before = registry.feeds.of(Some(&game("a"))).revision();
    drop(server);
    list(&registry, None).await;
    let feed = registry.feeds.of(Some(&game("a")));
    assert!(
        feed.revision() > before,
        "the removal has a revision of its own"
    );
}

#[tokio::test]
async fn a_registry_that_is_dropped_before_its_tick_leaves_nothing_behind() {
    let registry = Told::new(2);
    let server = registry.register(&game("a"), v4(1), None).unwrap();
    server.heartbeat("one".into());
    let feeds = [None, Some(game("a"))].map(|of| Arc::downgrade(&registry.feeds.of(of.as_ref())));
    drop((server, registry));
    assert!(feeds.iter().all(|feed| feed.strong_count() == 0));
}
