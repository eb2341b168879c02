//! Handles: numbers that are looked up, never pointers that are followed.
//!
//! A handle says its kind, its place in a table, and how often that place was used before: a closed
//! handle, one of another kind and any other number are recognised.

use super::Error;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
};

/// What a program holds; 0 is none.
pub(crate) type Handle = usize;

const KIND_BITS: u32 = 3;
/// How many handles of a kind can be open: 2 million, and 8,192 where pointers have 32 bits.
const PLACE_BITS: u32 = if usize::BITS >= 64 { 21 } else { 13 };
/// How often a place is used: 8 million times, or 65,536. Handles have 47 bits at most, as pointers to
/// user memory have: some languages keep no more of a pointer.
const USE_BITS: u32 = if usize::BITS >= 64 { 23 } else { 16 };

/// All open handles of one kind.
pub(crate) struct Table<T> {
    kind: usize,
    /// Its name in messages.
    name: &'static str,
    places: Mutex<Places<T>>,
}

struct Places<T> {
    all: Vec<Place<T>>,
    /// The one that was freed first is used first.
    free: VecDeque<usize>,
}

struct Place<T> {
    uses: usize,
    /// None inside: another thread has closed it.
    value: Option<Arc<Mutex<Option<T>>>>,
}

impl<T> Table<T> {
    /// `kind` is 1 to 7, another one for each table.
    pub(crate) const fn new(kind: usize, name: &'static str) -> Self {
        Self {
            kind,
            name,
            places: Mutex::new(Places {
                all: Vec::new(),
                free: VecDeque::new(),
            }),
        }
    }

    /// A handle for the value.
    ///
    /// # Errors
    /// When there are too many.
    pub(crate) fn insert(&self, value: T) -> Result<Handle, Error> {
        let mut places = self.lock();
        let place = match places.free.pop_front() {
            Some(place) => place,
            None if places.all.len() >> PLACE_BITS == 0 => {
                places.all.push(Place {
                    uses: 0,
                    value: None,
                });
                places.all.len() - 1
            }
            None => {
                let name = self.name;
                return Err(Error::system(format!("there are too many open {name}s")));
            }
        };
        let it = &mut places.all[place];
        it.value = Some(Arc::new(Mutex::new(Some(value))));
        Ok(it.uses << (KIND_BITS + PLACE_BITS) | place << KIND_BITS | self.kind)
    }

    /// Does something with the value of a handle.
    ///
    /// # Errors
    /// When it is not an open handle, or another thread uses it at this moment.
    pub(crate) fn with<R>(
        &self,
        handle: Handle,
        act: impl FnOnce(&mut T) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let name = self.name;
        let value = self
            .lock()
            .find(self.kind, handle)
            .and_then(|it| it.value.clone());
        let closed = || {
            let what = match handle {
                0 => "NULL",
                _ => "closed, or not one",
            };
            Error::argument(format!("the {name} is {what}"))
        };
        let value = value.ok_or_else(closed)?;
        match value.try_lock() {
            Ok(mut value) => act(value.as_mut().ok_or_else(closed)?),
            Err(TryLockError::WouldBlock) => Err(Error::argument(format!(
                "another thread is using the {name}"
            ))),
            Err(TryLockError::Poisoned(_)) => Err(Error::system(format!(
                "the {name} had a fault before: close it"
            ))),
        }
    }

    /// Closes a handle, and returns its value; none if it is not open. A call of another thread that
    /// uses it is waited for: no call waits for anything.
    pub(crate) fn remove(&self, handle: Handle) -> Option<T> {
        let mut places = self.lock();
        let it = places.find(self.kind, handle)?;
        let value = it.value.take()?;
        it.uses += 1;
        if it.uses >> USE_BITS == 0 {
            let place = place_of(handle);
            places.free.push_back(place);
        }
        drop(places);
        let mut value = value.lock().unwrap_or_else(PoisonError::into_inner);
        value.take()
    }

    fn lock(&self) -> MutexGuard<'_, Places<T>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Places<T> {
    fn find(&mut self, kind: usize, handle: Handle) -> Option<&mut Place<T>> {
        let is_kind = handle & ((1 << KIND_BITS) - 1) == kind;
        let place = self.all.get_mut(place_of(handle)).filter(|_| is_kind)?;
        (place.uses == handle >> (KIND_BITS + PLACE_BITS)).then_some(place)
    }
}

const fn place_of(handle: Handle) -> usize {
    (handle >> KIND_BITS) & ((1 << PLACE_BITS) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(table: &Table<u8>, handle: Handle) -> Result<u8, String> {
        table.with(handle, |it| Ok(*it)).map_err(|error| error.text)
    }

    #[test]
    fn a_handle_is_its_value_until_it_is_closed_and_never_again() {
        let (table, other) = (Table::new(1, "list"), Table::new(2, "server"));
        let one = table.insert(1).unwrap();
        let two = table.insert(2).unwrap();
        assert_eq!((get(&table, one), get(&table, two)), (Ok(1), Ok(2)));
        let closed = Err("the list is closed, or not one".to_owned());
        assert_eq!(table.remove(one), Some(1));
        assert_eq!(
            (table.remove(one), get(&table, one)),
            (None, closed.clone())
        );
        let three = table.insert(3).unwrap();
        assert_eq!(place_of(three), place_of(one), "places are used again");
        assert_eq!(
            (get(&table, three), get(&table, one)),
            (Ok(3), closed.clone())
        );
        assert_eq!(get(&table, 0), Err("the list is NULL".to_owned()));
        for wrong in [
            other.insert(9).unwrap(),
            two + 8,
            two ^ 1,
            usize::MAX,
            0x7fff_dead_beef,
        ] {
            assert_eq!(get(&table, wrong), closed, "{wrong:x}");
            assert_eq!(table.remove(wrong), None);
        }
        assert_eq!(get(&table, two), Ok(2));
    }

    #[test]
    fn a_place_is_given_up_before_its_handles_repeat() {
        let table = Table::new(1, "list");
        let first = table.insert(0).unwrap();
        table.lock().all[0].uses = (1 << USE_BITS) - 1;
        table.remove(first);
        let last = first | ((1 << USE_BITS) - 1) << (KIND_BITS + PLACE_BITS);
        assert_eq!(table.remove(last), Some(0));
        assert_eq!(place_of(table.insert(1).unwrap()), 1);
        assert!(last < 1 << 47 || usize::BITS < 64);
    }

    #[test]
    fn a_thread_that_meets_another_one_is_told_and_does_not_wait() {
        let table = Table::new(1, "list");
        let one = table.insert(1).unwrap();
        let told = table.with(one, |_| Ok(get(&table, one)));
        assert_eq!(
            told.unwrap(),
            Err("another thread is using the list".to_owned())
        );
        assert_eq!(get(&table, one), Ok(1));
    }

    #[test]
    fn a_handle_that_another_thread_uses_is_closed_by_the_thread_that_closes_it() {
        let table = Table::new(1, "list");
        let one = table.insert(1).unwrap();
        std::thread::scope(|threads| {
            let closes = table
                .with(one, |_| {
                    let closes = threads.spawn(|| table.remove(one));
                    while get(&table, one) != Err("the list is closed, or not one".to_owned()) {
                        std::thread::yield_now();
                    }
                    Ok(closes)
                })
                .unwrap();
            assert_eq!(closes.join().unwrap(), Some(1));
        });
    }
}
