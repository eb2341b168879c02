//! The packets that Aleph One sends (`docs/specifications/myth-metaserver.md`, section 5), byte for
//! byte.

/// Makes a frame.
pub(crate) fn frame(number: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(8 + body.len()).expect("a short frame");
    let parts = [
        &[0xde, 0xad][..],
        &number.to_be_bytes(),
        &length.to_be_bytes(),
        body,
    ];
    parts.concat()
}

fn field(text: &str) -> [u8; 32] {
    let mut field = [0; 32];
    field[..text.len()].copy_from_slice(text.as_bytes());
    field
}

fn block(name: &[u8], away: bool) -> Vec<u8> {
    let colours = [
        0x11, 0x11, 0x22, 0x22, 0x33, 0x33, 0, 0, 0x44, 0x44, 0x55, 0x55, 0x66, 0x66, 0, 0, 0, 0,
        0x13, 0x88,
    ];
    let state = [0, 0, 0, u8::from(away)];
    [&state[..], &colours, &[0; 14], name, b"\0\0"].concat()
}

pub(crate) fn login(account: &str, name: &[u8]) -> Vec<u8> {
    let fixed = [0, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 40];
    let body = [
        &fixed[..],
        &field("MARATHON"),
        &field("Aug 29 2025"),
        &field("12:34:56"),
        &field(account),
        &block(name, false),
    ];
    frame(100, &body.concat())
}

pub(crate) fn password(password: &str) -> Vec<u8> {
    frame(109, &field(password)[..16])
}

pub(crate) fn localization() -> Vec<u8> {
    frame(115, &[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0])
}

pub(crate) fn room_login(token: &[u8], account: &str) -> Vec<u8> {
    frame(101, &[token, account.as_bytes(), b"\0"].concat())
}

pub(crate) fn player_data(name: &[u8], away: bool) -> Vec<u8> {
    frame(103, &block(name, away))
}

pub(crate) fn chat(sender: u32, text: &[u8]) -> Vec<u8> {
    let sender = sender.to_be_bytes();
    frame(
        200,
        &[&[0; 16][..], &sender, &[0; 4], b"me\0", text, b"\0"].concat(),
    )
}

pub(crate) fn private_message(sender: u32, target: u32, text: &[u8]) -> Vec<u8> {
    let (sender, target) = (sender.to_be_bytes(), target.to_be_bytes());
    let header = [&target[..], &[0, 0, 0, 1], &[0; 16], &sender, &target];
    frame(201, &[&header.concat()[..], b"me\0", text, b"\0"].concat())
}

/// Makes a description of a game with this many players (`docs/specifications/myth-metaserver.md`,
/// section 16).
pub(crate) fn description(name: &str, map: &str, players: u8) -> Vec<u8> {
    let mut bytes = vec![0; 568];
    bytes[8..12].copy_from_slice(&[0xff; 4]);
    bytes[19] = 8;
    bytes[23] = 8;
    bytes[43] = 3;
    bytes[44..49].copy_from_slice(b"1.11\0");
    bytes[76..98].copy_from_slice(b"Aleph One WonderNAT V2");
    bytes[566] = players;
    [&bytes[..], name.as_bytes(), b"\0", map.as_bytes(), b"\0"].concat()
}

pub(crate) fn create_game(port: u16, hub: u16, description: &[u8]) -> Vec<u8> {
    frame(
        104,
        &[&port.to_be_bytes(), &hub.to_be_bytes(), description].concat(),
    )
}

pub(crate) fn start_game(ticks: i32) -> Vec<u8> {
    frame(114, &[&ticks.to_be_bytes()[..], &[0; 8]].concat())
}
