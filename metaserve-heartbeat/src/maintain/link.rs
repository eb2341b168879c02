//! One lasting way to the daemon, or one for each family of addresses.

use crate::{
    Error,
    notices::Notices,
    publisher::Options,
    speak::{listen, speak},
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use metaserve::{
    Backoff, CloseCode, Connect, Family, Retry,
    lasting::{Lasting, Problem, lasting},
    protocol::session::{Say, Speaker},
};
use std::{
    fmt,
    pin::{Pin, pin},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// Hears each problem, and the delay before the next attempt.
pub(super) type OnRetry = Box<dyn FnMut(&dyn fmt::Display, Duration) + Send>;

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
pub(super) struct Link<'a, C, W, S> {
    pub(super) shared: &'a Shared<C>,
    pub(super) number: usize,
    pub(super) over: Option<Family>,
    pub(super) session: Speaker<W>,
    pub(super) notices: Notices,
    pub(super) items: Pin<&'a mut S>,
    failed_before: bool,
}

impl<'a, C, W, S> Link<'a, C, W, S>
where
    C: Connect,
    S: Stream,
    W: Say<S::Item>,
{
    /// The only link, over whichever family.
    pub(super) fn new(
        shared: &'a Shared<C>,
        session: Speaker<W>,
        notices: Notices,
        items: Pin<&'a mut S>,
    ) -> Self {
        Self {
            shared,
            number: 0,
            over: None,
            session,
            notices,
            items,
            failed_before: false,
        }
    }

    /// One of two links.
    pub(super) fn over(mut self, number: usize, family: Family) -> Self {
        (self.number, self.over) = (number, Some(family));
        self
    }

    /// Speaks until there are no more items, or connecting again would do harm.
    pub(super) async fn run(mut self, backoff: Backoff) -> Result<(), Error> {
        let (shared, over) = (self.shared, self.over);
        let connect = || lock(&shared.connect).connect(over);
        lasting(connect, backoff, &mut self).await
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

    /// Whether there is no such family here, which is no fault.
    fn is_absent(&self, error: &C::Error) -> bool {
        self.over.is_some() && C::is_absent(error)
    }
}

impl<C, W, S> Lasting<C::Error> for Link<'_, C, W, S>
where
    C: Connect,
    S: Stream,
    W: Say<S::Item>,
{
    type Done = ();

    async fn meanwhile(&mut self) {
        listen(&mut self.session, &mut self.notices, self.items.as_mut()).await;
    }

    async fn session(
        &mut self,
        connection: quinn::Connection,
        live: &mut (impl FnMut() + Send),
    ) -> Result<(), Error> {
        self.stand(Standing::Connected);
        self.failed_before = false;
        let (session, notices) = (&mut self.session, &mut self.notices);
        let ended = speak(&connection, session, notices, self.items.as_mut(), live).await;
        self.session.lost();
        self.stand(Standing::Down);
        ended
    }

    fn retry(&self, error: &C::Error) -> Retry {
        match self.is_absent(error) {
            true => Retry::Slowly,
            false => Retry::Soon,
        }
    }

    fn waits(&mut self, problem: Problem<C::Error>, delay: Duration) {
        self.stand(Standing::Down);
        let Problem::Unconnected(error) = &problem else {
            return self.tell(&problem, delay);
        };
        if is_news(self.is_absent(error), self.failed_before, self.other()) {
            self.tell(&problem, delay);
        }
        self.failed_before = true;
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
    families: [Family; 2],
    options: Options,
    backoff: Backoff,
    shared: &Shared<C>,
    mut heartbeats: Pin<&mut S>,
) -> Result<(), Error>
where
    C: Connect,
    S: Stream<Item = T>,
    T: AsRef<[u8]>,
{
    let (newest, seen) = watch::channel(Bytes::new());
    let sessions = [options.session()?, options.session()?];
    let [first_notices, second_notices] = options.notices.split();
    let link = |number: usize, session, notices| {
        let (heartbeats, backoff) = (follow(seen.clone()), backoff.clone());
        async move {
            let heartbeats = pin!(heartbeats);
            let link = Link::new(shared, session, notices, heartbeats);
            link.over(number, families[number]).run(backoff).await
        }
    };
    let [first_session, second_session] = sessions;
    let first = link(0, first_session, first_notices);
    let second = link(1, second_session, second_notices);
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
