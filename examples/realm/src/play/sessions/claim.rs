//! The claim of a session.

use super::Refusal;
use crate::{ids::Name, play::Play};
use futures::StreamExt;
use metaserve_client::names::{Claim, ClaimError};
use std::time::Duration;
use tokio::time::timeout;

/// How long a session that is resumed waits for a claim that a gateway still holds that has been
/// killed: names are freed after 5 to 6 s.
const RESUME: Duration = Duration::from_secs(10);

pub(super) fn playing_already(account: &Name) -> Refusal {
    Refusal::Over(format!(
        "{account} is playing already: end that session first, or wait until it has ended"
    ))
}

/// Claims the session's key. If a gateway holds it with the value of the session that is resumed, it
/// may have been killed: waits for the key then.
pub(super) async fn claim(
    play: &Play,
    account: &Name,
    value: &str,
    resumed: Option<&str>,
) -> Result<Claim, Refusal> {
    let key = format!("session/{}", account.folded());
    let attempt = async {
        loop {
            let claim = play.shared.names.claim(&key).value(value.to_owned());
            match claim.ticket(play.shared.ticket.clone()).await {
                Ok(claim) => return Ok(claim),
                Err(ClaimError::Held { value, .. })
                    if resumed.is_some_and(|it| it.as_bytes() == &value[..]) =>
                {
                    let mut watch = play.shared.names.watch(&key);
                    while let Some(Ok(snapshot)) = watch.next().await {
                        if snapshot.get(&key).is_none() {
                            break;
                        }
                    }
                }
                Err(ClaimError::Held { .. }) => return Err(playing_already(account)),
                Err(ClaimError::Lost(_)) => {}
                Err(error) => return Err(Refusal::Later(error.to_string())),
            }
        }
    };
    timeout(RESUME, attempt).await.unwrap_or_else(|_| {
        Err(Refusal::Later(format!(
            "{account} is still playing at another gateway: try again in a moment"
        )))
    })
}
