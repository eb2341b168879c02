//! The scripts of the process: reads and compiles them, and again when they have changed.

use super::{
    sandbox::{self, Script},
    watch::Watch,
};
use crate::{
    content::{Map, embedded, folder},
    ids::MapName,
    world::hooks::Failure,
};
use anyhow::Context;
use parking_lot::Mutex;
use rhai::Engine;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

/// A script, or why it cannot be called.
pub(super) type Compiled = Result<Arc<Script>, Failure>;

/// All scripts, and the folder that they come from.
#[derive(Debug)]
pub(crate) struct Library {
    shelf: Arc<Shelf>,
    /// Where scripts can lead players.
    pub(super) maps: Arc<BTreeMap<MapName, Map>>,
    /// Is started with the first zone.
    watch: OnceLock<Option<Watch>>,
}

/// The scripts as they were read last.
pub(super) struct Shelf {
    /// `None`: they are part of the program.
    folder: Option<PathBuf>,
    engine: Engine,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Counts changes.
    revision: u64,
    scripts: BTreeMap<MapName, Entry>,
    /// What was told of files that cannot be scripts.
    told: BTreeSet<String>,
}

struct Entry {
    /// As it was read last, also if it did not compile, or why it could not be read.
    text: Result<String, String>,
    compiled: Compiled,
    /// At which revision `compiled` has changed.
    revision: u64,
    is_gone: bool,
}

/// What has become of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It is new, or has changed.
    Read(MapName),
    /// It has a mistake, and whether there is an earlier one that goes on.
    Mistake(MapName, Failure, bool),
    /// Its file is gone.
    Gone(MapName),
    /// This file is no script.
    Odd(String),
}

impl Library {
    /// Reads the scripts of this content folder, or those in the program.
    ///
    /// # Errors
    /// The folder cannot be read. A script with a mistake is no error.
    pub(crate) fn open(
        content: Option<&Path>,
        maps: Arc<BTreeMap<MapName, Map>>,
    ) -> anyhow::Result<Self> {
        let shelf = Shelf {
            folder: content.map(|it| it.join("scripts")),
            engine: sandbox::engine(),
            state: Mutex::default(),
        };
        for news in shelf.read_again()? {
            if !matches!(news, News::Read(_)) {
                tracing::warn!("{news}");
            }
        }
        Ok(Self {
            shelf: Arc::new(shelf),
            maps,
            watch: OnceLock::new(),
        })
    }

    /// Reads scripts again from now on whenever their files change.
    pub(super) fn watch(&self) {
        self.watch.get_or_init(|| {
            let folder = self.shelf.folder.as_ref()?;
            Watch::start(folder, &self.shelf)
        });
    }

    #[cfg(test)]
    pub(super) fn shelf(&self) -> &Arc<Shelf> {
        &self.shelf
    }

    /// What has changed after this revision, and the present revision.
    pub(super) fn since(&self, revision: u64) -> (u64, Vec<(MapName, Compiled)>) {
        let state = self.shelf.state.lock();
        if state.revision == revision {
            return (revision, Vec::new());
        }
        let newer = state
            .scripts
            .iter()
            .filter(|(_, entry)| entry.revision > revision);
        let newer = newer.map(|(name, entry)| (name.clone(), entry.compiled.clone()));
        (state.revision, newer.collect())
    }
}

impl Shelf {
    /// Reads what has changed. What cannot be read or compiled stays as it was before.
    pub(super) fn read_again(&self) -> anyhow::Result<Vec<News>> {
        let names = match &self.folder {
            Some(folder) => folder::names(folder, "rhai").context("scripts stay as they are")?,
            None => embedded::SCRIPTS.iter().map(|it| it.0.to_owned()).collect(),
        };
        let mut news = Vec::new();
        let mut present = BTreeSet::new();
        for file in names {
            match file.parse::<MapName>() {
                Ok(name) => {
                    news.extend(self.read(&name));
                    present.insert(name);
                }
                Err(_) if self.state.lock().told.insert(file.clone()) => news.push(News::Odd(file)),
                Err(_) => (),
            }
        }
        for (name, entry) in &mut self.state.lock().scripts {
            let was_gone = std::mem::replace(&mut entry.is_gone, !present.contains(name));
            if entry.is_gone && !was_gone {
                news.push(News::Gone(name.clone()));
            }
        }
        Ok(news)
    }

    fn read(&self, name: &MapName) -> Option<News> {
        let text = match &self.folder {
            Some(folder) => folder::text(folder, name.as_str(), "rhai"),
            None => embedded::SCRIPTS
                .iter()
                .find(|it| it.0 == name.as_str())
                .map(|it| it.1.to_owned())
                .context("it is not part of the program"),
        };
        let text = text.map_err(|error| format!("{error:#}"));
        if self
            .state
            .lock()
            .scripts
            .get(name)
            .is_some_and(|it| it.text == text)
        {
            return None;
        }
        let compiled = match &text {
            Ok(text) => sandbox::compile(&self.engine, text).map(Arc::new),
            Err(why) => Err(Failure {
                line: None,
                why: why.clone(),
            }),
        };
        let mut state = self.state.lock();
        let next = state.revision + 1;
        let entry = state.scripts.entry(name.clone()).or_insert_with(|| Entry {
            text: Ok(String::new()),
            compiled: Err(Failure {
                line: None,
                why: String::new(),
            }),
            revision: next,
            is_gone: false,
        });
        entry.text = text;
        let news = match &compiled {
            Ok(_) => News::Read(name.clone()),
            Err(why) => News::Mistake(name.clone(), why.clone(), entry.compiled.is_ok()),
        };
        if compiled.is_ok() || entry.compiled.is_err() {
            entry.compiled = compiled;
            entry.revision = next;
            state.revision = next;
        }
        Some(news)
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Shelf")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for News {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(name) => write!(formatter, "script {name}: was read"),
            Self::Mistake(name, why, earlier) => {
                let then = if *earlier {
                    "the one before goes on"
                } else {
                    "it is not called"
                };
                write!(formatter, "script {name}: {why}; {then}")
            }
            Self::Gone(name) => {
                write!(
                    formatter,
                    "script {name}: its file is gone; it goes on until a restart"
                )
            }
            Self::Odd(file) => {
                let why = crate::ids::InvalidName::Map;
                write!(formatter, "scripts/{file}.rhai is not read: {why}")
            }
        }
    }
}
