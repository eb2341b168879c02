//! The expected list, and a check whether a client's list can be true.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

/// A list that a client prints: pairs of address and heartbeat.
pub(crate) type Shown = Vec<(SocketAddr, String)>;

/// The daemon's idle timeout and tick. They have their default values here.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
const TICK: Duration = Duration::from_secs(1);

/// For processes that this machine did not schedule.
const SLACK: Duration = Duration::from_secs(10);

/// The time after which a server that has left must be off all lists.
pub(crate) const GONE_WITHIN: Duration =
    Duration::from_secs(IDLE_TIMEOUT.as_secs() + TICK.as_secs() + SLACK.as_secs());

/// Everything that servers have sent, and their addresses.
#[derive(Default)]
pub(crate) struct Truth {
    servers: BTreeMap<String, Server>,
    /// Those that every list must show.
    staying: BTreeSet<String>,
}

struct Server {
    /// When it sent heartbeat number N. A heartbeat is its name and this number.
    said: Vec<Instant>,
    /// All addresses that it ever had. The last one is its current one.
    held: Vec<IpAddr>,
    /// Since when it must not stay on the list for long.
    left: Option<Instant>,
}

impl Truth {
    pub(crate) fn joins(&mut self, name: &str, at: IpAddr) {
        let server = Server {
            said: Vec::new(),
            held: vec![at],
            left: None,
        };
        self.servers.insert(name.into(), server);
    }

    /// Returns the next heartbeat of a server.
    pub(crate) fn says(&mut self, name: &str) -> String {
        let server = self.server(name);
        server.said.push(Instant::now());
        format!("{name} {}", server.said.len())
    }

    pub(crate) fn moves(&mut self, name: &str, to: IpAddr) {
        self.server(name).held.push(to);
    }

    /// Records that no list may be without this server from now on.
    pub(crate) fn stays(&mut self, name: &str) {
        self.staying.insert(name.into());
    }

    /// Records that a server is dead or cannot be heard.
    pub(crate) fn leaves(&mut self, name: &str) {
        self.server(name).left = Some(Instant::now());
    }

    /// Records that a server can be heard again.
    pub(crate) fn returns(&mut self, name: &str) {
        self.server(name).left = None;
    }

    fn server(&mut self, name: &str) -> &mut Server {
        self.servers.get_mut(name).expect("it has joined")
    }

    /// Returns what every list must become: addresses and heartbeats.
    pub(crate) fn list(&self) -> BTreeSet<(IpAddr, String)> {
        let there = self.servers.iter().filter(|(_, it)| it.left.is_none());
        let said = there.filter(|(_, it)| !it.said.is_empty());
        said.map(|(name, it)| {
            let now = *it.held.last().expect("one at least");
            (now, format!("{name} {}", it.said.len()))
        })
        .collect()
    }

    /// Returns everything in a client's list that cannot be true at this time.
    pub(crate) fn lies(&self, shown: &Shown, now: Instant) -> Vec<String> {
        let mut lies = Vec::new();
        let mut names = BTreeSet::new();
        for (address, words) in shown {
            let mut lie = |what: &str| lies.push(format!("{what}: {words:?} at {address}"));
            let (name, number) = numbered(words);
            let Some(server) = self.servers.get(name) else {
                lie("nobody has this name");
                continue;
            };
            if !(1..=server.said.len()).contains(&number) {
                lie("it was never said");
            }
            if !server.held.contains(&address.ip()) {
                lie("it never was there");
            }
            if server.left.is_some_and(|left| now > left + GONE_WITHIN) {
                lie("it has left long ago");
            }
            if !names.insert(name) {
                lie("it is listed twice");
            }
        }
        let missing = self
            .staying
            .iter()
            .filter(|it| !names.contains(it.as_str()));
        lies.extend(missing.map(|name| format!("it is missing: {name}")));
        lies
    }

    /// Returns how long ago this heartbeat was sent.
    pub(crate) fn age(&self, words: &str, now: Instant) -> Option<Duration> {
        let (name, number) = numbered(words);
        let said = self.servers.get(name)?.said.get(number.checked_sub(1)?)?;
        Some(now.saturating_duration_since(*said))
    }
}

/// `NAME NUMBER padding`.
fn numbered(words: &str) -> (&str, usize) {
    let mut parts = words.split(' ');
    let name = parts.next().unwrap_or_default();
    let number = parts.next().and_then(|number| number.parse().ok());
    (name, number.unwrap_or(0))
}

/// Converts a client's list to the form of [`Truth::list`].
pub(crate) fn comparable(shown: &Shown) -> BTreeSet<(IpAddr, String)> {
    shown
        .iter()
        .map(|(address, words)| {
            let (name, number) = numbered(words);
            (address.ip(), format!("{name} {number}"))
        })
        .collect()
}

/// A check that finds no lie would prove nothing.
#[test]
fn lies_are_found() {
    let mut truth = Truth::default();
    let (here, there) = ([10, 0, 1, 2].into(), [10, 0, 2, 2].into());
    truth.joins("a", here);
    let words = truth.says("a");
    let now = Instant::now();
    let at = |ip, words: &str| (SocketAddr::new(ip, 1), words.to_owned());
    assert_eq!(truth.lies(&vec![at(here, &words)], now), [""; 0]);
    let lies = [
        vec![at(there, &words)],
        vec![at(here, "a 2")],
        vec![at(here, "b 1")],
        vec![at(here, &words), at(here, &words)],
    ];
    for lie in &lies {
        assert_eq!(truth.lies(lie, now).len(), 1, "{lie:?}");
    }
    assert_eq!(truth.lies(&Shown::new(), now), [""; 0]);
    truth.stays("a");
    assert_eq!(truth.lies(&Shown::new(), now).len(), 1);
    truth.leaves("a");
    assert_eq!(truth.lies(&vec![at(here, &words)], now), [""; 0]);
    let late = now + GONE_WITHIN + Duration::from_secs(1);
    assert_eq!(truth.lies(&vec![at(here, &words)], late).len(), 1);
}
