//! Tests that a peer that is gone leaves lists and places at once, even if unread data of it is
//! left.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "waits are bounded by the clock")]

mod clock;
#[path = "harness/game.rs"]
mod game;
mod hall;
mod harness;

use std::time::Duration;

use clock::Clock;
use game::Game;
use hall::{
    Hall, Peer, packets,
    peer::{KEEP_ALIVE, Next},
};
use harness::{Client, Lobby, frame, noise};
use tokio::{
    io::{AsyncReadExt, Interest},
    time::timeout,
};

/// More than all buffers on the way can hold.
const MUCH: usize = 32 * 1024 * 1024;

/// How a peer vanishes.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Its program closes its side in order.
    End,
    /// It is gone, and its system resets the connection.
    Reset,
}

/// Makes a hall that takes hours to read what is sent in a second.
async fn slow_hall() -> Hall {
    Hall::with(|rules| {
        rules.limits.packets_per_second = 1;
        // Otherwise a question would discover it as well.
        rules.limits.keep_alive = Duration::from_secs(3_600);
    })
    .await
}

fn keep_alives(number: usize) -> Vec<u8> {
    packets::frame(KEEP_ALIVE, b"").repeat(number)
}

async fn expect_gone(witness: &mut Peer, ghost: u32) {
    let id = ghost.to_be_bytes();
    let game_of_his = move |body: &[u8]| body[10] == 1 && body[16..20] == id;
    witness.until(2, game_of_his).await;
    witness
        .until(1, move |body| body[1] == 1 && body[8..12] == id)
        .await;
}

#[tokio::test]
async fn the_game_of_a_vanished_player_is_removed_despite_unread_packets() {
    for way in [Way::End, Way::Reset] {
        let hall = slow_hall().await;
        let mut witness = hall.guest("Witness").await;
        let ghost = hall.guest("Ghost").await;
        let id = ghost.id;
        let description = packets::description("Ghost's Game", "Nowhere", 1);
        ghost
            .send(&packets::create_game(4226, 0, &description))
            .await;
        witness.until(2, |body| body[10] == 0).await;
        ghost.send(&keep_alives(4_000)).await;
        match way {
            Way::End => ghost.shut_down().await,
            Way::Reset => ghost.reset().await,
        }
        expect_gone(&mut witness, id).await;
    }
}

#[tokio::test]
async fn an_end_hidden_by_full_buffers_is_noticed_by_asking() {
    let hall = Hall::with(|rules| {
        rules.limits.packets_per_second = 1;
        rules.limits.keep_alive = Duration::from_secs(2);
    })
    .await;
    let mut witness = hall.guest("Witness").await;
    let mut login = Peer::connect(hall.login).await;
    let (id, token) = login.log_in_as_guest("Ghost").await;
    // This player is in a game, so it is sent nothing, and does not answer.
    let ghost = Peer::open(hall.rooms[0], false).await.unwrap();
    let description = packets::description("Ghost's Game", "Nowhere", 1);
    let begin = [
        packets::room_login(&token, "guest"),
        packets::player_data(b"", false),
        packets::create_game(4226, 0, &description),
        packets::frame(107, &[0, 1]),
    ];
    ghost.send(&begin.concat()).await;
    witness.until(2, |body| body[10] == 0).await;
    ghost.fill(&keep_alives(100_000)).await;
    drop(ghost);
    expect_gone(&mut witness, id).await;
}

#[tokio::test]
async fn the_account_of_a_vanished_player_can_log_in_again() {
    let hall = slow_hall().await;
    hall.account("bob", "secret", false).await;
    let bob = hall.player("bob", "secret", "Bob").await;
    bob.send(&keep_alives(4_000)).await;
    bob.reset().await;
    let back = async {
        loop {
            let mut login = Peer::connect(hall.login).await;
            login.send(&packets::login("bob", b"Bob")).await;
            if let Next::Frame(6, _) = login.next(hall::PATIENCE).await {
                return;
            }
        }
    };
    let back = timeout(hall::PATIENCE, back).await;
    back.expect("the account is still in use");
}

#[tokio::test]
async fn packets_do_not_extend_a_login_beyond_its_limit() {
    let clock = Clock::stop();
    let hall = Hall::with(|rules| {
        rules.limits.packets_per_second = 1;
        rules.limits.login_time = Duration::from_secs(60);
    })
    .await;
    for address in [hall.login, hall.rooms[0]] {
        let mut talker = Peer::connect(address).await;
        let _ = talker.try_send(&keep_alives(4_000)).await;
        clock.until(talker.expect_end()).await;
    }
}

#[tokio::test]
async fn a_vanished_launcher_leaves_the_lists_despite_unread_frames() {
    for way in [Way::End, Way::Reset] {
        let lobby = Lobby::with(|limits| {
            limits.burst_bytes = 10_000;
            limits.bytes_per_second = 1;
        });
        let mut witness = lobby.launcher(5, "witness").await;
        let mut ghost = lobby.launcher(5, "ghost").await;
        ghost.say("<NEW>castle<COUNT>2").await;
        witness.until(":>>SESSIONS:1:castle:1:2:False").await;
        let chat = frame(format!("<MSG>{}", "x".repeat(1_000)));
        ghost.send(&chat.repeat(100)).await;
        match way {
            Way::End => ghost.shut_down().await,
            Way::Reset => ghost.reset(),
        }
        witness.until(":>>SESSIONS:0:>>USERS:1:witness").await;
    }
}

#[tokio::test]
async fn frames_do_not_keep_an_anonymous_launcher_in_the_lobby() {
    let clock = Clock::stop();
    let lobby = Lobby::with(|limits| {
        limits.burst_bytes = 1_000;
        limits.bytes_per_second = 1;
    });
    let mut talker = lobby.connect().await;
    talker.greet(5, "x").await;
    let _ = talker.try_send(&frame("<MSG>").repeat(2_000)).await;
    talker.until("Too short username x").await;
    clock.until(talker.expect_end()).await;
}

#[tokio::test]
async fn a_closed_launcher_that_does_not_read_is_cut_off() {
    let lobby = Lobby::with(|limits| {
        limits.queued_bytes = 2 * MUCH;
        limits.burst_bytes = usize::MAX;
        limits.linger = Duration::from_millis(100);
    });
    let mut host = lobby.launcher(5, "host").await;
    let mut guest = lobby.launcher(5, "guest").await;
    host.say("<NEW>castle<COUNT>2").await;
    guest.say("<JOIN>castle<PSWD>").await;
    host.until(":>>JOIN:castle:guest").await;
    // The unread chat fills every buffer on the way to the guest.
    let chat = "x".repeat(100_000);
    for _ in 0..MUCH / chat.len() {
        host.say(format!("<MSG>{chat}")).await;
        host.until(&chat).await;
    }
    // The start of a session closes both.
    host.say("<FORCESTART>castle").await;
    host.until(":>>START:").await;
    // The guest has read nothing in time, so it is not sent the rest.
    let closed = timeout(harness::PATIENCE, guest.read.ready(Interest::ERROR));
    closed.await.expect("still open").unwrap();
}

/// Returns how many pipes are open, as a newcomer is told.
async fn playing(lobby: &Lobby, newcomer: &str) -> usize {
    let mut client: Client = lobby.connect().await;
    client.greet(5, newcomer).await;
    client.until("currently playing ").await;
    let number = client.read_exactly(1).await;
    usize::from(number[0] - b'0')
}

#[tokio::test]
async fn a_vanished_game_is_not_counted_although_its_partner_does_not_read() {
    let lobby = Lobby::with(|limits| {
        limits.half_close_stall = Duration::from_millis(200);
    });
    let game = Game::start(&lobby).await;
    let (server, mut client) = game.pair(&lobby, 0).await;
    let stuck = server.send_meanwhile(noise(1, MUCH));
    harness::keep_busy(&lobby).await;
    assert!(!stuck.is_finished(), "no one reads it");
    assert_eq!(playing(&lobby, "first").await, 2);
    server.reset();
    stuck.abort();
    let gone = async {
        let mut newcomer = 0;
        while playing(&lobby, &format!("newcomer{newcomer}")).await > 0 {
            newcomer += 1;
        }
    };
    timeout(harness::PATIENCE, gone)
        .await
        .expect("it is counted");
    // The partner does not keep its connection because of unread data.
    let rest = async {
        while client
            .read
            .read_buf(&mut client.received)
            .await
            .is_ok_and(|read| read > 0)
        {}
    };
    timeout(harness::PATIENCE, rest).await.expect("closed");
}
