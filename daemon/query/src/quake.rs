//! Quake and its descendants.

use crate::dialogue::Dialogue;

pub(crate) fn dialogue(_: crate::Protocol) -> Option<Box<dyn Dialogue>> {
    None
}
