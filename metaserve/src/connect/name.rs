//! `HOST:PORT`, and what to write instead of what is not: pure.

use rustls::pki_types::ServerName;
use std::{net::Ipv6Addr, sync::Arc};

/// The port that a daemon has unless its operator chooses another one.
const PORT: u16 = 4433;

/// The host of `HOST:PORT`, without brackets. Only IPv6 addresses have brackets, and always: where
/// one without them ends, and the port begins, cannot be told.
pub(super) fn host(daemon: &str) -> Option<&str> {
    let (host, port) = daemon.rsplit_once(':')?;
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    port.parse::<u16>()
        .ok()
        .filter(|port| digits && *port != 0)?;
    match host.strip_prefix('[') {
        Some(rest) => {
            let bare = rest.strip_suffix(']')?;
            bare.parse::<Ipv6Addr>().ok().map(|_| bare)
        }
        None if host.contains(':') => None,
        None => ServerName::try_from(host).ok().map(|_| host),
    }
}

/// The names of several daemons, each once.
pub(super) fn all(daemons: impl IntoIterator<Item = impl AsRef<str>>) -> Arc<[Arc<str>]> {
    let mut all: Vec<Arc<str>> = Vec::new();
    for daemon in daemons {
        let daemon = daemon.as_ref();
        if !all.iter().any(|known| **known == *daemon) {
            all.push(daemon.into());
        }
    }
    all.into()
}

/// What is wrong with a text that is not `HOST:PORT`, and what to write.
pub(super) fn advice(text: &str) -> String {
    let trimmed = text.trim();
    let bare = trimmed.split_once("://").map_or(trimmed, |(_, rest)| rest);
    let bare = bare.split(['/', '?', '#']).next().unwrap_or_default();
    match with_port(bare) {
        Some(meant) if bare != trimmed => {
            format!("{text:?} is a URL, not HOST:PORT: write {meant:?}")
        }
        Some(meant) => format!("{text:?} is not HOST:PORT: write {meant:?}"),
        None => format!(
            "{text:?} is not HOST:PORT, such as \"list.example.org:4433\" or \
             \"[2001:db8::1]:4433\""
        ),
    }
}

/// `HOST:PORT` as it may have been meant.
fn with_port(text: &str) -> Option<String> {
    let candidates = [
        text.to_owned(),
        match text.parse::<Ipv6Addr>() {
            Ok(_) => format!("[{text}]:{PORT}"),
            Err(_) => format!("{}:{PORT}", text.trim_end_matches(':')),
        },
    ];
    candidates.into_iter().find(|text| host(text).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_nonsense() {
        let table = [
            ("list.example.org:4433", Some("list.example.org")),
            ("127.0.0.1:1", Some("127.0.0.1")),
            ("[::1]:4433", Some("::1")),
            ("list.example.org.:65535", Some("list.example.org.")),
            ("list.example.org:0", None),
            ("list.example.org:65536", None),
            ("list.example.org:+4433", None),
            ("list.example.org:", None),
            ("list.example.org:4433 ", None),
            ("::1:4433", None),
            ("2001:db8::1:2", None),
            ("[list.example.org]:4433", None),
            ("[127.0.0.1]:4433", None),
            ("[::1:4433", None),
            ("[::1]4433", None),
            ("[::1]", None),
            ("list.example.org", None),
            ("list.example.org:port", None),
            ("two words:4433", None),
            (":4433", None),
            ("https://list.example.org:4433", None),
        ];
        for (daemon, expected) in table {
            assert_eq!(host(daemon), expected, "{daemon}");
        }
    }

    #[test]
    fn a_wrong_name_is_answered_with_what_to_write() {
        let table = [
            ("list.example.org", "write \"list.example.org:4433\""),
            (
                "https://list.example.org",
                "write \"list.example.org:4433\"",
            ),
            ("quic://localhost:7/x?y", "write \"localhost:7\""),
            ("localhost:4433/", "write \"localhost:4433\""),
            (" localhost:4433", "write \"localhost:4433\""),
            ("2001:db8::1", "write \"[2001:db8::1]:4433\""),
            ("2001:db8::1:2", "write \"[2001:db8::1:2]:4433\""),
            ("[2001:db8::1]", "write \"[2001:db8::1]:4433\""),
            (
                "HTTPS://list.example.org:80/",
                "write \"list.example.org:80\"",
            ),
            ("localhost:0", "such as"),
            ("localhost:65536", "such as"),
            ("localhost:", "write \"localhost:4433\""),
            ("", "such as \"list.example.org:4433\""),
            ("two words", "such as \"list.example.org:4433\""),
        ];
        for (text, says) in table {
            let advice = advice(text);
            assert!(advice.contains(says), "{text:?}: {advice}");
            assert!(advice.starts_with(&format!("{text:?} is ")), "{advice}");
        }
    }
}
