//! Names: who owns one now.

use crate::DAEMON;
use metaserve::{
    ConnectError, Role,
    names::{Answer, Key},
    protocol::names::FromPeer,
};
use metaserve_tests::{Daemon, RawNames};

/// A daemon with names.
pub(crate) const ON: [&str; 2] = ["--names", "on"];

#[tokio::test]
async fn a_name_has_one_owner_until_it_is_released_or_its_connection_ends() {
    let daemon = Daemon::start(DAEMON, &ON).await;
    let mut first = RawNames::new(&daemon).await;
    let mut second = RawNames::new(&daemon).await;
    let mut watcher = RawNames::new(&daemon).await;
    let one = first.granted(1, "zone/meadow", b"here").await;
    let held = Answer::Held {
        id: 7,
        epoch: one,
        value: "here"[..].into(),
    };
    assert_eq!(second.claim(7, "zone/meadow", b"there").await, held);
    let prefix = "zone/";
    watcher.say(FromPeer::Watch { id: 3, prefix }).await;
    let key = Key::new("zone/meadow").unwrap();
    let up = |epoch, value: &str| Answer::Up {
        id: 3,
        key: key.clone(),
        epoch,
        value: value.to_owned().into(),
    };
    assert_eq!(watcher.next().await, up(one, "here"));
    assert_eq!(watcher.next().await, Answer::Current { id: 3 });

    first
        .say(FromPeer::Update {
            id: 1,
            value: b"elsewhere",
        })
        .await;
    assert_eq!(watcher.next().await, up(one, "elsewhere"));
    first.say(FromPeer::Release { id: 1 }).await;
    let down = Answer::Down {
        id: 3,
        key: key.clone(),
    };
    assert_eq!(watcher.next().await, down);

    let two = second.granted(7, "zone/meadow", b"there").await;
    assert!(two > one);
    assert_eq!(watcher.next().await, up(two, "there"));
    second.connection.close(0_u8.into(), b"");
    assert_eq!(watcher.next().await, down);
    assert!(first.granted(1, "zone/meadow", b"here").await > two);
}

#[tokio::test]
async fn without_names_there_is_no_role_and_no_file() {
    let daemon = Daemon::start(DAEMON, &[]).await;
    let refused = daemon.connector(Role::Names, None).connect().await;
    let error = refused.expect_err("there are no names");
    assert!(matches!(error, ConnectError::NotSpoken { .. }), "{error:?}");
    assert!(!daemon.state_dir().join("names").exists());
}
