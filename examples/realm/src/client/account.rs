//! The account that a player has logged in to: HTTP to the accounts role, by way of a gateway.

use crate::{
    ids::{Name, ZoneId},
    keeper::Character,
};
use metaserve::{Backoff, Retry, time::now};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};
use thiserror::Error;
use tokio::{sync::Mutex, time::sleep};

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

/// An account that somebody has logged in to. Its ticket is renewed as long as it is used.
pub struct Account {
    gateways: Vec<String>,
    http: reqwest::Client,
    name: Name,
    tickets: Mutex<Tickets>,
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
        Ok(Arc::new(Self {
            gateways: gateways.to_vec(),
            http,
            name: name.clone(),
            tickets: Mutex::new(login.into()),
        }))
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// A ticket that is valid for a while. It is renewed when half of its time is over; if that
    /// fails, the old one is used.
    pub async fn ticket(&self) -> String {
        let mut tickets = self.tickets.lock().await;
        if now() >= tickets.renew {
            let body = json!({"refresh": tickets.refresh});
            let path = "api/sessions/refresh";
            match self.post::<LogIn>(path, &body).await {
                Ok(login) => *tickets = login.into(),
                Err(error) => tracing::debug!(%error, "the ticket is not renewed"),
            }
        }
        tickets.ticket.clone()
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
        let body = json!({"refresh": self.tickets.lock().await.refresh});
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

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, ApiError> {
        request(
            &self.http,
            &self.gateways,
            Method::POST,
            path,
            None,
            Some(body),
        )
        .await
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
        }
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
