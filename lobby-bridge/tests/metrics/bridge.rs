//! The program with every protocol on free ports, and what it counts.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use metaserve::time::now;

/// Far more than anything takes, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The lines that say where something is open.
const OPEN: [&str; 7] = [
    "the VCMI lobby is open",
    "the metaserver is open",
    "the Quake III master is open",
    "the QuakeWorld master is open",
    "the list of DDNet is open",
    "the list of Luanti is open",
    "serving metrics",
];

/// A running bridge. Dropping it ends the process.
pub(crate) struct Bridge {
    process: Child,
    pub(crate) vcmi: SocketAddr,
    pub(crate) quake3: SocketAddr,
    pub(crate) quakeworld: SocketAddr,
    /// The lists over HTTP.
    pub(crate) lists: SocketAddr,
    pub(crate) metrics: SocketAddr,
}

impl Bridge {
    /// Starts a bridge whose state is in this folder.
    pub(crate) fn start(state: &Path, arguments: &[&str]) -> Self {
        let free = "127.0.0.1:0";
        let mut command = Command::new(env!("CARGO_BIN_EXE_metaserve-lobby-bridge"));
        command.args(["--vcmi", free, "--aleph-one", free, "--quake3", free]);
        command.args(["--aleph-one-room", "Arrival=127.0.0.1:0"]);
        command.args(["--quakeworld", free, "--quake3-addresses", "any"]);
        command.args([
            "--ddnet-http",
            free,
            "--luanti-http",
            free,
            "--metrics",
            free,
        ]);
        command.arg("--state-dir").arg(state).args(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the program");
        let mut log = BufReader::new(process.stderr.take().expect("its log")).lines();
        let mut open = [None; OPEN.len()];
        while open.contains(&None) {
            let line = log.next().expect("it goes on").expect("text");
            for (address, words) in open.iter_mut().zip(OPEN) {
                if line.contains(words) {
                    *address = Some(address_in(&line));
                }
            }
        }
        // The program must not stop because nobody reads its log.
        std::thread::spawn(move || log.for_each(drop));
        let [vcmi, _, quake3, quakeworld, lists, _, metrics] = open.map(|it| it.expect("all"));
        Self {
            process,
            vcmi,
            quake3,
            quakeworld,
            lists,
            metrics,
        }
    }

    /// What `GET path` of the metrics' address answers.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.metrics).expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        answer
    }

    /// The value of a series now, such as `bans` or `lists_total{protocol="ddnet"}`.
    pub(crate) fn value(&self, series: &str) -> f64 {
        self.total(&format!("metaserve_bridge_{series}"))
    }

    /// The same, with its whole name.
    pub(crate) fn total(&self, series: &str) -> f64 {
        let text = self.get("/metrics");
        let series = format!("\n{series} ");
        let value = text.split_once(&series).map(|(_, rest)| rest);
        let value = value.unwrap_or_else(|| panic!("no {series} in {text}"));
        let value = value.lines().next().expect("a value");
        value.parse().expect("a number")
    }

    /// Waits until a series has this value.
    pub(crate) fn until(&self, series: &str, wanted: f64) {
        self.until_is(series, |value| value == wanted, &wanted.to_string());
    }

    /// Waits until a series is more than zero.
    pub(crate) fn until_some(&self, series: &str) {
        self.until_is(series, |value| value > 0.0, "more than 0");
    }

    fn until_is(&self, series: &str, is: impl Fn(f64) -> bool, wanted: &str) {
        let begin = now();
        loop {
            let value = self.value(series);
            if is(value) {
                return;
            }
            assert!(
                begin.elapsed() < PATIENCE,
                "{series} is {value}, not {wanted}"
            );
            std::thread::yield_now();
        }
    }

    /// Waits until all these series have these values.
    pub(crate) fn until_all(&self, wanted: &[(&str, f64)]) {
        for (series, value) in wanted {
            self.until(series, *value);
        }
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn address_in(line: &str) -> SocketAddr {
    let (_, rest) = line.split_once("address=").expect("an address");
    let rest = rest.trim_start_matches('"');
    let end = rest.find([' ', '"']).unwrap_or(rest.len());
    rest[..end].parse().expect("an address")
}
