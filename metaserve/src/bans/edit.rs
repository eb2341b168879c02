//! Changes to a ban file that leave alone what the operator has written there.

use super::{
    Bans,
    file::{BanFileError, entry, prefix, read_text},
};
use ipnet::IpNet;
use std::{
    fmt,
    fs::{File, Metadata},
    io::{self, Write},
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// What a change has done to one prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    /// Its line was added.
    Banned(IpNet),
    /// Nothing: the second prefix, which is in the file, bans it already.
    AlreadyBanned(IpNet, IpNet),
    /// Its lines were removed.
    Unbanned(IpNet),
    /// Nothing: no line is about it.
    NotBanned(IpNet),
    /// Its own lines, if there were any, are removed, but the second prefix still bans it.
    StillBanned(IpNet, IpNet),
}

impl fmt::Display for Edited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Banned(it) => write!(f, "{it} is banned"),
            Self::AlreadyBanned(it, by) if it == by => write!(f, "{it} was banned already"),
            Self::AlreadyBanned(it, by) => write!(f, "{it} was banned already, with {by}"),
            Self::Unbanned(it) => write!(f, "{it} is not banned any more"),
            Self::NotBanned(it) => write!(f, "{it} was not banned"),
            Self::StillBanned(it, by) => write!(f, "{it} is still banned, with {by}: unban that"),
        }
    }
}

/// The text with a line for each prefix that it does not ban yet. `remark` goes behind it.
pub fn ban(text: &str, prefixes: &[IpNet], remark: &str) -> (String, Vec<Edited>) {
    let mut text = text.to_owned();
    // A remark is one line, whatever it is made of.
    let remark: String = remark
        .chars()
        .map(|it| if it.is_control() { ' ' } else { it })
        .collect();
    let ban = |prefix: &IpNet| {
        if let Some(by) = outer(&text, *prefix) {
            return Edited::AlreadyBanned(*prefix, by);
        }
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&format!("{} # {}\n", short(*prefix), remark.trim()));
        Edited::Banned(*prefix)
    };
    let edited = prefixes.iter().map(ban).collect();
    (text, edited)
}

/// The text without the lines that ban exactly these prefixes.
pub fn unban(text: &str, prefixes: &[IpNet]) -> (String, Vec<Edited>) {
    let about = |line: &str| entry(line).and_then(|entry| prefix(entry).ok());
    let stays = |line: &&str| about(line).is_none_or(|it| !prefixes.contains(&it));
    let left: String = text.split_inclusive('\n').filter(stays).collect();
    let edited = prefixes.iter().map(|prefix| {
        let had_a_line = text.lines().any(|line| about(line) == Some(*prefix));
        match outer(&left, *prefix) {
            Some(by) => Edited::StillBanned(*prefix, by),
            None if had_a_line => Edited::Unbanned(*prefix),
            None => Edited::NotBanned(*prefix),
        }
    });
    let edited = edited.collect();
    (left, edited)
}

/// The prefix in the text that contains this one, if one does.
fn outer(text: &str, inner: IpNet) -> Option<IpNet> {
    let mut entries = text.lines().filter_map(entry);
    entries.find_map(|entry| prefix(entry).ok().filter(|outer| outer.contains(&inner)))
}

/// A single address is written without the length of its prefix.
fn short(prefix: IpNet) -> String {
    match prefix.prefix_len() == prefix.max_prefix_len() {
        true => prefix.addr().to_string(),
        false => prefix.to_string(),
    }
}

/// Changes a ban file, all of it or nothing: a daemon that reads it meanwhile reads the old one or
/// the new one. One that is not there yet is made. Others who change it at the same time by this
/// function wait.
///
/// # Errors
/// When the file is not in order, and when it cannot be written.
pub fn change_file(
    path: &Path,
    change: impl FnOnce(&str) -> (String, Vec<Edited>),
) -> Result<Vec<Edited>, BanFileError> {
    let unwritable = |source| BanFileError::Write {
        path: path.to_owned(),
        source,
    };
    let path = &whole(path).map_err(unwritable)?;
    let directory = path.parent().unwrap_or(Path::new("/"));
    // Not the file itself, since that is exchanged. Not every system can open directories.
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

/// Where the file itself is, behind links, so that these stay.
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
    keep_access(file.as_file(), before)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Lets the same users read it as before: the daemon is often not the one who writes it.
#[cfg(unix)]
fn keep_access(file: &File, before: Option<&Metadata>) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let Some(before) = before else {
        return file.set_permissions(PermissionsExt::from_mode(0o644));
    };
    let now = file.metadata()?;
    if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
        // Only root may give files away. Who cannot keeps it, with the same permissions.
        let _ = fchown(file, Some(before.uid()), Some(before.gid()));
    }
    file.set_permissions(before.permissions())
}

#[cfg(not(unix))]
fn keep_access(_: &File, _: Option<&Metadata>) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;

    fn prefixes<const N: usize>(texts: [&str; N]) -> [IpNet; N] {
        texts.map(|text| prefix(text).unwrap())
    }

    const TEXT: &str = "# Ours.\n192.0.2.0/24  # a remark\n\n198.51.100.7";

    #[test]
    fn a_ban_is_a_line_at_the_end_and_nothing_else_changes() {
        let [new, inner] = prefixes(["2001:db8::1", "192.0.2.9"]);
        let (text, edited) = ban(TEXT, &[new, inner, new], "2026-11-21T10:00:00Z\nspam");
        assert_eq!(
            text,
            format!("{TEXT}\n2001:db8::1 # 2026-11-21T10:00:00Z spam\n")
        );
        let [outer] = prefixes(["192.0.2.0/24"]);
        assert_eq!(
            edited,
            [
                Edited::Banned(new),
                Edited::AlreadyBanned(inner, outer),
                Edited::AlreadyBanned(new, new)
            ]
        );
    }

    #[test]
    fn an_unban_takes_its_own_lines_and_says_what_still_bans() {
        let [outer, inner, single, other] =
            prefixes(["192.0.2.0/24", "192.0.2.9", "198.51.100.7", "203.0.113.1"]);
        let (text, edited) = unban(TEXT, &[inner, single, other]);
        assert_eq!(text, "# Ours.\n192.0.2.0/24  # a remark\n\n");
        assert_eq!(
            edited,
            [
                Edited::StillBanned(inner, outer),
                Edited::Unbanned(single),
                Edited::NotBanned(other)
            ]
        );
        let (text, edited) = unban(TEXT, &[outer]);
        assert_eq!(text, "# Ours.\n\n198.51.100.7");
        assert_eq!(edited, [Edited::Unbanned(outer)]);
    }

    #[test]
    fn a_file_is_exchanged_whole_for_the_same_readers_and_made_when_missing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bans");
        let [first] = prefixes(["192.0.2.1"]);
        change_file(&path, |text| ban(text, &[first], "one")).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "192.0.2.1 # one\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
            let link = directory.path().join("link");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            change_file(&link, |text| unban(text, &[first])).unwrap();
            assert!(link.is_symlink());
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
        }
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 2);
    }

    #[test]
    fn a_damaged_file_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bans");
        std::fs::write(&path, "192.0.2.1\nnonsense\n").unwrap();
        let refused = change_file(&path, |text| unban(text, &prefixes(["192.0.2.1"])));
        let complaint = refused.unwrap_err().source().unwrap().to_string();
        assert!(complaint.contains("line 2"), "{complaint}");
        assert!(
            std::fs::read_to_string(&path)
                .unwrap()
                .contains("192.0.2.1")
        );
    }
}
