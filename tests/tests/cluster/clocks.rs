//! Machines whose clocks are years apart, and jump.

use crate::{
    DAEMON,
    members::{Member, arguments},
};
use metaserve::Role;
use metaserve_client::Snapshot;
use metaserve_tests::{Daemon, Follower, Nats, words};
use std::{fs, path::Path};
use tokio::sync::mpsc;

/// The library that Debian's faketime preloads into programs.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// Starts a member whose clock is what the file says.
async fn under(clock: &Path, nats: &Nats, name: &str) -> Member {
    let settings = [
        format!("LD_PRELOAD={FAKETIME}"),
        format!("FAKETIME_TIMESTAMP_FILE={}", clock.display()),
        "FAKETIME_NO_CACHE=1".into(),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".into(),
    ];
    let program = ["env"].into_iter();
    let program: Vec<&str> = program.chain(settings.iter().map(String::as_str)).collect();
    let urls = nats.urls();
    let daemon = Daemon::start_under(&program, DAEMON, &arguments(&urls, name, &[])).await;
    Member::of(daemon).await
}

/// Row 23.
#[tokio::test]
async fn clocks_that_are_years_apart_and_jump_are_noticed_by_nobody() {
    let nats = Nats::one().await;
    let directory = tempfile::tempdir().unwrap();
    let clocks = ["a", "b"].map(|name| directory.path().join(name));
    fs::write(&clocks[0], "+4000d").unwrap();
    fs::write(&clocks[1], "-4000d").unwrap();
    let mut a = under(&clocks[0], &nats, "a").await;
    let mut b = under(&clocks[1], &nats, "b").await;
    a.sees("b", "heard").await;
    b.sees("a", "heard").await;
    let mut says = Vec::new();
    for (member, name) in [(&a, "a"), (&b, "b")] {
        let connection = member.daemon.connect(Role::Heartbeat, None).await;
        let (say, mut said) = mpsc::unbounded_channel::<String>();
        let heartbeats = futures::stream::poll_fn(move |context| said.poll_recv(context));
        tokio::spawn(metaserve_heartbeat::run(connection, heartbeats));
        say.send(format!("{name}0")).unwrap();
        says.push((name, say));
    }
    let mut lists = [
        Follower::new(&a.daemon, None).await,
        Follower::new(&b.daemon, None).await,
    ];
    for list in &mut lists {
        list.until_words(&["a0", "b0"]).await;
    }
    let both = |list: &Snapshot| words(list).len() == 2;
    let watches = [a.watch(both).await, b.watch(both).await];
    // Each jumps to where the other was, and further.
    let jumps = [["-4000d", "+4000d"], ["+0", "-8000d"]];
    for (turn, offsets) in jumps.into_iter().enumerate() {
        for (clock, offset) in clocks.iter().zip(offsets) {
            fs::write(clock, offset).unwrap();
        }
        for member in [&mut a, &mut b] {
            member.daemon.signal("HUP").await;
            member.daemon.logged("the configuration was reloaded").await;
        }
        for (name, say) in &says {
            say.send(format!("{name}{}", turn + 1)).unwrap();
        }
        let expected = ["a", "b"].map(|name| format!("{name}{}", turn + 1));
        for list in &mut lists {
            list.until_words(&expected.each_ref().map(String::as_str))
                .await;
        }
    }
    for watch in watches {
        watch.saw_only_right_lists().await;
    }
    for (member, other) in [(&mut a, "b"), (&mut b, "a")] {
        member.sees(other, "heard").await;
        let said = member.daemon.said().join("\n");
        assert!(!said.contains("left or is lost"), "{said}");
    }
}
