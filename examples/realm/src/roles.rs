//! Who carries out a role: each role and each zone is a name with one owner.

use crate::ids::Name;
use bytes::Bytes;
use futures::StreamExt;
use metaserve_client::names::{Claim, ClaimError, Failed, Names};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// The prefix of the keys that roles claim.
pub const PREFIX: &str = "role/";

/// The prefix of the keys that gateways claim for those who play.
pub const SESSIONS: &str = "session/";

/// How long [`hold`] waits after a failure before it claims again.
const AGAIN: Duration = Duration::from_secs(1);

/// What the claim of a role or a zone says of its owner: its value, as JSON. Everybody can read it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Where it is served over HTTP, without a slash at the end: `http://192.0.2.7:7001`. Empty if
    /// it serves nothing.
    #[serde(default)]
    pub url: String,
    /// The name of the host.
    pub host: String,
    /// How many players are in the zone.
    #[serde(default)]
    pub players: usize,
}

impl Owner {
    /// The owner that a claim's value speaks of.
    ///
    /// # Errors
    /// It is the value of something else.
    pub fn of(value: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(value)
    }

    /// The value for a claim.
    #[must_use]
    pub fn value(&self) -> Bytes {
        // There is nothing in it that JSON cannot say.
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

/// The key of a role: `role/accounts` for example.
#[must_use]
pub fn key(role: &str) -> String {
    format!("{PREFIX}{role}")
}

/// The key of an account's session: `session/ann` for example.
#[must_use]
pub fn session_key(account: &Name) -> String {
    format!("{SESSIONS}{}", account.folded())
}

/// Claims the key of a role, and waits for as long as another one holds it: this is its spare then,
/// and takes over as soon as the other one is gone. `None` if `until` comes first.
///
/// The claim is held until it is [lost](Claim::lost), released or dropped. Cancel-safe.
///
/// # Errors
/// Claiming again cannot help: the daemon does not permit it, or is none that keeps names.
pub async fn hold(
    names: &Names,
    ticket: &Bytes,
    role: &str,
    owner: &Owner,
    until: &CancellationToken,
) -> Result<Option<Claim>, Failed> {
    let claimed = claimed(names, ticket, role, owner);
    until.run_until_cancelled(claimed).await.transpose()
}

async fn claimed(
    names: &Names,
    ticket: &Bytes,
    role: &str,
    owner: &Owner,
) -> Result<Claim, Failed> {
    let key = key(role);
    let mut failing = false;
    loop {
        let claim = names
            .claim(&key)
            .value(owner.value())
            .ticket(ticket.clone());
        match claim.await {
            Ok(claim) => {
                tracing::info!(role, epoch = claim.epoch(), "this process has the role");
                return Ok(claim);
            }
            Err(ClaimError::Held { value, .. }) => {
                let host = Owner::of(&value).map(|it| it.host).unwrap_or_default();
                tracing::info!(role, %host, "another process has the role: waiting as its spare");
                freed(names, &key).await?;
                failing = false;
            }
            Err(ClaimError::Failed(error)) if is_final(&error) => return Err(error),
            Err(error) => {
                if !failing {
                    tracing::warn!(role, "the role is not claimed yet: {error}");
                }
                failing = true;
                sleep(AGAIN).await;
            }
        }
    }
}

/// Waits until nobody holds the key.
pub(crate) async fn freed(names: &Names, key: &str) -> Result<(), Failed> {
    let mut watch = names.watch(key);
    while let Some(snapshot) = watch.next().await {
        match snapshot {
            Ok(snapshot) if snapshot.get(key).is_some() => {}
            Ok(_) => break,
            Err(error) if is_final(&error) => return Err(error),
            Err(error) => {
                tracing::debug!("cannot follow {key}: {error}");
                sleep(AGAIN).await;
                break;
            }
        }
    }
    Ok(())
}

/// Whether asking again cannot help.
pub(crate) fn is_final(error: &Failed) -> bool {
    match error {
        Failed::Refused(refused) => refused.again.is_none(),
        Failed::NoConnection { .. } | Failed::NoAnswer => false,
        _ => true,
    }
}
