//! Characters come into the world, give commands and speak.

use crate::stage::{
    LONG, Stage, admission, arrival, command, commit, leaver, name, post, say, session, zone,
};
use realm::{
    command::{Action, Arrival, MAX_SEQ},
    log::{Admission, Cursor, LogError, MOST_INPUT, Post},
    messages::Scope,
};
use std::time::Duration;

const MEADOW: &str = "shared/meadow";

pub(super) async fn an_admitted_character_is_in_its_zone(log: Stage) {
    assert_eq!(log.whereabouts(&name("Ann")).await.unwrap(), None);

    let at = log.comes("Ann", MEADOW).await;

    assert_eq!(
        (at.zone.clone(), at.present, at.seq),
        (zone(MEADOW), true, 0)
    );
    assert_eq!((at.session.clone(), at.epoch), (session("ann", 1), 1));
    assert_eq!(at.arrival, arrival(1, 0));
    assert_eq!(log.whereabouts(&name("aNN")).await.unwrap(), Some(at));
    let waiting = log.waiting(MEADOW).await;
    let enter = command("Ann", 1, 0, Action::Enter(arrival(1, 0)));
    assert_eq!(
        waiting.into_iter().map(|it| it.1).collect::<Vec<_>>(),
        [enter]
    );
    // Somebody is to let her in.
    assert_eq!(log.due(0, 9).await.unwrap(), [(zone(MEADOW), 0)]);
    log.open(MEADOW).await;
    assert!(log.due(u64::MAX / 4, 9).await.unwrap().is_empty());
}

pub(super) async fn the_same_admission_is_one(log: Stage) {
    let at = log.comes("Ann", MEADOW).await;
    assert_eq!(log.comes("Ann", "shared/cellar").await, at);
    assert_eq!(log.story(MEADOW).await, ["ann enters after 0"]);
    assert!(log.waiting("shared/cellar").await.is_empty());
}

pub(super) async fn a_later_session_takes_over(log: Stage) {
    log.comes("Ann", MEADOW).await;
    log.says("Ann", 1).await;

    let at = log
        .admit(&admission("Ann", 2, "shared/cellar"))
        .await
        .unwrap();

    assert_eq!((at.zone, at.seq, at.epoch), (zone(MEADOW), 0, 2));
    let old = log.append(&say("Ann", 1, 2)).await;
    assert!(matches!(old, Err(LogError::Fenced(_))), "{old:?}");
    let old = log.admit(&admission("Ann", 1, MEADOW)).await;
    assert!(matches!(old, Err(LogError::Fenced(_))), "{old:?}");
    log.append(&say("Ann", 2, 1)).await.unwrap();
    let story = log.story(MEADOW).await;
    assert_eq!(
        story,
        ["ann enters after 0", "ann 1", "ann enters after 0", "ann 1"]
    );
}

pub(super) async fn a_resumed_session_goes_on_with_its_numbers(log: Stage) {
    log.comes("Ann", MEADOW).await;
    log.says("Ann", 1).await;
    log.says("Ann", 2).await;
    let resumed = Admission {
        epoch: 9,
        ..admission("Ann", 1, MEADOW)
    };

    let at = log.admit(&resumed).await.unwrap();

    assert_eq!((at.seq, at.epoch), (2, 9));
    log.says("Ann", 2).await;
    log.says("Ann", 3).await;
    let story = log.story(MEADOW).await;
    assert_eq!(
        story,
        [
            "ann enters after 0",
            "ann 1",
            "ann 2",
            "ann enters after 2",
            "ann 3"
        ]
    );
}

pub(super) async fn a_command_is_accepted_once(log: Stage) {
    log.comes("Ann", MEADOW).await;
    // Numbers may have gaps, and never go back.
    for seq in [1, 1, 4, 3, 4, 5] {
        assert_eq!(log.says("Ann", seq).await, zone(MEADOW));
    }
    let story = log.story(MEADOW).await;
    assert_eq!(story, ["ann enters after 0", "ann 1", "ann 4", "ann 5"]);
    assert_eq!(log.whereabouts(&name("Ann")).await.unwrap().unwrap().seq, 5);
    assert_eq!(log.waiting(MEADOW).await[2].1, say("Ann", 1, 4));
}

pub(super) async fn numbers_count_by_ones_up_to_the_greatest(log: Stage) {
    log.comes("Ann", MEADOW).await;
    for seq in [MAX_SEQ - 1, MAX_SEQ] {
        log.says("Ann", seq).await;
    }
    let story = [MAX_SEQ - 1, MAX_SEQ].map(|it| format!("ann {it}"));
    assert_eq!(log.story(MEADOW).await[1..], story);
}

pub(super) async fn a_character_that_is_not_there_gives_no_commands(log: Stage) {
    let answer = log.append(&say("Ann", 1, 1)).await;
    assert!(matches!(answer, Err(LogError::Unknown(_))), "{answer:?}");
    log.comes("Ann", MEADOW).await;
    log.lose().await;
    let answer = log.append(&say("Ann", 1, 1)).await;
    assert!(matches!(answer, Err(LogError::Unknown(_))), "{answer:?}");
    assert_eq!(log.whereabouts(&name("Ann")).await.unwrap(), None);

    // What the database knows is used now, the session's last number too.
    let again = Admission {
        arrival: arrival(7, 12),
        ..admission("Ann", 1, MEADOW)
    };
    assert_eq!(log.admit(&again).await.unwrap().seq, 12);
    assert_eq!(log.story(MEADOW).await, ["ann enters after 12"]);
}

pub(super) async fn a_full_zone_takes_no_commands_but_lets_go(log: Stage) {
    log.comes("Ann", MEADOW).await;
    log.comes("Bob", MEADOW).await;
    let last = u64::try_from(MOST_INPUT).unwrap() - 1;
    let numbers: Vec<_> = (1..last).collect();
    for some in numbers.chunks(30) {
        futures::future::join_all(some.iter().map(|seq| log.says("Ann", *seq))).await;
    }
    let full = log.append(&say("Ann", 1, last)).await;
    assert!(matches!(full, Err(LogError::Full(_))), "{full:?}");
    let full = log.admit(&admission("Cid", 1, MEADOW)).await;
    assert!(matches!(full, Err(LogError::Full(_))), "{full:?}");
    assert_eq!(log.whereabouts(&name("Cid")).await.unwrap(), None);
    let leave = command("Bob", 1, 0, Action::Leave);
    log.append(&leave).await.unwrap();

    // What was refused may be sent again.
    log.open(MEADOW).await;
    log.says("Ann", last).await;
    assert_eq!(log.story(MEADOW).await, [format!("ann {last}")]);
}

pub(super) async fn who_is_about_to_leave_gives_no_commands(log: Stage) {
    log.comes("Ann", MEADOW).await;
    let leave = command("Ann", 1, 0, Action::Leave);
    log.append(&leave).await.unwrap();
    let answer = log.append(&say("Ann", 1, 1)).await;
    assert!(matches!(answer, Err(LogError::Unknown(_))), "{answer:?}");
    log.comes("Ann", MEADOW).await;
    log.says("Ann", 1).await;
}

/// A zone host believes that a session has ended, and commands of it are on their way.
pub(super) async fn who_is_put_out_does_its_last_commands_first(log: Stage) {
    log.comes("Ann", MEADOW).await;
    let read = log.open(MEADOW).await;
    log.says("Ann", 1).await;
    let mut puts_out = commit(1, 2, read);
    puts_out.leavers = vec![leaver("Ann", arrival(5, 0))];
    log.commit(&zone(MEADOW), &puts_out).await.unwrap();

    assert_eq!(log.story(MEADOW).await, ["ann enters after 0", "ann 1"]);
    let enter = log.waiting(MEADOW).await.remove(0).1;
    assert_eq!(enter.action, Action::Enter(arrival(5, 0)));
    // Her zone is to go on, whoever owns it.
    assert_eq!(log.due(0, 9).await.unwrap(), [(zone(MEADOW), 0)]);
}

pub(super) async fn a_second_leave_is_not_taken(log: Stage) {
    log.comes("Ann", MEADOW).await;
    for _ in 0..2 {
        log.append(&command("Ann", 1, 0, Action::Leave))
            .await
            .unwrap();
    }
    assert_eq!(
        log.story(MEADOW).await,
        ["ann enters after 0", "ann leaves"]
    );
}

/// A browser was away for a moment, and its gateway had said that it leaves.
pub(super) async fn who_comes_back_while_leaving_is_as_it_left(log: Stage) {
    log.comes("Ann", MEADOW).await;
    log.says("Ann", 1).await;
    let read = log.open(MEADOW).await;
    log.append(&command("Ann", 1, 0, Action::Leave))
        .await
        .unwrap();
    let left = log.waiting(MEADOW).await.last().unwrap().0;
    log.comes("Ann", MEADOW).await;
    log.says("Ann", 2).await;
    assert!(left > read);

    let mut leaves = commit(1, 2, left);
    leaves.leavers = vec![leaver("Ann", arrival(5, 1))];
    log.commit(&zone(MEADOW), &leaves).await.unwrap();

    assert_eq!(log.story(MEADOW).await, ["ann enters after 1", "ann 2"]);
    let enter = log.waiting(MEADOW).await.remove(0).1;
    assert_eq!(enter.action, Action::Enter(arrival(5, 1)));
    let at = log.whereabouts(&name("Ann")).await.unwrap().unwrap();
    assert_eq!((at.present, at.seq, at.arrival.sheet.rev), (true, 2, 5));
}

/// A character was deleted, and its name is given to another one: it has no part of what the log
/// still knows, and its session comes after no other.
pub(super) async fn a_character_with_an_old_name_is_a_new_one(log: Stage) {
    let old = Admission {
        epoch: 9,
        ..admission("Ann", 1, MEADOW)
    };
    log.admit(&old).await.unwrap();
    let read = log.open(MEADOW).await;
    let new = Admission {
        arrival: arrival(1_700_000_000_000, 0),
        ..admission("ann", 2, "shared/cellar")
    };
    let fenced = log.admit(&new).await;
    assert!(
        matches!(fenced, Err(LogError::Fenced(_))),
        "she is there: {fenced:?}"
    );
    let mut leaves = commit(1, 2, read);
    leaves.leavers = vec![leaver("Ann", arrival(5, 0))];
    log.commit(&zone(MEADOW), &leaves).await.unwrap();

    let at = log.admit(&new).await.unwrap();

    assert_eq!((at.zone, at.epoch), (zone("shared/cellar"), 2));
    assert_eq!(at.arrival, new.arrival);
    let known = log.whereabouts(&name("Ann")).await.unwrap().unwrap();
    assert_eq!(known.arrival, new.arrival);
}

/// The clock of the accounts role went back between the two: the sheet of the new one is the older.
pub(super) async fn a_character_of_another_account_is_another_one(log: Stage) {
    let old = Admission {
        arrival: arrival(9, 0),
        ..admission("Ann", 1, MEADOW)
    };
    log.admit(&old).await.unwrap();
    let read = log.open(MEADOW).await;
    let new = Admission {
        arrival: Arrival {
            account: name("eve"),
            ..arrival(3, 0)
        },
        ..admission("ann", 2, "shared/cellar")
    };
    let fenced = log.admit(&new).await;
    assert!(matches!(fenced, Err(LogError::Fenced(_))), "{fenced:?}");
    let mut leaves = commit(1, 2, read);
    leaves.leavers = vec![leaver("Ann", arrival(10, 0))];
    log.commit(&zone(MEADOW), &leaves).await.unwrap();

    let at = log.admit(&new).await.unwrap();

    assert_eq!((at.zone, at.arrival), (zone("shared/cellar"), new.arrival));
    // An account may be written in two ways.
    let again = Admission {
        arrival: Arrival {
            account: name("EVE"),
            ..arrival(3, 0)
        },
        ..admission("ann", 3, MEADOW)
    };
    let at = log.admit(&again).await.unwrap();
    assert_eq!((at.zone, at.epoch), (zone("shared/cellar"), 3));
}

pub(super) async fn a_whisper_is_heard_by_one_once(log: Stage) {
    log.comes("Ann", MEADOW).await;
    log.comes("Bob", "shared/cellar").await;
    log.comes("Cid", MEADOW).await;
    let whisper = post(1, Scope::To(name("BOB")));
    for _ in 0..2 {
        log.post(&whisper).await.unwrap();
    }
    let everybody = ["Ann", "bob", "Cid"].map(|it| (name(it), Cursor::default()));
    let heard = log.mail(&everybody, LONG).await.unwrap();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!((&heard[0].0, &heard[0].2), (&name("bob"), &whisper.words));
    assert!(
        log.chat(Cursor::default(), Duration::ZERO)
            .await
            .unwrap()
            .is_empty()
    );

    // Its number is used up, and no zone has heard it.
    log.says("Ann", 1).await;
    assert_eq!(
        log.story(MEADOW).await,
        ["ann enters after 0", "cid enters after 0"]
    );
    let foreign = Post {
        session: session("Ann", 2),
        ..post(2, Scope::All)
    };
    let foreign = log.post(&foreign).await;
    assert!(matches!(foreign, Err(LogError::Fenced(_))), "{foreign:?}");
}

pub(super) async fn words_for_everybody_are_heard_once(log: Stage) {
    let stranger = log.post(&post(1, Scope::All)).await;
    assert!(
        matches!(stranger, Err(LogError::Unknown(_))),
        "{stranger:?}"
    );
    log.comes("Ann", MEADOW).await;
    let before = log.chat_end().await.unwrap();
    for seq in [1, 1, 2] {
        log.post(&post(seq, Scope::All)).await.unwrap();
    }
    log.post(&post(3, Scope::All)).await.unwrap();
    let heard = log.chat(before, LONG).await.unwrap();
    let texts: Vec<_> = heard.iter().map(|it| it.1.text.as_str()).collect();
    assert_eq!(texts, ["words 1", "words 2", "words 3"]);
    assert_eq!(log.chat_end().await.unwrap(), heard[2].0);
    let later = log.chat(heard[0].0, LONG).await.unwrap();
    assert_eq!(later, heard[1..]);
}

pub(super) async fn a_whisper_to_nobody_uses_no_number(log: Stage) {
    log.comes("Ann", MEADOW).await;
    let answer = log.post(&post(1, Scope::To(name("Bob")))).await;
    assert!(
        matches!(&answer, Err(LogError::Absent(it)) if it.is(&name("bob"))),
        "{answer:?}"
    );
    log.comes("Bob", MEADOW).await;
    log.post(&post(1, Scope::To(name("Bob")))).await.unwrap();
    let heard = log.mail(&[(name("Bob"), Cursor::default())], LONG).await;
    assert_eq!(heard.unwrap().len(), 1);
}
