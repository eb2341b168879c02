//! Converts the library's answer into the record for the list. Pure.

use crate::{
    Answer,
    answer::port,
    text::{some, tidy},
};
use gamedig::protocols::{
    gamespy::VersionedResponse,
    types::{CommonResponse, GenericResponse},
};
use metaserve::{Player, ServerInfo};

/// The record to publish, whose name is empty if the server has none, and the port that players join
/// by if the server says so.
pub(super) fn answer(answer: &dyn CommonResponse) -> Answer {
    Answer {
        info: server_info(answer),
        port: game_port(&answer.as_original()),
    }
}

fn game_port(answer: &GenericResponse<'_>) -> Option<u16> {
    let settings = match answer {
        GenericResponse::Unreal2(it) => {
            return it.server_info.game_port.try_into().ok().and_then(port);
        }
        GenericResponse::GameSpy(VersionedResponse::One(it)) => &it.unused_entries,
        GenericResponse::GameSpy(VersionedResponse::Two(it)) => &it.unused_entries,
        GenericResponse::GameSpy(VersionedResponse::Three(it)) => &it.unused_entries,
        _ => return None,
    };
    settings.get("hostport")?.trim().parse().ok().and_then(port)
}

fn server_info(answer: &dyn CommonResponse) -> ServerInfo {
    let text = |text: Option<&str>| some(tidy(text.unwrap_or_default()));
    let bots = answer.players_bots().unwrap_or(0);
    let players = answer.players().unwrap_or_default().into_iter();
    let players = players.map(|it| Player {
        score: it.score().map(i64::from),
        ..Player::new(tidy(it.name()))
    });
    ServerInfo {
        name: text(answer.name())
            .or_else(|| text(answer.description()))
            .unwrap_or_default(),
        map: text(answer.map()),
        mode: text(answer.game_mode()),
        players: Some(answer.players_online().saturating_sub(bots)),
        max_players: Some(answer.players_maximum()),
        password: answer.has_password(),
        version: text(answer.game_version()),
        player_list: players.collect(),
        ..ServerInfo::default()
    }
}
