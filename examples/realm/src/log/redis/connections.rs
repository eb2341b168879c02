//! The connections to Redis, and what its errors mean.

use crate::log::LogError;
use futures::{
    FutureExt,
    future::{self, BoxFuture},
};
use parking_lot::Mutex;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError, ScriptInvocation,
    Value, aio::MultiplexedConnection,
};
use std::{io, sync::Arc, time::Duration};
use tokio_util::task::AbortOnDropHandle;

const CONNECT: Duration = Duration::from_secs(2);

/// A Redis that does not answer for so long is away.
const ANSWER: Duration = Duration::from_secs(5);

pub(super) struct Connections {
    client: Client,
    /// The one for everything that is answered at once.
    shared: Mutex<Shared>,
    /// Those that nobody waits on now. Each waits for one thing at a time, since Redis answers
    /// nothing else on a connection that waits.
    waiting: Mutex<Vec<MultiplexedConnection>>,
}

#[derive(Default)]
struct Shared {
    /// Grows with each attempt to connect.
    number: u64,
    /// The last attempt, if it has not failed. It is a task of its own: nobody who asks for the
    /// connection, and then is not polled any more, holds up the others.
    attempt: Option<future::Shared<BoxFuture<'static, Connected>>>,
}

/// All who wait for a connection have it, or hear why there is none.
type Connected = Result<MultiplexedConnection, Arc<RedisError>>;

impl Connections {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            shared: Mutex::default(),
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
        self.checked(number, answer)
    }

    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, LogError> {
        let (number, mut connection) = self.shared().await?;
        let answer = command.query_async(&mut connection).await;
        self.checked(number, answer)
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
            None => connect(self.client.clone())
                .await
                .map_err(|it| meaning(&it))?,
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
        let (number, attempt) = {
            let mut shared = self.shared.lock();
            let attempt = shared.attempt.clone().unwrap_or_else(|| {
                shared.number += 1;
                let attempt = AbortOnDropHandle::new(tokio::spawn(connect(self.client.clone())));
                let attempt = attempt.map(|it| match it {
                    Ok(connected) => connected.map_err(Arc::new),
                    // It has panicked, or the program ends.
                    Err(error) => Err(Arc::new(io::Error::other(error).into())),
                });
                let attempt = attempt.boxed().shared();
                shared.attempt = Some(attempt.clone());
                attempt
            });
            (shared.number, attempt)
        };
        match attempt.await {
            Ok(connection) => Ok((number, connection)),
            Err(error) => {
                self.forget(number);
                Err(meaning(&error))
            }
        }
    }

    fn checked<T>(&self, number: u64, answer: Result<T, RedisError>) -> Result<T, LogError> {
        if answer.as_ref().is_err_and(RedisError::is_io_error) {
            self.forget(number);
        }
        answer.map_err(|it| meaning(&it))
    }

    /// The next one who needs the connection connects again.
    fn forget(&self, number: u64) {
        let mut shared = self.shared.lock();
        if shared.number == number {
            shared.attempt = None;
        }
    }
}

async fn connect(client: Client) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(ANSWER))
        .set_pipeline_buffer_size(1_000);
    client
        .get_multiplexed_async_connection_with_config(&config)
        .await
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

    /// As a socket does that has a command on its way, and shows the zone meanwhile.
    #[tokio::test(start_paused = true)]
    async fn one_who_asks_and_is_not_polled_any_more_holds_up_nobody() {
        let frozen = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://{}", frozen.local_addr().unwrap());
        let connections = Connections::new(Client::open(url).unwrap());
        let ping = cmd("PING");
        let mut first = Box::pin(connections.query::<String>(&ping));
        assert!(futures::poll!(&mut first).is_pending());
        for _ in 0..2 {
            let answer = timeout(2 * CONNECT, connections.query::<String>(&ping));
            let answer = answer.await.expect("nobody is held up");
            assert!(matches!(answer, Err(LogError::Away(_))), "{answer:?}");
        }
        assert!(matches!(first.await, Err(LogError::Away(_))));
    }
}
