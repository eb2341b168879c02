//! Members that come back: restarted, stopped for a while, or cut off from each other.

use crate::{
    losses::publish,
    members::{Member, arguments, to_one_of},
};
use metaserve::{Backoff, CloseCode, Identity, Role};
use metaserve_client::Snapshot;
use metaserve_heartbeat::Status;
use metaserve_tests::{Follower, Nats, constant, http::Answer, patiently, words};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

pub(crate) fn identity() -> Identity {
    Identity::load_or_create(tempfile::tempdir().unwrap().path(), &[]).unwrap()
}

/// Row 5: the new run of a member asks the others for the servers of its old one.
#[tokio::test]
async fn a_restarted_member_shows_its_old_servers_before_they_are_back() {
    let nats = Nats::one().await;
    let [a, b] = Member::all(&nats, ["a", "b"]).await;
    // A server that comes back when the test says so.
    let (go, gone) = watch::channel(true);
    let connector = a.daemon.connector(Role::Heartbeat, None);
    let connect = move || {
        let (connector, mut gone) = (connector.clone(), gone.clone());
        async move {
            // The end of the test is as good as its word.
            let _ = gone.wait_for(|go| *go).await;
            connector.connect().await
        }
    };
    let quick = Backoff::new(Duration::from_millis(20), Duration::from_millis(100));
    let (tell, mut statuses) = mpsc::unbounded_channel();
    let server = metaserve_heartbeat::maintain(connect)
        .backoff(quick)
        .on_status(move |status| drop(tell.send(status)));
    let server = tokio::spawn(server.run(constant("rook")));
    let mut others = Follower::new(&b.daemon, None).await;
    others.until_words(&["rook"]).await;
    let watch = b.watch(|list| words(list) == ["rook"]).await;

    go.send_replace(false);
    let killed = a.daemon.kill().await;
    let urls = nats.urls();
    let restarted = killed.restart(&arguments(&urls, "a", &[])).await;
    let mut a = Member::of(restarted).await;
    a.daemon
        .logged("joined the cluster: the list is complete")
        .await;
    let first = Follower::new(&a.daemon, None).await;
    assert_eq!(words(&first.snapshot), ["rook"]);
    assert_eq!(a.stale().await, [true]);
    let here = a.watch(|list| words(list) == ["rook"]).await;

    while let Ok(status) = statuses.try_recv() {
        drop(status);
    }
    go.send_replace(true);
    let back = async { while !matches!(statuses.recv().await.unwrap(), Status::Live { .. }) {} };
    patiently("the server to be back", back).await;
    for member in [&a, &b] {
        member.shows_nothing_stale().await;
    }
    here.saw_only_right_lists().await;
    watch.saw_only_right_lists().await;
    assert!(!server.is_finished());
}

/// Row 11: a member that does not run for a while, such as a virtual machine that is moved.
#[tokio::test]
async fn a_member_that_is_stopped_for_a_while_takes_nothing_off_any_list() {
    let nats = Nats::three().await;
    let [mut a, b, c] = Member::all(&nats, ["a", "b", "c"]).await;
    let mut all = publish(&[&a, &b, &c], 12).await;
    let known = metaserve_heartbeat::maintain(to_one_of(&[&a, &b, &c]).identity(identity()));
    let known = tokio::spawn(known.run(constant("known")));
    all.push("known".to_owned());
    let moving = all.clone();
    // One that knows no other member, so that it has to wait for this one.
    let connector = a.daemon.connector(Role::Heartbeat, None);
    let faithful = metaserve_heartbeat::maintain(move || {
        let connector = connector.clone();
        async move { connector.connect().await }
    });
    let faithful = tokio::spawn(faithful.run(constant("faithful")));
    all.push("faithful".to_owned());
    let expected: Vec<&str> = all.iter().map(String::as_str).collect();
    for member in [&a, &b, &c] {
        let mut follower = Follower::new(&member.daemon, None).await;
        follower.until_words(&expected).await;
    }
    let once = |all: &[String]| {
        let all = all.to_vec();
        move |list: &Snapshot| {
            let words = words(list);
            let times = |word| words.iter().filter(|it| *it == word).count();
            all.iter().all(|word| times(word) == 1)
        }
    };
    let mut watches = Vec::new();
    let mut stopped = Vec::new();
    for other in [&b, &c] {
        watches.push(other.watch(once(&moving)).await);
        stopped.push(other.watch(once(&all)).await);
    }
    a.daemon.signal("STOP").await;
    for other in [&b, &c] {
        other.sees("a", "held").await;
    }
    // Longer than the idle timeout: those that can have come to the others.
    for other in [&b, &c] {
        let one = |answer: &Answer| {
            let page = answer.json();
            let servers = page["servers"].as_array().unwrap().iter();
            servers.filter(|it| it["stale"] == true).count() <= 1
        };
        other.asked("/api/v1/servers?limit=1000", one).await;
    }
    for watch in stopped {
        watch.saw_only_right_lists().await;
    }
    a.daemon.signal("CONT").await;
    for (here, others) in [(&a, ["b", "c"]), (&b, ["a", "c"]), (&c, ["a", "b"])] {
        for other in others {
            here.sees(other, "heard").await;
        }
        let mut follower = Follower::new(&here.daemon, None).await;
        follower.until_words(&expected).await;
        here.shows_nothing_stale().await;
    }
    for watch in watches {
        watch.saw_only_right_lists().await;
    }
    // Nobody was closed for good.
    assert!(!faithful.is_finished() && !known.is_finished());
    let said = a.daemon.said().join("\n");
    assert!(!said.contains("has not come back"), "{said}");
}

/// Row 13: without NATS each member is a list of its own, so both take the same server.
#[tokio::test]
async fn of_one_identity_at_two_members_that_were_cut_off_one_is_closed_once() {
    let mut nats = Nats::one().await;
    let [mut a, mut b] = Member::all(&nats, ["a", "b"]).await;
    nats.kill(0).await;
    for member in [&mut a, &mut b] {
        member.daemon.logged("lost NATS").await;
    }
    let identity = identity();
    let mut servers = Vec::new();
    let mut lists = Vec::new();
    for (member, word) in [(&a, "at a"), (&b, "at b")] {
        let connection = member
            .daemon
            .connect(Role::Heartbeat, Some(&identity))
            .await;
        let server = tokio::spawn(metaserve_heartbeat::run(connection, constant(word)));
        let mut list = Follower::new(&member.daemon, None).await;
        list.until_words(&[word]).await;
        servers.push((word, server));
        lists.push(list);
    }
    let one = [
        a.watch(|list| list.len() == 1).await,
        b.watch(|list| list.len() == 1).await,
    ];
    nats.restart(0).await;
    let ended = async {
        let [(_, first), (_, second)] = &mut servers[..] else {
            unreachable!("there are two");
        };
        tokio::select! {
            ended = first => (1, ended),
            ended = second => (0, ended),
        }
    };
    let (left, ended) = patiently("one of them to be closed", ended).await;
    let error = ended.unwrap().unwrap_err();
    assert_eq!(error.close_code(), Some(CloseCode::Replaced));
    let (word, winner) = &servers[left];
    for list in &mut lists {
        list.until_words(&[word]).await;
    }
    assert!(!winner.is_finished());
    for watch in one {
        watch.saw_only_right_lists().await;
    }
}
