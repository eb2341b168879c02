//! Teeworlds and `DDNet`.

use crate::dialogue::Dialogue;

pub(crate) fn dialogue(_: crate::Protocol) -> Option<Box<dyn Dialogue>> {
    None
}
