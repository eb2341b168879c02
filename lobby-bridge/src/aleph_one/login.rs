//! The login daemon (`docs/specifications/myth-metaserver.md`, section 10): one connection from its
//! first packet to its token.

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

/// What a connection to the login daemon is about to do.
#[derive(Debug)]
pub(super) enum State {
    NeedLogin,
    NeedPassword(Box<Login>, Authentication),
    Checking(Box<Login>),
    NeedVersion(Arc<Profile>),
    LoggedIn(Arc<Profile>),
}

/// A way to prove who one is (`docs/specifications/myth-metaserver.md`, section 8).
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

/// What a packet asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    /// Let a guest in.
    Guest(Box<Login>),
    /// Ask the owner of an account for his password.
    Ask(Box<Login>),
    /// Look at what he answered.
    Check(Claim),
    /// Give out the token and the rooms.
    Finish,
    /// Look for hubs of this version.
    Hubs(String),
    /// Close without a word.
    Leave {
        /// Whether that was a Logout.
        logged_out: bool,
    },
    Deny(Denial),
}

impl LoginConnection {
    pub(super) fn new(ends: Ends) -> Self {
        let state = State::NeedLogin;
        Self { ends, state }
    }

    /// What `packet` asks for in this state.
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
            // What belongs into a room.
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

    /// What the look at his proof has shown: his login and account, or a denial. `None` when
    /// nobody had asked.
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

    /// Who has been let in here.
    pub(super) fn profile(&self) -> Option<&Arc<Profile>> {
        match &self.state {
            State::NeedVersion(profile) | State::LoggedIn(profile) => Some(profile),
            _ => None,
        }
    }
}

/// The account's name as text.
pub(super) fn username(login: &Login) -> String {
    text::decode(&login.username).into_owned()
}

/// `docs/specifications/myth-metaserver.md`, section 8.2.
fn password(key: &[u8; 16]) -> String {
    let end = key
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |at| at + 1);
    text::decode(&key[..end]).into_owned()
}

/// What a guest is called.
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
