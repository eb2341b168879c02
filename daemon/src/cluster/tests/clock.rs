//! Times that no honest member says.

use super::{
    super::{Event, Message, Refusal, Role, State},
    *,
};
use bytes::Bytes;
use metaserve::{
    list::{By, Claim, Claims, Clock, Stamp, Stated},
    protocol::cluster::{Beat, FromMember, Part, Piece, Stage, pack_stated},
};

impl Net {
    /// The time at this machine.
    fn clock(&self, at: usize) -> u64 {
        self.machines[at].registry.clock().now().0
    }

    /// A stranger says to all that it is this time, as a member `m.x` or an edge `e.x`.
    fn say_time(&mut self, subject: &str, clock: u64) {
        let beat = Beat {
            run: 7,
            clock,
            stage: Stage::Joined,
            ..Beat::default()
        };
        let message = Message {
            subject: format!("ms.test.{subject}"),
            reply: None,
            payload: FromMember::Beat(beat).encode(),
        };
        self.publish(None, message);
    }

    fn refused_times(&self, at: usize) -> usize {
        let far = |it: &Event| {
            matches!(
                it,
                Event::Refused {
                    why: Refusal::FarAhead,
                    ..
                }
            )
        };
        self.machines[at].count(far)
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_that_lies_cannot_use_up_the_time_of_all() {
    let mut net = Net::of_members(1, 3).await;
    let _servers = [net.serve(0, 1), net.serve(1, 2)];
    net.run(SETTLED).await;
    let begin = net.clock(0);
    // More than 48 bits, if each were believed.
    for _ in 0..300 {
        let most = net.clock(0) + Clock::FAR;
        net.say_time("m.x", most);
        net.run(Duration::from_millis(10)).await;
    }
    assert!(net.clock(0) < begin + 2 * Clock::FAR, "{}", net.clock(0));
    assert!(net.refused_times(0) >= 299);
    // The others have the same time, and hear each other as before.
    let _more = net.serve(2, 3);
    net.run(SETTLED).await;
    net.assert_equal();
    assert_eq!(net.state(0, 1), Some(State::Heard));
    // After a day it may be believed again.
    net.run(seconds(24 * 3600)).await;
    let before = net.clock(0);
    net.say_time("m.x", before + Clock::FAR - 1000);
    net.run(seconds(1)).await;
    assert!(net.clock(0) > before + Clock::FAR / 2);
}

#[tokio::test(start_paused = true)]
async fn an_edge_sets_no_clock() {
    let mut net = Net::of_members(2, 2).await;
    net.run(SETTLED).await;
    net.say_time("e.x", 1 << 39);
    net.run(seconds(1)).await;
    assert!(net.clock(0) < 1 << 20);
    let mut status = net.machines[0].node.status().members.into_iter();
    assert!(status.any(|it| &*it.name == "x" && it.role == Role::Edge));
}

#[tokio::test(start_paused = true)]
async fn a_member_joins_a_cluster_of_any_age_and_then_believes_less() {
    let mut net = Net::of_members(3, 2).await;
    let old = Clock::OLD - (1 << 20);
    for machine in &net.machines {
        machine.registry.clock().adopt(Stamp(old)).unwrap();
    }
    let _servers = [net.serve(0, 1), net.serve(1, 2)];
    let late = net.add("late", Role::Member);
    let _more = net.serve(late, 3);
    net.run(seconds(6)).await;
    assert!(net.machines[late].node.joined());
    net.assert_equal();
    assert!(net.clock(late) >= old);
    assert_eq!(net.refused_times(late), 0);
    // It has joined, so it compares times with its own.
    let now = net.clock(late);
    net.say_time("m.x", now + 2 * Clock::FAR);
    net.say_time("m.x", Clock::END);
    net.run(seconds(1)).await;
    assert_eq!(net.refused_times(late), 2);
    assert!(net.clock(late) < now + 1000);
}

#[tokio::test(start_paused = true)]
async fn a_claim_from_the_future_is_refused_and_the_server_that_is_here_stays() {
    let mut net = Net::of_members(4, 2).await;
    let server = net.serve_as(0, address(1), Some(identity(1)));
    net.run(SETTLED).await;
    let stamp = net.clock(0) + 1000;
    let forged = Stated {
        number: 1,
        game: game(),
        address: address(9),
        second_address: None,
        identity: Some(identity(1)),
        by: By::Quic,
        claims: Claims::new(Claim::new(Stamp(stamp), 1), None),
        heartbeat: Bytes::from_static(b"forged"),
    };
    let part = Part {
        run: net.machines[1].config.run,
        clock: 1,
        from: Some(0),
        to: u64::MAX,
        piece: Piece {
            number: 0,
            more: false,
            bytes: pack_stated(&[forged]),
        },
    };
    let message = Message {
        subject: "ms.test.m.b".to_owned(),
        reply: None,
        payload: FromMember::Delta(part).encode(),
    };
    let machine = &mut net.machines[0];
    machine.node.heard(metaserve::time::now(), message);
    let refused = |it: &Event| {
        matches!(
            it,
            Event::Refused {
                why: Refusal::Malformed,
                ..
            }
        )
    };
    assert!(machine.node.take_events().iter().any(refused));
    net.run_checking(seconds(8), |net| assert_eq!(net.shows(0), [1]))
        .await;
    drop(server);
    assert_eq!(net.state(0, 1), Some(State::Heard));
}
