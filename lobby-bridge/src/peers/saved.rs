//! The addresses of a master's servers, kept over a restart: servers do not notice one, and may call
//! again only minutes later.

use std::{
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use metaserve::time::wall_clock;
use tokio::sync::watch;

use crate::metrics::{Done, Tally};

/// A server to be asked after a restart: its address, and a word that says what it is.
pub type Saved = (SocketAddr, String);

/// The longest file that is read: about 100,000 servers.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// Writes servers as lines, in order.
#[must_use]
pub(crate) fn written<'a>(servers: impl Iterator<Item = (SocketAddr, &'a str)>) -> String {
    let mut lines: Vec<_> = servers.map(|(at, tag)| format!("{at} {tag}\n")).collect();
    lines.sort_unstable();
    lines.concat()
}

/// Reads lines. Those that are no servers are left out.
#[must_use]
pub(crate) fn read(text: &str) -> Vec<Saved> {
    let server = |line: &str| {
        let (address, tag) = line.split_once(' ')?;
        Some((address.parse().ok()?, tag.to_owned()))
    };
    text.lines().filter_map(server).collect()
}

/// Reads the file of the last run. Without one there is nobody to ask.
pub(crate) fn load(file: &Path) -> Vec<Saved> {
    let is_short = std::fs::metadata(file).is_ok_and(|it| it.len() <= MAX_BYTES);
    let text = is_short
        .then(|| std::fs::read_to_string(file).ok())
        .flatten();
    text.map(|text| read(&text)).unwrap_or_default()
}

/// Writes each newest text to the file. Ends with the sender.
pub(crate) async fn keep(file: PathBuf, mut texts: watch::Receiver<String>, tally: Tally) {
    while texts.changed().await.is_ok() {
        let text = texts.borrow_and_update().clone();
        let path = file.clone();
        let done = tokio::task::spawn_blocking(move || replace(&path, &text)).await;
        let written = matches!(done, Ok(Ok(())));
        let outcome = if written { Done::Ok } else { Done::Failed };
        tally.saved(outcome, wall_clock());
        if let Ok(Err(error)) = done {
            let file = file.display();
            tracing::warn!(
                %file,
                "cannot keep the servers of old games for a restart: {error}; make the folder \
                 writable, or choose another one with --state-dir"
            );
        }
    }
    std::future::pending().await
}

fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let temporary = file.with_extension("new");
    std::fs::create_dir_all(folder)?;
    let mut new = std::fs::File::create(&temporary)?;
    new.write_all(text.as_bytes())?;
    new.sync_all()?;
    std::fs::rename(&temporary, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_as_they_were_written_and_other_lines_are_left_out() {
        let servers = ["[2001:db8::1]:27960", "192.0.2.1:27960"];
        let servers = servers.map(|it| (it.parse().unwrap(), "DarkPlaces".to_owned()));
        let text = written(servers.iter().map(|(at, tag)| (*at, &**tag)));
        let mut back = read(&format!("nonsense\n{text}192.0.2.1 x\n"));
        back.sort_unstable_by_key(|(at, _)| at.is_ipv4());
        assert_eq!(back, servers);
    }
}
