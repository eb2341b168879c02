//! A ban at one member holds at all.

use super::{
    super::{Banned, Event},
    *,
};
use crate::settings::Terms;
use metaserve::{
    protocol::cluster::{Answer, FromMember, Part, Piece, pack_bans},
    time,
};

fn banned(prefix: &str, left: Option<u64>) -> Banned {
    Banned {
        prefix: prefix.parse().unwrap(),
        left: left.map(Duration::from_secs),
    }
}

impl Net {
    fn ban(&mut self, at: usize, bans: &[Banned]) {
        let machine = &mut self.machines[at];
        machine.node.set_bans(time::now(), bans);
        self.connect(at, true);
        self.carry(at);
    }

    /// The bans of others that a machine obeys.
    fn banned(&self, at: usize) -> Vec<String> {
        let bans = self.machines[at].node.bans(time::now());
        let mut prefixes: Vec<_> = bans.iter().map(|ban| ban.prefix.to_string()).collect();
        prefixes.sort();
        prefixes
    }
}

#[tokio::test(start_paused = true)]
async fn row_17_a_ban_at_one_member_holds_at_all_soon_and_is_lifted_at_all() {
    let mut net = Net::of_members(17, 3).await;
    net.ban(
        0,
        &[
            banned("192.0.2.0/24", None),
            banned("2001:db8::/32", Some(60)),
        ],
    );
    net.ban(1, &[banned("198.51.100.7/32", None)]);
    net.run(seconds(2)).await;
    assert_eq!(
        net.banned(2),
        ["192.0.2.0/24", "198.51.100.7/32", "2001:db8::/32"]
    );
    assert_eq!(net.banned(0), ["198.51.100.7/32"]);
    assert!(net.machines[2].count(|it| *it == Event::Bans) >= 2);
    // One ends by itself, one is lifted.
    net.run(seconds(60)).await;
    assert_eq!(net.banned(2), ["192.0.2.0/24", "198.51.100.7/32"]);
    net.ban(0, &[]);
    net.run(seconds(2)).await;
    assert_eq!(net.banned(2), ["198.51.100.7/32"]);
}

#[tokio::test(start_paused = true)]
async fn bans_that_were_lost_on_the_way_or_said_before_are_asked_for() {
    let mut net = Net::of_members(18, 2).await;
    let lost = |_: usize, message: &super::super::Message| {
        matches!(
            FromMember::decode(&message.payload),
            Ok(FromMember::Bans(_))
        ) && message.subject.contains(".m.")
    };
    net.lose = Box::new(lost);
    // More than fit into one message.
    let many: Vec<_> = (0..60_000_u32)
        .map(|at| banned(&format!("{}/32", std::net::Ipv4Addr::from(at * 7919)), None))
        .collect();
    net.ban(0, &many);
    net.run(seconds(3)).await;
    assert_eq!(net.banned(1).len(), many.len());
    let late = net.add("late", super::super::Role::Edge);
    net.run(seconds(6)).await;
    assert_eq!(net.banned(late).len(), many.len());
}

#[tokio::test(start_paused = true)]
async fn bans_of_a_member_that_is_gone_stay_for_a_day_and_a_new_run_without_any_lifts_them() {
    let mut net = Net::of_members(19, 3).await;
    net.ban(0, &[banned("192.0.2.0/24", None)]);
    net.run(seconds(2)).await;
    net.kill(0);
    net.run(seconds(3600)).await;
    assert_eq!(net.banned(1), ["192.0.2.0/24"]);
    assert_eq!(net.state(1, 0), None);
    net.run(seconds(24 * 3600)).await;
    assert_eq!(net.banned(1), [""; 0]);

    net.ban(1, &[banned("192.0.2.0/24", None)]);
    net.run(seconds(2)).await;
    assert_eq!(net.banned(2), ["192.0.2.0/24"]);
    net.restart(1);
    net.run(seconds(7)).await;
    assert_eq!(net.banned(2), [""; 0]);
}

/// A part of one ban of a run, at this revision.
fn one_ban(run: u64, to: u64, prefix: &str, left: Option<u64>) -> Part {
    Part {
        run,
        clock: 1,
        from: None,
        to,
        piece: Piece {
            number: 0,
            more: false,
            bytes: pack_bans(&[banned(prefix, left)]),
        },
    }
}

#[tokio::test(start_paused = true)]
async fn bans_that_nobody_asked_for_or_of_a_member_that_is_not_heard_are_not_taken() {
    let mut net = Net::of_members(21, 2).await;
    let run = net.machines[1].config.run;
    let said = |run| FromMember::Bans(one_ban(run, 9, "192.0.2.0/24", None)).encode();
    let answered = || Answer::Bans(one_ban(run, 9, "192.0.2.0/24", None)).encode();
    for (subject, payload) in [
        ("ms.test.m.nobody", said(7)),
        ("ms.test.m.b", said(7)),
        ("ms.test.inbox.a.bans-b", answered()),
        ("ms.test.inbox.a.1", answered()),
        ("ms.test.inbox.a.bans-nobody", answered()),
    ] {
        let message = super::super::Message {
            subject: subject.to_owned(),
            reply: None,
            payload,
        };
        net.publish(None, message);
        net.run(seconds(1)).await;
        assert_eq!(net.machines[0].node.remembered_bans(), 0, "{subject}");
    }
    // That run of it says the same.
    let message = super::super::Message {
        subject: "ms.test.m.b".to_owned(),
        reply: None,
        payload: said(run),
    };
    net.publish(None, message);
    net.run(seconds(1)).await;
    assert_eq!(net.banned(0), ["192.0.2.0/24"]);
}

#[tokio::test(start_paused = true)]
async fn bans_that_have_ended_are_forgotten() {
    let mut net = Net::of_members(22, 2).await;
    net.ban(
        0,
        &[
            banned("192.0.2.0/24", Some(5)),
            banned("198.51.100.7/32", None),
        ],
    );
    net.run(seconds(2)).await;
    assert_eq!(net.machines[1].node.remembered_bans(), 2);
    net.run(seconds(5)).await;
    assert_eq!(net.machines[1].node.remembered_bans(), 1);
    assert_eq!(net.banned(1), ["198.51.100.7/32"]);
}

#[tokio::test(start_paused = true)]
async fn a_member_has_no_more_bans_than_a_file_may_have() {
    let mut net = Net::of_members(23, 2).await;
    let many = |count: u32| -> Vec<_> {
        let each = |at: u32| {
            banned(
                &format!("2001:db8::{:x}:{:x}/128", at >> 16, at & 0xffff),
                Some(3600),
            )
        };
        (0..count).map(each).collect()
    };
    // As many lines as a file may have.
    net.ban(0, &many(100_000));
    net.run(seconds(3)).await;
    assert_eq!(net.machines[1].node.remembered_bans(), 100_000);
    net.ban(0, &many(250_000));
    net.run(seconds(3)).await;
    assert_eq!(net.machines[1].node.remembered_bans(), 100_000);
    let oversize = |it: &Event| {
        matches!(
            it,
            Event::Refused {
                why: super::super::Refusal::Oversize,
                ..
            }
        )
    };
    assert!(net.machines[1].count(oversize) > 0);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_does_not_obey_bans_has_none() {
    let mut net = Net::of_members(20, 2).await;
    let config = net.config("free", super::super::Role::Member);
    let free = net.start(super::super::Config {
        bans: false,
        ..config
    });
    net.ban(0, &[banned("192.0.2.0/24", None)]);
    net.run(seconds(8)).await;
    assert_eq!(net.banned(1), ["192.0.2.0/24"]);
    assert_eq!(net.banned(free), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn bans_of_others_hold_as_long_as_the_settings_say_so() {
    let mut net = Net::of_members(17, 2).await;
    net.ban(0, &[banned("192.0.2.0/24", None)]);
    net.run(seconds(2)).await;
    for (bans, holding) in [(false, vec![]), (true, vec!["192.0.2.0/24"])] {
        net.machines[1].node.set_terms(Terms {
            hold: net::HOLD,
            keep: net::KEEP,
            bans,
            list_bytes: 256 << 20,
        });
        let told = net.machines[1].node.take_events();
        assert_eq!(told, [Event::Bans]);
        assert_eq!(net.banned(1), holding);
    }
}
