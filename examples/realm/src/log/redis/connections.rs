//! The connections to Redis, and what its errors mean.

use crate::log::LogError;
use parking_lot::Mutex;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError, ScriptInvocation,
    Value, aio::MultiplexedConnection,
};
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};
use tokio::sync;

const CONNECT: Duration = Duration::from_secs(2);

/// A Redis that does not answer for so long is away.
const ANSWER: Duration = Duration::from_secs(5);

pub(super) struct Connections {
    client: Client,
    /// The one for everything that is answered at once. The lock is held while one connects: the
    /// others wait for that connection, or for the reason why there is none, instead of trying one
    /// after the other.
    shared: sync::Mutex<Shared>,
    /// How many attempts to connect it have failed.
    failures: AtomicU64,
    /// Those that nobody waits on now. Each waits for one thing at a time, since Redis answers
    /// nothing else on a connection that waits.
    waiting: Mutex<Vec<MultiplexedConnection>>,
}

#[derive(Default)]
struct Shared {
    /// Grows with each connection.
    number: u64,
    connection: Option<MultiplexedConnection>,
    /// Why the last attempt has failed.
    failure: String,
}

impl Connections {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            shared: sync::Mutex::default(),
            failures: AtomicU64::new(0),
            waiting: Mutex::default(),
        }
    }

    /// Without user and password.
    pub(super) fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    pub(super) async fn invoke(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<Vec<Value>, LogError> {
        let (number, mut connection) = self.shared().await?;
        let answer = script.invoke_async(&mut connection).await;
        self.checked(number, answer).await
    }

    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, LogError> {
        let (number, mut connection) = self.shared().await?;
        let answer = command.query_async(&mut connection).await;
        self.checked(number, answer).await
    }

    /// A command that waits so long.
    pub(super) async fn wait<T: FromRedisValue>(
        &self,
        command: &Cmd,
        wait: Duration,
    ) -> Result<T, LogError> {
        if wait.is_zero() {
            return self.query(command).await;
        }
        let idle = self.waiting.lock().pop();
        let mut connection = match idle {
            Some(it) => it,
            None => self.connect().await?,
        };
        connection.set_response_timeout(wait + ANSWER);
        let answer = command.query_async(&mut connection).await;
        match &answer {
            // The others are likely to be lost as well.
            Err(error) if error.is_io_error() => self.waiting.lock().clear(),
            _ => self.waiting.lock().push(connection),
        }
        answer.map_err(|it| meaning(&it))
    }

    async fn shared(&self) -> Result<(u64, MultiplexedConnection), LogError> {
        let failures = self.failures.load(Relaxed);
        let mut shared = self.shared.lock().await;
        if let Some(connection) = &shared.connection {
            return Ok((shared.number, connection.clone()));
        }
        if self.failures.load(Relaxed) > failures {
            return Err(LogError::Away(shared.failure.clone()));
        }
        let connected = self.connect().await;
        if let Err(LogError::Away(why)) = &connected {
            shared.failure.clone_from(why);
            self.failures.fetch_add(1, Relaxed);
        }
        let connection = connected?;
        shared.number += 1;
        shared.connection = Some(connection.clone());
        Ok((shared.number, connection))
    }

    async fn checked<T>(&self, number: u64, answer: Result<T, RedisError>) -> Result<T, LogError> {
        if let Err(error) = &answer
            && error.is_io_error()
        {
            let mut shared = self.shared.lock().await;
            if shared.number == number {
                shared.connection = None;
            }
        }
        answer.map_err(|it| meaning(&it))
    }

    async fn connect(&self) -> Result<MultiplexedConnection, LogError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER))
            .set_pipeline_buffer_size(1_000);
        let connection = self
            .client
            .get_multiplexed_async_connection_with_config(&config);
        connection.await.map_err(|it| meaning(&it))
    }
}

fn meaning(error: &RedisError) -> LogError {
    let why = error.to_string();
    match error.code() {
        Some("WRONGTYPE") => LogError::Foreign {
            key: "a key".to_owned(),
            why,
        },
        Some("LOADING" | "BUSY" | "TRYAGAIN" | "MASTERDOWN" | "CLUSTERDOWN" | "UNBLOCKED") => {
            LogError::Away(why)
        }
        Some(_) => LogError::Refuses(why),
        None if matches!(error.kind(), ErrorKind::AuthenticationFailed) => LogError::Refuses(why),
        None if matches!(
            error.kind(),
            ErrorKind::UnexpectedReturnType | ErrorKind::Parse
        ) =>
        {
            LogError::Foreign {
                key: "a key".to_owned(),
                why,
            }
        }
        None => LogError::Away(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use redis::cmd;
    use std::net::TcpListener;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn all_who_wait_for_a_redis_that_is_frozen_hear_of_it_at_once() {
        // It takes connections and says nothing.
        let frozen = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://{}", frozen.local_addr().unwrap());
        let connections = Connections::new(Client::open(url).unwrap());
        let ping = cmd("PING");
        let callers = (0..20).map(|_| connections.query::<String>(&ping));
        let answers = timeout(2 * CONNECT, join_all(callers)).await.unwrap();
        for answer in answers {
            assert!(matches!(answer, Err(LogError::Away(_))), "{answer:?}");
        }
    }
}
