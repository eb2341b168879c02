//! The frames between a player's program and the gateway: JSON objects with a `type`, in text
//! frames of at most 16 KiB. The numbers of a session's commands grow, from 1 to
//! [`MAX_SEQ`](crate::command::MAX_SEQ).

use crate::{
    command::Happening,
    ids::{Name, ObjectId, SessionId, ZoneId},
    object::{Place, Seen, Sheet},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The ticket of a log-in. Secret: `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ticket(pub String);

impl fmt::Debug for Ticket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Ticket(..)")
    }
}

/// What a player's program says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", deny_unknown_fields)]
pub enum Up {
    /// The first frame of a player: who they are, and which session they resume.
    Hello {
        /** From the log-in. */
        ticket: Ticket,
        /** An earlier session. */
        #[serde(default)]
        resume: Option<SessionId>,
    },
    /// The first frame of a spectator: shows a shared zone.
    Watch {
        /** The zone. */
        zone: ZoneId,
    },
    /// Plays this character.
    Enter {
        /** The character. */
        character: Name,
    },
    /// Walks so far, in metres.
    Move {
        /** East. */
        dx: f64,
        /** South. */
        dy: f64,
        /** Number. */
        seq: u64,
    },
    /// Says something.
    Say {
        /** To whom. */
        scope: Scope,
        /** The words. */
        text: String,
        /** Number. */
        seq: u64,
    },
    /// Does what one does with an object.
    Activate {
        /** The object. */
        id: ObjectId,
        /** Number. */
        seq: u64,
    },
    /// Takes an item from the ground.
    Take {
        /** The object. */
        id: ObjectId,
        /** Number. */
        seq: u64,
    },
    /// Lays down an item.
    Drop {
        /** The item. */
        id: ObjectId,
        /** Number. */
        seq: u64,
    },
    /// Uses an item.
    Use {
        /** The item. */
        id: ObjectId,
        /** On what. */
        #[serde(default)]
        on: Option<ObjectId>,
        /** Number. */
        seq: u64,
    },
    /// Changes the words below the character's name.
    Status {
        /** The words. */
        text: String,
        /** Number. */
        seq: u64,
    },
    /// Leaves the world.
    Bye,
}

/// Who hears something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everybody in the zone.
    Zone,
    /// Everybody in the world.
    All,
    /// One character.
    To(Name),
}

/// What the gateway says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Down {
    /// The answer to `hello`: the session.
    Ready {
        /** To resume it. */
        session: SessionId,
        /** The account. */
        account: Name,
    },
    /// The answer to `enter`: the character is in the world, and a snapshot follows. Commands after
    /// the last one that was accepted are to be sent again.
    Entered {
        /** The character, as its owner writes it. */
        character: Name,
        /** Where it is. */
        zone: ZoneId,
        /** The last command of this session that was accepted; 0 if none was. */
        seq: u64,
    },
    /// The whole zone.
    Snapshot {
        /** Which. */
        zone: ZoneId,
        /** At which revision. */
        rev: u64,
        /** All of it. */
        objects: Vec<Seen>,
        /** What is below and around them: [`Stored::place`](crate::log::Stored::place). */
        #[serde(skip_serializing_if = "Option::is_none", default)]
        place: Option<Place>,
        /** Of the own character. */
        #[serde(skip_serializing_if = "Option::is_none", default)]
        sheet: Option<Sheet>,
        /** The last command of the own character that was done. */
        #[serde(default)]
        done: u64,
        /** Whether the own character walks. */
        #[serde(default)]
        walks: bool,
    },
    /// What has changed since the revision before.
    Delta {
        /** The new revision. */
        rev: u64,
        /** New or changed. */
        changed: Vec<Seen>,
        /** No longer there. */
        gone: Vec<ObjectId>,
        /** What has happened, but for words. */
        events: Vec<Happening>,
    },
    /// Somebody has spoken.
    Said {
        /** To whom. */
        scope: Scope,
        /** Who. */
        from: String,
        /** The words. */
        text: String,
        /** Of a whisper, its place in the character's mail: in one session, one that is not greater
        than the greatest so far was read before. */
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mail: Option<(u64, u64)>,
    },
    /// The command is accepted: it will be done once, whatever ends.
    Ack {
        /** Its number. */
        seq: u64,
    },
    /// The command is not accepted, or was not done.
    Refused {
        /** Its number, 0 if it had none. */
        seq: u64,
        /** A sentence. */
        why: String,
    },
    /// The character is in this zone now; a snapshot follows.
    Moved {
        /** Which. */
        zone: ZoneId,
    },
    /// The gateway ends the connection.
    Closing {
        /** A sentence. */
        why: String,
    },
}
