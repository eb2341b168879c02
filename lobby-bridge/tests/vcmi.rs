//! Tests of what each launcher can rely on, over real sockets, whatever others do.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "waits are bounded by the clock")]

mod clock;
#[path = "harness/game.rs"]
mod game;
mod harness;

use std::time::Duration;

use clock::Clock;
use game::Game;
use harness::{Lobby, frame, keep_busy, noise, text};
use metaserve_lobby_bridge::vcmi::Settings;
use tokio::time::Instant;

const ERROR: &str = ":>>ERROR:Protocol error or incorrect encoding";

#[tokio::test]
async fn invalid_lengths_end_the_connection() {
    let lobby = Lobby::open();
    let mut witness = lobby.launcher(5, "witness").await;
    // (what is sent before and after the login, the answer)
    let table = [
        (&[0, 0, 0, 0], ""),
        (&[0xff, 0xff, 0xff, 0xff], ERROR),
        (&[1, 0, 2, 0], ERROR),
    ];
    for (length, answer) in table {
        let mut stranger = lobby.connect().await;
        stranger.send(length).await;
        stranger.expect_end().await;

        let mut user = lobby.launcher(5, "eve").await;
        user.send(length).await;
        user.expect(answer).await;
        user.expect_end().await;
        witness.until(":>>USERS:2:witness:eve").await;
        witness.expect(":>>USERS:1:witness").await;
    }
}

#[tokio::test]
async fn a_frame_of_the_maximum_length_is_accepted() {
    let lobby = Lobby::open();
    let mut user = lobby.launcher(5, "verbose").await;
    let chat = "x".repeat(128 * 1024 - "<MSG>".len());
    user.say(format!("<MSG>{chat}")).await;
    user.expect(format!(":>>MSGCH:verbose:global:{chat}")).await;
}

#[tokio::test]
async fn slow_peers_are_disconnected() {
    let clock = Clock::stop();
    let lobby = Lobby::open();
    let unfinished = frame("<MSG>never ends");
    let unfinished = &unfinished[..unfinished.len() - 1];

    let mut user = lobby.launcher(3, "slowloris").await;
    user.send(unfinished).await;
    let mut mute = lobby.connect().await;
    let mut slow = lobby.connect().await;
    slow.send(&frame("\u{5}\u{4}utf8<GREETINGS>x")[..9]).await;
    let mut anonymous = lobby.connect().await;
    anonymous.greet(5, "x").await;
    anonymous.until("Too short username x").await;
    let mut game = lobby.connect().await;
    game.send(&frame("Aiya!\n")).await;

    let mut impatient = [&mut user, &mut mute, &mut slow, &mut game];
    clock.pass(Duration::from_secs(29)).await;
    for dawdler in &mut impatient {
        assert_eq!(clock.at_once(dawdler.expect_end()).await, None, "too early");
    }
    clock.pass(Duration::from_secs(2)).await;
    for dawdler in impatient {
        dawdler.expect_end().await;
    }
    clock.pass(Duration::from_secs(28)).await;
    assert_eq!(
        clock.at_once(anonymous.expect_end()).await,
        None,
        "too early"
    );
    clock.pass(Duration::from_secs(2)).await;
    anonymous.expect_end().await;
}

#[tokio::test]
async fn a_client_that_never_reads_is_dropped_and_delays_no_one() {
    let lobby = Lobby::with(|limits| {
        limits.queued_bytes = 256 * 1024;
        limits.burst_bytes = usize::MAX;
    });
    let mut deaf = lobby.launcher(5, "deaf").await;
    let [mut alice, mut bobby] = [
        lobby.launcher(5, "alice").await,
        lobby.launcher(5, "bobby").await,
    ];
    alice.expect(":>>USERS:3:deaf:alice:bobby").await;
    let chat = "x".repeat(100_000);
    // Until the kernel accepts no more data for the client that does not read.
    let mut rounds = 0;
    let gone = ":>>USERS:2:alice:bobby";
    loop {
        alice.say(format!("<MSG>{chat}")).await;
        let message = format!(":>>MSGCH:alice:global:{chat}");
        alice.expect(&message).await;
        bobby.expect(&message).await;
        rounds += 1;
        alice.say("<ROOT>rooms").await;
        if alice.until(":>>MSG:System:0").await == gone {
            break;
        }
        assert!(rounds < 1_000, "never dropped");
    }
    bobby.expect(gone).await;
    // Its unread messages are dropped, and its connection is closed.
    let deadline = Instant::now() + harness::PATIENCE;
    while deaf.read(deadline).await {}
    assert!(deaf.ended);
}

#[tokio::test]
async fn a_client_that_floods_is_slowed_down_and_no_one_is_dropped() {
    let lobby = Lobby::with(|limits| {
        limits.queued_bytes = 256 * 1024;
        limits.burst_bytes = 128 * 1024;
        limits.bytes_per_second = 1;
    });
    let mut slow = lobby.launcher(5, "slow").await;
    let flooder = lobby.launcher(5, "flooder").await;
    let chat = frame(format!("<MSG>{}", "x".repeat(10_000)));
    // Sixteen megabytes, of which the lobby reads what the burst allows.
    let flood = flooder.send_meanwhile(chat.repeat(1_600));
    keep_busy(&lobby).await;
    assert!(!flood.is_finished(), "all of it was taken in");
    slow.say("<MSG>still here").await;
    let read = slow.until(":>>MSGCH:slow:global:still here").await;
    assert!(
        read.matches(":>>MSGCH:flooder").count() <= 14,
        "{} bytes",
        read.len()
    );
}

#[tokio::test]
async fn garbage_of_one_client_does_not_affect_others() {
    let lobby = Lobby::open();
    let mut witness = lobby.launcher(5, "witness").await;
    for number in 0..4 {
        let mut garbler = lobby.connect().await;
        let _ = garbler.try_send(&noise(number, 100_000)).await;
        let mut user = lobby.launcher(5, &format!("user{number}")).await;
        user.say(noise(number + 9, 50_000)).await;
        user.say("<MSG>\u{1}\0:>>START:x").await;
        witness.until(":>>MSGCH:user").await;
        witness.expect(format!("{number}:global:: >>START:x")).await;
    }
}

#[tokio::test]
async fn a_client_beyond_the_capacity_gets_a_reason_and_games_are_not_counted() {
    let lobby = Lobby::with(|limits| limits.capacity = 3);
    let game = Game::start(&lobby).await;
    let _users = [
        lobby.launcher(5, "one").await,
        lobby.launcher(5, "two").await,
        lobby.launcher(5, "three").await,
    ];
    let mut fourth = lobby.connect().await;
    fourth.greet(5, "four").await;
    fourth.expect(":>>ERROR:Server is full").await;
    fourth.expect_end().await;
    game.pair(&lobby, 0).await;
}

#[tokio::test]
async fn many_connections_from_one_address_do_not_lock_others_out() {
    let lobby = Lobby::with(|limits| {
        limits.capacity = 3;
        limits.undecided = 4;
    });
    let idle = [
        lobby.connect().await,
        lobby.connect().await,
        lobby.connect().await,
        lobby.connect().await,
    ];
    let mut lone = lobby.connect_from([127, 0, 0, 2]).await;
    lone.greet(5, "lone").await;
    lone.until(":>>USERS:1:lone").await;
    drop(idle);
    // The same holds in a full lobby.
    let _first = lobby.launcher(5, "first").await;
    let mut newest = lobby.launcher(5, "newest").await;
    let mut other = lobby.connect_from([127, 0, 0, 3]).await;
    other.greet(5, "other").await;
    other.until(":>>USERS:3:lone:first:other").await;
    newest.until(":>>ERROR:Server is full").await;
    newest.expect_end().await;
}

#[tokio::test]
async fn rooms_are_listed_at_the_address_the_host_connected_to() {
    let lobby = Lobby::open();
    let mut host = lobby.launcher(5, "host").await;
    host.say("<NEW>castle<COUNT>2<ROOT>rooms").await;
    host.until("System:1").await;
    let listed = lobby.listings.now();
    assert_eq!(listed.len(), 1);
    let (key, listing) = &listed[0];
    assert_eq!(
        (
            key.to_string().as_str(),
            listing.game.as_str(),
            listing.address
        ),
        ("vcmi/0", "vcmi", lobby.address)
    );
    assert!(
        text(&listing.heartbeat).starts_with(r#"{"name":"castle","mode":"new game","players":1"#)
    );
    host.say("<LEAVE>castle<ROOT>rooms").await;
    host.until("System:1").await;
    assert_eq!(lobby.listings.now(), []);
}

#[tokio::test]
async fn rooms_are_listed_at_the_public_address() {
    let public_addresses = vec!["198.51.100.1".parse().unwrap()];
    let lobby = Lobby::run(Settings {
        public_addresses,
        ..Settings::default()
    });
    let mut host = lobby.launcher(5, "host").await;
    host.say("<NEW>castle<COUNT>2<ROOT>rooms").await;
    host.until("System:1").await;
    let (_, listing) = &lobby.listings.now()[0];
    assert_eq!(
        listing.address.to_string(),
        format!("198.51.100.1:{}", lobby.address.port())
    );
}

#[tokio::test]
async fn closing_ends_everything_in_order() {
    let lobby = Lobby::open();
    let game = Game::start(&lobby).await;
    let (mut server, mut client) = game.pair(&lobby, 0).await;
    let mut waiting = game.client(&lobby, 1).await;
    let mut host = lobby.launcher(5, "host").await;
    host.say("<NEW>castle<COUNT>2<CHANNEL>sync").await;
    host.until("already exists").await;
    let mut stranger = lobby.connect().await;
    let listings = lobby.listings.clone();
    lobby.close().await;
    for connection in [
        &mut server,
        &mut client,
        &mut waiting,
        &mut host,
        &mut stranger,
    ] {
        connection.expect_end().await;
    }
    assert_eq!(listings.now(), []);
}
