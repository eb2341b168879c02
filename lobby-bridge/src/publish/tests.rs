use super::*;
use futures::FutureExt;
use std::pin::pin;

fn key(id: u64) -> Key {
    Key {
        protocol: "test",
        id,
    }
}

fn listing(says: &'static str) -> Listing {
    let address = "192.0.2.1:5002".parse().unwrap();
    Listing {
        game: "test".parse().unwrap(),
        address,
        heartbeat: says.as_bytes().into(),
    }
}

/// Returns the changes that are ready: numbers, with the heartbeat or `None` if it is removed.
fn told(changes: &mut (impl Stream<Item = Change> + Unpin)) -> Vec<(u64, Option<Bytes>)> {
    let mut told = Vec::new();
    while let Some(Some(change)) = changes.next().now_or_never() {
        told.push(match change {
            Change::List(listing) => (listing.key, Some(listing.heartbeat)),
            Change::Unlist(key) => (key, None),
        });
    }
    told
}

#[test]
fn a_late_follower_gets_only_the_newest_state() {
    let listings = Listings::default();
    listings.list(key(1), listing("old"));
    listings.list(key(1), listing("new"));
    listings.list(key(2), listing("gone"));
    listings.unlist(key(2));
    let mut changes = pin!(listings.changes());
    assert_eq!(told(&mut changes), [(1, Some("new".into()))]);
    assert_eq!(told(&mut changes), []);
}

#[test]
fn a_follower_gets_later_changes() {
    let listings = Listings::default();
    listings.list(key(1), listing("one"));
    listings.list(key(2), listing("two"));
    let mut changes = pin!(listings.changes());
    told(&mut changes);
    listings.list(key(1), listing("one"));
    assert_eq!(told(&mut changes), [], "an equal listing is no change");
    listings.unlist(key(1));
    listings.list(key(2), listing("two, later"));
    listings.list(key(3), listing("three"));
    let expected = [
        (1, None),
        (2, Some("two, later".into())),
        (3, Some("three".into())),
    ];
    assert_eq!(told(&mut changes), expected);
}

/// A server that publishes itself, and is in an old list as well, was in the registry twice.
#[test]
fn a_server_that_others_publish_is_not_published_again() {
    let listings = Listings::default();
    listings.list(key(1), listing("at the bridge"));
    let mut changes = pin!(listings.changes());
    assert_eq!(told(&mut changes), [(1, Some("at the bridge".into()))]);
    let (server, again) = (1, 2);
    let place = listing("").place();
    // Two protocols follow the registry, and both see it.
    let (mut one, mut two) = (listings.others(), listings.others());
    one.state(server, vec![place.clone()]);
    two.state(again, vec![place.clone()]);
    assert_eq!(told(&mut changes), [(1, None)]);
    listings.list(key(1), listing("changed"));
    listings.list(key(2), listing("the same by another protocol"));
    assert_eq!((told(&mut changes), listings.now().len()), (vec![], 0));
    assert_eq!(
        listings.counts().values().sum::<usize>(),
        2,
        "old lists show it"
    );
    one.state(server, Vec::new());
    assert_eq!(told(&mut changes), [], "the other one still sees it");
    drop(two);
    let published = [
        (2, Some("changed".into())),
        (3, Some("the same by another protocol".into())),
    ];
    assert_eq!(told(&mut changes), published);
}

#[test]
fn servers_elsewhere_and_of_other_games_hold_nothing_back() {
    let listings = Listings::default();
    listings.list(key(1), listing("one"));
    let (game, address) = listing("").place();
    let places = vec![
        ("other".parse().unwrap(), address),
        (game.clone(), "192.0.2.1:5003".parse().unwrap()),
        (game, "192.0.2.2:5002".parse().unwrap()),
    ];
    let mut others = listings.others();
    others.state(1, places);
    assert_eq!(listings.now().len(), 1);
}

#[test]
fn of_two_bridges_one_publishes_a_server() {
    let [low, high] = [[1; 32], [2; 32]].map(Fingerprint::from);
    let record = |bridge: Option<&Fingerprint>| {
        let mut info = ServerInfo::new("a");
        info.legacy = Some(serde_json::json!({}));
        mark(&mut info, bridge);
        info
    };
    for (publisher, ours, expected) in [
        (None, &low, true),
        (Some(&low), &high, true),
        (Some(&high), &low, false),
        (Some(&low), &low, false),
    ] {
        assert_eq!(goes_first(&record(publisher), ours), expected);
    }
}

#[test]
fn the_changes_end_with_the_listings() {
    let listings = Listings::default();
    listings.list(key(1), listing("one"));
    let mut changes = pin!(listings.changes());
    drop(listings);
    assert_eq!(told(&mut changes).len(), 1);
    assert_eq!(changes.next().now_or_never(), Some(None));
}
