//! From what a zone tells to the frames that its readers get.

use crate::{
    command::{Happening, Output},
    ids::{Name, ObjectId, ZoneId},
    log::{Cursor, Rev, Stored, Words},
    messages::{Down, Scope},
};
use axum::extract::ws::Utf8Bytes;

/// The text of a frame.
pub(super) fn text(down: &Down) -> Utf8Bytes {
    // There is nothing in it that JSON cannot say: its numbers are finite, its keys are texts.
    serde_json::to_string(down).unwrap_or_default().into()
}

/// Whether something is told to a reader: everything that is told to all, and what is told to its
/// own character.
fn is_for(to: Option<&Name>, me: Option<&Name>) -> bool {
    match (to, me) {
        (None, _) => true,
        (Some(to), Some(me)) => to.is(me),
        (Some(_), None) => false,
    }
}

/// One revision of a zone, encoded once for all who may read only what everybody reads.
#[derive(Debug)]
pub(super) struct Revision {
    rev: Rev,
    output: Output,
    public: Vec<Utf8Bytes>,
}

/// What one reader gets of a revision.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Told {
    /// In this order.
    pub(super) frames: Vec<Utf8Bytes>,
    /// The own character has gone to this zone.
    pub(super) moved: Option<ZoneId>,
    /// The own character has left the world.
    pub(super) left: bool,
}

impl Revision {
    /// Encodes what a zone tells.
    pub(super) fn new(rev: Rev, output: Output) -> Self {
        let public = frames(rev, &output, None).frames;
        Self {
            rev,
            output,
            public,
        }
    }

    /// What a reader gets: a spectator, or who plays this character.
    pub(super) fn told(&self, me: Option<&Name>) -> Told {
        let mine = |to: &Option<Name>| to.is_some() && is_for(to.as_ref(), me);
        if self.output.events.iter().any(|it| mine(&it.to)) {
            return frames(self.rev, &self.output, me);
        }
        Told {
            frames: self.public.clone(),
            ..Told::default()
        }
    }

    /// What a reader gets who has seen the objects as they were at a revision, or later: words and
    /// events.
    pub(super) fn words(&self, me: Option<&Name>, seen: Rev) -> Told {
        let output = Output {
            changed: Vec::new(),
            gone: Vec::new(),
            ..self.output.clone()
        };
        frames(self.rev.max(seen), &output, me)
    }

    /// Whether the own character is new or has changed in it.
    pub(super) fn shows(&self, me: Option<&Name>) -> bool {
        me.is_some_and(|me| {
            let me = ObjectId::player(me);
            self.output.changed.iter().any(|it| it.id == me)
        })
    }
}

fn frames(rev: Rev, output: &Output, me: Option<&Name>) -> Told {
    let mut told = Told::default();
    // Words and refusals come first: whoever reads that a command was done has read what was said of
    // it.
    let (mut events, mut words) = (Vec::new(), Vec::new());
    let for_me = output.events.iter().filter(|it| is_for(it.to.as_ref(), me));
    for event in for_me {
        match event.what.clone() {
            Happening::Said { from, text } => {
                let scope = event.to.clone().map_or(Scope::Zone, Scope::To);
                let mail = None;
                words.push(Down::Said {
                    scope,
                    from,
                    text,
                    mail,
                });
            }
            Happening::Refused { seq, why } => words.push(Down::Refused { seq, why }),
            Happening::Moved { zone } => told.moved = Some(zone),
            Happening::Left => told.left = true,
            other => events.push(other),
        }
    }
    told.frames.extend(words.iter().map(text));
    let Output { changed, gone, .. } = output.clone();
    if !(changed.is_empty() && gone.is_empty() && events.is_empty()) {
        told.frames.push(text(&Down::Delta {
            rev,
            changed,
            gone,
            events,
        }));
    }
    told
}

/// The frame that shows a whole zone, and whether the own character is in it.
pub(super) fn snapshot(zone: &ZoneId, stored: &Stored, me: Option<&Name>) -> (Utf8Bytes, bool) {
    let mine = me.map(ObjectId::player);
    let mine = stored
        .objects
        .iter()
        .find(|it| Some(&it.id) == mine.as_ref());
    let player = mine.and_then(|it| it.player.as_ref());
    let frame = Down::Snapshot {
        zone: zone.clone(),
        rev: stored.rev,
        objects: stored.objects.iter().map(|it| it.seen()).collect(),
        place: stored.place(),
        sheet: player.map(|it| it.sheet.clone()),
        done: player.map_or(0, |it| it.seq),
        walks: mine.is_some_and(|it| it.walk.is_some()),
    };
    (text(&frame), player.is_some())
}

/// The frame of words that no zone has passed on; of a whisper, with its place in the mail.
pub(super) fn said(words: &Words, mail: Option<Cursor>) -> Utf8Bytes {
    let Words {
        scope,
        from,
        text: said,
    } = words.clone();
    text(&Down::Said {
        scope,
        from,
        text: said,
        mail: mail.map(|Cursor(time, number)| (time, number)),
    })
}

/// The frame of a sentence about what happens to the connection or the zone.
pub(super) fn sentence(rev: Rev, sentence: String) -> Utf8Bytes {
    text(&Down::Delta {
        rev,
        changed: Vec::new(),
        gone: Vec::new(),
        events: vec![Happening::Told { text: sentence }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Event;

    fn event(to: Option<&str>, what: Happening) -> Event {
        let to = to.map(|it| it.parse().unwrap());
        Event { to, what }
    }

    fn told(text: &str) -> Happening {
        Happening::Told { text: text.into() }
    }

    #[test]
    fn what_is_for_one_character_is_told_to_it_only() {
        let output = Output {
            events: vec![
                event(None, told("public")),
                event(Some("Ann"), told("secret")),
                event(
                    Some("Ann"),
                    Happening::Refused {
                        seq: 3,
                        why: "no".into(),
                    },
                ),
            ],
            ..Output::default()
        };
        let revision = Revision::new(7, output);
        let ann = "ann".parse().unwrap();
        let texts = |me| {
            let told = revision.told(me);
            told.frames
                .iter()
                .map(ToString::to_string)
                .collect::<String>()
        };
        assert!(texts(Some(&ann)).contains("secret") && texts(Some(&ann)).contains(r#""seq":3"#));
        for other in [None, Some(&"Bob".parse().unwrap())] {
            let texts = texts(other);
            assert!(
                texts.contains("public") && !texts.contains("secret"),
                "{texts}"
            );
            assert!(!texts.contains("refused"), "{texts}");
        }
    }

    #[test]
    fn a_walk_through_a_gate_is_noticed_by_who_walks() {
        let zone: ZoneId = "shared/cellar".parse().unwrap();
        let moved = Happening::Moved { zone: zone.clone() };
        let output = Output {
            events: vec![event(Some("Ann"), moved)],
            ..Output::default()
        };
        let revision = Revision::new(7, output);
        assert_eq!(
            revision.told(Some(&"Ann".parse().unwrap())).moved,
            Some(zone)
        );
        assert_eq!(revision.told(Some(&"Bob".parse().unwrap())).moved, None);
        assert!(
            revision.told(None).frames.is_empty(),
            "there is nothing to tell others"
        );
    }
}
