//! The high-water mark of epochs: a small file of text.

use super::epochs::{BLOCK, Block};
use ring::digest;
use std::{
    fmt::{self, Write},
    str::FromStr,
    time::Duration,
};

/// Which daemon a mark belongs to: derived from the key of its proofs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DaemonId(pub [u8; 8]);

/// The high-water mark: every epoch that was ever granted is less than `below`.
///
/// A block also begins no lower than the number of blocks since 1970, if each took a second. So
/// epochs grow even over the loss of the whole state directory, and over a file that was restored
/// from an old copy, unless the clock was set back as well.
///
/// ```
/// use metaserve::names::{DaemonId, Mark};
/// use std::time::Duration;
///
/// let daemon = DaemonId([7; 8]);
/// let now = Duration::from_secs(1_800_000_000); // since 1970
/// let (block, mark) = Mark::first(daemon, now).reserve(1, now)?;
/// assert_eq!(block.from, 1_800_000_000_000_000);
/// assert_eq!(mark.below, block.from + 1_000_000);
/// let text = mark.to_string(); // written and synced, before an epoch of the block is granted
/// assert_eq!(Mark::read(text.as_bytes(), daemon, now)?, mark);
/// # Ok::<(), metaserve::names::MarkProblem>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Whose it is.
    pub daemon: DaemonId,
    /// The first epoch that is free.
    pub below: u64,
    /// When it was written: whole seconds since 1970.
    pub written: u64,
}

/// Why a file is not the mark of this daemon. In each case nothing may be granted: a smaller epoch
/// than an earlier one would let a former holder write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MarkProblem {
    /// There is no file, or an empty one.
    #[error("the high-water mark of epochs is missing: restore the file from a copy")]
    Missing,
    /// The file ends too early, or its check does not fit.
    #[error("the file is cut short or damaged: restore it from a copy")]
    Damaged,
    /// It belongs to another daemon.
    #[error("the file belongs to another daemon: {found}, and this one is {own}")]
    OtherDaemon {
        /// As the file says.
        found: DaemonId,
        /// This one.
        own: DaemonId,
    },
    /// A later version has written it.
    #[error("the file has version {0}, which this program does not know: update it")]
    Version(u32),
    /// It was written after now.
    #[error("the file was written {} in the future: correct the clock of this machine", days(*.0))]
    Future(Duration),
    /// There are no further epochs.
    #[error("the file allows no further epochs: it says {0}")]
    UsedUp(u64),
}

fn days(ahead: Duration) -> String {
    format!("{} days", ahead.as_secs().div_ceil(24 * 60 * 60))
}

const VERSION: u32 = 1;

/// How much a clock may go back.
const TOLERATED: Duration = Duration::from_secs(24 * 60 * 60);

/// Far above what a daemon uses that restarts each second for ten thousand years.
const MOST: u64 = 1 << 62;

impl Mark {
    /// The longest file, in bytes.
    pub const MAX_BYTES: usize = 256;

    /// The mark of a daemon that has never granted anything. `now` is the time since 1970.
    #[must_use]
    pub const fn first(daemon: DaemonId, now: Duration) -> Self {
        Self {
            daemon,
            below: 1,
            written: now.as_secs(),
        }
    }

    /// A block that begins with `from` or higher, and the mark that must be on the disk before it
    /// is used.
    ///
    /// # Errors
    /// When there are not so many epochs.
    pub fn reserve(self, from: u64, now: Duration) -> Result<(Block, Self), MarkProblem> {
        let by_clock = now.as_secs().saturating_mul(BLOCK);
        let from = self.below.max(from).max(by_clock);
        if from > MOST {
            return Err(MarkProblem::UsedUp(from));
        }
        let below = from + BLOCK;
        let written = now.as_secs();
        Ok((
            Block { from, below },
            Self {
                below,
                written,
                ..self
            },
        ))
    }

    /// Reads the bytes of the file of `daemon`. `now` is the time since 1970.
    ///
    /// # Errors
    /// When they are not a mark of this daemon, or are from the future.
    pub fn read(bytes: &[u8], daemon: DaemonId, now: Duration) -> Result<Self, MarkProblem> {
        if bytes.is_empty() {
            return Err(MarkProblem::Missing);
        }
        let mark = parse(bytes)?;
        if mark.daemon != daemon {
            let (found, own) = (mark.daemon, daemon);
            return Err(MarkProblem::OtherDaemon { found, own });
        }
        let ahead = Duration::from_secs(mark.written).saturating_sub(now);
        if ahead > TOLERATED {
            return Err(MarkProblem::Future(ahead));
        }
        match mark.below {
            1..=MOST => Ok(mark),
            other => Err(MarkProblem::UsedUp(other)),
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Mark, MarkProblem> {
    let text = std::str::from_utf8(bytes).map_err(|_| MarkProblem::Damaged)?;
    let (head, rest) = text.split_once('\n').ok_or(MarkProblem::Damaged)?;
    let version = head.strip_prefix("metaserve names ").and_then(number);
    match version.ok_or(MarkProblem::Damaged)? {
        VERSION => {}
        other => return Err(MarkProblem::Version(other)),
    }
    fields(text, rest).ok_or(MarkProblem::Damaged)
}

fn fields(text: &str, rest: &str) -> Option<Mark> {
    let (daemon, rest) = rest.strip_prefix("daemon ")?.split_once('\n')?;
    let (below, rest) = rest.strip_prefix("below ")?.split_once('\n')?;
    let (written, rest) = rest.strip_prefix("written ")?.split_once('\n')?;
    let sum = rest.strip_prefix("check ")?.strip_suffix('\n')?;
    let checked = text.strip_suffix(rest)?;
    if sum != check(checked) {
        return None;
    }
    Some(Mark {
        daemon: DaemonId(u64::from_str_radix(daemon, 16).ok()?.to_be_bytes()),
        below: number(below)?,
        written: number(written)?,
    })
}

/// A number as we write it.
fn number<T: FromStr>(digits: &str) -> Option<T> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

fn check(text: &str) -> String {
    let sum = digest::digest(&digest::SHA256, text.as_bytes());
    hex(&sum.as_ref()[..8])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl fmt::Display for DaemonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// The text of the file.
impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            daemon,
            below,
            written,
        } = self;
        let text = format!(
            "metaserve names {VERSION}\ndaemon {daemon}\nbelow {below}\nwritten {written}\n"
        );
        let check = check(&text);
        writeln!(f, "{text}check {check}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OWN: DaemonId = DaemonId([0xa1; 8]);
    const NOW: Duration = Duration::from_secs(1_800_000_000);

    fn mark() -> Mark {
        let (_, mark) = Mark::first(OWN, NOW).reserve(1, NOW).unwrap();
        mark
    }

    fn read(text: &str) -> Result<Mark, MarkProblem> {
        Mark::read(text.as_bytes(), OWN, NOW)
    }

    #[test]
    fn blocks_follow_each_other_and_begin_no_lower_than_asked() {
        let start = NOW.as_secs() * BLOCK;
        let (first, mark) = Mark::first(OWN, NOW).reserve(1, NOW).unwrap();
        let (second, mark) = mark.reserve(1, NOW).unwrap();
        let (third, _) = mark.reserve(start + 5 * BLOCK + 1, NOW).unwrap();
        let block = |from| Block {
            from,
            below: from + BLOCK,
        };
        assert_eq!((first, second), (block(start), block(start + BLOCK)));
        assert_eq!(third, block(start + 5 * BLOCK + 1));
        // Without a clock they follow each other all the same.
        let (first, mark) = Mark::first(OWN, NOW).reserve(1, Duration::ZERO).unwrap();
        let (second, _) = mark.reserve(1, Duration::ZERO).unwrap();
        assert_eq!((first, second), (block(1), block(1 + BLOCK)));
    }

    #[test]
    fn a_daemon_that_has_lost_everything_grants_greater_epochs() {
        let lost = mark();
        let later = NOW + Duration::from_secs(1);
        let (block, _) = Mark::first(OWN, later).reserve(1, later).unwrap();
        assert!(block.from >= lost.below);
    }

    #[test]
    fn a_file_that_is_not_the_mark_is_refused_in_words() {
        let text = mark().to_string();
        assert_eq!(read(&text), Ok(mark()));
        assert_eq!(read(""), Err(MarkProblem::Missing));
        for end in 1..text.len() {
            assert_eq!(
                read(&text[..end]),
                Err(MarkProblem::Damaged),
                "cut at {end}"
            );
        }
        let other = DaemonId([1; 8]);
        let found = Mark::read(text.as_bytes(), other, NOW).unwrap_err();
        let expected = "the file belongs to another daemon: a1a1a1a1a1a1a1a1, and this one is \
                        0101010101010101";
        assert_eq!(found.to_string(), expected);
        let early = Mark::read(text.as_bytes(), OWN, NOW - Duration::from_secs(200_000));
        let early = early.unwrap_err().to_string();
        assert!(early.contains("3 days in the future"), "{early}");
        assert!(Mark::read(text.as_bytes(), OWN, NOW - Duration::from_secs(60)).is_ok());
        let later = text.replacen("names 1", "names 2", 1);
        assert_eq!(read(&later), Err(MarkProblem::Version(2)));
        let full = Mark {
            below: MOST + 1,
            ..mark()
        };
        assert_eq!(read(&full.to_string()), Err(MarkProblem::UsedUp(MOST + 1)));
        assert!(full.reserve(1, NOW).is_err());
        assert!(text.len() <= Mark::MAX_BYTES);
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_noticed(at in 0..100_usize, value: u8) {
            let mut bytes = mark().to_string().into_bytes();
            let at = at % bytes.len();
            prop_assume!(bytes[at] != value);
            bytes[at] = value;
            prop_assert!(Mark::read(&bytes, OWN, NOW).is_err());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            let _ = Mark::read(&bytes, OWN, NOW);
        }
    }
}
