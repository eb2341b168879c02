//! What a world is made of: maps and scripts, files that its author writes.
//!
//! Both are in a folder with `maps/NAME.toml` and `scripts/NAME.rhai`. Maps are read once, when the
//! program starts; scripts are read again whenever they are edited.

pub(crate) mod embedded;
pub(crate) mod folder;
mod map;

pub(crate) use map::short;
pub use map::{Ground, Map};

use crate::{
    ids::MapName,
    scripts::{Library, Scripts},
    world::hooks::Hooks,
};
use anyhow::{Context, bail};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

/// All maps and scripts of a world. Clones share them.
#[derive(Clone, Debug)]
pub struct Content {
    folder: Option<PathBuf>,
    maps: Arc<BTreeMap<MapName, Map>>,
    library: Arc<Library>,
}

impl Content {
    /// Reads a content folder. Without one it takes that of the source tree which the program was
    /// built from, or, where there is none, the copies in the program itself.
    ///
    /// # Errors
    /// A map cannot be read or has a mistake: says the file and the line. A gate leads to no map.
    pub fn load(folder: Option<&Path>) -> anyhow::Result<Self> {
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR"));
        match folder {
            Some(folder) => Self::of_folder(folder),
            None if built_from.join("maps").is_dir() => Self::of_folder(built_from),
            None => Self::embedded(),
        }
    }

    /// The content that is part of the program.
    ///
    /// # Errors
    /// It has a mistake; a test says that it has none.
    pub fn embedded() -> anyhow::Result<Self> {
        Self::of_texts(
            None,
            embedded::MAPS
                .iter()
                .map(|&(name, text)| (name.to_owned(), text)),
        )
    }

    fn of_folder(folder: &Path) -> anyhow::Result<Self> {
        let maps = folder::texts(&folder.join("maps"), "toml")?;
        Self::of_texts(Some(folder.to_owned()), maps)
    }

    fn of_texts(
        folder: Option<PathBuf>,
        texts: impl IntoIterator<Item = (String, impl AsRef<str>)>,
    ) -> anyhow::Result<Self> {
        let mut maps = BTreeMap::new();
        for (name, text) in texts {
            let file = || format!("maps/{name}.toml");
            let map: MapName = name.parse().with_context(file)?;
            maps.insert(
                map.clone(),
                Map::read(map, text.as_ref()).with_context(file)?,
            );
        }
        if maps.is_empty() {
            bail!("there is no map: expected maps/NAME.toml");
        }
        for map in maps.values() {
            map.check_gates(&maps)
                .with_context(|| format!("maps/{}.toml", map.name))?;
        }
        let names: BTreeSet<_> = maps.keys().cloned().collect();
        for map in maps.values_mut() {
            map.others.clone_from(&names);
        }
        let maps = Arc::new(maps);
        let library = Library::open(folder.as_deref(), Arc::clone(&maps))?;
        Ok(Self {
            folder,
            maps,
            library: Arc::new(library),
        })
    }

    /// The folder that the content was read from; `None` if it is part of the program.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// A map.
    #[must_use]
    pub fn map(&self, name: &MapName) -> Option<Map> {
        self.maps.get(name).cloned()
    }

    /// The scripts, for one zone. From the first call of this, edited scripts are read again.
    ///
    /// # Errors
    /// None at present.
    pub fn hooks(&self) -> anyhow::Result<Box<dyn Hooks>> {
        Ok(Box::new(Scripts::new(Arc::clone(&self.library))))
    }

    /// The names of all maps.
    pub fn maps(&self) -> impl Iterator<Item = &MapName> {
        self.maps.keys()
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tour;
