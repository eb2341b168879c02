//! The live list of servers.

use super::{
    Change, Error, Options, State, standing::Standing, text::Text, thread::Lease, walk::Walk,
};
use futures::{FutureExt, StreamExt};
use metaserve_client::{Connector, Server, ServerId, Snapshot, Snapshots};
use std::{collections::HashMap, ffi::c_char};

/// A list: what the program sees of it changes only when it polls.
#[derive(Debug)]
pub(crate) struct List {
    /// None after its end.
    snapshots: Option<Snapshots>,
    standing: Standing,
    shown: Snapshot,
    /// Whether it has come before the program's first poll.
    unseen: bool,
    /// The one before, which still has the servers that were removed.
    before: Snapshot,
    walk: Walk<ServerId>,
    ids: Ids,
    texts: Texts,
    /// Dropped last.
    lease: Lease,
}

/// The program's numbers of the servers that are shown.
#[derive(Debug, Default)]
struct Ids {
    known: HashMap<ServerId, u64>,
    /// Those that were removed by the last poll.
    gone: Vec<ServerId>,
    last: u64,
}

/// Where the texts of a row are.
#[derive(Debug, Default)]
struct Texts {
    text: Text,
    game: Text,
    address: Text,
    second: Text,
    identity: Text,
}

/// A server for the program. Its pointers are good until the next call with the list.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: u64,
    pub(crate) heartbeat: *const u8,
    pub(crate) heartbeat_len: u32,
    pub(crate) game: *const c_char,
    pub(crate) address: *const c_char,
    pub(crate) second_address: *const c_char,
    pub(crate) identity: *const c_char,
}

impl List {
    pub(crate) fn open(options: &Options) -> Result<Self, Error> {
        let game = options.game()?;
        let connector: Connector = options.connector()?;
        let lease = Lease::new()?;
        let standing = Standing::default();
        let status = standing.clone();
        let snapshots = {
            let _inside = lease.enter();
            connector.ready()?;
            let mut maintain = metaserve_client::maintain(connector);
            if let Some(game) = game {
                maintain = maintain.game(game.as_str());
            }
            maintain.on_status(move |it| status.hear(it)).run()
        };
        let mut list = Self {
            snapshots: Some(snapshots),
            standing,
            shown: Snapshot::default(),
            unseen: false,
            before: Snapshot::default(),
            walk: Walk::default(),
            ids: Ids::default(),
            texts: Texts::default(),
            lease,
        };
        // This begins to connect.
        list.unseen = list.poll();
        Ok(list)
    }

    /// Whether there is a newer list, which is shown from now on.
    pub(crate) fn poll(&mut self) -> bool {
        if std::mem::take(&mut self.unseen) {
            return true;
        }
        let Some(snapshots) = &mut self.snapshots else {
            return false;
        };
        let polled = {
            let _inside = self.lease.enter();
            snapshots.next().now_or_never()
        };
        match polled {
            None => false,
            Some(Some(Ok(newer))) => {
                self.show(newer);
                true
            }
            Some(ended) => {
                let why = ended.and_then(Result::err);
                let why = why.map_or("the list has ended".into(), |error| error.to_string());
                self.standing.end(why);
                self.snapshots = None;
                false
            }
        }
    }

    fn show(&mut self, newer: Snapshot) {
        self.before = std::mem::replace(&mut self.shown, newer);
        let changes = self.shown.changes();
        self.ids.change(&changes.added, &changes.removed);
        let kinds = [
            (Change::Removed, &changes.removed),
            (Change::Updated, &changes.updated),
            (Change::Added, &changes.added),
        ];
        let each = kinds
            .iter()
            .flat_map(|(kind, ids)| ids.iter().map(|id| (*kind, *id)));
        self.walk.begin(each);
    }

    pub(crate) fn count(&self) -> usize {
        self.shown.len()
    }

    pub(crate) fn rewind(&mut self) {
        self.walk.rewind();
    }

    pub(crate) fn next(&mut self) -> Option<Row> {
        let shown = &self.shown;
        let id = self.walk.next(|| shown.servers().map(|server| server.id))?;
        Some(self.texts.row(self.ids.of(id), shown.get(id)?))
    }

    pub(crate) fn next_change(&mut self) -> Option<(Change, Row)> {
        let (kind, id) = self.walk.next_change()?;
        let list = match kind {
            Change::Removed => &self.before,
            Change::Added | Change::Updated => &self.shown,
        };
        Some((kind, self.texts.row(self.ids.of(id), list.get(id)?)))
    }

    pub(crate) fn state(&mut self) -> (State, *const c_char) {
        let text = self.texts.text.set(&self.standing.text());
        (self.standing.state(), text)
    }
}

impl Ids {
    fn change(&mut self, added: &[ServerId], removed: &[ServerId]) {
        for id in self.gone.drain(..) {
            self.known.remove(&id);
        }
        self.gone.extend(removed);
        for id in added {
            self.last += 1;
            self.known.insert(*id, self.last);
        }
    }

    fn of(&self, id: ServerId) -> u64 {
        self.known.get(&id).copied().unwrap_or_default()
    }
}

impl Texts {
    fn row(&mut self, id: u64, server: &Server) -> Row {
        let second = server.addresses.iter().find(|it| **it != server.address);
        Row {
            id,
            heartbeat: server.heartbeat.as_ptr(),
            heartbeat_len: u32::try_from(server.heartbeat.len()).unwrap_or(u32::MAX),
            game: self.game.set(server.game.as_str()),
            address: self.address.set(&server.address.to_string()),
            second_address: self.second.set_or_null(second),
            identity: self.identity.set_or_null(server.identity),
        }
    }
}
