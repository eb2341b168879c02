//! What operators and other programs write: the daemon's configuration file, its ban file,
//! certificates, fingerprints, games' tags, records. Input: a byte that names the reader, and the
//! text.

#![no_main]

use std::{
    fs,
    time::{Duration, SystemTime},
    net::{IpAddr, Ipv6Addr},
    path::PathBuf,
    sync::LazyLock,
};

use ipnet::IpNet;
use libfuzzer_sys::fuzz_target;
use metaserve::{Fingerprint, Game, Identity, ServerInfo, Trust, bans::Bans};
use metaserve_daemon::Settings;
use tempfile::TempDir;

static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| {
    let memory = Some(PathBuf::from("/dev/shm")).filter(|it| it.is_dir());
    let directory = tempfile::tempdir_in(memory.unwrap_or_else(std::env::temp_dir));
    directory.expect("a directory")
});

fuzz_target!(|input: &[u8]| {
    let Some((&reader, bytes)) = input.split_first() else {
        return;
    };
    match (reader, str::from_utf8(bytes)) {
        (0, _) => {
            let file = DIRECTORY.path().join("config.toml");
            fs::write(&file, bytes).expect("memory");
            let words = ["daemon".as_ref(), "--config".as_ref(), file.as_os_str()];
            if let Ok(settings) = Settings::parse(words) {
                settings.live.limits.check().expect("what is accepted was checked");
                assert!(settings.threads.is_none_or(|it| it > 0));
            }
        }
        (1, _) => {
            let file = DIRECTORY.path().join("some.pem");
            fs::write(&file, bytes).expect("memory");
            let _ = Identity::load(&file, &file);
            let _ = Trust::file(&file);
        }
        (2, Ok(text)) => {
            if let Ok(fingerprint) = text.parse::<Fingerprint>() {
                assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
            }
        }
        (3, Ok(text)) => match Game::new(text) {
            Ok(game) => assert_eq!(game.as_str(), text),
            Err(refused) => assert!(refused.tag.len() <= Game::MAX_BYTES),
        },
        (4, _) => {
            if let Some(info) = ServerInfo::from_json(bytes) {
                assert_eq!(ServerInfo::from_json(info.to_json().as_ref()), Some(info));
            }
        }
        (5, _) => {
            let file = DIRECTORY.path().join("bans");
            fs::write(&file, bytes).expect("memory");
            if let Ok(bans) = Bans::read(&file) {
                hold(
                    &bans,
                    str::from_utf8(bytes).expect("what is accepted is text"),
                );
            }
        }
        _ => {}
    }
});

/// Asserts that each line bans what it says for as long as it says, and that nobody beside it is
/// banned but by another.
fn hold(bans: &Bans, text: &str) {
    let entries = text.lines().filter_map(|line| line.split('#').next());
    let entries = entries.map(str::trim).filter(|entry| !entry.is_empty());
    let lines: Vec<_> = entries.map(ban).collect();
    for (_, until) in &lines {
        let end = until.unwrap_or(SystemTime::UNIX_EPOCH);
        hold_at(bans, &lines, end);
        hold_at(bans, &lines, end - Duration::from_secs(1));
    }
}

/// The addresses of a line, from the first to the last, and the end of the ban.
type Line = ((IpAddr, IpAddr), Option<SystemTime>);

fn hold_at(bans: &Bans, lines: &[Line], now: SystemTime) {
    let banned = |address| {
        let holding = lines.iter().filter(|(_, until)| until.is_none_or(|it| now < it));
        let mut ranges = holding.map(|(range, _)| range);
        ranges.any(|(first, last)| (first..=last).contains(&&address))
    };
    for ((first, last), _) in lines {
        let [first, last] = [first, last].map(|it| match it {
            IpAddr::V4(it) => it.to_ipv6_mapped().to_bits(),
            IpAddr::V6(it) => it.to_bits(),
        });
        for edge in [first.wrapping_sub(1), first, last, last.wrapping_add(1)] {
            let address = IpAddr::from(Ipv6Addr::from_bits(edge)).to_canonical();
            assert_eq!(bans.covering(address, now).is_some(), banned(address));
        }
    }
}

fn ban(entry: &str) -> Line {
    let mut words = entry.split_whitespace();
    let range = range(words.next().expect("a prefix"));
    let until = words.nth(1).map(|time| humantime::parse_rfc3339(time).expect("a time"));
    (range, until)
}

/// The first and the last address that an entry bans.
fn range(entry: &str) -> (IpAddr, IpAddr) {
    let prefix = entry.parse().or_else(|_| entry.parse().map(IpAddr::into));
    let prefix: IpNet = prefix.expect("what is accepted are addresses and prefixes");
    let range = (prefix.network(), prefix.broadcast());
    match range.0.to_canonical() {
        // IPv4 inside IPv6.
        first @ IpAddr::V4(_) => (first, range.1.to_canonical()),
        IpAddr::V6(_) => range,
    }
}
