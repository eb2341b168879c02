//! How a character comes into the world.

use super::{Playing, Refusal, Seat, backoff, later, leave, refusal};
use crate::{
    command::Arrival,
    ids::Name,
    keeper::{Character, KeeperError},
    log::{Admission, LogError, Whereabouts},
    play::Play,
};
use metaserve::Retry;
use tokio::time::sleep;

/// Brings a character of the session's account into the world, or the session to one that is there.
pub(in crate::play) async fn enter(
    play: &Play,
    seat: &Seat,
    ticket: &str,
    name: &Name,
) -> Result<(Playing, Whereabouts), Refusal> {
    let _turn = seat.turn.lock().await;
    if seat.over.is_cancelled() {
        return Err(Refusal::Over(
            "this session has ended: begin another one".into(),
        ));
    }
    if let Some(before) = seat.playing()
        && !before.character.is(name)
    {
        leave(play, seat, &before.character).await?;
        seat.playing.lock().take();
    }
    let character = load(play, &seat.account, ticket, name).await?;
    let playing = match seat.playing() {
        Some(playing) => playing,
        None => {
            // A session that comes from another gateway has not read what was whispered meanwhile.
            let known = play.shared.log.whereabouts(&character.name).await;
            let known = known.map_err(later)?.filter(|it| it.present);
            let resumes = known.is_some_and(|it| it.session == seat.session);
            // Opened first: what is whispered from the first moment on is not missed.
            let mail = play.mail.open(&character.name, resumes).await;
            Playing {
                mail: mail.map_err(later)?,
                character: character.name.clone(),
            }
        }
    };
    // Noted first: if this is dropped on its way, whoever comes next has the character leave.
    let before = seat.playing.lock().replace(playing.clone());
    match admit(play, seat, character).await {
        Ok(whereabouts) => Ok((playing, whereabouts)),
        Err(refusal) => {
            *seat.playing.lock() = before;
            Err(refusal)
        }
    }
}

pub(super) async fn admit(
    play: &Play,
    seat: &Seat,
    character: Character,
) -> Result<Whereabouts, Refusal> {
    let admission = Admission {
        character: character.name,
        session: seat.session.clone(),
        epoch: seat.claim.epoch(),
        zone: character.zone,
        arrival: Arrival {
            account: seat.account.clone(),
            at: character.at,
            sheet: character.sheet,
            seq: 0,
        },
    };
    let mut backoff = backoff();
    loop {
        match play.shared.log.admit(&admission).await {
            Err(LogError::Away(why)) => {
                tracing::debug!("a character waits for the log: {why}");
                sleep(backoff.delay(Retry::Soon, fastrand::f64())).await;
            }
            other => return other.map_err(refusal),
        }
    }
}

/// What is known of a character of this account. While the accounts role is away, the log knows
/// whose those are that are in the world, or were lately.
pub(super) async fn load(
    play: &Play,
    account: &Name,
    ticket: &str,
    name: &Name,
) -> Result<Character, Refusal> {
    match play.shared.keeper.character(ticket, name).await {
        Ok(character) if character.account.is(account) => Ok(character),
        Ok(_) | Err(KeeperError::NoCharacter(_)) => Err(Refusal::NotYours(
            KeeperError::NoCharacter(name.clone()).to_string(),
        )),
        Err(KeeperError::Away(why)) => {
            let known = play.shared.log.whereabouts(name).await.map_err(later)?;
            match known.filter(|it| it.arrival.account.is(account)) {
                Some(it) => Ok(Character {
                    name: name.clone(),
                    account: account.clone(),
                    zone: it.zone,
                    at: it.arrival.at,
                    sheet: it.arrival.sheet,
                }),
                None => Err(Refusal::Later(why)),
            }
        }
        Err(other) => Err(Refusal::NotYours(other.to_string())),
    }
}
