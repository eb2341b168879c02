//! Conversations without sockets, for fuzzing.

use crate::{
    Protocol, Target, Unanswered,
    dialogue::{Conversation, Dialogue, Heard, Reading},
    exchange::presentable,
};
use fastrand::Rng;
use metaserve::ServerInfo;

/// Talks to a server that sends these datagrams, or pieces of a stream. What is asked is the same
/// each time.
///
/// # Errors
/// When they are no answer.
pub fn converse(protocol: Protocol, pieces: &[&[u8]]) -> Result<ServerInfo, Unanswered> {
    let target = Target {
        protocol,
        host: "fake.example".to_owned(),
        port: 1,
    };
    let conversation = protocol.conversation(&target, Rng::with_seed(0));
    let info = if let Conversation::Datagrams(mut dialogue) = conversation {
        datagrams(&mut *dialogue, pieces)
    } else if let Conversation::Streams(calls) = conversation {
        let answers = calls.iter().map(|call| stream(call.hear, pieces));
        answers
            .reduce(|answer, other| answer.or(other))
            .unwrap_or(Ok(None))
    } else {
        Ok(None)
    };
    let info = info?.ok_or(Unanswered::Ended)?;
    Ok(presentable(*info, &target))
}

fn datagrams(dialogue: &mut dyn Dialogue, datagrams: &[&[u8]]) -> Reading {
    dialogue.open();
    for datagram in datagrams {
        if let Heard::Done(info) = dialogue.hear(datagram)? {
            dialogue.leave();
            return Ok(Some(info));
        }
    }
    Ok(dialogue.settle())
}

fn stream(hear: fn(&[u8], bool) -> Reading, pieces: &[&[u8]]) -> Reading {
    let mut received = Vec::new();
    for piece in pieces {
        received.extend(*piece);
        let answer = hear(&received, false)?;
        if answer.is_some() {
            return Ok(answer);
        }
    }
    hear(&received, true)
}
