//! The game description: what a gatherer tells about its game
//! (`docs/specifications/myth-metaserver.md`, section 16).
//!
//! The bridge stores and forwards it as bytes. It is read here for the registry, written here for
//! games that come from the registry, and checked here: one malformed description in a list makes
//! Aleph One drop the whole list.

/// The longest description that is accepted.
pub const MAX_BYTES: usize = 9 * 1024;
/// The length of everything before the two names.
const FIXED_BYTES: usize = 568;
const EXTENSION_BYTES: usize = 512;

/// Bit of [`Description::status`]: no one else can join.
pub const CLOSED: u16 = 0x0010;
/// Bit of [`Description::status`]: the game has begun.
pub const RUNNING: u16 = 0x0001;
/// [`Description::max_teams`] of a game without teams.
pub const NO_TEAMS: u16 = 0xffff;
/// [`Description::game_type`] of a game whose rules are a net script.
pub const CUSTOM: u16 = 8;

const NAMES_PRESENT: u16 = 1;
const OPTIONS_PRESENT: u16 = 2;

/// All fields of a description, in their order on the wire. Texts are MacRoman.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Myth's type; Aleph One writes 0.
    pub myth_type: u16,
    /// The rules, 0 to 8.
    pub game_type: u16,
    /// Myth's options; Aleph One writes 0.
    pub myth_options: u32,
    /// In ticks of 1/30 s; -1, 0 and `i32::MAX` mean no limit.
    pub time_limit_ticks: i32,
    /// Checksum of the map; 0 in practice.
    pub map_checksum: u32,
    /// 0 (kindergarten) to 4 (total carnage).
    pub difficulty: u16,
    /// The most players.
    pub max_players: u16,
    /// Aleph One writes 0.
    pub team_seed: u16,
    /// The most teams, or [`NO_TEAMS`].
    pub max_teams: u16,
    /// Aleph One writes 0.
    pub seed: u32,
    /// Aleph One writes 0.
    pub planning_time: u32,
    /// Aleph One writes zeros.
    pub unused: [u8; 10],
    /// The fields that Aleph One added to Myth's description.
    pub extension: Extension,
    /// Aleph One writes `0xC136E436`.
    pub client_version: u32,
    /// Aleph One writes 0.
    pub private_checksum: u32,
    /// The bits [`CLOSED`] and [`RUNNING`].
    pub status: u16,
    /// How many players are in the game.
    pub players: u8,
    /// Aleph One writes 0.
    pub action: u8,
    /// The game's name, without NUL.
    pub name: Vec<u8>,
    /// The map's name, without NUL.
    pub map: Vec<u8>,
}

/// An area of 512 bytes, and flags of which two tell what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    flags: u16,
    area: Box<[u8; EXTENSION_BYTES]>,
}

/// The names in the extension, cut at the first NUL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The program's version and platform; 32 bytes at most.
    pub build: Vec<u8>,
    /// The network protocol, such as `Aleph One WonderNAT V2`; 32 bytes at most.
    pub protocol: Vec<u8>,
    /// The scenario; 32 bytes at most.
    pub scenario: Vec<u8>,
    /// Players with different ids cannot play together; empty if any id will do. 24 bytes at most.
    pub scenario_id: Vec<u8>,
    /// The scenario's version; 8 bytes at most.
    pub scenario_version: Vec<u8>,
    /// The net script's file, `Embedded`, or empty; 32 bytes at most.
    pub script: Vec<u8>,
}

/// The options in the extension. `docs/specifications/myth-metaserver.md`, section 16, has their
/// bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GameOptions {
    /// How the game is played.
    pub options: u16,
    /// The cheats that players may use.
    pub cheats: u16,
    /// Kills or points to win.
    pub kill_limit: i16,
    /// The map's file; 32 bytes at most.
    pub map_file: Vec<u8>,
    /// The physics' file, `Embedded`, or empty; 32 bytes at most.
    pub physics: Vec<u8>,
}

/// Why bytes are no description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptionError {
    /// Shorter than the fixed part and two empty names.
    #[error("it has {0} bytes, but needs at least 570")]
    TooShort(usize),
    /// Longer than [`MAX_BYTES`].
    #[error("it has {0} bytes, but may have at most 9216")]
    TooLong(usize),
    /// A name has no NUL after it.
    #[error("the {0} name is not terminated")]
    Unterminated(&'static str),
    /// Bytes follow the map's name, where Aleph One expects the next game.
    #[error("{0} bytes follow the map name")]
    Trailing(usize),
}

impl Description {
    /// Reads a description.
    ///
    /// # Errors
    /// Aleph One could not read it, or it is too long.
    pub fn parse(bytes: &[u8]) -> Result<Self, DescriptionError> {
        if bytes.len() < FIXED_BYTES + 2 {
            return Err(DescriptionError::TooShort(bytes.len()));
        }
        if bytes.len() > MAX_BYTES {
            return Err(DescriptionError::TooLong(bytes.len()));
        }
        let (fixed, texts) = bytes.split_at(FIXED_BYTES);
        let (name, texts) = text(texts).ok_or(DescriptionError::Unterminated("game"))?;
        let (map, rest) = text(texts).ok_or(DescriptionError::Unterminated("map"))?;
        if !rest.is_empty() {
            return Err(DescriptionError::Trailing(rest.len()));
        }
        let mut fixed = Reader(fixed);
        // Struct fields are evaluated in the order they are written.
        Ok(Self {
            myth_type: fixed.u16(),
            game_type: fixed.u16(),
            myth_options: fixed.u32(),
            time_limit_ticks: i32::from_be_bytes(fixed.take()),
            map_checksum: fixed.u32(),
            difficulty: fixed.u16(),
            max_players: fixed.u16(),
            team_seed: fixed.u16(),
            max_teams: fixed.u16(),
            seed: fixed.u32(),
            planning_time: fixed.u32(),
            unused: fixed.take(),
            extension: Extension {
                flags: fixed.u16(),
                area: Box::new(fixed.take()),
            },
            client_version: fixed.u32(),
            private_checksum: fixed.u32(),
            status: fixed.u16(),
            players: fixed.take::<1>()[0],
            action: fixed.take::<1>()[0],
            name: name.to_vec(),
            map: map.to_vec(),
        })
    }

    /// Returns the bytes. A parsed description gives the same bytes again. A name is cut at a NUL.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FIXED_BYTES + self.name.len() + self.map.len() + 2);
        let mut put = |field: &[u8]| bytes.extend_from_slice(field);
        put(&self.myth_type.to_be_bytes());
        put(&self.game_type.to_be_bytes());
        put(&self.myth_options.to_be_bytes());
        put(&self.time_limit_ticks.to_be_bytes());
        put(&self.map_checksum.to_be_bytes());
        put(&self.difficulty.to_be_bytes());
        put(&self.max_players.to_be_bytes());
        put(&self.team_seed.to_be_bytes());
        put(&self.max_teams.to_be_bytes());
        put(&self.seed.to_be_bytes());
        put(&self.planning_time.to_be_bytes());
        put(&self.unused);
        put(&self.extension.flags.to_be_bytes());
        put(&self.extension.area[..]);
        put(&self.client_version.to_be_bytes());
        put(&self.private_checksum.to_be_bytes());
        put(&self.status.to_be_bytes());
        put(&[self.players, self.action]);
        put(until_nul(&self.name));
        put(&[0]);
        put(until_nul(&self.map));
        put(&[0]);
        bytes
    }

    /// Whether the game has a time limit.
    #[must_use]
    pub fn is_timed(&self) -> bool {
        self.time_limit_ticks > 0 && self.time_limit_ticks != i32::MAX
    }
}

impl Default for Description {
    /// A game without teams that Aleph One can read, without names or players.
    fn default() -> Self {
        Self {
            myth_type: 0,
            game_type: 0,
            myth_options: 0,
            time_limit_ticks: -1,
            map_checksum: 0,
            difficulty: 2,
            max_players: 8,
            team_seed: 0,
            max_teams: 8,
            seed: 0,
            planning_time: 0,
            unused: [0; 10],
            extension: Extension::new(&Names::default(), None),
            client_version: 0xc136_e436,
            private_checksum: 0,
            status: 0,
            players: 0,
            action: 0,
            name: Vec::new(),
            map: Vec::new(),
        }
    }
}

impl Extension {
    /// Makes an extension with these names, and these options if they are known. Texts that are
    /// too long for their fields are cut.
    #[must_use]
    pub fn new(names: &Names, options: Option<&GameOptions>) -> Self {
        let mut area = Box::new([0; EXTENSION_BYTES]);
        let mut at = 0;
        let mut put = |field: &[u8], size: usize| {
            let field = &field[..field.len().min(size)];
            area[at..at + field.len()].copy_from_slice(field);
            at += size;
        };
        put(until_nul(&names.build), 32);
        put(until_nul(&names.protocol), 32);
        put(until_nul(&names.scenario), 32);
        put(until_nul(&names.scenario_id), 24);
        put(until_nul(&names.scenario_version), 8);
        put(until_nul(&names.script), 32);
        let Some(options) = options else {
            let flags = NAMES_PRESENT;
            return Self { flags, area };
        };
        put(&options.options.to_be_bytes(), 2);
        put(&options.cheats.to_be_bytes(), 2);
        put(&options.kill_limit.to_be_bytes(), 2);
        put(until_nul(&options.map_file), 32);
        put(until_nul(&options.physics), 32);
        let flags = NAMES_PRESENT | OPTIONS_PRESENT;
        Self { flags, area }
    }

    /// Returns the names, if they are present.
    #[must_use]
    pub fn names(&self) -> Option<Names> {
        let mut area = Reader(&self.area[..]);
        (self.flags & NAMES_PRESENT != 0).then(|| Names {
            build: area.chars::<32>(),
            protocol: area.chars::<32>(),
            scenario: area.chars::<32>(),
            scenario_id: area.chars::<24>(),
            scenario_version: area.chars::<8>(),
            script: area.chars::<32>(),
        })
    }

    /// Returns the options, if they are present. They are not if there are no names.
    #[must_use]
    pub fn options(&self) -> Option<GameOptions> {
        let both = NAMES_PRESENT | OPTIONS_PRESENT;
        let mut area = Reader(&self.area[160..]);
        (self.flags & both == both).then(|| GameOptions {
            options: area.u16(),
            cheats: area.u16(),
            kill_limit: i16::from_be_bytes(area.take()),
            map_file: area.chars::<32>(),
            physics: area.chars::<32>(),
        })
    }
}

/// Reads fields of a part that is known to be long enough.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self
            .0
            .split_first_chunk()
            .expect("the fixed part and the extension have room for their fields");
        self.0 = rest;
        *field
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.take())
    }

    fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.take())
    }

    fn chars<const N: usize>(&mut self) -> Vec<u8> {
        until_nul(&self.take::<N>()).to_vec()
    }
}

/// Splits bytes at the first NUL.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    text(bytes).map_or(bytes, |(text, _)| text)
}

#[cfg(test)]
mod tests;
