//! Aleph One's side of the bridge, byte for byte: shared with the bridge's own tests.

#![allow(dead_code, reason = "the bridge's own tests use more of it")]
#![allow(clippy::disallowed_methods, reason = "waits are bounded by the clock")]

#[path = "../../../lobby-bridge/tests/hall/packets.rs"]
pub(crate) mod packets;
#[path = "../../../lobby-bridge/tests/hall/peer.rs"]
pub(crate) mod peer;

use std::{net::SocketAddr, time::Duration};

use crate::process::Bridge;
use peer::Peer;

/// Far more than anything takes, even on a busy machine. A test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Returns a guest in the bridge's room.
pub(crate) async fn guest(bridge: &Bridge, name: &str) -> Peer {
    let (login, room): (SocketAddr, SocketAddr) = bridge.myth;
    let mut peer = Peer::connect(login).await;
    let (_, token) = peer.log_in_as_guest(name).await;
    let mut peer = Peer::connect(room).await;
    peer.send(&packets::room_login(&token, "guest")).await;
    peer.send(&packets::player_data(name.as_bytes(), false))
        .await;
    let body = peer.expect(9).await;
    peer.id = u32::from_be_bytes(body[..4].try_into().unwrap());
    peer.expect(3).await;
    peer
}

/// Waits for an entry of the list of games with this name. Returns its verb, its address and its
/// number of players.
pub(crate) async fn game(peer: &mut Peer, name: &str) -> (u8, SocketAddr, u8) {
    let named = |body: &[u8]| peer::contains(body, name.as_bytes());
    let body = peer.until(2, named).await;
    let mut entry = &body[..];
    loop {
        let length = 32 + usize::from(u16::from_be_bytes([entry[20], entry[21]]));
        if peer::contains(&entry[..length], name.as_bytes()) {
            let ip: [u8; 4] = entry[4..8].try_into().unwrap();
            let port = u16::from_be_bytes([entry[8], entry[9]]);
            return (entry[10], (ip, port).into(), entry[32 + 566]);
        }
        entry = &entry[length..];
    }
}
