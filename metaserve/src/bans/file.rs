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

/// The most that a file may hold. As many prefixes take 6 MB and 25 ms to read.
pub(super) const MAX_LINES: usize = 100_000;

/// So many bad lines of a file are named; the rest is counted.
const NAMED_LINES: usize = 5;

/// Why a ban file cannot be used. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BanFileError {
    /// It cannot be opened.
    #[error("the ban file {path} cannot be read: it has to exist, and may be empty")]
    Open {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Reading it fails.
    #[error("the ban file {path} cannot be read")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It has more than 16 MiB.
    #[error("the ban file {0} is longer than {MOST_BYTES} bytes: shorten it")]
    TooLong(PathBuf),
    /// It has more than 100,000 lines.
    #[error(
        "{0}, line {n}: at most {MAX_LINES} lines are read, ban whole prefixes instead",
        n = MAX_LINES + 1
    )]
    TooManyLines(PathBuf),
    /// It is not UTF-8.
    #[error("{path}, line {line}: this is not text in UTF-8")]
    NotText {
        /// Which file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
    },
    /// Lines of it make no sense.
    #[error("{}", named(.path, .lines))]
    BadLines {
        /// Which file.
        path: PathBuf,
        /// All of them.
        lines: Vec<BadLine>,
    },
    /// A file that is to be changed is not in order.
    #[error("mend the ban file first")]
    Mend(#[source] Box<Self>),
    /// It cannot be written.
    #[error("the ban file {path} cannot be written")]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A line that is neither empty, nor a remark, nor a ban.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Which one, from 1.
    pub number: usize,
    /// What is wrong with it.
    pub problem: String,
}

/// Names the first bad lines of a file.
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

/// The text of a ban file, if it is one at all.
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

/// What a line says beside its remark; none when that is nothing.
fn entry(line: &str) -> Option<&str> {
    let before = text::trim(line.split('#').next().unwrap_or_default());
    (!before.is_empty()).then_some(before)
}

/// The remark of a line, without the space around it.
pub(super) fn remark(line: &str) -> &str {
    line.split_once('#').map_or("", |(_, remark)| remark.trim())
}

/// The ban that a line is; none for one that says nothing.
pub(super) fn ban_of(line: &str) -> Option<Result<Ban, String>> {
    entry(line).map(parse)
}

/// `ADDRESS`, `ADDRESS until TIME`, and both with `guests` behind the address.
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
                "behind `{text}`, write `until` and a time such as {EXAMPLE_TIME}, or nothing"
            ));
        }
    };
    Ok(Ban {
        prefix,
        whom,
        until,
    })
}

/// How times are written.
const EXAMPLE_TIME: &str = "2026-11-21T12:00:00Z";

fn end(text: &str) -> Result<SystemTime, String> {
    humantime::parse_rfc3339(text).map_err(|_| {
        format!(
            "`{}` is no time in UTC such as {EXAMPLE_TIME}",
            shortened(text)
        )
    })
}

/// Times in the file are whole seconds.
const SHORTEST: Duration = Duration::from_secs(1);

/// Nobody who bans for longer means an end.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);

/// How long a ban lasts, from a second to a hundred years: `30m`, `2h`, `7d`.
///
/// # Errors
/// With what is wrong with the text, and how to write it.
pub fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text);
    let duration = duration.map_err(|error| format!("{error}: write 30m, 2h or 7d"))?;
    if duration < SHORTEST {
        return Err("a ban lasts a second at least".to_owned());
    }
    if duration > LONGEST {
        return Err("that is too long: leave it out for a ban that does not end".to_owned());
    }
    Ok(duration)
}

/// What is shown of a word that makes no sense.
fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

/// An address or a prefix. Those of IPv4 inside IPv6 are taken for what they mean.
///
/// # Errors
/// With what is wrong with the text, and how to write it.
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
            "`{net}` has an address within the prefix: write {} or {}",
            net.trunc(),
            net.addr()
        ));
    }
    Ok(canonical(net))
}

/// What one customer of a provider usually is given, around this address: an IPv4 address, or an
/// IPv6 /64.
#[must_use]
pub fn host(address: IpAddr) -> IpNet {
    let address = address.to_canonical();
    let length = if address.is_ipv4() { 32 } else { 64 };
    IpNet::new(address, length).map_or(address.into(), |net| net.trunc())
}

/// 96 bits of an IPv4 address inside an IPv6 one say only that.
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
                "bans, line 2: `tomorrow` is no time in UTC such as 2026-",
            ),
            (
                b"192.0.2.1 until 2026-11-21T12:00:00+01:00",
                "line 1: `2026-11-21T12:00:00+01:00` is no time",
            ),
            (
                b"192.0.2.1 192.0.2.2",
                "line 1: behind `192.0.2.1`, write `until` and a time",
            ),
            (
                b"192.0.2.1 until 2026-11-21 12:00:00",
                "line 1: behind `192.0.2.1`, write `until` and a time",
            ),
            (
                b"192.0.2.1\n# fine\nexample.org",
                "bans, line 3: `example.org` is neither",
            ),
            (b"192.0.2.1/33", "bans, line 1: `192.0.2.1/33` is neither"),
            (
                b"192.0.2.7/24",
                "line 1: `192.0.2.7/24` has an address within the prefix: write 192.0.2.0/24 or 192.0.2.7",
            ),
            (b"192.0.2.1\n\xff", "bans, line 2: this is not text"),
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
    fn a_file_may_be_long_and_no_longer() {
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
                .contains("write 30m, 2h or 7d")
        );
    }

    #[test]
    fn a_customer_has_an_ipv4_address_or_64_bits_of_ipv6() {
        for (address, expected) in [
            ("192.0.2.7", "192.0.2.7/32"),
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(host(address.parse().unwrap()).to_string(), expected);
        }
    }
}
