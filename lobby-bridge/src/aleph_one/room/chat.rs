//! Public and private messages (`docs/specifications/myth-metaserver.md`, section 14).

use super::{Member, Room, Turn, UserId};
use crate::{
    accounts::{ChatKind, ChatRow, LogRow, Target},
    aleph_one::{
        denial::Denial,
        received::PrivateMessage,
        sent::{self, Code},
        text,
    },
};

/// The first byte of every command.
const COMMAND: u8 = b'.';

impl Room {
    pub(super) fn chat(
        &mut self,
        user: UserId,
        sender: UserId,
        message: &[u8],
        turn: &mut Turn<'_>,
    ) -> Result<(), Denial> {
        if sender != user {
            return Err(Denial::SYNTAX);
        }
        self.active(user, turn);
        let message = text::cut(text::trim(message), turn.limits.message_bytes);
        let Some(member) = self.members.get(&user) else {
            return Ok(());
        };
        match message.first() {
            None => {}
            Some(&COMMAND) => self.command(user, None, message, turn),
            Some(_) => {
                turn.log(LogRow::Chat(said(ChatKind::Chat, member, message)));
                let (colour, _) = member.colours();
                let frame = sent::chat(user, colour, &member.shown_name(), message);
                self.broadcast(&frame, turn);
            }
        }
        Ok(())
    }

    pub(super) fn private_message(
        &mut self,
        user: UserId,
        packet: &PrivateMessage,
        turn: &mut Turn<'_>,
    ) -> Result<(), Denial> {
        let target = packet.target;
        if packet.sender != user || packet.target_again != target {
            return Err(Denial::SYNTAX);
        }
        self.active(user, turn);
        let message = text::cut(text::trim(&packet.message), turn.limits.message_bytes);
        let Some(sender) = self.members.get(&user) else {
            return Ok(());
        };
        let to = self.members.get(&target).filter(|to| to.is_visible());
        let Some(to) = to else {
            let absent = "That player is not here.";
            turn.send(sender.connection, sent::message(Code::NotInRoom, absent));
            // Clients in a room do not show messages with a code.
            self.tell(user, absent.as_bytes(), turn);
            return Ok(());
        };
        match message.first() {
            None => {}
            Some(&COMMAND) => self.command(user, Some(target), message, turn),
            Some(_) => {
                let (colour, _) = sender.colours();
                let name = sender.shown_name();
                let frame = sent::private_message((user, target), colour, &name, message);
                if to.listens() {
                    turn.send(to.connection, frame.clone());
                    turn.log(said_to(sender, to, message));
                }
                if packet.echo && sender.listens() {
                    turn.send(sender.connection, frame);
                }
            }
        }
        Ok(())
    }

    /// Marks a player who writes something as not away.
    fn active(&mut self, user: UserId, turn: &mut Turn<'_>) {
        self.mark(user, turn, |member| member.away = None);
    }

    /// Sends a line of the server to all who read the chat. A player has caused it.
    pub(super) fn announce(&self, member: &Member, line: &[u8], turn: &mut Turn<'_>) {
        turn.log(LogRow::Chat(said(ChatKind::Broadcast, member, line)));
        self.broadcast(&sent::room_message(line), turn);
    }
}

fn said(kind: ChatKind, member: &Member, message: &[u8]) -> ChatRow {
    let (colour, _) = member.colours();
    ChatRow {
        kind,
        user_id: member.profile.id.0,
        username: member.account(),
        chatname: member.name.clone(),
        color: (kind != ChatKind::Broadcast).then_some(colour.0),
        target: None,
        message: message.to_vec(),
    }
}

fn said_to(sender: &Member, to: &Member, message: &[u8]) -> LogRow {
    let target = Some(Target {
        user_id: to.profile.id.0,
        username: to.account(),
        chatname: to.name.clone(),
    });
    let row = said(ChatKind::PrivateMessage, sender, message);
    LogRow::Chat(ChatRow { target, ..row })
}
