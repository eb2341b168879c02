//! Members of a cluster whose networks are cut.

use crate::{
    DAEMON, PEER,
    net::{Net, Place, run},
};
use metaserve_tests::{Daemon, patiently};
use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    process::Stdio,
    sync::{Arc, Mutex},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
    sync::watch,
};

/// The names of servers, in a client's list.
type Names = BTreeSet<String>;

/// Members, each in a place of its own with a game server and a client. They are joined by a hub.
struct Cluster {
    net: Net,
    members: Vec<Member>,
    /// The NATS servers: one at the hub, or one in each place.
    _nats: Vec<Child>,
    _directory: TempDir,
}

struct Member {
    place: Place,
    daemon: Daemon,
    http: SocketAddr,
    shown: watch::Receiver<Names>,
    /// All lists that the client has shown since the last look.
    lists: Arc<Mutex<Vec<Names>>>,
    _peers: (Child, ChildStdin, Child),
}

fn name(index: usize) -> String {
    format!("m{index}")
}

/// Starts a program in a namespace.
fn start(namespace: &str, program: &str, arguments: &[&str]) -> Child {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, program]);
    command.args(arguments).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(Stdio::piped()).spawn().unwrap()
}

/// Starts a NATS server in a namespace, with routes to others.
async fn nats(namespace: &str, directory: &TempDir, number: usize, routes: &[String]) -> Child {
    let routes = match routes {
        [] => String::new(),
        routes => format!(
            "cluster {{ name: t, listen: \"0.0.0.0:6222\", routes: [{}] }}",
            routes.join(", ")
        ),
    };
    let config = directory.path().join(format!("n{number}.conf"));
    let text = format!("server_name: n{number}\nlisten: \"0.0.0.0:4222\"\n{routes}\n");
    fs::write(&config, text).unwrap();
    let mut process = start(
        namespace,
        "nats-server",
        &["--config", config.to_str().unwrap()],
    );
    let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
    let ready = async {
        while let Some(line) = log.next_line().await.unwrap() {
            if line.contains("Server is ready") {
                return;
            }
        }
        panic!("nats-server has ended");
    };
    patiently("a NATS server", ready).await;
    // It is always read: otherwise the server could block when the pipe is full.
    tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
    process
}

impl Cluster {
    /// Starts this many members. They share one NATS server, or each has one of its own.
    async fn new(count: usize, own_nats: bool, settings: &[&str]) -> Self {
        let mut net = Net::new();
        let directory = tempfile::tempdir().unwrap();
        let forward = "sysctl -q -w net.ipv4.ip_forward=1";
        run(&format!("ip netns exec {} {forward}", net.hub()));
        let places: Vec<Place> = (0..count).map(|_| net.place()).collect();
        for Place {
            namespace, gateway, ..
        } in &places
        {
            run(&format!("ip -n {namespace} link set lo up"));
            run(&format!(
                "ip -n {namespace} route add default via {gateway}"
            ));
        }
        let mut servers = Vec::new();
        if own_nats {
            let route = |place: &Place| format!("nats-route://{}:6222", place.address);
            let routes: Vec<_> = places.iter().map(route).collect();
            for (number, place) in places.iter().enumerate() {
                servers.push(nats(&place.namespace, &directory, number, &routes).await);
            }
        } else {
            servers.push(nats(net.hub(), &directory, 0, &[]).await);
        }
        let mut members = Vec::new();
        for (index, place) in places.into_iter().enumerate() {
            let at = if own_nats {
                place.address
            } else {
                place.gateway
            };
            let (name, url) = (name(index), format!("nats://{at}:4222"));
            members.push(Member::start(place, &name, &url, settings).await);
        }
        let cluster = Self {
            net,
            members,
            _nats: servers,
            _directory: directory,
        };
        cluster.all_are_heard().await;
        cluster.agree("the beginning").await;
        cluster.forget_lists();
        cluster
    }

    fn everybody(&self) -> Names {
        (0..self.members.len()).map(name).collect()
    }

    /// Cuts the wire of a member's place, or joins it again.
    fn wire(&self, member: usize, state: &str) {
        self.net.wire(&self.members[member].place, state);
        let place = &self.members[member].place;
        if state == "up" {
            // The route to the hub has gone with the wire.
            let Place {
                namespace, gateway, ..
            } = place;
            run(&format!(
                "ip -n {namespace} route replace default via {gateway}"
            ));
        }
    }

    /// Waits until a member sees another in this state.
    async fn sees(&self, here: usize, there: usize, state: &str) {
        let what = format!("m{there} to be {state} at m{here}");
        let wait = async { while self.members[here].state_of(&name(there)).await != state {} };
        patiently(&what, wait).await;
    }

    async fn all_are_heard(&self) {
        for here in 0..self.members.len() {
            for there in (0..self.members.len()).filter(|there| *there != here) {
                self.sees(here, there, "heard").await;
            }
        }
    }

    /// Waits until a client shows these servers.
    async fn shows(&self, member: usize, what: &str, wanted: &Names) {
        let mut shown = self.members[member].shown.clone();
        let right = shown.wait_for(|names| names == wanted);
        drop(patiently(&format!("{what}: m{member} to show {wanted:?}"), right).await);
    }

    /// Waits until all clients show all servers.
    async fn agree(&self, what: &str) {
        for member in 0..self.members.len() {
            self.shows(member, what, &self.everybody()).await;
        }
    }

    fn forget_lists(&self) {
        for member in &self.members {
            member.lists.lock().unwrap().clear();
        }
    }

    /// Checks that a client has shown nothing but complete lists since the last look.
    fn was_complete(&self, member: usize) {
        let lists = std::mem::take(&mut *self.members[member].lists.lock().unwrap());
        let everybody = self.everybody();
        let wrong: Vec<_> = lists.iter().filter(|list| **list != everybody).collect();
        assert!(wrong.is_empty(), "m{member} has shown {wrong:?}");
    }
}

impl Member {
    async fn start(place: Place, name: &str, nats: &str, settings: &[&str]) -> Self {
        let under = ["ip", "netns", "exec", &place.namespace];
        let cluster = ["--cluster", nats, "--cluster-member", name];
        let common = ["--idle-timeout", "6s", "--tick", "100ms"];
        let http = ["--http", "127.0.0.1:0"];
        let arguments = [&cluster[..], &common, &http, settings].concat();
        let mut daemon = Daemon::start_under(&under, DAEMON, &arguments).await;
        let http = daemon.http().await;
        let at = SocketAddr::from((place.address, daemon.address.port())).to_string();
        let fingerprint = daemon.fingerprint.to_string();
        let mut server = start(&place.namespace, PEER, &["server", &at, &fingerprint]);
        let mut input = server.stdin.take().unwrap();
        input
            .write_all(format!("{name}\n").as_bytes())
            .await
            .unwrap();
        let mut client = start(&place.namespace, PEER, &["client", &at, &fingerprint]);
        let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
        let (sender, shown) = watch::channel(Names::new());
        let lists: Arc<Mutex<Vec<Names>>> = Arc::default();
        let all = lists.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let list: Vec<(SocketAddr, String)> = serde_json::from_str(&line).unwrap();
                let names: Names = list.into_iter().map(|(_, name)| name).collect();
                all.lock().unwrap().push(names.clone());
                sender.send_replace(names);
            }
        });
        Self {
            place,
            daemon,
            http,
            shown,
            lists,
            _peers: (server, input, client),
        }
    }

    /// The state of another member, as this one says over HTTP.
    async fn state_of(&self, name: &str) -> String {
        let (namespace, http) = (&self.place.namespace, self.http.to_string());
        let path = "/api/v1/members";
        let arguments = ["netns", "exec", namespace, PEER, "get", &http, path];
        let answer = metaserve_tests::run("/usr/sbin/ip", &arguments).await;
        let answer: serde_json::Value = serde_json::from_str(&answer.output).unwrap();
        let mut members = answer["members"].as_array().unwrap().iter();
        let member = members.find(|it| it["name"] == name);
        member.map_or(String::new(), |it| it["state"].as_str().unwrap().to_owned())
    }
}

/// Row 9 of the faults that a cluster has to bear, for less than the hold.
#[tokio::test]
async fn a_member_that_is_cut_off_from_nats_for_a_while_is_missed_by_nobody() {
    let mut cluster = Cluster::new(3, false, &["--cluster-hold", "5m"]).await;
    cluster.wire(0, "down");
    for other in [1, 2] {
        cluster.sees(other, 0, "held").await;
        cluster.sees(0, other, "kept").await;
    }
    cluster.members[0].daemon.logged("lost NATS").await;
    cluster.wire(0, "up");
    cluster.all_are_heard().await;
    for member in 0..3 {
        cluster.was_complete(member);
    }
}

/// Row 9, for longer than the hold.
#[tokio::test]
async fn the_servers_of_a_member_that_is_cut_off_for_long_leave_and_come_back() {
    let mut cluster = Cluster::new(3, false, &["--cluster-hold", "7s"]).await;
    cluster.wire(0, "down");
    let others = ["m1", "m2"].map(ToOwned::to_owned).into();
    for other in [1, 2] {
        cluster.shows(other, "the hold is over", &others).await;
        cluster.sees(0, other, "kept").await;
    }
    cluster.wire(0, "up");
    cluster.all_are_heard().await;
    cluster.agree("it is back").await;
    // Its own clients were shown all servers at all times.
    cluster.was_complete(0);
    let said = cluster.members[0].daemon.said().join("\n");
    assert!(!said.contains("has not come back"), "{said}");
}

/// Row 10: the larger side goes on without the smaller one, which keeps what it had.
#[tokio::test]
async fn of_nats_servers_that_are_cut_in_two_the_larger_side_holds_and_the_smaller_keeps() {
    let cluster = Cluster::new(3, true, &["--cluster-hold", "7s"]).await;
    cluster.wire(0, "down");
    let others = ["m1", "m2"].map(ToOwned::to_owned).into();
    for other in [1, 2] {
        cluster.sees(0, other, "kept").await;
        cluster.shows(other, "the hold is over", &others).await;
    }
    for (here, there) in [(1, 2), (2, 1)] {
        cluster.sees(here, there, "heard").await;
    }
    cluster.wire(0, "up");
    cluster.all_are_heard().await;
    cluster.agree("together again").await;
    cluster.was_complete(0);
}

/// Row 10: neither side knows that it is the smaller one.
#[tokio::test]
async fn two_halves_of_a_cluster_keep_what_they_had() {
    let cluster = Cluster::new(2, true, &["--cluster-hold", "1s"]).await;
    cluster.wire(0, "down");
    cluster.sees(0, 1, "kept").await;
    cluster.sees(1, 0, "kept").await;
    cluster.wire(0, "up");
    cluster.all_are_heard().await;
    for member in 0..2 {
        cluster.was_complete(member);
    }
}
