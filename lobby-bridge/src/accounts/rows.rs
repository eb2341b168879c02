//! Rows of the log tables (`docs/specifications/myth-metaserver.md`, sections 23.3 to 23.5).
//! `Accounts::log` adds the date.

/// A row of one of the logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogRow {
    /// For `chatlog`.
    Chat(ChatRow),
    /// For `eventlog`.
    Event(EventRow),
    /// For `logindetail`.
    LoginDetail(LoginDetailRow),
}

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatKind {
    /// `chat`: a public line.
    Chat,
    /// `broadcast`: a `.me` line or a kick announcement, with the user who caused it.
    Broadcast,
    /// `pm`: a delivered private message.
    PrivateMessage,
}

/// Red, green and blue, each from 0 to 65,535.
pub type Color = [u16; 3];

/// The receiver of a private message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The session id.
    pub user_id: u32,
    /// The account; `None` for guests.
    pub username: Option<String>,
    /// The display name in MacRoman, cut at 255 bytes when stored.
    pub chatname: Vec<u8>,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatRow {
    /// The kind.
    pub kind: ChatKind,
    /// The sender's session id.
    pub user_id: u32,
    /// The sender's account; `None` for guests.
    pub username: Option<String>,
    /// The sender's display name in MacRoman, with the prefix of guests but without an away text,
    /// cut at 255 bytes when stored.
    pub chatname: Vec<u8>,
    /// The sender's primary colour; `None` for broadcasts.
    pub color: Option<Color>,
    /// The receiver; only for private messages.
    pub target: Option<Target>,
    /// The trimmed message in MacRoman; for a broadcast the whole line.
    pub message: Vec<u8>,
}

/// An event of a player.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// `login`, `logout`, `enter game`, `leave game`, `create game`, `start game`,
    /// `remove game` or `kick`.
    pub event_type: &'static str,
    /// The account; `None` for guests.
    pub username: Option<String>,
    /// The session id.
    pub user_id: u32,
    /// The details that `docs/specifications/myth-metaserver.md`, section 23.4, gives for the type.
    pub extradata: Option<Vec<u8>>,
}

/// The data that a client sent about itself when it entered the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginDetailRow {
    /// The account; `None` for guests.
    pub username: Option<String>,
    /// The session id.
    pub user_id: u32,
    /// The display name in MacRoman, cut at 255 bytes when stored.
    pub chatname: Vec<u8>,
    /// The primary colour.
    pub color: Color,
    /// The secondary colour.
    pub team_color: Color,
    /// Build date and time as the client sent them, joined by one space, such as
    /// `Aug 29 2025 12:34:56`; stored as NULL if it is no date.
    pub build_date: String,
    /// The platform's number.
    pub platform_type: u16,
}
