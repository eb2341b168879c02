//! Who may not come in: addresses and prefixes, in a file that the operator keeps.
//!
//! ```text
//! # One address or prefix a line; a number sign begins a remark.
//! 192.0.2.7
//! 198.51.100.0/24   # 2026-11-21T10:00:00Z floods
//! 2001:db8::/32
//! ```

mod edit;

pub(crate) use edit::{Edited, ban, change_file, unban};

use anyhow::{Context, anyhow, bail};
use ipnet::{IpNet, Ipv4Net};
use std::{fs::File, io::Read, net::IpAddr, path::Path};

/// The most that a file may hold. As many prefixes take 2 MB and 20 ms to read.
const MAX_LINES: usize = 100_000;
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// So many bad lines of a file are named; the rest is counted.
const NAMED_LINES: usize = 5;

/// The addresses that are banned. Looking one up costs a binary search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bans {
    /// In order, and none within another.
    outermost: Vec<IpNet>,
}

impl Bans {
    /// What a file says: at most 100,000 lines, and 16 MiB.
    ///
    /// # Errors
    /// When it cannot be read, is too long, or has a line that is no address: the error names
    /// the file and the line.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = read_text(path)?;
        Self::parse(&text).map_err(|problems| anyhow!("{}", named(path, &problems)))
    }

    fn parse(text: &str) -> Result<Self, Vec<BadLine>> {
        let mut all = Vec::new();
        let mut bad = Vec::new();
        for (at, line) in text.lines().enumerate() {
            match entry(line).map(prefix) {
                None => {}
                Some(Ok(banned)) => all.push(banned),
                Some(Err(problem)) => bad.push(BadLine {
                    number: at + 1,
                    problem,
                }),
            }
        }
        if !bad.is_empty() {
            return Err(bad);
        }
        all.sort_unstable();
        all.dedup_by(|inner, outer| outer.contains(&*inner));
        Ok(Self { outermost: all })
    }

    /// The ban that covers an address, if one does. An IPv4 address inside an IPv6 one is taken for
    /// what it means.
    #[must_use]
    pub fn covering(&self, address: IpAddr) -> Option<IpNet> {
        let address = address.to_canonical();
        let after = self
            .outermost
            .partition_point(|banned| banned.network() <= address);
        let nearest = self.outermost[..after].last()?;
        nearest.contains(&address).then_some(*nearest)
    }

    /// How many prefixes there are, without those within another.
    pub(crate) fn len(&self) -> usize {
        self.outermost.len()
    }
}

struct BadLine {
    number: usize,
    problem: String,
}

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
fn read_text(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let file = File::open(path).with_context(|| {
        format!("the ban file {shown} cannot be read: it has to exist, and may be empty")
    })?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("the ban file {shown} cannot be read"))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        bail!("the ban file {shown} is longer than {MAX_FILE_BYTES} bytes: shorten it");
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        anyhow!("{shown}, line {line}: this is not text in UTF-8")
    })?;
    if text.lines().nth(MAX_LINES).is_some() {
        bail!(
            "{shown}, line {}: at most {MAX_LINES} lines are read, ban whole prefixes instead",
            MAX_LINES + 1
        );
    }
    Ok(text)
}

/// What a line says beside its remark; none when that is nothing.
fn entry(line: &str) -> Option<&str> {
    let before = line.split('#').next().unwrap_or_default().trim();
    (!before.is_empty()).then_some(before)
}

/// An address or a prefix. Those of IPv4 inside IPv6 are taken for what they mean.
pub(crate) fn prefix(text: &str) -> Result<IpNet, String> {
    let parsed = text
        .parse::<IpAddr>()
        .map(IpNet::from)
        .or_else(|_| text.parse::<IpNet>());
    let Ok(net) = parsed else {
        return Err(format!(
            "`{}` is neither an address nor a prefix such as 192.0.2.0/24",
            text.chars().take(60).collect::<String>()
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
    use super::*;

    fn bans(text: &str) -> Bans {
        Bans::parse(text).unwrap_or_else(|bad| panic!("{}", named(Path::new("bans"), &bad)))
    }

    #[test]
    fn an_address_is_banned_by_itself_or_with_its_prefix_and_no_other() {
        let bans = bans(
            "# spammers\n\n192.0.2.7\r\n198.51.100.0/24 # floods\n198.51.100.128/25\n\
             2001:db8::/32\n  10.0.0.0/8\n::ffff:203.0.113.0/120\n",
        );
        assert_eq!(bans.len(), 5);
        for (address, covered) in [
            ("192.0.2.7", Some("192.0.2.7/32")),
            ("::ffff:192.0.2.7", Some("192.0.2.7/32")),
            ("192.0.2.8", None),
            ("198.51.99.255", None),
            ("198.51.100.0", Some("198.51.100.0/24")),
            ("198.51.100.255", Some("198.51.100.0/24")),
            ("198.51.101.0", None),
            ("2001:db8:1::1", Some("2001:db8::/32")),
            ("2001:db9::", None),
            ("::1", None),
            ("203.0.113.9", Some("203.0.113.0/24")),
            ("10.255.255.255", Some("10.0.0.0/8")),
        ] {
            let covered = covered.map(|prefix| prefix.parse().unwrap());
            assert_eq!(
                bans.covering(address.parse().unwrap()),
                covered,
                "{address}"
            );
        }
    }

    #[test]
    fn everything_of_one_family_is_not_everything_of_the_other() {
        let [v4, v6] = ["192.0.2.7", "2001:db8::1"].map(|it| it.parse().unwrap());
        assert!(bans("0.0.0.0/0").covering(v4).is_some());
        assert!(bans("0.0.0.0/0").covering(v6).is_none());
        assert!(bans("::/0").covering(v4).is_none());
        assert!(bans("::/0").covering(v6).is_some());
    }

    #[test]
    fn bad_lines_are_named_by_file_and_number() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bans");
        let table: [(&[u8], &str); 5] = [
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
            let complaint = format!("{:#}", Bans::read(&path).unwrap_err());
            assert!(complaint.contains(expected), "{expected}: {complaint}");
        }
        std::fs::write(&path, "x\n".repeat(8)).unwrap();
        let complaint = Bans::read(&path).unwrap_err().to_string();
        assert!(complaint.ends_with("and 3 more lines"), "{complaint}");
    }

    #[test]
    fn a_file_may_be_long_and_no_longer() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bans");
        let line = |at: usize| format!("10.{}.{}.{}\n", at >> 16, at >> 8 & 255, at & 255);
        let mut text: String = (0..MAX_LINES).map(line).collect();
        std::fs::write(&path, &text).unwrap();
        let bans = Bans::read(&path).unwrap();
        assert_eq!(bans.len(), MAX_LINES);
        assert!(bans.covering("10.1.0.0".parse().unwrap()).is_some());
        text.push_str("192.0.2.1");
        std::fs::write(&path, &text).unwrap();
        let complaint = Bans::read(&path).unwrap_err().to_string();
        assert!(complaint.contains("line 100001"), "{complaint}");
        let missing = Bans::read(&directory.path().join("none")).unwrap_err();
        assert!(missing.to_string().contains("may be empty"), "{missing}");
    }
}
