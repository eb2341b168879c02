//! Zones that sleep are woken when something is due there, without anybody who asks for them.

use crate::common::{Realm, zone};
use realm::{log::Log, object::Millis, zone::Settings};
use std::time::Duration;

const GARDEN: &str = "solo/garden/ann";
const LATER: &str = "solo/garden/bob";

fn sleepy() -> Settings {
    Settings {
        idle: Duration::ZERO,
        ..Settings::default()
    }
}

/// A zone that sleeps and wants to be woken then.
async fn asleep(realm: &Realm, id: &str, wake: Millis) {
    realm.ask(id).await.unwrap();
    realm.held(id, |it| it.is_none()).await;
    let mut commit = realm.next_commit(id).await;
    commit.wake = Some(wake);
    realm.log.commit(&zone(id), &commit).await.unwrap();
}

#[tokio::test]
async fn a_sleeping_zone_is_woken_when_it_is_due_and_not_before() {
    let realm = Realm::start();
    let _host = realm.host_with("host", sleepy()).await;
    asleep(&realm, LATER, Millis::MAX / 2).await;
    asleep(&realm, GARDEN, 1).await;
    let _scheduler = realm.scheduler("scheduler");
    realm.held(GARDEN, |it| it.is_some()).await;
    let later = realm.names.resolve(zone(LATER).key()).await.unwrap();
    assert_eq!(later, None);
}

#[tokio::test]
async fn the_spare_wakes_zones_when_the_scheduler_is_gone() {
    let realm = Realm::start();
    let _host = realm.host_with("host", sleepy()).await;
    asleep(&realm, GARDEN, Millis::MAX / 2).await;
    asleep(&realm, LATER, 1).await;
    let first = realm.scheduler("first");
    realm.held(LATER, |it| it.is_some()).await;
    let _spare = realm.scheduler("spare");
    first.crash().await;
    asleep(&realm, GARDEN, 1).await;
    realm.held(GARDEN, |it| it.is_some()).await;
}
