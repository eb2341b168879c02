//! What goes into a zone, and what comes out of it.

use crate::{
    ids::{Name, ObjectId, SessionId, ZoneId},
    object::{Point, Seen, Sheet},
};
use serde::{Deserialize, Serialize};

/// The greatest number of a command: up to there every language counts by ones.
pub const MAX_SEQ: u64 = (1 << 53) - 1;

/// A wish of a player, in the input log of the zone where its character is. It is accepted once it
/// is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Whose it is.
    pub character: Name,
    /// The session it came by. A command of another one than the player's present session is not
    /// done.
    pub session: SessionId,
    /// The number that the player's program gave it, from 1 to [`MAX_SEQ`]. One that is not greater than the last
    /// one done is a repetition, and is not done again. 0 for [`Action::Enter`] and
    /// [`Action::Leave`], which have none.
    pub seq: u64,
    /// What to do.
    pub action: Action,
}

/// What a player wants to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Action {
    /// Comes into the zone, or is there already and goes on with this session.
    Enter(Arrival),
    /// Leaves the world.
    Leave,
    /// Walks so far, in metres, instead of where it walks now.
    Move {
        /** East. */
        dx: f64,
        /** South. */
        dy: f64,
    },
    /// Says something that everybody in the zone hears.
    Say {
        /** The words. */
        text: String,
    },
    /// Does what one does with an object.
    Activate {
        /** The object. */
        id: ObjectId,
    },
    /// Takes an item from the ground.
    Take {
        /** The object. */
        id: ObjectId,
    },
    /// Lays down an item.
    Drop {
        /** The item. */
        id: ObjectId,
    },
    /// Uses an item that it carries, on an object or by itself.
    Use {
        /** The item. */
        id: ObjectId,
        /** On what. */
        on: Option<ObjectId>,
    },
    /// Changes the words below its name.
    Status {
        /** The words. */
        text: String,
    },
}

/// With what a character comes into a zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arrival {
    /// Its account.
    pub account: Name,
    /// Where; without it, where the map says.
    pub at: Option<Point>,
    /// Statistics and inventory. Not looked at if the character is in the zone already.
    pub sheet: Sheet,
    /// The last command of the session that was done.
    pub seq: u64,
}

/// What a zone tells at one revision: everybody who is in it reads the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Objects that have changed, or are new.
    pub changed: Vec<Seen>,
    /// Objects that are no longer there.
    pub gone: Vec<ObjectId>,
    /// What has happened.
    pub events: Vec<Event>,
}

/// Something that has happened in a zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Only this character is told; everybody, without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Name>,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

/// What has happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Happening {
    /// Somebody or something has spoken.
    Said {
        /** Its name. */
        from: String,
        /** The words. */
        text: String,
    },
    /// A sentence about what has happened.
    Told {
        /** The sentence. */
        text: String,
    },
    /// A command was not done.
    Refused {
        /** Its number. */
        seq: u64,
        /** A sentence. */
        why: String,
    },
    /// The last command of the character that was done in this batch, whatever has come of it.
    /// Only to the character itself.
    Done {
        /** Its number. */
        seq: u64,
    },
    /// The character's walk has ended. Only to the character itself.
    Stopped {
        /** What stands in its way; without it, the character is where it wanted to go. */
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// What the character is and has, since it has changed. Only to the character itself.
    Sheet(Sheet),
    /// The character is in another zone now. Only to the character itself.
    Moved {
        /** The zone. */
        zone: ZoneId,
    },
    /// The character has left the world. Only to the character itself.
    Left,
}
