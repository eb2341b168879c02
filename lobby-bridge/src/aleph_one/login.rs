//! The login daemon (`docs/specifications/myth-metaserver.md`, section 10): one connection, from
//! its first packet to its token.

use std::sync::Arc;

use super::{
    denial::Denial,
    event::{Claim, Proof, Unchecked},
    names,
    received::{Login, Packet},
    text,
    users::Profile,
};
use crate::{accounts::Account, peers::Ends};

/// The state of a connection to the login daemon.
#[derive(Debug)]
pub(super) enum State {
    NeedLogin,
    NeedPassword(Box<Login>, Authentication),
    Checking(Box<Login>),
    NeedVersion(Arc<Profile>),
    LoggedIn(Arc<Profile>),
}

/// A way to prove an identity (`docs/specifications/myth-metaserver.md`, section 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Authentication {
    Plain = 0,
    Token = 4,
}

/// A connection to the login daemon.
#[derive(Debug)]
pub(super) struct LoginConnection {
    pub(super) ends: Ends,
    pub(super) state: State,
}

/// The next step after a packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    /// Admit a guest.
    Guest(Box<Login>),
    /// Ask the owner of an account for the password.
    Ask(Box<Login>),
    /// Check the proof.
    Check(Claim),
    /// Send the token and the rooms.
    Finish,
    /// Look up the hubs of this network version.
    Hubs(String),
    /// Close without an answer.
    Leave {
        /// Whether the packet was a Logout.
        logged_out: bool,
    },
    Deny(Denial),
}

impl LoginConnection {
    pub(super) fn new(ends: Ends) -> Self {
        let state = State::NeedLogin;
        Self { ends, state }
    }

    /// Returns what `packet` asks for in this state.
    pub(super) fn step(&mut self, packet: Packet) -> Step {
        match (packet, &self.state) {
            (Packet::KeepAlive, _) => Step::Nothing,
            (Packet::Logout, _) => Step::Leave { logged_out: true },
            (Packet::Login(login), State::NeedLogin) => match &login.username[..] {
                b"" | b"guest" => Step::Guest(login),
                _ => Step::Ask(login),
            },
            (Packet::PasswordResponse(key), State::NeedPassword(..)) => self.check(key),
            (Packet::Localization, State::NeedVersion(_)) => Step::Finish,
            (Packet::RemoteHubRequest(version), State::LoggedIn(_)) => {
                Step::Hubs(text::decode(&version).into_owned())
            }
            (
                Packet::Login(_)
                | Packet::PasswordResponse(_)
                | Packet::Localization
                | Packet::RemoteHubRequest(_),
                _,
            ) => Step::Deny(Denial::SYNTAX),
            // Packets that belong into a room.
            _ => Step::Leave { logged_out: false },
        }
    }

    fn check(&mut self, key: [u8; 16]) -> Step {
        let (login, authentication) = match std::mem::replace(&mut self.state, State::NeedLogin) {
            State::NeedPassword(login, authentication) => (login, authentication),
            other => {
                self.state = other;
                return Step::Deny(Denial::SYNTAX);
            }
        };
        let proof = match authentication {
            Authentication::Plain => Proof::Password(password(&key)),
            Authentication::Token => Proof::Token(key),
        };
        let username = username(&login);
        self.state = State::Checking(login);
        Step::Check(Claim {
            username,
            proof,
            from: self.ends.peer,
        })
    }

    /// Takes the result of a check: the login and the account, or a denial. `None` if no check is
    /// expected.
    pub(super) fn checked(
        &mut self,
        result: Result<Account, Unchecked>,
    ) -> Option<Result<(Box<Login>, Account), Denial>> {
        if !matches!(self.state, State::Checking(_)) {
            return None;
        }
        let State::Checking(login) = std::mem::replace(&mut self.state, State::NeedLogin) else {
            return None;
        };
        Some(
            result
                .map(|account| (login, account))
                .map_err(|problem| match problem {
                    Unchecked::Wrong => Denial::BAD_USER,
                    Unchecked::TooOften => Denial::TOO_MANY_ATTEMPTS,
                    Unchecked::Unavailable => Denial::NO_ACCOUNTS,
                }),
        )
    }

    /// Returns the profile of the player who was admitted here.
    pub(super) fn profile(&self) -> Option<&Arc<Profile>> {
        match &self.state {
            State::NeedVersion(profile) | State::LoggedIn(profile) => Some(profile),
            _ => None,
        }
    }
}

/// Returns the account's name as text.
pub(super) fn username(login: &Login) -> String {
    text::decode(&login.username).into_owned()
}

/// Decodes the password as `docs/specifications/myth-metaserver.md`, section 8.2, says.
fn password(key: &[u8; 16]) -> String {
    let end = key
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |at| at + 1);
    text::decode(&key[..end]).into_owned()
}

/// Returns the name under which a guest is shown.
pub(super) fn guest_name(login: &Login, limit: usize) -> Vec<u8> {
    names::guest(&login.player.name, limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_ends_before_its_padding() {
        assert_eq!(password(b"secret\0\0\0\0\0\0\0\0\0\0"), "secret");
        assert_eq!(password(&[0; 16]), "");
        assert_eq!(
            password(b"d\x8ej\x88 vu\0\0\0\0\0\0\0\0\0"),
            "d\u{e9}j\u{e0} vu"
        );
        assert_eq!(password(&[b'x'; 16]).len(), 16);
    }
}
