//! Tests of the module above.

use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn address(text: &str) -> SocketAddrV4 {
    text.parse().unwrap()
}

#[test]
fn specified_frames_are_encoded() {
    assert_eq!(hex(&KEEP_ALIVE), "dead00ca00000008");
    assert_eq!(hex(&ACCEPT), "dead000c00000008");
    assert_eq!(hex(&hubs(&[])), "dead001200000008");
    let hub = [(3, address("192.0.2.7:4226"))];
    assert_eq!(hex(&hubs(&hub)), "dead0012000000100003c00002071082");
    let room = RoomEntry {
        id: 0,
        players: 0,
        address: address("192.0.2.38:6335"),
        games: 0,
        kind: 0,
    };
    let expected = "dead00000000002000000000c000022618bf0000".to_owned() + &"00".repeat(12);
    assert_eq!(hex(&rooms(&[room])), expected);
}

fn bob() -> PlayerEntry<'static> {
    PlayerEntry {
        flags: 0x4001,
        user: UserId(10_001),
        away: false,
        primary: Rgb([0x1111, 0x2222, 0x3333]),
        secondary: Rgb([0x4444, 0x5555, 0x6666]),
        name: b"Bob",
        account: b"t10bob",
    }
}

#[test]
fn a_player_is_encoded_field_by_field() {
    let expected = "00004001 00000000 00002711 00000000 0000 0031 0000 0000 \
                    00 00 0000 111122223333 0000 444455556666 0000 0000 0000"
        .replace(' ', "")
        + &"00".repeat(14)
        + "426f6200743130626f6200";
    assert_eq!(hex(&bob().encode(Verb::Add)), expected);
}

#[test]
fn a_private_message_names_its_receiver_twice() {
    let colour = Rgb([0x1111, 0x2222, 0x3333]);
    let frame = private_message((UserId(10_001), UserId(10_002)), colour, b"Bob", b"hi");
    let expected = "dead00c9 0000002f 00002712 00000001 0000 001f 111122223333 0000 0001 0000 \
                    00002711 00002712 426f6200 686900"
        .replace(' ', "");
    assert_eq!(hex(&frame), expected);
}

#[test]
fn a_long_time_left_is_not_encoded_as_untimed() {
    let mut game = GameEntry {
        id: GameId(40_001),
        address: address("192.0.2.7:4226"),
        seconds_left: None,
        gatherer: UserId(10_001),
        description: b"",
    };
    let left = |game: &GameEntry<'_>| hex(&game.encode(Verb::Delete)[10..16]);
    assert_eq!(left(&game), "0100ffffffff");
    game.seconds_left = Some(u32::MAX);
    assert_eq!(left(&game), "01007fffffff");
}

#[test]
fn long_lists_are_split_between_entries() {
    let mut list = List::players();
    let entry = bob().encode(Verb::Add);
    for _ in 0..1_000 {
        list.entry(&entry);
    }
    let frames = list.frames();
    assert!(frames.len() > 8);
    for frame in &frames {
        assert!(frame.len() <= 8_096);
        assert_eq!((frame.len() - 8) % entry.len(), 0);
    }
    assert!(List::games().frames().is_empty());
    let frames = |sizes: &[usize]| {
        let mut list = List::games();
        for size in sizes {
            list.entry(&vec![0; *size]);
        }
        let frames = list.frames();
        frames.iter().map(|it| it.len() - 8).collect::<Vec<_>>()
    };
    assert_eq!(frames(&[4_000, 4_000, 1]), [8_000, 1]);
    assert_eq!(frames(&[4_000, 4_001]), [4_000, 4_001]);
    assert_eq!(frames(&[9_000, 9_000]), [9_000, 9_000]);
}

#[test]
fn a_nul_in_a_string_ends_it() {
    assert_eq!(room_message(b"one\0two")[8..], *b"one\0");
}
