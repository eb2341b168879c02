//! Somebody else has written to the Redis.

use crate::stage::{Stage, admission, arrival, commit, leaver, name, zone};
use realm::log::{Dirty, LogError};

const MEADOW: &str = "shared/meadow";

/// Ann has left the meadow; both are to be saved.
async fn left() -> (Stage, Dirty, Dirty) {
    let log = Stage::redis();
    log.comes("Ann", MEADOW).await;
    let end = log.open(MEADOW).await;
    let mut second = commit(1, 2, end);
    second.leavers = vec![leaver("Ann", arrival(4, 0))];
    log.commit(&zone(MEADOW), &second).await.unwrap();
    let (meadow, ann) = (Dirty::Zone(zone(MEADOW)), Dirty::Character(name("ann")));
    assert_eq!(log.dirty(10).await.unwrap(), [meadow.clone(), ann.clone()]);
    (log, meadow, ann)
}

#[tokio::test]
#[ignore = "needs redis-server: tests/live.sh realm"]
async fn what_is_not_known_any_more_is_not_to_be_saved() {
    let (log, meadow, ann) = left().await;
    log.tamper("DEL", "p:ann", &[]).await;
    assert_eq!(log.absent(&name("Ann")).await.unwrap(), None);
    assert_eq!(log.dirty(10).await.unwrap(), std::slice::from_ref(&meadow));

    log.tamper("DEL", "z:shared/meadow:state", &[]).await;
    assert_eq!(log.stored(&zone(MEADOW)).await.unwrap(), None);
    log.saved(&meadow, 0).await.unwrap();
    log.saved(&ann, 0).await.unwrap();
    assert!(log.dirty(10).await.unwrap().is_empty());
}

#[tokio::test]
#[ignore = "needs redis-server: tests/live.sh realm"]
async fn what_cannot_be_read_stays_to_be_saved_and_keeps_nobody_waiting() {
    let (log, meadow, ann) = left().await;
    let gibberish = ["arrival", "gibberish"];
    log.tamper("HSET", "p:ann", &gibberish).await;
    log.saved(&ann, 4).await.unwrap();
    assert_eq!(log.dirty(10).await.unwrap(), [meadow.clone(), ann.clone()]);
    let answer = log.admit(&admission("Ann", 2, MEADOW)).await;
    assert!(
        matches!(answer, Err(LogError::Foreign { .. })),
        "{answer:?}"
    );

    log.tamper("DEL", "z:shared/meadow:state", &[]).await;
    log.tamper("SET", "z:shared/meadow:state", &["gibberish"])
        .await;
    log.saved(&meadow, 1).await.unwrap();
    assert_eq!(log.dirty(10).await.unwrap(), [ann, meadow]);
}
