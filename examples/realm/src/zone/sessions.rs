//! Whose sessions have ended: a gateway claims `session/ACCOUNT` for as long as somebody plays.

use crate::{
    ids::Name,
    object::{Millis, Player},
    roles,
};
use futures::StreamExt;
use metaserve_client::names::{Names, Snapshot};
use std::{collections::BTreeMap, time::Duration};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, sleep},
};

/// All sessions; `None` while it is not known which there are.
pub(super) type Sessions = Option<Snapshot>;

/// Whether a gateway claims the session that plays this character. Its account may have another one
/// by now, which plays another character.
pub(super) fn has(sessions: &Snapshot, player: &Player) -> bool {
    let claim = sessions.get(&roles::session_key(&player.account));
    claim.is_some_and(|it| it.value == player.session.hash().as_bytes())
}

/// Follows all sessions, until nobody wants to know of them any more.
pub(super) async fn follow(names: Names, tell: watch::Sender<Sessions>) {
    let follow = async {
        loop {
            follow_once(&names, &tell).await;
            tell.send_replace(None);
            sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = follow => {}
        () = tell.closed() => {}
    }
}

async fn follow_once(names: &Names, tell: &watch::Sender<Sessions>) {
    let mut watch = names.watch(roles::SESSIONS);
    let mut look = interval(Duration::from_secs(1));
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut latest = None;
    loop {
        tokio::select! {
            snapshot = watch.next() => match snapshot {
                Some(Ok(snapshot)) => latest = Some(snapshot),
                Some(Err(error)) => return tracing::warn!("cannot follow sessions: {error}"),
                None => return,
            },
            _ = look.tick() => {}
        }
        // What is stale says nothing of who has gone.
        let is_stale = watch.stale_since().is_some();
        tell.send_replace(latest.clone().filter(|_| !is_stale));
    }
}

/// Since when the sessions of a zone's players are gone.
#[derive(Debug, Default)]
pub(super) struct Absences(BTreeMap<Name, Millis>);

impl Absences {
    /// For how long a player is in the world without a session.
    pub(super) const LONGEST: Millis = 30_000;

    /// Characters whose session has been gone for [`LONGEST`](Self::LONGEST). Tell it of all
    /// players each time, the more often the more exact it is.
    pub(super) fn look<'a>(
        &mut self,
        players: impl Iterator<Item = &'a Player>,
        has_session: Option<impl Fn(&Player) -> bool>,
        now: Millis,
    ) -> Vec<Name> {
        let Some(has_session) = has_session else {
            self.0.clear();
            return Vec::new();
        };
        let absent = players.filter(|it| !has_session(it));
        self.0 = absent
            .map(|it| (it.name.clone(), *self.0.get(&it.name).unwrap_or(&now)))
            .collect();
        let gone = self
            .0
            .iter()
            .filter(|(_, since)| now.saturating_sub(**since) >= Self::LONGEST);
        gone.map(|(name, _)| name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Sheet;

    fn player(name: &str) -> Player {
        Player {
            name: name.parse().unwrap(),
            account: name.parse().unwrap(),
            session: "0123456789abcdef".parse().unwrap(),
            seq: 0,
            sheet: Sheet::default(),
        }
    }

    fn names(names: &[&str]) -> Vec<Name> {
        names.iter().map(|it| it.parse().unwrap()).collect()
    }

    #[test]
    fn a_player_whose_session_is_gone_for_long_is_absent() {
        let players = [player("Ann"), player("Bob")];
        let mut absences = Absences::default();
        let mut look = |has: Option<&[&str]>, now| {
            let has = has.map(|it| |player: &Player| it.contains(&player.account.as_str()));
            absences.look(players.iter(), has, now)
        };
        assert_eq!(look(Some(&["Ann"]), 1_000), []);
        assert_eq!(look(Some(&["Ann"]), 30_999), []);
        assert_eq!(look(Some(&["Ann"]), 31_000), names(&["Bob"]));
        // Back in time: the time counts anew.
        assert_eq!(look(Some(&["Bob"]), 40_000), []);
        assert_eq!(look(Some(&["Ann"]), 50_000), []);
        assert_eq!(look(Some(&["Ann", "Bob"]), 79_999), []);
        assert_eq!(look(Some(&["Ann"]), 90_000), []);
    }

    #[test]
    fn nobody_is_absent_while_it_is_not_known() {
        let players = [player("Ann")];
        let mut absences = Absences::default();
        let mut look = |is_known: bool, now| {
            let has = is_known.then_some(|_: &Player| false);
            absences.look(players.iter(), has, now)
        };
        assert_eq!(look(true, 0), []);
        assert_eq!(look(false, 29_000), []);
        assert_eq!(look(true, 30_000), []);
        assert_eq!(look(true, 59_999), []);
        assert_eq!(look(true, 60_000), names(&["Ann"]));
    }
}
