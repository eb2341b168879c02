//! Many servers and clients that come and go for a long time, with every list held against the
//! truth: `cargo bench -p metaserve-tests --bench soak -- MINUTES SERVERS CLIENTS`, by default 30
//! minutes, 2,000 and 2,000. A line each minute, and a verdict; exit code 1 if it is bad.
//!
//! In each minute 5% of the servers and clients leave and as many others join, and each server
//! changes its heartbeat every ten seconds. Near its end everybody holds still until all lists have
//! to be right.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a soak that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use bytes::Bytes;
use futures::{StreamExt, stream};
use metaserve::{
    Connector, Role,
    protocol::client::{Compression, ListMessage, Subscribe},
    stream::{FrameError, FrameReader, write},
};
use metaserve_heartbeat::Publisher;
use metaserve_tests::Daemon;
use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque, hash_map::DefaultHasher},
    fs,
    hash::{Hash, Hasher},
    process::ExitCode,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinHandle,
};

const DAEMON: &str = env!("CARGO_BIN_EXE_metaserve-daemon-under-test");

/// How often each server changes its heartbeat.
const CHANGE_EVERY: Duration = Duration::from_secs(10);

/// Of a hundred, how many leave and join in a minute.
const CHURN: usize = 5;

/// Until all lists have to be right, after everybody holds still.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longer than any idle timeout and tick: no list may show who left so long ago.
const LONG_AGO: Duration = Duration::from_secs(16);

/// Sockets that peers share.
const SOCKETS: usize = 16;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

/// What servers say, and when they left.
#[derive(Default)]
struct Truth {
    /// By number: the newest heartbeat of those who are there.
    there: BTreeMap<u64, Bytes>,
    left: HashMap<u64, Instant>,
}

fn heartbeat(server: u64, version: u64) -> Bytes {
    format!("{server} {version} {:.<180}", "").into()
}

fn number(heartbeat: &[u8]) -> u64 {
    let text = std::str::from_utf8(heartbeat).unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// A list as some clients have it at one moment.
struct List {
    id: u64,
    servers: HashMap<u64, Bytes>,
}

/// Lists that clients have, each made once for all who are given the same message in the same
/// state. Clients that come to the same list on different ways have one from there on.
#[derive(Default)]
struct Lists {
    known: HashMap<(Option<u64>, u64), Arc<List>>,
    order: VecDeque<(Option<u64>, u64)>,
    /// The newest lists by their revision.
    at: BTreeMap<u64, Arc<List>>,
    next: u64,
}

/// Steps and lists that are kept for those who come to them later.
const KEPT: usize = 256;

impl Lists {
    fn take(&mut self, list: Option<&Arc<List>>, bytes: &Bytes) -> Arc<List> {
        let mut digest = DefaultHasher::new();
        bytes.hash(&mut digest);
        let step = (list.map(|list| list.id), digest.finish());
        if let Some(known) = self.known.get(&step) {
            return known.clone();
        }
        let message = ListMessage::decode(bytes, 64 << 20).expect("a message");
        let mut servers = match message.from {
            None => HashMap::new(),
            Some(_) => list.expect("a snapshot comes first").servers.clone(),
        };
        for gone in &message.removed {
            servers.remove(gone).expect("it was there");
        }
        let placed = message.placed.into_iter();
        // Copied, so that no list holds whole messages.
        let own = |heartbeat: Bytes| Bytes::copy_from_slice(&heartbeat);
        servers.extend(placed.map(|it| (it.number, own(it.heartbeat))));
        for (number, heartbeat) in message.updated {
            servers
                .insert(number, own(heartbeat))
                .expect("it was there");
        }
        let same = self.at.get(&message.to).filter(|it| it.servers == servers);
        let list = match same {
            Some(same) => same.clone(),
            None => {
                self.next += 1;
                let id = self.next;
                Arc::new(List { id, servers })
            }
        };
        self.at.insert(message.to, list.clone());
        if self.at.len() > KEPT {
            self.at.pop_first();
        }
        self.known.insert(step, list.clone());
        self.order.push_back(step);
        if self.order.len() > KEPT {
            let oldest = self.order.pop_front();
            oldest.and_then(|oldest| self.known.remove(&oldest));
        }
        list
    }
}

struct Stage {
    servers: Vec<Connector>,
    clients: Vec<Connector>,
    handshakes: Semaphore,
    truth: Mutex<Truth>,
    lists: Mutex<Lists>,
    /// Whether servers change.
    moving: watch::Sender<bool>,
    lost: AtomicU64,
    tried_again: AtomicU64,
    snapshots: AtomicU64,
    ghosts: AtomicU64,
}

impl Stage {
    async fn connect(&self, connectors: &[Connector], peer: u64) -> quinn::Connection {
        let _place = self.handshakes.acquire().await.unwrap();
        let sockets = connectors.len() as u64;
        let connector = &connectors[(peer % sockets) as usize];
        loop {
            match connector.connect().await {
                Ok(connection) => return connection,
                // As games do. Sockets that a hundred peers share may be too small for a burst.
                Err(error) => {
                    if self.tried_again.fetch_add(1, Ordering::Relaxed) == 0 {
                        eprintln!("the first connection to be tried again: {error}");
                    }
                }
            }
        }
    }

    /// Runs one server until it is told to leave.
    async fn server(self: Arc<Self>, server: u64, leave: watch::Receiver<bool>) {
        let connection = self.connect(&self.servers, server).await;
        lock(&self.truth).there.insert(server, heartbeat(server, 0));
        let begin = (self.clone(), self.moving.subscribe(), 1);
        let first = stream::iter([heartbeat(server, 0)]);
        let later = stream::unfold(begin, move |(stage, mut moving, version)| async move {
            let wait = match version {
                1 => CHANGE_EVERY.mul_f64(fastrand::f64()),
                _ => CHANGE_EVERY,
            };
            tokio::time::sleep(wait).await;
            moving.wait_for(|moving| *moving).await.ok()?;
            let heartbeat = heartbeat(server, version);
            lock(&stage.truth).there.insert(server, heartbeat.clone());
            Some((heartbeat, (stage, moving, version + 1)))
        });
        let mut leaving = leave;
        let left = async move {
            // The sender's end is a leave as well.
            let _ = leaving.wait_for(|leave| *leave).await;
        };
        let heartbeats = first.chain(later).take_until(Box::pin(left));
        let publisher = Publisher::new(connection).game("soak");
        let result = publisher.run(Box::pin(heartbeats)).await;
        if let Err(error) = result
            && self.lost.fetch_add(1, Ordering::Relaxed) == 0
        {
            eprintln!("the first server to be lost: {error}");
        }
        let mut truth = lock(&self.truth);
        truth.there.remove(&server);
        truth.left.insert(server, Instant::now());
    }

    /// Runs one client until it is dropped.
    async fn client(self: Arc<Self>, client: u64, own: Arc<Mutex<Option<Arc<List>>>>) {
        let connection = self.connect(&self.clients, client).await;
        if let Err(error) = self.follow(&connection, &own).await
            && self.lost.fetch_add(1, Ordering::Relaxed) == 0
        {
            eprintln!("the first client to be lost: {error:#}");
        }
    }

    async fn follow(
        &self,
        connection: &quinn::Connection,
        own: &Mutex<Option<Arc<List>>>,
    ) -> anyhow::Result<()> {
        let mut out = connection.open_uni().await?;
        let subscribe = Subscribe {
            game: Some("soak"),
            known: None,
            compression: Compression::Zstd,
        };
        write(&mut out, subscribe).await?;
        out.finish()?;
        loop {
            let mut reader = FrameReader::new(connection.accept_uni().await?);
            self.snapshots.fetch_add(1, Ordering::Relaxed);
            loop {
                let bytes = match reader.next(64 << 20).await {
                    Ok(bytes) => bytes.ok_or_else(|| anyhow::anyhow!("the list has ended"))?,
                    // Too slow: a snapshot comes on another stream.
                    Err(FrameError::Reset(_)) => break,
                    Err(error) => return Err(error.into()),
                };
                let before = lock(own).clone();
                let (list, new) = {
                    let mut lists = lock(&self.lists);
                    let made = lists.next;
                    (lists.take(before.as_ref(), &bytes), lists.next > made)
                };
                if new {
                    self.ghosts_in(&list);
                }
                *lock(own) = Some(list);
            }
        }
    }

    /// Counts servers that left long ago.
    fn ghosts_in(&self, list: &List) {
        let truth = lock(&self.truth);
        let left = list
            .servers
            .values()
            .filter_map(|it| truth.left.get(&number(it)));
        let ghosts = left.filter(|left| left.elapsed() > LONG_AGO).count();
        self.ghosts.fetch_add(ghosts as u64, Ordering::Relaxed);
    }

    /// How many lists are not as they have to be.
    fn wrong(&self, clients: &[Client]) -> usize {
        let truth: HashSet<Bytes> = lock(&self.truth).there.values().cloned().collect();
        let mut judged: HashMap<u64, bool> = HashMap::new();
        let right = |list: &Arc<List>| {
            list.servers.len() == truth.len() && list.servers.values().all(|it| truth.contains(it))
        };
        let wrong = clients.iter().filter(|client| match &*lock(&client.list) {
            None => true,
            Some(list) => !*judged.entry(list.id).or_insert_with(|| right(list)),
        });
        wrong.count()
    }
}

struct Server {
    leave: watch::Sender<bool>,
    task: JoinHandle<()>,
}

struct Client {
    list: Arc<Mutex<Option<Arc<List>>>>,
    task: JoinHandle<()>,
}

/// All who are there, and the next number.
struct Crowd {
    stage: Arc<Stage>,
    servers: VecDeque<Server>,
    clients: VecDeque<Client>,
    next: u64,
}

impl Crowd {
    fn join_server(&mut self) {
        self.next += 1;
        let (leave, told) = watch::channel(false);
        let task = tokio::spawn(self.stage.clone().server(self.next, told));
        self.servers.push_back(Server { leave, task });
    }

    fn join_client(&mut self) {
        self.next += 1;
        let list = Arc::default();
        let follow = self.stage.clone().client(self.next, Arc::clone(&list));
        let task = tokio::spawn(follow);
        self.clients.push_back(Client { list, task });
    }

    /// One of each leaves, and another joins. The oldest leave, so that all have left in the end.
    async fn churn(&mut self, servers: bool) {
        if servers && let Some(server) = self.servers.pop_front() {
            server.leave.send_replace(true);
            server.task.await.unwrap();
            self.join_server();
        }
        if !servers && let Some(client) = self.clients.pop_front() {
            client.task.abort();
            self.join_client();
        }
    }

    /// Holds still until all lists are right, or have had the time to be. Gives how many are not.
    async fn wrong(&mut self) -> usize {
        self.stage.moving.send_replace(false);
        let start = Instant::now();
        let wrong = loop {
            let wrong = self.stage.wrong(self.clients.make_contiguous());
            if wrong == 0 || start.elapsed() > PATIENCE {
                break wrong;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        self.stage.moving.send_replace(true);
        wrong
    }
}

/// What a process holds.
#[derive(Clone, Copy)]
struct Held {
    megabytes: f64,
    files: usize,
}

fn held(process: u32) -> Held {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"));
    let kilobytes = line.unwrap().split_whitespace().next().unwrap();
    Held {
        megabytes: kilobytes.parse::<f64>().unwrap() / 1024.0,
        files: fs::read_dir(format!("/proc/{process}/fd")).unwrap().count(),
    }
}

/// Datagrams that this machine has dropped since a socket's buffer was full.
fn dropped() -> u64 {
    let counters = fs::read_to_string("/proc/net/snmp").unwrap();
    let mut lines = counters.lines().filter(|line| line.starts_with("Udp:"));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let mut both = names.split(' ').zip(values.split(' '));
    let (_, value) = both.find(|(name, _)| *name == "RcvbufErrors").unwrap();
    value.parse().unwrap()
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let words = std::env::args().skip(1);
    let numbers: Vec<u64> = words.filter_map(|word| word.parse().ok()).collect();
    let given = |index: usize, default| numbers.get(index).copied().unwrap_or(default);
    let (minutes, servers, clients) = (given(0, 30), given(1, 2000), given(2, 2000));

    let mut daemon = Daemon::start(DAEMON, &[]).await;
    let connectors = |role| (0..SOCKETS).map(|_| daemon.connector(role, None)).collect();
    let stage = Arc::new(Stage {
        servers: connectors(Role::Heartbeat),
        clients: connectors(Role::Client),
        handshakes: Semaphore::new(64),
        truth: Mutex::default(),
        lists: Mutex::default(),
        moving: watch::Sender::new(true),
        lost: AtomicU64::new(0),
        tried_again: AtomicU64::new(0),
        snapshots: AtomicU64::new(0),
        ghosts: AtomicU64::new(0),
    });
    let mut crowd = Crowd {
        stage: stage.clone(),
        servers: VecDeque::new(),
        clients: VecDeque::new(),
        next: 0,
    };
    println!(
        "{minutes} minutes with {servers} servers and {clients} clients, {CHURN}% of whom leave \
         and join each minute"
    );
    (0..servers).for_each(|_| crowd.join_server());
    (0..clients).for_each(|_| crowd.join_client());
    let mut figures: Vec<Held> = Vec::new();
    let (mut wrong_lists, mut panics) = (0, 0);
    let (begin, dropped_before) = (tokio::time::Instant::now(), dropped());
    for minute in 1..=minutes {
        let end = begin + Duration::from_secs(60) * u32::try_from(minute).unwrap();
        let still_at = end - PATIENCE - Duration::from_secs(2);
        let changes = (servers + clients) * CHURN as u64 / 100;
        let mut pace = tokio::time::interval(Duration::from_secs(45) / changes.max(1) as u32);
        let mut next_is_server = true;
        while tokio::time::Instant::now() < still_at {
            pace.tick().await;
            // The first minute is for getting there.
            if minute > 1 {
                crowd.churn(next_is_server).await;
                next_is_server = !next_is_server;
            }
        }
        let wrong = crowd.wrong().await;
        tokio::time::sleep_until(end).await;
        let now = held(daemon.process());
        let own = held(std::process::id());
        panics += daemon
            .said()
            .iter()
            .filter(|it| it.contains("panicked"))
            .count();
        wrong_lists += wrong;
        figures.push(now);
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        println!(
            "minute {minute}: {} servers listed, {wrong} wrong lists, {} ghosts, {} peers lost, {} \
             lists begun, {} connections tried again, {} datagrams beyond buffers; daemon {:.1} MB, \
             {} files; this program {:.1} MB, {} files",
            lock(&stage.truth).there.len(),
            count(&stage.ghosts),
            count(&stage.lost),
            count(&stage.snapshots),
            count(&stage.tried_again),
            dropped() - dropped_before,
            now.megabytes,
            now.files,
            own.megabytes,
            own.files,
        );
    }
    let (first, last) = (figures[0], figures[figures.len() - 1]);
    let most = figures.iter().map(|it| it.megabytes).fold(0.0, f64::max);
    let (ghosts, lost) = (&stage.ghosts, &stage.lost);
    let (ghosts, lost) = (ghosts.load(Ordering::Relaxed), lost.load(Ordering::Relaxed));
    println!(
        "memory: {:.1} MB after the first minute, {:.1} MB after the last, {most:.1} MB at most; \
         files: {} and {}",
        first.megabytes, last.megabytes, first.files, last.files
    );
    let good = wrong_lists == 0
        && ghosts == 0
        && lost == 0
        && panics == 0
        && first.files == last.files
        && last.megabytes < 1.25 * first.megabytes;
    println!(
        "verdict: {}: {wrong_lists} wrong lists, {ghosts} ghosts, {lost} peers lost, {panics} panics",
        if good { "good" } else { "BAD" }
    );
    ExitCode::from(u8::from(!good))
}
