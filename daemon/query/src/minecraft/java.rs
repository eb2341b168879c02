//! The questions to a server of the Java edition. It answers each over a connection of its own.

use super::{legacy, status};
use crate::{Target, dialogue::Call};

/// The questions, newest first: each is for servers that do not understand the one before.
pub(crate) fn calls(target: &Target) -> Vec<Call> {
    let Target { host, port, .. } = target;
    let legacy = |say| Call {
        say,
        hear: legacy::read,
    };
    vec![
        Call {
            say: status::question(host, *port),
            hear: status::read,
        },
        legacy(legacy::question(host, *port)),
        // Servers before 1.6 answer as soon as they have read what they know, and close. What they
        // have not read can cost them the answer.
        legacy(vec![0xfe, 1]),
        legacy(vec![0xfe]),
    ]
}
