//! A daemon with servers and clients around it, and the truth about them.

use crate::{
    DAEMON, PEER,
    net::{Net, Place},
    truth::{GONE_WITHIN, Shown, Truth, comparable},
};
use metaserve_tests::{Daemon, patiently};
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
    sync::watch,
};

/// Two shards on every machine, so that peers meet both, and metrics.
const SETTINGS: [&str; 4] = ["--threads", "2", "--http", "127.0.0.1:0"];

/// The checks of all lists of all clients.
#[derive(Default)]
struct Judge {
    truth: Truth,
    lies: Vec<String>,
    /// How old heartbeats were when a client first showed them.
    ages: Vec<Duration>,
}

pub(crate) struct World {
    pub(crate) net: Net,
    pub(crate) daemon: Daemon,
    /// Where the daemon serves HTTP, in its own namespace.
    http: SocketAddr,
    judge: Arc<Mutex<Judge>>,
    servers: BTreeMap<String, Server>,
    clients: BTreeMap<String, Client>,
    /// The bytes of a heartbeat in addition to its name and number.
    pub(crate) padding: usize,
    others: Vec<Child>,
}

struct Server {
    process: Child,
    input: Option<ChildStdin>,
}

struct Client {
    process: Child,
    shown: watch::Receiver<Shown>,
    /// Whether its list must be right, since it has a network.
    healthy: bool,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::under(&[]).await
    }

    /// Makes a world with servers and clients, each on its own wire.
    pub(crate) async fn with(servers: &[&str], clients: &[&str]) -> Self {
        let mut world = Self::new().await;
        for server in servers {
            let place = world.net.place();
            world.server(server, &place).await;
        }
        for client in clients {
            let place = world.net.place();
            world.client(client, &place);
        }
        world
    }

    /// Makes a world whose daemon runs under another program.
    pub(crate) async fn under(program: &[&str]) -> Self {
        let net = Net::new();
        let inside = ["ip", "netns", "exec", net.hub()];
        let under = [&inside[..], program].concat();
        let mut daemon = Daemon::start_under(&under, DAEMON, &SETTINGS).await;
        Self {
            net,
            http: daemon.http().await,
            daemon,
            judge: Arc::default(),
            servers: BTreeMap::new(),
            clients: BTreeMap::new(),
            padding: 0,
            others: Vec::new(),
        }
    }

    /// Kills the daemon, and starts another one in its place.
    pub(crate) async fn daemon_killed_and_started_again(mut self) -> Self {
        self.daemon = self.daemon.kill_and_restart(&SETTINGS).await;
        self.http = self.daemon.http().await;
        self
    }

    /// Returns the value of one of the daemon's metrics, named with its labels.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let (hub, http) = (self.net.hub(), self.http.to_string());
        let arguments = ["netns", "exec", hub, PEER, "get", &http, "/metrics"];
        let metrics = metaserve_tests::run("/usr/sbin/ip", &arguments).await;
        let mut lines = metrics.output.lines();
        let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("no {series} in {metrics:?}"));
        value.parse().unwrap()
    }

    /// Returns the address at which a place reaches the daemon.
    pub(crate) fn address(&self, place: &Place) -> SocketAddr {
        (place.gateway, self.daemon.address.port()).into()
    }

    fn truth<T>(&self, with: impl FnOnce(&mut Truth) -> T) -> T {
        with(&mut self.judge.lock().unwrap().truth)
    }

    /// Starts a peer in a place.
    pub(crate) fn peer(&self, place: &Place, arguments: &[&str]) -> Child {
        Command::new("ip")
            .args(["netns", "exec", &place.namespace, PEER])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    /// Starts a game server in a place. It connects to `daemon`, which sees it at `seen`.
    pub(crate) async fn server_via(
        &mut self,
        name: &str,
        place: &Place,
        daemon: SocketAddr,
        seen: IpAddr,
        identity: Option<&Path>,
    ) {
        let (daemon, fingerprint) = (daemon.to_string(), self.daemon.fingerprint.to_string());
        let mut arguments = vec!["server", &daemon, &fingerprint];
        arguments.extend(identity.map(|directory| directory.to_str().unwrap()));
        let mut process = self.peer(place, &arguments);
        let input = process.stdin.take();
        self.servers.insert(name.into(), Server { process, input });
        self.truth(|truth| truth.joins(name, seen));
        self.say(name).await;
    }

    /// Starts a game server in a place beside the hub.
    pub(crate) async fn server(&mut self, name: &str, place: &Place) {
        let daemon = self.address(place);
        self.server_via(name, place, daemon, place.address.into(), None)
            .await;
    }

    /// Starts a game client in a place. It connects to `daemon`.
    pub(crate) fn client_via(&mut self, name: &str, place: &Place, daemon: SocketAddr) {
        let (daemon, fingerprint) = (daemon.to_string(), self.daemon.fingerprint.to_string());
        let mut process = self.peer(place, &["client", &daemon, &fingerprint]);
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (sender, shown) = watch::channel(Shown::new());
        let judge = self.judge.clone();
        let who = name.to_owned();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let list: Shown = serde_json::from_str(&line).unwrap();
                let now = Instant::now();
                let mut judge = judge.lock().unwrap();
                let lies = judge.truth.lies(&list, now);
                judge
                    .lies
                    .extend(lies.iter().map(|it| format!("{who}: {it}")));
                let new = list.iter().filter(|it| !sender.borrow().contains(it));
                let ages: Vec<_> = new
                    .filter_map(|(_, words)| judge.truth.age(words, now))
                    .collect();
                judge.ages.extend(ages);
                sender.send_replace(list);
            }
        });
        let client = Client {
            process,
            shown,
            healthy: true,
        };
        self.clients.insert(name.into(), client);
    }

    /// Starts a game client in a place beside the hub.
    pub(crate) fn client(&mut self, name: &str, place: &Place) {
        let daemon = self.address(place);
        self.client_via(name, place, daemon);
    }

    /// Starts a bad network in a place beside the hub. Returns the daemon's address for those
    /// behind it. `weather` is as in `src/peer.rs`, from the seed on.
    pub(crate) async fn weather(
        &mut self,
        router: &Place,
        inside: &Place,
        weather: &str,
    ) -> SocketAddr {
        let listen = SocketAddr::from((inside.gateway, 4433));
        let (daemon, at) = (self.address(router).to_string(), listen.to_string());
        let mut arguments = vec!["weather", &at, &daemon];
        arguments.extend(weather.split(' '));
        let relay = self.peer(router, &arguments);
        self.others.push(relay);
        listen
    }

    /// Lets a server send a new heartbeat.
    pub(crate) async fn say(&mut self, name: &str) {
        let words = self.truth(|truth| truth.says(name));
        let line = format!("{words} {:.<1$}\n", "", self.padding);
        let input = self.servers.get_mut(name).unwrap().input.as_mut().unwrap();
        input.write_all(line.as_bytes()).await.unwrap();
    }

    /// Lets all servers send a new heartbeat, and waits until all clients have it; this many times.
    pub(crate) async fn rounds(&mut self, count: usize) {
        for round in 0..count {
            let there: Vec<String> = self.servers.keys().cloned().collect();
            for name in there {
                if self.servers[&name].input.is_some() {
                    self.say(&name).await;
                }
            }
            self.agree(&format!("round {round}")).await;
        }
    }

    /// Lets a server end by itself.
    pub(crate) fn ends(&mut self, name: &str) {
        self.truth(|truth| truth.leaves(name));
        self.servers.get_mut(name).unwrap().input = None;
    }

    /// Kills a server.
    pub(crate) async fn killed(&mut self, name: &str) {
        let server = self.servers.get_mut(name).unwrap();
        // This comes before the end of its input, after which it would say goodbye.
        server.process.kill().await.unwrap();
        server.input = None;
        self.truth(|truth| truth.leaves(name));
    }

    /// Sends a signal, such as `STOP`, to a server.
    pub(crate) async fn signal_server(&self, name: &str, signal: &str) {
        send(&self.servers[name].process, signal).await;
    }

    /// Sends a signal to a client.
    pub(crate) async fn signal_client(&self, name: &str, signal: &str) {
        send(&self.clients[name].process, signal).await;
    }

    /// Kills a client.
    pub(crate) async fn client_killed(&mut self, name: &str) {
        let mut client = self.clients.remove(name).unwrap();
        client.process.kill().await.unwrap();
    }

    /// Records that a server cannot be heard from now on, or can be heard again.
    pub(crate) fn heard(&mut self, name: &str, heard: bool) {
        self.truth(|truth| match heard {
            true => truth.returns(name),
            false => truth.leaves(name),
        });
    }

    pub(crate) fn moves(&mut self, name: &str, to: IpAddr) {
        self.truth(|truth| truth.moves(name, to));
    }

    /// Records that no list may be without this server from now on.
    pub(crate) fn stays(&mut self, name: &str) {
        self.truth(|truth| truth.stays(name));
    }

    /// Records that a client has no network from now on, or has one again.
    pub(crate) fn healthy(&mut self, name: &str, healthy: bool) {
        self.clients.get_mut(name).unwrap().healthy = healthy;
    }

    /// Returns the port that a client shows for a server.
    pub(crate) fn port(&self, client: &str, server: &str) -> u16 {
        let shown = self.clients[client].shown.borrow();
        let mut all = shown.iter();
        let own = all.find(|(_, words)| words.starts_with(&format!("{server} ")));
        own.unwrap().0.port()
    }

    /// Waits until a client shows what is wanted.
    pub(crate) async fn until(&self, client: &str, what: &str, wanted: impl Fn(&Shown) -> bool) {
        let mut shown = self.clients[client].shown.clone();
        let wait = shown.wait_for(wanted);
        drop(patiently(what, wait).await.unwrap());
    }

    /// Waits until all healthy clients show the truth. Returns how long that took.
    pub(crate) async fn agree(&self, what: &str) -> Duration {
        let start = Instant::now();
        let truth = self.truth(|truth| truth.list());
        for (name, client) in self.clients.iter().filter(|(_, it)| it.healthy) {
            let mut shown = client.shown.clone();
            let right = shown.wait_for(|list| comparable(list) == truth);
            let in_time = tokio::time::timeout(metaserve_tests::PATIENCE, right).await;
            if let Ok(Ok(_)) = in_time {
                continue;
            }
            drop(in_time);
            let shown = comparable(&client.shown.borrow());
            panic!("{what}: {name} shows {shown:?} instead of {truth:?}");
        }
        start.elapsed()
    }

    /// Waits until everybody has noticed by silence that a server has left.
    pub(crate) async fn silence_is_noticed(&self, what: &str) {
        let took = self.agree(what).await;
        println!("figure: {what}: off every list after {took:.1?}");
        assert!(took <= GONE_WITHIN, "{took:?}");
    }

    /// Ends the test: no client has ever shown anything that cannot be true.
    pub(crate) async fn done(self, what: &str) {
        self.agree("the end").await;
        let mut judge = self.judge.lock().unwrap();
        assert!(judge.lies.is_empty(), "{what}: {:#?}", judge.lies);
        judge.ages.sort_unstable();
        let ages = &judge.ages;
        let at = |share: usize| ages[(ages.len() - 1) * share / 100];
        println!(
            "figure: {what}: from server to client {:.2?} (median), {:.2?} (longest) of {}",
            at(50),
            at(100),
            ages.len()
        );
    }
}

async fn send(process: &Child, signal: &str) {
    let id = process.id().unwrap().to_string();
    let kill = Command::new("kill").args(["-s", signal, &id]).status();
    assert!(kill.await.unwrap().success());
}
