//! A started game and its pipes.

use crate::harness::{Client, Lobby, introduction};

/// A started game: the host's UUID and those of the other players.
pub(crate) struct Game {
    pub(crate) server: String,
    pub(crate) clients: Vec<String>,
}

impl Game {
    /// Two clients of protocol 5 and one of protocol 2 chat, meet in a room and start a game.
    pub(crate) async fn start(lobby: &Lobby) -> Self {
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

    pub(crate) async fn server(&self, lobby: &Lobby) -> Client {
        pipe(lobby, "server", &self.server).await
    }

    pub(crate) async fn client(&self, lobby: &Lobby, player: usize) -> Client {
        pipe(lobby, "client", &self.clients[player]).await
    }

    /// Returns a joined game server and player's client that have read each other's introductions.
    pub(crate) async fn pair(&self, lobby: &Lobby, player: usize) -> (Client, Client) {
        let (mut server, mut client) = (self.server(lobby).await, self.client(lobby, player).await);
        server
            .expect(introduction("client", &self.clients[player]))
            .await;
        client.expect(introduction("server", &self.server)).await;
        (server, client)
    }
}

pub(crate) async fn pipe(lobby: &Lobby, role: &str, uuid: &str) -> Client {
    let mut pipe = lobby.connect().await;
    pipe.send(&introduction(role, uuid)).await;
    pipe
}
