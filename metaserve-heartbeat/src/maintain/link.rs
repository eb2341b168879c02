//! One lasting way to the daemon, or one for each family of addresses.

use super::OnRetry;
use crate::{
    Error,
    publisher::{ASSUMED_INTERVAL, Options, publish},
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use metaserve::{Backoff, CloseCode, Connect, Family, Pacing, Retry};
use std::{
    fmt,
    pin::{Pin, pin},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// What two links have in common.
pub(super) struct Shared<C> {
    connect: Mutex<C>,
    on_retry: Mutex<OnRetry>,
    standing: Mutex<[Standing; 2]>,
}

/// How a link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// The first attempt has not ended.
    Starting,
    Connected,
    Down,
}

impl<C> Shared<C> {
    pub(super) fn new(connect: C, on_retry: OnRetry) -> Self {
        Self {
            connect: Mutex::new(connect),
            on_retry: Mutex::new(on_retry),
            standing: Mutex::new([Standing::Starting; 2]),
        }
    }

    /// How the other link stands.
    fn other(&self, link: usize) -> Standing {
        lock(&self.standing)[1 - link]
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One connection after the other, over one family of addresses or over whichever.
pub(super) struct Link<'a, C> {
    shared: &'a Shared<C>,
    number: usize,
    over: Option<Family>,
    options: Options,
    backoff: Backoff,
}

impl<'a, C: Connect> Link<'a, C> {
    pub(super) fn new(
        shared: &'a Shared<C>,
        number: usize,
        over: Option<Family>,
        options: Options,
        backoff: Backoff,
    ) -> Self {
        Self {
            shared,
            number,
            over,
            options,
            backoff,
        }
    }

    /// Publishes until the heartbeats end, or connecting again would do harm.
    pub(super) async fn run<S, T>(mut self, mut heartbeats: Pin<&mut S>) -> Result<(), Error>
    where
        S: Stream<Item = T>,
        T: AsRef<[u8]>,
    {
        let mut pacing = Pacing::new(ASSUMED_INTERVAL);
        let mut failed_before = false;
        loop {
            let connecting = lock(&self.shared.connect).connect(self.over);
            let connected = meanwhile(
                connecting,
                heartbeats.as_mut(),
                &mut pacing,
                &mut self.options,
            )
            .await;
            let Some(connected) = connected else {
                return Ok(());
            };
            let delay = match connected {
                Ok(connection) => {
                    self.stand(Standing::Connected);
                    failed_before = false;
                    pacing.restate();
                    let mut welcomed = false;
                    let ended = publish(
                        &connection,
                        &mut self.options,
                        heartbeats.as_mut(),
                        &mut pacing,
                        || welcomed = true,
                    )
                    .await;
                    self.stand(Standing::Down);
                    let Err(error) = ended else { return Ok(()) };
                    if error.retry() == Retry::Never {
                        return Err(error);
                    }
                    if welcomed {
                        self.backoff.reset();
                    }
                    let delay = self.backoff.delay(error.retry(), fastrand::f64());
                    self.tell(&error, delay);
                    delay
                }
                Err(error) => {
                    self.stand(Standing::Down);
                    let absent = self.over.is_some() && C::is_absent(&error);
                    let retry = if absent { Retry::Slowly } else { Retry::Soon };
                    let delay = self.backoff.delay(retry, fastrand::f64());
                    if is_news(absent, failed_before, self.other()) {
                        self.tell(&error, delay);
                    }
                    failed_before = true;
                    delay
                }
            };
            let waited = tokio::time::sleep(delay);
            if meanwhile(waited, heartbeats.as_mut(), &mut pacing, &mut self.options)
                .await
                .is_none()
            {
                return Ok(());
            }
        }
    }

    fn stand(&self, standing: Standing) {
        lock(&self.shared.standing)[self.number] = standing;
    }

    /// How the other link stands; down where there is none.
    fn other(&self) -> Standing {
        match self.over {
            Some(_) => self.shared.other(self.number),
            None => Standing::Down,
        }
    }

    fn tell(&self, problem: &dyn fmt::Display, delay: Duration) {
        let hear = &mut *lock(&self.shared.on_retry);
        match self.over {
            Some(family) => hear(&format_args!("over {family}: {problem}"), delay),
            None => hear(problem, delay),
        }
    }
}

/// Whether it is worth telling that a link could not connect: one that fails again and again is
/// not while the other keeps the server listed, nor is a family that does not exist here.
fn is_news(absent: bool, failed_before: bool, other: Standing) -> bool {
    match other {
        Standing::Down => true,
        Standing::Starting => !absent,
        Standing::Connected => !absent && !failed_before,
    }
}

/// Publishes over two links until the heartbeats end on both, or no link is left.
pub(super) async fn both<C, S, T>(
    links: [Link<'_, C>; 2],
    mut heartbeats: Pin<&mut S>,
    shared: &Shared<C>,
) -> Result<(), Error>
where
    C: Connect,
    S: Stream<Item = T>,
    T: AsRef<[u8]>,
{
    let (newest, seen) = watch::channel(Bytes::new());
    let [first, second] = links.map(|link| {
        let heartbeats = follow(seen.clone());
        async move { link.run(pin!(heartbeats)).await }
    });
    drop(seen);
    let (mut first, mut second) = (pin!(first), pin!(second));
    let pass_on = async move {
        while let Some(heartbeat) = heartbeats.next().await {
            newest.send_replace(Bytes::copy_from_slice(heartbeat.as_ref()));
            tokio::task::consume_budget().await;
        }
        // Both links hear of the end, and say goodbye.
        drop(newest);
        std::future::pending().await
    };
    let end = async {
        tokio::select! {
            ended = &mut first => match is_over(&ended, shared.other(0)) {
                true => ended,
                false => second.await,
            },
            ended = &mut second => match is_over(&ended, shared.other(1)) {
                true => ended,
                false => first.await,
            },
        }
    };
    tokio::select! {
        ended = end => ended,
        () = pass_on => Ok(()),
    }
}

/// Whether the end of one link is the end of both, given how the other stands.
///
/// Another connection with the same identity may have taken the place of one family only, also
/// the own other connection: where a translator carries IPv6 over IPv4, the daemon sees both in
/// one family.
fn is_over(ended: &Result<(), Error>, other: Standing) -> bool {
    match ended {
        Ok(()) => false,
        Err(error) if error.close_code() == Some(CloseCode::Replaced) => {
            other != Standing::Connected
        }
        Err(_) => true,
    }
}

/// The newest heartbeat, each time that there is one.
fn follow(seen: watch::Receiver<Bytes>) -> impl Stream<Item = Bytes> {
    stream::unfold(seen, |mut seen| async {
        seen.changed().await.ok()?;
        let heartbeat = seen.borrow_and_update().clone();
        Some((heartbeat, seen))
    })
}

/// Waits for `wait` and keeps the newest heartbeat meanwhile; none when the heartbeats have ended.
async fn meanwhile<W: Future, S, T>(
    wait: W,
    mut heartbeats: Pin<&mut S>,
    pacing: &mut Pacing,
    options: &mut Options,
) -> Option<W::Output>
where
    S: Stream<Item = T>,
    T: AsRef<[u8]>,
{
    let mut wait = pin!(wait);
    loop {
        tokio::select! {
            biased;
            output = &mut wait => return Some(output),
            item = heartbeats.next() => {
                options.offer(item?.as_ref(), pacing);
                tokio::task::consume_budget().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metaserve::Close;

    #[test]
    fn what_a_person_can_do_nothing_about_is_not_told() {
        use Standing::{Connected, Down, Starting};
        let table = [
            (false, false, Starting, true),
            (false, false, Connected, true),
            (false, true, Connected, false),
            (true, false, Starting, false),
            (true, false, Connected, false),
            (true, true, Down, true),
        ];
        for (absent, failed_before, other, told) in table {
            assert_eq!(
                is_news(absent, failed_before, other),
                told,
                "{absent} {failed_before} {other:?}"
            );
        }
    }

    #[test]
    fn who_is_replaced_in_one_family_stays_listed_in_the_other() {
        let replaced = || Err(Error::Refused(Close::new(CloseCode::Replaced, "")));
        assert!(!is_over(&replaced(), Standing::Connected));
        assert!(is_over(&replaced(), Standing::Down));
        assert!(
            !is_over(&Ok(()), Standing::Connected),
            "it says goodbye, too"
        );
        let invalid = metaserve::Game::new("").unwrap_err();
        assert!(is_over(&Err(invalid.into()), Standing::Connected));
    }
}
