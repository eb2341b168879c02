//! Places that drop guards give back, so that none is leaked on any path.

use super::{
    fair::{Admitted, Fair, Id, Refused},
    origin::Origin,
};
use parking_lot::Mutex;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// A pool of places, shared [fairly](Fair). Cheap to clone: clones are the same pool.
///
/// `T` is a way to notify the holder of a place that it has lost it, such as a cancellation token.
/// The caller chooses the type and does the notification.
///
/// ```
/// use metaserve::bounds::{Origin, Places, Room};
///
/// let places = Places::default();
/// let room = Room::new(1000, 16); // 1000 places, 16 for each address
/// let origin = Origin::new("192.0.2.1".parse()?);
/// let taken = places.take(origin, room, "how to tell the holder")?;
/// assert!(taken.instead_of.is_none()); // nobody had to go
///
/// assert_eq!(places.taken(), 1);
/// drop(taken.place); // given back
/// assert_eq!(places.taken(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Places<T> {
    fair: Arc<Mutex<Fair<T>>>,
    /// Places taken in this pool and the pools beside it.
    together: Arc<AtomicUsize>,
}

/// The number of places. It is passed with each call, since it may change while a program runs:
/// existing holders stay, and the number does not grow above the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Places in this pool.
    pub pool: usize,
    /// Places of one leaf: an IPv4 address, or an IPv6 /64.
    pub each_leaf: usize,
    /// Places in this pool and those [beside](Places::beside) it. When all are taken, a newcomer
    /// takes a place within its own pool. Choose it larger than the other pools together, so that
    /// this pool always has a place.
    pub together: usize,
}

impl Room {
    /// The room of a pool that has no pools beside it.
    #[must_use]
    pub const fn new(pool: usize, each_leaf: usize) -> Self {
        Self {
            pool,
            each_leaf,
            together: usize::MAX,
        }
    }

    /// The reason, with the number of places that was reached: of the pool, or of all pools.
    const fn refused(&self, why: Refused, total: usize) -> Refused {
        match why {
            Refused::Full(_, leaf) if total < self.pool => Refused::Together(self.together, leaf),
            why => why,
        }
    }
}

/// A place that was taken.
#[derive(Debug)]
#[must_use]
pub struct Taken<T> {
    /// The place of the newcomer.
    pub place: Place<T>,
    /// The holder that has lost its place, and should be notified. It no longer counts.
    pub instead_of: Option<T>,
}

/// One place, held until it is dropped or lost to another holder.
#[derive(Debug)]
#[must_use = "dropping it gives the place back"]
pub struct Place<T> {
    places: Places<T>,
    id: Id,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self {
            fair: Arc::default(),
            together: Arc::default(),
        }
    }
}

impl<T> Clone for Places<T> {
    fn clone(&self) -> Self {
        Self {
            fair: self.fair.clone(),
            together: self.together.clone(),
        }
    }
}

impl<T> Places<T> {
    /// Another pool, whose places count [together](Room::together) with those of this one.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self {
            fair: Arc::default(),
            together: self.together.clone(),
        }
    }

    /// Takes a place for a newcomer, if one is free or if it is fair that another holder makes
    /// room. `tell` is kept until the place is given up.
    ///
    /// # Errors
    /// Why there is no place.
    pub fn take(&self, origin: Origin, room: Room, tell: T) -> Result<Taken<T>, Refused> {
        let mut fair = self.fair.lock();
        // Counted first: a pool beside this one may be about to take the last place.
        let more = |taken| (taken < room.together).then_some(taken + 1);
        let order = Ordering::Relaxed;
        let one_more = self.together.fetch_update(order, order, more).is_ok();
        let total = if one_more { room.pool } else { fair.len() };
        let admitted = fair.admit(origin, total.min(room.pool), room.each_leaf, tell);
        let admitted = admitted.map_err(|why| room.refused(why, total));
        if one_more && !matches!(admitted, Ok(Admitted::AtOnce(_))) {
            self.together.fetch_sub(1, order);
        }
        let (id, instead_of) = match admitted? {
            Admitted::AtOnce(id) => (id, None),
            Admitted::InsteadOf { id, payload, .. } => (id, Some(payload)),
        };
        drop(fair);
        let place = Place {
            places: self.clone(),
            id,
        };
        Ok(Taken { place, instead_of })
    }

    /// Whether [`take`](Self::take) would succeed now. Nobody loses a place.
    ///
    /// # Errors
    /// Why it would fail.
    pub fn judge(&self, origin: Origin, room: Room) -> Result<(), Refused> {
        let fair = self.fair.lock();
        let full = self.together.load(Ordering::Relaxed) >= room.together;
        let total = if full { fair.len() } else { room.pool };
        fair.judge(origin, total.min(room.pool), room.each_leaf)
            .map_err(|why| room.refused(why, total))
            .map(drop)
    }

    /// The number of places taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.fair.lock().len()
    }
}

impl<T> Place<T> {
    /// The origin that the place counts for.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        self.id.origin()
    }

    /// Counts the place at another address, to which its holder has moved.
    ///
    /// # Errors
    /// When the leaf there already has `each_leaf` places, or this place has been lost. It does
    /// not move.
    pub fn move_to(&mut self, origin: Origin, each_leaf: usize) -> Result<(), Refused> {
        self.id = self
            .places
            .fair
            .lock()
            .move_to(self.id, origin, each_leaf)?;
        Ok(())
    }
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        let mut fair = self.places.fair.lock();
        let held = fair.release(self.id);
        if held.is_some() {
            self.places.together.fetch_sub(1, Ordering::Relaxed);
        }
        // The caller's value is dropped after the lock is released.
        drop(fair);
        drop(held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> Origin {
        Origin::new(address.parse().unwrap())
    }

    #[test]
    fn a_place_is_free_again_when_it_is_dropped() {
        let (places, room) = (Places::default(), Room::new(1, 9));
        let first = places.take(from("192.0.2.1"), room, ()).unwrap();
        let second = places.take(from("192.0.2.1"), room, ());
        assert_eq!(
            second.unwrap_err().to_string(),
            "all 1 places are taken, and 192.0.2.1 has its fair share of them"
        );
        drop(first);
        let _again = places.take(from("192.0.2.1"), room, ()).unwrap();
        assert_eq!(places.taken(), 1);
    }

    #[test]
    fn a_holder_that_loses_its_place_is_returned_once_and_gives_nothing_back() {
        let (places, room) = (Places::default(), Room::new(2, 9));
        let old = places.take(from("192.0.2.1"), room, "old").unwrap();
        let new = places.take(from("192.0.2.1"), room, "new").unwrap();
        assert_eq!(places.judge(from("198.51.100.1"), room), Ok(()));
        let lone = places.take(from("198.51.100.1"), room, "lone").unwrap();
        assert_eq!(lone.instead_of, Some("new"));
        drop(new);
        assert_eq!(places.taken(), 2);
        drop((old, lone));
        assert_eq!(places.taken(), 0);
        assert_eq!(places.together.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn pools_beside_each_other_share_a_bound_and_take_no_places_from_each_other() {
        let servers = Places::default();
        let clients = servers.beside();
        let room = Room {
            pool: 3,
            each_leaf: 9,
            together: 4,
        };
        let crowd: [_; 3] =
            std::array::from_fn(|_| clients.take(from("192.0.2.1"), room, "crowd").unwrap());
        let server = servers.take(from("192.0.2.1"), room, "server").unwrap();
        let full = servers.take(from("192.0.2.1"), room, "server");
        assert!(matches!(full.unwrap_err(), Refused::Together(4, _)));
        let judged = servers.judge(from("192.0.2.1"), room);
        assert!(matches!(judged, Err(Refused::Together(4, _))));
        let lone = clients.take(from("198.51.100.1"), room, "lone").unwrap();
        assert_eq!(lone.instead_of, Some("crowd"));
        assert_eq!((servers.taken(), clients.taken()), (1, 3));
        drop((crowd, server));
        let _room_again = servers.take(from("192.0.2.1"), room, "server").unwrap();
        assert_eq!(servers.together.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_holder_that_moves_counts_at_its_new_address() {
        let (places, room) = (Places::default(), Room::new(9, 1));
        let _there = places.take(from("198.51.100.1"), room, ()).unwrap();
        let mut moving = places.take(from("192.0.2.1"), room, ()).unwrap().place;
        assert!(moving.move_to(from("198.51.100.1"), 1).is_err());
        assert!(places.judge(from("192.0.2.1"), room).is_err());
        moving.move_to(from("198.51.100.2"), 1).unwrap();
        assert_eq!(places.judge(from("192.0.2.1"), room), Ok(()));
        assert!(places.judge(from("198.51.100.2"), room).is_err());
        drop(moving);
        assert_eq!(places.taken(), 1);
    }
}
