//! Puts messages together that come in several datagrams. Valve's page, "Multi-packet Response
//! Format".
//!
//! ```text
//!  whole            FFFFFFFF  message
//!  Source           FEFFFFFF  id(4)  total  number  size(2)  part      the size is missing in the
//!                                                                      oldest servers
//!  GoldSrc          FEFFFFFF  id(4)  number<<4|total         part
//! ```
//!
//! The parts do not say which of the three forms they have. The first part's content does: it
//! begins as a whole message.

use super::{WHOLE, malformed};
use crate::Unanswered;

const SPLIT: [u8; 4] = [0xfe, 0xff, 0xff, 0xff];

/// How many parts and bytes are kept; a list of 255 players has 10 parts.
const MAX_PARTS: usize = 64;
const MAX_BYTES: usize = 64 * 1024;

/// Where a part's number, the number of parts, and its content are.
#[derive(Clone, Copy)]
enum Form {
    GoldSrc,
    Source { content: usize },
}

/// The parts of one message, each without the mark and the id.
#[derive(Default)]
pub(super) struct Parts {
    id: [u8; 4],
    parts: Vec<Vec<u8>>,
}

impl Parts {
    /// Takes in a datagram, and gives the message when it is complete, without the mark. Parts of
    /// another message replace those that are there.
    pub(super) fn add(&mut self, datagram: &[u8]) -> Result<Option<Vec<u8>>, Unanswered> {
        if let Some(message) = datagram.strip_prefix(&WHOLE) {
            return Ok(Some(message.to_owned()));
        }
        let split = datagram.strip_prefix(&SPLIT);
        let Some((id, part)) = split.and_then(<[u8]>::split_first_chunk) else {
            return Ok(None);
        };
        if *id != self.id {
            *self = Self {
                id: *id,
                parts: Vec::new(),
            };
        }
        let bytes: usize = self.parts.iter().map(Vec::len).sum();
        if self.parts.len() >= MAX_PARTS || bytes + part.len() > MAX_BYTES {
            return Err(malformed("it has too many parts"));
        }
        if !self.parts.iter().any(|there| there == part) {
            self.parts.push(part.to_owned());
        }
        let message = self.message()?;
        if message.is_some() {
            *self = Self::default();
        }
        Ok(message)
    }

    /// The message, when all its parts are there.
    fn message(&self) -> Result<Option<Vec<u8>>, Unanswered> {
        let Some(form) = self.parts.iter().find_map(|part| form(part)) else {
            if self.id[3] & 0x80 != 0 && self.parts.iter().any(|part| bzip2(part)) {
                return Err(malformed("it is compressed, as by servers of 2006"));
            }
            return Ok(None);
        };
        let mut message = Vec::new();
        let mut total = 1;
        let mut number = 0;
        while number < total {
            let part = self.parts.iter().filter_map(|part| read(form, part));
            let Some((_, of, content)) = part.into_iter().find(|(it, ..)| *it == number) else {
                return Ok(None);
            };
            message.extend(content);
            total = of;
            number += 1;
        }
        Ok(message.strip_prefix(&WHOLE).map(<[u8]>::to_owned))
    }
}

/// The form that this is the first part of.
fn form(part: &[u8]) -> Option<Form> {
    let forms = [
        Form::GoldSrc,
        Form::Source { content: 4 },
        Form::Source { content: 2 },
    ];
    forms.into_iter().find(|form| {
        let first = read(*form, part);
        first.is_some_and(|(number, _, content)| number == 0 && content.starts_with(&WHOLE))
    })
}

/// The number of a part, the number of parts, and the content.
fn read(form: Form, part: &[u8]) -> Option<(u8, u8, &[u8])> {
    match (form, part) {
        (Form::GoldSrc, [numbers, content @ ..]) => Some((numbers >> 4, numbers & 15, content)),
        (Form::Source { content }, [total, number, ..]) => {
            Some((*number, *total, part.get(content..)?))
        }
        _ => None,
    }
}

/// Whether this is the first part of a compressed message, of either of Source's forms.
fn bzip2(part: &[u8]) -> bool {
    let first = part.get(1) == Some(&0);
    let content = |at: usize| part.get(at..).unwrap_or_default();
    first && [10, 12].iter().any(|at| content(*at).starts_with(b"BZh"))
}
