//! The connectivity test of `.test`: can others join this game? (section 19)

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

use crate::aleph_one::text;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// After which a silent game is asked whether it is there, and then given up.
const SILENCE: Duration = Duration::from_secs(10);
/// How long a game may talk without saying what it can do.
const TALK_TIMEOUT: Duration = Duration::from_secs(30);
/// What comes before a game says what it can do is short.
const MAX_FRAME_BYTES: usize = 64 * 1024;

const SIGNATURE: u16 = 0xdead;
const KEEP_ALIVE: u16 = 202;
const HELLO: u16 = 700;
const JOINER_INFO: u16 = 701;
const CAPABILITIES: u16 = 703;
const WARNING: u16 = 713;
/// What a game may say besides (section 19.1).
const TOLERATED: [u16; 14] = [
    KEEP_ALIVE, 702, 705, 706, 707, 708, 709, 711, 714, 715, 716, 717, 718, 719,
];
/// Whose name the game's players may see for a moment.
const NAME: &[u8] = b"joinerbot\0";

const PINGS: u32 = 3;
const PING_TIMEOUT: Duration = Duration::from_millis(350);

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Others can join.
    Passed {
        /// What might keep some from it.
        warnings: Vec<Warning>,
    },
    /// Others cannot join.
    Failed {
        /// Why not.
        failure: Failure,
        /// What else was seen before.
        warnings: Vec<Warning>,
    },
}

/// Something that does not keep all from joining.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Warning {
    /// The game speaks the ring protocol only.
    OldProtocol,
    /// The game lacks what players of the latest version need.
    NotLatest,
}

/// What keeps others from joining.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No TCP connection to this port.
    NoTcp(u16),
    /// The game answered on this TCP port, but not as a game does.
    BadTcp(u16, String),
    /// Nothing came back from this UDP port.
    NoUdp(u16),
    /// What came back from this UDP port was wrong.
    BadUdp(u16),
}

impl Verdict {
    /// The lines for the player who asked, in order; the last contains `pass` or `fail`.
    #[must_use]
    pub(super) fn lines(&self) -> Vec<String> {
        let (failure, warnings) = match self {
            Self::Passed { warnings } => (None, warnings),
            Self::Failed { failure, warnings } => (Some(failure), warnings),
        };
        let last = match (failure, warnings.is_empty()) {
            (Some(_), _) => "Connectivity test failed: others cannot join your game.",
            (None, true) => "Connectivity test passed.",
            (None, false) => "Connectivity test passed, with warnings.",
        };
        let warnings = warnings.iter().map(ToString::to_string);
        let failure = failure.map(ToString::to_string);
        let mut lines: Vec<String> = warnings.chain(failure).collect();
        lines.push(last.to_owned());
        lines
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OldProtocol => "Your game uses an old network protocol.",
            Self::NotLatest => "Your game is not compatible with the latest version.",
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTcp(port) => write!(f, "Could not connect to TCP port {port}."),
            Self::BadTcp(port, reason) => {
                write!(f, "Bad response from TCP port {port}: {reason}.")
            }
            Self::NoUdp(port) => write!(f, "No response from UDP port {port}."),
            Self::BadUdp(port) => write!(f, "Bad response from UDP port {port}."),
        }
    }
}

/// Tests the game at `host`, TCP and UDP. Takes at most about 35 s. Dropping the future ends the
/// test and closes its sockets.
pub(super) async fn test(host: SocketAddrV4) -> Verdict {
    let fail = |failure, warnings| Verdict::Failed { failure, warnings };
    let connected = timeout(CONNECT_TIMEOUT, TcpStream::connect(host)).await;
    let Ok(Ok(stream)) = connected else {
        return fail(Failure::NoTcp(host.port()), Vec::new());
    };
    let talked = timeout(TALK_TIMEOUT, capabilities(stream)).await;
    let capabilities = match talked.unwrap_or_else(|_| Err("it did not come to the point".into())) {
        Ok(capabilities) => capabilities,
        Err(reason) => return fail(Failure::BadTcp(host.port(), reason), Vec::new()),
    };
    let warnings = Vec::from_iter(capabilities.warning());
    if !capabilities.answers_pings() {
        return Verdict::Passed { warnings };
    }
    match ping(host).await {
        Ping::Right => Verdict::Passed { warnings },
        Ping::Nothing => fail(Failure::NoUdp(host.port()), warnings),
        Ping::Wrong => fail(Failure::BadUdp(host.port()), warnings),
    }
}

/// Joins, as far as it takes to hear what the game can do (section 19.1).
async fn capabilities(mut stream: TcpStream) -> Result<Capabilities, String> {
    loop {
        let (number, body) = next_frame(&mut stream).await?;
        match number {
            HELLO => {
                let version = string(&body).map_or(&body[..], |(version, _)| version);
                let info = [&[0, 0], NAME, version, &[0], &[0; 4]].concat();
                let sent = stream.write_all(&frame(JOINER_INFO, &info)).await;
                sent.map_err(|error| lost(&error))?;
            }
            CAPABILITIES => return Ok(Capabilities::parse(&body)),
            WARNING => {
                let text = body.get(2..).and_then(string).map(|(text, _)| text);
                let text = text::decode(text.unwrap_or_default());
                return Err(format!(
                    "it warned: {}",
                    text.replace(char::is_control, " ")
                ));
            }
            _ if TOLERATED.contains(&number) => {}
            _ => return Err(format!("it sent a packet of type {number}")),
        }
    }
}

/// The next frame, asking once in between whether the game is there.
async fn next_frame(stream: &mut TcpStream) -> Result<(u16, Vec<u8>), String> {
    let header = read(stream, 8).await?;
    let [s0, s1, n0, n1, l0, l1, l2, l3] = *header.first_chunk().expect("8 bytes were read");
    let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
    if u16::from_be_bytes([s0, s1]) != SIGNATURE || length < 8 {
        return Err("it does not speak the game's protocol".to_owned());
    }
    if length > MAX_FRAME_BYTES {
        return Err("it sent too much".to_owned());
    }
    let body = read(stream, length - 8).await?;
    Ok((u16::from_be_bytes([n0, n1]), body))
}

async fn read(stream: &mut TcpStream, length: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(length);
    let mut asked = false;
    while bytes.len() < length {
        let rest = (length - bytes.len()) as u64;
        let mut limited = (&mut *stream).take(rest);
        match timeout(SILENCE, limited.read_buf(&mut bytes)).await {
            Ok(Ok(0)) => return Err("it closed the connection".to_owned()),
            Ok(Ok(_)) => asked = false,
            Ok(Err(error)) => return Err(lost(&error)),
            Err(_) if asked => return Err("it said nothing".to_owned()),
            Err(_) => {
                asked = true;
                let sent = stream.write_all(&frame(KEEP_ALIVE, b"")).await;
                sent.map_err(|error| lost(&error))?;
            }
        }
    }
    Ok(bytes)
}

fn lost(error: &io::Error) -> String {
    format!("the connection was lost ({})", error.kind())
}

fn frame(number: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(8 + body.len()).unwrap_or(u32::MAX);
    let mut frame = SIGNATURE.to_be_bytes().to_vec();
    frame.extend(number.to_be_bytes());
    frame.extend(length.to_be_bytes());
    frame.extend(body);
    frame
}

/// The bytes before the first NUL, and those behind it.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// What a game says that it can do, as far as it matters; 0 is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Capabilities {
    gameworld: u32,
    star: u32,
    ring: u32,
    lua: u32,
    zipped_data: u32,
}

impl Capabilities {
    fn parse(mut body: &[u8]) -> Self {
        let mut parsed = Self::default();
        while let Some((key, rest)) = string(body) {
            let Some((value, rest)) = rest.split_first_chunk() else {
                break;
            };
            let value = u32::from_be_bytes(*value);
            match key {
                b"Gameworld" => parsed.gameworld = value,
                b"Star" => parsed.star = value,
                b"Ring" => parsed.ring = value,
                b"Lua" => parsed.lua = value,
                b"ZippedData" => parsed.zipped_data = value,
                _ => {}
            }
            body = rest;
        }
        parsed
    }

    fn warning(self) -> Option<Warning> {
        if self.ring > 0 && self.star == 0 {
            return Some(Warning::OldProtocol);
        }
        let latest =
            self.gameworld >= 2 && self.lua >= 2 && self.star >= 6 && self.zipped_data >= 1;
        (!latest).then_some(Warning::NotLatest)
    }

    fn answers_pings(self) -> bool {
        self.gameworld >= 3 && self.star > 0
    }
}

/// What came back from a ping.
enum Ping {
    Right,
    Wrong,
    Nothing,
}

/// Pings the game (section 19.2). What others send is not looked at.
async fn ping(host: SocketAddrV4) -> Ping {
    let Ok(socket) = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await else {
        return Ping::Nothing;
    };
    let identifier = fastrand::u16(1..);
    let request = datagram(*b"PQ", identifier);
    for _ in 0..PINGS {
        // What cannot be sent is not answered.
        let _ = socket.send_to(&request, host).await;
        if let Ok(answer) = timeout(PING_TIMEOUT, answer(&socket, host)).await {
            return match answer == datagram(*b"PR", identifier) {
                true => Ping::Right,
                false => Ping::Wrong,
            };
        }
    }
    Ping::Nothing
}

/// The next datagram from `host`, at most one byte more than an answer has.
async fn answer(socket: &UdpSocket, host: SocketAddrV4) -> Vec<u8> {
    let mut buffer = [0; 7];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) if from == SocketAddr::V4(host) => return buffer[..length].to_vec(),
            Ok(_) => {}
            // Such as "unreachable", for a datagram before: another may come through.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

fn datagram([a, b]: [u8; 2], identifier: u16) -> [u8; 6] {
    let [c, d] = identifier.to_be_bytes();
    let [e, f] = crc(&[a, b, 0, 0, c, d]).to_be_bytes();
    [a, b, e, f, c, d]
}

/// CRC-16 with polynomial 0x1021 and initial value 0xFFFF.
fn crc(bytes: &[u8]) -> u16 {
    let step = |crc: u16, _| match crc & 0x8000 {
        0 => crc << 1,
        _ => (crc << 1) ^ 0x1021,
    };
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), step)
    })
}

#[cfg(test)]
#[path = "../../../tests/clock/mod.rs"]
mod clock;

#[cfg(test)]
mod tests {
    use super::{clock::Clock, *};
    use proptest::prelude::*;
    use tokio::{net::TcpListener, task::JoinHandle};

    /// What the client of today says.
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
        let entry =
            |(key, value): &(&str, u32)| [key.as_bytes(), &[0], &value.to_be_bytes()].concat();
        let body: Vec<u8> = of.iter().flat_map(entry).collect();
        frame(CAPABILITIES, &body)
    }

    /// A game that says `script`, and answers pings with what `answer` makes of them.
    struct Game {
        at: SocketAddrV4,
        /// What the tester said.
        heard: JoinHandle<Vec<u8>>,
        _pings: JoinHandle<()>,
    }

    impl Game {
        async fn new(
            script: Vec<u8>,
            answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static,
        ) -> Self {
            // Both protocols at one port.
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

    /// As a game answers.
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

    /// The test's verdict. Time passes for it only while nothing else happens.
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
    async fn a_game_that_others_can_join_passes_whatever_strangers_send() {
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
    async fn a_game_that_nobody_can_reach_fails() {
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
    async fn what_some_games_lack_is_a_warning() {
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
    async fn a_game_without_pings_needs_none() {
        let can = [("Gameworld", 2), ("Star", 6), ("Lua", 2), ("ZippedData", 1)];
        let (latest, _) = verdict([hello(), capable(&can)].concat(), |_| None).await;
        assert_eq!(latest, passed(&[]));
        let can = [("Gameworld", 3), ("Lua", 2), ("ZippedData", 1)];
        let (verdict, _) = verdict([hello(), capable(&can)].concat(), |_| None).await;
        assert_eq!(verdict, passed(&[Warning::NotLatest]));
    }

    #[tokio::test]
    async fn whatever_does_not_join_like_a_game_is_a_bad_response() {
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
    async fn a_game_that_leaves_is_a_bad_response() {
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
    async fn a_frame_that_comes_in_pieces_ends_where_it_says() {
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
    async fn a_silent_game_is_asked_and_then_given_up() {
        let game = Game::new(Vec::new(), pong).await;
        let reason = "it said nothing".to_owned();
        assert_eq!(
            judged(game.at).await,
            failed(Failure::BadTcp(game.at.port(), reason))
        );
        assert_eq!(game.heard.await.unwrap(), frame(KEEP_ALIVE, b""));
    }

    #[tokio::test]
    async fn wrong_answers_to_pings_fail_and_none_as_well() {
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
    fn pings_are_those_of_the_specification() {
        // Section 29.
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
        fn any_capabilities_are_met_calmly(body: Vec<u8>) {
            let _ = Capabilities::parse(&body).warning();
        }
    }
}
