//! The text of a ban file, line by line.

use super::{Ban, Whom};
use crate::text::{self, MOST_BYTES, TextError};
use ipnet::{IpNet, Ipv4Net};
use std::{
    fs::File,
    io,
    net::IpAddr,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// The most lines that a file may have. As many prefixes take 6 MB and 25 ms to read.
pub(super) const MAX_LINES: usize = 100_000;

/// How many bad lines are named; the rest are counted.
const NAMED_LINES: usize = 5;

/// Why a ban file cannot be used or changed. The file is unchanged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BanFileError {
    /// The file cannot be opened.
    #[error("cannot read the ban file {path}: it must exist, and may be empty")]
    Open {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Reading the file failed.
    #[error("cannot read the ban file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is longer than 16 MiB.
    #[error("the ban file {0} is longer than {MOST_BYTES} bytes: shorten it")]
    TooLong(PathBuf),
    /// The file has more than 100,000 lines.
    #[error(
        "{0}, line {n}: at most {MAX_LINES} lines are read: ban whole prefixes instead",
        n = MAX_LINES + 1
    )]
    TooManyLines(PathBuf),
    /// The file is not UTF-8.
    #[error("{path}, line {line}: this is not UTF-8 text")]
    NotText {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
    },
    /// Some lines have mistakes.
    #[error("{}", named(.path, .lines))]
    BadLines {
        /// The file.
        path: PathBuf,
        /// All bad lines.
        lines: Vec<BadLine>,
    },
    /// The file to change has a mistake.
    #[error("correct the ban file first")]
    Mend(#[source] Box<Self>),
    /// The file cannot be written.
    #[error("cannot write the ban file {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

/// A line that is neither empty, nor a remark, nor a ban.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// The number of the line, from 1.
    pub number: usize,
    /// What is wrong with it.
    pub problem: String,
}

/// Describes the first bad lines of a file.
fn named(path: &Path, bad: &[BadLine]) -> String {
    let first = bad.iter().take(NAMED_LINES);
    let mut lines: Vec<_> = first
        .map(|bad| format!("{}, line {}: {}", path.display(), bad.number, bad.problem))
        .collect();
    if bad.len() > NAMED_LINES {
        lines.push(format!("and {} more lines", bad.len() - NAMED_LINES));
    }
    lines.join("; ")
}

/// Reads the text of a ban file, if it is not too long and is UTF-8.
pub(super) fn read_text(path: &Path) -> Result<String, BanFileError> {
    let file = File::open(path).map_err(|source| BanFileError::Open {
        path: path.to_owned(),
        source,
    })?;
    let text = text::read_from(file).map_err(|error| match error {
        TextError::Read(source) => BanFileError::Read {
            path: path.to_owned(),
            source,
        },
        TextError::Long(_) => BanFileError::TooLong(path.to_owned()),
        TextError::NotText(line) => BanFileError::NotText {
            path: path.to_owned(),
            line,
        },
    })?;
    if text.lines().nth(MAX_LINES).is_some() {
        return Err(BanFileError::TooManyLines(path.to_owned()));
    }
    Ok(text)
}

/// The part of a line before its remark; `None` if that is empty.
fn entry(line: &str) -> Option<&str> {
    let before = text::trim(line.split('#').next().unwrap_or_default());
    (!before.is_empty()).then_some(before)
}

/// The remark of a line, without surrounding space.
pub(super) fn remark(line: &str) -> &str {
    line.split_once('#').map_or("", |(_, remark)| remark.trim())
}

/// The ban in a line; `None` if the line has none.
pub(super) fn ban_of(line: &str) -> Option<Result<Ban, String>> {
    entry(line).map(parse)
}

/// Parses `ADDRESS` or `ADDRESS until TIME`, each with `guests` after the address or without.
fn parse(entry: &str) -> Result<Ban, String> {
    let (text, rest) = entry.split_once(char::is_whitespace).unwrap_or((entry, ""));
    let prefix = prefix(text)?;
    let mut rest = rest.split_whitespace().peekable();
    let whom = match rest.next_if_eq(&"guests") {
        Some(_) => Whom::Guests,
        None => Whom::Everybody,
    };
    let until = match (rest.next(), rest.next(), rest.next()) {
        (None, ..) => None,
        (Some("until"), Some(time), None) => Some(end(time)?),
        _ => {
            return Err(format!(
                "after `{text}`, write `until` and a time such as {EXAMPLE_TIME}, or nothing"
            ));
        }
    };
    Ok(Ban {
        prefix,
        whom,
        until,
    })
}

/// An example of how times are written.
const EXAMPLE_TIME: &str = "2026-11-21T12:00:00Z";

fn end(text: &str) -> Result<SystemTime, String> {
    humantime::parse_rfc3339(text).map_err(|_| {
        format!(
            "`{}` is not a time in UTC such as {EXAMPLE_TIME}",
            shortened(text)
        )
    })
}

/// The shortest ban: times in the file are whole seconds.
const SHORTEST: Duration = Duration::from_secs(1);

/// The longest ban: a longer one is meant to be permanent.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);

/// Parses the duration of a ban, from a second to a hundred years: `30m`, `2h`, `7d`.
///
/// # Errors
/// What is wrong with the text, and how to write it.
pub fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text);
    let duration = duration.map_err(|error| format!("{error}: write a time like 30m, 2h or 7d"))?;
    if duration < SHORTEST {
        return Err("too short: a ban lasts at least 1s".to_owned());
    }
    if duration > LONGEST {
        return Err("too long: omit the time for a ban that does not end".to_owned());
    }
    Ok(duration)
}

/// Shortens a word that is shown in an error.
fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Parses an address or a prefix. IPv4 addresses inside IPv6 count as IPv4.
///
/// # Errors
/// What is wrong with the text, and how to write it.
pub fn prefix(text: &str) -> Result<IpNet, String> {
    let parsed = text
        .parse::<IpAddr>()
        .map(IpNet::from)
        .or_else(|_| text.parse::<IpNet>());
    let Ok(net) = parsed else {
        return Err(format!(
            "`{}` is neither an address nor a prefix such as 192.0.2.0/24",
            shortened(text)
        ));
    };
    if net.trunc() != net {
        return Err(format!(
            "`{net}` is an address with bits beyond the prefix: write {} or {}",
            net.trunc(),
            net.addr()
        ));
    }
    Ok(canonical(net))
}

/// The prefix that one customer of a provider usually has, around this address: an IPv4 address,
/// or an IPv6 /64.
#[must_use]
pub fn host(address: IpAddr) -> IpNet {
    let address = address.to_canonical();
    let length = if address.is_ipv4() { 32 } else { 64 };
    IpNet::new(address, length).map_or(address.into(), |net| net.trunc())
}

/// Turns a prefix inside `::ffff:0:0/96` into its IPv4 form.
fn canonical(net: IpNet) -> IpNet {
    let IpNet::V6(inner) = net else { return net };
    let (Some(v4), 96..) = (inner.addr().to_ipv4_mapped(), inner.prefix_len()) else {
        return net;
    };
    Ipv4Net::new(v4, inner.prefix_len() - 96).map_or(net, IpNet::from)
}

#[cfg(test)]
mod tests {
    use super::{super::Bans, *};
    use std::error::Error;

    /// An error with its causes.
    fn chain(error: BanFileError) -> String {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        text
    }

    #[test]
    fn bad_lines_are_named_by_file_and_number() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bans");
        let table: [(&[u8], &str); 9] = [
            (
                b"\n192.0.2.1 until tomorrow",
                "bans, line 2: `tomorrow` is not a time in UTC such as 2026-",
            ),
            (
                b"192.0.2.1 until 2026-11-21T12:00:00+01:00",
                "line 1: `2026-11-21T12:00:00+01:00` is not a time",
            ),
            (
                b"192.0.2.1 192.0.2.2",
                "line 1: after `192.0.2.1`, write `until` and a time",
            ),
            (
                b"192.0.2.1 until 2026-11-21 12:00:00",
                "line 1: after `192.0.2.1`, write `until` and a time",
            ),
            (
                b"192.0.2.1\n# fine\nexample.org",
                "bans, line 3: `example.org` is neither",
            ),
            (b"192.0.2.1/33", "bans, line 1: `192.0.2.1/33` is neither"),
            (
                b"192.0.2.7/24",
                "line 1: `192.0.2.7/24` is an address with bits beyond the prefix: write 192.0.2.0/24 or 192.0.2.7",
            ),
            (b"192.0.2.1\n\xff", "bans, line 2: this is not UTF-8"),
            (
                b"x\n192.0.2.1\ny",
                "line 1: `x` is neither an address nor a prefix such as 192.0.2.0/24; ",
            ),
        ];
        for (text, expected) in table {
            std::fs::write(&path, text).unwrap();
            let complaint = chain(Bans::read(&path).unwrap_err());
            assert!(complaint.contains(expected), "{expected}: {complaint}");
        }
        std::fs::write(&path, "x\n".repeat(8)).unwrap();
        let complaint = Bans::read(&path).unwrap_err().to_string();
        assert!(complaint.ends_with("and 3 more lines"), "{complaint}");
        std::fs::write(&path, "x\n".repeat(5)).unwrap();
        let complaint = Bans::read(&path).unwrap_err().to_string();
        assert!(complaint.contains("line 5: "), "{complaint}");
        assert!(!complaint.contains("more lines"), "{complaint}");
    }

    #[test]
    fn a_file_that_exceeds_a_limit_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bans");
        let line = |at: usize| format!("10.{}.{}.{}\n", at >> 16, at >> 8 & 255, at & 255);
        let mut text: String = (0..MAX_LINES).map(line).collect();
        std::fs::write(&path, &text).unwrap();
        let bans = Bans::read(&path).unwrap();
        let now = SystemTime::UNIX_EPOCH;
        assert_eq!(bans.count(now), MAX_LINES);
        assert!(bans.covering("10.1.0.0".parse().unwrap(), now).is_some());
        text.push_str("192.0.2.1");
        std::fs::write(&path, &text).unwrap();
        let complaint = Bans::read(&path).unwrap_err().to_string();
        assert!(complaint.contains("line 100001"), "{complaint}");
        let mut remark = vec![b'#'; 16 * 1024 * 1024];
        std::fs::write(&path, &remark).unwrap();
        assert_eq!(Bans::read(&path).unwrap().count(now), 0);
        remark.push(b'#');
        std::fs::write(&path, &remark).unwrap();
        let complaint = Bans::read(&path).unwrap_err().to_string();
        assert!(
            complaint.contains("longer than 16777216 bytes"),
            "{complaint}"
        );
        let missing = Bans::read(&directory.path().join("none")).unwrap_err();
        assert!(missing.to_string().contains("may be empty"), "{missing}");
    }

    #[test]
    fn a_ban_lasts_from_a_second_to_a_hundred_years() {
        for (text, seconds) in [("1s", Some(1)), ("90m", Some(5_400)), ("999ms", None)] {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(duration(text).ok(), expected, "{text}");
        }
        let century = LONGEST.as_secs();
        assert_eq!(duration(&format!("{century}s")), Ok(LONGEST));
        let complaint = duration(&format!("{}s", century + 1)).unwrap_err();
        assert!(complaint.contains("too long"), "{complaint}");
        assert!(
            duration("soon")
                .unwrap_err()
                .contains("write a time like 30m, 2h or 7d")
        );
    }

    #[test]
    fn a_host_is_an_ipv4_address_or_an_ipv6_64() {
        for (address, expected) in [
            ("192.0.2.7", "192.0.2.7/32"),
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(host(address.parse().unwrap()).to_string(), expected);
        }
    }
}
