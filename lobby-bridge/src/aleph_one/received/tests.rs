//! Tests of the module above.

use super::*;
use proptest::prelude::*;

const KINDS: [(Kind, usize); 17] = [
    (Kind::Login, 182),
    (Kind::RoomLogin, 32),
    (Kind::Logout, 0),
    (Kind::PlayerData, 38),
    (Kind::CreateGame, 4),
    (Kind::RemoveGame, 0),
    (Kind::PlayerMode, 2),
    (Kind::PasswordResponse, 16),
    (Kind::SyncGames, 0),
    (Kind::ResetGame, 0),
    (Kind::StartGame, 12),
    (Kind::Localization, 0),
    (Kind::RemoteHubRequest, 0),
    (Kind::Chat, 24),
    (Kind::PrivateMessage, 32),
    (Kind::KeepAlive, 0),
    (Kind::Ignored, 0),
];

#[test]
fn a_body_shorter_than_its_fixed_part_is_refused() {
    for (kind, least) in KINDS {
        let body = vec![0; least].into();
        assert!(packet(kind, &body).is_ok(), "{kind:?} of {least} bytes");
        if least > 0 {
            let length = least - 1;
            let short = packet(kind, &vec![0; length].into());
            assert_eq!(short, Err(TooShort { kind, length }));
        }
    }
}

fn unterminated(message: &[u8]) -> Packet {
    let body = [
        &[0; 16][..],
        &[0, 0, 0x27, 0x11],
        &[0; 4],
        b"bob\0",
        message,
    ]
    .concat();
    packet(Kind::Chat, &body.into()).unwrap()
}

#[test]
fn an_unterminated_string_is_read() {
    let sender = UserId(10_001);
    for bytes in [&b"hello"[..], b"hello\0", b"hello\0trailing"] {
        let message = b"hello".to_vec();
        assert_eq!(unterminated(bytes), Packet::Chat { sender, message });
    }
    let message = Vec::new();
    assert_eq!(unterminated(b""), Packet::Chat { sender, message });
}

#[test]
fn a_login_is_read_field_by_field() {
    let field = |text: &[u8]| {
        let mut field = [0; 32];
        field[..text.len()].copy_from_slice(text);
        field
    };
    let body = [
        &[0, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 4, 0, 45][..],
        &field(b"MARATHON"),
        &field(b"Aug 29 2025"),
        &field(b"12:34:56"),
        &field(b"bob\0junk"),
        &[
            0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 0, 0, 4, 4, 5, 5, 6, 6, 0, 0, 0, 0, 0x13, 0x88,
        ],
        &[0; 14],
        b"Bob\0\0",
    ]
    .concat();
    let expected = Login {
        platform: 4,
        authentication: 4,
        service: b"MARATHON".to_vec(),
        build_date: b"Aug 29 2025".to_vec(),
        build_time: b"12:34:56".to_vec(),
        username: b"bob".to_vec(),
        player: PlayerData {
            away: true,
            primary: Rgb([0x0101, 0x0202, 0x0303]),
            secondary: Rgb([0x0404, 0x0505, 0x0606]),
            name: b"Bob".to_vec(),
        },
    };
    let login = packet(Kind::Login, &body.into());
    assert_eq!(login, Ok(Packet::Login(Box::new(expected))));
}

#[test]
fn flags_are_read_correctly() {
    let read = |kind, body: Vec<u8>| packet(kind, &body.into()).unwrap();
    for (flag, deaf) in [([0, 0], false), ([0, 1], true), ([2, 0], true)] {
        let session = b"x".to_vec();
        let body = [&flag[..], &session].concat();
        assert_eq!(
            read(Kind::PlayerMode, body),
            Packet::PlayerMode { deaf, session }
        );
    }
    for (flag, wanted) in [(0, false), (1, true)] {
        let mut body = vec![0; 64];
        body[7] = flag;
        let Packet::PrivateMessage(it) = read(Kind::PrivateMessage, body) else {
            panic!("another packet")
        };
        assert_eq!(it.echo, wanted);
    }
    for (state, away) in [(0, false), (1, true), (2, false), (3, true)] {
        let mut body = vec![0; 64];
        body[3] = state;
        let Packet::PlayerData(it) = read(Kind::PlayerData, body) else {
            panic!("another packet")
        };
        assert_eq!(it.away, away, "{state}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_handled_without_panic(which in 0..KINDS.len(), bytes: Vec<u8>) {
        let (kind, least) = KINDS[which];
        prop_assert_eq!(packet(kind, &bytes.clone().into()).is_ok(), bytes.len() >= least);
    }
}
