//! The number of servers of each game, the largest games by name.

use metaserve::feed::Feed;
use std::collections::HashMap;

/// The number of games shown by name: those with the most servers. The rest are counted as
/// `other`, so that tags sent by peers cannot create any number of series in Prometheus.
const MAX_GAMES: usize = 20;

/// The number of servers of each game: the largest games first, then all others together.
pub(super) fn by_game(all: &Feed) -> Vec<(String, i64)> {
    let mut games: HashMap<_, i64> = HashMap::new();
    for server in all.servers() {
        *games.entry(server.placement.game.clone()).or_default() += 1;
    }
    let mut games: Vec<_> = games
        .into_iter()
        .map(|(game, count)| (game.to_string(), count))
        .collect();
    games.sort_unstable_by(|(a, more), (b, less)| less.cmp(more).then_with(|| a.cmp(b)));
    // A game may itself be called `other`: it is then counted among the others.
    let named = |game: &str, at: usize| at < MAX_GAMES && game != "other";
    let mut shown = Vec::new();
    let mut other = 0;
    for (at, (game, count)) in games.into_iter().enumerate() {
        if named(&game, at) {
            shown.push((game, count));
        } else {
            other += count;
        }
    }
    shown.push(("other".into(), other));
    shown
}
