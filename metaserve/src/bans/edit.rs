//! Changes a ban file without touching the operator's other lines.

use super::{
    Ban, Bans, Whom,
    file::{BanFileError, ban_of, read_text, remark},
};
use ipnet::IpNet;
use std::{
    fmt,
    fs::{File, Metadata},
    io::{self, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};
use tempfile::NamedTempFile;

/// The effect of a change on one prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    /// Its line was added. It replaces a line of the same kind that ends sooner.
    Banned(Ban),
    /// Nothing changed: the file has this ban, which lasts as long.
    AlreadyBanned(IpNet, Ban),
    /// Its lines were removed.
    Unbanned(IpNet),
    /// Nothing changed: no line is about the prefix.
    NotBanned(IpNet),
    /// Its own lines, if any, were removed, but this ban still covers it.
    StillBanned(IpNet, Ban),
}

impl fmt::Display for Edited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Banned(ban) => write!(f, "{} is banned{}", ban.prefix, ending(ban)),
            Self::AlreadyBanned(it, by) if *it == by.prefix => {
                write!(f, "{it} was banned already{}", ending(by))
            }
            Self::AlreadyBanned(it, by) => write!(f, "{it} was banned already, with {by}"),
            Self::Unbanned(it) => write!(f, "{it} is not banned any more"),
            Self::NotBanned(it) => write!(f, "{it} was not banned"),
            Self::StillBanned(it, by) => write!(f, "{it} is still banned, with {by}: unban that"),
        }
    }
}

/// The audience and the end of a ban, as the end of a sentence.
fn ending(ban: &Ban) -> String {
    let whom = match ban.whom {
        Whom::Everybody => "",
        Whom::Guests => " for guests",
    };
    let until = ban.until.map(humantime::format_rfc3339_seconds);
    let until = until.map_or_else(String::new, |until| format!(" until {until}"));
    format!("{whom}{until}")
}

/// The text with an additional line for each prefix that it does not already ban for as long. The
/// line ends with `remark`. Lines of the same prefix that end sooner are replaced.
///
/// ```
/// use metaserve::bans::{Whom, ban, unban};
/// use std::time::SystemTime;
///
/// let now = SystemTime::now();
/// let prefixes = ["192.0.2.7/32".parse()?];
/// let (text, _) = ban("# my bans\n", &prefixes, Whom::Everybody, None, "floods", now);
/// assert_eq!(text, "# my bans\n192.0.2.7 # floods\n");
/// let (text, _) = unban(&text, &prefixes, now);
/// assert_eq!(text, "# my bans\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn ban(
    text: &str,
    prefixes: &[IpNet],
    whom: Whom,
    until: Option<SystemTime>,
    remark: &str,
    now: SystemTime,
) -> (String, Vec<Edited>) {
    let mut text = text.to_owned();
    // A remark must stay on one line, whatever it contains.
    let remark: String = remark
        .chars()
        .map(|it| if it.is_control() { ' ' } else { it })
        .collect();
    let ban = |prefix: &IpNet| {
        let ban = Ban {
            prefix: *prefix,
            whom,
            until,
        };
        let before = strongest(&text, &ban, now);
        if let Some(before) = before.filter(|before| before.lasts_as_long_as(&ban)) {
            return Edited::AlreadyBanned(*prefix, before);
        }
        text = without(&text, |it, _| (it.prefix, it.whom) == (*prefix, whom));
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let line = ban.to_string();
        let (_, rest) = line.split_once(' ').unwrap_or_default();
        let words = [&short(*prefix), rest, "#", remark.trim()];
        let words: Vec<&str> = words.into_iter().filter(|it| !it.is_empty()).collect();
        text.push_str(&words.join(" "));
        text.push('\n');
        Edited::Banned(ban)
    };
    let edited = prefixes.iter().map(ban).collect();
    (text, edited)
}

/// The text without the lines that ban exactly these prefixes, for guests or everybody.
pub fn unban(text: &str, prefixes: &[IpNet], now: SystemTime) -> (String, Vec<Edited>) {
    let left = without(text, |it, _| prefixes.contains(&it.prefix));
    let edited = prefixes.iter().map(|prefix| {
        let had_a_line = bans(text).any(|it| it.prefix == *prefix);
        let guests = Ban {
            prefix: *prefix,
            whom: Whom::Guests,
            until: None,
        };
        match strongest(&left, &guests, now) {
            Some(by) => Edited::StillBanned(*prefix, by),
            None if had_a_line => Edited::Unbanned(*prefix),
            None => Edited::NotBanned(*prefix),
        }
    });
    let edited = edited.collect();
    (left, edited)
}

/// The text without the lines whose time is over, and the number of removed lines.
pub fn sweep(text: &str, now: SystemTime) -> (String, usize) {
    remove(text, |ban, _| !ban.holds(now))
}

/// The text without the bans for which `go` returns true, given the ban and its remark, and the
/// number of removed lines.
pub fn remove(text: &str, go: impl Fn(&Ban, &str) -> bool) -> (String, usize) {
    let left = without(text, go);
    let removed = bans(text).count() - bans(&left).count();
    (left, removed)
}

/// The bans of a text, in order.
fn bans(text: &str) -> impl Iterator<Item = Ban> {
    text.lines().filter_map(|line| ban_of(line)?.ok())
}

/// The text without the lines of the bans for which `go` returns true.
fn without(text: &str, go: impl Fn(&Ban, &str) -> bool) -> String {
    let stays = |line: &&str| !matches!(ban_of(line), Some(Ok(ban)) if go(&ban, remark(line)));
    text.split_inclusive('\n').filter(stays).collect()
}

/// The ban that ends last among those that cover everybody whom `inner` covers.
fn strongest(text: &str, inner: &Ban, now: SystemTime) -> Option<Ban> {
    let around = bans(text).filter(|it| it.holds(now) && it.covers(inner));
    around.reduce(|one, other| match one.lasts_as_long_as(&other) {
        true => one,
        false => other,
    })
}

/// Writes a single address without the length of its prefix.
pub(super) fn short(prefix: IpNet) -> String {
    match prefix.prefix_len() == prefix.max_prefix_len() {
        true => prefix.addr().to_string(),
        false => prefix.to_string(),
    }
}

/// Changes a ban file atomically: a daemon that reads it at the same time reads the old or the new
/// content. Creates the file if it does not exist. Concurrent callers of this function wait for
/// each other.
///
/// # Errors
/// When the file has a mistake, or cannot be written.
pub fn change_file<T>(
    path: &Path,
    change: impl FnOnce(&str) -> (String, T),
) -> Result<T, BanFileError> {
    let unwritable = |source| BanFileError::Write {
        path: path.to_owned(),
        source,
    };
    let path = &whole(path).map_err(unwritable)?;
    let directory = path.parent().unwrap_or(Path::new("/"));
    // The directory is locked, since the file itself is replaced. Not every system can open
    // directories.
    let lock = File::open(directory).ok();
    if let Some(lock) = &lock {
        lock.lock().map_err(unwritable)?;
    }
    let before = match path.metadata() {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(unwritable(error)),
    };
    let text = match before {
        Some(_) => read_text(path)?,
        None => String::new(),
    };
    Bans::parse(&text).map_err(|lines| {
        BanFileError::Mend(Box::new(BanFileError::BadLines {
            path: path.to_owned(),
            lines,
        }))
    })?;
    let (changed, edited) = change(&text);
    if changed != text || before.is_none() {
        exchange(path, directory, before.as_ref(), &changed).map_err(unwritable)?;
    }
    Ok(edited)
}

/// The path of the file itself, with symbolic links resolved, so that the links stay.
fn whole(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => std::path::absolute(path),
        found => found,
    }
}

fn exchange(
    path: &Path,
    directory: &Path,
    before: Option<&Metadata>,
    text: &str,
) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    keep_access(file.as_file(), path, before)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Keeps the file readable for the same users: it is often not the daemon that writes it.
#[cfg(unix)]
fn keep_access(file: &File, path: &Path, before: Option<&Metadata>) -> io::Result<()> {
    use crate::files::give_to_owner_of_directory;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let Some(before) = before else {
        give_to_owner_of_directory(file, path)?;
        return file.set_permissions(PermissionsExt::from_mode(0o644));
    };
    let now = file.metadata()?;
    if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
        // Only root may change the owner. Without that the new file belongs to this user, with the
        // same permissions.
        let _ = fchown(file, Some(before.uid()), Some(before.gid()));
    }
    file.set_permissions(before.permissions())
}

#[cfg(not(unix))]
fn keep_access(_: &File, _: &Path, _: Option<&Metadata>) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;
