//! Names through faults: who holds a key next, and with which epoch.

use crate::{
    DAEMON, NAMES_PEER,
    net::{Net, Place},
};
use futures::future::join_all;
use metaserve_tests::{Daemon, patiently};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
    sync::mpsc,
};

const SETTINGS: [&str; 2] = ["--names", "on"];
const KEY: &str = "zone/meadow";

/// A daemon at the hub, and peers in places of their own.
struct Names {
    net: Net,
    daemon: Daemon,
}

/// A peer of names in its own process; `src/names_peer.rs` says what it can be told.
struct Peer {
    process: Child,
    input: ChildStdin,
    said: mpsc::UnboundedReceiver<String>,
}

impl Names {
    async fn new() -> Self {
        let net = Net::new();
        let inside = ["ip", "netns", "exec", net.hub()];
        let daemon = Daemon::start_under(&inside, DAEMON, &SETTINGS).await;
        Self { net, daemon }
    }

    async fn peer(&mut self, commands: &[&str]) -> Peer {
        let place = self.net.place();
        self.peer_in(&place, commands).await
    }

    async fn peer_in(&self, place: &Place, commands: &[&str]) -> Peer {
        let daemon = SocketAddr::from((place.gateway, self.daemon.address.port())).to_string();
        let mut process = Command::new("ip")
            .args(["netns", "exec", &place.namespace, NAMES_PEER, &daemon])
            .arg(self.daemon.fingerprint.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (sender, said) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let _ = sender.send(line);
            }
        });
        let mut peer = Peer {
            process,
            input,
            said,
        };
        for command in commands {
            peer.does(command).await;
        }
        peer
    }
}

impl Peer {
    async fn does(&mut self, command: &str) {
        let line = format!("{command}\n");
        self.input.write_all(line.as_bytes()).await.unwrap();
    }

    /// Waits for a line that begins with this, and returns the number at its end, such as an epoch.
    async fn says(&mut self, begin: &str) -> u64 {
        let search = async {
            while let Some(line) = self.said.recv().await {
                if line.starts_with(begin) {
                    return line.rsplit(' ').next().and_then(|it| it.parse().ok());
                }
            }
            panic!("the peer has ended");
        };
        let number = patiently(begin, search).await;
        number.unwrap_or_default()
    }

    /// The epoch of a key that it has asked for, once it is held.
    async fn found(&mut self, key: &str) -> u64 {
        loop {
            let line = patiently("an answer", self.said.recv()).await.unwrap();
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["found", of, epoch] if of == key => return epoch.parse().unwrap(),
                // Nobody offers to start it, and it is free for a moment.
                ["none", of, ..] if of == key => self.does(&format!("start {key} 40")).await,
                _ => {}
            }
        }
    }

    /// The epochs of so many keys that it is granted.
    async fn holds(&mut self, count: usize) -> BTreeMap<String, u64> {
        let mut held = BTreeMap::new();
        while held.len() < count {
            let line = patiently("the claims", self.said.recv()).await.unwrap();
            if let ["held", key, epoch] = line.split(' ').collect::<Vec<_>>()[..] {
                held.insert(key.to_owned(), epoch.parse().unwrap());
            }
        }
        held
    }

    /// What it has said since the last look.
    fn so_far(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.said.try_recv().ok()).collect()
    }

    async fn signal(&self, signal: &str) {
        let id = self.process.id().unwrap().to_string();
        let kill = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(kill.await.unwrap().success());
    }
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Killed,
    Frozen,
    CutOff,
}

/// The holder follows a busy prefix: what the daemon sends to it must not hide its death.
#[tokio::test]
async fn the_next_holder_of_a_lost_ones_key_has_a_greater_epoch_and_the_lost_one_is_told() {
    join_all(
        [Fault::Killed, Fault::Frozen, Fault::CutOff].map(async |fault| {
            let mut names = Names::new().await;
            let mut busy = names.peer(&["churn busy/ 20 5"]).await;
            busy.holds(20).await;
            let place = names.net.place();
            let mut holder = names.peer_in(&place, &[&format!("next {KEY}")]).await;
            let epoch = holder.says(&format!("held {KEY}")).await;
            holder.does("watch busy/").await;
            holder.says("current busy/").await;
            let mut next = names.peer(&[&format!("next {KEY}"), "watch zone/"]).await;
            next.says("current zone/").await;

            let since = Instant::now();
            match fault {
                Fault::Killed => holder.signal("KILL").await,
                Fault::Frozen => holder.signal("STOP").await,
                Fault::CutOff => names.net.wire(&place, "down"),
            }
            let greater = next.says(&format!("held {KEY}")).await;
            println!(
                "figure: a holder that is {fault:?}: the next one after {:.1?}",
                since.elapsed()
            );
            assert!(greater > epoch, "{fault:?}: {greater} after {epoch}");
            match fault {
                Fault::Killed => return,
                Fault::Frozen => holder.signal("CONT").await,
                Fault::CutOff => names.net.wire(&place, "up"),
            }
            holder.says(&format!("lost {KEY}")).await;
            assert!(!next.so_far().iter().any(|line| line.starts_with("lost")));
        }),
    )
    .await;
}

/// Shorter and longer than the time that the daemon waits for former holders.
#[tokio::test]
async fn a_thousand_claims_survive_a_daemon_that_is_down_and_no_stranger_slips_in() {
    const COUNT: usize = 1_000;
    join_all([1, 30].map(async |seconds| {
        let mut names = Names::new().await;
        let mut holder = names.peer(&[&format!("hold zone/ {COUNT}")]).await;
        let held = holder.holds(COUNT).await;
        let mut watcher = names.peer(&["watch zone/"]).await;
        watcher.says("current zone/").await;

        let killed = names.daemon.kill().await;
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        names.daemon = killed.restart(&SETTINGS).await;
        // It is there at once, and waits for as long as it takes.
        let mut stranger = names.peer(&["hold zone/ 20"]).await;
        for _ in 0..20 {
            stranger.says("not zone/").await;
        }
        let mut late = names.peer(&["watch zone/"]).await;
        let count = late.says("current zone/").await;
        assert_eq!(count, COUNT as u64, "down for {seconds} s");
        let lines = late.so_far();
        assert!(lines.is_empty(), "{lines:?}");
        let lost = holder.so_far();
        assert!(lost.is_empty(), "down for {seconds} s: {lost:?}");
        // Every key is as it was, to a watcher from before as well.
        let changed = watcher.so_far();
        assert!(changed.is_empty(), "down for {seconds} s: {changed:?}");
        // A new claim has a greater epoch than all of them.
        let greatest = held.values().max().unwrap();
        stranger.does("hold room/ 1").await;
        assert!(stranger.says("held room/").await > *greatest);
    }))
    .await;
}

/// Whatever packets are lost, each grant of a key has a greater epoch than those before, and in the
/// end the last one holds it.
#[tokio::test]
async fn a_network_that_loses_packets_makes_no_second_holder() {
    const KEYS: usize = 5;
    let mut names = Names::new().await;
    names.net.lose(20);
    let next: Vec<String> = (0..KEYS)
        .map(|number| format!("next zone/{number:04}"))
        .collect();
    let commands: Vec<&str> = next.iter().map(String::as_str).collect();
    let mut peers = Vec::new();
    for _ in 0..3 {
        peers.push(names.peer(&commands).await);
    }
    for round in 0..4 {
        // In turn, each is frozen for so long that its keys change hands.
        let victim = &peers[round % peers.len()];
        victim.signal("STOP").await;
        tokio::time::sleep(Duration::from_secs(8)).await;
        victim.signal("CONT").await;
    }
    names.net.open();
    let mut asker = names.peer(&[]).await;
    let mut last = BTreeMap::new();
    for number in 0..KEYS {
        let key = format!("zone/{number:04}");
        asker.does(&format!("start {key} 40")).await;
        last.insert(key.clone(), asker.found(&key).await);
    }
    let (mut granted, mut greatest) = (BTreeSet::new(), BTreeMap::new());
    for line in peers.iter_mut().flat_map(Peer::so_far) {
        if let ["held", key, epoch] = line.split(' ').collect::<Vec<_>>()[..] {
            let epoch: u64 = epoch.parse().unwrap();
            assert!(granted.insert(epoch), "epoch {epoch} was granted twice");
            let of_key = greatest.entry(key.to_owned()).or_default();
            *of_key = epoch.max(*of_key);
        }
    }
    assert!(
        granted.len() > KEYS,
        "no key has changed hands: {granted:?}"
    );
    assert_eq!(last, greatest);
}

/// A host in another process refuses, dies or hangs: the other host serves.
#[tokio::test]
async fn the_other_host_serves_when_one_refuses_is_killed_or_hangs() {
    join_all(["refuse", "hang", "killed", "frozen"].map(async |what| {
        let mut names = Names::new().await;
        let manner = if what == "refuse" { "refuse" } else { "hang" };
        let mut one = names.peer(&[&format!("offer zone/ 9 {manner}")]).await;
        let mut asker = names.peer(&[]).await;
        // The first one has the most free slots, once it is known.
        asker.does("start zone/first 1").await;
        asker.says("none zone/first").await;
        let mut other = names.peer(&["offer zone/ 2 serve", "hold here/ 1"]).await;
        other.says("held here/").await;
        asker.does(&format!("start {KEY} 40")).await;
        one.says(&format!("order {KEY}")).await;
        let since = Instant::now();
        match what {
            "killed" => one.signal("KILL").await,
            "frozen" => one.signal("STOP").await,
            _ => {}
        }
        let epoch = other.says(&format!("held {KEY}")).await;
        assert_eq!(asker.says(&format!("found {KEY}")).await, epoch);
        println!(
            "figure: a host that {what}: found after {:.1?}",
            since.elapsed()
        );
        other.signal("KILL").await;
        one.signal("KILL").await;
        // Nobody is left: the reasons come in time.
        asker.does("start zone/hill 12").await;
        asker.says("none zone/hill").await;
    }))
    .await;
}
