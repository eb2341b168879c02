//! What is lost, and comes back: members, and NATS servers.

use crate::members::{Member, arguments, to_one_of};
use metaserve::Role;
use metaserve_client::Snapshot;
use metaserve_tests::{Follower, Nats, constant, words};

/// The words of servers that publish at one of some members, whichever takes them.
pub(crate) async fn publish(members: &[&Member], count: usize) -> Vec<String> {
    let all: Vec<_> = (0..count).map(|number| format!("{number:02}")).collect();
    for word in &all {
        let publish = metaserve_heartbeat::maintain(to_one_of(members));
        let port = 7_000 + word.parse::<u16>().unwrap();
        tokio::spawn(publish.port(port).run(constant(word.clone())));
    }
    let expected: Vec<_> = all.iter().map(String::as_str).collect();
    for member in members {
        let mut follower = Follower::new(&member.daemon, None).await;
        follower.until_words(&expected).await;
    }
    all
}

fn has_all(all: &[String]) -> impl Fn(&Snapshot) -> bool + Send + Sync + 'static {
    let all = all.to_vec();
    move |list| words(list) == all
}

#[tokio::test]
async fn members_that_are_restarted_in_turn_leave_no_list_incomplete() {
    let nats = Nats::three().await;
    let urls = nats.urls();
    let names = ["a", "b", "c"];
    let mut members: Vec<_> = Member::all(&nats, names).await.into();
    let all = publish(&[&members[0], &members[1], &members[2]], 12).await;
    for (turn, name) in names.into_iter().enumerate() {
        let member = members.remove(turn);
        let mut watches = Vec::new();
        for other in &members {
            watches.push(other.watch(has_all(&all)).await);
        }
        let stopped = member.daemon.stop().await;
        let restarted = stopped.restart(&arguments(&urls, name, &[])).await;
        let restarted = Member::of(restarted).await;
        // Its first list is complete, whichever daemons the servers have come to by then.
        let watch = restarted.watch(has_all(&all)).await;
        for other in &members {
            other.sees(name, "heard").await;
        }
        for watch in watches.into_iter().chain([watch]) {
            watch.saw_only_right_lists().await;
        }
        members.insert(turn, restarted);
    }
}

#[tokio::test]
async fn no_server_of_a_killed_member_leaves_the_lists_of_others_before_it_is_back() {
    let nats = Nats::three().await;
    let [a, b, c] = Member::all(&nats, ["a", "b", "c"]).await;
    let all = publish(&[&a, &b, &c], 12).await;
    let watches = [b.watch(has_all(&all)).await, c.watch(has_all(&all)).await];
    let killed = a.daemon.kill().await;
    for other in [&b, &c] {
        other.sees("a", "held").await;
    }
    // All are back when nothing that is shown is from the lost member.
    for other in [&b, &c] {
        other.shows_nothing_stale().await;
    }
    for watch in watches {
        watch.saw_only_right_lists().await;
    }
    drop(killed);
}

#[tokio::test]
async fn servers_that_died_with_their_member_leave_after_the_hold() {
    let nats = Nats::one().await;
    let a = Member::joined(&nats, "a", &[]).await;
    let b = Member::joined(&nats, "b", &["--cluster-hold", "2s"]).await;
    let c = Member::joined(&nats, "c", &["--cluster-hold", "2s"]).await;
    let connection = a.daemon.connect(Role::Heartbeat, None).await;
    let server = tokio::spawn(metaserve_heartbeat::run(connection, constant("mortal")));
    let mut followers = Vec::new();
    for member in [&b, &c] {
        let mut follower = Follower::new(&member.daemon, None).await;
        follower.until_words(&["mortal"]).await;
        followers.push(follower);
    }
    server.abort();
    drop(a);
    for follower in &mut followers {
        follower.until_words(&[]).await;
    }
}

#[tokio::test]
async fn the_loss_of_one_nats_server_of_three_is_noticed_by_nobody() {
    let mut nats = Nats::three().await;
    let [mut a, mut b, c] = Member::all(&nats, ["a", "b", "c"]).await;
    let all = publish(&[&a, &b, &c], 6).await;
    let watches = [b.watch(has_all(&all)).await, c.watch(has_all(&all)).await];
    let line = |daemon: &mut metaserve_tests::Daemon| daemon.said().join("\n");
    let _ = (line(&mut a.daemon), line(&mut b.daemon));
    for index in 0..3 {
        nats.kill(index).await;
        // A member that used it uses another one. None of the others is missed.
        for member in [&a, &b, &c] {
            member.ready_with(200).await;
        }
        nats.restart(index).await;
    }
    for watch in watches {
        watch.saw_only_right_lists().await;
    }
    let connection = a.daemon.connect(Role::Heartbeat, None).await;
    tokio::spawn(metaserve_heartbeat::run(connection, constant("new")));
    let mut expected: Vec<_> = all.iter().map(String::as_str).collect();
    expected.push("new");
    for member in [&a, &b, &c] {
        let mut follower = Follower::new(&member.daemon, None).await;
        follower.until_words(&expected).await;
    }
    for said in [line(&mut a.daemon), line(&mut b.daemon)] {
        assert!(!said.contains("is lost"), "{said}");
        assert!(!said.contains("is not heard"), "{said}");
    }
}

#[tokio::test]
async fn without_nats_every_list_stands_and_says_what_may_be_old() {
    let mut nats = Nats::three().await;
    let [mut a, mut b, mut c] = Member::all(&nats, ["a", "b", "c"]).await;
    for (member, word) in [(&a, "at a"), (&b, "at b"), (&c, "at c")] {
        let connection = member.daemon.connect(Role::Heartbeat, None).await;
        tokio::spawn(metaserve_heartbeat::run(connection, constant(word)));
    }
    for member in [&a, &b, &c] {
        let mut follower = Follower::new(&member.daemon, None).await;
        follower.until_words(&["at a", "at b", "at c"]).await;
        assert_eq!(member.stale().await, [false; 3]);
    }
    let complete = |list: &Snapshot| {
        let words = words(list);
        ["at a", "at b", "at c"]
            .iter()
            .all(|it| words.iter().any(|word| word == it))
    };
    let watches = [
        a.watch(complete).await,
        b.watch(complete).await,
        c.watch(complete).await,
    ];
    for index in 0..3 {
        nats.kill(index).await;
    }
    for member in [&mut a, &mut b, &mut c] {
        member.daemon.logged("lost NATS").await;
    }
    for (here, others) in [(&a, ["b", "c"]), (&b, ["a", "c"]), (&c, ["a", "b"])] {
        for other in others {
            here.sees(other, "kept").await;
        }
        let stale = here.stale().await;
        assert_eq!(stale.iter().filter(|it| **it).count(), 2, "{stale:?}");
    }
    let ready = a.ready().await;
    let says = "ready\ncluster: {\"heard\": 0, \"held\": 0, \"kept\": 2}\n";
    assert_eq!((ready.status, &ready.body[..]), (200, says.as_bytes()));
    // What happens at a member goes on there.
    let connection = a.daemon.connect(Role::Heartbeat, None).await;
    tokio::spawn(metaserve_heartbeat::run(connection, constant("meanwhile")));
    let all = ["at a", "at b", "at c", "meanwhile"];
    let mut follower = Follower::new(&a.daemon, None).await;
    follower.until_words(&all).await;
    for index in 0..3 {
        nats.restart(index).await;
    }
    for member in [&a, &b, &c] {
        let mut follower = Follower::new(&member.daemon, None).await;
        follower.until_words(&all).await;
    }
    for (here, others) in [(&a, ["b", "c"]), (&b, ["a", "c"]), (&c, ["a", "b"])] {
        for other in others {
            here.sees(other, "heard").await;
        }
        assert_eq!(here.stale().await, [false; 4]);
    }
    for watch in watches {
        watch.saw_only_right_lists().await;
    }
}

#[tokio::test]
async fn without_nats_for_too_long_each_member_shows_its_own_servers_only() {
    let mut nats = Nats::one().await;
    let keep = ["--cluster-keep", "2s"];
    let a = Member::joined(&nats, "a", &keep).await;
    let b = Member::joined(&nats, "b", &keep).await;
    let edge = ["--cluster-role", "edge", "--cluster-keep", "2s"];
    let edge = Member::joined(&nats, "x", &edge).await;
    let mut followers = Vec::new();
    for (member, word) in [(&a, "at a"), (&b, "at b")] {
        let connection = member.daemon.connect(Role::Heartbeat, None).await;
        tokio::spawn(metaserve_heartbeat::run(connection, constant(word)));
    }
    for member in [&a, &b, &edge] {
        let mut follower = Follower::new(&member.daemon, None).await;
        follower.until_words(&["at a", "at b"]).await;
        followers.push(follower);
    }
    edge.ready_with(200).await;
    nats.kill(0).await;
    let left: [&[&str]; 3] = [&["at a"], &["at b"], &[]];
    for (follower, left) in followers.iter_mut().zip(left) {
        follower.until_words(left).await;
    }
    edge.ready_with(503).await;
    nats.restart(0).await;
    for follower in &mut followers {
        follower.until_words(&["at a", "at b"]).await;
    }
    edge.ready_with(200).await;
}
