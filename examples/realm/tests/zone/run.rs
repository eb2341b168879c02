//! Whatever happens to the owner of a zone, each command is done once and in order.

use crate::common::{Realm, patiently, zone};
use metaserve_client::names::Entry;
use realm::{log::Log, roles::Owner, testing::FaultyLog};

const MEADOW: &str = "shared/meadow";

fn numbers(to: u64) -> Vec<String> {
    (1..=to).map(|it| it.to_string()).collect()
}

/// Those words that are numbers: what players say in these tests.
fn said(heard: Vec<String>) -> Vec<String> {
    let is_number = |it: &String| it.parse::<u64>().is_ok();
    heard.into_iter().filter(is_number).collect()
}

#[tokio::test]
async fn a_host_that_dies_in_the_middle_of_a_batch_loses_nothing_and_does_nothing_twice() {
    let realm = Realm::start();
    let log = FaultyLog::over(realm.log.clone());
    let first = realm.host_on("first", log.clone()).await;
    let ann = realm.enter("Ann", MEADOW).await;
    let epoch = realm.ask(MEADOW).await.unwrap().epoch;
    for seq in 1..=50 {
        ann.says(seq).await;
    }
    realm.hear(MEADOW, 0, "50").await;
    log.hold_commits(true);
    for seq in 51..=100 {
        ann.says(seq).await;
    }
    patiently("a batch that is not committed", log.holds_a_commit()).await;
    let _second = realm.host("second").await;
    first.crash().await;
    for seq in 101..=150 {
        ann.says(seq).await;
    }
    realm.gone(MEADOW, epoch).await;
    assert_eq!(realm.owner(MEADOW).await.host, "second");
    assert_eq!(said(realm.hear(MEADOW, 0, "150").await), numbers(150));
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_done_once() {
    let realm = Realm::start();
    let log = FaultyLog::over(realm.log.clone());
    let _host = realm.host_on("host", log.clone()).await;
    let ann = realm.enter("Ann", MEADOW).await;
    realm.ask(MEADOW).await.unwrap();
    for seq in 1..=20 {
        log.lose_answers(1);
        ann.says(seq).await;
        realm.hear(MEADOW, 0, &seq.to_string()).await;
    }
    assert_eq!(said(realm.hear(MEADOW, 0, "20").await), numbers(20));
}

/// The owner is frozen between its work and its commit. When it goes on, another one has committed.
#[tokio::test]
async fn a_frozen_owner_that_goes_on_is_refused() {
    let realm = Realm::start();
    let log = FaultyLog::over(realm.log.clone());
    let host = realm.host_on("frozen", log.clone()).await;
    let ann = realm.enter("Ann", MEADOW).await;
    let epoch = realm.ask(MEADOW).await.unwrap().epoch;
    ann.says(1).await;
    realm.hear(MEADOW, 0, "1").await;
    log.hold_commits(true);
    ann.says(2).await;
    patiently("a batch that is not committed", log.holds_a_commit()).await;
    realm.log.take(&zone(MEADOW), epoch + 1).await.unwrap();
    let theirs = realm.next_commit(MEADOW).await;
    realm.log.commit(&zone(MEADOW), &theirs).await.unwrap();
    let before = realm.stored(MEADOW).await;
    log.hold_commits(false);
    // It drops its claim.
    realm
        .held(MEADOW, |it| it.is_none_or(|it| it.epoch > epoch))
        .await;
    assert_eq!(log.fenced(), 1);
    assert_eq!(realm.stored(MEADOW).await, before);
    // Whoever comes next does what it has not: it is there still.
    realm.owner(MEADOW).await;
    assert_eq!(said(realm.hear(MEADOW, 0, "2").await), numbers(2));
    host.stop().await.unwrap();
}

#[tokio::test]
async fn a_zone_stands_still_while_the_log_is_away_and_then_goes_on() {
    let realm = Realm::start();
    let log = FaultyLog::over(realm.log.clone());
    let _host = realm.host_on("host", log.clone()).await;
    let ann = realm.enter("Ann", MEADOW).await;
    let epoch = realm.ask(MEADOW).await.unwrap().epoch;
    ann.says(1).await;
    realm.hear(MEADOW, 0, "1").await;
    log.set_away(true);
    for seq in 2..=9 {
        ann.says(seq).await;
    }
    log.set_away(false);
    assert_eq!(said(realm.hear(MEADOW, 0, "9").await), numbers(9));
    assert_eq!(realm.ask(MEADOW).await.unwrap().epoch, epoch);
}

#[tokio::test]
async fn a_drained_host_hands_its_zones_on_and_nothing_is_lost() {
    let realm = Realm::start();
    let mut host = realm.host("host-0").await;
    let ann = realm.enter("Ann", MEADOW).await;
    realm.ask(MEADOW).await.unwrap();
    for round in 1..=4 {
        let name = format!("host-{round}");
        let next = realm.host(&name).await;
        // It is told to stop while commands come in.
        let says = async {
            for seq in 200 * (round - 1) + 1..=200 * round {
                ann.says(seq).await;
                tokio::task::yield_now().await;
            }
        };
        let (stopped, ()) = tokio::join!(host.stop(), says);
        stopped.unwrap();
        // Nobody has asked for the zone: the host that was drained has done so.
        let held = |it: Option<&Entry>| it.is_some_and(|it| is_of(it, &name));
        realm.held(MEADOW, held).await;
        host = next;
    }
    assert_eq!(said(realm.hear(MEADOW, 0, "800").await), numbers(800));
    host.stop().await.unwrap();
}

fn is_of(entry: &Entry, host: &str) -> bool {
    Owner::of(&entry.value).unwrap().host == host
}

/// Two zones of two hosts, and one of the hosts dies.
#[tokio::test]
async fn a_crash_of_one_zone_is_nothing_to_another_one() {
    let realm = Realm::start();
    let first = realm.host("first").await;
    let epoch = realm.ask(MEADOW).await.unwrap().epoch;
    let ann = realm.enter("Ann", MEADOW).await;
    let second = realm.host("second").await;
    // It has more free slots than the first one.
    assert_eq!(realm.owner("shared/cellar").await.host, "second");
    ann.says(1).await;
    realm.hear(MEADOW, 0, "1").await;
    second.crash().await;
    ann.says(2).await;
    assert_eq!(said(realm.hear(MEADOW, 0, "2").await), numbers(2));
    assert_eq!(realm.ask(MEADOW).await.unwrap().epoch, epoch);
    first.stop().await.unwrap();
}
