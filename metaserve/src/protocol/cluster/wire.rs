//! The bytes of the messages.

use super::{
    super::{
        codec::{self, DecodeError, Message},
        extensions::{self, Carrier},
    },
    Answer, Ask, Beat, FromMember, Hello, Hold, MAX_PAYLOAD_BYTES, MessageError, Part, Piece,
    Stage, VERSION, is_name,
};
use bincode::{BorrowDecode, Encode};
use bytes::Bytes;
use std::time::Duration;

/// What others are told, as it is on the wire. The holds of a beat follow as a section.
#[derive(Clone, Copy, Encode, BorrowDecode)]
enum ToAll<'a> {
    Beat(BeatHead),
    Delta(WirePart<'a>),
    Bans(WirePart<'a>),
    Hello(WireHello<'a>),
}

#[derive(Clone, Copy, Encode, BorrowDecode)]
struct BeatHead {
    run: u64,
    tag: u16,
    clock: u64,
    stage: Stage,
    at: u64,
    upto: u64,
    bans: u64,
    epoch: u64,
    stable: u64,
    view: u64,
    since: u64,
    servers: u32,
    clients: u32,
}

#[derive(Clone, Copy, Encode, BorrowDecode)]
struct WireHold<'a> {
    member: &'a str,
    run: u64,
    left_millis: u32,
}

#[derive(Clone, Copy, Encode, BorrowDecode)]
struct WireHello<'a> {
    member: &'a str,
    run: u64,
    tag: u16,
}

#[derive(Clone, Copy, Encode, BorrowDecode)]
struct WirePart<'a> {
    run: u64,
    clock: u64,
    from: Option<u64>,
    to: u64,
    number: u32,
    more: bool,
    bytes: &'a [u8],
}

#[derive(Clone, Copy, Encode, BorrowDecode)]
enum WireAsk<'a> {
    List {
        member: &'a str,
        run: u64,
        known: Option<u64>,
    },
    Bans {
        run: u64,
    },
}

#[derive(Clone, Copy, Encode, BorrowDecode)]
enum WireAnswer<'a> {
    List(WirePart<'a>),
    NotKnown,
    Bans(WirePart<'a>),
}

macro_rules! message {
    ($message:ident, $variants:literal) => {
        impl Message for $message<'_> {
            const VARIANTS: Option<u32> = Some($variants);

            fn carrier(&self) -> Carrier {
                Carrier::Cluster
            }
        }
    };
}

message!(ToAll, 4);
message!(WireAsk, 2);
message!(WireAnswer, 3);

impl FromMember {
    /// The payload of this message.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let (message, holds) = match self {
            Self::Beat(beat) => (ToAll::Beat(BeatHead::of(beat)), Some(&beat.holds)),
            Self::Delta(part) => (ToAll::Delta(WirePart::of(part)), None),
            Self::Bans(part) => (ToAll::Bans(WirePart::of(part)), None),
            Self::Hello(hello) => (ToAll::Hello(WireHello::of(hello)), None),
        };
        payload(|into| {
            codec::encode_into(message, into);
            if let Some(holds) = holds {
                codec::encode_into(holds.len() as u64, into);
                for hold in holds {
                    codec::encode_into(WireHold::of(hold), into);
                }
            }
        })
    }

    /// Reads a payload. Memory: what the payload has.
    ///
    /// # Errors
    /// When it is not exactly one such message.
    pub fn decode(payload: &Bytes) -> Result<Self, MessageError> {
        let mut rest = begin(payload)?;
        let message = next::<ToAll<'_>>(&mut rest)?;
        let message = match message {
            ToAll::Beat(head) => Self::Beat(head.with(holds(&mut rest)?)),
            ToAll::Delta(part) => Self::Delta(part.own(payload)),
            ToAll::Bans(part) => Self::Bans(part.own(payload)),
            ToAll::Hello(hello) => Self::Hello(Hello {
                member: name(hello.member)?,
                run: hello.run,
                tag: hello.tag,
            }),
        };
        end(rest)?;
        Ok(message)
    }
}

impl Ask {
    /// The payload of this question.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let message = match self {
            Self::List { member, run, known } => WireAsk::List {
                member,
                run: *run,
                known: *known,
            },
            Self::Bans { run } => WireAsk::Bans { run: *run },
        };
        payload(|into| codec::encode_into(message, into))
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// When it is not exactly one such message.
    pub fn decode(payload: &Bytes) -> Result<Self, MessageError> {
        let mut rest = begin(payload)?;
        let message = match next::<WireAsk<'_>>(&mut rest)? {
            WireAsk::List { member, run, known } => Self::List {
                member: name(member)?,
                run,
                known,
            },
            WireAsk::Bans { run } => Self::Bans { run },
        };
        end(rest)?;
        Ok(message)
    }
}

impl Answer {
    /// The payload of this answer.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let message = match self {
            Self::List(part) => WireAnswer::List(WirePart::of(part)),
            Self::NotKnown => WireAnswer::NotKnown,
            Self::Bans(part) => WireAnswer::Bans(WirePart::of(part)),
        };
        payload(|into| codec::encode_into(message, into))
    }

    /// Reads a payload. The bytes of a piece are shared with it.
    ///
    /// # Errors
    /// When it is not exactly one such message.
    pub fn decode(payload: &Bytes) -> Result<Self, MessageError> {
        let mut rest = begin(payload)?;
        let message = match next::<WireAnswer<'_>>(&mut rest)? {
            WireAnswer::List(part) => Self::List(part.own(payload)),
            WireAnswer::NotKnown => Self::NotKnown,
            WireAnswer::Bans(part) => Self::Bans(part.own(payload)),
        };
        end(rest)?;
        Ok(message)
    }
}

fn payload(write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut bytes = vec![VERSION];
    write(&mut bytes);
    bytes.into()
}

/// What follows the version.
fn begin(payload: &Bytes) -> Result<&[u8], MessageError> {
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(MessageError::Oversize(payload.len()));
    }
    match payload.split_first() {
        Some((&VERSION, rest)) => Ok(rest),
        Some((&other, _)) => Err(MessageError::Version(other)),
        None => Err(DecodeError::CutShort.into()),
    }
}

fn next<'a, M: Message + BorrowDecode<'a, ()>>(rest: &mut &'a [u8]) -> Result<M, DecodeError> {
    if let Some(known) = M::VARIANTS {
        codec::known_variant(rest, known)?;
    }
    codec::decode_next(rest)
}

/// Only extensions may follow.
fn end(rest: &[u8]) -> Result<(), DecodeError> {
    extensions::check(rest, Carrier::Cluster)
}

fn name(text: &str) -> Result<String, DecodeError> {
    match is_name(text) {
        true => Ok(text.to_owned()),
        false => Err(DecodeError::Malformed("not the name of a member")),
    }
}

fn holds(rest: &mut &[u8]) -> Result<Vec<Hold>, DecodeError> {
    codec::section(rest, |hold: WireHold<'_>| {
        Ok(Some(Hold {
            member: name(hold.member)?,
            run: hold.run,
            left: Duration::from_millis(hold.left_millis.into()),
        }))
    })
}

impl BeatHead {
    fn of(beat: &Beat) -> Self {
        Self {
            run: beat.run,
            tag: beat.tag,
            clock: beat.clock,
            stage: beat.stage,
            at: beat.at,
            upto: beat.upto,
            bans: beat.bans,
            epoch: beat.epoch,
            stable: beat.stable,
            view: beat.view,
            since: beat.since,
            servers: beat.servers,
            clients: beat.clients,
        }
    }

    fn with(self, holds: Vec<Hold>) -> Beat {
        Beat {
            run: self.run,
            tag: self.tag,
            clock: self.clock,
            stage: self.stage,
            at: self.at,
            upto: self.upto,
            bans: self.bans,
            epoch: self.epoch,
            stable: self.stable,
            view: self.view,
            since: self.since,
            servers: self.servers,
            clients: self.clients,
            holds,
        }
    }
}

impl<'a> WireHold<'a> {
    fn of(hold: &'a Hold) -> Self {
        Self {
            member: &hold.member,
            run: hold.run,
            left_millis: u32::try_from(hold.left.as_millis()).unwrap_or(u32::MAX),
        }
    }
}

impl<'a> WireHello<'a> {
    fn of(hello: &'a Hello) -> Self {
        Self {
            member: &hello.member,
            run: hello.run,
            tag: hello.tag,
        }
    }
}

impl<'a> WirePart<'a> {
    fn of(part: &'a Part) -> Self {
        Self {
            run: part.run,
            clock: part.clock,
            from: part.from,
            to: part.to,
            number: part.piece.number,
            more: part.piece.more,
            bytes: &part.piece.bytes,
        }
    }

    fn own(self, payload: &Bytes) -> Part {
        Part {
            run: self.run,
            clock: self.clock,
            from: self.from,
            to: self.to,
            piece: Piece {
                number: self.number,
                more: self.more,
                bytes: payload.slice_ref(self.bytes),
            },
        }
    }
}
