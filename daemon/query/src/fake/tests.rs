//! Every protocol over real sockets, against servers of every behaviour.

use super::*;
use crate::{Unanswered, query_within, replay};
use metaserve::ServerInfo;
use std::{
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

const FAMILIES: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

/// Longer than any busy machine needs for what ends by itself.
const LONG: Duration = Duration::from_secs(100);

/// For what never ends by itself.
const SHORT: Duration = Duration::from_millis(200);

async fn asked(
    protocol: Protocol,
    behaviour: Behaviour,
    patience: Duration,
) -> Result<ServerInfo, Unanswered> {
    let fake = Fake::start(protocol, FAMILIES[0], behaviour).await.unwrap();
    let answer = query_within(fake.target(), patience).await;
    answer.map(|it| it.info)
}

#[tokio::test]
async fn every_protocol_is_understood_over_either_family_in_any_length() {
    for protocol in protocols() {
        for (ip, bytes) in [(0, 1), (1, 1), (0, 8_000), (1, 60_000)] {
            let behaviour = Behaviour::Answers { bytes };
            let fake = Fake::start(protocol, FAMILIES[ip], behaviour)
                .await
                .unwrap();
            let told = query_within(fake.target(), LONG).await;
            let told = told.unwrap_or_else(|why| panic!("{protocol} of {bytes}: {why}"));
            let told = told.info;
            let heard = (told.name.clone(), told.occupancy());
            assert_eq!(heard, (fake.name(), fake.occupancy()));
            let people = match protocol {
                Protocol::Luanti | Protocol::Mumble | Protocol::Bedrock => 0,
                _ => PLAYERS as usize,
            };
            assert_eq!(told.player_list.len(), people, "{protocol}");
        }
    }
}

#[tokio::test]
async fn servers_that_do_not_answer_are_given_up() {
    let mut all = JoinSet::new();
    for protocol in protocols() {
        for behaviour in [Behaviour::Silent, Behaviour::Garbage, Behaviour::Elsewhere] {
            all.spawn(async move { (protocol, asked(protocol, behaviour, SHORT).await) });
        }
    }
    while let Some(asked) = all.join_next().await {
        let (protocol, answer) = asked.unwrap();
        let why = answer.unwrap_err();
        assert!(
            protocol == Protocol::Minecraft || matches!(why, Unanswered::Silent(_)),
            "{protocol}: {why}"
        );
    }
}

#[tokio::test]
async fn servers_that_send_without_end_are_given_up() {
    for protocol in protocols() {
        let why = asked(protocol, Behaviour::Flood, LONG).await.unwrap_err();
        assert!(
            matches!(why, Unanswered::Endless { .. } | Unanswered::Malformed(_)),
            "{protocol}: {why}"
        );
    }
}

/// Half a status, or a byte in a while, keeps nobody waiting beyond their patience.
#[tokio::test]
async fn servers_that_answer_slowly_are_not_waited_for() {
    for protocol in protocols() {
        let answer = asked(protocol, Behaviour::Slow, SHORT).await;
        // Half of what some servers say is enough.
        assert!(protocol != Protocol::Minecraft || answer.is_err());
    }
}

#[tokio::test]
async fn a_luanti_server_is_told_that_we_have_left() {
    let behaviour = Behaviour::Answers { bytes: 1 };
    let fake = Fake::start(Protocol::Luanti, FAMILIES[0], behaviour)
        .await
        .unwrap();
    query_within(fake.target(), LONG).await.unwrap();
    // The goodbye is sent before the query ends; the fake counts it when it runs.
    while fake.asked() < 2 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn what_is_heard_without_sockets_is_what_is_published() {
    let target = |scheme| format!("{scheme}://fake.example:1").parse().unwrap();
    let json = answers::minecraft(1);
    let (first, last) = json.split_at(50);
    let told = replay(&target("minecraft"), [first, last]).unwrap().info;
    assert_eq!(told.name, "Fake minecraft");
    let answer = b"\x4f\x45\x74\x03\0\x01\0\x03\xff\xdc\0\x01\0\x04";
    let told = replay(&target("luanti"), [b"other", &answer[..]]).unwrap();
    assert_eq!(told.info.name, "fake.example:1");
    replay(&target("luanti"), []).unwrap_err();
}
