//! Zones that want to be started, and what is to be saved.

use crate::stage::{Stage, admission, arrival, commit, leaver, name, traveller, zone};
use realm::log::{Absent, Cursor, Dirty};

const MEADOW: &str = "shared/meadow";
const CELLAR: &str = "shared/cellar";

pub(super) async fn a_zone_is_due_when_it_asked(log: Stage) {
    for (id, wake) in [
        (MEADOW, Some(1_700_000_000_500)),
        (CELLAR, Some(700)),
        ("shared/x", None),
    ] {
        log.open(id).await;
        let mut second = commit(1, 2, Cursor::default());
        second.wake = wake;
        log.commit(&zone(id), &second).await.unwrap();
    }
    assert!(log.due(699, 10).await.unwrap().is_empty());
    assert_eq!(log.due(700, 10).await.unwrap(), [(zone(CELLAR), 700)]);
    let both = [(zone(CELLAR), 700), (zone(MEADOW), 1_700_000_000_500)];
    assert_eq!(log.due(1_700_000_000_500, 10).await.unwrap(), both);
    assert_eq!(log.due(u64::MAX / 4, 1).await.unwrap(), both[..1]);

    log.commit(&zone(CELLAR), &commit(1, 3, Cursor::default()))
        .await
        .unwrap();
    assert!(log.due(700, 10).await.unwrap().is_empty());
}

pub(super) async fn a_zone_is_woken_once(log: Stage) {
    log.open(MEADOW).await;
    let mut second = commit(1, 2, Cursor::default());
    second.wake = Some(10);
    log.commit(&zone(MEADOW), &second).await.unwrap();
    // It has asked for another time meanwhile.
    log.woken(&zone(MEADOW), 9).await.unwrap();
    assert_eq!(log.due(10, 10).await.unwrap().len(), 1);
    log.woken(&zone(MEADOW), 10).await.unwrap();
    assert!(log.due(10, 10).await.unwrap().is_empty());
}

pub(super) async fn the_destination_of_a_traveller_is_due_at_once(log: Stage) {
    log.open(CELLAR).await;
    log.comes("Ann", MEADOW).await;
    let end = log.open(MEADOW).await;
    let mut second = commit(1, 2, end);
    second.travellers = vec![traveller("Ann", CELLAR, arrival(2, 0), Vec::new())];
    log.commit(&zone(MEADOW), &second).await.unwrap();
    assert_eq!(log.due(0, 10).await.unwrap(), [(zone(CELLAR), 0)]);

    // It stays so while she waits to come in: its owner may die before it reads on.
    log.woken(&zone(CELLAR), 0).await.unwrap();
    log.commit(&zone(CELLAR), &commit(1, 2, Cursor::default()))
        .await
        .unwrap();
    assert_eq!(log.due(0, 10).await.unwrap(), [(zone(CELLAR), 0)]);
    let read = log.waiting(CELLAR).await[0].0;
    log.commit(&zone(CELLAR), &commit(1, 3, read))
        .await
        .unwrap();
    assert!(log.due(u64::MAX / 4, 10).await.unwrap().is_empty());
}

pub(super) async fn what_was_changed_is_dirty_until_it_is_saved(log: Stage) {
    assert!(log.dirty(10).await.unwrap().is_empty());
    log.comes("Ann", MEADOW).await;
    let end = log.open(MEADOW).await;
    log.open(CELLAR).await;
    let (meadow, cellar) = (Dirty::Zone(zone(MEADOW)), Dirty::Zone(zone(CELLAR)));
    assert_eq!(
        log.dirty(10).await.unwrap(),
        [meadow.clone(), cellar.clone()]
    );
    assert_eq!(log.dirty(1).await.unwrap(), std::slice::from_ref(&meadow));
    log.saved(&meadow, 1).await.unwrap();
    log.saved(&cellar, 1).await.unwrap();
    assert!(log.dirty(10).await.unwrap().is_empty());

    let mut second = commit(1, 2, end);
    second.leavers = vec![leaver("Ann", arrival(4, 0))];
    log.commit(&zone(MEADOW), &second).await.unwrap();
    let ann = Dirty::Character(name("ann"));
    assert_eq!(log.dirty(10).await.unwrap(), [meadow, ann.clone()]);
    let absent = log.absent(&name("Ann")).await.unwrap().unwrap();
    assert!(absent.character.is(&name("Ann")));
    assert_eq!(
        (absent.zone, absent.at, absent.sheet),
        (zone(MEADOW), arrival(4, 0).at, arrival(4, 0).sheet)
    );
    log.saved(&ann, 4).await.unwrap();
    assert_eq!(log.dirty(10).await.unwrap().len(), 1);
}

pub(super) async fn what_was_changed_meanwhile_stays_dirty(log: Stage) {
    log.open(MEADOW).await;
    log.open(CELLAR).await;
    log.commit(&zone(MEADOW), &commit(1, 2, Cursor::default()))
        .await
        .unwrap();
    log.saved(&Dirty::Zone(zone(MEADOW)), 1).await.unwrap();
    // What could not be saved does not keep the others waiting.
    let dirty = [CELLAR, MEADOW].map(|it| Dirty::Zone(zone(it)));
    assert_eq!(log.dirty(10).await.unwrap(), dirty);
    // What is not on the list does not come onto it.
    log.saved(&dirty[0], 1).await.unwrap();
    log.saved(&dirty[0], 7).await.unwrap();
    assert_eq!(log.dirty(10).await.unwrap(), dirty[1..]);
}

pub(super) async fn a_character_on_its_way_is_saved_by_itself(log: Stage) {
    assert_eq!(log.absent(&name("Ann")).await.unwrap(), None);
    log.comes("Ann", MEADOW).await;
    let end = log.open(MEADOW).await;
    assert_eq!(log.absent(&name("Ann")).await.unwrap(), None);
    let mut second = commit(1, 2, end);
    second.travellers = vec![traveller("Ann", CELLAR, arrival(2, 0), Vec::new())];
    log.commit(&zone(MEADOW), &second).await.unwrap();

    let absent = Absent {
        character: name("ann"),
        zone: zone(CELLAR),
        at: arrival(2, 0).at,
        sheet: arrival(2, 0).sheet,
    };
    assert_eq!(log.absent(&name("ann")).await.unwrap(), Some(absent));
    assert!(
        log.dirty(10)
            .await
            .unwrap()
            .contains(&Dirty::Character(name("ann")))
    );

    // Once the cellar has let her in, she is saved with it.
    log.open(CELLAR).await;
    assert_eq!(log.absent(&name("Ann")).await.unwrap(), None);
    assert!(
        !log.dirty(10)
            .await
            .unwrap()
            .contains(&Dirty::Character(name("ann")))
    );
    // A new session changes nothing about that.
    log.admit(&admission("Ann", 2, MEADOW)).await.unwrap();
    assert_eq!(log.absent(&name("Ann")).await.unwrap(), None);
}
