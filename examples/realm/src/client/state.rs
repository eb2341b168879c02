//! What a player sees, made of the frames from the gateway. Pure.

use crate::{
    command::Happening,
    ids::{Name, ObjectId, SessionId, ZoneId},
    messages::{Down, Scope},
    object::{Place, Seen, Sheet},
};
use std::collections::{BTreeMap, VecDeque};

/// How many refusals are remembered.
const ANSWERS: usize = 64;

/// What the player sees.
#[derive(Clone, Debug)]
pub struct State {
    /// Who they play.
    pub character: Name,
    /// Whether there is a connection.
    pub connection: Connection,
    /// The zone that the objects are in. `None` before the first snapshot.
    pub zone: Option<ZoneId>,
    /// The zone's revision.
    pub rev: u64,
    /// What is in the zone, the own character as well.
    pub objects: BTreeMap<ObjectId, Seen>,
    /// What is below and around them, once it is known.
    pub place: Option<Place>,
    /// Statistics and inventory.
    pub sheet: Sheet,
    /// The last command that was acknowledged.
    pub accepted: u64,
    /// The last command that was done.
    pub done: u64,
    /// Whether the character walks.
    pub walks: bool,
    /// What stood in the way when the last walk ended.
    pub stopped_by: Option<String>,
    /// The last walk that was sent, until it is done.
    asked: Option<u64>,
    /// The session, and the last whisper in it.
    session: Option<SessionId>,
    mail: (u64, u64),
    /// Commands that were refused, newest last, with the reasons.
    refused: VecDeque<(u64, String)>,
}

/// Whether there is a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// There is none yet, or it was lost for this reason and is made again.
    Connecting(String),
    /// There is one.
    Connected,
    /// The session is over, for this reason.
    Ended(String),
}

/// Something to tell the player.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Somebody or something has spoken.
    Said {
        /** Who hears it. */
        scope: Scope,
        /** Its name. */
        from: String,
        /** The words. */
        text: String,
    },
    /// A sentence about what has happened.
    Told(String),
    /// A command was refused or not done.
    Refused {
        /** Its number, 0 if it had none. */
        seq: u64,
        /** A sentence. */
        why: String,
    },
    /// The character is in this zone now.
    Moved(ZoneId),
    /// The character's walk has ended, and what stands in its way, if anything does.
    Stopped(Option<String>),
    /// The connection was lost, for this reason.
    Lost(String),
    /// The connection is there again.
    Back,
}

impl State {
    /// Of a character that is not in the world yet.
    #[must_use]
    pub fn new(character: Name) -> Self {
        Self {
            character,
            connection: Connection::Connecting(String::new()),
            zone: None,
            rev: 0,
            objects: BTreeMap::new(),
            place: None,
            sheet: Sheet::default(),
            accepted: 0,
            done: 0,
            walks: false,
            stopped_by: None,
            asked: None,
            session: None,
            mail: (0, 0),
            refused: VecDeque::new(),
        }
    }

    /// Why the session is over, if it is.
    #[must_use]
    pub fn ended(&self) -> Option<&str> {
        match &self.connection {
            Connection::Ended(why) => Some(why),
            _ => None,
        }
    }

    /// The own character.
    #[must_use]
    pub fn me(&self) -> Option<&Seen> {
        self.objects.get(&ObjectId::player(&self.character))
    }

    /// Why this command was refused or not done, if it was.
    #[must_use]
    pub fn answer(&self, seq: u64) -> Option<&str> {
        let mut refused = self.refused.iter();
        refused
            .find(|(it, _)| *it == seq && seq != 0)
            .map(|(_, why)| why.as_str())
    }

    /// This walk is sent: the character walks from when it is done.
    pub(super) fn asks(&mut self, seq: u64) {
        self.asked = Some(seq);
    }

    fn did(&mut self, seq: u64) {
        self.done = self.done.max(seq);
        if self.asked.is_some_and(|asked| asked <= self.done) {
            self.asked = None;
            self.walks = true;
            self.stopped_by = None;
        }
    }

    /// A command was refused or not done.
    pub(super) fn refuse(&mut self, seq: u64, why: &str) {
        self.asked.take_if(|asked| *asked == seq);
        if self.refused.len() == ANSWERS {
            self.refused.pop_front();
        }
        self.refused.push_back((seq, why.to_owned()));
    }

    /// Takes in a frame. Returns what the player is to be told.
    pub(super) fn take(&mut self, frame: Down) -> Vec<News> {
        match frame {
            Down::Entered { seq, .. } => {
                self.accepted = self.accepted.max(seq);
                Vec::new()
            }
            Down::Snapshot {
                zone,
                rev,
                objects,
                place,
                sheet,
                done,
                walks,
            } => {
                let moved = self.zone.as_ref().is_some_and(|it| *it != zone);
                self.objects = objects.into_iter().map(|it| (it.id.clone(), it)).collect();
                self.rev = rev;
                self.place = place;
                self.did(done);
                self.walks = walks;
                if let Some(sheet) = sheet {
                    self.sheet = sheet;
                }
                self.zone = Some(zone.clone());
                moved.then_some(News::Moved(zone)).into_iter().collect()
            }
            Down::Delta {
                rev,
                changed,
                gone,
                events,
            } => {
                self.rev = rev;
                for id in gone {
                    self.objects.remove(&id);
                }
                for seen in changed {
                    self.objects.insert(seen.id.clone(), seen);
                }
                // Commands are done at the beginning of a batch, and a walk may end in the same one.
                let (refused, rest): (Vec<_>, Vec<_>) = events
                    .into_iter()
                    .partition(|it| matches!(it, Happening::Refused { .. }));
                let (done, rest): (Vec<_>, Vec<_>) = rest
                    .into_iter()
                    .partition(|it| matches!(it, Happening::Done { .. }));
                let events = refused.into_iter().chain(done).chain(rest);
                events.filter_map(|it| self.happened(it)).collect()
            }
            Down::Said {
                scope,
                from,
                text,
                mail,
            } => {
                // After a break whispers of the session are told again.
                if mail.is_some_and(|mail| mail <= self.mail) {
                    return Vec::new();
                }
                self.mail = mail.unwrap_or(self.mail);
                vec![News::Said { scope, from, text }]
            }
            Down::Ack { seq } => {
                self.accepted = self.accepted.max(seq);
                Vec::new()
            }
            Down::Refused { seq, why } => {
                self.refuse(seq, &why);
                vec![News::Refused { seq, why }]
            }
            // The snapshot that follows tells it, when there is something to see.
            Down::Moved { .. } => Vec::new(),
            Down::Ready { session, .. } => {
                if self.session.replace(session.clone()) != Some(session) {
                    self.mail = (0, 0);
                }
                Vec::new()
            }
            Down::Closing { why } => vec![News::Told(why)],
        }
    }

    fn happened(&mut self, event: Happening) -> Option<News> {
        match event {
            Happening::Said { from, text } => Some(News::Said {
                scope: Scope::Zone,
                from,
                text,
            }),
            Happening::Told { text } => Some(News::Told(text)),
            Happening::Refused { seq, why } => {
                self.refuse(seq, &why);
                Some(News::Refused { seq, why })
            }
            Happening::Done { seq } => {
                self.did(seq);
                None
            }
            Happening::Stopped { by } => {
                self.walks = false;
                self.stopped_by.clone_from(&by);
                Some(News::Stopped(by))
            }
            Happening::Sheet(sheet) => {
                self.sheet = sheet;
                None
            }
            Happening::Moved { .. } | Happening::Left => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(id: &str, x: f64) -> Seen {
        Seen {
            id: id.parse().unwrap(),
            kind: "hen".to_owned(),
            name: id.to_owned(),
            x,
            y: 0.0,
            radius: 0.3,
            status: String::new(),
            health: None,
            level: None,
        }
    }

    fn snapshot(zone: &str) -> Down {
        Down::Snapshot {
            zone: zone.parse().unwrap(),
            rev: 7,
            objects: vec![seen("hen", 1.0), seen("egg", 2.0), seen("@ann", 3.0)],
            place: None,
            sheet: None,
            done: 4,
            walks: true,
        }
    }

    fn ann() -> State {
        let mut state = State::new("Ann".parse().unwrap());
        assert_eq!(state.take(snapshot("shared/meadow")), []);
        state
    }

    #[test]
    fn a_whisper_is_told_once_in_a_session() {
        let mut state = ann();
        let whisper = |mail| Down::Said {
            scope: Scope::To("Ann".parse().unwrap()),
            from: "Bob".into(),
            text: "psst".into(),
            mail: Some(mail),
        };
        let ready = |session: &str| Down::Ready {
            session: session.parse().unwrap(),
            account: "ann".parse().unwrap(),
        };
        state.take(ready("0123456789abcdef"));
        let heard =
            [(5, 0), (5, 1), (5, 0), (5, 1), (6, 0)].map(|it| state.take(whisper(it)).len());
        assert_eq!(heard, [1, 1, 0, 0, 1]);
        // The same session goes on after a break; another one has read nothing.
        state.take(ready("0123456789abcdef"));
        assert_eq!(state.take(whisper((6, 0))), []);
        state.take(ready("fedcba9876543210"));
        assert_eq!(state.take(whisper((6, 0))).len(), 1);
    }

    #[test]
    fn a_delta_changes_what_was_in_the_snapshot() {
        let mut state = ann();
        let news = state.take(Down::Delta {
            rev: 8,
            changed: vec![seen("hen", 1.5)],
            gone: vec!["egg".parse().unwrap()],
            events: vec![
                Happening::Told {
                    text: "a hen cackles".to_owned(),
                },
                Happening::Done { seq: 5 },
                Happening::Stopped { by: None },
            ],
        });
        let told = News::Told("a hen cackles".to_owned());
        assert_eq!(news, [told, News::Stopped(None)]);
        let places: Vec<_> = state.objects.values().map(|it| it.x).collect();
        assert_eq!((state.rev, state.done, state.walks), (8, 5, false));
        assert_eq!(places, [3.0, 1.5]);
        assert_eq!(state.me().unwrap().x, 3.0);
    }

    fn delta(state: &mut State, events: Vec<Happening>) -> bool {
        let (changed, gone) = (Vec::new(), Vec::new());
        state.take(Down::Delta {
            rev: state.rev + 1,
            changed,
            gone,
            events,
        });
        state.walks
    }

    #[test]
    fn a_walk_begins_when_it_is_done_and_ends_when_it_is_told() {
        let mut state = ann();
        let stopped = || Happening::Stopped {
            by: Some("a hen".to_owned()),
        };
        state.asks(5);
        assert!(!delta(&mut state, vec![stopped()]), "the one before");
        assert!(delta(&mut state, vec![Happening::Done { seq: 5 }]));
        assert!(!delta(&mut state, vec![stopped()]));
        assert_eq!(state.stopped_by.as_deref(), Some("a hen"));
        state.asks(6);
        let at_once = vec![stopped(), Happening::Done { seq: 6 }];
        assert!(!delta(&mut state, at_once));
    }

    #[test]
    fn a_refused_walk_never_begins() {
        let mut state = ann();
        state.walks = false;
        state.asks(5);
        let why = "too far".to_owned();
        let refused = Happening::Refused { seq: 5, why };
        assert!(!delta(
            &mut state,
            vec![Happening::Done { seq: 5 }, refused]
        ));
        assert_eq!(state.answer(5), Some("too far"));
    }

    #[test]
    fn another_zone_is_told_once_and_replaces_all_objects() {
        let mut state = ann();
        let zone: ZoneId = "shared/cellar".parse().unwrap();
        assert_eq!(state.take(Down::Moved { zone: zone.clone() }), []);
        let news = state.take(snapshot("shared/cellar"));
        assert_eq!(news, [News::Moved(zone)]);
        assert_eq!(state.take(snapshot("shared/cellar")), []);
    }

    #[test]
    fn a_refusal_is_the_answer_to_its_command_only() {
        let mut state = ann();
        state.take(Down::Refused {
            seq: 9,
            why: "too far".to_owned(),
        });
        assert_eq!(state.answer(9), Some("too far"));
        assert_eq!(state.answer(8), None);
        state.take(Down::Refused {
            seq: 0,
            why: "not a frame".to_owned(),
        });
        assert_eq!(state.answer(0), None);
    }
}
