//! Places that are shared fairly by address. A connection that loses its place is notified.

use metaserve::bounds::{Origin, Place, Places, Refused, Room};
use tokio_util::sync::CancellationToken;

/// A pool of places, as `metaserve::bounds` shares them out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seats(Places<CancellationToken>);

/// One place, held until it is dropped or lost.
#[derive(Debug)]
pub(crate) struct Seat {
    place: Place<CancellationToken>,
    lost: CancellationToken,
}

impl Seats {
    /// Another pool, whose places count together with those of this one.
    pub(crate) fn beside(&self) -> Self {
        Self(self.0.beside())
    }

    /// Takes a place for a newcomer. Also says whether another connection has lost its place for
    /// it; that one is notified.
    pub(crate) fn take(&self, origin: Origin, room: Room) -> Result<(Seat, Vacancy), Refused> {
        let lost = CancellationToken::new();
        let taken = self.0.take(origin, room, lost.clone())?;
        let vacancy = match taken.instead_of {
            None => Vacancy::Free,
            Some(loser) => {
                loser.cancel();
                Vacancy::TakenOver
            }
        };
        let place = taken.place;
        Ok((Seat { place, lost }, vacancy))
    }

    /// Why `take` would fail now.
    pub(crate) fn judge(&self, origin: Origin, room: Room) -> Result<(), Refused> {
        self.0.judge(origin, room)
    }

    /// The number of places taken.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.0.taken()
    }
}

/// How the place became available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vacancy {
    Free,
    TakenOver,
}

impl Seat {
    /// A token that is cancelled when the place is given to another connection.
    pub(crate) fn losing(&self) -> CancellationToken {
        self.lost.clone()
    }

    /// Counts the place at another address, to which its holder has moved.
    pub(crate) fn move_to(&mut self, origin: Origin, each_leaf: usize) -> Result<(), Refused> {
        self.place.move_to(origin, each_leaf)
    }
}
