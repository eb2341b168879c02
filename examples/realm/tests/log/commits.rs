//! Owners take zones and commit batches.

use crate::stage::{
    LONG, Stage, admission, arrival, commit, leaver, name, object, say, traveller, words, zone,
};
use realm::{
    command::{Action, Event, Happening},
    log::{Cursor, LogError, Outputs, Stored},
};
use std::time::Duration;

const MEADOW: &str = "shared/meadow";
const CELLAR: &str = "shared/cellar";

pub(super) async fn the_first_commit_stores_the_zone(log: Stage) {
    let meadow = zone(MEADOW);
    assert_eq!(log.take(&meadow, 3).await.unwrap(), None);
    assert_eq!(log.stored(&meadow).await.unwrap(), None);
    // A zone that comes from the database begins at any revision.
    let mut first = commit(3, 1_048_600, Cursor(7, 2));
    first.changed = vec![object("hen-2", 2.0), object("hen-1", 0.1)];
    log.commit(&meadow, &first).await.unwrap();

    let stored = Stored {
        epoch: 3,
        rev: 1_048_600,
        cursor: Cursor(7, 2),
        world: first.world,
        objects: vec![object("hen-1", 0.1), object("hen-2", 2.0)],
    };
    assert_eq!(log.stored(&meadow).await.unwrap(), Some(stored.clone()));
    let taken = log.take(&meadow, 4).await.unwrap();
    assert_eq!(taken, Some(Stored { epoch: 4, ..stored }));
}

pub(super) async fn commits_change_objects(log: Stage) {
    let meadow = zone(MEADOW);
    log.open(MEADOW).await;
    let mut second = commit(1, 2, Cursor::default());
    second.changed = vec![object("a", 1.0), object("b", 1.0), object("c", 1.0)];
    log.commit(&meadow, &second).await.unwrap();
    let mut third = commit(1, 3, Cursor::default());
    third.changed = vec![object("b", 2.0)];
    third.gone = vec!["c".parse().unwrap(), "d".parse().unwrap()];
    log.commit(&meadow, &third).await.unwrap();

    let stored = log.stored(&meadow).await.unwrap().unwrap();
    assert_eq!(stored.objects, [object("a", 1.0), object("b", 2.0)]);
    assert_eq!(stored.world, third.world);
}

pub(super) async fn an_older_owner_is_fenced(log: Stage) {
    let meadow = zone(MEADOW);
    let end = log.open(MEADOW).await;
    log.take(&meadow, 6).await.unwrap();

    // A frozen owner comes back.
    let late = log.commit(&meadow, &commit(1, 2, end)).await;
    assert!(matches!(late, Err(LogError::Fenced(_))), "{late:?}");
    let late = log.take(&meadow, 5).await;
    assert!(matches!(late, Err(LogError::Fenced(_))), "{late:?}");
    // Its last commit is not taken for the one that it made before it was frozen.
    let late = log.commit(&meadow, &commit(1, 1, end)).await;
    assert!(matches!(late, Err(LogError::Fenced(_))), "{late:?}");

    log.commit(&meadow, &commit(6, 2, end)).await.unwrap();
    assert_eq!(log.revs(MEADOW, 0).await, Some(vec![1, 2]));
    // The same owner may take it again.
    assert_eq!(log.take(&meadow, 6).await.unwrap().unwrap().rev, 2);
}

pub(super) async fn the_same_commit_is_one(log: Stage) {
    log.comes("Ann", MEADOW).await;
    let end = log.open(MEADOW).await;
    let mut second = commit(1, 2, end);
    second.travellers = vec![traveller(
        "Ann",
        CELLAR,
        arrival(2, 0),
        vec![say("Ann", 1, 1)],
    )];
    second.whispers = vec![(name("Ann"), words("well met"))];
    for _ in 0..2 {
        log.commit(&zone(MEADOW), &second).await.unwrap();
    }
    assert_eq!(log.revs(MEADOW, 0).await, Some(vec![1, 2]));
    assert_eq!(log.story(CELLAR).await, ["ann enters after 0", "ann 1"]);
    let heard = log.mail(&[(name("Ann"), Cursor::default())], LONG).await;
    assert_eq!(heard.unwrap().len(), 1);
}

pub(super) async fn a_commit_that_skips_a_revision_is_refused(log: Stage) {
    let end = log.open(MEADOW).await;
    for (epoch, rev) in [(1, 3), (1, 0), (2, 2)] {
        let odd = log.commit(&zone(MEADOW), &commit(epoch, rev, end)).await;
        assert!(matches!(odd, Err(LogError::Unknown(_))), "{odd:?}");
    }
    // The commit of another owner with the same number is not the same commit.
    log.take(&zone(MEADOW), 2).await.unwrap();
    let odd = log.commit(&zone(MEADOW), &commit(2, 1, end)).await;
    assert!(matches!(odd, Err(LogError::Unknown(_))), "{odd:?}");
    log.commit(&zone(MEADOW), &commit(2, 2, end)).await.unwrap();
}

pub(super) async fn an_owner_can_skip_revisions_once(log: Stage) {
    let (meadow, end) = (zone(MEADOW), log.open(MEADOW).await);
    log.take(&meadow, 2).await.unwrap();
    for odd in [0, 1] {
        let odd = log.commit(&meadow, &commit(2, odd, end)).await;
        assert!(matches!(odd, Err(LogError::Unknown(_))), "{odd:?}");
    }
    for _ in 0..2 {
        log.commit(&meadow, &commit(2, 50, end)).await.unwrap();
    }
    let odd = log.commit(&meadow, &commit(2, 52, end)).await;
    assert!(matches!(odd, Err(LogError::Unknown(_))), "{odd:?}");
    log.commit(&meadow, &commit(2, 51, end)).await.unwrap();
    assert_eq!(log.stored(&meadow).await.unwrap().unwrap().rev, 51);
}

pub(super) async fn a_refused_commit_does_nothing(log: Stage) {
    let meadow = zone(MEADOW);
    log.comes("Ann", MEADOW).await;
    log.comes("Bob", MEADOW).await;
    let end = log.open(MEADOW).await;
    log.says("Ann", 1).await;
    let dirty = log.dirty(10).await.unwrap();
    let before = log.take(&meadow, 2).await.unwrap();

    let mut late = commit(1, 2, Cursor(u64::MAX / 2, 0));
    late.changed = vec![object("a", 1.0)];
    late.travellers = vec![traveller("Ann", CELLAR, arrival(2, 0), Vec::new())];
    late.leavers = vec![leaver("Bob", arrival(2, 0))];
    late.whispers = vec![(name("Ann"), words("well met"))];
    late.wake = Some(5);
    late.output.events = vec![Event {
        to: None,
        what: Happening::Left,
    }];
    let answer = log.commit(&meadow, &late).await;

    assert!(matches!(answer, Err(LogError::Fenced(_))), "{answer:?}");
    assert_eq!(log.stored(&meadow).await.unwrap(), before);
    assert_eq!(log.revs(MEADOW, 0).await, Some(vec![1]));
    assert_eq!(log.story(MEADOW).await, ["ann 1"]);
    assert!(log.waiting(CELLAR).await.is_empty());
    for it in ["Ann", "Bob"] {
        let at = log.whereabouts(&name(it)).await.unwrap().unwrap();
        assert_eq!((at.zone, at.present), (meadow.clone(), true));
    }
    let mail = log
        .mail(&[(name("Ann"), Cursor::default())], Duration::ZERO)
        .await;
    assert!(mail.unwrap().is_empty());
    assert!(log.due(u64::MAX / 4, 10).await.unwrap().is_empty());
    assert_eq!(log.dirty(10).await.unwrap(), dirty);

    // The same batch, by the owner.
    late.epoch = 2;
    late.cursor = end;
    log.commit(&meadow, &late).await.unwrap();
    assert_eq!(log.stored(&meadow).await.unwrap().unwrap().rev, 2);
    assert!(matches!(
        log.outputs(&meadow, 1, 9, LONG).await.unwrap(),
        Outputs::Since(since) if since == [(2, late.output.clone())]
    ));
    assert_eq!(log.story(CELLAR).await, ["ann enters after 0", "ann 1"]);
    assert!(log.waiting(MEADOW).await.is_empty());
    assert!(
        !log.whereabouts(&name("Bob"))
            .await
            .unwrap()
            .unwrap()
            .present
    );
    let mail = log.mail(&[(name("Ann"), Cursor::default())], LONG).await;
    assert_eq!(mail.unwrap()[0].2, words("well met"));
    assert_eq!(
        log.due(5, 10).await.unwrap(),
        [(zone(CELLAR), 0), (meadow, 5)]
    );
    assert_eq!(log.dirty(10).await.unwrap().len(), 3);
}

pub(super) async fn a_traveller_arrives_once_with_its_later_commands_in_order(log: Stage) {
    log.comes("Ann", MEADOW).await;
    log.comes("Bob", MEADOW).await;
    log.says("Ann", 1).await;
    log.says("Ann", 2).await;
    let end = log.open(MEADOW).await;
    // Two that come too late for the batch, and the session is replaced as well.
    log.says("Bob", 1).await;
    log.says("Ann", 3).await;
    log.says("Ann", 4).await;
    log.admit(&admission("Ann", 2, MEADOW)).await.unwrap();
    log.append(&say("Ann", 2, 1)).await.unwrap();

    // The first of the batch took her through the gate.
    let mut second = commit(1, 2, end);
    second.travellers = vec![traveller(
        "Ann",
        CELLAR,
        arrival(2, 1),
        vec![say("Ann", 1, 2)],
    )];
    log.commit(&zone(MEADOW), &second).await.unwrap();
    log.append(&say("Ann", 2, 2)).await.unwrap();

    assert_eq!(log.story(MEADOW).await, ["bob 1"]);
    let arrived = log.waiting(CELLAR).await;
    let arrived: Vec<_> = arrived.into_iter().map(|it| it.1).collect();
    let enters = arrived[0].clone();
    assert_eq!(enters.action, Action::Enter(arrival(2, 1)));
    assert_eq!(enters.session, crate::stage::session("Ann", 1));
    assert_eq!(arrived[1..4], [2, 3, 4].map(|it| say("Ann", 1, it)));
    assert_eq!(arrived[4].session, crate::stage::session("Ann", 2));
    assert_eq!(arrived[5..], [1, 2].map(|it| say("Ann", 2, it)));
}

pub(super) async fn a_traveller_is_in_one_zone(log: Stage) {
    log.comes("Ann", MEADOW).await;
    let end = log.open(MEADOW).await;
    let mut second = commit(1, 2, end);
    second.travellers = vec![traveller(
        "Ann",
        "solo/garden/ann",
        arrival(2, 0),
        Vec::new(),
    )];
    log.commit(&zone(MEADOW), &second).await.unwrap();

    let at = log.whereabouts(&name("Ann")).await.unwrap().unwrap();
    assert_eq!(
        (at.zone, at.present, at.arrival.sheet.rev),
        (zone("solo/garden/ann"), true, 2)
    );
    assert_eq!(log.says("Ann", 1).await, zone("solo/garden/ann"));

    // The zone that she left has no say in where she is.
    let mut third = commit(1, 3, end);
    third.travellers = vec![traveller("Ann", CELLAR, arrival(3, 0), Vec::new())];
    third.leavers = vec![leaver("Ann", arrival(3, 0))];
    log.commit(&zone(MEADOW), &third).await.unwrap();
    let at = log.whereabouts(&name("Ann")).await.unwrap().unwrap();
    assert_eq!(
        (at.zone, at.present, at.arrival.sheet.rev),
        (zone("solo/garden/ann"), true, 2)
    );
    assert!(log.waiting(CELLAR).await.is_empty());
}

pub(super) async fn a_leaver_is_not_in_the_world(log: Stage) {
    log.comes("Ann", MEADOW).await;
    log.says("Ann", 4).await;
    let end = log.open(MEADOW).await;
    let mut second = commit(1, 2, end);
    second.leavers = vec![leaver("Ann", arrival(8, 4))];
    log.commit(&zone(MEADOW), &second).await.unwrap();

    let at = log.whereabouts(&name("Ann")).await.unwrap().unwrap();
    assert_eq!(
        (at.zone, at.present, at.arrival),
        (zone(MEADOW), false, arrival(8, 4))
    );
    let answer = log.append(&say("Ann", 1, 5)).await;
    assert!(matches!(answer, Err(LogError::Unknown(_))), "{answer:?}");

    // She comes back as she left, whatever the database says.
    let at = log.comes("Ann", CELLAR).await;
    assert_eq!((at.zone, at.present, at.seq), (zone(MEADOW), true, 4));
    let enter = log.waiting(MEADOW).await.remove(0).1;
    assert_eq!(enter.action, Action::Enter(arrival(8, 4)));
}

pub(super) async fn a_lost_zone_is_unknown_to_its_owner(log: Stage) {
    log.comes("Ann", MEADOW).await;
    let end = log.open(MEADOW).await;
    log.lose().await;
    let answer = log.commit(&zone(MEADOW), &commit(1, 2, end)).await;
    assert!(matches!(answer, Err(LogError::Unknown(_))), "{answer:?}");
    // Somebody who comes in does not make it known.
    log.comes("Bob", MEADOW).await;
    let answer = log.commit(&zone(MEADOW), &commit(1, 2, end)).await;
    assert!(matches!(answer, Err(LogError::Unknown(_))), "{answer:?}");

    assert_eq!(log.take(&zone(MEADOW), 1).await.unwrap(), None);
    assert_eq!(log.story(MEADOW).await, ["bob enters after 0"]);
    let waiting = log.waiting(MEADOW).await;
    assert!(
        waiting[0].0 > end,
        "places of an earlier log are not behind those of a later one"
    );
    log.commit(&zone(MEADOW), &commit(1, 1_048_578, end))
        .await
        .unwrap();
    assert_eq!(log.revs(MEADOW, 1).await, None);
}
