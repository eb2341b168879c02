//! What this node says: its own frames, as they are made, and answers to those who ask.

use super::Message;
use bytes::Bytes;
use metaserve::{
    feed::{Feed, Frame},
    list::{Clock, Revision},
    protocol::cluster::{Answer, FromMember, MAX_PAYLOAD_BYTES, Part, Pieces, pack},
};
use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::Arc,
};

/// How many answers are sent at the same time, a piece of each in turn. The others wait.
const ANSWERS: usize = 8;

/// How many questions of one member or edge wait at most: it has one for each run that it lacks, and
/// asks again.
const MAX_QUESTIONS: usize = 32;

/// How many answers to one of them are sent at the same time.
const ANSWERS_EACH: usize = 2;

/// How many bodies are kept for the next one who asks.
const BODIES: usize = 4;

/// What the NATS server adds to a payload, at most.
const MAX_NATS_BYTES: usize = 1024;

/// What a message adds to its piece, at most: its numbers.
const MAX_HEAD_BYTES: usize = 64;

/// States the own list, and answers.
pub(super) struct Sender {
    run: u64,
    own: Arc<Feed>,
    clock: Arc<Clock>,
    /// The most bytes of a piece.
    piece_bytes: usize,
    /// The revision up to which the own list was handed over.
    at: Revision,
    questions: Questions,
    answers: VecDeque<Answering>,
    /// What was last packed.
    bodies: VecDeque<(Of, Bytes)>,
}

/// Questions that wait, by who has asked.
#[derive(Debug, Default)]
struct Questions {
    by_asker: BTreeMap<Arc<str>, VecDeque<Wanted>>,
    /// Whose turn was last.
    last: Option<Arc<str>>,
}

/// What somebody has asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The name of the member or edge that has asked.
    pub(super) asker: Arc<str>,
    /// Where the answer goes.
    pub(super) reply: String,
    pub(super) what: What,
}

/// What can be asked for.
#[derive(Debug)]
pub(super) enum What {
    /// The own list, or what has changed of it since this revision.
    Own { known: Option<u64> },
    /// The list of another run, which this node holds.
    Held { member: Arc<str>, run: u64 },
    /// This member's bans.
    Bans,
}

/// How much the asker knows of another member's list, or of the bans.
pub(super) struct Ready<'a> {
    pub(super) run: u64,
    pub(super) revision: u64,
    /// Makes the body, which takes long.
    pub(super) pack: Box<dyn FnOnce() -> Bytes + 'a>,
}

/// What a body is of.
enum Of {
    /// The own list, or a change of it.
    Own(Arc<Frame>),
    /// Another run, at a revision.
    Held(u64, u64),
}

/// An answer on its way.
struct Answering {
    asker: Arc<str>,
    reply: String,
    bans: bool,
    run: u64,
    from: Option<u64>,
    to: u64,
    pieces: Pieces,
}

impl Sender {
    pub(super) fn new(run: u64, own: Arc<Feed>, clock: Arc<Clock>) -> Self {
        Self {
            run,
            at: own.revision(),
            own,
            clock,
            piece_bytes: MAX_PAYLOAD_BYTES - MAX_HEAD_BYTES,
            questions: Questions::default(),
            answers: VecDeque::new(),
            bodies: VecDeque::new(),
        }
    }

    /// NATS carries messages of at most so many bytes. Answers that were cut for longer ones end
    /// here: they are asked for again.
    pub(super) fn set_max_payload(&mut self, most: usize) {
        let payload = most.saturating_sub(MAX_NATS_BYTES).min(MAX_PAYLOAD_BYTES);
        let piece_bytes = payload.saturating_sub(MAX_HEAD_BYTES).max(1);
        if piece_bytes < self.piece_bytes {
            self.answers.clear();
        }
        self.piece_bytes = piece_bytes;
    }

    /// The revision up to which the own list was handed over.
    pub(super) fn at(&self) -> u64 {
        self.at.0
    }

    /// How many servers the own list has.
    pub(super) fn servers(&self) -> u32 {
        u32::try_from(self.own.len()).unwrap_or(u32::MAX)
    }

    /// Begins anew: what has happened so far is only told to those who ask.
    pub(super) fn restart(&mut self) {
        self.at = self.own.revision();
        self.questions = Questions::default();
        self.answers.clear();
    }

    /// This could not be handed over: what has changed since then is said again.
    pub(super) fn skipped(&mut self, delta: &Part) {
        if let Some(from) = delta.from {
            self.at = self.at.min(Revision(from));
        }
    }

    /// Says what has changed in the own list.
    pub(super) fn state(&mut self, subject: &str, outbox: &mut Vec<Message>) {
        while self.own.revision() != self.at {
            let frame = self.own.frame(Some(self.at));
            self.at = frame.to();
            let Some(from) = frame.from() else {
                // So much has changed that those who need it shall ask for it.
                continue;
            };
            let body = self.packed(&frame);
            for piece in Pieces::of(body, self.piece_bytes) {
                let part = self.part(self.run, Some(from.0), frame.to().0, piece);
                outbox.push(Message {
                    subject: subject.to_owned(),
                    reply: None,
                    payload: FromMember::Delta(part).encode(),
                });
            }
        }
    }

    /// Says all bans.
    pub(super) fn state_bans(
        &self,
        subject: &str,
        revision: u64,
        body: Bytes,
        outbox: &mut Vec<Message>,
    ) {
        for piece in Pieces::of(body, self.piece_bytes) {
            let part = self.part(self.run, None, revision, piece);
            outbox.push(Message {
                subject: subject.to_owned(),
                reply: None,
                payload: FromMember::Bans(part).encode(),
            });
        }
    }

    /// Takes a question. A second one for the same answer replaces the first. Returns whether there
    /// was room for it.
    pub(super) fn ask(&mut self, wanted: Wanted) -> bool {
        self.questions.push(wanted)
    }

    /// How many wait for an answer to one of their questions.
    pub(super) fn askers(&self) -> usize {
        self.questions.by_asker.len()
    }

    /// Puts a piece of each answer that is on its way into the outbox. `ready` says what is known of
    /// what is asked for; nothing if it is not known any more.
    pub(super) fn answer<'a>(
        &mut self,
        subject: &str,
        ready: impl Fn(&What) -> Option<Ready<'a>>,
        outbox: &mut Vec<Message>,
    ) {
        while self.answers.len() < ANSWERS
            && let Some(wanted) = self.next_question()
        {
            self.begin(wanted, subject, &ready, outbox);
        }
        for _ in 0..self.answers.len() {
            let Some(mut answer) = self.answers.pop_front() else {
                break;
            };
            if let Some(piece) = answer.pieces.next() {
                let part = self.part(answer.run, answer.from, answer.to, piece);
                let payload = match answer.bans {
                    true => Answer::Bans(part),
                    false => Answer::List(part),
                };
                outbox.push(Message {
                    subject: answer.reply.clone(),
                    reply: None,
                    payload: payload.encode(),
                });
                self.answers.push_back(answer);
            }
        }
    }

    /// Whether there is more to answer.
    pub(super) fn has_answers(&self) -> bool {
        !self.answers.is_empty() || !self.questions.by_asker.is_empty()
    }

    /// The question of the next one whose turn it is, of those to whom few answers are on their way.
    fn next_question(&mut self) -> Option<Wanted> {
        let answers = &self.answers;
        let served = |asker: &str| answers.iter().filter(|it| *it.asker == *asker).count();
        self.questions.next(|asker| served(asker) < ANSWERS_EACH)
    }

    fn begin<'a>(
        &mut self,
        wanted: Wanted,
        subject: &str,
        ready: impl Fn(&What) -> Option<Ready<'a>>,
        outbox: &mut Vec<Message>,
    ) {
        let Wanted { asker, reply, what } = wanted;
        let bans = matches!(what, What::Bans);
        let (run, from, to, body) = match what {
            What::Own { known } => {
                let frame = self.own.frame(known.map(Revision));
                // Nobody learns by an answer what has not been said to all.
                self.state(subject, outbox);
                let from = frame.from().map(|from| from.0);
                (self.run, from, frame.to().0, self.packed(&frame))
            }
            What::Held { .. } | What::Bans => match ready(&what) {
                Some(ready) if bans => (ready.run, None, ready.revision, (ready.pack)()),
                Some(ready) => (ready.run, None, ready.revision, self.held(ready)),
                None => {
                    outbox.push(not_known(reply));
                    return;
                }
            },
        };
        self.answers.push_back(Answering {
            asker,
            reply,
            bans,
            run,
            from,
            to,
            pieces: Pieces::of(body, self.piece_bytes),
        });
    }

    /// The body of a frame, packed once for all.
    fn packed(&mut self, frame: &Arc<Frame>) -> Bytes {
        let same = |of: &Of| matches!(of, Of::Own(of) if Arc::ptr_eq(of, frame));
        if let Some((_, body)) = self.bodies.iter().find(|(of, _)| same(of)) {
            return body.clone();
        }
        // Those of former revisions are asked for no more.
        self.bodies
            .retain(|(of, _)| !matches!(of, Of::Own(of) if of.to() != frame.to()));
        self.keep(Of::Own(frame.clone()), pack(frame))
    }

    /// The same of another run: after a loss, all that join ask for it.
    fn held(&mut self, ready: Ready<'_>) -> Bytes {
        let (run, revision) = (ready.run, ready.revision);
        let same = |of: &Of| matches!(of, Of::Held(a, b) if (*a, *b) == (run, revision));
        if let Some((_, body)) = self.bodies.iter().find(|(of, _)| same(of)) {
            return body.clone();
        }
        self.keep(Of::Held(run, revision), (ready.pack)())
    }

    fn keep(&mut self, of: Of, body: Bytes) -> Bytes {
        self.bodies.truncate(BODIES - 1);
        self.bodies.push_front((of, body.clone()));
        body
    }

    fn part(
        &self,
        run: u64,
        from: Option<u64>,
        to: u64,
        piece: metaserve::protocol::cluster::Piece,
    ) -> Part {
        Part {
            run,
            clock: self.clock.now().0,
            from,
            to,
            piece,
        }
    }
}

impl Questions {
    fn push(&mut self, wanted: Wanted) -> bool {
        let waiting = self.by_asker.entry(wanted.asker.clone()).or_default();
        waiting.retain(|it| it.reply != wanted.reply);
        let room = waiting.len() < MAX_QUESTIONS;
        if room {
            waiting.push_back(wanted);
        }
        room
    }

    /// The next question of the next one that may be answered: each has its turn.
    fn next(&mut self, may: impl Fn(&str) -> bool) -> Option<Wanted> {
        let from = self.last.clone().map_or(Bound::Unbounded, Bound::Excluded);
        let after = self.by_asker.range((from, Bound::Unbounded));
        let mut all = after.chain(&self.by_asker).map(|(asker, _)| asker);
        let asker = all.find(|asker| may(asker))?.clone();
        let waiting = self.by_asker.get_mut(&asker)?;
        let wanted = waiting.pop_front();
        if waiting.is_empty() {
            self.by_asker.remove(&asker);
        }
        self.last = Some(asker);
        wanted
    }
}

/// The answer to a question for a run that is not known here.
pub(super) fn not_known(reply: String) -> Message {
    Message {
        subject: reply,
        reply: None,
        payload: Answer::NotKnown.encode(),
    }
}
