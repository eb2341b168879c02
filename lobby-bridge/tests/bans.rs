//! Tests that the ban file holds for all protocols, for newcomers and for connected peers.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "waits are bounded by the clock")]

mod hall;
mod harness;

use std::path::PathBuf;

use hall::{Hall, Peer, packets};
use harness::Lobby;
use metaserve_lobby_bridge::{bans::Guard, vcmi};
use tempfile::TempDir;

/// A ban file, watched like the program watches it.
struct BanFile {
    path: PathBuf,
    guard: Guard,
    _directory: TempDir,
}

impl BanFile {
    fn with(text: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("bans.txt");
        std::fs::write(&path, text).expect("a file in it");
        let guard = Guard::open(&path).expect("it is in order");
        tokio::spawn(guard.clone().watch());
        Self {
            path,
            guard,
            _directory: directory,
        }
    }

    /// Replaces the whole file at once, as the commands do. It is being watched, and half of a file
    /// could be valid.
    fn write(&self, text: &str) {
        let new = self.path.with_extension("new");
        std::fs::write(&new, text).expect("a file beside it");
        std::fs::rename(&new, &self.path).expect("in its place");
    }
}

fn vcmi(bans: &BanFile) -> Lobby {
    Lobby::run(vcmi::Settings {
        bans: bans.guard.clone(),
        ..vcmi::Settings::default()
    })
}

const UNTIL: &str = "127.0.0.1 until 2999-01-01T00:00:00Z # loopback\n";

#[tokio::test]
async fn a_banned_launcher_gets_a_reason_and_can_return_after_the_ban() {
    let bans = BanFile::with(UNTIL);
    let lobby = vcmi(&bans);
    let mut banned = lobby.connect().await;
    banned.greet(4, "dusty").await;
    let text = ":>>ERROR:Your address is banned from this server until 2999-01-01T00.00.00Z. \
                Contact its operator if this is a mistake.";
    banned.until(text).await;
    banned.expect_end().await;

    bans.write("# nobody\n");
    let mut client = loop {
        let mut client = lobby.connect().await;
        client.greet(4, "dusty").await;
        let deadline = tokio::time::Instant::now() + harness::PATIENCE;
        client.read(deadline).await;
        if client.received.starts_with(b":>>USERS") || client.received.starts_with(b":>>SESSIONS") {
            break client;
        }
    };
    // A new ban disconnects the client.
    bans.write(UNTIL);
    client.until(text).await;
    client.expect_end().await;
    lobby.close().await;
}

#[tokio::test]
async fn pipes_of_banned_addresses_are_closed() {
    let bans = BanFile::with("");
    // Nothing else may close them while the test waits.
    let lobby = Lobby::run(vcmi::Settings {
        bans: bans.guard.clone(),
        limits: vcmi::Limits {
            first_frame_time: 10 * harness::PATIENCE,
            handshake_time: 10 * harness::PATIENCE,
            ..vcmi::Limits::default()
        },
        ..vcmi::Settings::default()
    });
    let mut waiting = lobby.connect().await;
    waiting.say("Aiya!\n").await;
    bans.write(UNTIL);
    let deadline = tokio::time::Instant::now() + harness::PATIENCE;
    while waiting.read(deadline).await {}
    assert!(waiting.ended && waiting.received.is_empty());
    let mut late = lobby.connect().await;
    late.say("Aiya!\n").await;
    while late.read(deadline).await {}
    assert!(late.ended && late.received.is_empty());
    lobby.close().await;
}

#[tokio::test]
async fn banned_players_of_aleph_one_get_a_reason_at_the_login_and_in_the_room() {
    let bans = BanFile::with("# nobody yet\n");
    let hall = Hall::guarded(|_| {}, bans.guard.clone()).await;
    let mut ann = hall.guest("Ann").await;
    bans.write(UNTIL);
    let line = ann.told("banned").await;
    assert!(line.contains("until 2999-01-01T00:00:00Z"), "{line}");
    ann.denied(14).await;
    let mut bob = Peer::connect(hall.login).await;
    let _ = bob.try_send(&packets::login("guest", b"Bob")).await;
    let text = bob.denied(14).await;
    assert!(text.contains("until 2999-01-01T00:00:00Z"), "{text}");
    let mut room = Peer::connect(hall.rooms[0]).await;
    room.denied(14).await;
    hall.close().await;
}

#[tokio::test]
async fn a_ban_of_guests_does_not_affect_accounts() {
    let bans = BanFile::with("127.0.0.1 guests\n");
    let hall = Hall::guarded(|_| {}, bans.guard.clone()).await;
    hall.account("ann", "secret", false).await;
    hall.player("ann", "secret", "Ann").await;
    let mut bob = Peer::connect(hall.login).await;
    bob.send(&packets::login("guest", b"Bob")).await;
    let text = bob.denied(14).await;
    assert!(text.contains("with an account"), "{text}");
    let lobby = vcmi(&bans);
    lobby.launcher(4, "dusty").await;
    hall.close().await;
}

#[tokio::test]
async fn a_moderator_can_ban_the_guests_of_an_address_and_unban_them() {
    let bans = BanFile::with("# ours\n");
    let hall = Hall::guarded(|_| {}, bans.guard.clone()).await;
    hall.account("mod", "secret", true).await;
    let mut moderator = hall.player("mod", "secret", "Mod").await;
    let guest = async |from: [u8; 4], name: &str| {
        let mut login = Peer::connect_from(from, hall.login).await;
        let (_, token) = login.log_in_as_guest(name).await;
        let mut room = Peer::connect_from(from, hall.rooms[0]).await;
        room.send(&packets::room_login(&token, "guest")).await;
        room.send(&packets::player_data(b"", false)).await;
        room.expect(9).await;
        room
    };
    let (rude, other) = ([127, 0, 0, 2], [127, 0, 0, 3]);
    let mut bob = guest(rude, "Bob").await;
    moderator.command(".ban Bob 2h shoots us").await;
    let line = moderator.told("are banned until").await;
    assert!(line.contains(".unban"), "{line}");
    bob.expect_end().await;
    let file = std::fs::read_to_string(&bans.path).expect("it is there");
    let written = file.lines().nth(1).expect("a second line");
    assert!(written.starts_with("127.0.0.2 guests until "), "{file}");
    assert!(written.ends_with("\"Bob\", by mod: shoots us"), "{file}");
    // Another name does not help, and guests from other addresses are admitted.
    let mut again = Peer::connect_from(rude, hall.login).await;
    again.send(&packets::login("guest", b"Angel")).await;
    let text = again.denied(14).await;
    assert!(
        text.contains("Guests from your address are banned"),
        "{text}"
    );
    guest(other, "Ann").await;
    moderator.command(".unban Bob").await;
    moderator.told("may come back").await;
    guest(rude, "Bob").await;
    hall.close().await;
}

#[tokio::test]
async fn a_mistake_in_the_file_changes_nothing() {
    let bans = BanFile::with(UNTIL);
    let lobby = vcmi(&bans);
    for text in ["# longer than before\nnonsense\n", "127.0.0.2 until then\n"] {
        bans.write(text);
        bans.guard.reload().await;
        let mut banned = lobby.connect().await;
        banned.greet(4, "dusty").await;
        banned.until(":>>ERROR:Your address is banned").await;
    }
    std::fs::remove_file(&bans.path).expect("it was there");
    bans.guard.reload().await;
    let mut banned = lobby.connect().await;
    banned.greet(4, "dusty").await;
    banned.until(":>>ERROR:Your address is banned").await;
    lobby.close().await;
}
