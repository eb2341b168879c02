//! Games in the registry: our games as servers, and other servers as games.

use std::net::{SocketAddr, SocketAddrV4};

use metaserve::{ConnectError, Fingerprint, Game, ServerInfo, address::joinable, time::now};
use metaserve_client::Server;

use super::{
    description::Description,
    event::{ListedGame, Native, NativeGame},
    hidden::Hidden,
    listing::{self, GAME, GameFacts},
};
use crate::{
    follow::{Follower, Natives},
    protocol::Registry,
    publish::{self, Listing},
};

/// Makes the listing of a game of `bridge`; `None` if the game cannot be read.
pub(super) fn listing(game: &ListedGame, bridge: Option<&Fingerprint>) -> Option<Listing> {
    let description = Description::parse(&game.description).ok()?;
    let facts = GameFacts {
        started: game.started,
        seconds_left: game.seconds_left,
        gatherer: game.gatherer.clone(),
    };
    let mut info = listing::server_info(&game.description, &description, facts);
    publish::mark(&mut info, bridge);
    Some(Listing {
        game: Game::new(GAME).ok()?,
        address: game.address.into(),
        heartbeat: info.to_json().into(),
    })
}

/// Makes a game to show from a server of the registry; `None` if it cannot be shown.
pub(super) fn native(server: &Server, info: &ServerInfo) -> Option<NativeGame> {
    let address = server.addresses.iter().find_map(|address| match address {
        SocketAddr::V4(address) if can_be_joined(*address) => Some(*address),
        _ => None,
    })?;
    Some(NativeGame {
        address,
        description: listing::description(info)?.into(),
        seconds_left: info.time_left_seconds,
    })
}

/// Follows the servers of the registry to show: all except those that are `hidden`.
///
/// # Errors
/// A daemon's name or the trust in it cannot be used.
pub fn follow(
    registry: &Registry,
    hidden: Vec<Hidden>,
) -> Result<(Natives<Native>, Follower<Native>), ConnectError> {
    let read = move |server: &Server, info: &ServerInfo| {
        if hidden.iter().any(|hide| hide.hides(server)) {
            return None;
        }
        let game = native(server, info)?;
        let read = now();
        Some(Native { game, read })
    };
    registry.follow(Game::new(GAME).ok(), read, Native::tells)
}

/// Whether players can join at this address.
pub(super) fn can_be_joined(address: SocketAddrV4) -> bool {
    joinable(address.into()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reachable_addresses_can_be_joined() {
        let table = [
            ("192.0.2.7:4226", true),
            ("127.0.0.1:4226", true),
            ("0.0.0.0:4226", false),
            ("255.255.255.255:4226", false),
            ("224.0.0.1:4226", false),
            ("169.254.7.7:4226", false),
            ("192.0.2.7:0", false),
        ];
        for (address, can) in table {
            assert_eq!(can_be_joined(address.parse().unwrap()), can, "{address}");
        }
    }
}
