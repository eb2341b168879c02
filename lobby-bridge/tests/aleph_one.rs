//! Tests of what each player of Aleph One can rely on, whatever other players do.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "waits are bounded by the clock")]

mod clock;
mod hall;

use std::{net::SocketAddr, time::Duration};

use clock::Clock;
use hall::{
    Hall, PATIENCE, Peer, packets,
    peer::{KEEP_ALIVE, Next},
};
use metaserve_lobby_bridge::{
    accounts::{self, Accounts},
    aleph_one::{Links, Server, Settings},
    bans::Guard,
    metrics::Tally,
    publish::Listings,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use tokio_util::sync::CancellationToken;

/// Returns pseudo-random bytes.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed + 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Waits until the server closes the connection, perhaps with a reset.
async fn ends(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    let _ = end.expect("the connection is closed");
}

#[tokio::test]
async fn garbage_affects_only_its_sender() {
    let hall = Hall::open().await;
    let mut witness = hall.guest("Witness").await;
    let frame = packets::frame;
    let mut too_long = frame(200, b"");
    too_long[4..8].copy_from_slice(&10_241_u32.to_be_bytes());
    let garbage = [
        noise(1, 100_000),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        frame(100, &[0; 181]),
        frame(116, b""),
        too_long,
        frame(200, &noise(2, 10)),
        frame(104, &noise(3, 3)),
    ];
    for (number, garbage) in garbage.iter().enumerate() {
        let mut at_login = Peer::connect(hall.login).await;
        let _ = at_login.try_send(garbage).await;
        at_login.expect_end().await;
        let mut inside = hall.guest(&format!("Garbler {number}")).await;
        let _ = inside.try_send(garbage).await;
        inside.expect_end().await;
    }
    witness.say("all is well").await;
}

#[tokio::test]
async fn chat_may_contain_any_byte_and_arrives_unchanged() {
    let hall = Hall::open().await;
    let (mut ann, bob) = (hall.guest("Ann").await, hall.guest("Bob").await);
    let all: Vec<u8> = (0x21..=0xff).collect();
    bob.send(&packets::chat(bob.id, &all)).await;
    let body = ann
        .until(200, |body| hall::peer::contains(body, &all))
        .await;
    assert_eq!(body.last(), Some(&0));
    // A text without a NUL at the end of its frame is not lost.
    let whole = packets::chat(bob.id, b"cut off");
    let mut cut = whole[..whole.len() - 1].to_vec();
    let length = u32::try_from(cut.len()).unwrap();
    cut[4..8].copy_from_slice(&length.to_be_bytes());
    bob.send(&cut).await;
    ann.hears("cut off").await;
}

#[tokio::test]
async fn a_player_who_never_reads_is_dropped_and_delays_no_one() {
    let hall = Hall::with(|rules| {
        let limits = &mut rules.limits;
        limits.queued_bytes = 128 * 1024;
        limits.burst_bytes = usize::MAX;
        limits.burst_packets = usize::MAX;
    })
    .await;
    let mut alice = hall.guest("Alice").await;
    let mut login = Peer::connect(hall.login).await;
    let (deaf_id, token) = login.log_in_as_guest("Deaf").await;
    // This player enters with small buffers, and never reads.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut deaf = socket.connect(hall.rooms[0]).await.unwrap();
    deaf.write_all(&packets::room_login(&token, "guest"))
        .await
        .unwrap();
    deaf.write_all(&packets::player_data(b"", false))
        .await
        .unwrap();
    let about_deaf =
        |verb: u8| move |body: &[u8]| body[1] == verb && body[8..12] == deaf_id.to_be_bytes();
    alice.until(1, about_deaf(0)).await;
    let line = "x".repeat(1_000);
    let mut rounds = 0;
    loop {
        rounds += 1;
        assert!(rounds < 100_000, "never dropped");
        alice.send(&packets::chat(alice.id, line.as_bytes())).await;
        match alice.next(PATIENCE).await {
            Next::Frame(200, _) => {}
            Next::Frame(1, body) if about_deaf(1)(&body) => break,
            other => panic!("{other:?}"),
        }
    }
    ends(&mut deaf).await;
    alice.hears(&line).await;
    alice.say("and on").await;
}

#[tokio::test]
async fn only_a_player_who_floods_is_slowed_down() {
    let clock = Clock::stop();
    let hall = Hall::with(|rules| {
        rules.limits.burst_packets = 20;
        rules.limits.packets_per_second = 1;
    })
    .await;
    let mut ann = hall.guest("Ann").await;
    let flooder = hall.guest("Flooder").await;
    let flood = packets::chat(flooder.id, b"flood").repeat(500);
    flooder.send(&flood).await;
    clock.settle().await;
    let mut heard = 0;
    ann.send(&packets::chat(ann.id, b"excuse me")).await;
    loop {
        let body = ann.until(200, |_| true).await;
        if hall::peer::contains(&body, b"excuse me") {
            break;
        }
        heard += 1;
    }
    // The packets of entering count too. After the last one of the burst there is a pause.
    assert_eq!(heard, 20 + 1 - 2, "lines");
    clock.pass(Duration::from_secs(3)).await;
    ann.say("and after three seconds").await;
}

#[tokio::test]
async fn half_open_logins_use_only_their_own_places() {
    let hall = Hall::with(|rules| {
        rules.limits.logins_per_host = 4;
        rules.limits.logins = 20;
    })
    .await;
    let mut ann = hall.guest("Ann").await;
    let mut half_open = Vec::new();
    for number in 0..300 {
        let mut stream = TcpStream::connect(hall.login).await.unwrap();
        if number >= 4 {
            ends(&mut stream).await;
        } else {
            stream
                .write_all(&packets::login("bob", b"Bob")[..100])
                .await
                .unwrap();
            half_open.push(stream);
        }
    }
    ann.say("I do not notice").await;
    // Another host has its own places.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = socket.connect(hall.login).await.unwrap();
    other
        .write_all(&packets::login("guest", b"Other"))
        .await
        .unwrap();
    let mut accept = [0; 8];
    other.read_exact(&mut accept).await.unwrap();
    assert_eq!(accept, *b"\xde\xad\x00\x0c\0\0\0\x08");
    // A place is free again when its connection ends.
    drop(half_open);
    loop {
        let mut peer = Peer::connect(hall.login).await;
        let _ = peer.try_send(&packets::login("guest", b"Bob")).await;
        if let Next::Frame(12, _) = peer.next(PATIENCE).await {
            break;
        }
    }
}

#[tokio::test]
async fn many_idle_connections_do_not_keep_players_out() {
    let hall = Hall::with(|rules| {
        rules.limits.logins = 20;
        rules.limits.seats = 20;
    })
    .await;
    let mut idle = Vec::new();
    for address in [hall.login, hall.rooms[0]] {
        for number in 0..20 {
            let socket = TcpSocket::new_v4().unwrap();
            // Ten from each of two addresses.
            let from = SocketAddr::from(([127, 0, 1, 1 + number % 2], 0));
            socket.bind(from).unwrap();
            idle.push(socket.connect(address).await.unwrap());
        }
    }
    let mut player = hall.guest("Player").await;
    player.say("in").await;
    drop(idle);
}

#[tokio::test]
async fn a_silent_login_is_closed_without_a_question() {
    let clock = Clock::stop();
    let hall = Hall::open().await;
    for address in [hall.login, hall.rooms[0]] {
        let mut mute = Peer::connect(address).await;
        // Bytes that are not a complete packet are no sign of life.
        let _ = mute.try_send(&packets::localization()[..9]).await;
        clock.until(mute.expect_end()).await;
        assert!(mute.keep_alives.try_recv().is_err(), "it was asked");
    }
}

#[tokio::test]
async fn a_player_without_a_sign_of_life_is_disconnected() {
    let clock = Clock::stop();
    let hall = Hall::open().await;
    let mut ann = hall.guest("Ann").await;
    let mut login = Peer::connect(hall.login).await;
    let (id, token) = login.log_in_as_guest("Mute").await;
    let mut mute = Peer::open(hall.rooms[0], false).await.unwrap();
    mute.send(&packets::room_login(&token, "guest")).await;
    mute.send(&packets::player_data(b"", false)).await;
    clock.until(mute.expect_end()).await;
    assert!(mute.keep_alives.recv().await.is_some());
    let gone = |body: &[u8]| body[1] == 1 && body[8..12] == id.to_be_bytes();
    ann.until(1, gone).await;
    // Players who answer stay. Unasked signs of life are not answered.
    for _ in 0..5 {
        assert!(clock.until(ann.keep_alives.recv()).await.is_some());
    }
    ann.send(&packets::frame(KEEP_ALIVE, b"")).await;
    ann.say("still here").await;
}

#[tokio::test]
async fn guessing_passwords_is_stopped() {
    let hall = Hall::open().await;
    hall.account("bob", "secret", false).await;
    let mut refused = None;
    for attempt in 0..50 {
        let mut peer = Peer::connect(hall.login).await;
        peer.send(&packets::login("bob", b"Bob")).await;
        peer.expect(6).await;
        peer.send(&packets::password(&format!("guess {attempt}")))
            .await;
        let body = peer.expect(3).await;
        if body[3] != 3 {
            refused = Some(String::from_utf8_lossy(&body[4..]).into_owned());
            break;
        }
        peer.expect_end().await;
    }
    let refused = refused.expect("guessing goes on");
    assert!(refused.contains("Too many failed logins"), "{refused}");
    hall.guest("Ann").await;
}

#[tokio::test]
async fn without_a_database_guests_can_play_and_accounts_get_a_reason() {
    let nowhere = "mysql://nobody:nothing@127.0.0.1:1/none";
    let options = accounts::Settings {
        patience: Duration::from_secs(1),
        ..accounts::Settings::default()
    };
    let accounts = Accounts::open(nowhere, options).await.unwrap();
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let settings = Settings {
        login: anywhere,
        rooms: vec![anywhere],
        ..Settings::default()
    };
    let links = Links {
        accounts: Some(accounts),
        listings: Listings::default(),
        bans: Guard::none(),
        natives: None,
        bridge: None,
        tally: Tally::default(),
    };
    let server = Server::bind(settings, links).unwrap();
    let login = server.local_addresses()[0];
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(server.run(shutdown.clone()));

    let mut bob = Peer::connect(login).await;
    bob.send(&packets::login("bob", b"Bob")).await;
    bob.expect(6).await;
    bob.send(&packets::password("secret")).await;
    let mut ann = Peer::connect(login).await;
    ann.log_in_as_guest("Ann").await;
    let text = bob.denied(1).await;
    assert!(text.contains("as a guest"), "{text}");

    shutdown.cancel();
    tokio::time::timeout(PATIENCE, running)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn changes_by_other_programs_take_effect_at_the_next_login() {
    let hall = Hall::open().await;
    hall.account("bob", "secret", false).await;
    let bob = hall.player("bob", "secret", "Bob").await;
    let mut ann = hall.guest("Ann").await;
    bob.send(&packets::private_message(bob.id, ann.id, b".kick"))
        .await;
    drop(bob);
    hall.run("UPDATE \"user\" SET moderator = 1").await;
    let bob = loop {
        let mut login = Peer::connect(hall.login).await;
        login.send(&packets::login("bob", b"Bob")).await;
        // Repeat until the first connection is known to be gone.
        if let Next::Frame(6, _) = login.next(PATIENCE).await {
            break hall.player("bob", "secret", "Bob").await;
        }
    };
    ann.say("the first one could not").await;
    bob.send(&packets::private_message(bob.id, ann.id, b".kick"))
        .await;
    ann.told("has kicked").await;
    ann.expect_end().await;
}

#[tokio::test]
async fn closing_ends_everything_in_order() {
    let hall = Hall::open().await;
    let mut host = hall.guest("Host").await;
    let game = packets::description("Host's Game", "Somewhere", 1);
    host.send(&packets::create_game(4226, 0, &game)).await;
    host.until(2, |_| true).await;
    assert_eq!(hall.listings.now().len(), 1);
    let mut at_login = Peer::connect(hall.login).await;
    at_login.send(&packets::login("guest", b"Late")).await;
    at_login.expect(12).await;
    let listings = hall.listings.clone();
    hall.close().await;
    host.told("closing").await;
    host.expect_end().await;
    at_login.expect_end().await;
    assert_eq!(listings.now(), []);
}

#[tokio::test]
async fn a_hall_whose_owner_panics_stops_and_closes_all_connections() {
    let hall = Hall::with(|rules| {
        // Too long to compute when it ends.
        rules.limits.token_time = Duration::MAX;
    })
    .await;
    let mut waiting = Peer::connect(hall.login).await;
    let mut leaving = Peer::connect(hall.login).await;
    leaving.log_in_as_guest("Leaving").await;
    drop(leaving);
    waiting.expect_end().await;
    let why = hall.stopped().await;
    assert!(
        why.starts_with("the owner of its state has stopped: it panicked: "),
        "{why}"
    );
}
