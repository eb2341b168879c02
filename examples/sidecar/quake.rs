//! Counts the people on a Quake server: gamedig 0.9 cannot read the player lines of Quake servers,
//! and reports 0 for all of them.

use anyhow::Context;
use gamedig::protocols::quake::QuakeVersion;
use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::Duration,
};

/// Queries a server for its status again, and counts the people.
///
/// # Errors
/// When it does not answer in time.
pub(crate) fn players(
    version: &QuakeVersion,
    server: SocketAddr,
    timeout: Duration,
) -> anyhow::Result<u32> {
    let question: &[u8] = match version {
        QuakeVersion::Three => b"\xff\xff\xff\xffgetstatus\0",
        QuakeVersion::One | QuakeVersion::Two => b"\xff\xff\xff\xffstatus\0",
    };
    let ask = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.set_read_timeout(Some(timeout))?;
        socket.connect(server)?;
        socket.send(question)?;
        let mut answer = vec![0; u16::MAX.into()];
        let length = socket.recv(&mut answer)?;
        answer.truncate(length);
        std::io::Result::Ok(answer)
    };
    let answer = ask().context("cannot read the players")?;
    Ok(count(version, &answer))
}

/// Counts the people in a status answer: settings in one line of `\key\value`, then a line for
/// each player. In Quake 3 a line is `score ping "name"`, and bots have a ping of 0.
fn count(version: &QuakeVersion, answer: &[u8]) -> u32 {
    let lines = answer.split(|byte| *byte == b'\n');
    let players = lines.skip_while(|line| !line.contains(&b'\\')).skip(1);
    let person = |line: &&[u8]| {
        let mut words = line.split(|byte| *byte == b' ');
        let score = words
            .next()
            .is_some_and(|word| word.iter().any(u8::is_ascii_digit));
        let bot = *version == QuakeVersion::Three && words.next() == Some(b"0");
        score && !bot
    };
    players
        .filter(person)
        .count()
        .try_into()
        .unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_counted_and_bots_are_not() {
        let status: &[u8] =
            b"\xff\xff\xff\xffstatusResponse\n\\mapname\\oa_dm1\\sv_maxclients\\8\n\
            3 48 \"^1Ana\"\n-1 0 \"Gargoyle\"\n0 120 \"two words\"\n";
        assert_eq!(count(&QuakeVersion::Three, status), 2);
    }

    #[test]
    fn older_forms_of_answers_are_parsed() {
        let one = b"\xff\xff\xff\xffn\\hostname\\old\\map\\e1m1\n1 5 3 40 \"Ana\" \"base\" 4 4\n\0";
        assert_eq!(count(&QuakeVersion::One, one), 1);
        let two = b"\xff\xff\xff\xffprint\n\\hostname\\old\\mapname\\q2dm1\n5 0 \"Ana\"\n";
        assert_eq!(count(&QuakeVersion::Two, two), 1);
    }

    #[test]
    fn an_invalid_answer_counts_nobody() {
        for answer in [&b""[..], b"\xff", b"\\\n\n\n", b"\\a\n \0 \n"] {
            assert_eq!(count(&QuakeVersion::Three, answer), 0, "{answer:?}");
        }
    }
}
