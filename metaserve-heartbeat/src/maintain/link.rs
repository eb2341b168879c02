//! One connection after the other, made in one of several ways.

use super::shared::{Shared, Standing};
use crate::{
    Error, Status,
    notices::Notices,
    speak::{listen, speak},
};
use futures::Stream;
use metaserve::{
    Backoff, Connect, ConnectError, Retry, Way,
    lasting::{Lasting, Problem, Wait, lasting},
    printable,
    protocol::session::{Say, Speaker},
};
use std::pin::Pin;

/// One connection after the other, each made in the same way.
pub(super) struct Link<'a, C, R, W, S> {
    shared: &'a Shared<C, R>,
    number: usize,
    way: Way,
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
    /// The link of this number.
    pub(super) fn new(
        shared: &'a Shared<C, R>,
        number: usize,
        way: Way,
        session: Speaker<W>,
        notices: Notices,
        items: Pin<&'a mut S>,
    ) -> Self {
        Self {
            shared,
            number,
            way,
            session,
            notices,
            items,
            failed_before: false,
        }
    }

    /// Speaks until there are no more items, or connecting again would do harm.
    pub(super) async fn run(mut self, backoff: Backoff) -> Result<(), Error> {
        let (shared, way) = (self.shared, self.way.clone());
        let connect = || shared.connect(&way);
        lasting(connect, backoff, &mut self).await
    }

    /// How the best of the other links stands.
    fn others(&self) -> Standing {
        self.shared.others(self.number)
    }

    /// Whether there is no such family here, which is no fault.
    fn is_absent(&self, error: &C::Error) -> bool {
        self.way.over.is_some() && C::known(error).is_some_and(ConnectError::is_absent_family)
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
        self.shared.stand(self.number, Standing::Connected, None);
        self.failed_before = false;
        let shared = self.shared;
        let welcomed = || {
            shared.lives();
            live();
            shared.tell_live();
        };
        let (session, notices) = (&mut self.session, &mut self.notices);
        let ended = speak(&connection, session, notices, self.items.as_mut(), welcomed).await;
        self.session.lost();
        self.shared.stand(self.number, Standing::Down, None);
        ended
    }

    fn choices(&self) -> usize {
        self.shared.choices()
    }

    /// Settings that were right once stay: what cannot heal by itself is then the daemon's, and its
    /// operator may mend it.
    fn retry(&self, error: &C::Error) -> Retry {
        let lives = self.others() == Standing::Connected || self.shared.has_lived();
        match C::known(error).map_or(Retry::Soon, ConnectError::retry) {
            _ if self.is_absent(error) => Retry::Slowly,
            Retry::Briefly if lives => Retry::Slowly,
            retry => retry,
        }
    }

    fn final_error(&mut self, error: &C::Error) -> Option<Error> {
        let error = C::known(error)?.clone();
        match error.retry() {
            Retry::Never => Some(error),
            _ => self.shared.give_up(self.number, error),
        }
        .map(Error::Connect)
    }

    fn connecting(&mut self) {
        if self.others() != Standing::Connected {
            self.shared.tell(Status::Connecting);
        }
    }

    fn unanswered(&mut self) {
        if self.others() != Standing::Connected {
            self.shared.tell(Status::Unanswered);
        }
    }

    fn waits(&mut self, problem: Problem<C::Error>, wait: Wait) {
        let (absent, is_news) = match &problem {
            Problem::Ended(_) => (false, true),
            Problem::Unconnected(error) => {
                let absent = self.is_absent(error);
                let is_news = is_news(absent, self.failed_before, self.others());
                if C::known(error).is_none_or(|error| error.retry() != Retry::Briefly) {
                    self.shared.hopes(self.number);
                }
                self.failed_before = true;
                (absent, is_news)
            }
        };
        let problem = match self.way.to_string() {
            way if way.is_empty() => problem.to_string(),
            way => printable(&format!("{way}: {problem}")),
        };
        self.shared.stand(
            self.number,
            Standing::Down,
            (!absent).then(|| problem.clone()),
        );
        match self.others() {
            _ if !is_news => {}
            Standing::Connected => self.shared.tell_live(),
            _ => self.shared.tell(Status::waiting(&problem, wait)),
        }
    }
}

/// Whether it is worth telling that a link could not connect: one that fails again and again is
/// not while another keeps the server listed, nor is a family that does not exist here.
fn is_news(absent: bool, failed_before: bool, others: Standing) -> bool {
    match others {
        Standing::Down => true,
        Standing::Starting => !absent,
        Standing::Connected => !absent && !failed_before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
