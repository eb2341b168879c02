//! Tests of what games can rely on after their room has started, over real sockets.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "waits are bounded by the clock")]

mod clock;
#[path = "harness/game.rs"]
mod game;
mod harness;

use std::time::Duration;

use clock::Clock;
use game::Game;
use harness::{Lobby, frame, introduction, keep_busy, noise};

/// More than all buffers of a pipe can hold.
const MUCH: usize = 32 * 1024 * 1024;

#[tokio::test]
async fn a_game_of_three_exchanges_megabytes_without_a_wrong_byte() {
    const LENGTH: usize = 4 * 1024 * 1024;
    let lobby = Lobby::open();
    let game = Game::start(&lobby).await;
    let (mut s1, mut p1) = game.pair(&lobby, 0).await;
    let (mut s2, mut p2) = game.pair(&lobby, 1).await;
    let pipes = [
        (&mut s1, 1, 2),
        (&mut p1, 2, 1),
        (&mut s2, 3, 4),
        (&mut p2, 4, 3),
    ];
    let sent: Vec<_> = pipes
        .iter()
        .map(|(pipe, own, _)| pipe.send_meanwhile(noise(*own, LENGTH)))
        .collect();
    for (pipe, _, partner) in pipes {
        pipe.expect_bytes(&noise(partner, LENGTH)).await;
    }
    for sending in sent {
        sending.await.unwrap().unwrap();
    }
    lobby.close().await;
}

#[tokio::test]
async fn data_sent_before_the_partner_arrives_is_kept() {
    let lobby = Lobby::open();
    let game = Game::start(&lobby).await;
    let mut client = game.client(&lobby, 0).await;
    // Far more than is kept and than all buffers can hold: the sender has to wait with the rest.
    let early = client.send_meanwhile(noise(1, MUCH));
    keep_busy(&lobby).await;
    assert!(!early.is_finished(), "there was no partner to read it");
    let mut server = game.server(&lobby).await;
    server
        .expect(introduction("client", &game.clients[0]))
        .await;
    server.expect_bytes(&noise(1, MUCH)).await;
    early.await.unwrap().unwrap();
    server.send(b"welcome").await;
    client.expect(introduction("server", &game.server)).await;
    client.expect("welcome").await;
}

#[tokio::test]
async fn many_pipes_from_one_address_do_not_lock_others_out_of_their_game() {
    let lobby = Lobby::with(|limits| limits.pipes = 4);
    let crowd = Game::start(&lobby).await;
    let game = Game::start(&lobby).await;
    let (mut s1, mut p1) = crowd.pair(&lobby, 0).await;
    let (mut s2, mut p2) = crowd.pair(&lobby, 1).await;
    let lone = [127, 0, 0, 2];
    // The newest pipe of the crowd makes room, and its partner is closed with it.
    let mut server = lobby.connect_from(lone).await;
    server.send(&introduction("server", &game.server)).await;
    p2.expect_end().await;
    s2.expect_end().await;
    let mut client = lobby.connect_from(lone).await;
    client.send(&introduction("client", &game.clients[0])).await;
    server
        .expect(introduction("client", &game.clients[0]))
        .await;
    client.expect(introduction("server", &game.server)).await;
    // A game that has no more than its share continues.
    s1.send(b"your turn").await;
    p1.expect("your turn").await;
}

#[tokio::test]
async fn a_player_can_return_with_the_same_uuid() {
    let lobby = Lobby::open();
    let game = Game::start(&lobby).await;
    for round in ["first", "second"] {
        let (mut server, mut client) = game.pair(&lobby, 0).await;
        client.send(round.as_bytes()).await;
        server.expect(round).await;
        drop(client);
        server.expect_end().await;
    }
}

#[tokio::test]
async fn a_second_server_connection_waits_for_a_second_client() {
    let lobby = Lobby::open();
    let game = Game::start(&lobby).await;
    let (mut s1, mut p1) = game.pair(&lobby, 0).await;
    let (mut s2, mut p2) = game.pair(&lobby, 1).await;
    for (from, to, word) in [(&mut s1, &mut p1, "one"), (&mut p2, &mut s2, "two")] {
        from.send(word.as_bytes()).await;
        to.expect(word).await;
    }
}

#[tokio::test]
async fn data_sent_before_the_end_arrives_before_the_end() {
    let lobby = Lobby::open();
    let game = Game::start(&lobby).await;
    let (server, mut client) = game.pair(&lobby, 0).await;
    server
        .send_meanwhile(noise(1, 1_000_000))
        .await
        .unwrap()
        .unwrap();
    drop(server);
    client.expect_bytes(&noise(1, 1_000_000)).await;
    client.expect_end().await;
}

#[tokio::test]
async fn a_peer_that_has_ended_its_side_still_gets_the_answer() {
    let lobby = Lobby::open();
    let game = Game::start(&lobby).await;
    let (mut server, mut client) = game.pair(&lobby, 0).await;
    client.send(b"question").await;
    client.shut_down().await;
    server.expect("question").await;
    server.expect_end().await;
    let answer = server.send_meanwhile(noise(1, 1_000_000));
    client.expect_bytes(&noise(1, 1_000_000)).await;
    answer.await.unwrap().unwrap();
    drop(server);
    client.expect_end().await;
}

#[tokio::test]
async fn a_silent_partner_is_closed_soon_after_the_other_has_ended() {
    let clock = Clock::stop();
    let lobby = Lobby::open();
    let game = Game::start(&lobby).await;
    let (mut server, mut client) = game.pair(&lobby, 0).await;
    client.shut_down().await;
    server.expect_end().await;
    clock.pass(Duration::from_millis(1_900)).await;
    assert_eq!(clock.at_once(client.expect_end()).await, None, "too early");
    clock.pass(Duration::from_millis(200)).await;
    client.expect_end().await;
}

#[tokio::test]
async fn a_slow_player_slows_down_only_its_partner() {
    let lobby = Lobby::open();
    let game = Game::start(&lobby).await;
    let (s1, mut p1) = game.pair(&lobby, 0).await;
    let (mut s2, mut p2) = game.pair(&lobby, 1).await;
    let stuck = s1.send_meanwhile(noise(1, MUCH));
    for round in 0..100 {
        s2.send(&[round]).await;
        p2.expect([round]).await;
    }
    keep_busy(&lobby).await;
    assert!(!stuck.is_finished(), "no one has read it");
    p1.expect_bytes(&noise(1, MUCH)).await;
    stuck.await.unwrap().unwrap();
}

#[tokio::test]
async fn invalid_pipes_are_refused() {
    let lobby = Lobby::open();
    let game = Game::start(&lobby).await;
    let unknown = "01234567-89ab-4def-8123-456789abcdef";
    let long = "x".repeat(4_097);
    let introductions = [
        introduction("client", unknown),
        introduction("client", &game.server),
        introduction("server", &game.clients[0]),
        introduction("spectator", &game.clients[0]),
        introduction("client", "not a uuid"),
        [frame("Aiya!\n"), frame(&long)].concat(),
        [frame("Aiya!\n"), frame("client"), frame(&long)].concat(),
        [frame("Aiya!\n"), vec![0; 4]].concat(),
    ];
    for introduction in introductions {
        let mut pipe = lobby.connect().await;
        pipe.send(&introduction).await;
        pipe.send(&[1]).await;
        pipe.expect_end().await;
    }
    game.pair(&lobby, 0).await;
}

#[tokio::test]
async fn the_number_of_pipes_of_a_session_is_limited() {
    let lobby = Lobby::with(|limits| limits.pipes_per_session = 2);
    let game = Game::start(&lobby).await;
    let (_server, _client) = game.pair(&lobby, 0).await;
    game.server(&lobby).await.expect_end().await;
}

#[tokio::test]
async fn a_session_without_connections_is_forgotten() {
    let lobby = Lobby::with(|limits| limits.session_time = Duration::ZERO);
    let game = Game::start(&lobby).await;
    game.client(&lobby, 0).await.expect_end().await;
}
