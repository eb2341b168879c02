//! What does not belong here is dropped and counted; what is too long is cut and joined.

use super::{
    super::{Event, Message, Refusal, Role, State, peer::MAX_WAITING_BYTES},
    *,
};
use bytes::Bytes;
use metaserve::protocol::cluster::{Answer, Ask, Beat, FromMember, Hello, Part, Piece, Stage};

fn message(subject: &str, payload: impl Into<Bytes>) -> Message {
    Message {
        subject: subject.to_owned(),
        reply: None,
        payload: payload.into(),
    }
}

fn beat(run: u64) -> Beat {
    Beat {
        run,
        clock: 1,
        stage: Stage::Joined,
        ..Beat::default()
    }
}

fn delta(run: u64) -> Bytes {
    let part = Part {
        run,
        clock: 1,
        from: Some(0),
        to: 1,
        piece: Piece {
            number: 0,
            more: false,
            bytes: Bytes::from_static(&[0, 0, 0, 0]),
        },
    };
    FromMember::Delta(part).encode()
}

#[tokio::test(start_paused = true)]
async fn row_20_long_frames_and_heartbeats_come_in_parts_and_a_lost_part_is_asked_for() {
    for lost in [false, true] {
        let mut net = Net::of_members(20, 3).await;
        let mut once = lost;
        net.lose = Box::new(move |to, message| {
            let part = FromMember::decode(&message.payload);
            let lose = matches!(part, Ok(FromMember::Delta(part)) if part.piece.number == 2);
            lose && to == 1 && std::mem::take(&mut once)
        });
        let mut random = fastrand::Rng::with_seed(1);
        let servers: Vec<_> = (1..=4).map(|number| net.serve(0, number)).collect();
        for server in &servers {
            let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..))
                .take(1 << 20)
                .collect();
            server.heartbeat(noise.into());
        }
        net.run(seconds(4)).await;
        net.assert_equal();
        let gaps = net.machines[1].count(|it| matches!(it, Event::Gap { .. }));
        assert_eq!(gaps > 0, lost);
    }
}

#[tokio::test(start_paused = true)]
async fn messages_are_no_longer_than_nats_carries() {
    let mut net = Net::of_members(46, 2).await;
    let longest = std::rc::Rc::new(std::cell::Cell::new(0));
    let seen = longest.clone();
    net.lose = Box::new(move |_, message| {
        seen.set(seen.get().max(message.payload.len()));
        false
    });
    for at in 0..2 {
        net.machines[at].node.set_max_payload(64 << 10);
    }
    let mut random = fastrand::Rng::with_seed(1);
    let servers: Vec<_> = (1..=4).map(|number| net.serve(0, number)).collect();
    for server in &servers {
        let noise = std::iter::repeat_with(|| random.u8(..)).take(100_000);
        server.heartbeat(noise.collect::<Vec<u8>>().into());
    }
    net.run(SETTLED).await;
    net.assert_equal();
    // Also in answers, to one that has just come.
    net.add("late", Role::Edge);
    net.run(seconds(6)).await;
    net.assert_equal();
    let longest = longest.get();
    assert!((60_000..=63 << 10).contains(&longest), "{longest}");
}

#[tokio::test(start_paused = true)]
async fn row_21_what_does_not_belong_here_is_dropped_and_counted_and_changes_nothing() {
    let mut net = Net::of_members(21, 2).await;
    let _servers = [net.serve(0, 1), net.serve(1, 2)];
    net.run(SETTLED).await;
    let now = metaserve::time::now();
    let run = net.machines[1].config.run;
    let from_far = Beat {
        clock: 1 << 41,
        ..beat(7)
    };
    let beat = |beat| FromMember::Beat(beat).encode();
    let mut later = beat(self::beat(7)).to_vec();
    later[0] = 2;
    let whole = beat(self::beat(7));
    let hello = Hello {
        member: "a b".into(),
        run: 1,
        tag: 1,
    };
    let bomb = [&[1][..], &[0; 10]].concat();
    let bad_body = Part {
        run,
        clock: 1,
        from: Some(0),
        to: u64::MAX,
        piece: Piece {
            number: 0,
            more: false,
            bytes: bomb.into(),
        },
    };
    let table = [
        ("ms.other.m.b", whole.clone(), Refusal::Subject),
        ("m.b", whole.clone(), Refusal::Subject),
        ("ms.test.what.b", whole.clone(), Refusal::Subject),
        ("ms.test.sync.a", whole.clone(), Refusal::Subject),
        ("ms.test.m.b", later.into(), Refusal::Version),
        ("ms.test.m.b", Bytes::new(), Refusal::Empty),
        (
            "ms.test.m.b",
            whole.slice(..whole.len() - 1),
            Refusal::Malformed,
        ),
        (
            "ms.test.m.b",
            vec![1; 256 * 1024 + 1].into(),
            Refusal::Oversize,
        ),
        ("ms.test.m.x", beat(from_far), Refusal::FarAhead),
        ("ms.test.e.edge", delta(7), Refusal::Edge),
        (
            "ms.test.hello",
            FromMember::Hello(hello).encode(),
            Refusal::Malformed,
        ),
        ("ms.test.hello", whole, Refusal::Subject),
        (
            "ms.test.inbox.a.7",
            b"\x01\x09"[..].into(),
            Refusal::Malformed,
        ),
    ];
    for (subject, payload, why) in table {
        let machine = &mut net.machines[0];
        machine.node.heard(now, message(subject, payload));
        let events = machine.node.take_events();
        let subject = subject.to_owned();
        assert_eq!(events, [Event::Refused { subject, why }]);
    }
    // Answers that nobody has asked for, and those to questions that were asked again.
    let answer = message("ms.test.inbox.a.7", Answer::NotKnown.encode());
    net.machines[0].node.heard(now, answer);
    assert_eq!(net.machines[0].node.take_events(), []);
    net.assert_equal();
    assert_eq!(net.machines[0].node.status().members.len(), 1);
    // A body that is none costs what that member has said, until it is asked for again.
    let spoilt = message("ms.test.m.b", FromMember::Delta(bad_body).encode());
    net.publish(None, spoilt);
    net.run_checking(seconds(8), |net| assert_eq!(net.shows(0), [1, 2]))
        .await;
    net.assert_equal();
    assert_eq!(net.state(0, 1), Some(State::Heard));
}

#[tokio::test(start_paused = true)]
async fn an_edge_states_nothing_and_shows_all() {
    let mut net = Net::of_members(22, 3).await;
    let _servers = [net.serve(0, 1), net.serve(1, 2)];
    let edge = net.add("edge", Role::Edge);
    net.run(seconds(6)).await;
    assert!(net.machines[edge].node.joined());
    net.assert_equal();
    let status = net.machines[0].node.status();
    let seen = status.members.iter().find(|it| it.role == Role::Edge);
    assert_eq!(seen.unwrap().state, State::Heard);
    // It is not one of those whose silence means that we are cut off.
    net.kill(1);
    net.kill(edge);
    net.run(seconds(8)).await;
    assert_eq!(net.state(0, 1), Some(State::Held));
    assert!(!net.machines[0].node.status().cut_off);
}

#[tokio::test(start_paused = true)]
async fn row_22_of_two_members_of_one_name_the_later_one_states_nothing_and_says_so() {
    let mut net = Net::of_members(22, 2).await;
    let _servers = [net.serve(0, 1), net.serve(1, 2)];
    net.run(SETTLED).await;
    let twin = net.add("a", Role::Member);
    let _unseen = net.serve(twin, 3);
    net.run_checking(seconds(20), |net| {
        (0..2).for_each(|at| assert_eq!(net.shows(at), [1, 2]));
        assert_eq!(net.state(1, 0), Some(State::Heard));
    })
    .await;
    assert_eq!(net.shows(twin), [1, 2, 3], "it follows the others");
    let run = net.machines[0].config.run;
    let said = net.machines[twin].count(|it| *it == Event::Rival(Some(run)));
    assert_eq!(said, 1);
    assert!(net.machines[twin].node.gives_way());
    // When the other is gone, it may speak.
    net.kill(0);
    net.run(seconds(8)).await;
    assert!(!net.machines[twin].node.gives_way());
    assert_eq!(net.shows(1), [1, 2, 3]);
}

/// It would not answer, and take its turns without a pause.
#[tokio::test(start_paused = true)]
async fn a_member_that_gives_way_with_a_question_to_answer_is_at_rest() {
    let mut net = Net::of_members(25, 1).await;
    net.run(SETTLED).await;
    let machine = &mut net.machines[0];
    let now = metaserve::time::now();
    let ask = Ask::List {
        member: "a".to_owned(),
        run: machine.config.run,
        known: None,
    };
    let question = Message {
        reply: Some("ms.test.inbox.b.1".to_owned()),
        ..message("ms.test.sync.a", ask.encode())
    };
    machine.node.heard(now, question);
    let older = FromMember::Beat(beat(0)).encode();
    machine.node.heard(now, message("ms.test.m.a", older));
    assert!(machine.node.gives_way());
    assert!(machine.node.turn(now) > now);
}

/// Both were alone when they started, and meet when the network is whole again.
#[tokio::test(start_paused = true)]
async fn of_two_members_of_one_name_that_meet_exactly_one_gives_way() {
    for seed in 0..4 {
        let mut net = Net::new(seed);
        for (part, name) in ["a", "b", "a"].into_iter().enumerate() {
            let at = net.add(name, Role::Member);
            net.split(part as u32, &[at]);
        }
        net.run(seconds(8)).await;
        net.split(0, &[0, 1, 2]);
        net.run(seconds(8)).await;
        let rivals = [0, 2].map(|at| net.machines[at].node.gives_way());
        assert!(rivals[0] != rivals[1], "{rivals:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_an_answer_is_bounded() {
    let mut net = Net::of_members(23, 2).await;
    let now = metaserve::time::now();
    let run = net.machines[1].config.run;
    // Changes with a gap before them: they wait for an answer that does not come.
    let late = 1 << 60;
    net.connect(1, false);
    for at in 0..3 * (MAX_WAITING_BYTES / 200_000) as u64 {
        let part = Part {
            run,
            clock: 1,
            from: Some(late + at),
            to: late + 1 + at,
            piece: Piece {
                number: 0,
                more: false,
                bytes: vec![0; 200_000].into(),
            },
        };
        let payload = FromMember::Delta(part).encode();
        net.machines[0]
            .node
            .heard(now, message("ms.test.m.b", payload));
        assert!(net.machines[0].node.waiting_bytes() <= MAX_WAITING_BYTES);
    }
    net.run(seconds(2)).await;
    let overflow = |it: &Event| {
        matches!(
            it,
            Event::Sync {
                why: super::super::Why::Overflow,
                ..
            }
        )
    };
    assert!(net.machines[0].count(overflow) > 0);
}

/// Many ask for a long list at the same time: they are answered a few at a time.
#[tokio::test(start_paused = true)]
async fn a_long_list_goes_to_few_at_a_time_and_finally_to_all() {
    let mut net = Net::of_members(24, 1).await;
    let mut random = fastrand::Rng::with_seed(1);
    let servers: Vec<_> = (1..=300).map(|number| net.serve(0, number)).collect();
    for server in &servers {
        let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..))
            .take(4000)
            .collect();
        server.heartbeat(noise.into());
    }
    for at in 0..12 {
        net.add(&format!("edge-{at}"), Role::Edge);
    }
    net.run_checking(seconds(6), |net| assert!(net.longest_outbox <= 8 + 20))
        .await;
    assert!(net.machines.iter().all(|it| it.list().len() == 300));
    // All of them were given the same bytes.
    assert!(net.machines.iter().all(|it| it.node.joined()));
}

/// Clients of all daemons take a snapshot when the list has another epoch.
#[tokio::test(start_paused = true)]
async fn edges_do_not_change_the_epoch_and_members_seldom() {
    let mut net = Net::of_members(26, 2).await;
    net.run(seconds(10)).await;
    let epoch = |net: &Net| net.machines[0].feeds.of(None).epoch();
    let say = |net: &mut Net, subject: &str, epoch| {
        let said = Beat { epoch, ..beat(7) };
        let said = message(subject, FromMember::Beat(said).encode());
        let now = metaserve::time::now();
        net.machines[0].node.heard(now, said);
    };
    let first = epoch(&net);
    say(&mut net, "ms.test.e.x", 9);
    assert_eq!(epoch(&net), first);
    say(&mut net, "ms.test.m.x", 9);
    let second = epoch(&net);
    assert_ne!(second, first);
    say(&mut net, "ms.test.m.x", 8);
    assert_eq!(epoch(&net), second);
    net.run(seconds(60)).await;
    say(&mut net, "ms.test.m.x", 7);
    assert_ne!(epoch(&net), second);
}

#[tokio::test(start_paused = true)]
async fn an_edge_that_was_alone_has_the_list_of_the_members_that_come() {
    let mut net = Net::new(27);
    let edge = net.add("edge", Role::Edge);
    net.run(seconds(8)).await;
    for name in ["a", "b"] {
        net.add(name, Role::Member);
    }
    // It may have followed the first of them before they agreed.
    net.run(seconds(80)).await;
    let epochs: Vec<_> = net
        .machines
        .iter()
        .map(|it| it.feeds.of(None).epoch())
        .collect();
    assert!(epochs.iter().all(|it| *it == epochs[edge]), "{epochs:?}");
}

#[tokio::test(start_paused = true)]
async fn many_hellos_are_answered_with_few_beats() {
    let mut net = Net::of_members(28, 1).await;
    let before = net.traffic.published;
    for _ in 0..1000 {
        let hello = Hello {
            member: "x".into(),
            run: 1,
            tag: 1,
        };
        let hello = message("ms.test.hello", FromMember::Hello(hello).encode());
        let machine = &mut net.machines[0];
        machine.due = machine.node.heard(metaserve::time::now(), hello);
        net.run(Duration::from_millis(1)).await;
    }
    let said = net.traffic.published - before;
    assert!(said <= 6, "{said}");
}
