//! Every limit of the VCMI lobby.

use std::time::Duration;

/// Limits on the cost of one peer, and of all peers together.
///
/// The defaults are those of `docs/specifications/vcmi-lobby.md`, section 13.5, where it names one.
/// Worst case with them: a lobby client holds 128 KiB of an unfinished frame, one more frame that
/// is being executed, and 1 MiB of text that it does not read; a waiting pipe holds 76 KiB; a pair
/// of pipes 128 KiB. The kernel's socket buffers come on top, for pipes those of
/// `socket_buffer_bytes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Lobby clients at one time. Default 50; the next one is sent `:>>ERROR:Server is full`.
    pub capacity: usize,
    /// The same, from one host (an IPv4 address or an IPv6 /64). Default 50. When all are taken,
    /// the newest client of the addresses that have the most makes room for one from an address
    /// that has less than its share.
    pub clients_per_host: usize,
    /// Pipe connections at one time. Default 1,024. When all are taken, the newest one of the
    /// addresses that have the most makes room for one from an address that has less than its
    /// share; others are closed at once, without a message.
    pub pipes: usize,
    /// The same, from one host (an IPv4 address or an IPv6 /64). Default 256: four full sessions.
    pub pipes_per_host: usize,
    /// Pipe connections of one session at one time. Default 64 (eight players need 14). Further
    /// ones are closed at once, without a message.
    pub pipes_per_session: usize,
    /// Connections that have not shown yet whether they are a lobby client or a pipe, and those
    /// that are being closed. Default 512. When all are taken, the newest one of the addresses that
    /// have the most makes room for one from an address that has less than its share; others are
    /// closed at once.
    pub undecided: usize,
    /// The same, from one host (an IPv4 address or an IPv6 /64). Default 64; more are closed at
    /// once.
    pub undecided_per_host: usize,
    /// Sessions remembered at one time. Default 4,096; beyond it, the session that has been without
    /// a connection for longest is forgotten. Must be larger than `pipes`, so that there is one.
    pub sessions: usize,
    /// Bytes in a lobby frame, and in the first frame of any connection. Default 128 KiB. A longer
    /// one ends the connection as soon as its length is read.
    pub lobby_frame_bytes: usize,
    /// Bytes in the second and third frame of a pipe. Default 4 KiB.
    pub pipe_frame_bytes: usize,
    /// Tags executed in one frame. Default 64; the rest of the frame is dropped.
    pub tags_per_frame: usize,
    /// Characters in a user name or room name. Default 64; a longer one is an invalid name.
    pub name_chars: usize,
    /// Characters kept of a password, version text, mod name or mod version. Default 256; the rest
    /// is cut off.
    pub text_chars: usize,
    /// Mods kept of one list. Default 1,024; the rest is left out.
    pub mods: usize,
    /// Bytes of text waiting for one lobby client. Default 1 MiB; beyond it, the client is
    /// disconnected. Each message counts 64 bytes more than its length, for the memory around it.
    pub queued_bytes: usize,
    /// Bytes that a lobby client may send at once, or have sent to everybody. Default 768 KiB,
    /// less than may be queued. Beyond it, its frames are read at the rate below.
    pub burst_bytes: usize,
    /// The same on average, per second. Default 256 KiB: more than people type, and what most
    /// connections can read.
    pub bytes_per_second: usize,
    /// Bytes kept of what a pipe sends before its partner arrives. Default 64 KiB; the rest is not
    /// read until then.
    pub early_bytes: usize,
    /// Bytes in transit in one direction of a pair of pipes. Default 64 KiB.
    pub pipe_buffer_bytes: usize,
    /// Bytes that the kernel may hold for a pipe, each way. Default 512 KiB. The system's own limit
    /// is often tens of MiB. A pipe carries at most this much per round trip: 5 MiB/s at 100 ms.
    pub socket_buffer_bytes: usize,
    /// Distinct addresses and distinct user names counted by the statistics. Default 65,536 of
    /// each; beyond it, the count stays there.
    pub counted: usize,
    /// Bytes published about one room. Default 8 KiB, which daemons accept by default. If a list
    /// of mods is too long, the last ones are left out.
    pub listing_bytes: usize,
    /// Time from accepting a connection to its first complete frame. Default 30 s.
    pub first_frame_time: Duration,
    /// Time from the first byte of a later frame to its last. Default 30 s.
    pub frame_time: Duration,
    /// Time from a lobby client's first frame to its login. Default 60 s.
    pub authorisation_time: Duration,
    /// Time from a pipe's first byte to the end of its handshake. Default 30 s.
    pub handshake_time: Duration,
    /// How long a session without a connection is kept. Default 1,800 s
    /// (`docs/specifications/vcmi-lobby.md`, section 12.4).
    pub session_time: Duration,
    /// How long a closing connection may take to read what was sent to it and to close its own
    /// side. Default 5 s.
    pub linger: Duration,
    /// How long the other pipe of a pair may be silent after one has ended, before it is closed as
    /// well. Default 2 s.
    pub half_close_silence: Duration,
    /// How long the other pipe of a pair may read none of the data for it after one has ended.
    /// Default 60 s.
    pub half_close_stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            capacity: 50,
            clients_per_host: 50,
            pipes: 1_024,
            pipes_per_host: 256,
            pipes_per_session: 64,
            undecided: 512,
            undecided_per_host: 64,
            sessions: 4_096,
            lobby_frame_bytes: 128 * 1024,
            pipe_frame_bytes: 4 * 1024,
            tags_per_frame: 64,
            name_chars: 64,
            text_chars: 256,
            mods: 1_024,
            queued_bytes: 1024 * 1024,
            burst_bytes: 768 * 1024,
            bytes_per_second: 256 * 1024,
            early_bytes: 64 * 1024,
            pipe_buffer_bytes: 64 * 1024,
            socket_buffer_bytes: 512 * 1024,
            counted: 65_536,
            listing_bytes: 8 * 1024,
            first_frame_time: Duration::from_secs(30),
            frame_time: Duration::from_secs(30),
            authorisation_time: Duration::from_secs(60),
            handshake_time: Duration::from_secs(30),
            session_time: Duration::from_secs(1_800),
            linger: Duration::from_secs(5),
            half_close_silence: Duration::from_secs(2),
            half_close_stall: Duration::from_secs(60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_in_bytes_are_as_documented() {
        let limits = Limits::default();
        assert_eq!(limits.lobby_frame_bytes, 131_072);
        assert_eq!(limits.pipe_frame_bytes, 4_096);
        assert_eq!(limits.queued_bytes, 1_048_576);
        assert_eq!(limits.burst_bytes, 786_432);
        assert_eq!(limits.bytes_per_second, 262_144);
        assert_eq!(limits.early_bytes, 65_536);
        assert_eq!(limits.pipe_buffer_bytes, 65_536);
        assert_eq!(limits.socket_buffer_bytes, 524_288);
        assert_eq!(limits.listing_bytes, 8_192);
    }
}
