//! GREETINGS and VER: how a client logs in (`docs/specifications/vcmi-lobby.md`, sections 8.1 and
//! 8.2).

use super::{
    Lobby,
    client::Channel,
    commands::{Outcome, Refusal},
};
use crate::vcmi::{
    ConnectionId,
    limits::Limits,
    message::{Message, printable},
};

/// Names that could be mistaken for something else in the chat.
const RESERVED: [&str; 3] = ["System", "all", "room"];

impl Lobby {
    pub(super) fn greetings(&mut self, who: ConnectionId, name: &str) -> Outcome {
        let authorised = |lobby: &Self, rule: &dyn Fn(&str) -> bool| {
            lobby
                .clients
                .values()
                .filter_map(|client| client.name.as_deref())
                .any(rule)
        };
        if self.is_authorised(who) {
            return Err(Refusal::AlreadyAuthorised.into());
        }
        check(name, &self.rules.limits)?;
        if authorised(self, &|other| other == name) {
            return Err(Refusal::TakenUserName(name.to_owned()).into());
        }

        let old = self.clients_where(|client| !client.version_is(|v| v.reads_users()));
        self.send_all(old, &Message::system(format_args!("{name} is here")));

        let Some(client) = self.clients.get_mut(&who) else {
            return Ok(());
        };
        client.name = Some(name.to_owned());
        client.channel = Channel::Global;
        let reads_users = client.version_is(|v| v.reads_users());
        self.statistics.authorised(name);
        tracing::info!(client = %who, name = ?name, "logged in");

        self.send_users_to_all();
        self.send(who, &self.sessions_message());
        if reads_users {
            self.send(who, &self.users_message());
        }
        let others = self.clients_where(|_| true).len() - 1;
        let playing = self.pipes.len();
        let hint = if reads_users {
            ""
        } else {
            "\n Send <HERE> to see people names in the chat"
        };
        self.send(
            who,
            &Message::system(format_args!(
                "Here available {others} users, currently playing {playing}{hint}"
            )),
        );
        Ok(())
    }

    pub(super) fn ver(&mut self, who: ConnectionId, version: &str) -> Outcome {
        let Some(client) = self.clients.get_mut(&who) else {
            return Ok(());
        };
        client.vcmi_version = printable(version, self.rules.limits.text_chars);
        self.changed.extend(client.plays_in());
        Ok(())
    }
}

/// Checks that a name is allowed.
fn check(name: &str, limits: &Limits) -> Result<(), Refusal> {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '%' | '+' | '-');
    let length = name.chars().count();
    if length < 3 {
        return Err(Refusal::ShortUserName(name.to_owned()));
    }
    if RESERVED.contains(&name) {
        return Err(Refusal::ReservedUserName(name.to_owned()));
    }
    if length > limits.name_chars || !name.chars().all(allowed) {
        return Err(Refusal::InvalidUserName);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_letters_and_digits_of_any_script_and_few_other_characters() {
        let long = "x".repeat(64);
        for name in ["abc", "Вася", "A_b.c%d+e-9", "Room", "竜竜竜", "٣٤٥", &long] {
            assert_eq!(check(name, &Limits::default()), Ok(()), "{name}");
        }
        let longer = "x".repeat(65);
        for name in [
            "a b",
            "co:lon",
            "bang!",
            "tab\tbed",
            "alice\n",
            "a>b",
            "a\u{fffd}b",
            &longer,
        ] {
            assert_eq!(
                check(name, &Limits::default()),
                Err(Refusal::InvalidUserName),
                "{name:?}"
            );
        }
    }

    #[test]
    fn short_and_reserved_names_are_refused_with_their_own_messages() {
        let said = |name| check(name, &Limits::default()).unwrap_err().to_string();
        assert_eq!(said("ab"), "Too short username ab");
        assert_eq!(said(""), "Too short username ");
        assert_eq!(said("!"), "Too short username !");
        assert_eq!(said("all"), "Username all is reserved by system");
    }
}
