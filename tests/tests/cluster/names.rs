//! Two daemons under one name, by mistake.

use crate::members::Member;
use metaserve::Role;
use metaserve_tests::{Daemon, Follower, Nats, constant, words};

async fn publish(daemon: &Daemon, word: &'static str) {
    let connection = daemon.connect(Role::Heartbeat, None).await;
    tokio::spawn(metaserve_heartbeat::run(connection, constant(word)));
}

/// Row 22.
#[tokio::test]
async fn the_later_one_of_two_members_of_a_name_shares_nothing_until_the_other_has_left() {
    let nats = Nats::one().await;
    let [first, other] = Member::all(&nats, ["a", "b"]).await;
    publish(&first.daemon, "first").await;
    let mut list = Follower::new(&other.daemon, None).await;
    list.until_words(&["first"]).await;

    let mut later = Member::start(&nats, "a", &[]).await;
    publish(&later.daemon, "later").await;
    let line = later.daemon.logged("has the name of this member").await;
    assert!(line.contains("--cluster-member"), "{line}");
    let alone = other
        .watch(|list| !words(list).contains(&"later".to_owned()))
        .await;
    // It follows the others all the same.
    let mut own = Follower::new(&later.daemon, None).await;
    own.until_words(&["first", "later"]).await;
    publish(&first.daemon, "second").await;
    own.until_words(&["first", "later", "second"]).await;
    list.until_words(&["first", "second"]).await;
    other.sees("a", "heard").await;
    alone.saw_only_right_lists().await;

    let killed = first.daemon.stop().await;
    later
        .daemon
        .logged("no other daemon has the name of this member any more")
        .await;
    list.until("its servers", |list| {
        words(list).contains(&"later".to_owned())
    })
    .await;
    drop(killed);
}
