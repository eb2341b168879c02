//! The heartbeats of the servers, and when they were sent.

use crate::{clients::lock, options::Content};
use bytes::Bytes;
use metaserve::{Mod, ServerInfo};
use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

/// The heartbeat of a server in a version: always the same, and different from every other.
pub(crate) fn heartbeat(content: Content, size: usize, server: usize, version: u64) -> Bytes {
    match content {
        Content::Random => random(size, server, version),
        Content::Info => info(size, server, version),
    }
}

fn random(size: usize, server: usize, version: u64) -> Bytes {
    let mut bytes = Vec::with_capacity(size);
    bytes.extend_from_slice(&(server as u64).to_le_bytes());
    bytes.extend_from_slice(&version.to_le_bytes());
    let mut random = fastrand::Rng::with_seed(version << 32 | server as u64);
    bytes.resize_with(size, || random.u8(..));
    bytes.into()
}

/// A realistic record: names and maps vary from server to server, the players from one heartbeat
/// to the next.
fn info(size: usize, server: usize, version: u64) -> Bytes {
    const PLACES: [&str; 6] = ["Frankfurt", "Dallas", "Tokyo", "Sydney", "London", "Oslo"];
    const MAPS: [&str; 8] = [
        "aftershock",
        "bloodrun",
        "campgrounds",
        "dredwerkz",
        "elder",
        "furiousheights",
        "grimdungeons",
        "hellsgate",
    ];
    const MODES: [&str; 3] = ["ffa", "ctf", "tdm"];
    let pick = |from: &[&str], by: u64| from[by as usize % from.len()].to_owned();
    let owner = fastrand::Rng::with_seed(server as u64).u64(..) >> 32;
    let state = fastrand::Rng::with_seed(version << 32 | server as u64).u64(..);
    let mut record = ServerInfo {
        map: Some(pick(&MAPS, owner + version / 10)),
        mode: Some(pick(&MODES, owner)),
        players: Some((state % 17) as u32),
        max_players: Some(16),
        password: Some(owner.is_multiple_of(5)),
        version: Some("1.32e".into()),
        started: Some(true),
        // Distinguishes the versions, like the clock of a match.
        time_left_seconds: Some(u32::MAX - version as u32),
        ..ServerInfo::new(format!("{} #{server} {owner:x}", pick(&PLACES, owner)))
    };
    let short = size.saturating_sub(record.to_json().len());
    // The name of a mod fills the record up. It is the same in all versions of a server.
    let frame = r#","mods":[{"name":""}]"#.len();
    if short > frame {
        let name = format!("{owner:x}").repeat(short / 8 + 2);
        record.mods = vec![Mod::new(&name[..short - frame])];
    }
    record.to_json().into()
}

/// When a heartbeat was sent, and by which server.
#[derive(Clone, Copy)]
pub(crate) struct Said {
    pub(crate) at: Instant,
    pub(crate) server: usize,
}

/// The newest heartbeat of every server, and when each heartbeat was sent.
pub(crate) struct Truth {
    content: Content,
    size: usize,
    versions: Vec<AtomicU64>,
    said: Mutex<HashMap<u64, Said>>,
}

impl Truth {
    pub(crate) fn new(content: Content, size: usize, servers: usize) -> Self {
        Self {
            content,
            size,
            versions: (0..servers).map(|_| AtomicU64::new(0)).collect(),
            said: Mutex::default(),
        }
    }

    /// The current heartbeat of `server`.
    pub(crate) fn current(&self, server: usize) -> Bytes {
        let version = self.versions[server].load(Ordering::Relaxed);
        heartbeat(self.content, self.size, server, version)
    }

    /// A new heartbeat of `server`, sent at `now`.
    pub(crate) fn next(&self, server: usize, now: Instant) -> Bytes {
        self.versions[server].fetch_add(1, Ordering::Relaxed);
        let heartbeat = self.current(server);
        let mut said = lock(&self.said);
        said.insert(digest(&heartbeat), Said { at: now, server });
        heartbeat
    }

    /// When and by whom this heartbeat was sent; `None` if that was before measuring began.
    pub(crate) fn said(&self, heartbeat: &[u8]) -> Option<Said> {
        let said = lock(&self.said);
        said.get(&digest(heartbeat)).copied()
    }

    /// The number of servers that are wrong, missing or superfluous in a list.
    pub(crate) fn wrong_in(&self, list: impl Iterator<Item = Bytes>) -> usize {
        let listed: std::collections::HashSet<Bytes> = list.collect();
        let right = (0..self.versions.len())
            .filter(|server| listed.contains(&self.current(*server)))
            .count();
        self.versions.len().max(listed.len()) - right
    }
}

fn digest(heartbeat: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    heartbeat.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_heartbeat_differs_from_every_other_and_has_its_size() {
        for content in [Content::Random, Content::Info] {
            let all = (0..20).flat_map(|server| (0..20).map(move |version| (server, version)));
            let distinct: HashSet<Bytes> = all
                .map(|(server, version)| heartbeat(content, 250, server, version))
                .collect();
            assert_eq!(distinct.len(), 400);
            // The number of players has one digit or two.
            assert!(distinct.iter().all(|one| (249..=250).contains(&one.len())));
        }
    }

    #[test]
    fn records_have_the_form_that_games_use() {
        let bytes = heartbeat(Content::Info, 200, 7, 3);
        let info = ServerInfo::from_json(&bytes).unwrap();
        assert_eq!(info.max_players, Some(16));
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the test can start at any instant"
    )]
    fn a_wrong_list_is_noticed() {
        let truth = Truth::new(Content::Random, 32, 3);
        let right: Vec<Bytes> = (0..3).map(|server| truth.current(server)).collect();
        assert_eq!(truth.wrong_in(right.clone().into_iter()), 0);
        assert_eq!(truth.wrong_in(right[1..].iter().cloned()), 1);
        let ghost = [Bytes::from_static(b"ghost")];
        assert_eq!(truth.wrong_in(right.clone().into_iter().chain(ghost)), 1);
        truth.next(2, Instant::now());
        assert_eq!(truth.wrong_in(right.into_iter()), 1);
    }
}
