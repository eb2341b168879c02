//! Inputs, outputs, whispers and words for everybody are read.

use crate::stage::{LONG, Stage, commit, name, post, told, words, zone};
use realm::{
    command::Output,
    log::{Cursor, MOST_CHAT, MOST_MAIL, MOST_OUTPUT, Outputs},
    messages::Scope,
};
use std::time::Duration;
use tokio::join;

const MEADOW: &str = "shared/meadow";

pub(super) async fn inputs_are_read_in_order_and_in_parts(log: Stage) {
    log.comes("Ann", MEADOW).await;
    for seq in 1..=5 {
        log.says("Ann", seq).await;
    }
    let (mut after, mut story) = (Cursor::default(), Vec::new());
    loop {
        let part = log
            .inputs(&zone(MEADOW), after, 2, Duration::ZERO)
            .await
            .unwrap();
        let Some((end, _)) = part.last() else { break };
        assert!(part.len() <= 2 && *end > after);
        after = *end;
        story.extend(part.iter().map(|it| told(&it.1)));
    }
    assert_eq!(
        story,
        [
            "ann enters after 0",
            "ann 1",
            "ann 2",
            "ann 3",
            "ann 4",
            "ann 5"
        ]
    );
}

pub(super) async fn a_commit_trims_the_input(log: Stage) {
    log.comes("Ann", MEADOW).await;
    log.says("Ann", 1).await;
    let end = log.waiting(MEADOW).await[0].0;
    log.take(&zone(MEADOW), 1).await.unwrap();
    log.commit(&zone(MEADOW), &commit(1, 1, end)).await.unwrap();
    assert_eq!(log.story(MEADOW).await, ["ann 1"]);
}

pub(super) async fn inputs_are_waited_for(log: Stage) {
    let meadow = zone(MEADOW);
    let (read, _) = join!(
        log.inputs(&meadow, Cursor::default(), 10, LONG),
        log.comes("Ann", MEADOW)
    );
    let end = read.unwrap().last().unwrap().0;
    let (read, _) = join!(log.inputs(&meadow, end, 10, LONG), log.says("Ann", 1));
    assert_eq!(told(&read.unwrap()[0].1), "ann 1");
    let read = log.inputs(&meadow, end, 0, Duration::ZERO).await.unwrap();
    assert!(read.is_empty());
}

pub(super) async fn outputs_are_read_in_order_and_in_parts(log: Stage) {
    assert_eq!(log.revs(MEADOW, 0).await, Some(Vec::new()));
    log.open(MEADOW).await;
    for rev in 2..=5 {
        let mut next = commit(1, rev, Cursor::default());
        next.output.gone = vec![format!("hen-{rev}").parse().unwrap()];
        log.commit(&zone(MEADOW), &next).await.unwrap();
    }
    let Outputs::Since(since) = log.outputs(&zone(MEADOW), 2, 2, LONG).await.unwrap() else {
        panic!("a gap");
    };
    let gone = |rev| Output {
        gone: vec![format!("hen-{rev}").parse().unwrap()],
        ..Output::default()
    };
    assert_eq!(since, [(3, gone(3)), (4, gone(4))]);
    assert_eq!(log.revs(MEADOW, 5).await, Some(Vec::new()));
}

pub(super) async fn outputs_are_waited_for(log: Stage) {
    let meadow = zone(MEADOW);
    let (read, _) = join!(log.outputs(&meadow, 0, 10, LONG), log.open(MEADOW));
    assert!(matches!(read.unwrap(), Outputs::Since(it) if it[0].0 == 1));
    let next = commit(1, 2, Cursor::default());
    let (read, _) = join!(
        log.outputs(&meadow, 1, 10, LONG),
        log.commit(&meadow, &next)
    );
    assert!(matches!(read.unwrap(), Outputs::Since(it) if it[0].0 == 2));
}

pub(super) async fn too_old_outputs_are_a_gap(log: Stage) {
    log.open(MEADOW).await;
    let most = u64::try_from(MOST_OUTPUT).unwrap();
    for rev in 2..=most + 2 {
        let next = commit(1, rev, Cursor::default());
        log.commit(&zone(MEADOW), &next).await.unwrap();
    }
    assert_eq!(log.revs(MEADOW, 0).await, None);
    assert_eq!(log.revs(MEADOW, 1).await, None);
    assert_eq!(log.revs(MEADOW, 2).await.unwrap().len(), MOST_OUTPUT);
    assert_eq!(log.revs(MEADOW, most + 2).await, Some(Vec::new()));
    // The log has lost what the reader has seen.
    assert_eq!(log.revs(MEADOW, most + 3).await, None);
}

/// The log's machine has lost power, and with it what it had not written: the owner goes on from what
/// is left, and readers have seen more.
pub(super) async fn another_history_is_a_gap(log: Stage) {
    let meadow = zone(MEADOW);
    log.open(MEADOW).await;
    // A reader is at 9, of which the log knows only up to 2.
    log.commit(&meadow, &commit(1, 2, Cursor::default()))
        .await
        .unwrap();
    log.take(&meadow, 1).await.unwrap();
    for rev in [102, 103] {
        log.commit(&meadow, &commit(1, rev, Cursor::default()))
            .await
            .unwrap();
    }
    assert_eq!(log.revs(MEADOW, 9).await, None);
    assert_eq!(log.revs(MEADOW, 101).await, None);
    // Who has seen no more than what is left misses nothing.
    assert_eq!(log.revs(MEADOW, 2).await, Some(vec![102, 103]));
    assert_eq!(log.revs(MEADOW, 0).await, Some(vec![1, 2, 102, 103]));
}

pub(super) async fn mail_is_read_after_a_place(log: Stage) {
    log.comes("Ann", MEADOW).await;
    log.comes("Bob", MEADOW).await;
    let end = log.open(MEADOW).await;
    assert_eq!(log.mail_end(&name("Ann")).await.unwrap(), Cursor::default());
    let mut second = commit(1, 2, end);
    second.whispers = vec![
        (name("Ann"), words("one")),
        (name("ann"), words("two")),
        (name("Bob"), words("three")),
        (name("Nobody"), words("four")),
    ];
    log.commit(&zone(MEADOW), &second).await.unwrap();

    let all = ["Ann", "Bob", "Nobody"].map(|it| (name(it), Cursor::default()));
    let heard = log.mail(&all, LONG).await.unwrap();
    let texts: Vec<_> = heard.iter().map(|it| it.2.text.as_str()).collect();
    assert_eq!(texts, ["one", "two", "three"]);
    assert_eq!(log.mail_end(&name("Ann")).await.unwrap(), heard[1].1);
    let later = [(name("Ann"), heard[0].1), (name("Bob"), heard[2].1)];
    assert_eq!(log.mail(&later, LONG).await.unwrap(), heard[1..2]);
}

pub(super) async fn mail_is_waited_for(log: Stage) {
    log.comes("Ann", MEADOW).await;
    let end = log.open(MEADOW).await;
    let mut second = commit(1, 2, end);
    second.whispers = vec![(name("Ann"), words("one"))];
    let (meadow, after) = (zone(MEADOW), [(name("Ann"), Cursor::default())]);
    let (heard, _) = join!(log.mail(&after, LONG), log.commit(&meadow, &second));
    assert_eq!(heard.unwrap()[0].2, words("one"));
    let one = post(1, Scope::All);
    let (heard, _) = join!(log.chat(Cursor::default(), LONG), log.post(&one));
    assert_eq!(heard.unwrap()[0].1, one.words);
    assert!(log.mail(&[], Duration::ZERO).await.unwrap().is_empty());
}

pub(super) async fn mail_and_chat_are_bounded(log: Stage) {
    log.comes("Ann", MEADOW).await;
    let end = log.open(MEADOW).await;
    let mut second = commit(1, 2, end);
    let many = (0..MOST_MAIL + 3).map(|it| (name("Ann"), words(&it.to_string())));
    second.whispers = many.collect();
    log.commit(&zone(MEADOW), &second).await.unwrap();
    let heard = log
        .mail(&[(name("Ann"), Cursor::default())], LONG)
        .await
        .unwrap();
    assert_eq!((heard.len(), heard[0].2.text.as_str()), (MOST_MAIL, "3"));

    let last = u64::try_from(MOST_CHAT).unwrap() + 3;
    for seq in 1..=last {
        log.post(&post(seq, Scope::All)).await.unwrap();
    }
    let heard = log.chat(Cursor::default(), LONG).await.unwrap();
    assert_eq!(
        (heard.len(), heard[0].1.text.as_str()),
        (MOST_CHAT, "words 4")
    );
}
