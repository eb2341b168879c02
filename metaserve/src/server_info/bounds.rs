//! How long the fields of a record can be.

use super::{ServerInfo, website};

/// The longest text in characters, unless the field has a bound of its own.
const MAX_TEXT: usize = 128;
const MAX_DESCRIPTION: usize = 1000;
const MAX_TAG: usize = 32;

/// The most entries of a list.
const MAX_TAGS: usize = 16;
const MAX_MODS: usize = 256;
const MAX_PLAYER_LIST: usize = 64;

/// A field of a [`ServerInfo`] is beyond its bounds. Readers would leave it out or cut it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidInfo {
    /// The record has no name, or an entry of a list has none.
    #[error("`{field}` has an empty name")]
    Empty {
        /// The field.
        field: &'static str,
    },
    /// A text is too long.
    #[error("a text in `{field}` has {characters} characters, more than {most}")]
    TooLong {
        /// The field.
        field: &'static str,
        /// How long the text is.
        characters: usize,
        /// How long it can be.
        most: usize,
    },
    /// A list is too long.
    #[error("`{field}` has {entries} entries, more than {most}")]
    TooMany {
        /// The field.
        field: &'static str,
        /// How many entries the list has.
        entries: usize,
        /// How many it can have.
        most: usize,
    },
    /// The website cannot be shown as a link.
    #[error(
        "`website` is not an http or https URL of at most {} ASCII characters, without a user name",
        website::MAX_BYTES
    )]
    Website,
}

impl ServerInfo {
    /// Says whether every field is within its bounds.
    ///
    /// This is about single fields: whether the whole record is short enough for a daemon, tell
    /// from the length of [`to_json`](Self::to_json), or use [`fit`](Self::fit).
    ///
    /// # Errors
    /// For the first field that readers would leave out or cut.
    pub fn check(&self) -> Result<(), InvalidInfo> {
        let unnamed = [
            ("name", self.name.is_empty()),
            ("mods", self.mods.iter().any(|it| it.name.is_empty())),
            ("tags", self.tags.iter().any(String::is_empty)),
            (
                "player_list",
                self.player_list.iter().any(|it| it.name.is_empty()),
            ),
        ];
        if let Some((field, _)) = unnamed.into_iter().find(|(_, is)| *is) {
            return Err(InvalidInfo::Empty { field });
        }
        let lists = [
            ("mods", self.mods.len(), MAX_MODS),
            ("tags", self.tags.len(), MAX_TAGS),
            ("player_list", self.player_list.len(), MAX_PLAYER_LIST),
        ];
        if let Some((field, entries, most)) = lists.into_iter().find(|(_, is, most)| is > most) {
            return Err(InvalidInfo::TooMany {
                field,
                entries,
                most,
            });
        }
        let mut too_long = None;
        self.clone().each_text(|field, most, text| {
            let characters = text.chars().count();
            if characters > most {
                too_long.get_or_insert(InvalidInfo::TooLong {
                    field,
                    characters,
                    most,
                });
            }
        });
        if let Some(problem) = too_long {
            return Err(problem);
        }
        match &self.website {
            Some(text) if !website::is_link(text) => Err(InvalidInfo::Website),
            _ => Ok(()),
        }
    }

    /// Cuts the record to its bounds and then, as long as its JSON is longer than `max_bytes`,
    /// leaves out the last players of the list, the description and the last mods, in this order.
    ///
    /// A daemon accepts 8 KiB by default. If the other fields alone are longer than `max_bytes`,
    /// they stay: only large `legacy` and `other` fields, or a limit below 8 KiB, lead to that.
    ///
    /// ```
    /// use metaserve::{Player, ServerInfo};
    ///
    /// let player_list = vec![Player::new("x".repeat(500)); 500];
    /// let info = ServerInfo { player_list, ..ServerInfo::new("Crowd") };
    /// let heartbeat = info.fit(8 * 1024).to_json();
    /// assert!(heartbeat.len() <= 8 * 1024);
    /// ```
    #[must_use]
    pub fn fit(mut self, max_bytes: usize) -> Self {
        self.cut();
        while self.to_json().len() > max_bytes {
            if !self.player_list.is_empty() {
                self.player_list.truncate(self.player_list.len() / 2);
            } else if self.description.is_some() {
                self.description = None;
            } else if !self.mods.is_empty() {
                self.mods.truncate(self.mods.len() / 2);
            } else {
                break;
            }
        }
        self
    }

    /// Leaves out or cuts what is beyond the bounds.
    pub(super) fn cut(&mut self) {
        self.mods.retain(|it| !it.name.is_empty());
        self.mods.truncate(MAX_MODS);
        self.tags.retain(|it| !it.is_empty());
        self.tags.truncate(MAX_TAGS);
        self.player_list.retain(|it| !it.name.is_empty());
        self.player_list.truncate(MAX_PLAYER_LIST);
        self.each_text(|_, most, text| {
            if let Some((end, _)) = text.char_indices().nth(most) {
                text.truncate(end);
            }
        });
        self.website.take_if(|text| !website::is_link(text));
    }

    /// Shows each text that has a longest length in characters, with that and its field.
    fn each_text(&mut self, mut show: impl FnMut(&'static str, usize, &mut String)) {
        show("name", MAX_TEXT, &mut self.name);
        let texts = [
            ("map", MAX_TEXT, &mut self.map),
            ("mode", MAX_TEXT, &mut self.mode),
            ("version", MAX_TEXT, &mut self.version),
            ("region", MAX_TEXT, &mut self.region),
            ("description", MAX_DESCRIPTION, &mut self.description),
        ];
        for (field, most, text) in texts {
            text.iter_mut().for_each(|text| show(field, most, text));
        }
        for it in &mut self.mods {
            show("mods", MAX_TEXT, &mut it.name);
            let version = it.version.iter_mut();
            version.for_each(|text| show("mods", MAX_TEXT, text));
        }
        for tag in &mut self.tags {
            show("tags", MAX_TAG, tag);
        }
        for player in &mut self.player_list {
            show("player_list", MAX_TEXT, &mut player.name);
            let team = player.team.iter_mut();
            team.for_each(|text| show("player_list", MAX_TEXT, text));
        }
    }
}
