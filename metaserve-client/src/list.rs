//! From messages to the list, pure.

use crate::{
    Error,
    snapshot::{Server, ServerId, Snapshot},
};
use metaserve::{Game, list::Cursor, protocol::client::ListMessage};
use std::sync::Arc;

/// The list as far as the daemon's messages have told it, without a connection or a clock.
///
/// [`Subscriber`](crate::Subscriber) reads the messages for a game; a program that reads them by
/// itself, such as a test, keeps the list with this.
#[derive(Clone, Debug, Default)]
pub struct List {
    snapshot: Snapshot,
    /// Whether any message has come: an empty list is known to be empty.
    known: bool,
}

impl List {
    /// Continues with a list from an earlier connection.
    #[must_use]
    pub fn resume(snapshot: Snapshot) -> Self {
        Self {
            snapshot,
            known: true,
        }
    }

    /// How far the list goes, for the [`Subscribe`](metaserve::protocol::client::Subscribe)
    /// message that asks for `game`. None when nothing is known, or only the list of another
    /// game.
    pub fn known(&mut self, game: Option<&Game>) -> Option<Cursor> {
        let same = self.snapshot.game.as_ref() == game;
        self.known &= same;
        self.snapshot.game = game.cloned();
        let Snapshot {
            epoch, revision, ..
        } = self.snapshot;
        self.known.then_some(Cursor { epoch, revision })
    }

    /// The list as it is now. Cheap. Its changes are counted with [`Snapshot::since`].
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot.clone()
    }

    /// Takes a message in. Costs what it says, not the size of the list.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] when the message builds on another list than ours, which then stays
    /// as it was.
    pub fn apply(&mut self, message: ListMessage) -> Result<(), Error> {
        let Snapshot {
            epoch,
            revision,
            servers,
            ..
        } = &mut self.snapshot;
        match message.from {
            None => servers.clear(),
            Some(from) if self.known && message.epoch == *epoch && from == *revision => {}
            Some(from) => {
                return Err(Error::OutOfOrder {
                    from,
                    ours: *revision,
                });
            }
        }
        let id = |number| ServerId {
            epoch: message.epoch,
            number,
        };
        for number in message.removed {
            servers.remove(&id(number));
        }
        for placed in message.placed {
            let server = Server::new(message.epoch, placed);
            servers.insert(server.id, Arc::new(server));
        }
        for (number, heartbeat) in message.updated {
            if let Some(server) = servers.get_mut(&id(number)) {
                *server = Arc::new(Server {
                    heartbeat,
                    ..Server::clone(server)
                });
            }
        }
        *epoch = message.epoch;
        *revision = message.to;
        self.known = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use metaserve::protocol::client::PlacedServer;
    use proptest::prelude::*;
    use std::{collections::BTreeMap, net::SocketAddr};

    fn placed(number: u64, heartbeat: &'static str) -> PlacedServer {
        PlacedServer {
            number,
            game: Game::default(),
            address: SocketAddr::from(([192, 0, 2, 1], number as u16)),
            second_address: None,
            identity: None,
            heartbeat: heartbeat.into(),
        }
    }

    fn message(epoch: u64, from: Option<u64>, to: u64) -> ListMessage {
        let (removed, placed, updated) = Default::default();
        ListMessage {
            epoch,
            from,
            to,
            removed,
            placed,
            updated,
        }
    }

    fn heartbeats(list: &List) -> BTreeMap<u64, Bytes> {
        let servers = list.snapshot.servers();
        servers
            .map(|server| (server.id.number, server.heartbeat.clone()))
            .collect()
    }

    #[test]
    fn a_delta_changes_what_it_names() {
        let mut list = List::default();
        let all = vec![placed(1, "one"), placed(2, "two"), placed(3, "three")];
        list.apply(ListMessage {
            placed: all,
            ..message(7, None, 10)
        })
        .unwrap();
        let before = list.snapshot();
        let delta = ListMessage {
            removed: vec![2, 99],
            placed: vec![placed(4, "four")],
            updated: vec![(1, "uno".into())],
            ..message(7, Some(10), 13)
        };
        list.apply(delta).unwrap();
        let expected = [(1, "uno"), (3, "three"), (4, "four")];
        assert_eq!(
            heartbeats(&list),
            expected.map(|(n, text)| (n, text.into())).into()
        );

        let changes = list.snapshot().since(&before).changes().clone();
        let id = |number| ServerId { epoch: 7, number };
        assert_eq!((changes.added, changes.updated), (vec![id(4)], vec![id(1)]));
        assert_eq!(changes.removed, [id(2)]);
    }

    #[test]
    fn a_delta_on_another_list_is_refused_and_changes_nothing() {
        let mut list = List::default();
        assert!(
            list.apply(message(7, Some(10), 11)).is_err(),
            "nothing to build on"
        );
        list.apply(ListMessage {
            placed: vec![placed(1, "one")],
            ..message(7, None, 10)
        })
        .unwrap();
        for wrong in [message(7, Some(9), 12), message(8, Some(10), 12)] {
            assert!(
                list.apply(ListMessage {
                    removed: vec![1],
                    ..wrong
                })
                .is_err()
            );
        }
        assert_eq!(heartbeats(&list).len(), 1);
    }

    #[test]
    fn what_is_known_of_one_game_is_not_told_for_another() {
        let [chess, go] = ["chess", "go"].map(|tag| Game::new(tag).unwrap());
        let mut list = List::default();
        assert_eq!(list.known(Some(&chess)), None);
        list.apply(message(7, None, 10)).unwrap();
        let snapshot = list.snapshot();
        let known = List::resume(snapshot.clone()).known(Some(&chess));
        assert_eq!(known.map(|known| known.revision), Some(10));
        for other in [None, Some(&go)] {
            assert_eq!(List::resume(snapshot.clone()).known(other), None);
        }
    }

    #[test]
    fn another_run_of_the_daemon_replaces_everything() {
        let mut list = List::default();
        list.apply(ListMessage {
            placed: vec![placed(1, "one")],
            ..message(7, None, 10)
        })
        .unwrap();
        let before = list.snapshot();
        list.apply(ListMessage {
            placed: vec![placed(1, "one")],
            ..message(8, None, 1)
        })
        .unwrap();
        let changes = list.snapshot().since(&before).changes().clone();
        assert_eq!(
            (
                changes.added.len(),
                changes.updated.len(),
                changes.removed.len()
            ),
            (1, 0, 1)
        );
    }

    proptest! {
        /// The changes between two lists are what a comparison of all their servers finds.
        #[test]
        fn changes_are_exactly_the_difference(
            steps in proptest::collection::vec((0..300_u64, 0..3_u8), 1..200),
            skip in 0..50_usize,
        ) {
            let mut list = List::default();
            list.apply(message(1, None, 0)).unwrap();
            let mut before = Snapshot::default();
            for (revision, (number, what)) in steps.iter().enumerate() {
                if revision == skip {
                    before = list.snapshot();
                }
                let from = revision as u64;
                let mut delta = message(1, Some(from), from + 1);
                match what {
                    0 => delta.removed.push(*number),
                    1 => delta.placed.push(placed(*number, "placed")),
                    _ => delta.updated.push((*number, format!("{revision}").into())),
                }
                list.apply(delta).unwrap();
            }
            let after = list.snapshot().since(&before);
            let (old, new) = (&before.servers, &after.servers);
            let added = new.keys().filter(|id| !old.contains_key(*id)).copied().collect();
            let removed = old.keys().filter(|id| !new.contains_key(*id)).copied().collect();
            let differs = |id: &&ServerId| old.get(*id).is_some_and(|server| server != &new[*id]);
            let updated = new.keys().filter(differs).copied().collect();
            prop_assert_eq!(after.changes(), &crate::Changes { added, updated, removed });
        }
    }
}
