//! Roles as processes: this program again, told by its environment what to be.

use crate::world::{Found, World, content, gateway_of};
use metaserve::program::log::{self, LogFormat};
use realm::{
    ids::ZoneId,
    zone::{self, Host},
};
use std::{
    env, fmt, fs,
    io::Read,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::watch,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

const ROLE: &str = "REALM_CHAOS_ROLE";
const DIRECTORY: &str = "REALM_CHAOS_DIRECTORY";
const LOG: &str = "REALM_CHAOS_LOG";

/// Longer than a claim outlives a frozen owner.
const FROZEN: Duration = Duration::from_secs(9);

pub(super) struct Children {
    directory: PathBuf,
    redis: Redis,
    hosts: Vec<Role>,
    gateways: Vec<Role>,
    started: usize,
    killed: usize,
    frozen: usize,
    restarts: usize,
    /// How long zones had no owner after theirs was killed.
    without: Vec<Duration>,
}

struct Role {
    process: Child,
    url: String,
}

/// A redis-server that loses nothing.
struct Redis {
    port: u16,
    directory: TempDir,
    process: Child,
}

/// A world over a Redis of its own.
pub(super) async fn world() -> (World, Children) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    drop(socket);
    let directory = tempfile::tempdir().unwrap();
    let redis = Redis {
        process: redis(port, directory.path()),
        port,
        directory,
    };
    let world = World::new(realm::log::open(&redis.url()).unwrap());
    while world.log.check().await.is_err() {
        sleep(Duration::from_millis(50)).await;
    }
    assert!(
        world.log.check().await.unwrap().is_empty(),
        "it loses nothing"
    );
    let directory = world.directory().to_owned();
    let Found {
        daemon,
        fingerprint,
        keys,
    } = &world.found;
    let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
    fs::write(
        directory.join("found"),
        format!("{daemon}\n{fingerprint}\n"),
    )
    .unwrap();
    fs::write(directory.join("keys"), keys.join("\n")).unwrap();
    let children = Children {
        directory,
        redis,
        hosts: Vec::new(),
        gateways: Vec::new(),
        started: 0,
        killed: 0,
        frozen: 0,
        restarts: 0,
        without: Vec::new(),
    };
    (world, children)
}

impl Redis {
    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

fn redis(port: u16, directory: &Path) -> Child {
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args([
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
            "--save",
            "",
        ])
        .arg("--dir")
        .arg(directory)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("redis-server is installed")
}

impl Children {
    async fn start(&mut self, role: &str) -> Role {
        self.started += 1;
        let log = self.directory.join(format!("{role}-{}.log", self.started));
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "a_role_of_the_world", "--ignored", "--nocapture"])
            .env(ROLE, role)
            .env(DIRECTORY, &self.directory)
            .env(LOG, self.redis.url())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(log).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some((_, url)) = line.split_once("serves at ") {
                let url = url.to_owned();
                // It says more when it has run for a while, and ends if nobody listens.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Role {
                    process: child,
                    url,
                };
            }
        }
        panic!("a {role} does not start");
    }

    pub(super) async fn host(&mut self) {
        let host = self.start("zone").await;
        self.hosts.push(host);
    }

    pub(super) async fn gateway(&mut self) -> String {
        let gateway = self.start("gateway").await;
        let url = gateway.url.clone();
        self.gateways.push(gateway);
        url
    }

    /// The place of the host that has the zone.
    async fn owner(&self, world: &World, zone: &ZoneId) -> (usize, u64) {
        loop {
            let (url, epoch) = world.owner(zone).await;
            if let Some(place) = self.hosts.iter().position(|it| it.url == url) {
                return (place, epoch);
            }
            // It was killed just now.
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Kills the host that has the zone, starts another one, and waits until the zone has an owner.
    pub(super) async fn replace_owner(&mut self, world: &World, zone: ZoneId) {
        let (place, epoch) = self.owner(world, &zone).await;
        let mut host = self.hosts.swap_remove(place);
        host.process.kill().await.unwrap();
        self.killed += 1;
        let later = world.later_owner(zone, epoch);
        self.host().await;
        self.without.push(later.await.unwrap());
    }

    /// Freezes the host that has the zone until others have its zones.
    pub(super) async fn freeze_owner(&mut self, world: &World, zone: &ZoneId) {
        let (place, _) = self.owner(world, zone).await;
        let host = &self.hosts[place].process;
        signal(host, "STOP");
        sleep(FROZEN).await;
        signal(host, "CONT");
        self.frozen += 1;
    }

    /// Asks the oldest host to end, as an operator does.
    pub(super) async fn drain_host(&mut self) {
        let mut host = self.hosts.remove(0);
        signal(&host.process, "TERM");
        host.process.wait().await.unwrap();
    }

    /// Kills the gateway, and starts another one.
    pub(super) async fn replace_gateway(&mut self, tell: &watch::Sender<String>) {
        let mut gateway = self.gateways.remove(0);
        gateway.process.kill().await.unwrap();
        self.killed += 1;
        let url = self.gateway().await;
        tell.send_replace(url);
    }

    /// Ends Redis by a signal, and starts it again.
    pub(super) async fn restart_redis(&mut self, by: &str) {
        signal(&self.redis.process, by);
        self.redis.process.wait().await.unwrap();
        self.redis.process = redis(self.redis.port, self.redis.directory.path());
        self.restarts += 1;
    }

    pub(super) fn thaw(&self) {
        for host in &self.hosts {
            signal(&host.process, "CONT");
        }
    }

    /// Where Redis is.
    pub(super) fn log(&self) -> String {
        self.redis.url()
    }

    /// Processor seconds of the gateways, of the hosts and of Redis.
    pub(super) fn work(&self) -> [f64; 3] {
        let all = |roles: &[Role]| roles.iter().map(|it| work(&it.process)).sum();
        [
            all(&self.gateways),
            all(&self.hosts),
            work(&self.redis.process),
        ]
    }

    /// So many lines of all logs have these words.
    fn logged(&self, words: &str) -> usize {
        let files = fs::read_dir(&self.directory)
            .unwrap()
            .map(|it| it.unwrap().path());
        let logs = files.filter(|it| it.extension().is_some_and(|it| it == "log"));
        let lines = logs.map(|it| fs::read_to_string(it).unwrap());
        lines.map(|it| it.matches(words).count()).sum()
    }
}

impl fmt::Display for Children {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} processes killed, {} frozen, {} commits of owners that came back refused, {} zones \
             given up before they tried, zones without an owner for {:?}, Redis restarted {} times",
            self.killed,
            self.frozen,
            self.logged("belongs to another one now"),
            self.logged("the zone is no longer this host's"),
            self.without,
            self.restarts,
        )
    }
}

/// The processor seconds that a process has used.
fn work(child: &Child) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id().unwrap())).unwrap();
    // After its name, which may have spaces. The unit is a hundredth of a second.
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let used = rest.split_whitespace().skip(11).take(2);
    used.map(|it| it.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

fn signal(child: &Child, signal: &str) {
    if let Some(id) = child.id() {
        let sent = std::process::Command::new("kill")
            .args(["-s", signal, &id.to_string()])
            .status();
        assert!(sent.unwrap().success());
    }
}

/// Is a role, if this process was started as one.
pub(super) fn role() {
    let Ok(role) = env::var(ROLE) else {
        return;
    };
    let _log = log::init("info", LogFormat::Text).unwrap();
    let until = CancellationToken::new();
    // It ends with the test that has started it.
    thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let directory = PathBuf::from(env::var(DIRECTORY).unwrap());
    let found = fs::read_to_string(directory.join("found")).unwrap();
    let (daemon, fingerprint) = found.trim().split_once('\n').unwrap();
    let found = Found {
        daemon: daemon.to_owned(),
        fingerprint: fingerprint.parse().unwrap(),
        keys: metaserve_ticket::PublicKeys::read(&directory.join("keys")).unwrap(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let asked = until.clone();
        tokio::spawn(async move {
            use tokio::signal::unix::{SignalKind, signal};
            signal(SignalKind::terminate()).unwrap().recv().await;
            asked.cancel();
        });
        let shared = found.shared(realm::log::open(&env::var(LOG).unwrap()).unwrap());
        let names = shared.names.clone();
        match role.as_str() {
            "zone" => {
                let settings = zone::Settings {
                    name: format!("host-{}", std::process::id()),
                    ..zone::Settings::default()
                };
                let host = Host::start(settings, shared, content(&directory))
                    .await
                    .unwrap();
                println!("serves at {}", host.url());
                host.run(until).await.unwrap();
            }
            _ => {
                let gateway = gateway_of(shared).await;
                println!("serves at {}", gateway.url());
                gateway.run(until).await.unwrap();
            }
        }
        names.close().await;
    });
    std::process::exit(0);
}
