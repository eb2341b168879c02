//! Clients move from member to member, and go on with what is different there.

use super::*;
use futures::FutureExt;
use metaserve::{
    feed::{Content, Frame},
    list::{Cursor, Server},
};
use std::collections::BTreeMap;

/// A client, and what it has been told.
#[derive(Default)]
struct Client {
    cursor: Option<Cursor>,
    list: BTreeMap<u64, Server>,
    /// How often it has moved, and been given a delta then.
    moves: usize,
    deltas: usize,
}

/// What clients see of a server, by its number.
fn seen(servers: impl IntoIterator<Item = Server>) -> BTreeMap<u64, oracle::Row> {
    let row = |server: Server| (server.number, rows(&[server]).remove(0));
    servers.into_iter().map(row).collect()
}

impl Client {
    fn apply(&mut self, frame: &Frame) {
        match frame.content() {
            Content::Snapshot { servers, .. } => {
                let servers = servers.iter().cloned();
                self.list = servers.map(|server| (server.number, server)).collect();
            }
            Content::Delta(delta) => {
                let known = self.cursor.map(|cursor| cursor.revision);
                assert_eq!(Some(delta.from.0), known);
                for number in &delta.removed {
                    self.list.remove(number);
                }
                for server in &delta.updated {
                    assert!(self.list.contains_key(&server.number), "{server:?}");
                }
                let told = delta.placed.iter().chain(&delta.updated).cloned();
                self.list.extend(told.map(|server| (server.number, server)));
            }
        }
        self.cursor = Some(Cursor {
            epoch: frame.epoch(),
            revision: frame.to().0,
        });
    }

    /// Comes to another member, with what it knows, and then follows it for a while.
    async fn visit(&mut self, net: &mut Net, at: usize, stay: Duration) {
        let feed = net.machines[at].feeds.of(None);
        let mut following = feed.subscribe(self.cursor);
        let first = loop {
            match following.next().now_or_never() {
                Some(frame) => break frame,
                None => net.run(Duration::from_millis(20)).await,
            }
        };
        self.moves += 1;
        self.deltas += usize::from(first.from().is_some());
        self.apply(&first);
        let compare = |client: &Self| {
            let fresh = feed.subscribe(None).next().now_or_never().unwrap();
            let Content::Snapshot { servers, .. } = fresh.content() else {
                panic!("whoever knows nothing is given a snapshot");
            };
            let ours = seen(client.list.values().cloned());
            assert_eq!(
                ours,
                seen(servers.iter().cloned()),
                "at {at}, {:?}",
                first.from()
            );
        };
        compare(self);
        net.run(stay).await;
        while let Some(frame) = following.next().now_or_never() {
            self.apply(&frame);
        }
        compare(self);
    }
}

/// Servers come, change, move and go.
struct Play {
    random: fastrand::Rng,
    servers: BTreeMap<(usize, u16), Registration>,
}

impl Play {
    fn step(&mut self, net: &Net) {
        let running: Vec<_> = (0..net.machines.len())
            .filter(|at| net.machines[*at].running)
            .collect();
        for _ in 0..4 {
            let at = running[self.random.usize(..running.len())];
            let number = self.random.u16(1..60);
            match self.random.u8(..8) {
                0 => drop(self.servers.remove(&(at, number))),
                1..4 => {
                    // Half of them have an identity, so they are one row wherever they are.
                    let who = (number < 30).then(|| identity(number as u8));
                    let server = net.serve_as(at, address(number), who);
                    self.servers.insert((at, number), server);
                }
                _ => {
                    let which = self.random.usize(..self.servers.len().max(1));
                    if let Some(server) = self.servers.values().nth(which) {
                        server.heartbeat(format!("{}", self.random.u16(..)).into());
                    }
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn row_25_a_client_that_moves_has_the_same_list_as_a_new_one_and_is_told_what_is_different() {
    for (members, moves) in [(3, 60), (11, 60)] {
        let mut net = Net::of_members(25, members).await;
        let mut play = Play {
            random: fastrand::Rng::with_seed(25),
            servers: BTreeMap::new(),
        };
        (0..40).for_each(|_| play.step(&net));
        net.run(seconds(5)).await;
        let mut client = Client::default();
        client.visit(&mut net, 0, seconds(2)).await;
        for turn in 1..moves {
            play.step(&net);
            let stay = Duration::from_millis(play.random.u64(..3000));
            client.visit(&mut net, turn % members, stay).await;
        }
        // A list this short is sometimes shorter than what has changed.
        let Client { moves, deltas, .. } = client;
        assert!(deltas * 10 >= moves * 9, "{deltas} deltas in {moves} moves");
    }
}

/// Members are killed, restarted and cut off, and messages are lost. A client may be given a
/// snapshot then, but never a wrong list.
#[tokio::test(start_paused = true)]
async fn whatever_fails_a_client_that_moves_has_the_same_list_as_a_new_one() {
    let (mut moves, mut deltas) = (0, 0);
    for seed in 0..8 {
        let mut net = Net::of_members(seed, 4).await;
        net.weather = net::Weather {
            lost: 3,
            twice: 3,
            late: Duration::from_millis(50),
        };
        let mut play = Play {
            random: fastrand::Rng::with_seed(seed),
            servers: BTreeMap::new(),
        };
        let mut clients = [Client::default(), Client::default(), Client::default()];
        for turn in 0..60 {
            play.step(&net);
            let at = play.random.usize(1..4);
            match play.random.u8(..20) {
                0 if net.machines[at].running => {
                    net.kill(at);
                    play.servers.retain(|(of, _), _| *of != at);
                }
                1..4 if !net.machines[at].running => net.restart(at),
                4 => net.connect(at, false),
                5..8 if net.machines[at].running => net.connect(at, true),
                _ => {}
            }
            let visited = (0..4)
                .map(|more| (at + more) % 4)
                .find(|at| net.machines[*at].running && net.machines[*at].node.joined());
            let stay = Duration::from_millis(play.random.u64(..3000));
            let client = &mut clients[turn % 3];
            client.visit(&mut net, visited.unwrap_or(0), stay).await;
        }
        moves += clients.iter().map(|it| it.moves).sum::<usize>();
        deltas += clients.iter().map(|it| it.deltas).sum::<usize>();
    }
    assert!(deltas * 10 > moves, "{deltas} deltas in {moves} moves");
}
