//! What moderators may do (section 18).

use super::{Kicked, Room, Turn, UserId, commands::NO_TARGET, event};
use crate::myth::text;

impl Room {
    /// Disconnects a player. Everybody is told who did it, he as well.
    pub(super) fn kick(&self, user: UserId, target: Option<UserId>, turn: &mut Turn<'_>) {
        let target = target.and_then(|target| self.members.get(&target));
        let (Some(moderator), Some(target)) = (self.members.get(&user), target) else {
            return self.tell(user, NO_TARGET, turn);
        };
        let whom = match target.account() {
            Some(account) => [&target.name[..], b" [", &text::encode(&account), b"]"].concat(),
            None => target.name.clone(),
        };
        turn.log(event("kick", moderator, Some(whom)));
        let line = [&moderator.name[..], b"|p has kicked ", &target.name].concat();
        self.announce(moderator, &line, turn);
        turn.kicked.push(Kicked {
            connection: target.connection,
            key: target.key(),
        });
    }
}
