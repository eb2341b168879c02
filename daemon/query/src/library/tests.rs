//! The library behind its relay, with servers of this machine.

use super::*;
use crate::Target;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
};

/// Longer than any busy machine needs.
const LONG: Duration = Duration::from_secs(100);

const FAMILIES: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

/// The answer of a server that sends this datagram.
async fn answered(scheme: &str, ip: IpAddr, datagram: &[u8]) -> Result<Answer, Unanswered> {
    served(scheme, ip, |_| datagram.to_vec()).await
}

/// The answer of a server that answers each question so.
async fn served(
    scheme: &str,
    ip: IpAddr,
    says: impl Fn(&[u8]) -> Vec<u8>,
) -> Result<Answer, Unanswered> {
    let socket = UdpSocket::bind((ip, 0)).await.unwrap();
    let server = socket.local_addr().unwrap();
    let target: Target = format!("{scheme}://{server}").parse().unwrap();
    let serve = async {
        loop {
            let mut question = [0; 2048];
            let (length, client) = socket.recv_from(&mut question).await.unwrap();
            let answer = says(&question[..length]);
            socket.send_to(&answer, client).await.unwrap();
        }
    };
    tokio::select! {
        answer = crate::query_within(&target, LONG) => answer,
        () = serve => unreachable!("it serves"),
    }
}

#[test]
fn games_and_protocols_are_found_by_name() {
    let table = [
        ("q3a", Protocol::Quake3, 27960),
        ("minecraftjava", Protocol::Minecraft, 25565),
        ("minecraftpocket", Protocol::Bedrock, 19132),
        ("teamfortress2", Protocol::Valve, 27015),
        ("counterstrike", Protocol::Valve, 27015),
        ("theship", Protocol::Valve, 27015),
        (
            "UnrealTournament2004",
            Protocol::Library(LibraryGame("unrealtournament2004")),
            7778,
        ),
        (
            "mindustry",
            Protocol::Library(LibraryGame("mindustry")),
            6567,
        ),
    ];
    for (scheme, protocol, port) in table {
        let target: Target = format!("{scheme}://a").parse().unwrap();
        assert_eq!((target.protocol, target.port), (protocol, port), "{scheme}");
        assert_eq!(target.to_string().parse(), Ok(target));
    }
    for (name, _) in PROTOCOLS {
        let target: Target = format!("{name}://a:7").parse().unwrap();
        assert_eq!(target.to_string(), format!("{name}://a:7"));
    }
    let error = "gamespy1://a".parse::<Target>().unwrap_err().to_string();
    assert_eq!(error, "add a port: gamespy1 has no usual one");
}

#[test]
fn an_unknown_game_is_refused_with_the_known_ones() {
    let error = "openarena!://a".parse::<Target>().unwrap_err().to_string();
    for known in [
        "quake3, ",
        "minecraft, ",
        "unrealtournament2004, ",
        "gamespy1, ",
    ] {
        assert_eq!(error.matches(known).count(), 1, "{known} in {error}");
    }
}

#[tokio::test]
async fn a_game_of_the_library_is_asked_over_either_family() {
    let basic = b"\\hostname\\Dusty's\x02\\mapname\\dm_old\\gametype\\ffa\\gamever\\1\
        \\numplayers\\1\\maxplayers\\16\\password\\0\\player_0\\Ana\\frags_0\\5\\ping_0\\40\
        \\team_0\\0\\final\\\\queryid\\1.1";
    for ip in FAMILIES {
        let info = answered("gamespy1", ip, basic).await.unwrap().info;
        assert_eq!(
            (&*info.name, info.map.as_deref()),
            ("Dusty's", Some("dm_old"))
        );
        assert_eq!((info.players, info.max_players), (Some(1), Some(16)));
        assert_eq!(
            info.player_list,
            [metaserve::Player {
                score: Some(5),
                ..metaserve::Player::new("Ana")
            }]
        );
    }
}

/// A name in Latin-1, or a player's in any script, once kept such a server off the list.
#[tokio::test]
async fn a_server_with_a_name_in_any_encoding_is_listed() {
    let gamespy2 = b"\0\0\0\0\x01hostname\0Caf\xe9\0mapname\0m\0password\x000\0maxplayers\x0016\0\
        numplayers\x001\0hostport\x007777\0\0\0\0\0\0";
    let gamespy3 = b"\0\0\0\0\x01splitnum\0\x80\0hostname\0Caf\xe9\0mapname\0m\0gametype\0a\0\
        gamever\x001\0maxplayers\x0016\0numplayers\x001\0password\x000\0hostport\x007777\0\0\
        \x01player_\0\0Z\xc3\xab\0\0";
    let just_cause2 =
        b"\0\0\0\0\x01splitnum\0\x80\0hostname\0Caf\xe9\0version\x001\0description\0\xe9\0\
        maxplayers\x0016\0numplayers\x001\0password\x000\0\0\0\x01Zo\xeb\x007\0\x28\0";
    let table: [(&str, &[u8], Option<u16>); 7] = [
        (
            "gamespy1",
            b"\\hostname\\Caf\xe9\\mapname\\m\\gametype\\a\\gamever\\1\\maxplayers\\16\\password\\0\
            \\hostport\\7777\\player_0\\Zo\xeb\\frags_0\\5\\ping_0\\40\\final\\",
            Some(7777),
        ),
        ("gamespy2", gamespy2, Some(7777)),
        ("gamespy3", gamespy3, Some(7777)),
        ("jc2m", just_cause2, None),
        (
            "savage2",
            b"\0\0\0\0\0\0\0\0\0\0\0\0Caf\xe9\0\x01\x101\0m\0n\0\xe9\0\0a\0v\0\0",
            None,
        ),
        (
            "ffow",
            b"\xff\xff\xff\xffI\x01Caf\xe9\0m\0a\0a\0\xe9\0v\0\0\0\x01\x10DL\0\0\0\x01\x02\0\0",
            None,
        ),
        (
            "mindustry",
            b"\x01h\x01m\0\0\0\x01\0\0\0\0\0\0\0\0\x01o\0\0\0\0\x10\x04Caf\xe9\x01a",
            None,
        ),
    ];
    for (scheme, datagram, port) in table {
        let says = |question: &[u8]| match question {
            // The question for a challenge, of which 0 is none.
            [0xfe, 0xfd, 9, ..] => b"\x09\0\0\0\x010\0".to_vec(),
            _ => datagram.to_vec(),
        };
        let answer = served(scheme, FAMILIES[0], says).await;
        let told = answer.unwrap_or_else(|why| panic!("{scheme}: {why}"));
        assert_eq!(told.info.name, "Café", "{scheme}");
        assert_eq!(told.info.occupancy().as_deref(), Some("1/16"), "{scheme}");
        assert_eq!(told.port, port, "{scheme}");
    }
}

#[tokio::test]
async fn a_number_that_would_cost_all_memory_is_not_believed() {
    let answer = answered(
        "gamespy1",
        FAMILIES[0],
        b"\\maxplayers\\4000000000\\final\\",
    )
    .await;
    assert!(
        matches!(answer, Err(Unanswered::Malformed(_))),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_text_that_the_library_panics_at_is_kept_from_it() {
    let answer = answered("gamespy1", FAMILIES[0], b"").await;
    assert!(
        matches!(answer, Err(Unanswered::Malformed(_))),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_closed_port_is_reported_at_once() {
    for scheme in ["gamespy1", "eco"] {
        let socket = UdpSocket::bind((FAMILIES[1], 0)).await.unwrap();
        let server = socket.local_addr().unwrap();
        drop(socket);
        let target = format!("{scheme}://{server}").parse().unwrap();
        let answer = crate::query_within(&target, LONG).await;
        assert!(
            matches!(answer, Err(Unanswered::Closed)),
            "{scheme} {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let socket = UdpSocket::bind((FAMILIES[0], 0)).await.unwrap();
    let server = socket.local_addr().unwrap();
    let target = format!("mindustry://{server}").parse().unwrap();
    let answer = crate::query_within(&target, Duration::from_millis(50)).await;
    assert!(matches!(answer, Err(Unanswered::Silent(_))), "{answer:?}");
}

#[tokio::test]
async fn a_game_that_is_asked_over_http_is_relayed_too() {
    let listener = TcpListener::bind((FAMILIES[1], 0)).await.unwrap();
    let server = listener.local_addr().unwrap();
    let target = format!("eco://{server}").parse().unwrap();
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_exact(&mut [0; 16]).await.unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        stream.write_all(answer).await.unwrap();
        std::future::pending::<()>().await;
    };
    let answer = tokio::select! {
        answer = crate::query_within(&target, LONG) => answer,
        () = serve => unreachable!("it waits"),
    };
    // The answer came, and lacks what the library wants.
    assert!(
        matches!(answer, Err(Unanswered::Malformed(_))),
        "{answer:?}"
    );
}
