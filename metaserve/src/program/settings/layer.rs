//! The sources of values, and how layers are merged.

use super::{
    declared::{self, Declared, Kind},
    kinds::Quantity,
};
use crate::program::table::Table;
use clap::Arg;
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
    path::Path,
    sync::Arc,
    time::Duration,
};

/// The source of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Default,
    Line { file: Arc<Path>, line: usize },
    Variable(String),
    Word(String),
    Flag(String),
}

/// The value of one setting, or the values of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) texts: Vec<OsString>,
    pub(super) origin: Origin,
}

/// The values from one source, by the names of settings.
pub(super) type Layer = BTreeMap<String, Entry>;

/// All settings of a program with their current values and sources. Displayed, it is a table for
/// people, without secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values(Vec<Value>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) arg: Box<str>,
    pub(super) entry: Entry,
    secret: bool,
    hidden: bool,
}

impl Values {
    /// Merges layers. Earlier layers win.
    pub(super) fn merge(declared: &Declared, together: &[&[&str]], layers: &[&Layer]) -> Self {
        let value = |arg: &Arg| {
            let name = declared::name(arg);
            let parts = together.iter().find(|parts| parts.contains(&name));
            let has_a_part = |layer: &&&Layer| match parts {
                Some(parts) => parts.iter().any(|part| layer.contains_key(*part)),
                None => layer.contains_key(name),
            };
            let layer = layers.iter().find(has_a_part);
            let entry = layer.and_then(|layer| layer.get(name)).cloned();
            let entry = entry.unwrap_or_else(|| Entry {
                texts: arg
                    .get_default_values()
                    .iter()
                    .map(|it| it.to_os_string())
                    .collect(),
                origin: Origin::Default,
            });
            Value {
                arg: name.into(),
                entry: Entry {
                    texts: entry.texts.iter().map(|it| canonical(arg, it)).collect(),
                    ..entry
                },
                secret: arg.is_hide_env_values_set(),
                hidden: arg.is_hide_set(),
            }
        };
        Self(declared.iter().map(value).collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Value> {
        self.0.iter()
    }

    /// Whether the setting with this name was given, and is not left at its default.
    #[must_use]
    pub fn is_given(&self, name: &str) -> bool {
        *self.origin(name) != Origin::Default
    }

    pub(super) fn origin(&self, name: &str) -> &Origin {
        let value = self.0.iter().find(|it| &*it.arg == name);
        value.map_or(&Origin::Default, |it| &it.entry.origin)
    }

    /// The names of settings with other values in `other`.
    pub(super) fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a str> {
        let pairs = self.0.iter().zip(&other.0);
        pairs
            .filter(|(a, b)| a.entry.texts != b.entry.texts)
            .map(|(a, _)| &*a.arg)
    }
}

/// The same text for the same value, however it is written.
fn canonical(arg: &Arg, text: &OsStr) -> OsString {
    let written = text.to_str().and_then(|text| match declared::kind(arg) {
        Kind::Duration => Some(Duration::read(text).ok()?.write()),
        Kind::Switch => super::switch(text)
            .ok()
            .map(|on| if on { "on" } else { "off" }.into()),
        Kind::Number | Kind::Text => None,
    });
    written.map_or_else(|| text.to_owned(), OsString::from)
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["SETTING", "VALUE", "FROM"]);
        let shown = |it: &&Value| !it.hidden || it.entry.origin != Origin::Default;
        for Value {
            arg, entry, secret, ..
        } in self.0.iter().filter(shown)
        {
            let texts = entry.texts.iter().map(|it| it.to_string_lossy());
            let texts = texts.collect::<Vec<_>>().join(", ");
            let text = match (texts.is_empty(), secret) {
                (true, _) => "-".to_owned(),
                (false, true) => "(not shown)".to_owned(),
                (false, false) => texts,
            };
            table.row([arg.to_string(), text, entry.origin.to_string()]);
        }
        table.fmt(f)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Line { file, line } => write!(f, "{}, line {line}", file.display()),
            Self::Variable(name) | Self::Word(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}
