//! A query without sockets and time.

use super::{MAX_BYTES, presentable, udp::Received};
use crate::{
    Answer, Target, Unanswered,
    dialogue::{Call, Conversation, Dialogue, Heard},
};
use fastrand::Rng;
use metaserve::ServerInfo;

/// What a query makes of recorded answers: datagrams in their order, or over TCP the pieces of a
/// stream, after which the connection ends.
///
/// Tokens that the server has to repeat are those of a random number generator with the seed 0.
///
/// ```
/// let target = "quake2://127.0.0.1".parse()?;
/// let status = b"\xff\xff\xff\xffprint\n\\hostname\\Dusty's\\maxclients\\8\n3 40 \"Ana\"\n";
/// let info = metaserve_query::replay(&target, [&status[..]])?.info;
/// assert_eq!((&*info.name, info.occupancy()), ("Dusty's", Some("1/8".to_owned())));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Why a query would have no answer. Of a game that another library asks, nothing can be replayed.
pub fn replay<'a>(
    target: &Target,
    answers: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Answer, Unanswered> {
    let answers = answers.into_iter();
    let (info, port) = match target.protocol.conversation(target, Rng::with_seed(0)) {
        Conversation::Datagrams(mut dialogue) => {
            let info = datagrams(&mut *dialogue, answers)?;
            (info, dialogue.port())
        }
        Conversation::Streams(calls) => (streams(&calls, answers)?, None),
        #[cfg(feature = "gamedig")]
        Conversation::Library(_) => return Err(Unanswered::Ended),
    };
    let info = presentable(*info, target);
    Ok(Answer { info, port })
}

fn datagrams<'a>(
    dialogue: &mut dyn Dialogue,
    answers: impl Iterator<Item = &'a [u8]>,
) -> Result<Box<ServerInfo>, Unanswered> {
    let mut received = Received::default();
    dialogue.open();
    for answer in answers {
        match received.hear(dialogue, answer) {
            Ok(Heard::Done(info)) => return Ok(info),
            Ok(Heard::More | Heard::Say(_)) => {}
            Err(why) => return dialogue.settle().ok_or(why),
        }
    }
    dialogue.settle().ok_or(Unanswered::Ended)
}

fn streams<'a>(
    calls: &[Call],
    answers: impl Iterator<Item = &'a [u8]>,
) -> Result<Box<ServerInfo>, Unanswered> {
    let pieces: Vec<_> = answers.collect();
    let mut why = Unanswered::Ended;
    for call in calls {
        match stream(call, &pieces) {
            Err(other) => why = why.or(other),
            answer => return answer,
        }
    }
    Err(why)
}

fn stream(call: &Call, pieces: &[&[u8]]) -> Result<Box<ServerInfo>, Unanswered> {
    let mut received = Vec::new();
    for piece in pieces {
        let left = MAX_BYTES - received.len();
        received.extend(piece.iter().take(left));
        if let Some(info) = (call.hear)(&received, false)? {
            return Ok(info);
        }
    }
    (call.hear)(&received, true)?.ok_or(Unanswered::Ended)
}
