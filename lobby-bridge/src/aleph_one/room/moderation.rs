//! The commands of moderators (`docs/specifications/myth-metaserver.md`, section 18).

use std::time::Duration;

use super::{Kicked, Member, Room, Turn, UserId, commands::NO_TARGET, event};
use crate::aleph_one::{
    event::{BanOrder, Effect, Errand},
    kept_out::Known,
    names, text,
};

/// The length of a ban if the moderator gives none. Addresses change hands.
const BAN_TIME: Duration = Duration::from_secs(7 * 86_400);

impl Room {
    /// Disconnects a player. Everybody, including that player, is told who did it.
    pub(super) fn kick(&self, user: UserId, target: Option<UserId>, turn: &mut Turn<'_>) {
        let target = target.and_then(|target| self.members.get(&target));
        let (Some(moderator), Some(target)) = (self.members.get(&user), target) else {
            return self.tell(user, NO_TARGET, turn);
        };
        self.throw_out(moderator, target, "kick", None, turn);
    }

    /// Disconnects a player and keeps them out: `[NAME] [TIME] [REASON]`. A player with an account
    /// is kept out by the account, a guest by the address, in the ban file.
    pub(super) fn ban(
        &self,
        user: UserId,
        target: Option<UserId>,
        words: &[&[u8]],
        turn: &mut Turn<'_>,
    ) {
        let Some(moderator) = self.members.get(&user) else {
            return;
        };
        let (target, words) = match self.find(target, words) {
            Ok(found) => found,
            Err(line) => return self.tell(user, line, turn),
        };
        if target.is_moderator() {
            let line = b"Moderators cannot be banned here: ask the operator of this server.";
            return self.tell(user, line, turn);
        }
        let time = words.first().and_then(|word| {
            let word = std::str::from_utf8(word).ok()?;
            metaserve::bans::duration(word).ok()
        });
        let reason = &words[usize::from(time.is_some())..];
        let time = time.unwrap_or(BAN_TIME);
        self.throw_out(moderator, target, "ban", Some(time), turn);
        match (target.account(), Known::guest(target.peer)) {
            (Some(account), _) => {
                let line = format!(
                    "The account {account} is kept out for {}, or until this server restarts: its \
                     operator can remove the account.",
                    humantime::format_duration(time)
                );
                self.tell(user, &text::encode(&line), turn);
            }
            (None, None) => self.tell(
                user,
                b"A guest on the server's own machine can only be kicked.",
                turn,
            ),
            (None, Some(_)) => {
                let order = BanOrder {
                    peer: target.peer,
                    time,
                    name: target.profile.login.player.name.clone(),
                    by: moderator.account().unwrap_or_default(),
                    reason: text::decode(&reason.join(&b' ')).into_owned(),
                };
                let to = moderator.connection;
                turn.effects
                    .push(Effect::Errand(Errand::Ban(to, Box::new(order))));
            }
        }
    }

    /// Ends the bans of players who had this name when a moderator banned them.
    pub(super) fn unban(&self, user: UserId, name: &[u8], turn: &mut Turn<'_>) {
        let Some(moderator) = self.members.get(&user) else {
            return;
        };
        if name.is_empty() {
            return self.tell(user, b"Who? Write .unban NAME", turn);
        }
        turn.log(event("unban", moderator, Some(name.to_vec())));
        turn.forgiven.push(name.to_vec());
        turn.effects.push(Effect::Errand(Errand::Unban(
            moderator.connection,
            name.to_vec(),
        )));
    }

    fn throw_out(
        &self,
        moderator: &Member,
        target: &Member,
        what: &'static str,
        ban: Option<Duration>,
        turn: &mut Turn<'_>,
    ) {
        let account = target.account();
        let whom = match &account {
            Some(account) => [&target.name[..], b" [", &text::encode(account), b"]"].concat(),
            None => target.name.clone(),
        };
        turn.log(event(what, moderator, Some(whom)));
        let has_done: &[u8] = match ban {
            None => b"|p has kicked ",
            Some(_) => b"|p has banned ",
        };
        let line = [&moderator.name[..], has_done, &target.name].concat();
        self.announce(moderator, &line, turn);
        let kick_time = turn.limits.kick_time;
        // A player with an account could also come as a guest. The ban file keeps guests out for
        // longer than a kick.
        let guests = Known::guest(target.peer).map(|known| (known, kick_time));
        let account = account.map(|it| (Known::Account(it), ban.unwrap_or(kick_time)));
        turn.kicked.push(Kicked {
            connection: target.connection,
            name: target.profile.login.player.name.clone(),
            known: account.into_iter().chain(guests).collect(),
        });
    }

    /// Finds the selected player, or the one whose name the words begin with. Also returns the
    /// other words.
    fn find<'a, 'b>(
        &self,
        selected: Option<UserId>,
        words: &'a [&'b [u8]],
    ) -> Result<(&Member, &'a [&'b [u8]]), &'static [u8]> {
        let selected = selected.map(|user| self.members.get(&user).ok_or(NO_TARGET));
        let selected = selected.transpose()?;
        let is = |member: &Member, name: &[u8]| {
            let chosen = &member.profile.login.player.name;
            names::alike(name, &member.name) || names::alike(name, chosen)
        };
        // The longest name is tried first, since names and reasons both contain blanks.
        for length in (1..=words.len()).rev() {
            let (name, rest) = words.split_at(length);
            let name = name.join(&b' ');
            if let Some(selected) = selected {
                if is(selected, &name) {
                    return Ok((selected, rest));
                }
                continue;
            }
            let mut called = self.visible().filter(|member| is(member, &name));
            match (called.next(), called.next()) {
                (None, _) => {}
                (Some(member), None) => return Ok((member, rest)),
                (Some(_), Some(_)) => {
                    return Err(b"Several players have that name: select one in the list, \
                                   then write .ban TIME REASON to that player.");
                }
            }
        }
        selected.map(|it| (it, words)).ok_or(NO_TARGET)
    }
}
