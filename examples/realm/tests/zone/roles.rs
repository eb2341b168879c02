//! A role has one owner, and spares.

use bytes::Bytes;
use futures::poll;
use metaserve_client::names::{Claim, Names};
use realm::{
    roles::{self, Owner},
    testing::Daemon,
};
use std::pin::pin;
use tokio_util::sync::CancellationToken;

fn owner(host: &str) -> Owner {
    let host = host.into();
    Owner {
        host,
        ..Owner::default()
    }
}

async fn hold(names: &Names, host: &str, until: &CancellationToken) -> Option<Claim> {
    let (ticket, owner) = (Bytes::new(), owner(host));
    let held = roles::hold(names, &ticket, "scheduler", &owner, until);
    held.await.unwrap()
}

async fn holder(names: &Names) -> Owner {
    let found = names.resolve(roles::key("scheduler")).await.unwrap();
    Owner::of(&found.unwrap().value).unwrap()
}

#[tokio::test]
async fn the_spare_takes_over_when_the_holder_is_gone() {
    let (daemon, until) = (Daemon::start(), CancellationToken::new());
    let (first, second) = (daemon.names(), daemon.names());
    let held = hold(&first, "first", &until).await.unwrap();
    let mut spare = pin!(hold(&second, "second", &until));
    assert!(poll!(&mut spare).is_pending());
    assert_eq!(holder(&daemon.names()).await, owner("first"));
    assert!(poll!(&mut spare).is_pending());
    drop(held);
    let taken = spare.await.unwrap();
    assert_eq!(holder(&daemon.names()).await, owner("second"));
    taken.release();
}

#[tokio::test]
async fn a_spare_ends_when_it_is_told_to() {
    let (daemon, until) = (Daemon::start(), CancellationToken::new());
    let _held = hold(&daemon.names(), "first", &until).await.unwrap();
    let second = daemon.names();
    let mut spare = pin!(hold(&second, "second", &until));
    assert!(poll!(&mut spare).is_pending());
    until.cancel();
    assert!(spare.await.is_none());
}
