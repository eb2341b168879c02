//! What this node says: its own frames, as they are made, and answers to those who ask.

use super::Message;
use bytes::Bytes;
use metaserve::{
    feed::{Feed, Frame},
    list::{Clock, Revision},
    protocol::cluster::{Answer, FromMember, MAX_PAYLOAD_BYTES, Part, Pieces, pack},
};
use std::{collections::VecDeque, sync::Arc};

/// How many answers are sent at the same time, a piece of each in turn. The others wait.
const ANSWERS: usize = 8;

/// How many questions wait at most: each member has one for each run, and only its last one counts.
const MAX_QUESTIONS: usize = 4096;

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
    questions: VecDeque<Wanted>,
    answers: VecDeque<Answering>,
    /// The own list and changes of it, as they were last packed.
    bodies: VecDeque<(Arc<Frame>, Bytes)>,
}

/// What somebody has asked for.
pub(super) struct Wanted {
    /// Where the answer goes.
    pub(super) reply: String,
    pub(super) what: What,
}

/// What can be asked for.
pub(super) enum What {
    /// The own list, or what has changed of it since this revision.
    Own { known: Option<u64> },
    /// A body that is ready: another list or the bans.
    Ready(Ready),
    /// A run that is not known here.
    Unknown,
}

/// A body that is ready to be sent.
pub(super) struct Ready {
    pub(super) bans: bool,
    pub(super) run: u64,
    pub(super) revision: u64,
    pub(super) body: Bytes,
}

/// An answer on its way.
struct Answering {
    reply: String,
    bans: bool,
    run: u64,
    from: Option<u64>,
    to: u64,
    pieces: Pieces,
}

impl Sender {
    pub(super) fn new(run: u64, own: Arc<Feed>, clock: Arc<Clock>, max_payload: usize) -> Self {
        let payload = max_payload.saturating_sub(MAX_NATS_BYTES);
        let payload = payload.min(MAX_PAYLOAD_BYTES);
        Self {
            run,
            at: own.revision(),
            own,
            clock,
            piece_bytes: payload.saturating_sub(MAX_HEAD_BYTES).max(1),
            questions: VecDeque::new(),
            answers: VecDeque::new(),
            bodies: VecDeque::new(),
        }
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
        self.questions.clear();
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

    /// Takes a question. A second one for the same answer replaces the first.
    pub(super) fn ask(&mut self, wanted: Wanted) {
        self.questions.retain(|it| it.reply != wanted.reply);
        if self.questions.len() < MAX_QUESTIONS {
            self.questions.push_back(wanted);
        }
    }

    /// Puts a piece of each answer that is on its way into the outbox.
    pub(super) fn answer(&mut self, subject: &str, outbox: &mut Vec<Message>) {
        while self.answers.len() < ANSWERS
            && let Some(wanted) = self.questions.pop_front()
        {
            self.begin(wanted, subject, outbox);
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
        !self.answers.is_empty() || !self.questions.is_empty()
    }

    fn begin(&mut self, wanted: Wanted, subject: &str, outbox: &mut Vec<Message>) {
        let Wanted { reply, what } = wanted;
        let (bans, run, from, to, body) = match what {
            What::Own { known } => {
                let frame = self.own.frame(known.map(Revision));
                // Nobody learns by an answer what has not been said to all.
                self.state(subject, outbox);
                let from = frame.from().map(|from| from.0);
                let body = self.packed(&frame);
                (false, self.run, from, frame.to().0, body)
            }
            What::Ready(ready) => (ready.bans, ready.run, None, ready.revision, ready.body),
            What::Unknown => {
                outbox.push(Message {
                    subject: reply,
                    reply: None,
                    payload: Answer::NotKnown.encode(),
                });
                return;
            }
        };
        self.answers.push_back(Answering {
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
        let known = self.bodies.iter().find(|(of, _)| Arc::ptr_eq(of, frame));
        if let Some((_, body)) = known {
            return body.clone();
        }
        let body = pack(frame);
        // Those of former revisions are asked for no more.
        self.bodies.retain(|(of, _)| of.to() == frame.to());
        self.bodies.truncate(BODIES - 1);
        self.bodies.push_front((frame.clone(), body.clone()));
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
