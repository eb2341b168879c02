//! What the links of one server have in common: how each stands, and who hears of it.

use crate::Status;
use metaserve::{Connect, ConnectError, Way, lasting::Listener};
use std::{
    marker::PhantomData,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

/// What all links have in common.
pub(super) struct Shared<C, R> {
    connect: Mutex<C>,
    telling: Mutex<Telling>,
    ends: Mutex<Vec<End>>,
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
struct End {
    way: Way,
    standing: Standing,
    /// Why it is down, if that is a fault.
    problem: Option<String>,
    /// Why connecting again cannot help, as far as is known.
    hopeless: Option<ConnectError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Down,
    /// The first attempt has not ended.
    Starting,
    Connected,
}

impl<C: Connect<R>, R> Shared<C, R> {
    pub(super) fn new(connect: C, listener: Listener) -> Self {
        let ways = connect.ways().into_iter();
        let ends = ways.map(|way| End {
            way,
            standing: Standing::Starting,
            problem: None,
            hopeless: None,
        });
        Self {
            ends: Mutex::new(ends.collect()),
            connect: Mutex::new(connect),
            telling: Mutex::new(Telling {
                listener,
                last: None,
            }),
            lived: AtomicBool::new(false),
            role: PhantomData,
        }
    }

    /// Makes a connection.
    pub(super) fn connect(&self, way: &Way) -> C::Connecting {
        lock(&self.connect).connect(way)
    }

    /// How many addresses there are to connect to.
    pub(super) fn choices(&self) -> usize {
        lock(&self.connect).choices()
    }

    /// The ways of the links, in their order.
    pub(super) fn ways(&self) -> Vec<Way> {
        lock(&self.ends).iter().map(|end| end.way.clone()).collect()
    }
}

impl<C, R> Shared<C, R> {
    /// A link stands otherwise now, with this problem if it is down by a fault.
    pub(super) fn stand(&self, link: usize, standing: Standing, problem: Option<String>) {
        let end = &mut lock(&self.ends)[link];
        (end.standing, end.problem) = (standing, problem);
        if standing == Standing::Connected {
            end.hopeless = None;
        }
    }

    /// How the best of the other links stands; down where there is none.
    pub(super) fn others(&self, link: usize) -> Standing {
        let ends = lock(&self.ends);
        let others = ends
            .iter()
            .enumerate()
            .filter(|(number, _)| *number != link);
        let standings = others.map(|(_, end)| end.standing);
        standings.max().unwrap_or(Standing::Down)
    }

    /// What is wrong with any link.
    fn problem(&self) -> Option<String> {
        let ends = lock(&self.ends);
        let problems: Vec<_> = ends
            .iter()
            .filter_map(|end| end.problem.as_deref())
            .collect();
        (!problems.is_empty()).then(|| problems.join("; "))
    }

    /// Tells that a daemon has let us in, and what is wrong with other links.
    pub(super) fn tell_live(&self) {
        let problem = self.problem();
        self.tell(Status::Live { problem });
    }

    /// Records that a daemon has let us in.
    pub(super) fn lives(&self) {
        self.lived.store(true, Relaxed);
    }

    /// Whether a daemon has ever let us in, so that our settings were right.
    pub(super) fn has_lived(&self) -> bool {
        self.lived.load(Relaxed)
    }

    /// Records that connecting again may help a link, after all.
    pub(super) fn hopes(&self, link: usize) {
        lock(&self.ends)[link].hopeless = None;
    }

    /// Records that connecting again cannot help a link. The reason to end, once there is no daemon
    /// that another link may reach.
    pub(super) fn give_up(&self, link: usize, error: ConnectError) -> Option<ConnectError> {
        let mut ends = lock(&self.ends);
        ends[link].hopeless = Some(error);
        let mut each: Vec<(Option<Arc<str>>, Option<ConnectError>)> = Vec::new();
        for End { way, hopeless, .. } in &*ends {
            match each.iter_mut().find(|(at, _)| *at == way.at) {
                Some((_, known)) => *known = known.take().or_else(|| hopeless.clone()),
                None => each.push((way.at.clone(), hopeless.clone())),
            }
        }
        let each = each
            .into_iter()
            .map(|(at, hopeless)| Some((at.unwrap_or_default(), hopeless?)));
        each.collect::<Option<_>>().map(ConnectError::of_each)
    }

    /// Tells of a status, and of several equal ones only once; a wait is always another one.
    pub(super) fn tell(&self, status: Status) {
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
