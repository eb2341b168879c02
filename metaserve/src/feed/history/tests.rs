use super::*;
use crate::{
    Game,
    list::{By, Claims, MemberRun, Origin, Placement},
};
use proptest::prelude::*;
use std::{collections::BTreeMap, sync::Arc};

fn server_at(number: u64, port: u16, heartbeat: &str) -> Server {
    let placement = Placement {
        game: Game::default(),
        address: ([192, 0, 2, 1], port).into(),
        second_address: None,
        identity: None,
        by: By::Quic,
        claims: Claims::default(),
    };
    Server {
        number,
        placement: Arc::new(placement),
        heartbeat: heartbeat.to_owned().into(),
        updated: std::time::UNIX_EPOCH,
        origin: Origin::Here,
    }
}

fn listed(number: u64, heartbeat: &str) -> (u64, Change) {
    (number, Change::Listed(server_at(number, 1, heartbeat)))
}

/// A history whose revisions are counted from its beginning.
struct Ticks {
    history: History,
    clock: u64,
}

impl Ticks {
    fn new() -> Self {
        Self {
            history: History::new(Readers::Clients, Revision(0)),
            clock: 0,
        }
    }

    fn tick(&mut self, changes: impl IntoIterator<Item = (u64, Change)>) -> Revision {
        let clock = &mut self.clock;
        self.history.apply(changes, HashSet::new(), || {
            *clock += 1;
            Revision(*clock)
        });
        self.history.revision()
    }
}

fn numbers(servers: &[Server]) -> Vec<u64> {
    servers.iter().map(|server| server.number).collect()
}

#[test]
fn a_late_client_is_told_the_last_of_several_changes() {
    let mut ticks = Ticks::new();
    ticks.tick((1..=100).map(|number| listed(number, "a rather long heartbeat")));
    let left = ticks.history.revision();
    ticks.tick([listed(1, "one"), listed(2, "two")]);
    ticks.tick([listed(1, "uno"), (3, Change::Gone), listed(101, "new")]);
    ticks.tick([(2, Change::Gone)]);
    let delta = ticks.history.since(left).unwrap();
    assert_eq!(delta.removed, [3, 2]);
    assert_eq!(numbers(&delta.placed), [101]);
    assert_eq!(numbers(&delta.updated), [1]);
    assert_eq!(delta.updated[0].heartbeat, "uno");
}

#[test]
fn a_moved_server_is_told_whole() {
    let mut ticks = Ticks::new();
    ticks.tick((1..=10).map(|number| listed(number, "same")));
    let left = ticks.history.revision();
    ticks.tick([(1, Change::Listed(server_at(1, 2, "same")))]);
    ticks.tick([(1, Change::Listed(server_at(1, 2, "other")))]);
    let delta = ticks.history.since(left).unwrap();
    assert_eq!(
        (numbers(&delta.placed), numbers(&delta.updated)),
        (vec![1], vec![])
    );
}

#[test]
fn a_server_that_came_and_went_between_two_ticks_is_never_shown() {
    let mut ticks = Ticks::new();
    let before = ticks.tick([listed(1, "stays")]);
    assert_eq!(ticks.tick([(2, Change::Gone)]), before);
}

#[test]
fn a_change_undone_between_two_ticks_is_no_change() {
    let mut ticks = Ticks::new();
    let before = ticks.tick([listed(1, "same")]);
    let later = Server {
        updated: std::time::UNIX_EPOCH + std::time::Duration::from_secs(1),
        ..server_at(1, 1, "same")
    };
    assert_eq!(ticks.tick([(1, Change::Listed(later))]), before);
}

/// HTTP says whether its member is heard.
#[test]
fn a_server_that_comes_to_another_member_as_it_was_is_known_to_be_there_without_a_change() {
    let mut ticks = Ticks::new();
    let before = ticks.tick([listed(1, "same")]);
    let origin = Origin::Member(Arc::new(MemberRun {
        name: "a".into(),
        run: 1,
    }));
    let moved = Server {
        origin: origin.clone(),
        ..server_at(1, 1, "same")
    };
    assert_eq!(ticks.tick([(1, Change::Listed(moved))]), before);
    let servers = ticks.history.servers();
    let origins: Vec<_> = servers.map(|it| it.origin.clone()).collect();
    assert_eq!(origins, [origin]);
}

#[test]
fn a_snapshot_is_given_where_it_is_shorter() {
    let mut ticks = Ticks::new();
    let left = ticks.tick([listed(1, &"long ".repeat(100)), listed(2, "short")]);
    ticks.tick([(1, Change::Gone)]);
    assert!(ticks.history.since(left).is_some());
    ticks.tick((3..=50).map(|number| listed(number, "gone soon")));
    ticks.tick((3..=50).map(|number| (number, Change::Gone)));
    assert_eq!(
        ticks.history.since(left),
        None,
        "48 removals against one short server"
    );
}

/// The last server of a member left the lists of the others only after they had asked.
#[test]
fn members_are_told_what_has_changed_although_a_snapshot_is_shorter() {
    let mut ticks = Ticks::new();
    ticks.history = History::new(Readers::Members, Revision(0));
    let before = ticks.tick([listed(1, "a")]);
    let after = ticks.tick([(1, Change::Gone)]);
    let delta = ticks.history.since(before).unwrap();
    assert_eq!((delta.from, delta.to), (before, after));
    assert_eq!(delta.removed, [1]);
}

#[test]
fn a_delta_is_given_as_long_as_it_is_no_longer_than_the_list() {
    let mut ticks = Ticks::new();
    let long = "x".repeat(100);
    ticks.tick([listed(1, &long)]);
    let all = ticks.history.since(Revision(0));
    assert_eq!(all.map(|delta| numbers(&delta.placed)), Some(vec![1]));
    let left = ticks.tick([listed(2, &long)]);
    ticks.tick([listed(1, &"y".repeat(100))]);
    let changed = ticks.history.since(left);
    assert_eq!(changed.map(|delta| numbers(&delta.updated)), Some(vec![1]));
}

#[test]
fn the_horizon_is_met_exactly() {
    let mut ticks = Ticks::new();
    ticks.tick([listed(1, &"x".repeat(1_000_000)), listed(2, "small")]);
    let exactly = FEW_EVENTS as u64;
    for round in 0..exactly {
        ticks.tick([listed(2, &round.to_string())]);
    }
    // Kept are the last FEW_EVENTS events; the one before them is the horizon.
    let oldest = ticks.clock - exactly;
    assert!(ticks.history.since(Revision(oldest)).is_some());
    assert_eq!(ticks.history.since(Revision(oldest - 1)), None);
    assert_eq!(
        ticks.history.since(Revision(ticks.clock + 1)),
        None,
        "from the future"
    );
}

#[test]
fn of_a_long_list_twice_as_many_events_as_servers_are_remembered() {
    let mut ticks = Ticks::new();
    let servers = FEW_EVENTS as u64;
    for round in ["first", "second", "third", "fourth"] {
        ticks.tick((0..servers).map(|number| listed(number, round)));
    }
    assert_eq!(ticks.history.horizon, Revision(ticks.clock - 2 * servers));
}

/// What a client makes of deltas and snapshots, to compare with the truth.
fn follow(view: &mut BTreeMap<u64, Server>, delta: Delta) {
    for number in delta.removed {
        view.remove(&number);
    }
    for server in delta.placed {
        view.insert(server.number, server);
    }
    for server in delta.updated {
        let known = view
            .get_mut(&server.number)
            .expect("only known servers are updated");
        assert_eq!(
            known.placement, server.placement,
            "an update does not move a server"
        );
        known.heartbeat = server.heartbeat;
    }
}

proptest! {
    /// Clients that look after every tick, seldom, and at random all come to the same list.
    #[test]
    fn every_follower_sees_the_truth(
        script in proptest::collection::vec(
            (proptest::collection::vec((0..20_u64, 0..4_u8), 0..8), proptest::bool::ANY),
            1..60,
        ),
    ) {
        let mut ticks = Ticks::new();
        let mut truth = BTreeMap::new();
        let mut eager = (Revision(0), BTreeMap::new());
        let mut lazy = eager.clone();
        let mut fresh = 1000;
        for (changes, lazy_looks) in script {
            let mut pending = HashMap::new();
            for (number, what) in changes {
                // Numbers are never given out twice, so a server that is gone comes back as
                // another.
                let known = truth.contains_key(&number);
                match what {
                    0 => {
                        truth.remove(&number);
                        pending.insert(number, Change::Gone);
                    }
                    _ => {
                        let number = if known { number } else { fresh += 1; fresh };
                        let server = server_at(number, u16::from(what), &format!("{what}"));
                        truth.insert(number, server.clone());
                        pending.insert(number, Change::Listed(server));
                    }
                }
            }
            ticks.tick(pending);
            let mut followers = vec![&mut eager];
            if lazy_looks {
                followers.push(&mut lazy);
            }
            for (cursor, view) in followers {
                match ticks.history.since(*cursor) {
                    Some(delta) => follow(view, delta),
                    None => {
                        let all = ticks.history.servers().map(|server| (server.number, server.clone()));
                        *view = all.collect();
                    }
                }
                *cursor = ticks.history.revision();
                prop_assert_eq!(&*view, &truth);
            }
        }
    }
}
