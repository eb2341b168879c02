//! Tests of the module above.

use super::{clock::Clock, *};
use proptest::prelude::*;
use tokio::{net::TcpListener, task::JoinHandle};

/// The capabilities of the current client.
const TODAY: [(&str, u32); 8] = [
    ("Gameworld", 6),
    ("GameworldM1", 4),
    ("Star", 6),
    ("Lua", 2),
    ("Gatherable", 1),
    ("ZippedData", 1),
    ("NetworkStats", 1),
    ("Rugby", 1),
];

fn hello() -> Vec<u8> {
    frame(HELLO, b"Aleph One WonderNAT V2\0")
}

fn capable(of: &[(&str, u32)]) -> Vec<u8> {
    let entry = |(key, value): &(&str, u32)| [key.as_bytes(), &[0], &value.to_be_bytes()].concat();
    let body: Vec<u8> = of.iter().flat_map(entry).collect();
    frame(CAPABILITIES, &body)
}

/// A game that sends `script`, and answers each ping with the result of `answer`.
struct Game {
    at: SocketAddrV4,
    /// The data that the tester sent.
    heard: JoinHandle<Vec<u8>>,
    _pings: JoinHandle<()>,
}

impl Game {
    async fn new(
        script: Vec<u8>,
        answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static,
    ) -> Self {
        // Both protocols use one port.
        let (tcp, udp) = loop {
            let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
                break (tcp, udp);
            }
        };
        let SocketAddr::V4(at) = tcp.local_addr().unwrap() else {
            panic!("bound to IPv4")
        };
        let heard = tokio::spawn(async move {
            let (mut stream, _) = tcp.accept().await.unwrap();
            stream.write_all(&script).await.unwrap();
            let mut heard = Vec::new();
            let _ = stream.read_to_end(&mut heard).await;
            heard
        });
        let pings = tokio::spawn(async move {
            let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let mut buffer = [0; 64];
            loop {
                let (length, from) = udp.recv_from(&mut buffer).await.unwrap();
                stranger.send_to(b"wrong!", from).await.unwrap();
                if let Some(answer) = answer(&buffer[..length]) {
                    udp.send_to(&answer, from).await.unwrap();
                }
            }
        });
        Self {
            at,
            heard,
            _pings: pings,
        }
    }
}

/// Answers like a real game.
fn pong(ping: &[u8]) -> Option<Vec<u8>> {
    assert_eq!((&ping[..2], ping.len()), (&b"PQ"[..], 6));
    let identifier = u16::from_be_bytes([ping[4], ping[5]]);
    assert_eq!(datagram(*b"PQ", identifier), ping);
    Some(datagram(*b"PR", identifier).to_vec())
}

async fn verdict(
    script: Vec<u8>,
    answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static,
) -> (Verdict, u16) {
    let game = Game::new(script, answer).await;
    (judged(game.at).await, game.at.port())
}

/// Returns the test's verdict. The test's clock moves only while nothing else happens.
async fn judged(at: SocketAddrV4) -> Verdict {
    let clock = Clock::stop();
    let verdict = clock.until(test(at)).await;
    tokio::time::resume();
    verdict
}

fn passed(warnings: &[Warning]) -> Verdict {
    let warnings = warnings.to_vec();
    Verdict::Passed { warnings }
}

fn failed(failure: Failure) -> Verdict {
    let warnings = Vec::new();
    Verdict::Failed { failure, warnings }
}

#[tokio::test]
async fn a_joinable_game_passes_even_if_strangers_send_datagrams() {
    let script = [
        frame(709, b"chat"),
        hello(),
        frame(705, b""),
        capable(&TODAY),
    ]
    .concat();
    let game = Game::new(script, pong).await;
    let verdict = judged(game.at).await;
    assert_eq!(verdict, passed(&[]));
    let lines = verdict.lines();
    assert!(lines.len() == 1 && lines[0].contains("pass"), "{lines:?}");
    let joined = b"\0\0joinerbot\0Aleph One WonderNAT V2\0\0\0\0\0";
    assert_eq!(game.heard.await.unwrap(), frame(JOINER_INFO, joined));
}

#[tokio::test]
async fn an_unreachable_game_fails() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let SocketAddr::V4(at) = free.local_addr().unwrap() else {
        panic!("bound to IPv4")
    };
    drop(free);
    let verdict = judged(at).await;
    assert_eq!(verdict, failed(Failure::NoTcp(at.port())));
    let lines = verdict.lines().join(" ");
    assert!(
        lines.contains(&format!("TCP port {}", at.port())),
        "{lines}"
    );
    assert!(lines.contains("fail") && !lines.contains("pass"), "{lines}");
}

#[tokio::test]
async fn a_missing_capability_is_a_warning() {
    use Warning::{NotLatest, OldProtocol};
    let without = |key| Vec::from_iter(TODAY.into_iter().filter(|(it, _)| *it != key));
    let table = [
        (without("Rugby"), None),
        (without("Lua"), Some(NotLatest)),
        (without("ZippedData"), Some(NotLatest)),
        (without("Star"), Some(NotLatest)),
        (without("Gameworld"), Some(NotLatest)),
        (vec![("Ring", 2), ("Gameworld", 6)], Some(OldProtocol)),
        (
            vec![("Gameworld", 2), ("Star", 6), ("Lua", 2), ("ZippedData", 1)],
            None,
        ),
        (
            vec![("Gameworld", 2), ("Star", 5), ("Lua", 2), ("ZippedData", 1)],
            Some(NotLatest),
        ),
        (vec![], Some(NotLatest)),
    ];
    for (can, warning) in table {
        let (verdict, _) = verdict([hello(), capable(&can)].concat(), pong).await;
        assert_eq!(verdict, passed(&Vec::from_iter(warning)), "{can:?}");
    }
}

#[tokio::test]
async fn a_game_that_does_not_support_pings_is_not_pinged() {
    let can = [("Gameworld", 2), ("Star", 6), ("Lua", 2), ("ZippedData", 1)];
    let (latest, _) = verdict([hello(), capable(&can)].concat(), |_| None).await;
    assert_eq!(latest, passed(&[]));
    let can = [("Gameworld", 3), ("Lua", 2), ("ZippedData", 1)];
    let (verdict, _) = verdict([hello(), capable(&can)].concat(), |_| None).await;
    assert_eq!(verdict, passed(&[Warning::NotLatest]));
}

#[tokio::test]
async fn an_answer_that_is_not_of_a_game_is_a_bad_response() {
    let scripts = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        [hello(), frame(1_000, b"")].concat(),
        [hello(), frame(WARNING, b"\0\x01full\0")].concat(),
        b"\xde\xad\x02\xbc\0\0\0\x07".to_vec(),
        b"\xde\xad\x02\xbc\xff\xff\xff\xff".to_vec(),
    ];
    for script in scripts {
        let (verdict, port) = verdict(script.clone(), pong).await;
        let Verdict::Failed { failure, .. } = &verdict else {
            panic!("{script:?}: {verdict:?}")
        };
        assert!(
            matches!(failure, Failure::BadTcp(it, _) if *it == port),
            "{failure:?}"
        );
        let lines = verdict.lines().join(" ").to_lowercase();
        assert!(lines.contains("bad response"), "{lines}");
    }
    for (script, said) in [
        (frame(1_000, b""), "a packet of type 1000"),
        (frame(WARNING, b"\0\x01full\0"), "it warned: full"),
        (frame(702, &[0; MAX_FRAME_BYTES - 7]), "it sent too much"),
    ] {
        let (verdict, _) = verdict([hello(), script].concat(), pong).await;
        let lines = verdict.lines().join(" ");
        assert!(lines.contains(said), "{lines}");
    }
    let longest = frame(702, &[0; MAX_FRAME_BYTES - 8]);
    let script = [hello(), longest, capable(&TODAY)].concat();
    assert_eq!(verdict(script, pong).await.0, passed(&[]));
}

#[tokio::test]
async fn a_closed_connection_is_a_bad_response() {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let SocketAddr::V4(at) = tcp.local_addr().unwrap() else {
        panic!("bound to IPv4")
    };
    let (verdict, accepted) = tokio::join!(judged(at), async { drop(tcp.accept().await) });
    let () = accepted;
    assert!(matches!(
        verdict,
        Verdict::Failed {
            failure: Failure::BadTcp(..),
            ..
        }
    ));
}

#[tokio::test]
async fn a_frame_in_pieces_ends_at_its_length() {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = tcp.local_addr().unwrap();
    let (stream, accepted) = tokio::join!(TcpStream::connect(at), tcp.accept());
    let (mut stream, mut game) = (stream.unwrap(), accepted.unwrap().0);
    game.write_all(b"ab").await.unwrap();
    stream.readable().await.unwrap();
    let (first, sent) = tokio::join!(read(&mut stream, 4), game.write_all(b"cdef"));
    sent.unwrap();
    assert_eq!(first.unwrap(), b"abcd");
    assert_eq!(read(&mut stream, 2).await.unwrap(), b"ef");
}

#[tokio::test]
async fn a_silent_game_is_asked_once_and_then_fails() {
    let game = Game::new(Vec::new(), pong).await;
    let reason = "it sent nothing".to_owned();
    assert_eq!(
        judged(game.at).await,
        failed(Failure::BadTcp(game.at.port(), reason))
    );
    assert_eq!(game.heard.await.unwrap(), frame(KEEP_ALIVE, b""));
}

#[tokio::test]
async fn wrong_and_missing_answers_to_pings_fail() {
    let script = [hello(), capable(&TODAY)].concat();
    let wrong: [fn(Vec<u8>) -> Vec<u8>; 5] = [
        |pong| pong[..5].to_vec(),
        |pong| [&pong[..], b"!"].concat(),
        |pong| [b"PQ", &pong[2..]].concat(),
        |pong| [&pong[..2], &[pong[2] ^ 1], &pong[3..]].concat(),
        |pong| {
            let other = u16::from_be_bytes([pong[4], pong[5]]).wrapping_add(1);
            datagram(*b"PR", other).to_vec()
        },
    ];
    for spoil in wrong {
        let (verdict, port) = verdict(script.clone(), move |ping| pong(ping).map(spoil)).await;
        assert_eq!(verdict, failed(Failure::BadUdp(port)));
    }
    let (verdict, port) = verdict(script, |_| None).await;
    assert_eq!(verdict, failed(Failure::NoUdp(port)));
}

#[test]
fn pings_are_as_specified() {
    // `docs/specifications/myth-metaserver.md`, section 29.
    assert_eq!(crc(b"123456789"), 0x29b1);
    let table = [
        (
            0x0001,
            [0x50, 0x51, 0xd1, 0xc6, 0, 1],
            [0x50, 0x52, 0x3f, 0x14, 0, 1],
        ),
        (0x1234, *b"PQ\xd2\x21\x12\x34", *b"PR\x3c\xf3\x12\x34"),
        (0xffff, *b"PQ\xdc\xe8\xff\xff", *b"PR\x32\x3a\xff\xff"),
    ];
    for (identifier, request, response) in table {
        assert_eq!(datagram(*b"PQ", identifier), request);
        assert_eq!(datagram(*b"PR", identifier), response);
    }
}

proptest! {
    #[test]
    fn any_capabilities_are_parsed_without_panic(body: Vec<u8>) {
        let _ = Capabilities::parse(&body).warning();
    }
}
