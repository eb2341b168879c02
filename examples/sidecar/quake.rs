//! Reads who is on a Quake server: gamedig 0.9 cannot read the player lines of Quake servers, and
//! reports 0 players for all of them.

use crate::info::without_codes;
use anyhow::Context;
use gamedig::protocols::quake::QuakeVersion;
use metaserve::Player;
use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::Duration,
};

/// Queries a server for its status again, and reads who is on it.
///
/// # Errors
/// When it does not answer in time.
pub(crate) fn players(
    version: &QuakeVersion,
    server: SocketAddr,
    timeout: Duration,
) -> anyhow::Result<Vec<Player>> {
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
    Ok(people(version, &answer))
}

/// The people in a status answer: settings in one line of `\key\value`, then a line for each
/// player, with a name in quotation marks. In Quake 2 and 3 the line is `score ping "name"`, in
/// Quake 1 `id score time ping "name"`. The bots of Quake 3 are those with a ping of 0.
fn people(version: &QuakeVersion, answer: &[u8]) -> Vec<Player> {
    let lines = answer.split(|byte| *byte == b'\n');
    let lines = lines.skip_while(|line| !line.contains(&b'\\')).skip(1);
    let person = |line: &[u8]| {
        let line = String::from_utf8_lossy(line);
        let (numbers, rest) = line.split_once('"').unwrap_or((&line, ""));
        let numbers: Vec<i64> = numbers.split(' ').map_while(|it| it.parse().ok()).collect();
        let (score, bot) = match (version, &numbers[..]) {
            (QuakeVersion::One, [_, score, ..]) => (score, false),
            (QuakeVersion::Three, [score, ping, ..]) => (score, *ping == 0),
            (_, [score, ..]) => (score, false),
            (_, []) => return None,
        };
        let name = rest.split('"').next().unwrap_or_default();
        let person = Player {
            score: Some(*score),
            ..Player::new(without_codes(name, '^'))
        };
        (!bot).then_some(person)
    };
    lines.filter_map(person).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and scores.
    fn names(version: QuakeVersion, answer: &[u8]) -> Vec<(String, Option<i64>)> {
        let people = people(&version, answer).into_iter();
        people.map(|it| (it.name, it.score)).collect()
    }

    #[test]
    fn people_are_named_and_bots_are_not() {
        let status: &[u8] =
            b"\xff\xff\xff\xffstatusResponse\n\\mapname\\oa_dm1\\sv_maxclients\\8\n\
            3 48 \"^1Ana\"\n-1 0 \"Gargoyle\"\n0 120 \"two words\"\n";
        assert_eq!(
            names(QuakeVersion::Three, status),
            [("Ana".into(), Some(3)), ("two words".into(), Some(0))]
        );
    }

    #[test]
    fn older_forms_of_answers_are_parsed() {
        let one = b"\xff\xff\xff\xffn\\hostname\\old\\map\\e1m1\n1 5 3 40 \"Ana\" \"base\" 4 4\n\0";
        assert_eq!(names(QuakeVersion::One, one), [("Ana".into(), Some(5))]);
        let two = b"\xff\xff\xff\xffprint\n\\hostname\\old\\mapname\\q2dm1\n5 0 \"Ana\"\n";
        assert_eq!(names(QuakeVersion::Two, two), [("Ana".into(), Some(5))]);
    }

    #[test]
    fn an_invalid_answer_names_nobody() {
        for answer in [&b""[..], b"\xff", b"\\\n\n\n", b"\\a\n \0 \n"] {
            assert_eq!(names(QuakeVersion::Three, answer), [], "{answer:?}");
        }
        // Somebody without a name is counted, as before.
        let unnamed = people(&QuakeVersion::Three, b"\\a\n5 40\n");
        assert_eq!(unnamed.len(), 1);
    }
}
