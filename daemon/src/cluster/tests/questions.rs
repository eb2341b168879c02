//! Questions to a member: who is answered, and how much.

use super::{
    super::{Event, Message, Refusal},
    *,
};
use metaserve::{
    protocol::cluster::{Answer, Ask},
    time,
};

impl Net {
    /// The first machine hears this question. Returns what has happened.
    fn asks(&mut self, reply: &str, ask: &Ask) -> Vec<Event> {
        let machine = &mut self.machines[0];
        let message = Message {
            subject: "ms.test.sync.a".to_owned(),
            reply: Some(reply.to_owned()),
            payload: ask.encode(),
        };
        machine.node.heard(time::now(), message);
        machine.node.take_events()
    }

    /// What the first machine says, and where.
    fn said_now(&mut self) -> Vec<Message> {
        self.machines[0].node.outbox().collect()
    }

    fn own_list(&self) -> Ask {
        Ask::List {
            member: "a".to_owned(),
            run: self.machines[0].config.run,
            known: None,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_an_inbox_of_this_cluster_is_answered() {
    let mut net = Net::of_members(31, 1).await;
    let ask = net.own_list();
    for reply in [
        "ms.test.m.b",
        "ms.test.sync.b",
        "ms.other.inbox.b.1",
        "ms.test.inbox.b",
        "ms.test.inbox.b.",
        "ms.test.inbox..1",
        "ms.test.inbox.b c.1",
        "ms.test.inbox.b.>",
        "$SYS.REQ",
    ] {
        let events = net.asks(reply, &ask);
        let subject = "ms.test.sync.a".to_owned();
        let why = Refusal::Subject;
        assert_eq!(events, [Event::Refused { subject, why }], "{reply}");
    }
    net.machines[0].node.turn(time::now());
    assert_eq!(net.said_now(), []);
    assert_eq!(net.asks("ms.test.inbox.b.1", &ask), []);
    net.machines[0].node.turn(time::now());
    assert_eq!(net.said_now().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_not_known_is_answered_at_once() {
    let mut net = Net::of_members(32, 1).await;
    let unknown = |member: &str, run| Ask::List {
        member: member.to_owned(),
        run,
        known: None,
    };
    for ask in [unknown("b", 1), unknown("a", 1), Ask::Bans { run: 1 }] {
        assert_eq!(net.asks("ms.test.inbox.c.1", &ask), []);
        let said = net.said_now();
        assert_eq!(said.len(), 1, "{ask:?}");
        assert_eq!(said[0].subject, "ms.test.inbox.c.1");
        assert_eq!(Answer::decode(&said[0].payload), Ok(Answer::NotKnown));
    }
    let due = net.machines[0].node.turn(time::now());
    assert!(due > time::now(), "nothing waits");
}

#[tokio::test(start_paused = true)]
async fn one_that_asks_much_is_refused_and_delays_nobody() {
    let mut net = Net::of_members(33, 1).await;
    let mut random = fastrand::Rng::with_seed(1);
    // Ten pieces.
    let servers: Vec<_> = (1..=10).map(|number| net.serve(0, number)).collect();
    for server in &servers {
        let noise = std::iter::repeat_with(|| random.u8(..)).take(256 * 1024);
        server.heartbeat(noise.collect::<Vec<u8>>().into());
    }
    net.run(SETTLED).await;
    let ask = net.own_list();
    let mut refused = 0;
    for id in 0..100 {
        refused += net.asks(&format!("ms.test.inbox.b.{id}"), &ask).len();
    }
    assert_eq!(refused, 100 - 32);
    assert_eq!(net.asks("ms.test.inbox.c.1", &ask), []);
    let mut to_others = 0;
    let mut last = None;
    while last != Some(false) {
        net.machines[0].node.turn(time::now());
        for message in net.said_now() {
            match message.subject.as_str() {
                "ms.test.inbox.c.1" => match Answer::decode(&message.payload) {
                    Ok(Answer::List(part)) => last = Some(part.piece.more),
                    other => panic!("{other:?}"),
                },
                _ => to_others += 1,
            }
        }
        assert!(to_others < 100, "b is answered first");
    }
    assert!(to_others > 10, "b is answered as well");
    // Strangers are many, but not without end.
    let refused = (0..400).filter(|asker| {
        let reply = format!("ms.test.inbox.x{asker}.1");
        !net.asks(&reply, &ask).is_empty()
    });
    assert_eq!(refused.count(), 400 - 255);
}
