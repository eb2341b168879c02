//! Mumble.

use crate::dialogue::Dialogue;

pub(crate) fn dialogue() -> Option<Box<dyn Dialogue>> {
    None
}
