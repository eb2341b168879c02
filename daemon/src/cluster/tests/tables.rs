//! One member cannot take what all share: places for runs, and memory.

use super::{
    super::{Event, Message, Refusal, Role, State, Why},
    *,
};
use bytes::Bytes;
use metaserve::{
    list::{By, Claim, Claims, Stated},
    protocol::cluster::{Beat, FromMember, Hold, Part, Piece, Stage, pack_stated},
};

fn to_all(name: &str, message: &FromMember) -> Message {
    Message {
        subject: format!("ms.test.m.{name}"),
        reply: None,
        payload: message.encode(),
    }
}

fn beat(run: u64, holds: Vec<Hold>) -> FromMember {
    FromMember::Beat(Beat {
        run,
        clock: 1,
        stage: Stage::Joined,
        holds,
        ..Beat::default()
    })
}

/// A step of the second machine's list to these servers.
fn step(net: &Net, from: Option<u64>, servers: &[Stated]) -> Message {
    let part = Part {
        run: net.machines[1].config.run,
        clock: 1,
        from,
        to: u64::MAX,
        piece: Piece {
            number: 0,
            more: false,
            bytes: pack_stated(servers),
        },
    };
    to_all("b", &FromMember::Delta(part))
}

fn stated(number: u64, heartbeat: Bytes) -> Stated {
    Stated {
        number,
        game: game(),
        address: address(number as u16 + 1000),
        second_address: None,
        identity: None,
        by: By::Quic,
        claims: Claims::new(Claim(1 << 16), None),
        heartbeat,
    }
}

impl Net {
    /// The runs of a member that a machine knows.
    fn runs_of(&self, at: usize, name: &str) -> usize {
        let members = self.machines[at].node.status().members;
        members.iter().filter(|it| &*it.name == name).count()
    }

    fn refused(&self, at: usize, reason: Refusal) -> usize {
        let refused = |it: &Event| matches!(it, Event::Refused { why, .. } if *why == reason);
        self.machines[at].count(refused)
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_with_many_runs_takes_no_room_from_others() {
    let mut net = Net::of_members(41, 2).await;
    let _servers = [net.serve(0, 1), net.serve(1, 2)];
    for run in 0..2000 {
        net.publish(None, to_all("x", &beat(run, Vec::new())));
        if run % 100 == 0 {
            net.run(Duration::from_millis(10)).await;
        }
    }
    net.run(seconds(1)).await;
    assert_eq!(net.runs_of(0, "x"), 8);
    let gone = |it: &Event| matches!(it, Event::Member { state, .. } if *state == State::Gone);
    assert_eq!(net.machines[0].count(gone), 2000 - 8);
    assert_eq!(net.refused(0, Refusal::TooMany), 0);
    // The one that speaks is among those that are left.
    let members = net.machines[0].node.status().members;
    assert!(
        members
            .iter()
            .any(|it| &*it.name == "x" && it.run == 1999 && it.state.is_heard())
    );
    let late = net.add("late", Role::Member);
    let _more = net.serve(late, 3);
    net.run(seconds(6)).await;
    assert_eq!(net.state(0, late), Some(State::Heard));
    assert_eq!(net.shows(0), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn one_that_joins_is_told_of_few_runs_by_each_and_forgets_them_in_time() {
    let mut net = Net::of_members(42, 1).await;
    let late = net.add("late", Role::Member);
    net.run(seconds(1)).await;
    let hold = |member: String, run| Hold {
        member,
        run,
        left: seconds(4_000_000),
    };
    for round in 0..50_u64 {
        let names = (0..200).map(|at| hold(format!("name-{round}-{at}"), at));
        let many = names.chain((0..200).map(|run| hold("one".into(), run)));
        net.publish(None, to_all("x", &beat(7, many.collect())));
        let one = (0..60).map(|run| hold("one".into(), round * 100 + run));
        net.publish(None, to_all("y", &beat(7, one.collect())));
    }
    net.run(seconds(1)).await;
    assert_eq!(net.runs_of(late, "one"), 8);
    let known = net.machines[late].node.status().members.len();
    assert_eq!(
        known,
        64 + 8 + 3,
        "those of x and of y, and x, y and a themselves"
    );
    net.run(net::KEEP + seconds(10)).await;
    assert_eq!(net.machines[late].node.status().members.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_whole_list_that_nobody_asked_for_is_refused() {
    let mut net = Net::of_members(43, 2).await;
    let _servers = [net.serve(0, 1), net.serve(1, 2)];
    net.run(SETTLED).await;
    let whole = step(&net, None, &[stated(1, Bytes::new())]);
    net.publish(None, whole);
    net.run_checking(seconds(3), |net| assert_eq!(net.shows(0), [1, 2]))
        .await;
    assert_eq!(net.refused(0, Refusal::Malformed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_long_when_unpacked_is_asked_for_and_not_unpacked() {
    let mut net = Net::of_members(44, 2).await;
    let _servers = [net.serve(0, 1), net.serve(1, 2)];
    net.run(SETTLED).await;
    let zeros = Bytes::from(vec![0; 1 << 20]);
    let servers: Vec<_> = (0..65).map(|at| stated(at, zeros.clone())).collect();
    let long = step(&net, Some(0), &servers);
    net.publish(None, long);
    net.run_checking(seconds(3), |net| assert_eq!(net.shows(0), [1, 2]))
        .await;
    let asked = |it: &Event| matches!(it, Event::Sync { why, .. } if *why == Why::Overflow);
    assert_eq!(net.machines[0].count(asked), 1);
    assert_eq!(net.state(0, 1), Some(State::Heard));
    net.assert_equal();
}

#[tokio::test(start_paused = true)]
async fn a_list_longer_than_the_settings_allow_is_refused() {
    let mut net = Net::of_members(45, 1).await;
    let server = net.serve(0, 1);
    server.heartbeat(vec![7; 20_000].into());
    let config = net.config("small", Role::Member);
    let small = net.start(super::super::Config {
        list_bytes: 10_000,
        ..config
    });
    net.run(seconds(6)).await;
    assert_eq!(net.shows(small), [0_u16; 0]);
    assert!(net.refused(small, Refusal::Oversize) > 0);
    server.heartbeat(vec![7; 5_000].into());
    net.run(seconds(10)).await;
    assert_eq!(net.shows(small), [1]);
}
