//! Messages that no member sends: from a broken program, another version, or a stolen key.

use crate::members::Member;
use bytes::Bytes;
use metaserve::{
    Role,
    list::{By, Claim, Claims, Stated},
    protocol::cluster::{Beat, FromMember, Part, Piece, Stage, pack_stated},
};
use metaserve_tests::{Follower, Nats, constant, patiently, words};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpStream, tcp::OwnedWriteHalf},
};

/// A client that speaks to NATS itself.
struct Raw {
    writer: OwnedWriteHalf,
    reader: BufReader<tokio::net::tcp::OwnedReadHalf>,
}

impl Raw {
    async fn to(nats: &Nats) -> Self {
        let address = nats.url(0).replace("nats://", "");
        let (reader, writer) = TcpStream::connect(address).await.unwrap().into_split();
        let mut raw = Self {
            writer,
            reader: BufReader::new(reader),
        };
        raw.writer
            .write_all(b"CONNECT {\"verbose\":false}\r\n")
            .await
            .unwrap();
        raw.flush().await;
        raw
    }

    async fn publish(&mut self, subject: &str, payload: &[u8]) {
        let head = format!("PUB {subject} {}\r\n", payload.len());
        let message = [head.as_bytes(), payload, b"\r\n"].concat();
        self.writer.write_all(&message).await.unwrap();
    }

    /// Waits until NATS has taken everything.
    async fn flush(&mut self) {
        self.writer.write_all(b"PING\r\n").await.unwrap();
        let answer = async {
            let mut line = String::new();
            while !line.starts_with("PONG") {
                line.clear();
                let read = self.reader.read_line(&mut line).await.unwrap();
                assert!(read != 0 && !line.starts_with("-ERR"), "{line}");
            }
        };
        patiently("NATS", answer).await;
    }
}

/// How many messages a member has dropped for this reason.
async fn refused(member: &Member, reason: &str) -> u64 {
    let text = member.metrics().await;
    let series = format!("metaserve_cluster_messages_refused_total{{reason=\"{reason}\"}} ");
    let value = text.lines().find_map(|line| line.strip_prefix(&series));
    value.unwrap().parse().unwrap()
}

/// Waits until a member has dropped messages for these reasons, so many of each.
async fn counts(member: &Member, wanted: &[(&str, u64)]) {
    for (reason, count) in wanted {
        let counted = async { while refused(member, reason).await < *count {} };
        patiently(reason, counted).await;
        assert_eq!(refused(member, reason).await, *count, "{reason}");
    }
}

fn forged() -> FromMember {
    let server = Stated {
        number: 1,
        game: "tag".parse().unwrap(),
        address: "192.0.2.1:7777".parse().unwrap(),
        second_address: None,
        identity: None,
        by: By::Quic,
        claims: Claims::new(Claim(1 << 16), None),
        heartbeat: Bytes::from_static(b"forged"),
    };
    FromMember::Delta(Part {
        run: 1,
        clock: 1,
        from: None,
        to: 1,
        piece: Piece {
            number: 0,
            more: false,
            bytes: pack_stated(&[server]),
        },
    })
}

/// Row 21.
#[tokio::test]
async fn messages_that_no_member_sends_are_dropped_and_counted_and_change_nothing() {
    let nats = Nats::one().await;
    let [mut a, b] = Member::all(&nats, ["a", "b"]).await;
    let edge = Member::joined(&nats, "x", &["--cluster-role", "edge"]).await;
    b.sees("x", "heard").await;
    let connection = a.daemon.connect(Role::Heartbeat, None).await;
    tokio::spawn(metaserve_heartbeat::run(connection, constant("honest")));
    let right = |list: &metaserve_client::Snapshot| {
        let words = words(list);
        words
            .iter()
            .all(|it| ["after", "honest"].contains(&it.as_str()))
            && words.contains(&"honest".to_owned())
    };
    let mut watches = Vec::new();
    for member in [&a, &b, &edge] {
        let mut list = Follower::new(&member.daemon, None).await;
        list.until_words(&["honest"]).await;
        watches.push(member.watch(right).await);
    }
    let (forged, beat) = (forged().encode(), |clock| {
        FromMember::Beat(Beat {
            run: 1,
            clock,
            stage: Stage::Joined,
            ..Beat::default()
        })
        .encode()
    });
    let mut other_version = forged.to_vec();
    other_version[0] = 99;
    let far_ahead = beat(1 << 47);
    let subjects = ["m.a", "m.b", "m.z", "e.x", "e.z", "hello"];
    let mut raw = Raw::to(&nats).await;
    for subject in subjects {
        let subject = format!("ms.metaserve.{subject}");
        raw.publish(&subject, &[1, 250, 255, 255]).await;
        raw.publish(&subject, &forged[..forged.len() / 2]).await;
        raw.publish(&subject, &other_version).await;
    }
    raw.publish("ms.metaserve.m.z", &far_ahead).await;
    // A question without a place for the answer, and answers to no question.
    raw.publish("ms.metaserve.sync.a", &[1]).await;
    raw.publish("ms.metaserve.inbox.a.1", &[1]).await;
    raw.publish("ms.metaserve.inbox.a.bans-b", &[1]).await;
    raw.publish("ms.metaserve.e.x", &forged).await;
    // Another list.
    raw.publish("ms.other.m.z", &forged).await;
    raw.publish("ms.other.hello", &[1]).await;
    raw.flush().await;
    // NATS keeps their order, so the rest has come when the last of them has.
    let all = subjects.len() as u64;
    counts(&a, &[("edge", 1), ("version", all), ("far_ahead", 1)]).await;
    // The edge does not hear what is said to those who come.
    counts(
        &edge,
        &[("edge", 1), ("version", all - 1), ("far_ahead", 1)],
    )
    .await;
    // Those that are too short for what they say, or say what nobody knows.
    let broken = refused(&a, "malformed").await + refused(&a, "oversize").await;
    assert_eq!(broken, 2 * all + 2);
    counts(&a, &[("subject", 1)]).await;

    // Whatever comes now is taken as before.
    let connection = b.daemon.connect(Role::Heartbeat, None).await;
    tokio::spawn(metaserve_heartbeat::run(connection, constant("after")));
    for member in [&a, &b, &edge] {
        let mut list = Follower::new(&member.daemon, None).await;
        list.until_words(&["after", "honest"]).await;
    }
    for watch in watches {
        watch.saw_only_right_lists().await;
    }
    let members = a.members().await;
    let named = |it: &serde_json::Value| it["name"].as_str().unwrap().to_owned();
    let names: Vec<_> = members["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(named)
        .collect();
    assert!(!names.contains(&"z".to_owned()), "{names:?}");
    let line = a.daemon.logged("dropped a message on").await;
    assert!(line.contains("ms.metaserve."), "{line}");
}
