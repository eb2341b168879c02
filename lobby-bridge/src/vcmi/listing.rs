//! Turns an open room into its entry of the registry: `ServerInfo` JSON in game `vcmi`.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use metaserve::{Game, Mod, ServerInfo, address::canonical};
use serde_json::json;

use super::{lobby::OpenRoom, room::HostMode};
use crate::publish::Listing;

/// The name under which VCMI's rooms are listed.
const GAME: &str = "vcmi";

/// Makes the listing of `room`, in at most `limit` bytes: if there are too many mods, the last ones
/// are left out. The listed address is the first of `public` of the family by which the host
/// connected, else the first of `public`, else the address that the host connected to.
pub(super) fn listing(room: &OpenRoom, public: &[IpAddr], limit: usize) -> Option<Listing> {
    let local = canonical(room.local);
    let same_family = public.iter().find(|ip| ip.is_ipv4() == local.is_ipv4());
    let ip = same_family
        .or(public.first())
        .copied()
        .unwrap_or(local.ip());
    let heartbeat = heartbeat(room, limit);
    Some(Listing {
        game: Game::new(GAME).ok()?,
        address: SocketAddr::new(ip, local.port()),
        heartbeat,
    })
}

fn heartbeat(room: &OpenRoom, limit: usize) -> Bytes {
    let mods = room.mods.iter().map(|each| Mod {
        version: (!each.version.is_empty()).then(|| each.version.clone()),
        ..Mod::new(each.name.clone())
    });
    let mode = match room.mode {
        HostMode::NewGame => "new game",
        HostMode::LoadGame => "saved game",
    };
    let info = ServerInfo {
        mode: Some(mode.to_owned()),
        players: u32::try_from(room.players).ok(),
        max_players: u32::try_from(room.max_players).ok(),
        password: Some(room.protected),
        version: (!room.version.is_empty()).then(|| room.version.clone()),
        mods: mods.collect(),
        started: Some(false),
        // The number of the host's mods, since the list may be shortened.
        legacy: Some(json!({
            "protocol": "vcmi",
            "host_mode": room.mode as u8,
            "mods": room.mods.len(),
        })),
        ..ServerInfo::new(room.name.clone())
    };
    info.fit(limit).to_json().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vcmi::room;

    fn room(local: &str) -> OpenRoom {
        OpenRoom {
            name: "castle".to_owned(),
            players: 1,
            max_players: 4,
            protected: true,
            mods: vec![room::Mod {
                name: "wog".to_owned(),
                version: String::new(),
            }],
            version: "VCMI 1.4.0".to_owned(),
            mode: HostMode::LoadGame,
            local: local.parse().unwrap(),
        }
    }

    #[test]
    fn a_room_is_published_as_server_info() {
        let listing = listing(&room("192.0.2.7:5002"), &[], 8192).unwrap();
        let json = r#"{"name":"castle","mode":"saved game","players":1,"max_players":4,"#
            .to_owned()
            + r#""password":true,"version":"VCMI 1.4.0","mods":[{"name":"wog"}],"started":false,"#
            + r#""legacy":{"host_mode":1,"mods":1,"protocol":"vcmi"}}"#;
        assert_eq!(
            (listing.game.as_str(), &listing.heartbeat[..]),
            ("vcmi", json.as_bytes())
        );
    }

    #[test]
    fn the_public_address_of_the_hosts_family_is_listed() {
        let public = ["198.51.100.1", "2001:db8::1"].map(|ip| ip.parse().unwrap());
        // (connected to, public addresses, listed)
        let table = [
            ("[::ffff:192.0.2.7]:5002", &public[..0], "192.0.2.7:5002"),
            ("[2001:db8::7]:5002", &public[..0], "[2001:db8::7]:5002"),
            ("[::ffff:192.0.2.7]:5002", &public, "198.51.100.1:5002"),
            ("[2001:db8::7]:5003", &public, "[2001:db8::1]:5003"),
            ("[2001:db8::7]:5002", &public[..1], "198.51.100.1:5002"),
        ];
        for (local, public, listed) in table {
            let listing = listing(&room(local), public, 8192).unwrap();
            assert_eq!(listing.address.to_string(), listed, "{local}");
        }
    }

    #[test]
    fn too_many_mods_are_left_out_of_the_list() {
        let mut room = room("192.0.2.7:5002");
        let long = room::Mod {
            name: "x".repeat(256),
            version: "\u{fffd}".repeat(256),
        };
        room.mods = vec![long; 1_024];
        let listing = listing(&room, &[], 8192).unwrap();
        assert!(
            listing.heartbeat.len() <= 8192,
            "{}",
            listing.heartbeat.len()
        );
        let json: serde_json::Value = serde_json::from_slice(&listing.heartbeat).unwrap();
        assert_eq!(json["legacy"]["mods"], 1_024);
        assert!(!json["mods"].as_array().unwrap().is_empty());
    }
}
