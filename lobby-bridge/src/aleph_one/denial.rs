//! Refusals: a code for the client, a sentence for the player, and the end of the connection.

use std::borrow::Cow;

use bytes::Bytes;
use metaserve::bans::Ban;

use super::{
    sent::{self, Code},
    text,
};
use crate::bans;

/// A refusal that ends the connection (`docs/specifications/myth-metaserver.md`, section 7).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Denial {
    /// The code, which the client reacts to.
    pub code: Code,
    /// The sentence, which players read.
    pub text: Cow<'static, str>,
}

macro_rules! denials {
    ($($name:ident = $code:ident, $text:literal;)*) => {
        impl Denial {
            $(
                #[doc = $text]
                pub const $name: Self = Self {
                    code: Code::$code,
                    text: Cow::Borrowed($text),
                };
            )*
        }
    };
}

denials! {
    SYNTAX = Syntax, "Syntax error: that is not possible now.";
    NOT_SERVED = NotNow, "This server is for players of another game.";
    NO_ADDRESS = NotNow, "This server does not know its own IPv4 address. Please tell its operator.";
    NO_ACCOUNTS = NotNow, "Accounts cannot be checked at the moment. You may come in as a guest.";
    TOO_MANY_ATTEMPTS = NotNow, "Too many failed logins. Please try again in a minute.";
    CROWDED = NotNow, "Too many players have come from your address. Please come back when one of them has left.";
    MADE_ROOM = NotNow, "All places are taken, and many players have come from your address: your place went to a player from another address. Please come back later.";
    FULL = RoomFull, "All rooms are full.";
    BAD_USER = BadUser, "Login failed: bad user name or password.";
    NOT_LOGGED_IN = NotLoggedIn, "You are not logged in.";
    LOGGED_IN = LoggedIn, "You are logged in already.";
    DISPLACED = LoggedIn, "Your account has logged in from somewhere else.";
    LOCKED = Locked, "You were kicked by a moderator. Please come back later.";
    NO_GUESTS = NoGuests, "Guests may not enter. Please log in to an account.";
}

impl Denial {
    /// The address is banned, for everybody or for guests.
    pub(super) fn banned(ban: &Ban) -> Self {
        Self {
            code: Code::Locked,
            text: bans::told(ban).into(),
        }
    }

    /// Returns the frame that tells the client.
    pub(super) fn frame(&self) -> Bytes {
        sent::message(self.code, &self.text)
    }

    /// Returns the frames that tell the client: in a room, clients do not show messages with a
    /// code.
    pub(super) fn frames(&self, in_room: bool) -> impl Iterator<Item = Bytes> {
        let line = in_room.then(|| sent::room_message(&text::encode(&self.text)));
        line.into_iter().chain([self.frame()])
    }
}
