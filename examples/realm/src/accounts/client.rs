//! The accounts role as other roles ask it.

use crate::{
    ids::{Name, ZoneId},
    keeper::{Character, Keeper, KeeperError},
    log::Stored,
    play::owners::Owners,
    roles::{self, Owner},
};
use async_trait::async_trait;
use bytes::Bytes;
use metaserve_client::names::Names;
use reqwest::{Client, Response, StatusCode, redirect};
use serde::{Deserialize, de::DeserializeOwned};
use std::{fmt, time::Duration};
use tokio::time::timeout;

/// How long to wait for the daemon, a connection, and an answer.
const WITHIN: Duration = Duration::from_secs(10);

/// How long an unused connection is kept: less than accounts keep it.
const IDLE: Duration = Duration::from_secs(20);

/// Asks the process that has the role `accounts`, wherever that is: another program may have its
/// port later, and is not shown a ticket.
pub struct HttpKeeper {
    roles: Owners,
    /// Of the role that asks. Secret.
    ticket: Bytes,
    http: Client,
}

/// An answer that is not what was asked for.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    field: Option<String>,
}

/// What was answered.
enum Answer<T> {
    Is(T),
    /// There is none of this field's name.
    Absent,
}

impl HttpKeeper {
    /// Asks with this ticket for what no player asks for. Call it inside a runtime.
    #[must_use]
    pub fn new(names: Names, ticket: Bytes) -> Self {
        let http = Client::builder()
            .connect_timeout(WITHIN / 5)
            .timeout(WITHIN)
            .pool_idle_timeout(IDLE)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build();
        Self {
            roles: Owners::follow(names, roles::PREFIX),
            ticket,
            // It fails for settings that are not made here.
            http: http.unwrap_or_default(),
        }
    }

    /// Asks for a path. `field` is what the answer names if there is no such thing.
    async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        ticket: &str,
        field: &str,
    ) -> Result<Answer<T>, KeeperError> {
        let url = self.find().await?;
        let asked = self.http.get(format!("{url}{path}")).bearer_auth(ticket);
        let answer = asked.send().await.map_err(|why| away(&why))?;
        if answer.status() == StatusCode::OK {
            return answer
                .json()
                .await
                .map(Answer::Is)
                .map_err(|why| away(&why));
        }
        refused(answer, field).await
    }

    /// Where the role is, as soon as the daemon has told who has which.
    async fn find(&self) -> Result<String, KeeperError> {
        let mut told = self.roles.subscribe();
        let told = timeout(WITHIN, told.wait_for(Option::is_some)).await;
        if !matches!(told, Ok(Ok(_))) {
            return Err(KeeperError::Away("the daemon cannot be reached".to_owned()));
        }
        let owner = self.owner();
        let owner = owner.ok_or_else(|| KeeperError::Away("nobody has the role".to_owned()))?;
        Ok(owner.url)
    }

    fn owner(&self) -> Option<Owner> {
        self.roles.get(&roles::key("accounts"))
    }
}

/// What an answer says that is not 200. One without our words is not from accounts: another program
/// may have its port by now.
async fn refused<T>(answer: Response, field: &str) -> Result<Answer<T>, KeeperError> {
    let status = answer.status();
    let refusal: Refusal = answer.json().await.map_err(|why| away(&why))?;
    match status {
        StatusCode::NOT_FOUND if refusal.field.as_deref() == Some(field) => Ok(Answer::Absent),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(KeeperError::Refused(refusal.error))
        }
        _ => Err(KeeperError::Away(refusal.error)),
    }
}

fn away(why: &dyn fmt::Display) -> KeeperError {
    KeeperError::Away(why.to_string())
}

#[async_trait]
impl Keeper for HttpKeeper {
    async fn character(&self, ticket: &str, name: &Name) -> Result<Character, KeeperError> {
        let path = format!("/characters/{name}");
        match self.ask(&path, ticket, "name").await? {
            Answer::Is(character) => Ok(character),
            Answer::Absent => Err(KeeperError::NoCharacter(name.clone())),
        }
    }

    async fn zone(&self, zone: &ZoneId) -> Result<Option<Stored>, KeeperError> {
        let path = format!("/keeper/zones/{zone}");
        let ticket = String::from_utf8_lossy(&self.ticket);
        match self.ask(&path, &ticket, "zone").await? {
            Answer::Is(stored) => Ok(Some(stored)),
            Answer::Absent => Ok(None),
        }
    }
}

impl fmt::Debug for HttpKeeper {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut keeper = formatter.debug_struct("HttpKeeper");
        keeper.field("at", &self.owner()).finish_non_exhaustive()
    }
}
