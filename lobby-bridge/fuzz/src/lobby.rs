//! From frames of clients to the messages that everybody is sent. Input: a byte that selects the
//! client, a frame, and so on.

use std::{collections::HashSet, net::SocketAddr, time::Duration};

use bytes::{Buf, BytesMut};
use metaserve_lobby_bridge::{
    peers::{ConnectionId, Lobby as _},
    vcmi::{
        Limits,
        codec::take_frame,
        lobby::{Effect, Event, Lobby, Rules},
        uuid::Uuids,
    },
};

/// Runs one input.
pub fn fuzz(input: &[u8]) {
    let now = metaserve::time::now();
    let local = SocketAddr::from(([192, 0, 2, 1], 5002));
    let peer = local.ip();
    let limits = Limits {
        capacity: 4,
        ..Limits::default()
    };
    let mut lobby = Lobby::new(
        Rules {
            limits,
            statistics: true,
            health_check: Duration::from_secs(30),
        },
        Uuids::from_seed([0; 32]),
    );
    let (mut closed, mut listed) = (HashSet::new(), HashSet::new());
    let mut wire = BytesMut::from(input);
    let mut seats = [0, 1, 2, 3].map(ConnectionId);
    for who in seats {
        lobby.handle(who, Event::Entered { peer, local }, now);
    }
    let mut next = 4;
    while wire.has_remaining() {
        let seat = usize::from(wire.get_u8()) % seats.len();
        let who = seats[seat];
        let event = match take_frame(&mut wire, 128 * 1024) {
            Ok(Some(payload)) => Event::Frame(payload),
            Ok(None) => Event::Ended,
            Err(_) => Event::Garbled,
        };
        let ended = event == Event::Ended;
        for effect in lobby.handle(who, event, now) {
            match effect {
                Effect::Send(to, text) => {
                    assert!(!closed.contains(&to), "sent something after it was closed");
                    assert!(text.starts_with(b":>>"));
                    let beginnings = text.windows(3).filter(|window| window == b":>>").count();
                    assert_eq!(beginnings, 1, "a message within a message");
                }
                Effect::Close(who) => assert!(closed.insert(who), "closed twice"),
                Effect::List(id, room) => {
                    assert!((1..=room.max_players).contains(&room.players));
                    listed.insert(id);
                }
                Effect::Unlist(id) => assert!(listed.remove(&id)),
                Effect::Errand(_) => unreachable!("no pipe has asked"),
            }
        }
        for seat in &mut seats {
            if closed.contains(seat) || ended && *seat == who {
                *seat = ConnectionId(next);
                next += 1;
                lobby.handle(*seat, Event::Entered { peer, local }, now);
            }
        }
        if ended {
            break;
        }
    }
}
