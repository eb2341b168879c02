//! A cluster of 100 members and 20 edges in virtual time: how many messages and bytes it costs, and
//! how long it takes to agree.
//!
//! `METASERVE_CLUSTER_MEMBERS` is the number of members, a fifth as many edges are added, and
//! `METASERVE_CLUSTER_SERVERS` the number of servers of each member. To see the table:
//!
//!     cargo test --workspace --lib a_cluster_of_100 -- --nocapture

use super::{super::Role, *};
use net::Traffic;

/// How often it is looked whether all agree: the table is that exact.
const LOOK: Duration = Duration::from_millis(50);

fn setting(name: &str, default: usize) -> usize {
    let given = std::env::var(name).ok();
    given.map_or(default, |given| given.parse().expect(name))
}

impl Net {
    /// Whether every running machine has joined and has all that each running member has said.
    fn agrees(&self) -> bool {
        let running = || self.machines.iter().filter(|it| it.running);
        let owners: std::collections::BTreeMap<_, _> = running()
            .filter(|it| it.config.role == Role::Member)
            .map(|it| {
                (
                    (&*it.config.name, it.config.run),
                    it.registry.own().revision().0,
                )
            })
            .collect();
        running().all(|machine| {
            let status = machine.node.status();
            let members = status.members.iter();
            let level = members.filter(|it| {
                let owner = owners.get(&(&*it.name, it.run));
                let ours = machine.node.knows(&it.name, it.run);
                owner.is_some_and(|at| ours.is_some_and(|ours| ours >= *at))
            });
            let others = owners.len() - usize::from(machine.config.role == Role::Member);
            machine.node.joined() && level.count() == others
        })
    }

    /// Runs until all agree, and returns how long it took.
    async fn agree(&mut self) -> Duration {
        let start = metaserve::time::now();
        while !self.agrees() {
            self.run(LOOK).await;
            let took = metaserve::time::now() - start;
            assert!(took < seconds(60), "they do not agree");
        }
        metaserve::time::now() - start
    }

    /// Runs until all lists show a server with this heartbeat, and returns how long it took.
    async fn shown(&mut self, heartbeat: &str) -> Duration {
        let start = metaserve::time::now();
        let shows = |machine: &net::Machine| {
            let list = machine.list();
            list.iter().any(|it| it.heartbeat == heartbeat.as_bytes())
        };
        while !self.machines.iter().all(shows) {
            self.run(LOOK).await;
            let took = metaserve::time::now() - start;
            assert!(took < seconds(60), "{heartbeat} is not in all lists");
        }
        metaserve::time::now() - start
    }

    /// What was sent in this time, for each second.
    async fn traffic_in(&mut self, time: u64) -> [u64; 4] {
        let before = self.traffic;
        self.run(seconds(time)).await;
        let Traffic {
            published,
            published_bytes,
            delivered,
            delivered_bytes,
        } = self.traffic;
        [
            (published - before.published) / time,
            (published_bytes - before.published_bytes) / time,
            (delivered - before.delivered) / time,
            (delivered_bytes - before.delivered_bytes) / time,
        ]
    }
}

#[tokio::test(start_paused = true)]
#[expect(clippy::print_stdout, reason = "figures for those who run it alone")]
async fn a_cluster_of_100_members_and_20_edges_agrees_soon_whatever_happens() {
    let members = setting("METASERVE_CLUSTER_MEMBERS", 100);
    let servers = setting("METASERVE_CLUSTER_SERVERS", 3);
    let edges = members / 5;
    let mut net = Net::new(100);
    net.hold = seconds(10);
    let mut rows = Vec::new();
    let traffic = |rows: &mut Vec<String>, what: &str, traffic: [u64; 4]| {
        let [published, bytes, delivered, delivered_bytes] = traffic;
        rows.push(format!(
            "{what}: {published} messages/s of {bytes} bytes/s published, \
             {delivered} messages/s of {delivered_bytes} bytes/s delivered"
        ));
    };

    // All start within a second.
    let mut registrations = Vec::new();
    for at in 0..members + edges {
        let role = if at < members {
            Role::Member
        } else {
            Role::Edge
        };
        net.add(&net::name(at), role);
        for number in 0..servers * usize::from(role == Role::Member) {
            registrations.push(net.serve(at, (at * servers + number + 1) as u16));
        }
        net.run(seconds(1) / (members + edges) as u32).await;
    }
    let joined = net.agree().await;
    rows.push(format!(
        "all have joined: {joined:?} after the last one started"
    ));
    assert!(joined <= seconds(6), "{joined:?}");
    net.run(seconds(3)).await;

    let quiet = net.traffic_in(3).await;
    traffic(&mut rows, "quiet", quiet);
    let everybody = (members + edges) as u64;
    assert_eq!(quiet[0], everybody, "a beat each");
    assert_eq!(quiet[2], everybody * (everybody - 1));

    // A tenth of the servers change each second.
    let before = net.traffic;
    for tenth in 0..30 {
        for server in registrations.iter().skip(tenth % 10).step_by(10) {
            server.heartbeat(format!("change {tenth}").into());
        }
        net.run(seconds(1) / 10).await;
    }
    let busy = Traffic {
        published: net.traffic.published - before.published,
        published_bytes: net.traffic.published_bytes - before.published_bytes,
        delivered: net.traffic.delivered - before.delivered,
        delivered_bytes: net.traffic.delivered_bytes - before.delivered_bytes,
    };
    let each = [
        busy.published,
        busy.published_bytes,
        busy.delivered,
        busy.delivered_bytes,
    ];
    traffic(
        &mut rows,
        "all servers change once a second",
        each.map(|it| it / 3),
    );
    let changed = net.shown("change 29").await;
    rows.push(format!(
        "the last of many changes is in all lists: {changed:?}"
    ));
    assert!(changed <= TICK + Duration::from_millis(400), "{changed:?}");

    // One change after calm.
    net.run(seconds(2)).await;
    registrations[0].heartbeat("calm".into());
    let calm = net.shown("calm").await;
    rows.push(format!("a change after calm is in all lists: {calm:?}"));
    assert!(calm <= Duration::from_millis(300), "{calm:?}");

    // A member is lost.
    net.kill(1);
    let gone = (
        net.machines[1].config.name.clone(),
        net.machines[1].config.run,
    );
    let knows = |net: &Net, held: bool| {
        let running = net.machines.iter().filter(|it| it.running);
        running.map(|it| it.node.status()).all(|status| {
            let mut members = status.members.iter();
            let lost = members.find(|it| *it.name == *gone.0 && it.run == gone.1);
            match held {
                true => lost.is_some_and(|it| it.state == super::super::State::Held),
                false => lost.is_none(),
            }
        })
    };
    for held in [true, false] {
        let start = metaserve::time::now();
        while !knows(&net, held) {
            net.run(LOOK).await;
        }
        let what = if held { "held" } else { "gone" };
        let took = metaserve::time::now() - start;
        rows.push(format!("a lost member is {what} everywhere: {took:?}"));
    }

    // Half of them are apart for a while.
    let half: Vec<_> = (0..members / 2)
        .chain(members..members + edges / 2)
        .collect();
    net.split(1, &half);
    for (at, server) in registrations.iter().enumerate() {
        server.heartbeat(format!("apart {at}").into());
        if at % 30 == 0 {
            net.run(seconds(1)).await;
        }
    }
    net.run(seconds(5)).await;
    net.split(0, &half);
    let before = net.traffic;
    let whole = net.agree().await;
    let cost = net.traffic.published_bytes - before.published_bytes;
    rows.push(format!(
        "after a split in halves all agree: {whole:?}, {cost} bytes published"
    ));
    assert!(whole <= seconds(4), "{whole:?}");

    // A tenth of the members restart, one each half second.
    let before = net.traffic;
    let churned = members / 10;
    for at in 2..2 + churned {
        net.leave(at);
        net.kill(at);
        net.restart(at);
        net.run(Duration::from_millis(500)).await;
    }
    let churn = net.agree().await;
    let messages = (net.traffic.published - before.published) as f64;
    rows.push(format!(
        "after {churned} members have restarted all agree: {churn:?}, {:.1} messages/s published",
        messages / (churned as f64 / 2.0 + churn.as_secs_f64())
    ));
    assert!(churn <= seconds(6), "{churn:?}");

    println!("{members} members with {servers} servers each, {edges} edges");
    rows.iter().for_each(|row| println!("{row}"));
}
