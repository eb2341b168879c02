//! The claim of a session.

use super::{Refusal, Seat, later};
use crate::{ids::Name, play::Play, roles};
use metaserve_client::names::{Claim, ClaimError};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};

/// How long to wait before a claim is tried again, or a session looked for here.
const AGAIN: Duration = Duration::from_millis(250);

/// How long a session that is resumed waits for a claim that a gateway still holds that has been
/// killed: names are freed after 5 to 6 s.
const RESUME: Duration = Duration::from_secs(10);

pub(super) fn playing_already(account: &Name) -> Refusal {
    Refusal::Over(format!(
        "{account} is playing already: end that session first, or wait until it has ended"
    ))
}

/// Who has the key of a session.
pub(super) enum Claimed {
    /// This is the first one here.
    New(Claim),
    /// It is here already.
    Here(Arc<Seat>),
}

/// Claims the session's key, if the session is not here. If a gateway holds it with the value of the
/// session that is resumed, it may have been killed: waits for the key then.
pub(super) async fn claim(
    play: &Play,
    account: &Name,
    value: &str,
    resumed: Option<&str>,
) -> Result<Claimed, Refusal> {
    let key = roles::session_key(account);
    let mut is_held = false;
    let attempt = async {
        loop {
            if let Some(seat) = play.sessions.of(account) {
                return Ok(Claimed::Here(seat));
            }
            let claim = play.shared.names.claim(&key).value(value.to_owned());
            match claim.ticket(play.shared.ticket.clone()).await {
                Ok(claim) => return Ok(Claimed::New(claim)),
                Err(ClaimError::Held { value, .. })
                    if resumed.is_some_and(|it| it.as_bytes() == &value[..]) =>
                {
                    is_held = true;
                    freed_or_here(play, account, &key).await?;
                }
                Err(ClaimError::Held { .. }) => return Err(playing_already(account)),
                Err(ClaimError::Lost(_)) => sleep(AGAIN).await,
                Err(error) => return Err(Refusal::Later(error.to_string())),
            }
        }
    };
    let claimed = timeout(RESUME, attempt).await;
    claimed.unwrap_or_else(|_| {
        Err(Refusal::Later(match is_held {
            true => {
                format!("{account} is still playing at another gateway: try again in a moment")
            }
            false => "sessions cannot begin at the moment: try again in a few seconds".into(),
        }))
    })
}

/// Waits until nobody holds the key, or a request beside this one has claimed it for this process.
async fn freed_or_here(play: &Play, account: &Name, key: &str) -> Result<(), Refusal> {
    let freed = roles::freed(&play.shared.names, key);
    let mut freed = pin!(freed);
    loop {
        tokio::select! {
            freed = freed.as_mut() => return freed.map_err(later),
            () = sleep(AGAIN) => if play.sessions.of(account).is_some() {
                return Ok(());
            }
        }
    }
}
