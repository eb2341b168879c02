//! Every limit of the hall.

use std::time::Duration;

/// Limits on the cost of one peer, and of all peers together.
///
/// Worst case with the defaults: a player holds 10 KiB of an unfinished frame, one more frame that
/// is being executed, 1 MiB of unread messages, and a game description of 9 KiB. The kernel's
/// socket buffers come on top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Players logged in at one time, in all rooms and on the way there. Default 5,000, at most
    /// 50,001, which is the number of ids. When all are taken, the newest one of the addresses that
    /// have the most makes room for one from an address that has less than its share; others are
    /// refused.
    pub users: usize,
    /// The same, from one host (an IPv4 address or an IPv6 /64). Default 128. The next one is
    /// refused with a reason when logging in. A player who logs in without entering a room keeps
    /// the place until the token expires.
    pub users_per_host: usize,
    /// Players in one room, unless the room says otherwise. Default 1,000, shared by address in
    /// the same way. When all rooms are full, everybody is refused with code 13.
    pub players: usize,
    /// Connections to the login daemon at one time. Default 2,000. When all are taken, the newest
    /// one of the addresses that have the most makes room for one from an address that has less
    /// than its share; others are closed at once.
    pub logins: usize,
    /// The same, from one host (an IPv4 address or an IPv6 /64). Default 64.
    pub logins_per_host: usize,
    /// Connections to rooms at one time, all rooms together. Default 6,000, shared in the same way.
    pub seats: usize,
    /// The same, from one host. Default 256: as many as may log in from there, and as many that
    /// have not shown a token yet.
    pub seats_per_host: usize,
    /// Bytes of a player's name. Default 63; the rest is cut off
    /// (`docs/specifications/myth-metaserver.md`, section 22).
    pub name_bytes: usize,
    /// Bytes of an away text. Default 31; the rest is cut off.
    pub away_bytes: usize,
    /// Bytes of a message. Default 1,000; the rest is cut off.
    pub message_bytes: usize,
    /// Servers of the registry shown in each room. Default 500; the others are left out.
    pub native_games: usize,
    /// Bytes waiting for one player. Default 1 MiB; beyond it, the player is disconnected. Each
    /// frame counts 64 bytes more than its length, for the memory around it.
    pub queued_bytes: usize,
    /// Bytes that a player may send, or be sent in answer, at once. Default 768 KiB, less than may
    /// be queued. Beyond it, the player's frames are read at the rate below.
    pub burst_bytes: usize,
    /// The same on average, per second. Default 256 KiB.
    pub bytes_per_second: usize,
    /// Packets that a player may send at once. Default 60. Beyond it, they are read at the rate
    /// below.
    pub burst_packets: usize,
    /// The same on average, per second. Default 10: more than people type.
    pub packets_per_second: usize,
    /// The least time between two `.me` of one player. Default 15 s
    /// (`docs/specifications/myth-metaserver.md`, section 18).
    pub action_time: Duration,
    /// Connectivity tests that a player may request at once. Default 5.
    pub tests: usize,
    /// The time after which a player may request one more. Default 10 s.
    pub test_time: Duration,
    /// Connectivity tests of all players at one time. Default 64.
    pub tests_at_once: usize,
    /// Time from one packet to the next on a connection to the login daemon. Default 60 s
    /// (`docs/specifications/myth-metaserver.md`, section 20).
    pub login_silence: Duration,
    /// How long a connection to the login daemon may last. Default 5 minutes.
    pub login_time: Duration,
    /// Time from accepting a connection to a room until the player has entered. Default 20 s.
    pub entry_time: Duration,
    /// How long a player may be silent before being asked for a sign of life, and again before
    /// being disconnected. Default 10 s.
    pub keep_alive: Duration,
    /// How long a token is valid after the connection to the login daemon has ended. Default 15 s
    /// (`docs/specifications/myth-metaserver.md`, section 11).
    pub token_time: Duration,
    /// How long the lookup of a hub may take. Default 5 s.
    pub hub_time: Duration,
    /// How long a kicked player stays out. Default 60 s.
    pub kick_time: Duration,
    /// How long a closing connection may take to read what was sent to it. Default 5 s.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            users: 5_000,
            users_per_host: 128,
            players: 1_000,
            logins: 2_000,
            logins_per_host: 64,
            seats: 6_000,
            seats_per_host: 256,
            name_bytes: 63,
            away_bytes: 31,
            message_bytes: 1_000,
            native_games: 500,
            queued_bytes: 1024 * 1024,
            burst_bytes: 768 * 1024,
            bytes_per_second: 256 * 1024,
            burst_packets: 60,
            packets_per_second: 10,
            action_time: Duration::from_secs(15),
            tests: 5,
            test_time: Duration::from_secs(10),
            tests_at_once: 64,
            login_silence: Duration::from_secs(60),
            login_time: Duration::from_secs(300),
            entry_time: Duration::from_secs(20),
            keep_alive: Duration::from_secs(10),
            token_time: Duration::from_secs(15),
            hub_time: Duration::from_secs(5),
            kick_time: Duration::from_secs(60),
            linger: Duration::from_secs(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_in_bytes_are_as_documented() {
        let limits = Limits::default();
        assert_eq!(limits.queued_bytes, 1_048_576);
        assert_eq!(limits.burst_bytes, 786_432);
        assert_eq!(limits.bytes_per_second, 262_144);
    }
}
