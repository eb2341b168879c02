//! What launchers and games may rely on, over real sockets, however others behave.

mod harness;

use std::time::Duration;

use harness::{Client, Lobby, frame, introduction, noise, text};
use metaserve_lobby_bridge::vcmi::Settings;

const ERROR: &str = ":>>ERROR:Protocol error or incorrect encoding";

/// A started game: the host's UUID and those of the other players.
struct Game {
    server: String,
    clients: Vec<String>,
}

impl Game {
    /// Two clients of protocol 5 and one of protocol 2 chat, meet in a room and start.
    async fn start(lobby: &Lobby) -> Self {
        let mut host = lobby.launcher(5, "host").await;
        let mut guests = [
            lobby.launcher(5, "five").await,
            lobby.launcher(2, "two").await,
        ];
        host.say("<MSG>hello").await;
        guests[0].until(":>>MSGCH:host:global:hello").await;
        guests[1].until(":>>MSG:host:hello").await;
        host.say("<NEW>castle<PSWD>secret<COUNT>3<MODS>wog&1").await;
        host.until(":>>MODSOTHER:host:1:wog:1").await;
        for guest in &mut guests {
            guest.say("<JOIN>castle<PSWD>wrong").await;
            guest.until(":>>ERROR:Incorrect password").await;
            guest
                .say("<JOIN>castle<PSWD>secret<MODS><READY>castle")
                .await;
            guest.until(":>>MODS:1:wog:1").await;
        }
        host.until("two:True").await;
        host.say("<READY>castle").await;
        host.until(":>>HOST:").await;
        let server = host.uuid().await;
        host.expect(":2:>>START:").await;
        host.uuid().await;
        host.expect_end().await;
        let mut clients = Vec::new();
        for guest in &mut guests {
            guest.until(":>>START:").await;
            clients.push(guest.uuid().await);
            guest.expect_end().await;
        }
        Self { server, clients }
    }

    async fn server(&self, lobby: &Lobby) -> Client {
        pipe(lobby, "server", &self.server).await
    }

    async fn client(&self, lobby: &Lobby, player: usize) -> Client {
        pipe(lobby, "client", &self.clients[player]).await
    }

    /// A game server and a player's client, joined, with their introductions read.
    async fn pair(&self, lobby: &Lobby, player: usize) -> (Client, Client) {
        let (mut server, mut client) = (self.server(lobby).await, self.client(lobby, player).await);
        server
            .expect(introduction("client", &self.clients[player]))
            .await;
        client.expect(introduction("server", &self.server)).await;
        (server, client)
    }
}

/// More than all buffers on the way of a pipe hold.
const MUCH: usize = 32 * 1024 * 1024;

/// Gives the lobby enough to do for everything that can happen meanwhile to happen.
async fn keep_busy(lobby: &Lobby) {
    let mut user = lobby.launcher(5, "busy").await;
    for _ in 0..2_000 {
        user.say("<MSG>x").await;
        user.until(":>>MSGCH:busy:global:x").await;
    }
}

async fn pipe(lobby: &Lobby, role: &str, uuid: &str) -> Client {
    let mut pipe = lobby.connect().await;
    pipe.send(&introduction(role, uuid)).await;
    pipe
}

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
async fn what_a_game_sends_before_its_partner_comes_is_kept() {
    let lobby = Lobby::open();
    let game = Game::start(&lobby).await;
    let mut client = game.client(&lobby, 0).await;
    // Far more than is kept, and than all buffers on the way hold: the rest waits in the sender.
    let early = client.send_meanwhile(noise(1, MUCH));
    keep_busy(&lobby).await;
    assert!(!early.is_finished(), "nobody was there to take it");
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
async fn a_player_comes_back_with_the_same_uuid() {
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
async fn the_last_words_of_a_game_arrive_and_then_the_end() {
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
async fn who_has_ended_its_side_still_gets_the_answer() {
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
    let lobby = Lobby::with(|limits| limits.half_close_silence = Duration::from_millis(50));
    let game = Game::start(&lobby).await;
    let (mut server, mut client) = game.pair(&lobby, 0).await;
    client.shut_down().await;
    server.expect_end().await;
    client.expect_end().await;
}

#[tokio::test]
async fn a_slow_player_slows_its_partner_and_nobody_else() {
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
    assert!(!stuck.is_finished(), "nobody has read it");
    p1.expect_bytes(&noise(1, MUCH)).await;
    stuck.await.unwrap().unwrap();
}

#[tokio::test]
async fn strangers_get_no_pipe() {
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
async fn of_one_session_only_so_many_pipes_are_open() {
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

#[tokio::test]
async fn lengths_that_nobody_sends_end_the_connection() {
    let lobby = Lobby::open();
    let mut witness = lobby.launcher(5, "witness").await;
    // (what is sent before logging in, and after it; what is answered then)
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
async fn a_frame_of_the_greatest_length_is_taken() {
    let lobby = Lobby::open();
    let mut user = lobby.launcher(5, "verbose").await;
    let chat = "x".repeat(128 * 1024 - "<MSG>".len());
    user.say(format!("<MSG>{chat}")).await;
    user.expect(format!(":>>MSGCH:verbose:global:{chat}")).await;
}

#[tokio::test]
async fn who_dawdles_is_disconnected() {
    let brief = Duration::from_millis(100);
    let lobby = Lobby::with(|limits| {
        limits.first_frame_time = brief;
        limits.frame_time = brief;
        limits.authorisation_time = brief;
        limits.handshake_time = brief;
    });
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
    for dawdler in [&mut user, &mut mute, &mut slow, &mut anonymous, &mut game] {
        dawdler.expect_end().await;
    }
}

#[tokio::test]
async fn a_client_that_never_reads_is_dropped_and_delays_nobody() {
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
    // Until the kernel takes no more for the deaf one either.
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
    // What it had not read is gone, and so is the connection.
    let deadline = tokio::time::Instant::now() + harness::PATIENCE;
    while deaf.read(deadline).await {}
    assert!(deaf.ended);
}

#[tokio::test]
async fn who_talks_without_end_is_slowed_down_and_nobody_is_dropped_for_it() {
    let lobby = Lobby::with(|limits| {
        limits.queued_bytes = 256 * 1024;
        limits.burst_bytes = 128 * 1024;
        limits.bytes_per_second = 1;
    });
    let mut slow = lobby.launcher(5, "slow").await;
    let flooder = lobby.launcher(5, "flooder").await;
    let chat = frame(format!("<MSG>{}", "x".repeat(10_000)));
    // Sixteen megabytes, of which the lobby takes in what the burst allows.
    let flood = flooder.send_meanwhile(chat.repeat(1_600));
    keep_busy(&lobby).await;
    assert!(!flood.is_finished(), "all of it was taken in");
    slow.say("<MSG>still here").await;
    let read = slow.until(":>>MSGCH:slow:global:still here").await;
    assert!(
        read.matches(":>>MSGCH:flooder").count() <= 8,
        "{} bytes",
        read.len()
    );
}

#[tokio::test]
async fn garbage_of_one_client_leaves_the_others_untouched() {
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
async fn one_more_than_the_capacity_is_told_so_and_games_are_not_counted() {
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
async fn rooms_are_listed_where_the_host_came_in() {
    let lobby = Lobby::open();
    let mut host = lobby.launcher(5, "host").await;
    host.say("<NEW>castle<COUNT>2<ROOT>rooms").await;
    host.until("System:1").await;
    let listed = lobby.listings.now();
    assert_eq!(listed.len(), 1);
    let (key, listing) = &listed[0];
    assert_eq!(
        (key.to_string().as_str(), listing.game, listing.address),
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
