//! The games that have servers, and the sinks that are told about these servers.

use crate::{
    Game,
    list::{Change, Sink, Sinks},
};
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};

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
    games: HashMap<Game, Servers>,
}

struct Servers {
    count: usize,
    sinks: Arc<[Arc<dyn Sink>]>,
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
        let servers = played.games.entry(game.clone()).or_insert_with(|| Servers {
            count: 0,
            sinks: self.all.iter().map(|all| all.clone().sink(game)).collect(),
        });
        servers.count += 1;
        Ok(Member {
            game: game.clone(),
            sinks: servers.sinks.clone(),
            games: self.clone(),
        })
    }
}

/// A server's membership of its game.
pub(super) struct Member {
    pub(super) game: Game,
    sinks: Arc<[Arc<dyn Sink>]>,
    games: Arc<Games>,
}

impl Member {
    /// Announces a change of the server with this number to all sinks.
    pub(super) fn tell(&self, number: u64, change: Change) {
        let Some((last, others)) = self.sinks.split_last() else {
            return;
        };
        for sink in others {
            sink.change(number, change.clone());
        }
        last.change(number, change);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut played = self.games.played.lock();
        if let Some(servers) = played.games.get_mut(&self.game) {
            servers.count -= 1;
            if servers.count == 0 {
                played.games.remove(&self.game);
            }
        }
    }
}
