//! Who is granted a name, and who starts one that nobody has.

use crate::DAEMON;
use metaserve::{names::Answer, protocol::names::FromPeer};
use metaserve_tests::{
    Daemon, RawNames,
    names::{claim, start},
};
use std::time::Duration;

const KEY: &str = "zone/meadow";
const MINUTE: Duration = Duration::from_secs(60);

async fn daemon() -> Daemon {
    Daemon::start(DAEMON, &["--names", "on"]).await
}

/// The number of the order that is a host's next answer.
async fn order(host: &mut RawNames) -> u64 {
    match host.next().await {
        Answer::Order { order, key, .. } if key.as_str() == KEY => order,
        other => panic!("{other:?} instead of an order"),
    }
}

async fn epoch_found(asker: &mut RawNames) -> u64 {
    match asker.next().await {
        Answer::Found { epoch, .. } => epoch,
        other => panic!("{other:?} to one who waits"),
    }
}

async fn why_not(asker: &mut RawNames) -> String {
    match asker.next().await {
        Answer::Unavailable { why, .. } => why,
        other => panic!("{other:?} to one who waits"),
    }
}

#[tokio::test]
async fn of_a_hundred_contenders_one_is_granted_the_key() {
    let daemon = daemon().await;
    let mut contenders = Vec::new();
    for _ in 0..100 {
        contenders.push(RawNames::new(&daemon).await);
    }
    let claims = contenders.iter_mut().map(async |peer| {
        peer.say(FromPeer::Claim(claim(1, KEY))).await;
        peer.next().await
    });
    let answers = futures::future::join_all(claims).await;
    let granted: Vec<u64> = answers
        .iter()
        .filter_map(|answer| match answer {
            Answer::Granted { epoch, .. } => Some(*epoch),
            _ => None,
        })
        .collect();
    let [epoch] = granted[..] else {
        panic!("granted {granted:?}");
    };
    let held = |answer: &&Answer| matches!(answer, Answer::Held { epoch: of, .. } if *of == epoch);
    assert_eq!(answers.iter().filter(held).count(), 99);
}

#[tokio::test]
async fn two_hundred_who_ask_for_an_absent_key_cause_one_order() {
    let daemon = daemon().await;
    let mut hosts = [RawNames::new(&daemon).await, RawNames::new(&daemon).await];
    for (host, slots) in hosts.iter_mut().zip([1, 300]) {
        host.offers(1, "zone/", slots).await;
    }
    let [mut other, mut host] = hosts;
    let mut askers = Vec::new();
    for _ in 0..200 {
        let mut asker = RawNames::new(&daemon).await;
        asker.say(start(1, KEY, MINUTE)).await;
        askers.push(asker);
    }
    order(&mut host).await;
    // All have been heard when this is answered.
    for asker in &mut askers {
        assert_eq!(asker.resolves(2, KEY).await, None);
    }
    let held = host.claims(2, KEY).await;
    for asker in &mut askers {
        assert_eq!(epoch_found(asker).await, held.epoch);
    }
    // No second order has come before this answer.
    for host in [&mut host, &mut other] {
        assert_eq!(host.resolves(3, KEY).await, Some(held.epoch));
    }
}

#[tokio::test]
async fn when_a_host_refuses_dies_or_hangs_the_other_one_serves() {
    let daemon = daemon().await;
    for what in ["refuses", "dies", "hangs"] {
        let mut host = RawNames::new(&daemon).await;
        let mut other = RawNames::new(&daemon).await;
        host.offers(1, "zone/", 9).await;
        other.offers(1, "zone/", 2).await;
        let mut asker = RawNames::new(&daemon).await;
        // A third of it is enough for the host that hangs.
        let within = if what == "hangs" {
            Duration::from_secs(2)
        } else {
            MINUTE
        };
        asker.say(start(1, KEY, within)).await;
        let number = order(&mut host).await;
        match what {
            "refuses" => {
                host.say(FromPeer::Refused {
                    order: number,
                    why: "full",
                })
                .await
            }
            "dies" => host.connection.close(0_u32.into(), b""),
            _ => {}
        }
        let another = order(&mut other).await;
        assert_ne!(another, number);
        let held = other.claims(2, KEY).await;
        match asker.next().await {
            Answer::Found { epoch, .. } => assert_eq!(epoch, held.epoch, "{what}"),
            // A busy machine may be too slow for the two seconds; the key is there all the same.
            Answer::Unavailable { .. } if what == "hangs" => {
                assert_eq!(asker.resolves(2, KEY).await, Some(held.epoch));
            }
            other => panic!("{what}: {other:?}"),
        }
        other.say(FromPeer::Release { id: 2 }).await;
        assert_eq!(other.resolves(3, KEY).await, None);
        for host in [host, other] {
            host.connection.close(0_u32.into(), b"");
        }
        // Both are gone when nobody offers the key any more.
        while !why_none(&mut asker).await.contains("no host offers") {}
    }
}

/// Why the key cannot be started now.
async fn why_none(asker: &mut RawNames) -> String {
    asker.say(start(9, KEY, Duration::from_millis(1))).await;
    why_not(asker).await
}

#[tokio::test]
async fn when_no_host_is_left_those_who_wait_are_told_every_reason_in_time() {
    let daemon = daemon().await;
    let mut asker = RawNames::new(&daemon).await;
    asker.say(start(1, KEY, MINUTE)).await;
    assert_eq!(why_not(&mut asker).await, "no host offers to start it");

    let (mut one, mut two) = (RawNames::new(&daemon).await, RawNames::new(&daemon).await);
    one.offers(1, "zone/", 2).await;
    two.offers(1, "", 1).await;
    asker.say(start(2, KEY, MINUTE)).await;
    let number = order(&mut one).await;
    one.say(FromPeer::Refused {
        order: number,
        why: "no memory",
    })
    .await;
    order(&mut two).await;
    two.leaves();
    let why = why_not(&mut asker).await;
    for reason in ["no memory", "has left", "there is no other host"] {
        assert!(why.contains(reason), "{why}");
    }

    // One that is silent costs the time that was given, and no more.
    asker.say(start(3, KEY, Duration::from_millis(500))).await;
    order(&mut one).await;
    let why = why_not(&mut asker).await;
    assert!(why.contains("has not claimed it yet"), "{why}");

    one.say(FromPeer::Drain { id: 1 }).await;
    assert_eq!(one.resolves(2, KEY).await, None);
    asker.say(start(4, "zone/hill", MINUTE)).await;
    assert_eq!(why_not(&mut asker).await, "no host has a free slot");
}
