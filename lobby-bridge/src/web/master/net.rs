//! A list with a clock of its own, for tests: everything that it has shown, published and asked for.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{Effect, Errand, Event, ListLobby, News, RegistryLimits, ServerList, ShownOf};
use crate::{
    peers::{ConnectionId, Lobby as _},
    web::Reply,
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A list in virtual time.
pub(crate) struct Net<L: ServerList> {
    pub(crate) lobby: ListLobby<L>,
    pub(crate) now: Instant,
    pub(crate) wall: SystemTime,
    /// The work that was asked for and not taken yet, the oldest first.
    pub(crate) work: Vec<L::Work>,
    pub(crate) shown: ShownOf<L>,
    pub(crate) published: BTreeMap<u64, L::Listed>,
    pub(crate) kept: Option<(ShownOf<L>, Instant, SystemTime)>,
}

impl<L: ServerList> Net<L> {
    pub(crate) fn new(list: L) -> Self {
        Self {
            lobby: ListLobby::new(list, RegistryLimits::default().shown),
            now: metaserve::time::now() + SECOND * 10_000,
            wall: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            work: Vec::new(),
            shown: ShownOf::<L>::default(),
            published: BTreeMap::new(),
            kept: None,
        }
    }

    pub(crate) fn list(&self) -> &L {
        self.lobby.list()
    }

    /// A request is answered.
    pub(crate) fn ask(&mut self, asked: L::Asked) -> Reply {
        self.happens(Event::Asks(Box::new(asked), self.wall))
            .expect("an answer")
    }

    /// Work has ended.
    pub(crate) fn done(&mut self, done: L::Done) {
        assert_eq!(self.happens(Event::Done(done)), None);
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.wall += time;
        self.hear(News::Second);
    }

    pub(crate) fn hear(&mut self, news: News<L::Native>) {
        let effects = self.lobby.hear(news, self.now, self.wall);
        assert_eq!(self.carry_out(effects), None);
    }

    fn happens(&mut self, what: Event<L>) -> Option<Reply> {
        let effects = self.lobby.handle(ConnectionId(1), what, self.now);
        self.carry_out(effects)
    }

    fn carry_out(&mut self, effects: Vec<Effect<L>>) -> Option<Reply> {
        let mut answer = None;
        for effect in effects {
            match effect {
                Effect::<L>::Send(_, message) => answer = Reply::decode(message),
                Effect::<L>::Close(_) => assert!(answer.is_some(), "closed without an answer"),
                Effect::<L>::List(id, listed) => drop(self.published.insert(id, listed)),
                Effect::<L>::Unlist(id) => drop(self.published.remove(&id)),
                Effect::<L>::Errand(Errand::Do(work)) => self.work.push(work),
                Effect::<L>::Errand(Errand::Show(shown)) => self.shown = shown,
                Effect::<L>::Errand(Errand::Keep(shown, now, wall)) => {
                    self.kept = Some((shown, now, wall));
                }
            }
        }
        answer
    }
}
