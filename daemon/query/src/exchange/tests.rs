//! The exchange with servers of this machine.

use super::*;
use crate::{
    Protocol,
    dialogue::{Call, Dialogue, Heard, Reading},
};
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

const STATUS: &[u8] = b"\xff\xff\xff\xffstatusResponse\n\\sv_hostname\\Dusty's\\sv_maxclients\\8\n";

async fn udp(ip: IpAddr) -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((ip, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn quake3(server: SocketAddr) -> Target {
    format!("quake3://{server}").parse().unwrap()
}

/// Receives a request and says who sent it.
async fn asked(socket: &UdpSocket) -> SocketAddr {
    let (_, client) = socket.recv_from(&mut [0; 2048]).await.unwrap();
    client
}

#[tokio::test]
async fn a_server_of_either_family_answers() {
    for ip in FAMILIES {
        let (socket, server) = udp(ip).await;
        let serve = async {
            let client = asked(&socket).await;
            socket.send_to(STATUS, client).await.unwrap();
        };
        let target = quake3(server);
        let (answer, ()) = tokio::join!(query_within(&target, LONG), serve);
        let info = answer.unwrap().info;
        assert_eq!((&*info.name, info.max_players), ("Dusty's", Some(8)));
    }
}

#[tokio::test]
async fn a_server_without_a_name_is_called_by_its_address() {
    let (socket, server) = udp(FAMILIES[1]).await;
    let serve = async {
        let client = asked(&socket).await;
        let status = b"\xff\xff\xff\xffstatusResponse\n\\sv_hostname\\^1\n";
        socket.send_to(status, client).await.unwrap();
    };
    let target = quake3(server);
    let (answer, ()) = tokio::join!(query_within(&target, LONG), serve);
    assert_eq!(answer.unwrap().info.name, server.to_string());
}

#[tokio::test]
async fn a_name_is_asked_at_both_families() {
    // Nothing listens at the port in the other family, so it is refused there.
    for ip in FAMILIES {
        let (socket, server) = udp(ip).await;
        let serve = async {
            let client = asked(&socket).await;
            socket.send_to(STATUS, client).await.unwrap();
        };
        let target: Target = format!("quake3://localhost:{}", server.port())
            .parse()
            .unwrap();
        // The machine may know the name in one family only.
        let known = lookup_host(("localhost", 0)).await.unwrap();
        if known.into_iter().all(|it| it.ip() != ip) {
            continue;
        }
        let (answer, ()) = tokio::join!(query_within(&target, LONG), serve);
        assert_eq!(answer.unwrap().info.name, "Dusty's");
    }
}

#[tokio::test]
async fn a_request_that_is_lost_is_repeated() {
    let (socket, server) = udp(FAMILIES[0]).await;
    let serve = async {
        asked(&socket).await;
        let client = asked(&socket).await;
        socket.send_to(STATUS, client).await.unwrap();
    };
    let target = quake3(server);
    let (answer, ()) = tokio::join!(query_within(&target, LONG), serve);
    assert_eq!(answer.unwrap().info.name, "Dusty's");
}

#[tokio::test]
async fn a_closed_port_is_reported_at_once() {
    for ip in FAMILIES {
        let (socket, server) = udp(ip).await;
        drop(socket);
        let answer = query_within(&quake3(server), LONG).await;
        assert!(matches!(answer, Err(Unanswered::Closed)), "{answer:?}");
    }
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let (_socket, server) = udp(FAMILIES[0]).await;
    let patience = Duration::from_millis(50);
    let answer = query_within(&quake3(server), patience).await;
    assert_eq!(answer.unwrap_err().to_string(), "no answer within 50ms");
}

/// A slow resolver and two silent addresses once took twice the time.
#[tokio::test(start_paused = true)]
async fn finding_the_addresses_and_asking_them_all_share_one_time() {
    let patience = Duration::from_secs(5);
    let (_silent, first) = udp(FAMILIES[0]).await;
    let (_silent, second) = udp(FAMILIES[1]).await;
    for (lookup_seconds, expected) in [
        (0, "no answer within 5s"),
        (3, "no answer within 5s"),
        (60, "cannot find the address of 127.0.0.1"),
    ] {
        let start = time::now();
        let addresses = async {
            tokio::time::sleep(Duration::from_secs(lookup_seconds)).await;
            Ok(vec![first, second])
        };
        let answer = query_at(&quake3(first), addresses, patience).await;
        assert_eq!(answer.unwrap_err().to_string(), expected);
        // Timers are exact to the millisecond.
        let took = (time::now() - start).as_millis();
        assert!((5000..5010).contains(&took), "{took} ms");
    }
}

/// What an address that is refused at once leaves of the time is for the other one.
#[tokio::test(start_paused = true)]
async fn the_last_address_has_all_the_time_that_is_left() {
    let (closed, first) = udp(FAMILIES[0]).await;
    drop(closed);
    let (_silent, second) = udp(FAMILIES[1]).await;
    let start = time::now();
    let addresses = async { Ok(vec![first, second]) };
    let answer = query_at(&quake3(first), addresses, Duration::from_secs(5)).await;
    assert!(matches!(answer, Err(Unanswered::Silent(_))), "{answer:?}");
    let took = (time::now() - start).as_millis();
    assert!((5000..5010).contains(&took), "{took} ms");
}

#[tokio::test]
async fn answers_from_elsewhere_are_not_heard() {
    let (socket, server) = udp(FAMILIES[0]).await;
    let (other, _) = udp(FAMILIES[0]).await;
    let serve = async {
        let client = asked(&socket).await;
        let false_status = b"\xff\xff\xff\xffstatusResponse\n\\sv_hostname\\Mallory\n";
        other.send_to(false_status, client).await.unwrap();
        socket.send_to(STATUS, client).await.unwrap();
    };
    let target = quake3(server);
    let (answer, ()) = tokio::join!(query_within(&target, LONG), serve);
    assert_eq!(answer.unwrap().info.name, "Dusty's");
}

#[tokio::test]
async fn a_flood_of_datagrams_ends_the_query() {
    let (socket, server) = udp(FAMILIES[0]).await;
    let serve = async {
        let client = asked(&socket).await;
        loop {
            // Refused as soon as the query has ended.
            if socket.send_to(b"garbage", client).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    let target = quake3(server);
    let answer = tokio::select! {
        answer = query_within(&target, LONG) => answer,
        () = serve => unreachable!("the query reads until it has enough"),
    };
    assert!(
        matches!(answer, Err(Unanswered::Endless { .. })),
        "{answer:?}"
    );
}

#[tokio::test]
async fn an_answer_of_60_kb_is_read() {
    let (socket, server) = udp(FAMILIES[0]).await;
    let mut status = STATUS.to_vec();
    while status.len() < 60_000 {
        status.extend_from_slice(b"3 48 \"Ana\"\n");
    }
    let serve = async {
        let client = asked(&socket).await;
        socket.send_to(&status, client).await.unwrap();
    };
    let target = quake3(server);
    let (answer, ()) = tokio::join!(query_within(&target, LONG), serve);
    let info = answer.unwrap().info;
    assert!(info.players > Some(5_000));
    assert!(info.to_json().len() <= MAX_RECORD_BYTES);
}

/// Such a server was given up as one that sends without end.
#[tokio::test]
async fn a_server_that_answers_for_each_of_its_players_is_heard_to_the_end() {
    let (socket, server) = udp(FAMILIES[0]).await;
    let serve = async {
        let mut question = [0; 64];
        loop {
            let (_, client) = socket.recv_from(&mut question).await.unwrap();
            let answer = match question {
                [_, _, _, _, 2, ..] => b"\x80\0\0\x12\x83a\0Crowd\0e1m1\0\xff\xff\x03".to_vec(),
                [_, _, _, _, _, number, ..] => {
                    let player = b"Ana\0\0\0\0\0\x07\0\0\0\0\0\0\0a\0";
                    [b"\x80\0\0\x18\x84", &[number][..], player].concat()
                }
            };
            socket.send_to(&answer, client).await.unwrap();
        }
    };
    let target: Target = format!("netquake://{server}").parse().unwrap();
    let rng = fastrand::Rng::with_seed(7);
    let Conversation::Datagrams(mut dialogue) = target.protocol.conversation(&target, rng) else {
        panic!("it is asked over UDP");
    };
    let answer = tokio::select! {
        answer = udp::converse(server, &mut *dialogue, LONG) => answer,
        () = serve => unreachable!("it serves"),
    };
    let told = answer.unwrap();
    assert_eq!(told.occupancy().as_deref(), Some("255/255"));
    assert_eq!(told.player_list.len(), 255);
}

/// What is known is published, whatever follows.
#[tokio::test]
async fn a_flood_behind_an_answer_does_not_hide_the_server() {
    let (socket, server) = udp(FAMILIES[0]).await;
    let serve = async {
        let client = asked(&socket).await;
        let answer = b"\x80\0\0\x12\x83a\0Crowd\0e1m1\0\x02\x08\x03";
        while socket.send_to(answer, client).await.is_ok() {
            tokio::task::yield_now().await;
        }
        std::future::pending::<()>().await;
    };
    let target: Target = format!("netquake://{server}").parse().unwrap();
    let answer = tokio::select! {
        answer = query_within(&target, LONG) => answer,
        () = serve => unreachable!("it waits"),
    };
    assert_eq!(answer.unwrap().info.occupancy().as_deref(), Some("2/8"));
}

/// Says one thing after the other, and knows something after the first answer.
struct Steps(u8);

impl Dialogue for Steps {
    fn open(&mut self) -> Vec<u8> {
        b"first".to_vec()
    }

    fn hear(&mut self, datagram: &[u8]) -> Result<Heard, Unanswered> {
        self.0 += 1;
        Ok(match datagram {
            b"done" => Heard::Done(Box::new(ServerInfo::new("whole"))),
            _ => Heard::Say(b"second".to_vec()),
        })
    }

    fn settle(&mut self) -> Option<Box<ServerInfo>> {
        (self.0 > 0).then(|| Box::new(ServerInfo::new("in part")))
    }
}

#[tokio::test]
async fn a_part_is_enough_if_the_rest_never_comes() {
    let (socket, server) = udp(FAMILIES[0]).await;
    let serve = async {
        let client = asked(&socket).await;
        socket.send_to(b"go on", client).await.unwrap();
        // The second request comes twice before the part is taken.
        asked(&socket).await;
        asked(&socket).await;
    };
    let mut steps = Steps(0);
    let (answer, ()) = tokio::join!(udp::converse(server, &mut steps, LONG), serve);
    assert_eq!(answer.unwrap().name, "in part");
}

/// Reads an answer of four bytes, or any that the server has ended.
fn four(received: &[u8], ended: bool) -> Reading {
    let name = String::from_utf8_lossy(received);
    let complete = received.len() >= 4 || (ended && !received.is_empty());
    Ok(complete.then(|| Box::new(ServerInfo::new(name))))
}

/// Two questions to a TCP server, which handles each connection by itself.
async fn called(answers: [&[u8]; 2], open: bool) -> Result<Box<ServerInfo>, Unanswered> {
    let listener = TcpListener::bind((FAMILIES[1], 0)).await.unwrap();
    let server = listener.local_addr().unwrap();
    let calls = [b"a", b"b"].map(|say| Call {
        say: say.to_vec(),
        hear: four,
    });
    let serve = async {
        let mut kept = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_exact(&mut [0]).await.unwrap();
            stream.write_all(answer).await.unwrap();
            if open {
                kept.push(stream);
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = tcp::call(server, calls.to_vec(), LONG) => answer,
        () = serve => unreachable!("it waits"),
    }
}

#[tokio::test]
async fn an_answer_over_tcp_is_complete_although_the_connection_stays_open() {
    assert_eq!(called([b"name", b""], true).await.unwrap().name, "name");
}

#[tokio::test]
async fn a_question_that_is_not_answered_is_followed_by_the_next() {
    assert_eq!(called([b"", b"old!"], false).await.unwrap().name, "old!");
    assert_eq!(called([b"", b"abc"], false).await.unwrap().name, "abc");
    let answer = called([b"", b""], false).await;
    assert!(matches!(answer, Err(Unanswered::Ended)), "{answer:?}");
}

#[tokio::test]
async fn an_endless_stream_is_cut_off() {
    let listener = TcpListener::bind((FAMILIES[0], 0)).await.unwrap();
    let server = listener.local_addr().unwrap();
    let call = Call {
        say: Vec::new(),
        hear: |_, _| Ok(None),
    };
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
        std::future::pending::<()>().await;
    };
    let answer = tokio::select! {
        answer = tcp::call(server, vec![call], LONG) => answer,
        () = serve => unreachable!("it waits"),
    };
    let bytes = MAX_BYTES;
    assert!(matches!(answer, Err(Unanswered::Endless { datagrams: 0, bytes: it }) if it == bytes));
}

#[tokio::test]
async fn a_name_without_an_address_is_named() {
    let target = Target {
        protocol: Protocol::Quake3,
        host: "no-such-name.invalid".into(),
        port: 1,
    };
    let error = query_within(&target, LONG).await.unwrap_err().to_string();
    assert_eq!(error, "cannot find the address of no-such-name.invalid");
}
