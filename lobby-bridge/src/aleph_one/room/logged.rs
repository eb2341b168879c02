//! The log rows of rooms.

use serde_json::json;

use super::{member::Member, turn::Turn};
use crate::{
    accounts::{EventRow, LogRow, LoginDetailRow},
    aleph_one::text,
};

/// Logs a player's entry (`docs/specifications/myth-metaserver.md`, sections 23.4 and 23.5).
pub(super) fn log_entry(member: &Member, turn: &mut Turn<'_>) {
    let login = &member.profile.login;
    let said = |bytes: &[u8]| text::decode(bytes).into_owned();
    let dump = json!({
        "platform": login.platform,
        "authentication": login.authentication,
        "service": said(&login.service),
        "build_date": said(&login.build_date),
        "build_time": said(&login.build_time),
        "username": said(&login.username),
        "name": said(&login.player.name),
        "peer": member.peer.to_string(),
    });
    turn.log(event("login", member, Some(dump.to_string().into_bytes())));
    if member.is_visible() {
        let build_date = [&login.build_date[..], b" ", &login.build_time].concat();
        turn.log(LogRow::LoginDetail(LoginDetailRow {
            username: member.account(),
            user_id: member.profile.id.0,
            chatname: member.name.clone(),
            color: member.profile.primary.0,
            team_color: member.profile.secondary.0,
            build_date: said(&build_date),
            platform_type: login.platform,
        }));
    }
}

pub(super) fn event(
    event_type: &'static str,
    member: &Member,
    extradata: Option<Vec<u8>>,
) -> LogRow {
    LogRow::Event(EventRow {
        event_type,
        username: member.account(),
        user_id: member.profile.id.0,
        extradata,
    })
}

/// Writes bytes as the logs contain them.
pub(super) fn hexadecimal(bytes: &[u8]) -> Vec<u8> {
    let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 15)];
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)]);
    digits.collect()
}
