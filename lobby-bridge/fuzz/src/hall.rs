//! From packets of players to the frames that everybody is sent. Input: a byte that selects the
//! player, a frame, and so on. Three players are in a room, one of them with an account; two are at
//! the login daemon.

use std::{
    collections::HashSet,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes, BytesMut};
use metaserve_lobby_bridge::{
    accounts::Account,
    aleph_one::{
        GameId, Rules,
        codec::take_frame,
        description::Description,
        event::{Effect, Errand, Event, NoHub},
        hall::Hall,
        received::{Login, Packet, PlayerData, packet},
        secrets::Secrets,
    },
    peers::{ConnectionId, Ends, Lobby, Standing},
};

struct Stage {
    hall: Hall,
    now: Instant,
    next: u64,
    closed: HashSet<ConnectionId>,
    listed: HashSet<GameId>,
    token: [u8; 32],
    hubs: HashSet<u16>,
}

impl Stage {
    fn happens(&mut self, who: ConnectionId, event: Event) {
        let mut events = vec![(who, event)];
        while let Some((who, event)) = events.pop() {
            for effect in self.hall.handle(who, event, self.now) {
                match effect {
                    Effect::Send(to, frame) => {
                        assert!(
                            !self.closed.contains(&to),
                            "sent something after it was closed"
                        );
                        self.check(&frame);
                    }
                    Effect::Close(who) => {
                        assert!(self.closed.insert(who), "closed twice");
                        assert_eq!(self.hall.standing(who), Standing::Closing);
                    }
                    Effect::List(id, game) => {
                        assert!(Description::parse(&game.description).is_ok());
                        self.listed.insert(id);
                    }
                    Effect::Unlist(id) => assert!(self.listed.remove(&id)),
                    Effect::Errand(Errand::Check(who, claim)) => {
                        let account = Account {
                            moderator: claim.username.starts_with('m'),
                            hidden: claim.username.starts_with('h'),
                            username: claim.username,
                            sort_order: 0,
                        };
                        events.push((who, Event::Checked(Ok(account))));
                    }
                    Effect::Errand(Errand::FindHub(who, id)) => {
                        let found = match id % 2 {
                            0 => Ok("192.0.2.9:4226".parse().expect("an address")),
                            _ => Err(NoHub::Unknown),
                        };
                        self.hubs.insert(id);
                        events.push((who, Event::HubFound(id, found)));
                    }
                    Effect::Errand(Errand::FindHubs(who, _)) => {
                        events.push((who, Event::HubsFound(Vec::new())));
                    }
                    Effect::Errand(Errand::Test(who, _)) => {
                        events.push((who, Event::Tested(vec!["passed".to_owned()])));
                    }
                    Effect::Errand(Errand::Ban(who, ban)) => {
                        let why = "the disk is full".to_owned();
                        events.push((who, Event::NotBanned(ban, why)));
                    }
                    Effect::Errand(Errand::Unban(who, _)) => {
                        events.push((who, Event::Told("unbanned".to_owned())));
                    }
                    Effect::Errand(Errand::EndTest(_) | Errand::LookForHubs | Errand::Log(_)) => {}
                }
            }
        }
    }

    /// Checks that clients understand a frame: one bad entry makes them drop all others in it.
    fn check(&mut self, frame: &Bytes) {
        let mut frame = frame.clone();
        let length = frame.len();
        assert_eq!((frame.get_u16(), frame.len() + 2), (0xdead, length));
        let number = frame.get_u16();
        assert_eq!(frame.get_u32() as usize, length);
        match number {
            7 => self.token.copy_from_slice(&frame[8..40]),
            0 => assert_eq!(frame.len() % 24, 0),
            1 => {
                while frame.has_remaining() {
                    frame.advance(62);
                    string(&mut frame);
                    string(&mut frame);
                }
            }
            2 => {
                while frame.has_remaining() {
                    let length = usize::from(u16::from_be_bytes([frame[20], frame[21]]));
                    frame.advance(32);
                    let description = frame.split_to(length);
                    assert!(Description::parse(&description).is_ok());
                }
            }
            3 => {
                frame.advance(4);
                string(&mut frame);
                assert!(frame.is_empty());
            }
            10 => {
                string(&mut frame);
                assert!(frame.is_empty());
            }
            200 => {
                frame.advance(24);
                string(&mut frame);
                string(&mut frame);
                assert!(frame.is_empty());
            }
            _ => {}
        }
    }

    fn connection(&mut self) -> (ConnectionId, Ends) {
        self.next += 1;
        let ends = Ends {
            peer: IpAddr::from([192, 0, 2, 7]),
            local: SocketAddr::from(([192, 0, 2, 1], 6321)),
        };
        (ConnectionId(self.next), ends)
    }

    fn at_login(&mut self) -> ConnectionId {
        let (who, ends) = self.connection();
        self.happens(who, Event::AtLogin(ends));
        who
    }

    /// Makes a player in the room.
    fn player(&mut self, username: &[u8], name: &[u8]) -> ConnectionId {
        let login = self.at_login();
        let packet = Packet::Login(Box::new(Login {
            username: username.to_vec(),
            player: PlayerData {
                name: name.to_vec(),
                ..PlayerData::default()
            },
            ..Login::default()
        }));
        for packet in [
            packet,
            Packet::PasswordResponse([0; 16]),
            Packet::Localization,
        ] {
            if username == b"guest" && matches!(packet, Packet::PasswordResponse(_)) {
                continue;
            }
            self.happens(login, Event::Packet(packet));
        }
        self.happens(login, Event::Ended);
        let (who, ends) = self.connection();
        self.happens(who, Event::AtRoom(0, ends));
        let token = Packet::RoomLogin(self.token, username.to_vec());
        self.happens(who, Event::Packet(token));
        self.happens(
            who,
            Event::Packet(Packet::PlayerData(PlayerData::default())),
        );
        who
    }
}

fn string(frame: &mut Bytes) {
    let end = frame.iter().position(|byte| *byte == 0);
    frame.advance(end.expect("the end of a string") + 1);
}

/// Runs one input.
pub fn fuzz(input: &[u8]) {
    let mut stage = Stage {
        hall: Hall::new(Rules::default(), vec![6335], Secrets::from_seed([0; 32])),
        now: metaserve::time::now(),
        next: 0,
        closed: HashSet::new(),
        listed: HashSet::new(),
        token: [0; 32],
        hubs: HashSet::new(),
    };
    // Their user ids are 10001 to 10003.
    let mut seats = vec![
        stage.player(b"guest", b"Ann"),
        stage.player(b"guest", b"Bob"),
        stage.player(b"mod", b"Mod"),
    ];
    seats.extend([stage.at_login(), stage.at_login()]);
    let mut wire = BytesMut::from(input);
    while wire.has_remaining() {
        let seat = usize::from(wire.get_u8());
        stage.now += Duration::from_millis(seat as u64);
        stage.hall.expire(stage.now);
        let who = seats[seat % seats.len()];
        if stage.closed.contains(&who) {
            break;
        }
        match take_frame(&mut wire) {
            Ok(Some((kind, body))) => match packet(kind, &body) {
                Ok(packet) => stage.happens(who, Event::Packet(packet)),
                Err(_) => stage.happens(who, Event::Ended),
            },
            Ok(None) | Err(_) => {
                stage.happens(who, Event::Ended);
                break;
            }
        }
    }
    for who in seats {
        if !stage.closed.contains(&who) {
            stage.happens(who, Event::Ended);
        }
    }
    assert!(stage.listed.is_empty(), "a game outlives its player");
    assert_eq!(stage.hall.counts(), (0, 0));
}
