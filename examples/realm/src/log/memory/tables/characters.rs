//! Characters come, give commands, speak, travel and leave.

use super::{Bell, Character, Tables, trim};
use crate::{
    command::{Action, Arrival, Command},
    ids::{Name, SessionId, ZoneId},
    log::{
        Admission, Cursor, Dirty, LogError, MOST_CHAT, MOST_MAIL, Post, Traveller, Whereabouts,
        Words,
    },
    messages::Scope,
};

impl Tables {
    pub(in super::super) fn admit(
        &mut self,
        admission: &Admission,
    ) -> Result<Whereabouts, LogError> {
        let name = admission.character.folded();
        if let Some(it) = self.characters.get(&name) {
            let (known, new) = (&it.at.arrival, &admission.arrival);
            let is_another = !known.account.is(&new.account);
            if is_another && it.at.present {
                return Err(LogError::Fenced(admission.character.to_string()));
            }
            // The one that is known was deleted, and its name given to this one.
            if is_another || !it.at.present && known.sheet.rev < new.sheet.rev {
                self.characters.remove(&name);
            }
        }
        let known = self.characters.get(&name);
        if known.is_some_and(|it| admission.epoch < it.at.epoch) {
            return Err(LogError::Fenced(admission.character.to_string()));
        }
        let same = known.filter(|it| it.at.session == admission.session);
        if let Some(it) = same
            && it.at.present
            && !it.leaving
            && it.at.epoch == admission.epoch
        {
            return Ok(it.at.clone());
        }
        let zone = known.map_or(&admission.zone, |it| &it.at.zone).clone();
        self.room(&zone)?;

        let known = self.characters.get(&admission.character.folded());
        let mut arrival = known
            .map_or(&admission.arrival, |it| &it.at.arrival)
            .clone();
        arrival.seq = match known {
            None => admission.arrival.seq,
            Some(it) if it.at.session == admission.session => it.at.seq,
            Some(_) => 0,
        };
        let was_there = known.filter(|it| it.at.present).map(|it| it.enter);
        let enter = self.enter(&admission.character, &zone, &admission.session, &arrival);
        let at = Whereabouts {
            zone,
            present: true,
            session: admission.session.clone(),
            epoch: admission.epoch,
            seq: arrival.seq,
            arrival,
        };
        let mail = self.characters.remove(&admission.character.folded());
        let character = Character {
            at: at.clone(),
            enter: was_there.unwrap_or(enter),
            leaving: false,
            mail: mail.map(|it| it.mail).unwrap_or_default(),
        };
        self.characters
            .insert(admission.character.folded(), character);
        Ok(at)
    }

    pub(in super::super) fn whereabouts(&self, character: &Name) -> Option<Whereabouts> {
        Some(self.characters.get(&character.folded())?.at.clone())
    }

    pub(in super::super) fn append(&mut self, command: &Command) -> Result<ZoneId, LogError> {
        let character = self.played(&command.character, &command.session)?;
        let zone = character.at.zone.clone();
        match (&command.action, character.leaving) {
            // There is at most one `Leave` for each character.
            (Action::Leave, true) => return Ok(zone),
            (Action::Leave, false) => character.leaving = true,
            (_, true) => return Err(LogError::Unknown(command.character.to_string())),
            (_, false) if command.seq <= character.at.seq => return Ok(zone),
            (_, false) => {
                self.room(&zone)?;
                self.played(&command.character, &command.session)?.at.seq = command.seq;
            }
        }
        self.put(&zone, command.clone());
        Ok(zone)
    }

    pub(in super::super) fn post(&mut self, post: &Post) -> Result<(), LogError> {
        if post.seq <= self.played(&post.character, &post.session)?.at.seq {
            return Ok(());
        }
        match &post.words.scope {
            Scope::Zone => {
                return Err(LogError::Refuses(
                    "a zone passes these on itself".to_owned(),
                ));
            }
            Scope::All => self.announce(&post.words),
            Scope::To(name) => {
                let listener = self.characters.get(&name.folded());
                if !listener.is_some_and(|it| it.at.present) {
                    return Err(LogError::Absent(name.clone()));
                }
                self.whisper(name, &post.words);
            }
        }
        self.played(&post.character, &post.session)?.at.seq = post.seq;
        Ok(())
    }

    pub(in super::super) fn mail_end(&self, character: &Name) -> Cursor {
        let character = self.characters.get(&character.folded());
        character
            .and_then(|it| it.mail.back())
            .map_or_else(Cursor::default, |(end, _)| *end)
    }

    pub(in super::super) fn mail(&self, after: &[(Name, Cursor)]) -> Vec<(Name, Cursor, Words)> {
        let mut found = Vec::new();
        for (name, after) in after {
            let Some(character) = self.characters.get(&name.folded()) else {
                continue;
            };
            let new = character.mail.iter().filter(|(it, _)| it > after);
            found.extend(new.map(|(it, words)| (name.clone(), *it, words.clone())));
        }
        found
    }

    pub(in super::super) fn chat_end(&self) -> Cursor {
        self.chat
            .back()
            .map_or_else(Cursor::default, |(end, _)| *end)
    }

    pub(in super::super) fn chat(&self, after: Cursor) -> Vec<(Cursor, Words)> {
        let new = self.chat.iter().filter(|(it, _)| *it > after);
        new.cloned().collect()
    }

    fn announce(&mut self, words: &Words) {
        let end = self.next();
        self.chat.push_back((end, words.clone()));
        trim(&mut self.chat, MOST_CHAT);
        self.rung.push(Bell::Chat);
    }

    pub(super) fn travel(&mut self, from: &ZoneId, traveller: &Traveller) {
        let name = &traveller.character;
        if !self.is_in(from, name) {
            return;
        }
        let mut later = traveller.then.clone();
        later.extend(self.withdraw(from, name));
        self.arrive(
            name,
            &traveller.to,
            &traveller.session,
            &traveller.arrival,
            later,
        );
    }

    pub(super) fn leave(&mut self, from: &ZoneId, name: &Name, arrival: &Arrival) {
        if !self.is_in(from, name) {
            return;
        }
        // It came back, or gave commands, before the zone let it go: it goes on as it left.
        let mut later = self.withdraw(from, name).into_iter().peekable();
        let stays = later.clone().any(|it| it.action != Action::Leave);
        if stays && let Some(first) = later.peek().cloned() {
            let mut arrival = arrival.clone();
            if let Action::Enter(it) = &first.action {
                arrival.seq = it.seq;
                later.next();
            }
            self.arrive(name, from, &first.session, &arrival, later.collect());
            return;
        }
        let Some(character) = self.characters.get_mut(&name.folded()) else {
            return;
        };
        character.at.present = false;
        character.at.arrival = arrival.clone();
        character.leaving = false;
        character.mail.clear();
        self.mark(Dirty::Character(name.folded()));
    }

    /// Takes the waiting commands of a character out of a zone's input.
    fn withdraw(&mut self, zone: &ZoneId, name: &Name) -> Vec<Command> {
        let mut withdrawn = Vec::new();
        if let Some(zone) = self.zones.get_mut(zone) {
            zone.input.retain(|(_, it)| {
                let own = it.character.is(name);
                if own {
                    withdrawn.push(it.clone());
                }
                !own
            });
        }
        withdrawn
    }

    /// Lets a character that is in the world come into a zone, and its commands after it.
    fn arrive(
        &mut self,
        name: &Name,
        to: &ZoneId,
        session: &SessionId,
        arrival: &Arrival,
        later: Vec<Command>,
    ) {
        let enter = self.enter(name, to, session, arrival);
        for it in later {
            self.put(to, it);
        }
        if let Some(character) = self.characters.get_mut(&name.folded()) {
            character.at.zone = to.clone();
            character.at.arrival = arrival.clone();
            character.enter = enter;
        }
        self.mark(Dirty::Character(name.folded()));
    }

    pub(super) fn whisper(&mut self, name: &Name, words: &Words) {
        let end = self.next();
        let Some(listener) = self.characters.get_mut(&name.folded()) else {
            return;
        };
        if listener.at.present {
            listener.mail.push_back((end, words.clone()));
            trim(&mut listener.mail, MOST_MAIL);
            self.rung.push(Bell::Mail);
        }
    }

    /// Whether the log agrees that the character is in this zone.
    fn is_in(&self, zone: &ZoneId, name: &Name) -> bool {
        let character = self.characters.get(&name.folded());
        character.is_some_and(|it| it.at.present && it.at.zone == *zone)
    }

    /// The character, if this session plays it.
    fn played(&mut self, name: &Name, session: &SessionId) -> Result<&mut Character, LogError> {
        let character = self.characters.get_mut(&name.folded());
        let character = character.filter(|it| it.at.present);
        let character = character.ok_or_else(|| LogError::Unknown(name.to_string()))?;
        if character.at.session == *session {
            Ok(character)
        } else {
            Err(LogError::Fenced(name.to_string()))
        }
    }
}
