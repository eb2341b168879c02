//! From messages to the list, pure.

use crate::{
    Error,
    snapshot::{Server, ServerId, Snapshot},
};
use metaserve::{
    Game,
    list::Cursor,
    protocol::client::{ListMessage, UpdatedServer},
};
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
    /// as it was; [`Error::UnknownServer`] when it changes a server that is not in ours, which is
    /// then of no more use.
    pub fn apply(&mut self, message: ListMessage) -> Result<(), Error> {
        let Snapshot {
            epoch,
            revision,
            servers,
            left_out,
            ..
        } = &mut self.snapshot;
        match message.from {
            None => {
                servers.clear();
                left_out.clear();
            }
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
            left_out.remove(&number);
        }
        for number in message.left_out {
            servers.remove(&id(number));
            left_out.insert(number);
        }
        for placed in message.placed {
            let server = Server::new(message.epoch, placed);
            left_out.remove(&server.id.number);
            servers.insert(server.id, Arc::new(server));
        }
        for UpdatedServer {
            number,
            heartbeat,
            extensions,
        } in message.updated
        {
            match servers.get_mut(&id(number)) {
                Some(server) => {
                    *server = Arc::new(Server {
                        heartbeat,
                        extensions,
                        ..Server::clone(server)
                    });
                }
                None if left_out.contains(&number) => {}
                None => return Err(Error::UnknownServer(number)),
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
    use metaserve::protocol::{client::PlacedServer, extensions::Extensions};
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
            extensions: Extensions::default(),
        }
    }

    fn updated(number: u64, heartbeat: impl Into<Bytes>) -> UpdatedServer {
        UpdatedServer {
            number,
            heartbeat: heartbeat.into(),
            extensions: Extensions::default(),
        }
    }

    fn message(epoch: u64, from: Option<u64>, to: u64) -> ListMessage {
        ListMessage {
            epoch,
            from,
            to,
            ..ListMessage::default()
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
            updated: vec![updated(1, "uno")],
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
    fn a_change_of_a_server_that_is_not_in_the_list_is_refused() {
        let mut list = List::default();
        list.apply(message(7, None, 10)).unwrap();
        let delta = ListMessage {
            updated: vec![updated(1, "who")],
            ..message(7, Some(10), 11)
        };
        let refused = list.apply(delta).unwrap_err();
        assert!(matches!(refused, Error::UnknownServer(1)), "{refused}");
    }

    /// A daemon with another rule for tags may list it; its changes say nothing to us.
    #[test]
    fn changes_of_a_server_that_was_left_out_are_ignored() {
        let mut list = List::default();
        list.apply(ListMessage {
            placed: vec![placed(1, "one")],
            left_out: vec![2],
            ..message(7, None, 10)
        })
        .unwrap();
        let mut list = List::resume(list.snapshot());
        let update = |from| ListMessage {
            updated: vec![updated(2, "two")],
            ..message(7, Some(from), from + 1)
        };
        list.apply(update(10)).unwrap();
        assert_eq!(heartbeats(&list).len(), 1);
        let gone = ListMessage {
            removed: vec![2],
            ..message(7, Some(11), 12)
        };
        list.apply(gone).unwrap();
        assert!(list.apply(update(12)).is_err());
    }

    #[test]
    fn an_update_replaces_all_extensions_of_its_server() {
        let extensions = |tag| Extensions::new([(tag, &b"x"[..])]).unwrap();
        let mut list = List::default();
        list.apply(ListMessage {
            placed: vec![PlacedServer {
                extensions: extensions(2),
                ..placed(1, "one")
            }],
            ..message(7, None, 10)
        })
        .unwrap();
        let id = ServerId {
            epoch: 7,
            number: 1,
        };
        let shown = |list: &List| list.snapshot().get(id).unwrap().extensions.clone();
        assert_eq!(shown(&list), extensions(2));
        list.apply(ListMessage {
            updated: vec![UpdatedServer {
                extensions: extensions(4),
                ..updated(1, "one")
            }],
            ..message(7, Some(10), 11)
        })
        .unwrap();
        assert_eq!(shown(&list), extensions(4));
    }

    #[test]
    fn a_list_of_one_game_is_not_resumed_for_another() {
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
                    _ if list.snapshot.servers.keys().any(|id| id.number == *number) => {
                        delta.updated.push(updated(*number, format!("{revision}")));
                    }
                    _ => {}
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
