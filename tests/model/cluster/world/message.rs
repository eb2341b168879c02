//! What members say to each other.

use bytes::Bytes;
use metaserve::{
    feed::{Beat, Content, Frame},
    list::{Revision, Server, Stamp, Stated},
};

/// What a member says of its own servers.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) run: u64,
    pub(super) clock: Stamp,
    /// None: it is all that the member states.
    pub(super) from: Option<Revision>,
    pub(super) to: Revision,
    pub(super) removed: Vec<u64>,
    pub(super) listed: Vec<Stated>,
    pub(super) updated: Vec<(u64, Bytes)>,
    /// It has said everything up to that revision.
    pub(super) beat: Option<Beat>,
}

impl Message {
    /// A change of the own feed, or all of it.
    pub(super) fn of(run: u64, clock: Stamp, frame: &Frame) -> Self {
        let text = |server: &Server| (server.number, server.heartbeat.clone());
        let (removed, listed, updated) = match frame.content() {
            Content::Snapshot { servers, .. } => (Vec::new(), servers, Vec::new()),
            Content::Delta(delta) => {
                let updated = delta.updated.iter().map(text).collect();
                (delta.removed.clone(), &delta.placed, updated)
            }
        };
        Self {
            run,
            clock,
            from: frame.from(),
            to: frame.to(),
            removed,
            listed: listed.iter().cloned().map(Stated::from).collect(),
            updated,
            beat: None,
        }
    }
}
