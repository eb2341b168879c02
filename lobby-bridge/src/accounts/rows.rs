//! Rows of the log tables (`docs/specifications/myth-metaserver.md`, sections 23.3 to 23.5). The
//! date is added by `Accounts::log`.

/// A row for one of the logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogRow {
    /// For `chatlog`.
    Chat(ChatRow),
    /// For `eventlog`.
    Event(EventRow),
    /// For `logindetail`.
    LoginDetail(LoginDetailRow),
}

/// What is said, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatKind {
    /// `chat`: a public line.
    Chat,
    /// `broadcast`: a `.me` line or a kick announcement, under the user who caused it.
    Broadcast,
    /// `pm`: a delivered private message.
    PrivateMessage,
}

/// Red, green and blue, each over the full range.
pub type Color = [u16; 3];

/// The addressee of a private message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// His session id.
    pub user_id: u32,
    /// His account, none for guests.
    pub username: Option<String>,
    /// His display name as bytes, cut at 255 when stored.
    pub chatname: Vec<u8>,
}

/// One line of talk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatRow {
    /// Which of the three.
    pub kind: ChatKind,
    /// The sender's session id.
    pub user_id: u32,
    /// The sender's account, none for guests.
    pub username: Option<String>,
    /// The sender's display name as bytes (with the prefix of guests, without that of being
    /// away), cut at 255 when stored.
    pub chatname: Vec<u8>,
    /// The sender's primary colour; none for broadcasts.
    pub color: Option<Color>,
    /// Only for private messages.
    pub target: Option<Target>,
    /// The trimmed message, MacRoman; for a broadcast the whole line.
    pub message: Vec<u8>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// `login`, `logout`, `enter game`, `leave game`, `create game`, `start game`,
    /// `remove game` or `kick`.
    pub event_type: &'static str,
    /// The account, none for guests.
    pub username: Option<String>,
    /// The session id.
    pub user_id: u32,
    /// What `docs/specifications/myth-metaserver.md`, section 23.4, says for the type.
    pub extradata: Option<Vec<u8>>,
}

/// What a client told of itself when it entered the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginDetailRow {
    /// The account, none for guests.
    pub username: Option<String>,
    /// The session id.
    pub user_id: u32,
    /// The display name as bytes, cut at 255 when stored.
    pub chatname: Vec<u8>,
    /// The primary colour.
    pub color: Color,
    /// The secondary colour.
    pub team_color: Color,
    /// Build date and time as the client wrote them, joined by one space, such as
    /// `Aug 29 2025 12:34:56`; stored as NULL when it is no date.
    pub build_date: String,
    /// The platform's number.
    pub platform_type: u16,
}
