//! The objects of a zone, and which of them a batch has changed.

use crate::{
    ids::ObjectId,
    object::{Object, Player},
};
use std::collections::BTreeMap;

/// Objects in the order of their ids. Remembers what each was before it was touched, until
/// [`changes`](Self::changes) is called.
#[derive(Debug, Default)]
pub(super) struct Objects {
    now: BTreeMap<ObjectId, Object>,
    before: BTreeMap<ObjectId, Option<Object>>,
}

/// What a batch has changed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// New or changed objects.
    pub(super) changed: Vec<Object>,
    /// Objects that are no longer there.
    pub(super) gone: Vec<ObjectId>,
}

impl Objects {
    /// Objects that are stored already.
    pub(super) fn stored(objects: Vec<Object>) -> Self {
        Self {
            now: objects.into_iter().map(|it| (it.id.clone(), it)).collect(),
            before: BTreeMap::new(),
        }
    }

    pub(super) fn get(&self, id: &ObjectId) -> Option<&Object> {
        self.now.get(id)
    }

    /// A player's object, and the player.
    pub(super) fn player(&self, id: &ObjectId) -> Option<(&Object, &Player)> {
        let object = self.now.get(id)?;
        Some((object, object.player.as_deref()?))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Object> {
        self.now.values()
    }

    /// The objects of players.
    pub(super) fn players(&self) -> impl Iterator<Item = &Object> {
        self.iter().filter(|it| it.player.is_some())
    }

    pub(super) fn len(&self) -> usize {
        self.now.len()
    }

    /// Changes an object.
    pub(super) fn get_mut(&mut self, id: &ObjectId) -> Option<&mut Object> {
        let object = self.now.get_mut(id)?;
        if !self.before.contains_key(id) {
            self.before.insert(id.clone(), Some(object.clone()));
        }
        Some(object)
    }

    /// Changes a player.
    pub(super) fn player_mut(&mut self, id: &ObjectId) -> Option<&mut Player> {
        self.player(id)?;
        self.get_mut(id)?.player.as_deref_mut()
    }

    /// Adds an object, in place of one of the same id.
    pub(super) fn insert(&mut self, object: Object) {
        let id = object.id.clone();
        let before = self.now.insert(id.clone(), object);
        self.before.entry(id).or_insert(before);
    }

    pub(super) fn remove(&mut self, id: &ObjectId) -> Option<Object> {
        let object = self.now.remove(id)?;
        self.before
            .entry(id.clone())
            .or_insert_with(|| Some(object.clone()));
        Some(object)
    }

    /// Has all objects be new.
    pub(super) fn renew(&mut self) {
        self.before = self.now.keys().map(|it| (it.clone(), None)).collect();
    }

    /// What an object was before the batch.
    pub(super) fn before(&self, id: &ObjectId) -> Option<&Object> {
        match self.before.get(id) {
            Some(before) => before.as_ref(),
            None => self.now.get(id),
        }
    }

    /// The ids of all objects that were touched in this batch.
    pub(super) fn touched(&self) -> Vec<ObjectId> {
        self.before.keys().cloned().collect()
    }

    /// What the batch has changed; begins a new one.
    pub(super) fn changes(&mut self) -> Changes {
        let mut changes = Changes::default();
        for (id, before) in std::mem::take(&mut self.before) {
            match self.now.get(&id) {
                Some(now) if before.as_ref() != Some(now) => changes.changed.push(now.clone()),
                None if before.is_some() => changes.gone.push(id),
                _ => {}
            }
        }
        changes
    }
}
