//! Converts the library's answer into the record for the list. Pure.

use crate::text::{some, tidy};
use gamedig::protocols::types::CommonResponse;
use metaserve::{Player, ServerInfo};

/// The record to publish. Its name is empty if the server has none.
pub(super) fn server_info(answer: &dyn CommonResponse) -> ServerInfo {
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
