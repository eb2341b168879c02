//! What a protocol keeps for the next run: a file in the state directory.
//!
//! The file is replaced as a whole, so that it is never half written. While it cannot be written,
//! the protocol goes on, the log says so once, and it is tried again until it succeeds.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use metaserve::time::{now, sleep_until, wall_clock};
use tempfile::NamedTempFile;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::metrics::{Done, Tally};

/// The least time between two times that the file is written. It is also at most a tenth of the
/// time in which it is written.
const WRITE_EVERY: Duration = Duration::from_secs(5);

/// The longest file that is read: 512 MiB.
const MOST_BYTES: u64 = 512 * 1024 * 1024;

/// Where a value is stated that is to be kept.
#[derive(Debug)]
pub(crate) struct Keep<T>(watch::Sender<Option<T>>);

impl<T> Keep<T> {
    /// States the newest value. Never waits.
    pub(crate) fn keep(&self, value: T) {
        self.0.send_replace(Some(value));
    }
}

/// Makes the content of a file.
type Content<T> = dyn Fn(&T) -> Vec<u8> + Send + Sync;

/// Writes a file.
pub(crate) struct Keeper<T> {
    path: PathBuf,
    values: watch::Receiver<Option<T>>,
    content: Box<Content<T>>,
    tally: Tally,
}

/// Reads the file of an earlier run; `None` if there is none.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Writes the file. Only this user can read it.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut file = NamedTempFile::new_in(directory)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Keeps values in a file, of which `content` makes the text.
pub(crate) fn keeper<T>(
    path: PathBuf,
    content: impl Fn(&T) -> Vec<u8> + Send + Sync + 'static,
) -> (Keep<T>, Keeper<T>) {
    let (stated, values) = watch::channel(None);
    let content = Box::new(content);
    let keeper = Keeper {
        path,
        values,
        content,
        tally: Tally::default(),
    };
    (Keep(stated), keeper)
}

impl<T> Keeper<T> {
    /// Counts for a protocol how often the file is written.
    pub(crate) fn counting(self, tally: Tally) -> Self {
        Self { tally, ..self }
    }
}

impl<T: Clone + Send + Sync + 'static> Keeper<T> {
    /// Writes the newest value some time after it is stated, and the last one when `closing` is
    /// cancelled or nothing more can be stated.
    pub(crate) async fn run(mut self, closing: CancellationToken) {
        let (mut due, mut well) = (now(), true);
        loop {
            let again = (!well).then_some(due);
            let more = tokio::select! {
                more = self.values.changed() => more.is_ok(),
                // What could not be written is tried again, even if nothing changes.
                () = sleep_until(again) => true,
                () = closing.cancelled() => false,
            };
            if more {
                tokio::select! {
                    () = sleep_until(Some(due)) => {}
                    () = closing.cancelled() => {}
                }
            }
            let began = now();
            self = match self.write(&mut well).await {
                Some(keeper) => keeper,
                None => return,
            };
            if !more {
                return;
            }
            due = now() + WRITE_EVERY.max(began.elapsed() * 9);
        }
    }

    /// Writes the newest value. `well` says whether the last attempt succeeded.
    async fn write(mut self, well: &mut bool) -> Option<Self> {
        let Some(value) = self.values.borrow_and_update().clone() else {
            return Some(self);
        };
        let writing = tokio::task::spawn_blocking(move || {
            let written = write(&self.path, &(self.content)(&value));
            (self, written)
        });
        let (keeper, written) = writing.await.ok()?;
        let (file, was_well) = (keeper.path.display(), *well);
        *well = written.is_ok();
        let done = if *well { Done::Ok } else { Done::Failed };
        keeper.tally.saved(done, wall_clock());
        match written {
            Ok(()) if !was_well => tracing::info!("{file} is written again"),
            Ok(()) => {}
            Err(error) if was_well => tracing::warn!(
                "cannot write {file}, so that a restart would be noticed by game servers: {error}: \
                 choose a directory with space for it with --state-dir"
            ),
            Err(error) => tracing::debug!("cannot write {file}: {error}"),
        }
        Some(keeper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::mpsc;

    fn digits(number: &u32) -> Vec<u8> {
        number.to_string().into_bytes()
    }

    #[tokio::test]
    async fn the_last_value_is_written_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/list.json");
        assert_eq!(read(&path).unwrap(), None);
        let (keep, keeper) = keeper(path.clone(), digits);
        for number in 0..=1_000 {
            keep.keep(number);
        }
        let closing = CancellationToken::new();
        closing.cancel();
        keeper.run(closing).await;
        assert_eq!(read(&path).unwrap(), Some(b"1000".to_vec()));
    }

    /// A list that did not change was never kept once its disk had been full.
    #[tokio::test(start_paused = true)]
    async fn a_failed_write_is_tried_again_and_reported_once() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let lines = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::INFO)
            .with_writer(Arc::new(File::create(&log).unwrap()));
        let _lines = tracing::subscriber::set_default(lines.finish());
        // A file in the place of the folder: root may write into any folder.
        let blocked = folder.path().join("file");
        fs::write(&blocked, "").unwrap();
        let path = blocked.join("list.json");
        let (attempt, mut attempts) = mpsc::unbounded_channel();
        let (keep, keeper) = keeper(path.clone(), move |number| {
            attempt.send(()).unwrap();
            digits(number)
        });
        keep.keep(1);
        let run = tokio::spawn(keeper.run(CancellationToken::new()));
        // The clock of this test stands still while anything runs.
        let written = async {
            for _ in 0..3 {
                attempts.recv().await.unwrap();
            }
            fs::remove_file(&blocked).unwrap();
            while read(&path).ok().flatten() != Some(b"1".to_vec()) {
                sleep_until(Some(now() + WRITE_EVERY)).await;
            }
        };
        let hour = Duration::from_secs(3600);
        let in_time = tokio::time::timeout(hour, written).await;
        in_time.expect("it is tried again");
        drop(keep);
        run.await.unwrap();
        let log = fs::read_to_string(log).unwrap();
        for line in ["cannot write", "is written again"] {
            assert_eq!(log.matches(line).count(), 1, "{line}: {log}");
        }
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_ends_nothing() {
        let folder = tempfile::tempdir().unwrap();
        // A file in the place of the folder: root may write into any folder.
        let folder = folder.path().join("file");
        fs::write(&folder, "").unwrap();
        let path = folder.join("list.json");
        let (keep, keeper) = keeper(path.clone(), digits);
        keep.keep(1);
        drop(keep);
        keeper.run(CancellationToken::new()).await;
        assert!(read(&path).is_err());
    }
}
