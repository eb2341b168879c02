//! Places that are shared fairly by address: whoever loses one is told.

use metaserve::bounds::{Origin, Place, Places, Refused, Room};
use tokio_util::sync::CancellationToken;

/// A pool of places, as `metaserve::bounds` shares them out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seats(Places<CancellationToken>);

/// One of them, until it is dropped or lost.
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

    /// A place for a newcomer. Gives too whether another has lost one for it, who is told.
    pub(crate) fn take(&self, origin: Origin, room: Room) -> Result<(Seat, Made), Refused> {
        let lost = CancellationToken::new();
        let taken = self.0.take(origin, room, lost.clone())?;
        let made = match taken.instead_of {
            None => Made::WasFree,
            Some(loser) => {
                loser.cancel();
                Made::OfAnother
            }
        };
        let place = taken.place;
        Ok((Seat { place, lost }, made))
    }

    /// Why `take` would give none.
    pub(crate) fn judge(&self, origin: Origin, room: Room) -> Result<(), Refused> {
        self.0.judge(origin, room)
    }

    /// How many are taken.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.0.taken()
    }
}

/// How there came to be room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    WasFree,
    OfAnother,
}

impl Seat {
    /// Waits until the place is given to somebody else. Cancel-safe.
    pub(crate) async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// For waiting where the seat itself is not.
    pub(crate) fn losing(&self) -> CancellationToken {
        self.lost.clone()
    }

    /// Its holder has moved to another address.
    pub(crate) fn move_to(&mut self, origin: Origin, each_leaf: usize) -> Result<(), Refused> {
        self.place.move_to(origin, each_leaf)
    }
}
