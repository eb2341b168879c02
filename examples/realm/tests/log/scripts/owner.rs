//! An owner of a tiny zone.

use crate::stage::{Stage, commit, leaver, session, zone};
use realm::{
    command::{Action, Command, Event, Happening},
    ids::{Name, ObjectId},
    log::{Commit, Cursor, LogError, Stored, Traveller},
    object::{Object, Player},
};
use std::{collections::BTreeMap, time::Duration};

/// Whether a commit was made.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Worked {
    Yes,
    Fenced,
    /// There was nothing to commit.
    Idle,
}

pub(super) struct Owner {
    pub(super) zone: &'static str,
    pub(super) epoch: u64,
    rev: u64,
    cursor: Cursor,
    players: BTreeMap<ObjectId, Object>,
}

impl Owner {
    pub(super) fn new(zone: &'static str, epoch: u64, stored: Option<Stored>) -> Self {
        let stored = stored.unwrap_or_default();
        Self {
            zone,
            epoch,
            rev: stored.rev,
            cursor: stored.cursor,
            players: stored
                .objects
                .into_iter()
                .map(|it| (it.id.clone(), it))
                .collect(),
        }
    }

    /// Works some of the input, and commits it once or twice.
    pub(super) async fn work(&mut self, log: &Stage, most: usize, twice: bool) -> Worked {
        let zone = zone(self.zone);
        let batch = log
            .inputs(&zone, self.cursor, most, Duration::ZERO)
            .await
            .unwrap();
        let commit = self.batch(batch);
        for _ in 0..=u8::from(twice) {
            match log.commit(&zone, &commit).await {
                Ok(()) => {}
                Err(LogError::Fenced(_)) => return Worked::Fenced,
                Err(error) => panic!("{error}"),
            }
        }
        (self.rev, self.cursor) = (commit.rev, commit.cursor);
        Worked::Yes
    }

    /// Whether somebody is here.
    pub(super) fn has(&self, name: &Name) -> bool {
        self.players.contains_key(&ObjectId::player(name))
    }

    fn batch(&mut self, batch: Vec<(Cursor, Command)>) -> Commit {
        let before = self.players.clone();
        let cursor = batch.last().map_or(self.cursor, |it| it.0);
        let mut commit = commit(self.epoch, self.rev + 1, cursor);
        for (_, command) in batch {
            self.obey(command, &mut commit);
        }
        commit.gone = before
            .keys()
            .filter(|it| !self.players.contains_key(it))
            .cloned()
            .collect();
        commit.changed = self.players.values().cloned().collect();
        commit
    }

    fn obey(&mut self, command: Command, commit: &mut Commit) {
        let gone = commit
            .travellers
            .iter_mut()
            .find(|it| it.character.is(&command.character));
        if let Some(traveller) = gone {
            traveller.then.push(command);
            return;
        }
        let id = ObjectId::player(&command.character);
        if let Action::Enter(mut arrival) = command.action {
            let left = commit
                .leavers
                .iter()
                .position(|it| it.character.is(&command.character));
            if let Some(left) = left {
                arrival.sheet = commit.leavers.remove(left).arrival.sheet;
            }
            let object = self.players.entry(id.clone()).or_insert_with(|| Object {
                id,
                player: Some(Box::new(Player {
                    name: command.character.clone(),
                    account: arrival.account.clone(),
                    session: command.session.clone(),
                    seq: arrival.seq,
                    sheet: arrival.sheet.clone(),
                })),
                ..crate::stage::object("player", 0.0)
            });
            let player = object.player.as_mut().unwrap();
            if player.session != command.session {
                (player.session, player.seq) = (command.session, arrival.seq);
            }
            return;
        }
        let Some(player) = self.players.get_mut(&id).and_then(|it| it.player.as_mut()) else {
            return;
        };
        if player.session != command.session {
            return;
        }
        let leaves = command.action == Action::Leave;
        if !leaves {
            if command.seq <= player.seq {
                return;
            }
            player.seq = command.seq;
            player.sheet.rev += 1;
            commit.output.events.push(Event {
                to: None,
                what: Happening::Said {
                    from: command.character.to_string(),
                    text: format!(
                        "{} {} {}",
                        player.sheet.rev,
                        command.session.as_str(),
                        command.seq
                    ),
                },
            });
        }
        let to = match &command.action {
            Action::Activate { id } => Some(zone(id.as_str())),
            _ => None,
        };
        if !leaves && to.is_none() {
            return;
        }
        let player = self.players.remove(&id).and_then(|it| it.player).unwrap();
        let mut arrival = crate::stage::arrival(0, player.seq);
        arrival.sheet = player.sheet;
        match to {
            None => commit.leavers.push(leaver(player.name.as_str(), arrival)),
            Some(to) => commit.travellers.push(Traveller {
                character: player.name,
                session: player.session,
                to,
                arrival,
                then: Vec::new(),
            }),
        }
    }

    /// Puts out a player whose session has ended elsewhere.
    pub(super) async fn put_out(&mut self, log: &Stage, name: &Name) -> Worked {
        let Some(player) = self.players.remove(&ObjectId::player(name)) else {
            return Worked::Idle;
        };
        let mut commit = commit(self.epoch, self.rev + 1, self.cursor);
        commit.gone = vec![player.id];
        let player = player.player.unwrap();
        let mut arrival = crate::stage::arrival(0, player.seq);
        arrival.sheet = player.sheet;
        commit.leavers = vec![leaver(name.as_str(), arrival)];
        match log.commit(&zone(self.zone), &commit).await {
            Ok(()) => self.rev = commit.rev,
            Err(LogError::Fenced(_)) => return Worked::Fenced,
            Err(error) => panic!("{error}"),
        }
        Worked::Yes
    }
}

/// What was said is the command of this session and number.
pub(super) fn said(number: u64, who: &str, seq: u64) -> String {
    format!("{} {seq}", session(who, number).as_str())
}
