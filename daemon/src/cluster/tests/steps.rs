//! What a member states comes as steps: each is shown at once or not at all, and what there was no
//! room for comes when there is.

use super::{
    super::{Event, Message, State, Why},
    *,
};
use metaserve::protocol::{
    cluster::{Answer, Ask, Changes, FromMember, Part, Piece},
    codec,
};
use oracle::Row;
use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

/// More than are applied in one go.
const MANY: u16 = 1000;

impl Net {
    /// Lets time pass. Whenever something has happened, this machine makes frames for its clients,
    /// and the list that they are shown is checked.
    async fn run_showing(&mut self, time: Duration, at: usize, check: impl Fn(Vec<Row>)) {
        self.run_checking(time, |net| {
            let machine = &net.machines[at];
            let _ = machine.feeds.settle();
            check(rows(&machine.list()));
        })
        .await;
    }
}

/// All that is shown was said in one step.
#[track_caller]
fn assert_whole(shown: &[Row], steps: [&str; 2]) {
    assert_eq!(shown.len(), usize::from(MANY));
    let words: BTreeSet<_> = shown.iter().map(|row| &*row.heartbeat).collect();
    assert_eq!(words.len(), 1, "half a step is shown");
    assert!(words.is_subset(&steps.into()), "{words:?}");
}

#[tokio::test(start_paused = true)]
async fn no_list_contains_half_a_step_whenever_clients_are_shown_it() {
    let mut net = Net::of_members(1, 3).await;
    let servers: Vec<_> = (1..=MANY).map(|number| net.serve(0, number)).collect();
    let say = |servers: &[Registration], words: &'static str| {
        for server in servers {
            server.heartbeat(words.into());
        }
    };
    say(&servers, "first");
    net.run(SETTLED).await;

    // They change.
    say(&servers, "second");
    net.run_showing(seconds(4), 1, |shown| {
        assert_whole(&shown, ["first", "second"])
    })
    .await;

    // They go elsewhere: each has another number there.
    for (number, server) in (MANY + 1..).zip(&servers) {
        server.move_to(address(number));
        server.heartbeat("third".into());
    }
    net.run_showing(seconds(4), 1, |shown| {
        assert_whole(&shown, ["second", "third"])
    })
    .await;

    // Others have come for them while nobody heard of it.
    net.connect(1, false);
    drop(servers);
    let servers: Vec<_> = (1..=MANY).map(|number| net.serve(0, number)).collect();
    say(&servers, "fourth");
    net.run(seconds(1)).await;
    net.connect(1, true);
    net.run_showing(seconds(4), 1, |shown| {
        assert_whole(&shown, ["third", "fourth"])
    })
    .await;
    net.assert_equal();

    // All are gone at once when the hold is over.
    net.kill(0);
    net.run_showing(net::HOLD + seconds(8), 1, |shown| {
        assert!(
            [0, usize::from(MANY)].contains(&shown.len()),
            "{}",
            shown.len()
        );
    })
    .await;
    assert!(net.shows(1).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_long_step_that_is_malformed_at_its_end_changes_nothing() {
    let mut net = Net::of_members(2, 2).await;
    let _servers: Vec<_> = (1..=MANY).map(|number| net.serve(0, number)).collect();
    net.run(SETTLED).await;
    let own = net.machines[0].registry.own();
    let at = own.revision().0;
    // Plain; all are gone; and so many others have come that are not there.
    let numbers: Vec<u64> = own.servers().iter().map(|it| it.number).collect();
    let body = codec::encode((0_u8, numbers, 7_u64));
    let part = Part {
        run: net.machines[0].config.run,
        clock: 1,
        from: Some(at),
        to: at + 1,
        piece: Piece {
            number: 0,
            more: false,
            bytes: body.into(),
        },
    };
    let message = Message {
        subject: "ms.test.m.a".to_owned(),
        reply: None,
        payload: FromMember::Delta(part).encode(),
    };
    net.publish(None, message);
    net.run_showing(seconds(10), 1, |shown| {
        assert_eq!(shown.len(), usize::from(MANY))
    })
    .await;
    assert_eq!(
        net.machines[1].count(|it| matches!(it, Event::Refused { .. })),
        1
    );
    net.assert_equal();
}

/// Half of it would be taken for all that the member has stated up to the revision before.
#[tokio::test(start_paused = true)]
async fn half_a_step_is_not_passed_on() {
    let mut net = Net::of_members(5, 2).await;
    let servers: Vec<_> = (1..=MANY).map(|number| net.serve(0, number)).collect();
    net.run(SETTLED).await;
    let caught = Rc::new(RefCell::new(Vec::new()));
    let catch = caught.clone();
    net.lose = Box::new(move |_, message| {
        let is_step = matches!(
            FromMember::decode(&message.payload),
            Ok(FromMember::Delta(_))
        );
        if is_step {
            catch.borrow_mut().push(message.clone());
        }
        is_step
    });
    for server in &servers {
        server.heartbeat("changed".into());
    }
    // Before a beat shows that something is missing.
    net.run(Duration::from_millis(5)).await;
    let steps = caught.take();
    assert!(!steps.is_empty());

    let a = &net.machines[0].config;
    let ask = Ask::List {
        member: a.name.clone(),
        run: a.run,
        known: None,
    };
    let asker = "ms.test.inbox.x.1";
    let question = Message {
        subject: "ms.test.sync.b".to_owned(),
        reply: Some(asker.to_owned()),
        payload: ask.encode(),
    };
    let now = metaserve::time::now();
    let node = &mut net.machines[1].node;
    for step in steps {
        node.heard(now, step);
    }
    let mut answers = Vec::new();
    for _ in 0..usize::from(MANY) {
        node.heard(now, question.clone());
        node.turn(now);
        let answer = node.outbox().find(|it| it.subject == asker).unwrap();
        answers.push(Answer::decode(&answer.payload).unwrap());
        if let Some(Answer::List(part)) = answers.last() {
            let all = Changes::read(&part.piece.bytes, 1 << 20)
                .unwrap()
                .all()
                .unwrap();
            assert_eq!(all.listed.len(), usize::from(MANY));
            assert!(all.listed.iter().all(|it| it.heartbeat == "changed"));
            break;
        }
    }
    assert!(answers.len() > 4, "it is applied in pieces");
}

/// As after the restart of a member: its new run has asked others who its servers were.
#[tokio::test(start_paused = true)]
async fn a_member_that_joins_has_all_servers_that_others_hold() {
    let mut net = Net::of_members(6, 3).await;
    let _servers: Vec<_> = (1..=MANY).map(|number| net.serve(0, number)).collect();
    net.run(SETTLED).await;
    let held = net.machines[0].config.run;
    net.leave(0);
    net.kill(0);
    net.restart(0);
    // That answer comes after everybody has been heard.
    let late = metaserve::time::now() + seconds(2);
    net.lose = Box::new(move |_, message| {
        let answer = Answer::decode(&message.payload);
        let is_held = matches!(answer, Ok(Answer::List(part)) if part.run == held);
        is_held && metaserve::time::now() < late
    });
    net.run_checking(seconds(10), |net| {
        let joined = &net.machines[0];
        // When the driver lets clients in.
        if joined.node.joined() && joined.feeds.settle() {
            assert_eq!(joined.list().len(), usize::from(MANY));
        }
    })
    .await;
    assert!(net.machines[0].node.joined());
}

impl Net {
    /// How often this machine has asked others for what it had left out.
    fn asked_for_room(&self, at: usize) -> usize {
        let for_room = |it: &Event| matches!(it, Event::Sync { why: Why::Room, .. });
        self.machines[at].count(for_room)
    }
}

#[tokio::test(start_paused = true)]
async fn servers_that_were_left_out_come_in_when_there_is_room() {
    let mut net = Net::of_members(3, 3).await;
    net.machines[2].registry.set_max_foreign(3);
    let serve = |number: u16| (number, net.serve(usize::from(number % 2), number));
    let mut servers: Vec<_> = (1..=8).map(serve).collect();
    net.run(seconds(60)).await;
    let shown = net.shows(2);
    assert_eq!(shown.len(), 3);
    assert_eq!(net.asked_for_room(2), 0, "there is no room");

    // Two of them go: others take their places.
    servers.retain(|(number, _)| !shown[..2].contains(number));
    net.run(seconds(3)).await;
    assert_eq!(net.shows(2).len(), 3);

    // The operator allows more.
    net.machines[2].registry.set_max_foreign(100);
    net.run(seconds(12)).await;
    net.assert_equal();
    let asked = net.asked_for_room(2);
    net.run(seconds(300)).await;
    assert_eq!(net.asked_for_room(2), asked, "nothing is left out any more");
    assert_eq!(net.machines[2].registry.left_out(), 0);
}

#[tokio::test(start_paused = true)]
async fn members_are_seldom_asked_for_what_was_left_out_and_changes_do_not_wait_for_it() {
    let mut net = Net::of_members(4, 2).await;
    net.machines[1].registry.set_max_foreign(2);
    let mut servers: Vec<_> = (1..=8)
        .map(|number| (number, net.serve(0, number)))
        .collect();
    net.run(SETTLED).await;
    let syncing = |net: &Net| {
        let is = |it: &Event| {
            matches!(
                it,
                Event::Member {
                    state: State::Syncing,
                    ..
                }
            )
        };
        net.machines[1].count(is)
    };
    let before = syncing(&net);

    // There is room for a moment each second, and more servers than that.
    for number in 9..209 {
        let shown = net.shows(1);
        servers.retain(|(number, _)| shown.first() != Some(number));
        net.run(Duration::from_millis(1100)).await;
        servers.push((number, net.serve(0, number)));
        net.run(Duration::from_millis(400)).await;
    }
    let asked = net.asked_for_room(1);
    assert!((2..=20).contains(&asked), "{asked} times in five minutes");

    // The answers are lost. What is shown changes all the same.
    net.lose = Box::new(|_, message| message.subject.starts_with("ms.test.inbox.b."));
    net.machines[1].registry.set_max_foreign(3);
    for round in 0..100 {
        let shown = net.shows(1);
        let (_, server) = servers.iter().find(|it| shown.contains(&it.0)).unwrap();
        let words = format!("round {round}");
        server.heartbeat(words.clone().into());
        net.run(SETTLED).await;
        let list = rows(&net.machines[1].list());
        assert!(list.iter().any(|row| row.heartbeat == words));
    }
    assert!(net.asked_for_room(1) > asked);
    assert_eq!(syncing(&net), before, "nothing that it has said is missing");
}
