//! The games that have servers, and the sinks that are told about these servers.

use crate::{
    Game,
    list::{Basis, Change, Sink, Sinks},
};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

/// The number of games has reached its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this daemon already lists servers of {0} games, as many as it may: \
     use the tag of a game it knows, or ask its operator"
)]
pub struct TooManyGames(pub usize);

/// The games that have servers, whether listed yet or not.
pub(super) struct Games {
    all: Vec<Arc<dyn Sinks>>,
    played: Mutex<Played>,
}

struct Played {
    most: usize,
    games: HashMap<Game, Weak<Servers>>,
}

/// The servers of one game.
struct Servers {
    game: Game,
    sinks: Box<[Arc<dyn Sink>]>,
    games: Arc<Games>,
}

impl Games {
    /// No games yet, and at most `most` later.
    pub(super) fn new(most: usize, sinks: Vec<Arc<dyn Sinks>>) -> Arc<Self> {
        let games = HashMap::new();
        Arc::new(Self {
            all: sinks,
            played: Mutex::new(Played { most, games }),
        })
    }

    /// Changes the limit. Existing games stay.
    pub(super) fn set_most(&self, most: usize) {
        self.played.lock().most = most;
    }

    /// Counts a server of a game until the guard is dropped.
    pub(super) fn join(self: &Arc<Self>, game: &Game) -> Result<Member, TooManyGames> {
        let mut played = self.played.lock();
        let full = played.games.len() >= played.most;
        if full && !played.games.contains_key(game) {
            return Err(TooManyGames(played.most));
        }
        Ok(self.enter(game, &mut played))
    }

    /// The same for a server that another member of the cluster has let in: the limit does not
    /// apply.
    pub(super) fn admit(self: &Arc<Self>, game: &Game) -> Member {
        self.enter(game, &mut self.played.lock())
    }

    /// The same tag, in the memory that all servers of the game share.
    pub(super) fn share(&self, game: Game) -> Game {
        let played = self.played.lock();
        let known = played.games.get_key_value(&game);
        known.map(|(known, _)| known.clone()).unwrap_or(game)
    }

    fn enter(self: &Arc<Self>, game: &Game, played: &mut Played) -> Member {
        let known = played.games.get(game).and_then(Weak::upgrade);
        Member(known.unwrap_or_else(|| {
            let servers = Arc::new(Servers {
                game: game.clone(),
                sinks: self.all.iter().map(|all| all.clone().sink(game)).collect(),
                games: self.clone(),
            });
            played.games.insert(game.clone(), Arc::downgrade(&servers));
            servers
        }))
    }

    /// Lets the changes that `work` makes take effect together.
    pub(super) fn together<T>(&self, work: impl FnOnce() -> T) -> T {
        self.begin();
        let done = work();
        self.end();
        done
    }

    /// What lists depend on is another one.
    pub(super) fn depend(&self, on: Basis) {
        self.all.iter().for_each(|sinks| sinks.depends(on));
    }

    /// Lets the changes take effect together that come until the guard is dropped, which may take
    /// long. None while clients wait for such changes already: else they might wait on and on.
    pub(super) fn begin_long(self: &Arc<Self>) -> Option<Together> {
        if self.all.iter().any(|sinks| sinks.is_held_up()) {
            return None;
        }
        self.begin();
        Some(Together(self.clone()))
    }

    fn begin(&self) {
        self.all.iter().for_each(|sinks| sinks.begin());
    }

    fn end(&self) {
        self.all.iter().for_each(|sinks| sinks.end());
    }
}

/// While it exists, no change is shown: when it is dropped, all are shown in one frame.
#[must_use = "changes are shown together when it is dropped"]
pub struct Together(Arc<Games>);

impl Drop for Together {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// A server's membership of its game.
#[derive(Clone)]
pub(super) struct Member(Arc<Servers>);

impl Member {
    pub(super) fn game(&self) -> &Game {
        &self.0.game
    }

    /// Announces a change of the server with this number to all sinks.
    pub(super) fn tell(&self, number: u64, change: Change) {
        let Some((last, others)) = self.0.sinks.split_last() else {
            return;
        };
        for sink in others {
            sink.change(number, change.clone());
        }
        last.change(number, change);
    }

    /// Tells all sinks that other members may show this server otherwise.
    pub(super) fn touch(&self, number: u64) {
        self.0.sinks.iter().for_each(|sink| sink.touch(number));
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let mut played = self.games.played.lock();
        // A server may have entered the game again meanwhile.
        let left = |known: &Weak<Self>| known.strong_count() == 0;
        if played.games.get(&self.game).is_some_and(left) {
            played.games.remove(&self.game);
        }
    }
}
