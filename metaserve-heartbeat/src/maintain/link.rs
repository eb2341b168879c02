//! One lasting way to the daemon, or one for each family of addresses.

use crate::{
    Error, Status,
    notices::Notices,
    publisher::Options,
    speak::{listen, speak},
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use metaserve::{
    Backoff, CloseCode, Connect, ConnectError, Family, Retry,
    connect::role::Heartbeat,
    lasting::{Lasting, Listener, Problem, Wait, lasting},
    printable,
    protocol::session::{Say, Speaker},
};
use std::{
    marker::PhantomData,
    pin::{Pin, pin},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};
use tokio::sync::watch;

/// What two links have in common.
pub(super) struct Shared<C, R> {
    connect: Mutex<C>,
    telling: Mutex<Telling>,
    ends: Mutex<[End; 2]>,
    /// Whether the daemon has accepted us before, so that our settings were right.
    lived: AtomicBool,
    role: PhantomData<fn() -> R>,
}

/// The listener for the state of the links, and the last state that it heard.
struct Telling {
    listener: Listener,
    last: Option<Status>,
}

/// How one link stands.
#[derive(Clone, Debug)]
struct End {
    standing: Standing,
    /// Why it is down, if that is a fault.
    problem: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// The first attempt has not ended.
    Starting,
    Connected,
    Down,
}

impl<C, R> Shared<C, R> {
    pub(super) fn new(connect: C, listener: Listener) -> Self {
        let starting = End {
            standing: Standing::Starting,
            problem: None,
        };
        Self {
            connect: Mutex::new(connect),
            telling: Mutex::new(Telling {
                listener,
                last: None,
            }),
            ends: Mutex::new([starting.clone(), starting]),
            lived: AtomicBool::new(false),
            role: PhantomData,
        }
    }

    /// How the other link stands.
    fn other(&self, link: usize) -> End {
        lock(&self.ends)[1 - link].clone()
    }

    /// Tells of a status, and of several equal ones only once; a wait is always another one.
    fn tell(&self, status: Status) {
        let telling = &mut *lock(&self.telling);
        if telling.last.as_ref() != Some(&status) {
            telling.last = Some(status.clone());
            telling.listener.hear(status);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One connection after the other, over one family of addresses or over whichever.
pub(super) struct Link<'a, C, R, W, S> {
    shared: &'a Shared<C, R>,
    number: usize,
    over: Option<Family>,
    session: Speaker<W>,
    notices: Notices,
    items: Pin<&'a mut S>,
    failed_before: bool,
}

impl<'a, C, R, W, S> Link<'a, C, R, W, S>
where
    C: Connect<R>,
    S: Stream,
    W: Say<S::Item>,
{
    /// The only link, over whichever family.
    pub(super) fn new(
        shared: &'a Shared<C, R>,
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

    fn stand(&self, standing: Standing, problem: Option<String>) {
        lock(&self.shared.ends)[self.number] = End { standing, problem };
    }

    /// How the other link stands; down where there is none.
    fn other(&self) -> Standing {
        match self.over {
            Some(_) => self.shared.other(self.number).standing,
            None => Standing::Down,
        }
    }

    /// Whether there is no such family here, which is no fault.
    fn is_absent(&self, error: &C::Error) -> bool {
        self.over.is_some() && C::known(error).is_some_and(ConnectError::is_absent_family)
    }
}

impl<C, R, W, S> Lasting<C::Error> for Link<'_, C, R, W, S>
where
    C: Connect<R>,
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
        self.stand(Standing::Connected, None);
        self.failed_before = false;
        let (shared, number) = (self.shared, self.number);
        let welcomed = || {
            shared.lived.store(true, Relaxed);
            live();
            let problem = shared.other(number).problem;
            shared.tell(Status::Live { problem });
        };
        let (session, notices) = (&mut self.session, &mut self.notices);
        let ended = speak(&connection, session, notices, self.items.as_mut(), welcomed).await;
        self.session.lost();
        self.stand(Standing::Down, None);
        ended
    }

    /// Settings that were right once stay: what cannot heal by itself is then the daemon's, and its
    /// operator may mend it.
    fn retry(&self, error: &C::Error) -> Retry {
        let lives = self.other() == Standing::Connected || self.shared.lived.load(Relaxed);
        match C::known(error).map_or(Retry::Soon, ConnectError::retry) {
            _ if self.is_absent(error) => Retry::Slowly,
            Retry::Briefly if lives => Retry::Slowly,
            retry => retry,
        }
    }

    fn final_error(&self, error: &C::Error) -> Option<Error> {
        C::known(error).cloned().map(Error::Connect)
    }

    fn connecting(&mut self) {
        if self.other() != Standing::Connected {
            self.shared.tell(Status::Connecting);
        }
    }

    fn unanswered(&mut self) {
        if self.other() != Standing::Connected {
            self.shared.tell(Status::Unanswered);
        }
    }

    fn waits(&mut self, problem: Problem<C::Error>, wait: Wait) {
        let (absent, is_news) = match &problem {
            Problem::Ended(_) => (false, true),
            Problem::Unconnected(error) => {
                let absent = self.is_absent(error);
                let is_news = is_news(absent, self.failed_before, self.other());
                self.failed_before = true;
                (absent, is_news)
            }
        };
        let problem = match self.over {
            Some(family) => printable(&format!("over {family}: {problem}")),
            None => problem.to_string(),
        };
        self.stand(Standing::Down, (!absent).then(|| problem.clone()));
        match self.other() {
            _ if !is_news => {}
            Standing::Connected => self.shared.tell(Status::Live {
                problem: Some(problem),
            }),
            _ => self.shared.tell(Status::waiting(&problem, wait)),
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
    families: [Family; 2],
    options: Options,
    backoff: Backoff,
    shared: &Shared<C, Heartbeat>,
    mut heartbeats: Pin<&mut S>,
) -> Result<(), Error>
where
    C: Connect<Heartbeat>,
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
            ended = &mut first => match is_over(&ended, shared.other(0).standing) {
                true => ended,
                false => second.await,
            },
            ended = &mut second => match is_over(&ended, shared.other(1).standing) {
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
/// Another connection with the same identity may have taken the place of one family only. It may
/// even be the other link of this server: where a translator carries IPv6 over IPv4, the daemon
/// sees both links in one family.
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
    fn only_problems_that_a_person_can_solve_are_reported() {
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
    fn a_server_replaced_in_one_family_stays_listed_in_the_other() {
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
