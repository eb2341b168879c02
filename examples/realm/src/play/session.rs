//! One socket, pure: frames in, what is to be done out. It has no socket and no clock.

use super::text::{Frame, Wish, check, number, read};
use crate::{
    command::Action,
    ids::{Name, SessionId, ZoneId},
    messages::{Scope, Ticket, Up},
};
use metaserve::bounds::Bucket;
use std::time::{Duration, Instant};

/// How many frames a socket may send in a second.
const FRAMES_PER_SECOND: f64 = 30.0;

/// How many it may send at once.
const BURST: f64 = 60.0;

/// How many frames in a row may be wrong before the socket is closed.
const MISTAKES: u32 = 10;

/// What a frame asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Check the ticket, and claim or resume the session.
    Hello(Ticket, Option<SessionId>),
    /// Show this zone.
    Watch(ZoneId),
    /// Bring this character into the world.
    Enter(Name),
    /// Accept this under its number.
    Wish(u64, Wish),
    /// Leave the world.
    Bye,
    /// Answer that the frame with this number is not done.
    Refuse(u64, String),
    /// Close the socket.
    Close(String),
}

/// How far the conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing was said.
    New,
    /// A zone is shown to a spectator.
    Watching,
    /// The session is known.
    Ready,
    /// A character is in the world.
    Playing,
}

/// The conversation over one socket.
#[derive(Debug)]
pub(super) struct Conversation {
    stage: Stage,
    mistakes: u32,
    frames: Bucket,
    rests_until: Option<Instant>,
}

impl Conversation {
    /// At its beginning.
    pub(super) fn new() -> Self {
        Self {
            stage: Stage::New,
            mistakes: 0,
            frames: Bucket::default(),
            rests_until: None,
        }
    }

    /// How far it is.
    pub(super) const fn stage(&self) -> Stage {
        self.stage
    }

    /// What the frame has asked for has been done.
    pub(super) const fn reached(&mut self, stage: Stage) {
        self.stage = stage;
    }

    /// Until when no frame is to be read, if it sends too many.
    pub(super) const fn rests_until(&self) -> Option<Instant> {
        self.rests_until
    }

    /// The rest is over.
    pub(super) const fn rested(&mut self) {
        self.rests_until = None;
    }

    /// A frame has come that says nothing.
    pub(super) fn counted(&mut self, now: Instant) {
        if !self.frames.spend(now, FRAMES_PER_SECOND, BURST) {
            // It is taken as it is here, and the next one waits: numbers stay in order.
            self.rests_until = Some(now + Duration::from_secs_f64(1.0 / FRAMES_PER_SECOND));
        }
    }

    /// A frame has come.
    pub(super) fn frame(&mut self, frame: Frame<'_>, now: Instant) -> Step {
        self.counted(now);
        match read(frame) {
            Ok(up) => {
                self.mistakes = 0;
                self.step(up)
            }
            Err(why) => {
                self.mistakes += 1;
                if self.mistakes < MISTAKES {
                    Step::Refuse(0, why)
                } else {
                    Step::Close(format!("{MISTAKES} frames in a row were wrong: {why}"))
                }
            }
        }
    }

    fn step(&self, up: Up) -> Step {
        match (up, self.stage) {
            (Up::Hello { ticket, resume }, Stage::New) => Step::Hello(ticket, resume),
            (Up::Hello { .. }, _) => refuse(0, "hello is the first frame, and is said once"),
            (Up::Watch { zone }, Stage::New) => Step::Watch(zone),
            (Up::Watch { .. }, _) => refuse(0, "watch is the first frame of a spectator"),
            (Up::Enter { character }, Stage::Ready) => Step::Enter(character),
            (Up::Enter { .. }, Stage::Playing) => {
                refuse(0, "a character is in the world already: say bye first")
            }
            (Up::Bye, _) => Step::Bye,
            (Up::Enter { .. }, _) => refuse(0, "say hello with a ticket first"),
            (up, stage) => match wish(up) {
                Some((seq, _)) if stage != Stage::Playing => refuse(seq, "enter a character first"),
                Some((seq, wish)) => match number(seq).and_then(|()| check(&wish)) {
                    Ok(()) => Step::Wish(seq, wish),
                    Err(why) => Step::Refuse(seq, why),
                },
                None => refuse(0, "this is not a command"),
            },
        }
    }
}

fn refuse(seq: u64, why: &str) -> Step {
    Step::Refuse(seq, why.into())
}

/// The number and the wish of a command.
fn wish(up: Up) -> Option<(u64, Wish)> {
    let (seq, action) = match up {
        Up::Move { dx, dy, seq } => (seq, Action::Move { dx, dy }),
        Up::Say {
            scope: Scope::Zone,
            text,
            seq,
        } => (seq, Action::Say { text }),
        Up::Say { scope, text, seq } => return Some((seq, Wish::Tell(scope, text))),
        Up::Activate { id, seq } => (seq, Action::Activate { id }),
        Up::Take { id, seq } => (seq, Action::Take { id }),
        Up::Drop { id, seq } => (seq, Action::Drop { id }),
        Up::Use { id, on, seq } => (seq, Action::Use { id, on }),
        Up::Status { text, seq } => (seq, Action::Status { text }),
        Up::Hello { .. } | Up::Watch { .. } | Up::Enter { .. } | Up::Bye => return None,
    };
    Some((seq, Wish::Do(action)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use metaserve::time::now;

    const MOVE: &str = r#"{"type":"move","dx":1,"dy":0,"seq":1}"#;
    const ENTER: &str = r#"{"type":"enter","character":"Ann"}"#;
    const HELLO: &str = r#"{"type":"hello","ticket":"t"}"#;

    fn say(conversation: &mut Conversation, text: &str) -> Step {
        conversation.frame(Frame::Text(text), now())
    }

    fn refused(step: Step) -> u64 {
        match step {
            Step::Refuse(seq, _) => seq,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_player_says_hello_then_enters_then_commands() {
        let mut it = Conversation::new();
        assert_eq!(refused(say(&mut it, MOVE)), 1);
        assert_eq!(refused(say(&mut it, ENTER)), 0);
        assert_eq!(say(&mut it, HELLO), Step::Hello(Ticket("t".into()), None));
        it.reached(Stage::Ready);
        assert_eq!(refused(say(&mut it, HELLO)), 0);
        assert_eq!(refused(say(&mut it, MOVE)), 1);
        assert_eq!(say(&mut it, ENTER), Step::Enter("Ann".parse().unwrap()));
        it.reached(Stage::Playing);
        let (dx, dy) = (1.0, 0.0);
        let walk = Step::Wish(1, Wish::Do(Action::Move { dx, dy }));
        assert_eq!(say(&mut it, MOVE), walk);
        assert_eq!(refused(say(&mut it, ENTER)), 0);
        assert_eq!(say(&mut it, r#"{"type":"bye"}"#), Step::Bye);
    }

    #[test]
    fn a_ticket_is_not_shown_in_logs() {
        let hello = r#"{"type":"hello","ticket":"secret"}"#;
        let up = read(Frame::Text(hello)).unwrap();
        assert!(!format!("{up:?}").contains("secret"));
        let step = say(&mut Conversation::new(), hello);
        assert!(!format!("{step:?}").contains("secret"));
    }

    #[test]
    fn a_spectator_commands_nothing() {
        let mut it = Conversation::new();
        let watch = r#"{"type":"watch","zone":"shared/meadow"}"#;
        assert!(matches!(say(&mut it, watch), Step::Watch(_)));
        it.reached(Stage::Watching);
        for text in [MOVE, ENTER, HELLO, watch] {
            refused(say(&mut it, text));
        }
    }

    #[test]
    fn a_command_is_refused_under_its_own_number() {
        let mut it = Conversation::new();
        it.reached(Stage::Playing);
        let far = r#"{"type":"move","dx":1e300,"dy":0,"seq":9}"#;
        assert_eq!(refused(say(&mut it, far)), 9);
        let unnumbered = r#"{"type":"move","dx":1,"dy":0,"seq":0}"#;
        assert_eq!(refused(say(&mut it, unnumbered)), 0);
        // In Redis it would be equal to its neighbours.
        let endless = r#"{"type":"move","dx":1,"dy":0,"seq":9007199254740992}"#;
        assert_eq!(refused(say(&mut it, endless)), 9_007_199_254_740_992);
        let last = r#"{"type":"move","dx":1,"dy":0,"seq":9007199254740991}"#;
        assert!(matches!(say(&mut it, last), Step::Wish(..)));
    }

    #[test]
    fn ten_wrong_frames_in_a_row_close_the_socket() {
        let mut it = Conversation::new();
        for _ in 0..9 {
            refused(say(&mut it, "garbage"));
        }
        say(&mut it, HELLO);
        for _ in 0..9 {
            refused(it.frame(Frame::Binary, now()));
        }
        assert!(matches!(it.frame(Frame::Binary, now()), Step::Close(_)));
    }

    #[test]
    fn too_many_frames_make_the_next_one_wait() {
        let (mut it, start) = (Conversation::new(), now());
        for _ in 0..60 {
            it.frame(Frame::Text(MOVE), start);
            assert_eq!(it.rests_until(), None);
        }
        it.frame(Frame::Text(MOVE), start);
        let until = it.rests_until().unwrap();
        assert!(until > start && until < start + Duration::from_millis(50));
        it.rested();
        it.frame(Frame::Text(MOVE), until + Duration::from_millis(1));
        assert_eq!(it.rests_until(), None);
    }
}
