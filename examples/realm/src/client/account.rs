//! The account that a player has logged in to: HTTP to the accounts role, by way of a gateway.

use crate::{
    ids::{Name, ZoneId},
    keeper::Character,
};
use metaserve::{
    Backoff, Retry,
    time::{now, sleep_until},
};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};
use thiserror::Error;
use tokio::{sync::watch, time::sleep};
use tokio_util::task::AbortOnDropHandle;

/// How long an answer may take. A log-in takes longer than others on purpose.
const ANSWER: Duration = Duration::from_secs(30);

/// For how long a request is repeated that nobody serves: another process takes the role over.
const UNSERVED: Duration = Duration::from_secs(20);

/// Why a request about the account failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The world says no, in a sentence.
    #[error("{0}")]
    Refused(String),
    /// No gateway can be reached, or none understands.
    #[error("cannot reach the gateway at {gateway}: {why}")]
    Away {
        /// Its address.
        gateway: String,
        /// Why.
        why: String,
    },
}

/// One of the account's characters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CharacterRow {
    /// Its name.
    pub name: Name,
    /// Where it is, or was last.
    pub zone: ZoneId,
    /// Its level.
    pub level: u32,
}

/// How soon the renewal of a ticket is tried again, the first time and later. Within a minute the
/// world knows that its answer was lost.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

/// An account that somebody has logged in to. Its ticket is renewed as long as this is there.
pub struct Account {
    gateways: Vec<String>,
    http: reqwest::Client,
    name: Name,
    tickets: watch::Receiver<Tickets>,
    _renewal: AbortOnDropHandle<()>,
}

/// What a log-in gives.
#[derive(Deserialize)]
struct LogIn {
    ticket: String,
    refresh: String,
    expires_in: u64,
}

struct Tickets {
    ticket: String,
    refresh: String,
    /// When half of the ticket's time is over.
    renew: Instant,
    /// When all of it is.
    expires: Instant,
    /// How often it could not be renewed.
    failed: u64,
}

/// Renews a ticket whenever half of its time is over.
struct Renewal {
    gateways: Vec<String>,
    http: reqwest::Client,
    tickets: watch::Sender<Tickets>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Account").field(&self.name).finish()
    }
}

impl Account {
    /// Makes an account.
    ///
    /// # Errors
    /// The name is taken, the password too short, or no gateway can be reached.
    pub async fn register(
        gateways: &[String],
        name: &Name,
        password: &str,
    ) -> Result<(), ApiError> {
        let body = json!({"name": name, "password": password});
        let http = client();
        request::<Value>(
            &http,
            gateways,
            Method::POST,
            "api/accounts",
            None,
            Some(&body),
        )
        .await?;
        Ok(())
    }

    /// Logs in.
    ///
    /// # Errors
    /// Name or password is wrong, or no gateway can be reached.
    pub async fn log_in(
        gateways: &[String],
        name: &Name,
        password: &str,
    ) -> Result<Arc<Self>, ApiError> {
        let body = json!({"name": name, "password": password});
        let http = client();
        let login: LogIn = request(
            &http,
            gateways,
            Method::POST,
            "api/sessions",
            None,
            Some(&body),
        )
        .await?;
        let (tickets, known) = watch::channel(login.into());
        let renewal = Renewal {
            gateways: gateways.to_vec(),
            http: http.clone(),
            tickets,
        };
        Ok(Arc::new(Self {
            gateways: gateways.to_vec(),
            http,
            name: name.clone(),
            tickets: known,
            _renewal: AbortOnDropHandle::new(tokio::spawn(renewal.run())),
        }))
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// A ticket that is valid for a while. If it could not be renewed in time, waits for one more
    /// attempt. Cancel-safe.
    pub async fn ticket(&self) -> String {
        let mut tickets = self.tickets.clone();
        let failed = tickets.borrow().failed;
        let is_there = |it: &Tickets| now() < it.expires || it.failed > failed;
        // If it has failed, the world says what is to be done.
        let _ = tickets.wait_for(is_there).await;
        tickets.borrow().ticket.clone()
    }

    /// The account's characters.
    ///
    /// # Errors
    /// The log-in has expired, or no gateway can be reached.
    pub async fn characters(&self) -> Result<Vec<CharacterRow>, ApiError> {
        #[derive(Deserialize)]
        struct Characters {
            characters: Vec<CharacterRow>,
        }
        let all: Characters = self.asks(Method::GET, "api/characters", None).await?;
        Ok(all.characters)
    }

    /// Makes a character.
    ///
    /// # Errors
    /// The name is taken, there are too many, or no gateway can be reached.
    pub async fn create(&self, name: &Name) -> Result<(), ApiError> {
        let body = json!({"name": name});
        self.asks::<Value>(Method::POST, "api/characters", Some(&body))
            .await?;
        Ok(())
    }

    /// A character as the database knows it.
    ///
    /// # Errors
    /// It is not the account's, or no gateway can be reached.
    pub async fn character(&self, name: &Name) -> Result<Character, ApiError> {
        self.asks(Method::GET, &format!("api/characters/{name}"), None)
            .await
    }

    /// Logs out: the ticket cannot be renewed any more.
    ///
    /// # Errors
    /// No gateway can be reached.
    pub async fn log_out(&self) -> Result<(), ApiError> {
        let body = json!({"refresh": self.tickets.borrow().refresh.clone()});
        let (http, gateways) = (&self.http, &self.gateways);
        request::<Value>(
            http,
            gateways,
            Method::DELETE,
            "api/sessions",
            None,
            Some(&body),
        )
        .await?;
        Ok(())
    }

    async fn asks<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, ApiError> {
        let ticket = self.ticket().await;
        request(
            &self.http,
            &self.gateways,
            method,
            path,
            Some(&ticket),
            body,
        )
        .await
    }
}

impl From<LogIn> for Tickets {
    fn from(login: LogIn) -> Self {
        Self {
            ticket: login.ticket,
            refresh: login.refresh,
            renew: now() + Duration::from_secs(login.expires_in / 2),
            expires: now() + Duration::from_secs(login.expires_in),
            failed: 0,
        }
    }
}

impl Renewal {
    async fn run(self) {
        let mut backoff = Backoff::new(AGAIN.0, AGAIN.1);
        loop {
            let due = self.tickets.borrow().renew;
            sleep_until(Some(due)).await;
            match self.renew().await {
                Ok(login) => {
                    backoff.reset();
                    self.tickets.send_replace(login.into());
                }
                Err(error) => {
                    tracing::debug!(%error, "the ticket is not renewed");
                    self.tickets.send_modify(|it| it.failed += 1);
                    sleep(backoff.delay(Retry::Soon, fastrand::f64())).await;
                }
            }
        }
    }

    async fn renew(&self) -> Result<LogIn, ApiError> {
        let body = json!({"refresh": self.tickets.borrow().refresh.clone()});
        let path = "api/sessions/refresh";
        let (http, gateways) = (&self.http, &self.gateways);
        request(http, gateways, Method::POST, path, None, Some(&body)).await
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .timeout(ANSWER)
        .connect_timeout(Duration::from_secs(5))
        .no_proxy()
        .build()
        .unwrap_or_default()
}

/// What a gateway answers to everybody at this path, which has no slash at its beginning.
pub(crate) async fn get<T: DeserializeOwned>(
    gateways: &[String],
    path: &str,
) -> Result<T, ApiError> {
    request(&client(), gateways, Method::GET, path, None, None).await
}

/// Asks by the first gateway that can be reached. While the accounts role is being taken over, it is
/// asked again.
async fn request<T: DeserializeOwned>(
    http: &reqwest::Client,
    gateways: &[String],
    method: Method,
    path: &str,
    ticket: Option<&str>,
    body: Option<&Value>,
) -> Result<T, ApiError> {
    let mut last = ApiError::Away {
        gateway: "(none)".to_owned(),
        why: "no gateway was named".to_owned(),
    };
    for gateway in gateways {
        let url = format!("{}/{path}", gateway.trim_end_matches('/'));
        let mut request = http.request(method.clone(), url);
        if let Some(ticket) = ticket {
            request = request.bearer_auth(ticket);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let away = |why: String| ApiError::Away {
            gateway: gateway.clone(),
            why,
        };
        match served(request).await {
            Ok(answer) => return answered(answer, away).await,
            Err(error) => last = away(crate::client::link::why(&error)),
        }
    }
    Err(last)
}

/// The answer to a request, which is repeated for a while if nobody serves it.
async fn served(request: reqwest::RequestBuilder) -> reqwest::Result<reqwest::Response> {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(2));
    let mut waited = Duration::ZERO;
    loop {
        // None has a body that cannot be sent twice.
        let Some(again) = request.try_clone() else {
            return request.send().await;
        };
        let answer = again.send().await?;
        if answer.status() != StatusCode::SERVICE_UNAVAILABLE || waited > UNSERVED {
            return Ok(answer);
        }
        let delay = backoff.delay(Retry::Soon, fastrand::f64());
        waited += delay;
        sleep(delay).await;
    }
}

async fn answered<T: DeserializeOwned>(
    answer: reqwest::Response,
    away: impl Fn(String) -> ApiError,
) -> Result<T, ApiError> {
    #[derive(Deserialize)]
    struct Said {
        error: String,
    }
    let status = answer.status();
    let body = answer.bytes().await;
    let body = body.map_err(|error| away(crate::client::link::why(&error)))?;
    if !status.is_success() {
        let said = serde_json::from_slice::<Said>(&body);
        return Err(match said {
            Ok(said) => ApiError::Refused(said.error),
            Err(_) => away(format!("it answers {status}")),
        });
    }
    let body: &[u8] = match status {
        StatusCode::NO_CONTENT => b"null",
        _ if body.is_empty() => b"null",
        _ => &body,
    };
    serde_json::from_slice(body).map_err(|error| away(format!("its answer is strange: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Json, Router, routing::post};

    /// Accounts that log everybody in, and then are away.
    async fn away() -> String {
        let login =
            || async { Json(json!({"ticket": "first", "refresh": "secret", "expires_in": 900})) };
        let refresh = || async {
            let body = Json(json!({"error": "accounts are not served at the moment"}));
            (StatusCode::SERVICE_UNAVAILABLE, body)
        };
        let router = Router::new()
            .route("/api/sessions", post(login))
            .route("/api/sessions/refresh", post(refresh));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    #[tokio::test]
    async fn nobody_waits_for_a_renewal_while_the_ticket_is_valid() {
        let gateways = [away().await];
        let name = "ann".parse().unwrap();
        let account = Account::log_in(&gateways, &name, "a long password");
        let account = account.await.unwrap();
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(500)).await;
        let ticket = futures::FutureExt::now_or_never(account.ticket());
        assert_eq!(ticket.as_deref(), Some("first"));
    }
}
